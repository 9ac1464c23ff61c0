"""What an account still holds when its person leaves: counted before, and ended or handed on in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, and_, delete, func, or_, select, update

from vault.domain.ids import RecordClass
from vault.domain.records import RecordState
from vault.storage.tables import (
    access_requests,
    api_tokens,
    cases,
    grants,
    handovers,
    paper_boxes,
    password_history,
    records,
    recovery_codes,
    sessions,
)


@dataclass(frozen=True, slots=True)
class Held:
    """How much an account holds at this moment.

    Args:
        sessions: open sessions.
        tokens: tokens that were not ended.
        grants: grants that were not ended.
        requests: requests for access without an answer.
        handovers: hand-overs offered by them or to them, without an answer.
        cases: open cases.
        customers: customers they own.
        services: open consultations and complaints they handle.
        boxes: boxes of paper in their keeping.
    """

    sessions: int
    tokens: int
    grants: int
    requests: int
    handovers: int
    cases: int
    customers: int
    services: int
    boxes: int


def held(connection: Connection, account_id: bytes) -> Held:
    """Count what an account holds."""

    def how_many(table: FromClause, *conditions: ColumnElement[bool]) -> int:
        """Count the rows of a table that fit some conditions."""
        return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())

    return Held(
        sessions=how_many(sessions, sessions.c.account_id == account_id, sessions.c.ended_at.is_(None)),
        tokens=how_many(api_tokens, api_tokens.c.account_id == account_id, api_tokens.c.ended_at.is_(None)),
        grants=how_many(grants, grants.c.account_id == account_id, grants.c.ended_at.is_(None)),
        requests=how_many(access_requests, _asked(account_id)),
        handovers=how_many(handovers, _offered(account_id)),
        cases=how_many(cases, cases.c.held_by == account_id, cases.c.closed_at.is_(None)),
        customers=how_many(records, _owned(account_id, RecordClass.CUSTOMER)),
        services=how_many(records, _owned(account_id, RecordClass.SERVICE_RECORD)),
        boxes=how_many(paper_boxes, paper_boxes.c.custodian == account_id, paper_boxes.c.witnessed_by.is_(None)),
    )


def open_cases(connection: Connection, account_id: bytes) -> list[tuple[bytes, str]]:
    """List a person's open cases as (case id, purpose), oldest first."""
    query = (
        select(cases.c.case_id, cases.c.purpose)
        .where(cases.c.held_by == account_id, cases.c.closed_at.is_(None))
        .order_by(cases.c.opened_at, cases.c.case_id)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def records_to_hand_on(connection: Connection, account_id: bytes) -> list[bytes]:
    """List the customers a person owns and the open services they handle; nobody else changes them meanwhile."""
    query = (
        select(records.c.record_id)
        .where(or_(_owned(account_id, RecordClass.CUSTOMER), _owned(account_id, RecordClass.SERVICE_RECORD)))
        .order_by(records.c.record_id)
        .with_for_update()  # SQLite has one writer anyway, and no such clause
    )
    return list(connection.execute(query).scalars())


def end_requests(connection: Connection, account_id: bytes, at: datetime) -> int:
    """End a person's requests for access that have no answer; returns how many."""
    ended = update(access_requests).where(_asked(account_id)).values(state="ended", decided_at=at)
    return connection.execute(ended).rowcount


def forget_secrets(connection: Connection, account_id: bytes) -> None:
    """Remove a person's earlier password hashes and recovery codes."""
    connection.execute(delete(password_history).where(password_history.c.account_id == account_id))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))


def _asked(account_id: bytes) -> ColumnElement[bool]:
    return and_(access_requests.c.asked_by == account_id, access_requests.c.state == "asked")


def _offered(account_id: bytes) -> ColumnElement[bool]:
    party = or_(handovers.c.from_account == account_id, handovers.c.to_account == account_id)
    return and_(party, handovers.c.state == "offered")


def _owned(account_id: bytes, record_class: RecordClass) -> ColumnElement[bool]:
    owned = and_(records.c.owner_id == account_id, records.c.record_class == record_class.value)
    if record_class is RecordClass.SERVICE_RECORD:  # who handled a settled one stays on record
        return and_(owned, records.c.state == RecordState.OPEN.value)
    return owned
