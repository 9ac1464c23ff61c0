"""Accounts and sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from vault.domain.access import OwnerFacts
from vault.domain.ids import Role
from vault.domain.people import AccountState
from vault.storage.tables import accounts, sessions


@dataclass(frozen=True, slots=True)
class Account:
    """One account as stored; the name is sealed."""

    account_id: bytes
    work_number: str
    role: Role
    outlet: str
    team: str
    state: AccountState
    sealed_name: bytes
    password: str | None
    password_changed_at: datetime | None
    invite_hash: bytes | None
    invite_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session row together with its account, as the gate reads them in one go."""

    account: Account
    session_id: bytes
    source: str
    seen_at: datetime
    expires_at: datetime


_ACCOUNT = (
    accounts.c.account_id,
    accounts.c.work_number,
    accounts.c.role,
    accounts.c.outlet,
    accounts.c.team,
    accounts.c.state,
    accounts.c.sealed_name,
    accounts.c.password,
    accounts.c.password_changed_at,
    accounts.c.invite_hash,
    accounts.c.invite_expires_at,
)
_SESSION = (
    select(sessions.c.session_id, sessions.c.source, sessions.c.seen_at, sessions.c.expires_at, *_ACCOUNT)
    .join(accounts, accounts.c.account_id == sessions.c.account_id)
    .where(sessions.c.session_hash == bindparam("session_hash"), sessions.c.ended_at.is_(None))
)


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(
        row.account_id,
        row.work_number,
        Role(row.role),
        row.outlet,
        row.team,
        AccountState(row.state),
        row.sealed_name,
        row.password,
        row.password_changed_at,
        row.invite_hash,
        row.invite_expires_at,
    )


def by_work_number(connection: Connection, work_number: str) -> Account | None:
    """Return the account with this work number."""
    row = connection.execute(select(*_ACCOUNT).where(accounts.c.work_number == work_number)).first()
    return None if row is None else _account(row)


def every(connection: Connection) -> list[Account]:
    """List all accounts by work number."""
    return [_account(row) for row in connection.execute(select(*_ACCOUNT).order_by(accounts.c.work_number))]


def ids_by_work_number(connection: Connection) -> dict[str, bytes]:
    """Return account ids by work number."""
    return {row[0]: row[1] for row in connection.execute(select(accounts.c.work_number, accounts.c.account_id))}


def owner_facts(connection: Connection, owners: Iterable[bytes]) -> dict[bytes, OwnerFacts]:
    """Return what a supervisor's scope must know of these owners."""
    supervised = set(
        connection.execute(
            select(accounts.c.team).where(
                accounts.c.role == Role.SUPERVISOR.value,
                accounts.c.state != AccountState.LEFT.value,
                accounts.c.team != "",  # to have no team is not to share one
            )
        ).scalars()
    )
    rows = connection.execute(
        select(accounts.c.account_id, accounts.c.team, accounts.c.outlet).where(accounts.c.account_id.in_(list(owners)))
    )
    return {row[0]: OwnerFacts(row[1], row[2], row[1] in supervised) for row in rows}


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert accounts."""
    connection.execute(insert(accounts), rows)


def change(connection: Connection, account_id: bytes, values: Mapping[str, Any]) -> None:
    """Set columns of one account."""
    connection.execute(update(accounts).where(accounts.c.account_id == account_id).values(**values))


def session(connection: Connection, session_hash: bytes) -> OpenSession | None:
    """Return the session of this token hash with its account, unless it was ended."""
    row = connection.execute(_SESSION, {"session_hash": session_hash}).first()
    if row is None:
        return None
    return OpenSession(_account(row), row.session_id, row.source, row.seen_at, row.expires_at)


def open_session(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a session."""
    connection.execute(insert(sessions).values(**values))


def touch_session(connection: Connection, session_hash: bytes, seen_at: datetime) -> None:
    """Note that a session was used."""
    connection.execute(update(sessions).where(sessions.c.session_hash == session_hash).values(seen_at=seen_at))


def end_session(connection: Connection, session_hash: bytes, ended_at: datetime) -> None:
    """End one session at once."""
    connection.execute(
        update(sessions)
        .where(sessions.c.session_hash == session_hash, sessions.c.ended_at.is_(None))
        .values(ended_at=ended_at)
    )


def end_sessions_of(connection: Connection, account_id: bytes, ended_at: datetime) -> None:
    """End every session of an account at once."""
    connection.execute(
        update(sessions)
        .where(sessions.c.account_id == account_id, sessions.c.ended_at.is_(None))
        .values(ended_at=ended_at)
    )


def end_stale_sessions(connection: Connection, now: datetime, idle_since: datetime) -> int:
    """End sessions past their absolute limit or unused since ``idle_since``; returns how many."""
    result = connection.execute(
        update(sessions)
        .where(
            sessions.c.ended_at.is_(None),
            (sessions.c.expires_at <= now) | (sessions.c.seen_at <= idle_since),
        )
        .values(ended_at=now)
    )
    return result.rowcount
