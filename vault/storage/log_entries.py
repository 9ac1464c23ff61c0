"""Single entries of the ordered log, by place and by the id of their event."""

from __future__ import annotations

from sqlalchemy import Connection, select

from vault.storage.tables import log_events


def place_of(connection: Connection, event_id: bytes) -> int | None:
    """Return the place of an event; None while it has none, or where there is no such event."""
    return connection.execute(select(log_events.c.leaf_index).where(log_events.c.event_id == event_id)).scalar()


def at_place(connection: Connection, leaf_index: int) -> bytes | None:
    """Return the canonical bytes of an entry, None where the log does not reach."""
    return connection.execute(select(log_events.c.canonical).where(log_events.c.leaf_index == leaf_index)).scalar()
