"""Resets of accounts by others: who did what to whom, and who confirmed the person's return."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from vault.domain.people import AccountState
from vault.domain.returns import ResetKind
from vault.storage.tables import account_resets, accounts


@dataclass(frozen=True, slots=True)
class Reset:
    """One reset.

    Args:
        reset_id: the event that the log holds of it.
        account_id: whose.
        kind: what was done.
        reset_by: the administrator; None for the local operator.
        reset_at: when, UTC.
        confirmed_by: who confirmed the person's return; None while nobody has.
        confirmed_at: when.
    """

    reset_id: bytes
    account_id: bytes
    kind: ResetKind
    reset_by: bytes | None
    reset_at: datetime
    confirmed_by: bytes | None = None
    confirmed_at: datetime | None = None


_RESETS = select(
    account_resets.c.reset_id,
    account_resets.c.account_id,
    account_resets.c.kind,
    account_resets.c.reset_by,
    account_resets.c.reset_at,
    account_resets.c.confirmed_by,
    account_resets.c.confirmed_at,
)
_UNCONFIRMED = account_resets.c.confirmed_at.is_(None)
_OWING = account_resets.c.kind != ResetKind.SECRET.value


def add(connection: Connection, reset: Reset) -> None:
    """Note a reset."""
    connection.execute(
        insert(account_resets).values(
            reset_id=reset.reset_id,
            account_id=reset.account_id,
            kind=reset.kind.value,
            reset_by=reset.reset_by,
            reset_at=reset.reset_at,
        )
    )


def unconfirmed_of(connection: Connection, account_id: bytes) -> list[Reset]:
    """List an account's resets that nobody has confirmed, oldest first."""
    query = _RESETS.where(account_resets.c.account_id == account_id, _UNCONFIRMED)
    return [_reset(row) for row in connection.execute(query.order_by(account_resets.c.reset_at))]


def lately(connection: Connection, since: datetime) -> list[Reset]:
    """List the resets since a moment and, however old, those after which a return is still owed; newest first."""
    query = _RESETS.where(or_(account_resets.c.reset_at > since, _UNCONFIRMED & _OWING))
    return [
        _reset(row)
        for row in connection.execute(query.order_by(account_resets.c.reset_at.desc(), account_resets.c.reset_id))
    ]


def confirm(connection: Connection, account_id: bytes, confirmed_by: bytes, at: datetime) -> int:
    """Note that somebody's return was confirmed; returns after how many resets it was still open."""
    waiting = update(account_resets).where(account_resets.c.account_id == account_id, _UNCONFIRMED)
    return connection.execute(waiting.values(confirmed_by=confirmed_by, confirmed_at=at)).rowcount


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Remove resets before a moment that nothing waits for any more, so many at most; returns how many."""
    gone = select(accounts.c.account_id).where(accounts.c.state == AccountState.LEFT.value)
    over = or_(~_UNCONFIRMED, ~_OWING, account_resets.c.account_id.in_(gone))
    some = select(account_resets.c.reset_id).where(account_resets.c.reset_at < before, over).limit(limit)
    return connection.execute(delete(account_resets).where(account_resets.c.reset_id.in_(some))).rowcount


def _reset(row: Row[*tuple[Any, ...]]) -> Reset:
    return Reset(row[0], row[1], ResetKind(row[2]), row[3], row[4], row[5], row[6])
