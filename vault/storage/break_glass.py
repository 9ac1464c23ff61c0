"""Access in an emergency: requests, votes, and the grants that an opened one gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, select, update

from vault.domain.emergency import Emergency, Stage, Vote
from vault.domain.requests import GrantKind
from vault.storage.tables import accounts, break_glass, break_glass_votes, cases, grants, notifications


@dataclass(frozen=True, slots=True)
class Listed:
    """One request with who asked, for lists."""

    emergency: Emergency
    asker: str
    purpose: str


_COLUMNS = (
    break_glass.c.break_glass_id,
    break_glass.c.case_id,
    break_glass.c.asked_by,
    break_glass.c.profile,
    break_glass.c.reason,
    break_glass.c.identifier_kind,
    break_glass.c.asked_at,
    break_glass.c.state,
    break_glass.c.owner_contact,
    break_glass.c.owner_called_at,
    break_glass.c.second_person,
    break_glass.c.opened_at,
    break_glass.c.expires_at,
    break_glass.c.review_due_at,
    break_glass.c.reviewed_by,
    break_glass.c.reviewed_at,
    break_glass.c.finding,
)


def _emergency(row: Row[*tuple[Any, ...]]) -> Emergency:
    values = row._mapping  # noqa: SLF001 - the documented name of a row's mapping
    told = {column.name: values[column.name] for column in _COLUMNS}
    return Emergency(**(told | {"state": Stage(told["state"])}))


def one(connection: Connection, break_glass_id: bytes, *, locked: bool = False) -> Emergency | None:
    """Return one request; locked, nobody else changes it until this transaction ends."""
    query = select(*_COLUMNS).where(break_glass.c.break_glass_id == break_glass_id)
    row = connection.execute(query.with_for_update() if locked else query).first()
    return None if row is None else _emergency(row)


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a request."""
    connection.execute(insert(break_glass).values(**values))


def lock_case(connection: Connection, case_id: bytes) -> None:
    """Keep others from asking on a case until this transaction ends."""
    connection.execute(select(cases.c.case_id).where(cases.c.case_id == case_id).with_for_update())


def waiting_on(connection: Connection, case_id: bytes, asked_after: datetime) -> bool:
    """Return whether a request on a case still waits for its approvers or for being opened."""
    column = break_glass.c
    query = select(func.count()).where(
        column.case_id == case_id,
        column.state.in_((Stage.ASKED.value, Stage.APPROVED.value)),
        column.asked_at > asked_after,
    )
    return bool(connection.execute(query).scalar_one())


def review_missed(connection: Connection, account_id: bytes, now: datetime) -> bool:
    """Return whether an access somebody opened has not been reviewed by the time it was due."""
    column = break_glass.c
    query = select(func.count()).where(column.asked_by == account_id, *_UNREVIEWED, column.review_due_at <= now)
    return bool(connection.execute(query).scalar_one())


def change(connection: Connection, break_glass_id: bytes, of: Collection[Stage], values: Mapping[str, Any]) -> bool:
    """Set columns of a request that is still in one of some states; returns whether it was."""
    query = update(break_glass).where(
        break_glass.c.break_glass_id == break_glass_id, break_glass.c.state.in_([stage.value for stage in of])
    )
    return connection.execute(query.values(**values)).rowcount == 1


def vote(connection: Connection, break_glass_id: bytes, account_id: bytes, given: Mapping[str, Any]) -> None:
    """Insert a vote; the key of the table lets nobody vote twice."""
    connection.execute(insert(break_glass_votes).values(break_glass_id=break_glass_id, account_id=account_id, **given))


