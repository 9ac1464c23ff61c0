"""One durable commit shared by many requests: how a read earns its receipt.

A request hands over its event (and the few rows that belong to it) and waits; one thread of the process
writes all that wait in a single transaction. The commit is the receipt (architecture, mechanism 3). While
one commit is on its way to the disk the next batch gathers by itself, so there is no timer to tune.

What counts against a quota is judged in the same transaction, so that the quota is exact however many ask at once, in
whichever process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from sqlalchemy import Connection, Table

from vault.domain.log import Event, Receipt
from vault.errors import LogUnavailable, StorageError, StorageUnavailable, VaultError
from vault.storage import disclosures
from vault.storage.bulk import insert_few
from vault.storage.disclosures import Bound
from vault.storage.engine import PATIENCE_SECONDS, Database
from vault.storage.tables import log_inbox

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]

_WAIT_SECONDS = PATIENCE_SECONDS + 0.3

ASIDE_SECONDS = 60.0
"""How often the process itself has a say in the log, at most; a checkpoint is signed as often."""


class Aside(Protocol):
    """What a process has to say of itself, beside the events of its requests."""

    def event(self) -> Event | None:
        """Return what there is to say; None where nothing is."""

    def written(self) -> None:
        """Take note that the last event is durable; one that is not is asked for again."""


class _Waiting:
    """One request's contribution and the signal it waits for."""

    __slots__ = ("bound", "canonical", "done", "error", "refused", "rows")

    def __init__(self, canonical: bytes, rows: Rows, bound: Bound | None = None) -> None:
        self.canonical = canonical
        self.rows = rows
        self.bound = bound
        self.refused = False
        self.error: VaultError | None = None
        self.done = threading.Lock()
        self.done.acquire()


class GroupCommit:
    """The writer thread of a process.

    Args:
        database: where to write.
        aside: what the process has to say of itself: in a batch that is written anyway where there is one, and at
            the end; None if it keeps silent.
        aside_seconds: how often it is asked.
    """

    def __init__(self, database: Database, aside: Aside | None = None, aside_seconds: float = ASIDE_SECONDS) -> None:
        self._database = database
        self._aside = aside
        self._aside_seconds = aside_seconds
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(self, event: Event, rows: Rows | None = None, bound: Bound | None = None) -> Receipt:
        """Make an event durable, with the rows that belong to it.

        Args:
            event: what happens next.
            rows: rows to insert in the same transaction.
            bound: what the event may not go beyond; where it would, the refusal that the bound names is written in
                its place, and no rows.

        Returns:
            The receipt for what was announced by the event, or by the refusal, which announces nothing to open.

        Raises:
            LogUnavailable: the event is not known to be durable, so nothing may be shown.
        """
        waiting = _Waiting(event.canonical(), rows or {}, bound)
        if self._closed:
            raise LogUnavailable("log_writer_closed")
        self._queue.put(waiting)
        # A commit that comes after we stopped waiting leaves an event without an answer: the log then says
        # more than was shown, never less.
        if not waiting.done.acquire(timeout=_WAIT_SECONDS):
            raise LogUnavailable("log_not_written")
        if waiting.error is not None:
            raise LogUnavailable("log_not_written") from waiting.error
        written = bound.refusal if bound is not None and waiting.refused else event
        return Receipt(written.event_id, written.covers())

    def close(self) -> None:
        """Write what waits and what the process has to say of itself, then stop the thread; safe to repeat."""
        self._closed = True
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        closed, due = False, self._next_due()
        while not closed:
            batch = self._gather(due)
            waiting = [one for one in batch if one is not None]
            closed = len(waiting) < len(batch)
            said = None
            if closed or (due is not None and time.monotonic() >= due):
                said, due = self._own_words(), self._next_due()
            if said is not None:
                waiting.append(said)
            if waiting:
                self._commit(waiting)
            if self._aside is not None and said is not None and said.error is None:
                self._aside.written()

    def _gather(self, due: float | None) -> list[_Waiting | None]:
        """Wait for the next contribution, no longer than until the process itself is due, and take all there are."""
        try:
            batch = [self._queue.get(timeout=None if due is None else max(0.0, due - time.monotonic()))]
        except Empty:
            return []
        while not self._queue.empty():  # nobody else takes from it
            batch.append(self._queue.get())
        return batch

    def _next_due(self) -> float | None:
        return None if self._aside is None else time.monotonic() + self._aside_seconds

    def _own_words(self) -> _Waiting | None:
        event = None if self._aside is None else self._aside.event()
        return None if event is None else _Waiting(event.canonical(), {})

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
    _judge(connection, [(waiting, waiting.bound) for waiting in batch if waiting.bound is not None])
    gathered: dict[Table, list[Mapping[str, Any]]] = {}
    events = []
    for waiting in batch:
        if waiting.bound is not None and waiting.refused:
            events.append(waiting.bound.refusal.canonical())
            continue
        events.append(waiting.canonical)
        for table, rows in waiting.rows.items():
            gathered.setdefault(table, []).extend(rows)
    gathered[log_inbox] = [{"canonical": canonical} for canonical in events]
    for table, together in gathered.items():
        insert_few(connection, table, together)


def _judge(connection: Connection, bounded: Sequence[tuple[_Waiting, Bound]]) -> None:
    """Note which contributions would go beyond their bound; those of one account that come together count together."""
    if not bounded:
        return
    disclosures.take_look_up_turns(connection, {bound.account_id for _, bound in bounded})
    left: dict[bytes, int] = {}
    for waiting, bound in bounded:
        if bound.account_id not in left:
            left[bound.account_id] = disclosures.look_ups_left(connection, bound)
        waiting.refused = left[bound.account_id] <= 0
        left[bound.account_id] -= 1
