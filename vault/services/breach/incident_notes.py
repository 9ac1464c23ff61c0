"""Notes of incidents end: some years after the closing what people typed is removed, and that is a line itself (BR-03).

A note may name a customer although it should not. The lines, their events and the closing report stay.
"""

from __future__ import annotations

from datetime import datetime

from vault.domain.log import Action, Actor, Outcome
from vault.domain.retention import Keep, expires_at
from vault.services.steps.breach import incidents as steps
from vault.services.steps.parts import Parts
from vault.storage import clock_marks
from vault.storage.breach import incident_notes
from vault.storage.unit_of_work import unit_of_work


def tend(parts: Parts, now: datetime) -> int:
    """Remove the notes of incidents whose years are over; nothing while a jump of the clock waits for an officer.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        Of how many incidents.
    """
    keep, zone = Keep(years=parts.policy.incidents.notes_years), parts.policy.zone
    with parts.database.read() as connection:
        mark = clock_marks.read(connection)
        closed = incident_notes.with_notes(connection, now)
    if mark is not None and mark.jumped_from is not None:
        return 0
    return sum(_remove(parts, one, now) for one, closed_at in closed if expires_at(closed_at, keep, zone) <= now)


def _remove(parts: Parts, incident_id: bytes, now: datetime) -> bool:
    with unit_of_work(parts.database) as work:
        steps.matter(work.connection, incident_id, locked=True)
        count = incident_notes.remove(work.connection, incident_id)
        if not count:  # another process was first
            return False
        system = Actor("system", "system", node=parts.node)
        event = parts.event(
            steps.effective(work.connection, now),
            system,
            Action.INCIDENT_NOTES_REMOVED,
            Outcome.DONE,
            rule=parts.policy.incidents.id,
            incident=incident_id.hex(),
            count=count,
        )
        steps.enter(parts, work, incident_id, event)
        work.commit()
    return True
