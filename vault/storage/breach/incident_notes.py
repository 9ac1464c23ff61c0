"""What people typed about incidents, for removing it once its time is over; the lines and their events stay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, or_, select, update

from vault.domain.breach.incidents import IncidentState
from vault.storage.tables import further_reports, incident_clocks, incident_entries, incident_reports, incidents


def with_notes(connection: Connection, before: datetime) -> list[tuple[bytes, datetime]]:
    """List the incidents that were closed before a moment and still have notes, with when they were closed.

    One whose closing report is not fixed yet is left out: the report is made of them.

    Args:
        connection: an open connection.
        before: UTC.
    """
    column, entry, clock = incidents.c, incident_entries.c, incident_clocks.c
    of_line = further_reports.c.line_id == entry.event_id
    has_more = exists().where(of_line, further_reports.c.sealed_notes.is_not(None))
    noted = exists().where(entry.incident_id == column.incident_id, or_(entry.sealed_note.is_not(None), has_more))
    reasoned = exists().where(clock.incident_id == column.incident_id, clock.sealed_reason.is_not(None))
    query = select(column.incident_id, column.closed_at).where(
        column.state == IncidentState.CLOSED.value,
        column.closed_at < before,
        or_(noted, reasoned),
        exists().where(incident_reports.c.incident_id == column.incident_id),
    )
    return [(row[0], row[1]) for row in connection.execute(query.order_by(column.closed_at, column.incident_id))]


def remove(connection: Connection, incident_id: bytes) -> int:
    """Remove the notes of an incident: those of its lines, what was counted on them, and why clocks were late.

    Returns:
        How many there were.
    """
    entry, clock, more = incident_entries.c, incident_clocks.c, further_reports.c
    lines = select(entry.event_id).where(entry.incident_id == incident_id)
    removals = (
        update(incident_entries)
        .where(entry.incident_id == incident_id, entry.sealed_note.is_not(None))
        .values(sealed_note=None),
        update(further_reports)
        .where(more.line_id.in_(lines), more.sealed_notes.is_not(None))
        .values(sealed_notes=None),
        update(incident_clocks)
        .where(clock.incident_id == incident_id, clock.sealed_reason.is_not(None))
        .values(sealed_reason=None),
    )
    return sum(connection.execute(one).rowcount for one in removals)