def votes(connection: Connection, break_glass_id: bytes) -> list[Vote]:
    """List the votes on a request, first one first."""
    column = break_glass_votes.c
    query = (
        select(column.account_id, accounts.c.work_number, column.approved, column.reason, column.at)
        .join(accounts, accounts.c.account_id == column.account_id)
        .where(column.break_glass_id == break_glass_id)
        .order_by(column.at, accounts.c.work_number)
    )
    return [Vote(*row) for row in connection.execute(query)]


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Remove requests before a moment, with their votes, so many at most; returns how many.

    One that awaits its review stays, and so does one of an open case: what was typed there proves no caller.
    """
    ids = connection.execute(
        select(break_glass.c.break_glass_id)
        .join(cases, cases.c.case_id == break_glass.c.case_id)
        .where(break_glass.c.asked_at < before, cases.c.closed_at.is_not(None), ~and_(*_UNREVIEWED))
        .limit(limit)
    )
    some = list(ids.scalars())
    if not some:
        return 0
    connection.execute(delete(break_glass_votes).where(break_glass_votes.c.break_glass_id.in_(some)))
    return connection.execute(delete(break_glass).where(break_glass.c.break_glass_id.in_(some))).rowcount


def purpose_of(connection: Connection, case_id: bytes) -> str:
    """Return the purpose of a case that is there, open or closed."""
    return str(connection.execute(select(cases.c.purpose).where(cases.c.case_id == case_id)).scalar_one())


def was_told(connection: Connection, account_id: bytes, break_glass_id: bytes) -> bool:
    """Return whether a person was sent a notice about a request."""
    column = notifications.c
    query = select(func.count()).where(column.account_id == account_id, column.about == break_glass_id)
    return bool(connection.execute(query).scalar_one())


# -- lists -------------------------------------------------------------------------------------------------------

_UNREVIEWED = (
    break_glass.c.state.in_((Stage.OPENED.value, Stage.ENDED.value)),
    break_glass.c.opened_at.is_not(None),
)


def asked_by(connection: Connection, account_id: bytes, limit: int) -> list[Listed]:
    """List the requests of a person, newest first."""
    query = _listing(break_glass.c.asked_by == account_id).order_by(break_glass.c.asked_at.desc())
    return _listed(connection, query, limit)


def to_approve(
    connection: Connection, account_id: bytes, profiles: Collection[str], asked_after: datetime, limit: int
) -> list[Listed]:
    """List the requests of others that wait for approval and on which a person has not voted, oldest first."""
    voted = select(break_glass_votes.c.break_glass_id).where(break_glass_votes.c.account_id == account_id)
    column = break_glass.c
    query = _listing(
        column.state == Stage.ASKED.value,
        column.asked_at > asked_after,
        column.asked_by != account_id,
        column.profile.in_(list(profiles)),
        column.break_glass_id.not_in(voted),
    )
    return _listed(connection, query.order_by(column.asked_at), limit)


def to_review(connection: Connection, limit: int) -> list[Listed]:
    """List what was opened and not reviewed yet, what is due first at the head."""
    return _listed(connection, _listing(*_UNREVIEWED).order_by(break_glass.c.review_due_at), limit)


def _listing(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(*_COLUMNS, accounts.c.work_number, cases.c.purpose)
        .join(accounts, accounts.c.account_id == break_glass.c.asked_by)
        .join(cases, cases.c.case_id == break_glass.c.case_id)
        .where(*conditions)
    )


def _listed(connection: Connection, query: Select[*tuple[Any, ...]], limit: int) -> list[Listed]:
    rows = connection.execute(query.limit(limit))
    return [Listed(_emergency(row), row.work_number, row.purpose) for row in rows]


# -- the grants of an opened one ---------------------------------------------------------------------------------


def opens(
    connection: Connection, case_id: bytes, account_id: bytes, customers: Collection[bytes], now: datetime
) -> bool:
    """Return whether an access in an emergency is open to a person on one of some customers, in a case."""
    query = select(func.count()).where(
        grants.c.case_id == case_id,
        grants.c.kind == GrantKind.BREAK_GLASS.value,
        grants.c.account_id == account_id,
        grants.c.record_id.in_(list(customers)),
        grants.c.ended_at.is_(None),
        grants.c.expires_at > now,
    )
    return bool(connection.execute(query).scalar_one())


def end_grants(connection: Connection, emergency: Emergency, at: datetime) -> int:
    """End what an opened request gave; returns how many grants it was."""
    query = update(grants).where(*_given_by(emergency), grants.c.ended_at.is_(None))
    return connection.execute(query.values(ended_at=at)).rowcount


def customers_of(connection: Connection, emergency: Emergency) -> list[bytes]:
    """Return the customers that an opened request gave access to."""
    query = select(grants.c.record_id).where(*_given_by(emergency)).order_by(grants.c.grant_id)
    return list(connection.execute(query).scalars())


def _given_by(emergency: Emergency) -> tuple[ColumnElement[bool], ...]:
    return (
        grants.c.case_id == emergency.case_id,
        grants.c.kind == GrantKind.BREAK_GLASS.value,
        grants.c.granted_at == emergency.opened_at,
    )
