"""The ledger on disk: an append-only file beside each copy of the key store, synced before anybody relies on an entry.

What is appended is written and synced to one copy after the other, under a lock. So a kill leaves copies that differ
by the end of one, and perhaps a torn last line: both are evened out by whoever comes next, to the longer one, because
a fact that is lost is worse than an intent too many. Any other difference stops the vault.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vault.domain.ledger import Entry, LedgerHead, beginning, read, read_alone, written
from vault.errors import InvalidValue, StorageUnavailable, VaultSealed
from vault.storage.append_files import End, backwards, end_of, write_on
from vault.storage.turns import Turn

_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read a ledger.

    Args:
        size: bytes up to there.
        head: how far the ledger had come there.
    """

    size: int
    head: LedgerHead


class Ledger:
    """The ledger of one vault.

    Args:
        copies: its files, one beside each copy of the key store.
        lock: a file on a local disk, the same for all processes of the host; made when missing.
        vault_id: whose ledger it is.
    """

    def __init__(self, copies: Sequence[Path], lock: Path, vault_id: bytes) -> None:
        self.copies = tuple(copies)
        self._lock = lock
        self._beginning = beginning(vault_id)

    def exists(self) -> bool:
        """Return whether any copy is there."""
        return any(path.exists() for path in self.copies)

    def create(self) -> None:
        """Make the empty ledger; copies that are there already stay as they are.

        Raises:
            StorageUnavailable: ``ledger_unwritable``.
        """
        with self._locked():
            for path in self.copies:
                self._make(path)

    def append(self, entries: Sequence[Entry]) -> LedgerHead:
        """Add entries, all in one write and one sync for each copy; they are on disk when this returns.

        Args:
            entries: in order; none writes nothing.

        Returns:
            The head after them.

        Raises:
            StorageUnavailable: ``ledger_unwritable``: nothing was added; ``ledger_busy``.
            VaultSealed: the ledger is damaged.
        """
        with self._locked():
            size, head = self._settled()
            content, after = written(head, entries)
            if not content:
                return head
            begun: list[Path] = []
            for path in self.copies:
                begun.append(path)
                try:
                    write_on(path, size, content)
                except OSError as error:
                    for one in begun:
                        with suppress(OSError):  # what stays is an intent too many, or a fact that came true
                            write_on(one, size, b"")
                    raise _unwritable(path, error) from None
        return after

    def head(self) -> LedgerHead:
        """Return how far the ledger has come.

        Raises:
            VaultSealed: the ledger is damaged, or a copy is gone.
        """
        with self._locked():
            return self._settled()[1]

    def entries(self) -> Iterator[Entry]:
        """Stream every entry there is now, oldest first, each checked to follow the one before.

        Raises:
            VaultSealed: the ledger is damaged, or another vault's.
        """
        return (entry for entry, _ in self.entries_after(self.start()))

    def start(self) -> Place:
        """Return the place before the first entry."""
        return Place(0, self._beginning)

    def entries_after(self, place: Place) -> Iterator[tuple[Entry, Place]]:
        """Stream the entries after a place that was reached before, each checked to follow the one before.

        What lies before the place is not read again. The last line before it must be the one that was read there.

        Args:
            place: :meth:`start`, or one that came with an entry.

        Yields:
            Each entry, and the place after it.

        Raises:
            VaultSealed: the ledger is damaged, or does not hold any more what was read.
        """
        path = self.copies[0]
        with self._locked():
            size, _ = self._settled()
        with _readable(path):
            self._require_passed(path, place, size)
            yield from self._read(path, place, size)

    def check(self) -> LedgerHead:
        """Read every copy from beginning to end.

        Returns:
            The head of all.

        Raises:
            VaultSealed: a copy is damaged, another vault's, or says something else than the first.
        """
        with self._locked():
            size, head = self._settled()
        for path in self.copies:
            with _readable(path):
                last = deque(self._read(path, self.start(), size), maxlen=1)
            if (last[0][1].head if last else self._beginning) != head:
                raise VaultSealed("ledger_copies_differ", path=str(path))
        return head

    def extends(self, older: LedgerHead) -> bool:
        """Return whether the ledger, some time ago, ended with that head; costs what was added since."""
        with self._locked():
            size, head = self._settled()
            if older in (self._beginning, head):
                return True
            with self.copies[0].open("rb") as file:
                for line in backwards(file.fileno(), size):
                    _, before = self._parsed(self.copies[0], line)
                    if before == older:
                        return True
                    if before.count <= older.count:
                        return False
        return False

    @contextmanager
    def run(self) -> Iterator[None]:
        """Be the one process of the host that carries out a plan; the kernel ends it with the process.

        Raises:
            StorageUnavailable: ``run_under_way``: another one is at it.
        """
        turn = Turn(self._lock.with_name("run.lock"), "run_under_way", "ledger_folder_unusable")
        try:
            with turn.taken(time.monotonic()):
                yield
        finally:
            turn.close()

    # -- under the lock ------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        turn = Turn(self._lock, "ledger_busy", "ledger_folder_unusable")
        try:
            with turn.taken(time.monotonic() + _PATIENCE_SECONDS), _readable(self.copies[0]):
                yield
        finally:
            turn.close()

    def _settled(self) -> tuple[int, LedgerHead]:
        """Even out what a killed writer left; return the size of all copies and the head."""
        missing = [path for path in self.copies if not path.exists()]
        there = [path for path in self.copies if path not in missing]
        if missing and (not there or any(path.stat().st_size for path in there)):
            raise VaultSealed("ledger_missing", path=str(missing[0]))
        for path in missing:  # a kill in the midst of making them
            self._make(path)
        ends = [end_of(path) for path in self.copies]
        longest = max(ends, key=lambda end: end.size)
        head = self._head(longest)
        for end in ends:
            if end.size == longest.size and end.last != longest.last:
                raise VaultSealed("ledger_copies_differ", path=str(end.path))
            if end.size < longest.size or end.torn:
                self._even_out(end, longest)
        return longest.size, head

    def _even_out(self, end: End, longest: End) -> None:
        with longest.path.open("rb") as file:
            start = max(0, end.size - len(end.last) - 1)
            file.seek(start)
            if file.read(end.size - start) != end.last + b"\n" * bool(end.size):
                raise VaultSealed("ledger_copies_differ", path=str(end.path))
            missing = file.read(longest.size - end.size)
        try:
            write_on(end.path, end.size, missing)
        except OSError as error:
            raise _unwritable(end.path, error) from None

    def _head(self, end: End) -> LedgerHead:
        if not end.size:
            return self._beginning
        _, before = self._parsed(end.path, end.last)
        return LedgerHead(before.count + 1, sha256(end.last).digest())

    @staticmethod
    def _require_passed(path: Path, place: Place, size: int) -> None:
        if not place.size:
            return
        with path.open("rb") as file:
            last = next(backwards(file.fileno(), place.size)) if place.size <= size else b""
        if sha256(last).digest() != place.head.digest:
            raise VaultSealed("ledger_damaged", path=str(path), entry=place.head.count - 1)

    @staticmethod
    def _read(path: Path, place: Place, size: int) -> Iterator[tuple[Entry, Place]]:
        head = place.head
        with path.open("rb") as file:
            file.seek(place.size)
            while file.tell() < size:
                try:
                    entry, head = read(head, file.readline()[:-1])
                except InvalidValue:
                    raise VaultSealed("ledger_damaged", path=str(path), entry=head.count) from None
                yield entry, Place(file.tell(), head)

    @staticmethod
    def _parsed(path: Path, line: bytes) -> tuple[Entry, LedgerHead]:
        try:
            return read_alone(line)
        except InvalidValue:
            raise VaultSealed("ledger_damaged", path=str(path), entry=-1) from None

    @staticmethod
    def _make(path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _unwritable(path, error) from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        named = error.filename or path
        raise StorageUnavailable("ledger_unreadable", path=str(named), errno=error.errno or 0) from None


def _unwritable(path: Path, error: OSError) -> StorageUnavailable:
    return StorageUnavailable("ledger_unwritable", path=str(path), errno=error.errno or 0)
