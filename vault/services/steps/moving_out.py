"""Moving what lives longer out of a cohort that is about to close: wrapped and indexed anew, always in a later one.

A system opening like any other: the event that announces exactly the indexed fields is durable before they are
opened, because tags need the numbers in clear. The values stay as they are sealed; wrap, index rows and metadata MAC of
a record change in one transaction. What is past its time and kept by nothing stays where it is, until a plan destroys
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.cohorts import Cohort, later_home
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.log import Action, Actor, Event, Opened, Outcome, Receipt
from vault.domain.records import RecordState
from vault.errors import IntegrityError
from vault.services.steps.attempts import until_stored
from vault.services.steps.opening import announced, check
from vault.services.steps.parts import Parts
from vault.storage import cohorts, moves, records, vault_state
from vault.storage.moves import Move
from vault.storage.records import StoredRecord
from vault.storage.retention import why_linked
from vault.storage.unit_of_work import unit_of_work

BATCH = 100
"""Records opened for one event and moved in one transaction: short enough that nobody waits for its writing turn."""


@dataclass(frozen=True, slots=True)
class MovedOut:
    """What became of the records of a cohort.

    Args:
        moved: how many went to a later cohort.
        due: how many are past their time and stay to be destroyed.
        unreadable: how many could not be moved because something of them does not fit; each is an event of its own.
    """

    moved: int = 0
    due: int = 0
    unreadable: int = 0

    def __add__(self, other: MovedOut) -> MovedOut:
        """Return both together."""
        return MovedOut(self.moved + other.moved, self.due + other.due, self.unreadable + other.unreadable)


def move_out(parts: Parts, actor: Actor, cohort: Cohort, now: datetime) -> MovedOut:
    """Move every record that lives longer out of a cohort; safe to repeat, and to stop after any batch.

    Args:
        parts: the vault's parts.
        actor: who closes the cohort.
        cohort: it; nothing is sealed into it any more.
        now: UTC.

    Returns:
        What became of its records.

    Raises:
        StorageUnavailable: batches moved so far stay moved.
        StorageError: ``no_open_cohort``, or others were faster time and again.
    """
    told, after = MovedOut(), b""
    while True:
        with parts.database.read() as connection:
            ids = cohorts.records_in(connection, cohort.key_id, after, BATCH)
        if not ids:
            return told
        told += until_stored(partial(_batch, parts, actor, cohort, ids, now))
        after = ids[-1]


@dataclass(frozen=True, slots=True)
class _Leaving:
    """One record that moves: as it lies in the store, with where it goes.

    Args:
        found: the record.
        wrapped: its wrap; None when that row is missing.
        index: its index rows.
        home: the later cohort.
    """

    found: StoredRecord
    wrapped: bytes | None
    index: tuple[tuple[str, int, bytes], ...]
    home: Cohort


def _batch(parts: Parts, actor: Actor, cohort: Cohort, ids: list[bytes], now: datetime) -> MovedOut:
    # 1. What lives longer, and where it goes.
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        there = [one for one in records.load(connection, ids).values() if one.meta.cohort_id == cohort.key_id]
        living = [one for one in there if _lives_on(connection, one, now)]
        leaving = _leaving(connection, parts, store, cohort, living, now)
    # 2. Announce what must be opened, and wrap and index it anew.
    ready, broken = _anew(parts, actor, store, cohort, leaving, now)
    # 3. Put them there, in one transaction with its event.
    if ready:
        with unit_of_work(parts.database) as work:
            vault_state.require_open(work.connection, {one.meta.cohort_id for one in ready}, store.version)
            moves.move(work.connection, ready)
            cohorts.note_moved(work.connection, cohort.key_id, None)
            named = tuple(Opened(one.meta.record_id, one.meta.record_class.value, ()) for one in ready)
            work.announce(_event(parts, actor, Outcome.DONE, cohort, named, now))
            work.commit()
    if broken:
        named = tuple(announced(one, ()) for one in broken)
        parts.log_writer.write(
            parts.event(now, actor, Action.INTEGRITY_FAILURE, Outcome.FAILED, opened=named, reason="unreadable")
        )
    return MovedOut(len(ready), len(there) - len(living), len(broken))


def _leaving(
    connection: Connection,
    parts: Parts,
    store: KeyStore,
    cohort: Cohort,
    living: Sequence[StoredRecord],
    now: datetime,
) -> list[_Leaving]:
    ids = [one.meta.record_id for one in living]
    wraps = records.wraps(connection, (one.meta for one in living))
    index, reviews = cohorts.index_rows(connection, ids), cohorts.reviews(connection, ids)
    zone = parts.policy.zone
    today = now.astimezone(zone).date()
    leaving = []
    for one in living:
        key = one.meta.record_id
        home = later_home(store.cohorts(), cohort, one.meta.expires_at, reviews.get(key), today, zone)
        leaving.append(_Leaving(one, wraps.get(key), tuple(index.get(key, ())), home))
    return leaving


def _anew(
    parts: Parts, actor: Actor, store: KeyStore, cohort: Cohort, leaving: Sequence[_Leaving], now: datetime
) -> tuple[list[Move], list[StoredRecord]]:
    """Return what is ready to move, and what does not fit."""
    sound, broken = [], []
    for one in leaving:
        try:
            check(store, one.found)
            sound.append(one)
        except IntegrityError:
            broken.append(one.found)
    ready = []
    if sound:
        opened = tuple(announced(one.found, _indexed(one.found)) for one in sound)
        receipt = parts.log_writer.write(_event(parts, actor, Outcome.GRANTED, cohort, opened, now))
        for one in sound:
            try:
                ready.append(_moved(store, receipt, cohort, one))
            except IntegrityError:
                broken.append(one.found)
    return ready, broken


def _event(
    parts: Parts, actor: Actor, outcome: Outcome, cohort: Cohort, opened: tuple[Opened, ...], now: datetime
) -> Event:
    return parts.event(
        now,
        actor,
        Action.RECORD_MOVED,
        outcome,
        purpose="retention",
        opened=opened,
        cohort=cohort.key_id.hex(),
        count=len(opened),
    )


def _lives_on(connection: Connection, one: StoredRecord, now: datetime) -> bool:
    meta = one.meta
    if meta.state is RecordState.OPEN or meta.held or meta.expires_at is None or meta.expires_at > now:
        return True
    return why_linked(connection, meta.record_id, meta.record_class) is not None


def _indexed(found: StoredRecord) -> set[str]:
    fields = FIELDS[found.meta.record_class]
    return {ref.field for ref in found.meta.fields if fields[ref.field].index is not None}


def _moved(store: KeyStore, receipt: Receipt, cohort: Cohort, one: _Leaving) -> Move:
    found, names = one.found, _indexed(one.found)
    if one.wrapped is None:
        raise IntegrityError("unreadable")
    before, after = store.keys_of(cohort.key_id), store.keys_of(one.home.key_id)
    sealed = [(ref, value) for ref, value in found.sealed.items() if ref.field in names]
    wrapped, values = before.move(receipt, after, found.meta.record_id, one.wrapped, sealed)
    fields = FIELDS[found.meta.record_class]
    anew: dict[tuple[IdentifierKind, bytes], bytes] = {}
    for (ref, _), value in zip(sealed, values, strict=True):
        kind = fields[ref.field].index
        if kind is not None:
            number = value.disclose()
            anew[kind, before.tag(kind, number)] = after.tag(kind, number)
    # A row that stands for none of the opened values was planted: it led to nothing before, and ends here.
    tags = _carried(one.index, anew)
    meta = replace(found.meta, cohort_id=one.home.key_id)
    return Move(meta, after.mac(meta), wrapped, tags, cohort.key_id, found.revision)


def _carried(
    index: tuple[tuple[str, int, bytes], ...], anew: Mapping[tuple[IdentifierKind, bytes], bytes]
) -> list[tuple[IdentifierKind, int, bytes]]:
    kinds = {kind.value: kind for kind in IdentifierKind}
    rows = [(kinds.get(word), ordinal, tag) for word, ordinal, tag in index]
    return [(kind, ordinal, anew[kind, tag]) for kind, ordinal, tag in rows if kind is not None and (kind, tag) in anew]
