"""Courtesy of long work towards people: whether others are at work in the vault, and resting while they are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vault.storage import log
from vault.storage.engine import Database

_SHARE = 4.0
_LONGEST = 0.05
_LOOK_EVERY = 10


class Courtesy:
    """Makes long work rest between its pieces while others are at work; alone it does not rest at all.

    Everything anybody does leaves an event. So others are at work where the log has grown by more than one's own.

    Args:
        database: whose log to look at.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._events: int | None = None
        self._own = 0
        self._others = False

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Do one piece of the work, which leaves one event, and rest afterwards if there is reason to."""
        if self._own % _LOOK_EVERY == 0:
            self._look()
        began = time.monotonic()
        yield
        self._own += 1
        if self._others:
            time.sleep(min(_SHARE * (time.monotonic() - began), _LONGEST))

    def _look(self) -> None:
        with self._database.read() as connection:
            events = log.size(connection) + log.waiting(connection)
        self._others = self._events is not None and events - self._events > self._own
        self._events, self._own = events, 0
