"""Sessions: opened, touched, ended; and who else was signed in to the same account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from vault.storage.people import ACCOUNT, Account, account_of
from vault.storage.tables import accounts, sessions


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session row together with its account, as the gate reads them in one go."""

    account: Account
    session_id: bytes
    source: str
    seen_at: datetime
    expires_at: datetime
    proved_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session of an account, as its person sees it."""

    session_id: bytes
    source: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


_SESSION = (
    select(
        sessions.c.session_id,
        sessions.c.source,
        sessions.c.seen_at,
        sessions.c.expires_at,
        sessions.c.proved_at,
        *ACCOUNT,
    )
    .join(accounts, accounts.c.account_id == sessions.c.account_id)
    .where(sessions.c.session_hash == bindparam("session_hash"), sessions.c.ended_at.is_(None))
)
_LINE = (
    sessions.c.session_id,
    sessions.c.source,
    sessions.c.created_at,
    sessions.c.seen_at,
    sessions.c.expires_at,
)


def by_hash(connection: Connection, session_hash: bytes) -> OpenSession | None:
    """Return the session of this token hash with its account, unless it was ended."""
    row = connection.execute(_SESSION, {"session_hash": session_hash}).first()
    if row is None:
        return None
    return OpenSession(account_of(row), row.session_id, row.source, row.seen_at, row.expires_at, row.proved_at)


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a session."""
    connection.execute(insert(sessions).values(**values))


def renew(connection: Connection, session_id: bytes, session_hash: bytes, proved_at: datetime) -> datetime | None:
    """Give an open session a new token and note when its person proved who they are.

    Returns:
        The session's absolute limit, which stays; None if it has ended.
    """
    renewed = (
        update(sessions)
        .where(sessions.c.session_id == session_id, sessions.c.ended_at.is_(None))
        .values(session_hash=session_hash, proved_at=proved_at)
        .returning(sessions.c.expires_at)
    )
    return connection.execute(renewed).scalar_one_or_none()


def touch(connection: Connection, session_hash: bytes, seen_at: datetime) -> None:
    """Note that a session was used."""
    connection.execute(update(sessions).where(sessions.c.session_hash == session_hash).values(seen_at=seen_at))


def acknowledge(connection: Connection, session_id: bytes, at: datetime) -> None:
    """Note that a session's person has seen who else was signed in."""
    connection.execute(update(sessions).where(sessions.c.session_id == session_id).values(acknowledged_at=at))


def living(connection: Connection, account_id: bytes, now: datetime, idle_since: datetime) -> list[SessionLine]:
    """List an account's sessions that still open doors, newest first."""
    rows = connection.execute(
        select(*_LINE)
        .where(sessions.c.account_id == account_id, _alive(now, idle_since))
        .order_by(sessions.c.created_at.desc(), sessions.c.session_id)
    )
    return [SessionLine(*row) for row in rows]


def count_living(connection: Connection, now: datetime, idle_since: datetime) -> dict[bytes, int]:
    """Return how many sessions still open doors, by account; accounts without one are left out."""
    rows = connection.execute(
        select(sessions.c.account_id, func.count()).where(_alive(now, idle_since)).group_by(sessions.c.account_id)
    )
    return {row[0]: row[1] for row in rows}


def elsewhere(connection: Connection, account_id: bytes, session_id: bytes, idle_micros: int) -> list[SessionLine]:
    """List sessions from other sources that were open beside this one and that its person has not seen yet.

    Args:
        connection: an open connection.
        account_id: the account of both.
        session_id: this session.
        idle_micros: microseconds without use after which a session opens nothing.
    """
    mine = sessions.alias("mine")
    began = mine.c.created_at
    was_open = and_(
        or_(sessions.c.ended_at.is_(None), sessions.c.ended_at > began),
        sessions.c.expires_at > began,
        type_coerce(sessions.c.seen_at, BigInteger) + idle_micros > type_coerce(began, BigInteger),
    )
    unseen = or_(mine.c.acknowledged_at.is_(None), sessions.c.created_at > mine.c.acknowledged_at)
    rows = connection.execute(
        select(*_LINE)
        .join(mine, and_(mine.c.account_id == sessions.c.account_id, mine.c.session_id == session_id))
        .where(
            sessions.c.account_id == account_id,
            sessions.c.session_id != session_id,
            sessions.c.source != mine.c.source,
            unseen,
            or_(sessions.c.created_at >= began, was_open),
        )
        .order_by(sessions.c.created_at.desc(), sessions.c.session_id)
    )
    return [SessionLine(*row) for row in rows]


def was_used_from(connection: Connection, account_id: bytes, source: str) -> bool:
    """Return whether an account was signed in from this very address lately."""
    known = exists().where(sessions.c.account_id == account_id, sessions.c.source == source)
    return bool(connection.execute(select(known)).scalar_one())


def end(connection: Connection, session_hash: bytes, ended_at: datetime) -> None:
    """End the session of a token at once."""
    _end(connection, sessions.c.session_hash == session_hash, ended_at)


def end_one(connection: Connection, account_id: bytes, session_id: bytes, ended_at: datetime) -> bool:
    """End one session of an account at once; returns whether there was one to end."""
    mine = and_(sessions.c.account_id == account_id, sessions.c.session_id == session_id)
    return _end(connection, mine, ended_at) == 1


def end_all(connection: Connection, account_id: bytes, ended_at: datetime, *, but: bytes = b"") -> int:
    """End every session of an account at once, except the one with the id ``but``; returns how many."""
    return _end(connection, and_(sessions.c.account_id == account_id, sessions.c.session_id != but), ended_at)


def end_stale(connection: Connection, now: datetime, idle_since: datetime) -> int:
    """End sessions past their absolute limit or unused since ``idle_since``; returns how many."""
    return _end(connection, ~_alive(now, idle_since), now)


def forget(connection: Connection, ended_before: datetime) -> None:
    """Remove sessions that were ended before a moment."""
    connection.execute(delete(sessions).where(sessions.c.ended_at < ended_before))


def _alive(now: datetime, idle_since: datetime) -> ColumnElement[bool]:
    return and_(sessions.c.ended_at.is_(None), sessions.c.expires_at > now, sessions.c.seen_at > idle_since)


def _end(connection: Connection, which: ColumnElement[bool], ended_at: datetime) -> int:
    return connection.execute(
        update(sessions).where(which, sessions.c.ended_at.is_(None)).values(ended_at=ended_at)
    ).rowcount
