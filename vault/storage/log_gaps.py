"""Gap statements kept beside the log, and the signed states that may have been kept when the database went back."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from vault.domain.log_gaps import GapStatement
from vault.storage.tables import log_checkpoints, log_events, log_gaps


def add(connection: Connection, statement: GapStatement, note: str) -> None:
    """Insert an accepted gap; there is one for each state that was lost."""
    values = {
        "lost_size": statement.lost.size,
        "lost_root": statement.lost.root,
        "kept_size": statement.kept.size,
        "note": note,
        "accepted_at": statement.accepted_at,
    }
    connection.execute(insert(log_gaps).values(**values))


def note_of(connection: Connection, lost_size: int, lost_root: bytes) -> str | None:
    """Return the statement about the loss of a state, signed or not: its signature is for the caller to check."""
    column = log_gaps.c
    query = select(column.note).where(column.lost_size == lost_size, column.lost_root == lost_root)
    return connection.execute(query).scalar()


def notes(connection: Connection) -> list[str]:
    """Return every statement, the first accepted first."""
    return list(connection.execute(select(log_gaps.c.note).order_by(log_gaps.c.accepted_at)).scalars())


def event_at(connection: Connection, index: int) -> bytes | None:
    """Return the canonical bytes of the event at a place."""
    return connection.execute(select(log_events.c.canonical).where(log_events.c.leaf_index == index)).scalar()


def largest_checkpoint(connection: Connection) -> int:
    """Return the largest size that a kept checkpoint signs; 0 where none is kept."""
    return connection.execute(select(func.max(log_checkpoints.c.size))).scalar() or 0


def checkpoints(connection: Connection, start: int, stop: int) -> list[tuple[int, str]]:
    """Return size and note of the kept checkpoints of sizes over ``start`` up to ``stop``, smallest first."""
    column = log_checkpoints.c
    query = select(column.size, column.note).where(column.size > start, column.size <= stop).order_by(column.size)
    return [(row[0], row[1]) for row in connection.execute(query)]
