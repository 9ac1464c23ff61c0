"""Cases, and the records each was opened on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.ids import RecordClass
from vault.storage.tables import case_records, cases, records


@dataclass(frozen=True, slots=True)
class Case:
    """One case: a random id, a purpose, who opened it and when, and who holds it now; no free-text reference exists."""

    case_id: bytes
    purpose: str
    opened_by: bytes
    opened_at: datetime
    closed_at: datetime | None
    held_by: bytes


_CASE = select(cases).where(cases.c.case_id == bindparam("case_id"))
_RECORDS = select(case_records.c.record_id).where(case_records.c.case_id == bindparam("case_id"))


def case(connection: Connection, case_id: bytes) -> Case | None:
    """Return one case."""
    row = connection.execute(_CASE, {"case_id": case_id}).first()
    return None if row is None else Case(*row)


def records_of(connection: Connection, case_id: bytes) -> frozenset[bytes]:
    """Return the records this case was opened on."""
    return frozenset(connection.execute(_RECORDS, {"case_id": case_id}).scalars())


def locked_open(connection: Connection, case_id: bytes) -> Case | None:
    """Return a case if it is open, and keep it so until this transaction ends: nobody closes or moves it meanwhile."""
    row = connection.execute(
        select(cases).where(cases.c.case_id == case_id, cases.c.closed_at.is_(None)).with_for_update()
    ).first()
    return None if row is None else Case(*row)


def start(connection: Connection, new: Case) -> None:
    """Store a case that somebody opens."""
    values = {name: getattr(new, name) for name in new.__dataclass_fields__}
    connection.execute(insert(cases).values(**values))


def bind(connection: Connection, case_id: bytes, record_ids: Iterable[bytes]) -> None:
    """Note what a case leads on to, each record once."""
    rows = [{"case_id": case_id, "record_id": one} for one in record_ids]
    put = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(put(case_records).on_conflict_do_nothing(), rows)


def held_by(connection: Connection, account_id: bytes, limit: int) -> list[Case]:
    """List a person's cases: the open ones first, each part newest first."""
    query = (
        select(cases)
        .where(cases.c.held_by == account_id)
        .order_by(cases.c.closed_at.is_not(None), cases.c.opened_at.desc())
        .limit(limit)
    )
    return [Case(*row) for row in connection.execute(query)]


def close(connection: Connection, case_id: bytes, held_by: bytes, at: datetime) -> bool:
    """Close an open case of somebody.

    Returns:
        Whether it was open and theirs until now; of two who close it at once, one gets True.
    """
    query = update(cases).where(cases.c.case_id == case_id, cases.c.held_by == held_by, cases.c.closed_at.is_(None))
    return connection.execute(query.values(closed_at=at)).rowcount == 1


def move(connection: Connection, case_id: bytes, held_by: bytes, to_account: bytes) -> bool:
    """Give an open case to somebody else; returns whether it was open and still held by whom it was taken from."""
    query = update(cases).where(cases.c.case_id == case_id, cases.c.held_by == held_by, cases.c.closed_at.is_(None))
    return connection.execute(query.values(held_by=to_account)).rowcount == 1


def leading_records(connection: Connection, case_ids: Collection[bytes]) -> dict[bytes, bytes]:
    """Return by case the record to go on from: a shipment, which names its parties, before a customer."""
    query = (
        select(case_records.c.case_id, case_records.c.record_id)
        .join(records, records.c.record_id == case_records.c.record_id)
        .where(case_records.c.case_id.in_(case_ids))
        .order_by(records.c.record_class != RecordClass.SHIPMENT.value)
    )
    found: dict[bytes, bytes] = {}
    for case_id, record_id in connection.execute(query):
        found.setdefault(case_id, record_id)
    return found
