"""A PostgreSQL connection that never waits without end: a server that hangs is one that does not answer.

A stopped server keeps its sockets open, so neither a lock timeout nor TCP notices; only the client can.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

SILENCE_SECONDS = 1.7
"""Longer than the server's own lock timeout, whose error says more; short enough for an answer within two seconds."""

_Result = TypeVar("_Result")


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every question is answered within the bound, or which is closed."""

    _silence_seconds = SILENCE_SECONDS

    @contextmanager
    def patient(self, seconds: float) -> Iterator[None]:
        """Wait longer for what is known to take long, and for which no person waits."""
        self._silence_seconds = seconds
        try:
            yield
        finally:
            self._silence_seconds = SILENCE_SECONDS

    def wait(
        self,
        gen: Generator[Any, Any, _Result],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> _Result:
        """Wait for the answer to one question.

        Raises:
            psycopg.OperationalError: no answer in time; the connection is closed, since an answer may yet come.
        """
        try:
            return super().wait(gen, interval, self._silence_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, Self]:
        # The driver's own bound for connecting is at least two seconds, which is too long by the time of one look-up.
        steps = super()._connect_gen(conninfo)
        deadline = time.monotonic() + SILENCE_SECONDS
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > deadline:
                    raise psycopg.OperationalError("no answer in time")
                wanted = steps.send(ready)
        except StopIteration as done:
            connection: Self = done.value
            return connection
