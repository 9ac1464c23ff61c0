"""Setting a radius aside that was frozen by mistake: it stays as evidence, and says no more who is to be told."""

from __future__ import annotations

from datetime import datetime

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.radius import REASON
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import radius
from vault.storage.unit_of_work import unit_of_work


def set_aside(parts: Parts, person: Person, incident_id: bytes, radius_id: bytes, reason: str, now: datetime) -> None:
    """Say that a radius was frozen by mistake, so that nobody is told for its sake; the closing report says so too.

    Args:
        parts: the vault's parts.
        person: another officer than who froze it, who gave password and second factor a moment ago.
        incident_id: an incident that is not closed.
        radius_id: one of its radii.
        reason: why; sealed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; ``own_radius``: nobody takes customers out alone; logged.
        AlreadyDecided: ``incident_closed``; ``radius_set_aside``: somebody has done it.
        InvalidValue: ``reason_missing`` or ``text_too_long``, field ``note``.
        NotFound: there is no such incident, or no such radius of it.
        StepUpNeeded: password and second factor are too old.
    """
    steps.officer(parts, person, Action.INCIDENT_RADIUS_SET_ASIDE, now, incident_id)
    require_fresh(parts, person, now)
    note = steps.checked_note(reason)
    if not note:
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        steps.open_matter(work.connection, incident_id)
        one = radius.one(work.connection, radius_id)
        if one is None or one.incident_id != incident_id:
            raise NotFound("radius")
        store = parts.keys.current(work.connection)
        own = one.drawn_by == person.work_number
        drawer = None if own else people.by_work_number(work.connection, one.drawn_by)
        if drawer is not None:
            mine = people.by_ids(work.connection, [person.account_id])[person.account_id]
            own = same_human(store, drawer, mine)
        rule = "own_radius" if own else ""
        event = parts.event(
            now,
            person.actor(),
            Action.INCIDENT_RADIUS_SET_ASIDE,
            Outcome.REFUSED if own else Outcome.DONE,
            rule=rule,
            incident=incident_id.hex(),
            count=one.counts.customers,
            digest=one.digest.hex(),
        )
        if own:
            work.announce(event)
            work.commit()
            raise AccessRefused(rule)
        sealed = store.seal_person(radius_id, REASON, note)
        if not radius.set_aside(work.connection, radius_id, person.work_number, now, sealed):
            raise AlreadyDecided("radius_set_aside")
        steps.enter(parts, work, incident_id, event, note)
        work.commit()
