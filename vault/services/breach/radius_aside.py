"""Setting a radius aside that was frozen by mistake, by two: it stays as evidence, and tells no more whom to tell."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.log import Action, Event, Outcome
from vault.domain.people import Person
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.radius_asides import REASON, aside_of
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import radius
from vault.storage.breach.radius import FrozenRadius
from vault.storage.unit_of_work import unit_of_work


def ask(parts: Parts, person: Person, incident_id: bytes, radius_id: bytes, reason: str, now: datetime) -> None:
    """Say that a radius was frozen by mistake, and why; it stands until another officer confirms that.

    Args:
        parts: the vault's parts.
        person: an officer, who may be the one who froze it.
        incident_id: an incident that is not closed.
        radius_id: one of its radii.
        reason: why; sealed. Another reason takes the place of one that nobody has confirmed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``radius_set_aside``: two have done it.
        InvalidValue: ``reason_missing`` or ``text_too_long``, field ``note``.
        NotFound: there is no such incident, or no such radius of it.
    """
    steps.officer(parts, person, Action.INCIDENT_RADIUS_SET_ASIDE, now, incident_id)
    note = steps.checked_note(reason)
    if not note:
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        one = _standing(work.connection, incident_id, radius_id)
        sealed = parts.keys.current(work.connection).seal_person(radius_id, REASON, note)
        if not radius.ask_aside(work.connection, radius_id, person.work_number, now, sealed):
            raise AlreadyDecided("radius_set_aside")
        steps.enter(parts, work, incident_id, _event(parts, person, one, Outcome.DONE, now, mode="asked"), note)
        work.commit()


def confirm(parts: Parts, person: Person, incident_id: bytes, radius_id: bytes, digest: str, now: datetime) -> None:
    """Confirm as a second human that a radius was frozen by mistake; the closing report names both and the reason.

    Args:
        parts: the vault's parts.
        person: another officer than who asked, who gave password and second factor a moment ago.
        incident_id: an incident that is not closed.
        radius_id: one of its radii.
        digest: of what they read, in hexadecimal digits.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; ``own_radius``: nobody takes customers out alone; logged.
        AlreadyDecided: ``incident_closed``; ``radius_set_aside``: somebody has confirmed it.
        InvalidValue: ``notice_digest_differs``, field ``digest``.
        NotFound: there is no such incident, no such radius of it, or nobody asked.
        StepUpNeeded: password and second factor are too old.
    """
    steps.officer(parts, person, Action.INCIDENT_RADIUS_SET_ASIDE, now, incident_id)
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        one = _standing(work.connection, incident_id, radius_id)
        store = parts.keys.current(work.connection)
        asked = aside_of(store, one)
        if asked is None or one.aside_asked_at is None:
            raise NotFound("radius")
        if _is_own(work.connection, store, person, one.aside_asked_by):
            work.announce(_event(parts, person, one, Outcome.REFUSED, now, rule="own_radius"))
            work.commit()
            raise AccessRefused("own_radius")
        if not hmac.compare_digest(digest.strip().lower().encode(), asked.digest.encode()):
            raise InvalidValue("notice_digest_differs", field="digest")
        if not radius.confirm_aside(work.connection, radius_id, one.aside_asked_at, person.work_number, now):
            raise AlreadyDecided("radius_set_aside")
        steps.enter(
            parts,
            work,
            incident_id,
            _event(parts, person, one, Outcome.DONE, now, mode="confirmed", asked_by=one.aside_asked_by),
        )
        work.commit()


def _standing(connection: Connection, incident_id: bytes, radius_id: bytes) -> FrozenRadius:
    """Lock the incident, and return a radius of it that is not set aside."""
    steps.open_matter(connection, incident_id)
    one = radius.one(connection, radius_id)
    if one is None or one.incident_id != incident_id:
        raise NotFound("radius")
    if not one.stands:
        raise AlreadyDecided("radius_set_aside")
    return one


def _is_own(connection: Connection, store: KeyStore, person: Person, asked_by: str) -> bool:
    if asked_by == person.work_number:
        return True
    asker = people.by_work_number(connection, asked_by)
    mine = people.by_ids(connection, [person.account_id])[person.account_id]
    return asker is not None and same_human(store, asker, mine)


def _event(
    parts: Parts,
    person: Person,
    one: FrozenRadius,
    outcome: Outcome,
    now: datetime,
    rule: str = "",
    **said: Any,  # noqa: ANN401 - facts
) -> Event:
    return parts.event(
        now,
        person.actor(),
        Action.INCIDENT_RADIUS_SET_ASIDE,
        outcome,
        rule=rule,
        incident=one.incident_id.hex(),
        count=one.counts.customers,
        digest=one.digest.hex(),
        **said,
    )
