"""Key statements kept beside the log: which signing key followed which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from vault.storage.tables import log_keys


def add(connection: Connection, old: str, new: str, size: int, note: str, changed_at: datetime) -> None:
    """Insert a key statement; there is one for each pair of keys.

    Args:
        connection: inside a writing transaction.
        old: verifier key that was replaced.
        new: verifier key that follows it.
        size: events that the replaced key signed last.
        note: the statement, signed by both.
        changed_at: when.
    """
    values = {"old_key": old, "new_key": new, "size": size, "note": note, "changed_at": changed_at}
    connection.execute(insert(log_keys).values(**values))


def is_there(connection: Connection, old: str, new: str) -> bool:
    """Return whether the statement about these two keys is kept."""
    column = log_keys.c
    query = select(func.count()).where(column.old_key == old, column.new_key == new)
    return bool(connection.execute(query).scalar())


def notes(connection: Connection) -> list[str]:
    """Return every statement, the oldest first; their signatures are for the caller to check."""
    return list(connection.execute(select(log_keys.c.note).order_by(log_keys.c.changed_at)).scalars())
