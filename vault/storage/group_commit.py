"""One durable commit shared by many requests: how a read earns its receipt.

A request hands over its event (and the few rows that belong to it) and waits; one thread of the process
writes all that wait in a single transaction. The commit is the receipt (architecture, mechanism 3). While
one commit is on its way to the disk the next batch gathers by itself, so there is no timer to tune.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from sqlalchemy import Connection, Table

from vault.domain.log import Event, Receipt
from vault.errors import LogUnavailable, StorageError, StorageUnavailable, VaultError
from vault.storage.bulk import insert_few
from vault.storage.engine import PATIENCE_SECONDS, Database
from vault.storage.tables import log_inbox

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]

_WAIT_SECONDS = PATIENCE_SECONDS + 0.3


class _Waiting:
    """One request's contribution and the signal it waits for."""

    __slots__ = ("canonical", "done", "error", "rows")

    def __init__(self, canonical: bytes, rows: Rows) -> None:
        self.canonical = canonical
        self.rows = rows
        self.error: VaultError | None = None
        self.done = threading.Lock()
        self.done.acquire()


class GroupCommit:
    """The writer thread of a process.

    Args:
        database: where to write.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, event: Event, rows: Rows | None = None) -> Receipt:
        """Make an event durable, with the rows that belong to it.

        Args:
            event: what happens next.
            rows: rows to insert in the same transaction.

        Returns:
            The receipt for what the event announced.

        Raises:
            LogUnavailable: the event is not known to be durable, so nothing may be shown.
        """
        waiting = _Waiting(event.canonical(), rows or {})
        if self._closed:
            raise LogUnavailable("log_writer_closed")
        self._queue.put(waiting)
        # A commit that comes after we stopped waiting leaves an event without an answer: the log then says
        # more than was shown, never less.
        if not waiting.done.acquire(timeout=_WAIT_SECONDS):
            raise LogUnavailable("log_not_written")
        if waiting.error is not None:
            raise LogUnavailable("log_not_written") from waiting.error
        return Receipt(event.event_id, event.covers())

    def close(self) -> None:
        """Write what waits, then stop the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        closed = False
        while not closed:
            batch = [self._queue.get()]
            while not self._queue.empty():  # nobody else takes from it
                batch.append(self._queue.get())
            waiting = [one for one in batch if one is not None]
            closed = len(waiting) < len(batch)
            if waiting:
                self._commit(waiting)

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            with self._database.write() as connection:
                _insert(connection, batch)
                connection.commit()
        except Exception as error:  # noqa: BLE001  # whatever it is, this thread must live on for the next request
            if len(batch) > 1 and not isinstance(error, StorageUnavailable):
                for waiting in batch:  # one contribution that cannot be stored must not fail the others
                    self._commit([waiting])
                return
            for waiting in batch:
                waiting.error = error if isinstance(error, VaultError) else StorageError("not_storable")
        for waiting in batch:
            waiting.done.release()


def _insert(connection: Connection, batch: list[_Waiting]) -> None:
    gathered: dict[Table, list[Mapping[str, Any]]] = {}
    for waiting in batch:
        for table, rows in waiting.rows.items():
            gathered.setdefault(table, []).extend(rows)
    gathered[log_inbox] = [{"canonical": waiting.canonical} for waiting in batch]
    for table, together in gathered.items():
        insert_few(connection, table, together)
