"""Closing cohorts whose last day has passed: open, closing, empty, destroyed; after that nothing in them ever opens.

Each step is decided from stored state and safe to repeat, so it does not matter where a run was killed. On disagreement
the key store is right: a cohort whose key is gone is destroyed, whatever its row says about the way there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from vault.domain.breach.containment import Doing
from vault.domain.cohorts import Cohort, CohortState, Waits
from vault.domain.ids import RecordClass
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import Action, Actor, Event, Outcome
from vault.errors import StorageUnavailable
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.clock_marking import mark
from vault.services.steps.keys import mirror
from vault.services.steps.moving_out import move_out
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage import clock_marks, cohorts, log, wal
from vault.storage.cohorts import CohortRow, Contents
from vault.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class Closing:
    """How far the closing of one cohort has come.

    Args:
        cohort: key id, class and last day.
        state: where it is in its life now.
        waits: why it goes no further; None when nothing is in its way.
        records: how many records it holds.
        due: how many of them are past their time and kept by nothing.
        moved: how many this run moved to later cohorts.
        unreadable: how many could not be moved because something of them does not fit.
    """

    cohort: Cohort
    state: CohortState
    waits: Waits | None = None
    records: int = 0
    due: int = 0
    moved: int = 0
    unreadable: int = 0


def outlook(parts: Parts, now: datetime) -> list[Closing]:
    """Tell of each cohort that has ended what is in its way; nothing is changed, and moves are not tried.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        By class and last day; destroyed cohorts are left out.
    """
    today = _today(parts, now)
    with parts.database.read() as connection:
        rows = cohorts.ended(connection, today)
        held = cohorts.contents(connection, today, now)
        backed_up = cohorts.backed_up(connection)
        seen = clock_marks.read(connection)

    def look(row: CohortRow) -> Closing:
        """Say how far a cohort is; nothing is tried."""
        return _closing(row, held.get(row.cohort.key_id, cohorts.NOTHING))

    def waits(one: Closing) -> Closing:
        """Say whether an empty cohort waits for a backup that knows of its moves."""
        size = moved[one.cohort.key_id]
        needs_none = one.cohort.record_class is RecordClass.REQUEST
        is_safe = needs_none or (size is not None and backed_up is not None and size <= backed_up)
        return replace(one, waits=None if is_safe else Waits.BACKUP)

    moved = {row.cohort.key_id: row.moved_size for row in rows}
    told = _in_order(rows, look, look)
    if seen is not None and seen.jumped_from is not None:
        return [replace(one, waits=Waits.CLOCK) for one in told]
    return _as_far_as_earlier_ones(told, waits)


@stopped_by_freeze(Doing.BUSINESS, Action.COHORT_CLOSING)
def close(parts: Parts, actor: Actor, now: datetime) -> list[Closing]:
    """Close every cohort that has ended, as far as nothing is in its way.

    Args:
        parts: the vault's parts.
        actor: who closes: the timetable or the operator. Nobody decides here: only keys under which nothing is left
            are destroyed.
        now: UTC.

    Returns:
        What became of each, by class and last day.

    Raises:
        KeyStoreError: a registered copy of the key store cannot be reached: no key is destroyed before all are.
        StorageUnavailable: the steps done so far stay done.
    """
    # 0. By a clock that nobody believes, months that are still filling would have ended.
    if mark(parts, now).jumped_from is not None:
        return outlook(parts, now)
    # 1. Nothing is sealed into them any more, and what lives longer moves to later cohorts.
    with parts.database.read() as connection:
        rows = cohorts.ended(connection, _today(parts, now))
    told = _in_order(rows, lambda row: _drain(parts, actor, row, now), lambda row: _look(parts, row, now))
    # 2. The log gives every move its place, by which a backup is known to hold it.
    _note_moves(parts, [one.cohort for one in told if one.state is CohortState.CLOSING and one.waits is None], now)
    # 3. With such a backup, and nothing left in them, they are empty.
    told = _as_far_as_earlier_ones(told, lambda one: _prove_empty(parts, actor, one, now))
    # 4. The keys of empty cohorts are destroyed in every copy.
    ready = [one.cohort for one in told if one.state is CohortState.EMPTY and one.waits is None]
    if ready:
        _destroy(parts, actor, ready, now)
        told = [replace(one, state=CohortState.DESTROYED) if one.cohort in ready else one for one in told]
    _tidy(parts)
    return told


def tend(parts: Parts, now: datetime) -> list[Closing]:
    """Close what has ended, for the timetable."""
    return close(parts, Actor("system", "system", node=parts.node), now)


def _in_order(
    rows: Sequence[CohortRow], step: Callable[[CohortRow], Closing], look: Callable[[CohortRow], Closing]
) -> list[Closing]:
    """Take the cohorts of each class in the order of their last days; one that cannot go on stops those behind it."""
    told: list[Closing] = []
    for _, of_class in groupby(rows, key=lambda row: row.cohort.record_class):
        stuck = False
        for row in of_class:
            one = replace(look(row), waits=Waits.EARLIER) if stuck else step(row)
            stuck = stuck or one.waits is not None
            told.append(one)
    return told


def _as_far_as_earlier_ones(told: Sequence[Closing], step: Callable[[Closing], Closing]) -> list[Closing]:
    """Let a cohort take its last step only behind all that ended before it, so that keys die in that order."""
    ending: list[Closing] = []
    for _, of_class in groupby(told, key=lambda one: one.cohort.record_class):
        waits = False
        for one in of_class:
            after = one if one.waits is not None else step(one)
            ending.append(replace(after, waits=Waits.EARLIER) if waits and after.waits is None else after)
            waits = waits or after.waits is not None
    return ending


# -- looking -------------------------------------------------------------------------------------------------------


def _look(parts: Parts, row: CohortRow, now: datetime) -> Closing:
    with parts.database.read() as connection:
        there, wraps = cohorts.counts(connection, row.cohort.key_id)
        due = cohorts.due_in(connection, row.cohort.key_id, now)
    return _closing(row, Contents(there, wraps, due))


def _closing(row: CohortRow, held: Contents) -> Closing:
    waits = None
    if held.due:
        waits = Waits.DUE
    elif held.records != held.wraps:
        waits = Waits.ORPHANS
    return Closing(row.cohort, row.state, waits, held.records, held.due)


def _backup_missing(parts: Parts, cohort: Cohort) -> Waits | None:
    """Return None if a verified backup holds every move out of this cohort, else what it waits for.

    Without one, restoring the last backup would bring back living customers under a key that is gone.
    """
    if cohort.record_class is RecordClass.REQUEST:
        return None  # what people type into requests lives for days and is never moved
    with parts.database.read() as connection:
        size = cohorts.moved_size(connection, cohort.key_id)
        if size is None:
            return Waits.LOG  # not noted yet how long the log was behind the last move
        return None if cohorts.has_backup(connection, size) else Waits.BACKUP


# -- up to empty -----------------------------------------------------------------------------------------------------


def _drain(parts: Parts, actor: Actor, row: CohortRow, now: datetime) -> Closing:
    one = _look(parts, row, now)
    if one.state is CohortState.OPEN:
        # What is due and not destroyed on its day would be destroyed with the key, signed by nobody.
        if one.waits is Waits.DUE:
            return one
        if not _begin(parts, actor, one.cohort, now):
            return replace(one, waits=Waits.BUSY)
        one = replace(one, state=CohortState.CLOSING)
    if one.state is CohortState.CLOSING:
        out = move_out(parts, actor, one.cohort, now)
        with parts.database.read() as connection:
            there, wraps = cohorts.counts(connection, one.cohort.key_id)
        one = replace(one, records=there, due=out.due, moved=out.moved, unreadable=out.unreadable)
        one = replace(one, waits=_left(one, wraps))
    return one


def _left(one: Closing, wraps: int) -> Waits | None:
    """Return why a cohort is not empty after everything that can move has moved."""
    if one.unreadable:
        return Waits.UNREADABLE
    if one.due:
        return Waits.DUE
    return Waits.ORPHANS if one.records or wraps else None


def _begin(parts: Parts, actor: Actor, cohort: Cohort, now: datetime) -> bool:
    with unit_of_work(parts.database) as work:
        if not cohorts.begin(work.connection, cohort.key_id, now):
            return False
        work.announce(_event(parts, actor, Action.COHORT_CLOSING, cohort, now))
        work.commit()
    return True


def _note_moves(parts: Parts, drained: Sequence[Cohort], now: datetime) -> None:
    """Note how long the log is once every move out of these cohorts has its place in it.

    Times of two hosts prove nothing here. Every move is an event in the transaction that moves: a backup that has as
    many events as the log had when all of them had their places holds the moves too.
    """
    with parts.database.read() as connection:
        fresh = [cohort for cohort in drained if cohorts.moved_size(connection, cohort.key_id) is None]
        last = cohorts.last_arrival(connection)
    if not fresh:
        return
    settle(parts, now)
    with parts.database.read() as connection:
        if not cohorts.is_ordered(connection, last):
            return  # another process is at it; the next run sees its work
        size = log.size(connection)
    with unit_of_work(parts.database) as work:
        for cohort in fresh:
            cohorts.note_moved(work.connection, cohort.key_id, size)
        work.commit()


def _prove_empty(parts: Parts, actor: Actor, one: Closing, now: datetime) -> Closing:
    if one.state is CohortState.EMPTY:
        return one
    waits = _backup_missing(parts, one.cohort)
    if waits is not None:
        return replace(one, waits=waits)
    with unit_of_work(parts.database) as work:
        if not cohorts.empty(work.connection, one.cohort.key_id, now):
            return replace(one, waits=Waits.BUSY)
        destroyed = cohorts.tombstones_of(work.connection, one.cohort.key_id)
        work.announce(_event(parts, actor, Action.COHORT_EMPTIED, one.cohort, now, destroyed=destroyed))
        work.commit()
    return replace(one, state=CohortState.EMPTY)


# -- destroying keys ---------------------------------------------------------------------------------------------------


def _destroy(parts: Parts, actor: Actor, ready: Sequence[Cohort], now: datetime) -> None:
    """Destroy the keys of empty cohorts in every registered copy, between an intent and a fact in the ledger."""
    ids = [cohort.key_id for cohort in ready]
    parts.keys.files.load()  # every copy is there, or nothing begins
    parts.ledger.append([Entry(EntryKind.COHORT_INTENT, now, about=key_id) for key_id in ids])
    store, _ = parts.keys.files.destroy_cohorts(ids, lambda one: mirror(parts.database, parts.policy, actor, one, now))
    parts.keys.adopt(store)
    parts.ledger.append([Entry(EntryKind.COHORT_CLOSED, now, about=key_id) for key_id in ids])
    copies = len(parts.keys.files.states())
    with unit_of_work(parts.database) as work:
        for cohort in ready:
            if cohorts.destroyed(work.connection, cohort.key_id, now):
                facts = {"copies": copies, "version": store.version}
                work.announce(_event(parts, actor, Action.COHORT_DESTROYED, cohort, now, **facts))
        work.commit()


def _tidy(parts: Parts) -> None:
    """Drop what is left of destroyed cohorts in the engine; nothing rests on it, and the next run tries again."""
    with suppress(StorageUnavailable):  # somebody reads a long time, a backup say
        with parts.database.read() as connection:
            droppable = list(cohorts.droppable(connection))
        for cohort_id in droppable:
            with unit_of_work(parts.database) as work:
                cohorts.drop_partition(work.connection, cohort_id)
                work.commit()
        wal.truncate(parts.database)


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.policy.zone).date()


def _event(parts: Parts, actor: Actor, action: Action, cohort: Cohort, now: datetime, **facts: int) -> Event:
    named = {"cohort": cohort.key_id.hex(), "record_class": cohort.record_class.value, **facts}
    return Event(now, actor, action, Outcome.DONE, parts.policy.digest, "retention", facts=named)
