"""What the ledger remembers and a restored database may have forgotten, read from its beginning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from vault.domain.ledger import Entry, EntryKind
from vault.services.steps.parts import Parts

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


def remember(
    parts: Parts, told: Progress = lambda *_: None, erased: Callable[[tuple[bytes, ...]], None] = lambda _: None
) -> Remembered:
    """Read the whole ledger.

    Args:
        parts: the vault's parts.
        told: told how far the reading has come.
        erased: told of each batch of records that were destroyed.

    Raises:
        VaultSealed: the ledger is damaged.
    """
    found, total = Remembered(), parts.ledger.head().count
    for number, entry in enumerate(parts.ledger.entries(), start=1):
        gone = found.take(entry)
        if gone:
            erased(gone)
        told(number, total)
    return found
