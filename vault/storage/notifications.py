"""Notices: written once for each person, kind and thing, listed, and seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.ids import new_id
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState
from vault.storage.tables import accounts, notifications


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to one person.

    Args:
        notice_id: random id.
        kind: what it says.
        about: id of what it is about.
        at: when, UTC.
        seen_at: when its person saw it, None while it is new.
    """

    notice_id: bytes
    kind: NoticeKind
    about: bytes
    at: datetime
    seen_at: datetime | None


def add(connection: Connection, accounts: Iterable[bytes], kind: NoticeKind, about: bytes, at: datetime) -> None:
    """Tell people something, each once: the same kind about the same thing is not told again."""
    rows = [
        {"notification_id": new_id(), "account_id": one, "kind": kind.value, "about": about, "at": at}
        for one in set(accounts)
    ]
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(notifications).on_conflict_do_nothing(), rows)


def count_new(connection: Connection, account_id: bytes) -> int:
    """Return how many notices a person has not seen."""
    query = (
        select(func.count())
        .select_from(notifications)
        .where(notifications.c.account_id == account_id, notifications.c.seen_at.is_(None))
    )
    return int(connection.execute(query).scalar_one())


def listed(connection: Connection, account_id: bytes, limit: int) -> list[Notice]:
    """List a person's notices, newest first."""
    column = notifications.c
    query = (
        select(column.notification_id, column.kind, column.about, column.at, column.seen_at)
        .where(column.account_id == account_id)
        .order_by(column.at.desc(), column.notification_id)
        .limit(limit)
    )
    return [Notice(row[0], NoticeKind(row[1]), row[2], row[3], row[4]) for row in connection.execute(query)]


def see(connection: Connection, account_id: bytes, up_to: datetime, at: datetime) -> int:
    """Note that a person has seen their notices up to a moment; returns how many were new."""
    column = notifications.c
    seen = update(notifications).where(column.account_id == account_id, column.seen_at.is_(None), column.at <= up_to)
    return connection.execute(seen.values(seen_at=at)).rowcount


def passwords_chosen(connection: Connection, after: datetime, until: datetime) -> list[tuple[bytes, datetime]]:
    """Return the active accounts whose password was chosen within a span, each with the moment."""
    column = accounts.c
    query = select(column.account_id, column.password_changed_at).where(
        column.state == AccountState.ACTIVE.value,
        column.password_changed_at > after,
        column.password_changed_at <= until,
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def forget(connection: Connection, before: datetime) -> None:
    """Remove notices made before a moment."""
    connection.execute(delete(notifications).where(notifications.c.at < before))
