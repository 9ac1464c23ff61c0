"""Closing reports: fixed once an incident is closed, in the transaction of the event that names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.breach.incidents import IncidentState
from vault.storage.tables import incident_reports, incidents

_column = incident_reports.c


@dataclass(frozen=True, slots=True)
class FixedReport:
    """One closing report.

    Args:
        incident_id: what it is about.
        fixed_at: UTC.
        digest: SHA-256 of the statement, hexadecimal.
        event_id: the event that names the digest.
        sealed_statement: the statement.
    """

    incident_id: bytes
    fixed_at: datetime
    digest: str
    event_id: bytes
    sealed_statement: bytes


def fix(connection: Connection, report: FixedReport) -> bool:
    """Write a report; it is never changed.

    Returns:
        Whether this call wrote it: of two at once, one does.
    """
    put = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = put(incident_reports).values(
        incident_id=report.incident_id,
        fixed_at=report.fixed_at,
        digest=report.digest,
        event_id=report.event_id,
        sealed_statement=report.sealed_statement,
    )
    made = row.on_conflict_do_nothing().returning(_column.incident_id)
    return connection.execute(made).first() is not None


def one(connection: Connection, incident_id: bytes) -> FixedReport | None:
    """Return the report of an incident; None before it is fixed."""
    columns = (_column.incident_id, _column.fixed_at, _column.digest, _column.event_id, _column.sealed_statement)
    row = connection.execute(select(*columns).where(_column.incident_id == incident_id)).first()
    return None if row is None else FixedReport(*row)


def unfixed(connection: Connection) -> list[bytes]:
    """Return the incidents that are closed and have no report yet."""
    there = exists().where(_column.incident_id == incidents.c.incident_id)
    query = select(incidents.c.incident_id).where(incidents.c.state == IncidentState.CLOSED.value, ~there)
    return [row[0] for row in connection.execute(query.order_by(incidents.c.closed_at))]
