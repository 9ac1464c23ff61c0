"""The log's rows: from the durable inbox into dense order, and out again for verifying.

Inbox rows are committed, unordered events. Whoever has the turn moves them into ``log_events`` with the next leaf
indices, in one transaction, so that no business transaction ever waits for the log's tail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from vault.domain.log_search import named_by
from vault.domain.log_tree import leaf_hash
from vault.storage import log_search, log_tiles
from vault.storage.bulk import insert_rows
from vault.storage.engine import Database
from vault.storage.streams import streamed
from vault.storage.tables import log_checkpoints, log_events, log_inbox
from vault.storage.unit_of_work import unit_of_work

_BATCH = 2000
_ORDER_LOCK = 0x6C6F_6771  # any constant; names the advisory lock of the ordering


def order(database: Database) -> int:
    """Move committed events from the inbox into leaf order, and store the tiles that become full.

    Whoever asks waits while another orders: an event committed before the call has its place after it, as a proof,
    an export and a certificate of that very event need.

    Returns:
        How many this call moved.

    Raises:
        StorageUnavailable: its turn did not come in time.
    """
    moved = 0
    while True:
        with unit_of_work(database) as work:
            _wait_for_turn(work.connection)
            count = _order_batch(work.connection)
            tiles = log_tiles.build(work.connection, size(work.connection))
            work.commit()
        moved += count
        if count < _BATCH and tiles < log_tiles.MOST:
            return moved


def _wait_for_turn(connection: Connection) -> None:
    """Take the turn of ordering until the transaction ends; on SQLite the writers' turn is it."""
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ORDER_LOCK})"))


def _order_batch(connection: Connection) -> int:
    arrived = connection.execute(select(log_inbox).order_by(log_inbox.c.arrival).limit(_BATCH)).all()
    if not arrived:
        return 0
    start = size(connection)
    canonical = [row.canonical for row in arrived]
    named = [named_by(one) for one in canonical]
    rows = [
        (start + at, one, leaf_hash(one), by.event_id)
        for at, (one, by) in enumerate(zip(canonical, named, strict=True))
    ]
    insert_rows(connection, log_events, rows)
    log_search.index(connection, enumerate(named, start))
    _remove(connection, [row.arrival for row in arrived])
    return len(arrived)


def _remove(connection: Connection, arrivals: list[int]) -> None:
    """Take exactly these out of the inbox: others may have been committed between them meanwhile."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.executemany("DELETE FROM log_inbox WHERE arrival = ?", [(one,) for one in arrivals])
    else:
        driver.execute("DELETE FROM log_inbox WHERE arrival = ANY(%b)", [arrivals])


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


def all_events(connection: Connection, batch: int = 512) -> Iterator[list[tuple[Any, ...]]]:
    """Stream every ordered event in batches, for the verifier.

    Yields:
        Lists of (leaf index, canonical, leaf hash).
    """
    question = "SELECT leaf_index, canonical, leaf_hash FROM log_events ORDER BY leaf_index"
    yield from streamed(connection, question, batch)


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
