"""Hashes of the passwords an account had before its present one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from vault.storage.tables import password_history


def hashes(connection: Connection, account_id: bytes) -> list[str]:
    """Return an account's earlier hashes, latest first."""
    mine = select(password_history.c.password).where(password_history.c.account_id == account_id)
    return list(connection.execute(mine.order_by(password_history.c.changed_at.desc())).scalars())


def keep(connection: Connection, account_id: bytes, password: str, changed_at: datetime, most: int) -> None:
    """Add a hash that is being replaced, and forget the oldest ones.

    Args:
        connection: inside a writing transaction.
        account_id: the account.
        password: PHC string.
        changed_at: when it was chosen.
        most: how many to keep at all.
    """
    mine = password_history.c.account_id == account_id
    connection.execute(delete(password_history).where(mine, password_history.c.changed_at == changed_at))
    connection.execute(insert(password_history).values(account_id=account_id, changed_at=changed_at, password=password))
    times = select(password_history.c.changed_at).where(mine).order_by(password_history.c.changed_at.desc())
    surplus = list(connection.execute(times.offset(most)).scalars())
    if surplus:
        connection.execute(delete(password_history).where(mine, password_history.c.changed_at <= surplus[0]))
