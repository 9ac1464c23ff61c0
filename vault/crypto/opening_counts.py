"""How often this run of the process unwrapped data keys, and how often it used a receipt: two numbers to compare.

Every unwrap is owed to a receipt that was used before it, so the first number never exceeds the second. If it does, a
path of our own code opens records past the one door. No more than that: code that was changed can leave out the
counting, and the secrets of staff (:mod:`vault.crypto.people_keys`) are not counted, they need no receipt.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from vault.domain.ids import new_id


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts of one run up to one moment.

    Args:
        run: random id of the run, hexadecimal.
        unwraps: how often a data key was unwrapped, or tried to be.
        receipts: how often a receipt was used; one that covers three records is used three times.
    """

    run: str
    unwraps: int
    receipts: int

    @property
    def agrees(self) -> bool:
        """Whether every unwrap had a receipt."""
        return self.unwraps <= self.receipts


class OpeningCounts:
    """Counts from the beginning of a run; safe for threads."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a new run: nothing is counted yet, and its id is made when it is first asked for."""
        # A new lock: in a child process the old one may be held by a thread that only the parent has.
        self._lock = threading.Lock()
        self._run = ""
        self._unwraps = 0
        self._receipts = 0

    def unwrap(self) -> None:
        """Count an unwrap; called before it is tried, so that none fails uncounted."""
        with self._lock:
            self._unwraps += 1

    def receipt(self) -> None:
        """Count a receipt that was used for one record."""
        with self._lock:
            self._receipts += 1

    def snapshot(self) -> Counted:
        """Return both counts at one moment."""
        with self._lock:
            if not self._run:
                self._run = new_id().hex()
            return Counted(self._run, self._unwraps, self._receipts)


COUNTS = OpeningCounts()
"""Those of this process; a child begins with a run of its own."""

os.register_at_fork(after_in_child=COUNTS.begin)
