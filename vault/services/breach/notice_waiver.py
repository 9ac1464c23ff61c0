"""Deciding to tell no customer: one officer asks and says why, another human confirms."""

from __future__ import annotations

import hmac
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.errors import AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import noticing
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import breach_notices
from vault.storage.breach.breach_notices import Waiver
from vault.storage.unit_of_work import unit_of_work


def ask(parts: Parts, person: Person, incident_id: bytes, reason: str, now: datetime) -> None:
    """Ask that nobody be told, with the reason; it counts once another officer confirms it.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_released``: somebody is told already; ``notice_moved_on``: it was
            confirmed already.
        InvalidValue: ``reason_missing``, or the reason is too long.
        NotFound: there is no such incident.
    """
    steps.officer(parts, person, Action.NOTICE_WAIVED, now, incident_id)
    note = steps.checked_note(reason)
    if not note:
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        _refuse_released(work.connection, incident_id)
        sealed = parts.keys.current(work.connection).seal_person(incident_id, noticing.WAIVER, note)
        if not breach_notices.ask_waiver(
            work.connection, Waiver(incident_id, sealed, person.account_id, now, None, None)
        ):
            raise AlreadyDecided("notice_moved_on")
        asked = parts.event(
            now, person.actor(), Action.NOTICE_WAIVED, Outcome.DONE, incident=incident_id.hex(), mode="asked"
        )
        steps.enter(parts, work, incident_id, asked, note)
        work.commit()


def confirm(parts: Parts, person: Person, incident_id: bytes, digest: str, now: datetime) -> None:
    """Confirm as a second human that nobody is told.

    Args:
        parts: the vault's parts.
        person: another officer, who gave password and second factor a moment ago.
        incident_id: the incident.
        digest: of what they read, in hexadecimal digits: another reason, or another radius, needs another yes.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, ``own_notice``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_released``; ``notice_moved_on``.
        InvalidValue: ``notice_digest_differs``, field ``digest``.
        NotFound: there is no such incident, or nobody asked for it.
        StepUpNeeded: password and second factor are too old.
    """
    steps.officer(parts, person, Action.NOTICE_WAIVED, now, incident_id)
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        _refuse_released(work.connection, incident_id)
        waiver = breach_notices.waiver(work.connection, incident_id)
        if waiver is None:
            raise NotFound("notice")
        store = parts.keys.current(work.connection)
        signers = people.by_ids(work.connection, [waiver.asked_by, person.account_id])
        own = same_human(store, signers[waiver.asked_by], signers[person.account_id])
        if not own:
            read = digest.strip().lower().encode()
            if not hmac.compare_digest(read, noticing.waiver_digest(work.connection, store, waiver).hex().encode()):
                raise InvalidValue("notice_digest_differs", field="digest")
            if not breach_notices.confirm_waiver(work.connection, incident_id, person.account_id, waiver.asked_at, now):
                raise AlreadyDecided("notice_moved_on")
            done = parts.event(
                now,
                person.actor(),
                Action.NOTICE_WAIVED,
                Outcome.DONE,
                incident=incident_id.hex(),
                mode="confirmed",
                asked_by=signers[waiver.asked_by].work_number,
            )
            steps.enter(parts, work, incident_id, done)
            work.commit()
    if own:
        noticing.refuse(parts, person.actor(), Action.NOTICE_WAIVED, "own_notice", incident_id, now)


def _refuse_released(connection: Connection, incident_id: bytes) -> None:
    """Lock the incident, and let nobody decide to tell no customer once notices are on their way."""
    steps.open_matter(connection, incident_id)
    if breach_notices.has_released(connection, incident_id):
        raise AlreadyDecided("notice_released")
