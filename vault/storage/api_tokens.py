"""Tokens of service accounts: made, asked at the gate, touched, listed, ended. Only their digests are stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from vault.storage.people import ACCOUNT, Account, account_of
from vault.storage.tables import accounts, api_tokens


@dataclass(frozen=True, slots=True)
class TokenAtGate:
    """A token together with its account, as the gate reads them in one go."""

    account: Account
    token_id: bytes
    purposes: frozenset[str]
    made_at: datetime
    expires_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenLine:
    """One token as an administrator sees it: never the token itself."""

    token_id: bytes
    purposes: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime
    seen_at: datetime | None
    ended_at: datetime | None


_AT_GATE = (
    select(
        api_tokens.c.token_id,
        api_tokens.c.purposes,
        api_tokens.c.made_at,
        api_tokens.c.expires_at,
        api_tokens.c.seen_at,
        *ACCOUNT,
    )
    .join(accounts, accounts.c.account_id == api_tokens.c.account_id)
    .where(api_tokens.c.token_hash == bindparam("token_hash"), api_tokens.c.ended_at.is_(None))
)


def by_hash(connection: Connection, token_hash: bytes) -> TokenAtGate | None:
    """Return the token of this hash with its account, unless it was ended."""
    row = connection.execute(_AT_GATE, {"token_hash": token_hash}).first()
    if row is None:
        return None
    purposes = frozenset(row.purposes.split(","))
    return TokenAtGate(account_of(row), row.token_id, purposes, row.made_at, row.expires_at, row.seen_at)


def add(
    connection: Connection,
    token_hash: bytes,
    token_id: bytes,
    account_id: bytes,
    purposes: Collection[str],
    made_by: bytes,
    made_at: datetime,
    expires_at: datetime,
) -> None:
    """Insert a token.

    Args:
        connection: inside a writing transaction.
        token_hash: SHA-256 of the token.
        token_id: how the access log names it.
        account_id: the service account.
        purposes: what it is limited to.
        made_by: account of the administrator.
        made_at: UTC.
        expires_at: from then on it opens nothing.
    """
    connection.execute(
        insert(api_tokens).values(
            token_hash=token_hash,
            token_id=token_id,
            account_id=account_id,
            purposes=",".join(sorted(purposes)),
            made_by=made_by,
            made_at=made_at,
            expires_at=expires_at,
        )
    )


def touch(connection: Connection, token_id: bytes, seen_at: datetime) -> None:
    """Note that a token was used."""
    connection.execute(update(api_tokens).where(api_tokens.c.token_id == token_id).values(seen_at=seen_at))


def listed(connection: Connection, account_id: bytes, limit: int) -> list[TokenLine]:
    """List an account's tokens, newest first."""
    column = api_tokens.c
    query = (
        select(
            column.token_id,
            column.purposes,
            accounts.c.work_number,
            column.made_at,
            column.expires_at,
            column.seen_at,
            column.ended_at,
        )
        .join(accounts, accounts.c.account_id == column.made_by)
        .where(column.account_id == account_id)
        .order_by(column.made_at.desc(), column.token_id)
        .limit(limit)
    )
    return [TokenLine(row[0], tuple(row[1].split(",")), *row[2:]) for row in connection.execute(query)]


def end_one(connection: Connection, account_id: bytes, token_id: bytes, at: datetime) -> bool:
    """End one token of an account at once; returns whether there was one to end."""
    column = api_tokens.c
    mine = update(api_tokens).where(
        column.account_id == account_id, column.token_id == token_id, column.ended_at.is_(None)
    )
    return connection.execute(mine.values(ended_at=at)).rowcount == 1


def end_all(connection: Connection, account_id: bytes, at: datetime) -> int:
    """End every token of an account at once; returns how many."""
    column = api_tokens.c
    mine = update(api_tokens).where(column.account_id == account_id, column.ended_at.is_(None))
    return connection.execute(mine.values(ended_at=at)).rowcount
