"""The log's rows: from the durable inbox into dense order, and out again for verifying.

Inbox rows are committed, unordered events. Whoever holds the try-lock moves them into ``log_events`` with
the next leaf indices, in one transaction, so that no business transaction ever waits for the log's tail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from vault.domain.log_tree import leaf_hash
from vault.storage import log_search, log_tiles
from vault.storage.engine import Database
from vault.storage.tables import log_checkpoints, log_events, log_inbox
from vault.storage.unit_of_work import unit_of_work

_BATCH = 2000
_ORDER_LOCK = 0x6C6F_6771  # any constant; names the advisory lock of the ordering


def order(database: Database) -> int:
    """Move committed events from the inbox into leaf order, and store the tiles that become full.

    Returns:
        How many were moved; 0 as well when another process is at it.
    """
    moved = 0
    while True:
        with unit_of_work(database) as work:
            if not _is_ours(work.connection):
                return moved
            count = _order_batch(work.connection)
            tiles = log_tiles.build(work.connection, size(work.connection))
            work.commit()
        moved += count
        if count < _BATCH and tiles < log_tiles.MOST:
            return moved


def _is_ours(connection: Connection) -> bool:
    """Take the try-lock of ordering; on SQLite the writers' turn is that lock."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(connection.execute(text(f"SELECT pg_try_advisory_xact_lock({_ORDER_LOCK})")).scalar())


def _order_batch(connection: Connection) -> int:
    arrived = connection.execute(select(log_inbox).order_by(log_inbox.c.arrival).limit(_BATCH)).all()
    if not arrived:
        return 0
    start = size(connection)
    rows = [_row(start + i, row.canonical) for i, row in enumerate(arrived)]
    connection.execute(insert(log_events), rows)
    log_search.index(connection, rows)
    moved = [row.arrival for row in arrived]
    connection.execute(delete(log_inbox).where(log_inbox.c.arrival.in_(moved)))
    return len(arrived)


def _row(leaf_index: int, canonical: bytes) -> dict[str, Any]:
    event = json.loads(canonical)
    return {
        "leaf_index": leaf_index,
        "canonical": canonical,
        "leaf_hash": leaf_hash(canonical),
        "event_id": bytes.fromhex(event["id"]),
        "at": datetime.fromisoformat(event["at"]),
        "action": event["action"],
        "outcome": event["outcome"],
        "actor": event["actor"],
    }


def size(connection: Connection) -> int:
    """Return how many events have a place in the log."""
    last = connection.execute(select(func.max(log_events.c.leaf_index))).scalar()
    return 0 if last is None else int(last) + 1


def waiting(connection: Connection) -> int:
    """Return how many durable events wait in the inbox."""
    return int(connection.execute(select(func.count()).select_from(log_inbox)).scalar_one())


def oldest_waiting(connection: Connection) -> bytes | None:
    """Return the canonical bytes of the event that has waited longest; None when none waits."""
    return connection.execute(select(log_inbox.c.canonical).order_by(log_inbox.c.arrival).limit(1)).scalar()


def leaf_hashes(connection: Connection, start: int, stop: int) -> list[bytes]:
    """Recompute the leaf hashes of events ``start`` to ``stop`` (exclusive) from their canonical bytes."""
    rows = connection.execute(
        select(log_events.c.canonical)
        .where(log_events.c.leaf_index >= start, log_events.c.leaf_index < stop)
        .order_by(log_events.c.leaf_index)
    )
    return [leaf_hash(canonical) for (canonical,) in rows]


def all_events(connection: Connection, batch: int = 2048) -> Iterator[list[tuple[Any, ...]]]:
    """Stream every ordered event in batches, for the verifier.

    Yields:
        Lists of (leaf index, canonical, leaf hash, event id, time in microseconds, action, outcome, actor).
    """
    question = (
        "SELECT leaf_index, canonical, leaf_hash, event_id, at, action, outcome, actor"
        " FROM log_events ORDER BY leaf_index"
    )
    if not connection.in_transaction():
        connection.begin()
    # The driver's own rows: SQLAlchemy's cost more than hashing an event.
    driver: Any = connection.connection.driver_connection
    is_sqlite = connection.dialect.name == "sqlite"
    with closing(driver.cursor() if is_sqlite else driver.cursor("all_events", binary=True)) as cursor:
        cursor.execute(question)
        while rows := cursor.fetchmany(batch):
            yield rows


def add_checkpoint(connection: Connection, tree_size: int, note: str, signed_at: datetime) -> None:
    """Keep a signed checkpoint beside the log, unless one of that size is there."""
    known = connection.execute(select(log_checkpoints.c.size).where(log_checkpoints.c.size == tree_size)).first()
    if known is None:
        connection.execute(insert(log_checkpoints).values(size=tree_size, note=note, signed_at=signed_at))


def was_signed(connection: Connection) -> bool:
    """Return whether any checkpoint is kept."""
    return connection.execute(select(log_checkpoints.c.size).limit(1)).first() is not None


def checkpoint_notes(connection: Connection) -> list[str]:
    """Return every kept checkpoint, oldest first."""
    return list(connection.execute(select(log_checkpoints.c.note).order_by(log_checkpoints.c.size)).scalars())
