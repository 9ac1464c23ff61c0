"""Ledger and database agree about legal holds, also after a full disk or a kill between the two.

The ledger learns of a hold before the commit and of a release after it, so that what fails between them keeps a record
too long and never too short. What is left apart is evened out here: at once where that can be, else before the next
destruction and once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from vault.domain.destruction import PURPOSE
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import Action, Actor, Outcome
from vault.errors import IntegrityError, StorageUnavailable, VaultError
from vault.services.steps.holding import RESTORED, bring_back
from vault.services.steps.parts import Parts
from vault.storage import holds
from vault.storage.holds import Told
from vault.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Apart:
    """Where ledger and database say different things of holds.

    Args:
        untold: what the ledger does not know: holds and releases that the database has.
        lost: holds that the ledger knows and the database does not: their commit failed, or it was lost.
    """

    untold: tuple[Entry, ...]
    lost: Mapping[bytes, Told]

    @property
    def count(self) -> int:
        """How many holds."""
        return len(self.untold) + len(self.lost)


@contextmanager
def told_first(parts: Parts, now: datetime) -> Iterator[Callable[[Sequence[Entry]], None]]:
    """Give a way to tell the ledger of holds before their commit, and take back what comes to nothing.

    It stands outside the writing transaction. A process that is killed takes nothing back; :func:`agree` then brings
    the hold into the database, because somebody may have been told that it is there.

    Args:
        parts: the vault's parts.
        now: UTC.
    """
    told: list[Entry] = []

    def tell(entries: Sequence[Entry]) -> None:
        """Write entries into the ledger, and remember them in case they come to nothing."""
        parts.ledger.append(entries)
        told.extend(entries)

    try:
        yield tell
    except VaultError:
        with suppress(VaultError):  # the first error is the one to tell
            _take_back(parts, told, now)
        raise


def tell_afterwards(parts: Parts, entry: Entry) -> None:
    """Tell the ledger of a release that is committed; if its disk is full, it learns of it later.

    A restore that happens before then keeps a record too long, and harms nobody.

    Raises:
        VaultSealed: the ledger is damaged.
    """
    with suppress(StorageUnavailable):
        parts.ledger.append([entry])


def apart(parts: Parts, remembered: Mapping[bytes, Told]) -> Apart:
    """Compare what the ledger remembers of holds with what the database has.

    Args:
        parts: the vault's parts.
        remembered: read from the ledger a moment ago, before this.
    """
    with parts.database.read() as connection:
        known = holds.told(connection)
    untold = []
    for hold_id, (record_id, placed_at, released_at) in known.items():
        said = remembered.get(hold_id)
        lives = said is not None and said[2] is None
        if released_at is None and not lives:
            untold.append(Entry(EntryKind.HOLD_PLACED, placed_at, hold_id, (record_id,)))
        elif released_at is not None and (said is None or lives):
            untold.append(Entry(EntryKind.HOLD_RELEASED, released_at, hold_id, (record_id,)))
    lost = {one: said for one, said in remembered.items() if said[2] is None and one not in known}
    return Apart(tuple(untold), lost)


def agree(parts: Parts, remembered: Mapping[bytes, Told], actor: Actor, now: datetime) -> int:
    """Let ledger and database say the same of every hold.

    Args:
        parts: the vault's parts.
        remembered: what the ledger says, read a moment ago.
        actor: who acts.
        now: UTC.

    Returns:
        How many holds were brought back into the database.

    Raises:
        StorageUnavailable: database or ledger cannot be written; the next one goes on.
    """
    found = apart(parts, remembered)
    entries, back = list(found.untold), 0
    for hold_id, (record_id, placed_at, _) in found.lost.items():
        with suppress(IntegrityError), unit_of_work(parts.database) as work:
            holds.lock_record(work.connection, record_id)
            if holds.one(work.connection, hold_id) is not None:
                continue  # it was being placed, and is by now
            if not bring_back(parts, work, hold_id, record_id, placed_at, now):
                entries.append(Entry(EntryKind.HOLD_RELEASED, now, hold_id, (record_id,)))
                continue  # there is nothing to hold any more
            named, action = hold_id.hex(), Action.HOLD_PLACED
            work.announce(parts.event(now, actor, action, Outcome.DONE, purpose=PURPOSE, hold=named, reason=RESTORED))
            work.commit()
            back += 1
    parts.ledger.append(entries)
    return back


def _take_back(parts: Parts, told: Sequence[Entry], now: datetime) -> None:
    """Say of holds whose commit failed that they are over; the rows say which, as an answer may be lost on its way."""
    with parts.database.read() as connection:
        kept = {one.about for one in told if holds.one(connection, one.about) is not None}
    gone = [one for one in told if one.about not in kept]
    parts.ledger.append([Entry(EntryKind.HOLD_RELEASED, now, one.about, one.ids) for one in gone])
