"""What the ledger remembers and a database may have forgotten: read from its beginning, or on from where one was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from vault.domain.ledger import Entry, EntryKind
from vault.storage.ledger import Ledger, Place

Progress = Callable[[int, int], None]
"""Told how much is done of how much."""


@dataclass(slots=True)
class Remembered:
    """What the ledger says; of what was destroyed only what is undecided, because the rest may be a million ids.

    Args:
        intents: record to plan, of those that were about to be destroyed and may have been.
        holds: hold to record, placed at and released at.
        closed: cohorts whose keys were destroyed in every copy.
        left: accounts whose people left.
    """

    intents: dict[bytes, bytes] = field(default_factory=dict)
    holds: dict[bytes, tuple[bytes, datetime, datetime | None]] = field(default_factory=dict)
    closed: set[bytes] = field(default_factory=set)
    left: list[bytes] = field(default_factory=list)

    def take(self, entry: Entry) -> tuple[bytes, ...]:
        """Take in one entry; returns the records that it says were destroyed."""
        if entry.kind is EntryKind.ERASED:
            for one in entry.ids:
                self.intents.pop(one, None)
            return entry.ids
        if entry.kind is EntryKind.ERASE_INTENT:
            self.intents.update(dict.fromkeys(entry.ids, entry.about))
        elif entry.kind is EntryKind.HOLD_PLACED and entry.ids:
            self.holds[entry.about] = (entry.ids[0], entry.at, None)
        elif entry.kind is EntryKind.HOLD_RELEASED and entry.ids:
            _, placed_at, _ = self.holds.get(entry.about, (b"", entry.at, None))
            self.holds[entry.about] = (entry.ids[0], placed_at, entry.at)
        elif entry.kind is EntryKind.COHORT_CLOSED:
            self.closed.add(entry.about)
        elif entry.kind is EntryKind.ACCOUNT_LEFT:
            self.left.append(entry.about)
        return ()


class Memory:
    """What one process has read of the ledger, so that a run reads what was added since, however long the ledger is.

    What it has read is not read again: a line that somebody changes behind it is found by the daily comparison, by
    ``datavault doctor`` and by the next process.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._found = Remembered()
        self._place: Place | None = None

    def recall(self, ledger: Ledger) -> Remembered:
        """Read what was added since the last time, the first time everything.

        Args:
            ledger: the same one each time.

        Returns:
            What the whole ledger says, for the caller to keep.

        Raises:
            VaultSealed: the ledger is damaged, or is no more the one that was read.
        """
        with self._turn:
            for entry, place in ledger.entries_after(self._place or ledger.start()):
                self._found.take(entry)
                self._place = place
            found = self._found
            return Remembered(dict(found.intents), dict(found.holds), set(found.closed), list(found.left))


def remember(
    ledger: Ledger, told: Progress = lambda *_: None, erased: Callable[[tuple[bytes, ...]], None] = lambda _: None
) -> Remembered:
    """Read the whole ledger.

    Args:
        ledger: the vault's.
        told: told how far the reading has come.
        erased: told of each batch of records that were destroyed.

    Raises:
        VaultSealed: the ledger is damaged.
    """
    found, total = Remembered(), ledger.head().count
    for number, entry in enumerate(ledger.entries(), start=1):
        gone = found.take(entry)
        if gone:
            erased(gone)
        told(number, total)
    return found
