"""Cases and requests for access."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from vault.domain.ids import RecordClass
from vault.storage.tables import access_requests, case_records, cases, records


@dataclass(frozen=True, slots=True)
class Case:
    """One case: a random id, a purpose, who opened it and when, and who holds it now; no free-text reference exists."""

    case_id: bytes
    purpose: str
    opened_by: bytes
    opened_at: datetime
    closed_at: datetime | None
    held_by: bytes


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """One request for access as its asker sees it."""

    request_id: bytes
    case_id: bytes
    identifier_kind: str
    asked_at: datetime
    state: str


_CASE = select(cases).where(cases.c.case_id == bindparam("case_id"))
_RECORDS = select(case_records.c.record_id).where(case_records.c.case_id == bindparam("case_id"))


def case(connection: Connection, case_id: bytes) -> Case | None:
    """Return one case."""
    row = connection.execute(_CASE, {"case_id": case_id}).first()
    return None if row is None else Case(*row)


def records_of(connection: Connection, case_id: bytes) -> frozenset[bytes]:
    """Return the records this case was opened on."""
    return frozenset(connection.execute(_RECORDS, {"case_id": case_id}).scalars())


def held_by(connection: Connection, account_id: bytes, limit: int) -> list[Case]:
    """List a person's cases: the open ones first, each part newest first."""
    query = (
        select(cases)
        .where(cases.c.held_by == account_id)
        .order_by(cases.c.closed_at.is_not(None), cases.c.opened_at.desc())
        .limit(limit)
    )
    return [Case(*row) for row in connection.execute(query)]


def close(connection: Connection, case_id: bytes, at: datetime) -> bool:
    """Close an open case.

    Returns:
        Whether it was open until now; of two who close it at once, one gets True.
    """
    query = update(cases).where(cases.c.case_id == case_id, cases.c.closed_at.is_(None)).values(closed_at=at)
    return connection.execute(query).rowcount == 1


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


def asked_by(connection: Connection, account_id: bytes, limit: int) -> list[AskedRequest]:
    """List a person's requests for access, newest first."""
    column = access_requests.c
    query = (
        select(column.request_id, column.case_id, column.identifier_kind, column.asked_at, column.state)
        .where(column.asked_by == account_id)
        .order_by(column.asked_at.desc())
        .limit(limit)
    )
    return [AskedRequest(*row) for row in connection.execute(query)]
