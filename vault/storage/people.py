"""Accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from vault.domain.access import OwnerFacts
from vault.domain.ids import Role
from vault.domain.people import AccountState
from vault.domain.returns import ResetKind
from vault.storage.tables import account_resets, accounts

PERSON, SERVICE = "person", "service"
"""Kinds of accounts: of a human, and of a program with tokens."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as stored; the name is sealed. It owes its return since the first reset that nobody confirmed."""

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
    password_expired_at: datetime | None
    kind: str
    sealed_totp: bytes | None
    totp_confirmed_at: datetime | None
    totp_step: int | None
    return_owed_since: datetime | None


_RETURN_OWED = (
    select(func.min(account_resets.c.reset_at))
    .where(
        account_resets.c.account_id == accounts.c.account_id,
        account_resets.c.kind != ResetKind.SECRET.value,
        account_resets.c.confirmed_at.is_(None),
    )
    .correlate(accounts)
    .scalar_subquery()
)
ACCOUNT = (
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
    accounts.c.password_expired_at,
    accounts.c.kind,
    accounts.c.sealed_totp,
    accounts.c.totp_confirmed_at,
    accounts.c.totp_step,
    _RETURN_OWED.label("return_owed_since"),
)
"""The columns of :class:`Account`."""


def account_of(row: Row[*tuple[Any, ...]]) -> Account:
    """Return the account in a row that holds its columns."""
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
        row.password_expired_at,
        row.kind,
        row.sealed_totp,
        row.totp_confirmed_at,
        row.totp_step,
        row.return_owed_since,
    )


def by_work_number(connection: Connection, work_number: str) -> Account | None:
    """Return the account with this work number."""
    row = connection.execute(select(*ACCOUNT).where(accounts.c.work_number == work_number)).first()
    return None if row is None else account_of(row)


def by_ids(connection: Connection, account_ids: Iterable[bytes]) -> dict[bytes, Account]:
    """Return accounts by id; those that are not there are left out."""
    rows = connection.execute(select(*ACCOUNT).where(accounts.c.account_id.in_(list(account_ids))))
    return {row.account_id: account_of(row) for row in rows}


def locked(connection: Connection, work_numbers: Iterable[str]) -> dict[str, Account]:
    """Return accounts by work number, and keep them from changing until the transaction ends.

    On SQLite the writing turn does that already. On PostgreSQL the rows are taken in one order, so that two acts on
    the same accounts wait for each other and never for ever.
    """
    wanted = sorted(set(work_numbers))
    rows = connection.execute(
        select(*ACCOUNT).where(accounts.c.work_number.in_(wanted)).order_by(accounts.c.account_id).with_for_update()
    )
    return {row.work_number: account_of(row) for row in rows}


def every(connection: Connection) -> list[Account]:
    """List all accounts by work number."""
    return [account_of(row) for row in connection.execute(select(*ACCOUNT).order_by(accounts.c.work_number))]


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
                accounts.c.kind == PERSON,
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


def change_if(connection: Connection, account_id: bytes, values: Mapping[str, Any], **still: Any) -> bool:  # noqa: ANN401 - values of columns
    """Set columns of one account unless it has changed meanwhile.

    Args:
        connection: inside a writing transaction.
        account_id: the account.
        values: by column name.
        still: what the columns of these names must still hold.

    Returns:
        Whether they did.
    """
    unchanged = [accounts.c[name] == value for name, value in still.items()]
    changed = update(accounts).where(accounts.c.account_id == account_id, *unchanged).values(**values)
    return connection.execute(changed).rowcount == 1


def mark_expired(connection: Connection, changed_before: datetime, now: datetime) -> int:
    """Note which passwords, chosen at a moment or before it, are too old; returns how many were not noted yet."""
    return connection.execute(
        update(accounts)
        .where(accounts.c.password_changed_at <= changed_before, accounts.c.password_expired_at.is_(None))
        .values(password_expired_at=now)
    ).rowcount
