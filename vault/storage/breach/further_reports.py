"""Reports of one person that are counted on a line of their incident, since a line each would bury the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from vault.domain.log import Action
from vault.storage.tables import further_reports, incident_entries


@dataclass(frozen=True, slots=True)
class Further:
    """What is counted on one line.

    Args:
        line_id: the event of the line.
        count: how many reports.
        newest_at: when the last of them came, UTC.
        newest_id: its event, under which the notes are sealed.
        sealed_notes: what was typed with them, the newest first; None if nothing was.
    """

    line_id: bytes
    count: int
    newest_at: datetime
    newest_id: bytes
    sealed_notes: bytes | None


def lines(connection: Connection, incident_id: bytes, since: datetime, limit: int) -> list[bytes]:
    """List the events of the lines of an incident that are reports after some time, the newest first.

    Args:
        connection: an open connection.
        incident_id: the incident.
        since: UTC, not included.
        limit: so many at most.
    """
    column = incident_entries.c
    query = select(column.event_id).where(
        column.incident_id == incident_id, column.at > since, column.action == Action.INCIDENT_REPORTED.value
    )
    query = query.order_by(column.at.desc(), column.arrival.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def of_line(connection: Connection, line_id: bytes) -> Further | None:
    """Return what is counted on a line; None for nothing."""
    row = connection.execute(select(further_reports).where(further_reports.c.line_id == line_id)).first()
    return None if row is None else Further(*row)


def of_incident(connection: Connection, incident_id: bytes) -> dict[bytes, Further]:
    """Return what is counted on the lines of an incident, by the event of the line."""
    query = select(further_reports).join(incident_entries, incident_entries.c.event_id == further_reports.c.line_id)
    rows = connection.execute(query.where(incident_entries.c.incident_id == incident_id))
    return {row.line_id: Further(*row) for row in rows}


def put(connection: Connection, one: Further) -> None:
    """Write what is counted on a line; the caller has locked its incident."""
    values = {
        "count": one.count,
        "newest_at": one.newest_at,
        "newest_id": one.newest_id,
        "sealed_notes": one.sealed_notes,
    }
    there = update(further_reports).where(further_reports.c.line_id == one.line_id).values(**values)
    if connection.execute(there).rowcount == 0:
        connection.execute(insert(further_reports).values(line_id=one.line_id, **values))
