"""Taking turns, fairly: who waits is next, however often the one before comes back.

A lock alone is not fair: whoever releases it and asks again at once mostly gets it, and a writer that loops would
starve the others. So there are two doors. Whoever waits for the turn stands between them and holds the first, where
everybody else, the last one included, must queue.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vault.errors import StorageUnavailable

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.002  # seconds between two looks at another process's lock


class Turn:
    """One at a time among the threads of a process and among the processes of a host.

    Args:
        path: the lock file; it and a second one beside it are made when missing and never removed.
        busy: reason id when others have it for too long.
        unusable: reason id when a file cannot be opened.
    """

    def __init__(self, path: Path, busy: str, unusable: str) -> None:
        self._paths = (path.with_name(f"{path.name}-next"), path)
        self._busy = busy
        self._unusable = unusable
        self._threads = (threading.Lock(), threading.Lock())
        self._files: tuple[int, int] | None = None

    @contextmanager
    def taken(self, deadline: float) -> Iterator[None]:
        """Hold the turn.

        Args:
            deadline: until when to wait, on the monotonic clock (seconds).

        Raises:
            StorageUnavailable: others had it until then, or a lock file cannot be opened.
        """
        first, second = self._threads
        self._acquire(first, deadline)
        try:
            self._acquire(second, deadline)
        finally:
            first.release()
        try:
            queue, turn = self._files = self._files or self._open()
            self._lock(queue, deadline)
            try:
                self._lock(turn, deadline)
            finally:
                fcntl.flock(queue, fcntl.LOCK_UN)
            try:
                yield
            finally:
                fcntl.flock(turn, fcntl.LOCK_UN)
        finally:
            second.release()

    def close(self) -> None:
        """Close the lock files until the next turn."""
        with self._threads[1]:
            for file in self._files or ():
                os.close(file)
            self._files = None

    def _acquire(self, lock: threading.Lock, deadline: float) -> None:
        if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise StorageUnavailable(self._busy)

    def _open(self) -> tuple[int, int]:
        opened: list[int] = []
        try:
            for path in self._paths:
                opened.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # noqa: PERF401 - those opened must be known when one fails
        except OSError as error:
            for file in opened:
                os.close(file)
            raise StorageUnavailable(self._unusable, errno=error.errno or 0) from None
        return opened[0], opened[1]

    def _lock(self, file: int, deadline: float) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StorageUnavailable(self._busy) from None
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
            else:
                return


def writers_turn(database: str) -> Turn:
    """Return the turn that writers of an SQLite file take, with the lock files beside it.

    Args:
        database: path of the database file.
    """
    return Turn(Path(f"{database}.turn"), "database_busy", "database_folder_unusable")
