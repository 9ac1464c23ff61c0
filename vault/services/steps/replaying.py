"""Replaying the ledger over a restored database: what was destroyed is destroyed again, what was held is held again.

Each step is decided from the ledger, the key store and the rows, and safe to repeat: it does not matter where an
earlier run was killed. Nothing here opens a field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.domain.cohorts import CohortState
from vault.domain.ids import RecordClass
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import AccountState
from vault.errors import IntegrityError
from vault.services.steps import holding
from vault.services.steps.due import why_it_stays
from vault.services.steps.erasing import destroy_again
from vault.services.steps.opening import announced, check
from vault.services.steps.parting import AT_ONCE, LEFT, end_access, given
from vault.services.steps.parts import Parts
from vault.services.steps.remembering import Progress, Remembered, remember
from vault.storage import cohorts, erasure, holds, leaving, people, record_writes, records, restoring
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

BATCH = 100
"""Records destroyed again in one transaction."""

_KEY_GONE = "key_gone"


@dataclass(frozen=True, slots=True)
class Parted:
    """An account that was closed again: its work number, and how much is left that nobody was found for.

    Args:
        work_number: whose.
        cases: open cases that stay in its hands until a supervisor moves them.
        records: customers and open services that went to the pool.
    """

    work_number: str
    cases: int
    records: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did, in this run; an earlier one that was killed may have done a part of it.

    Args:
        destroyed: records destroyed again.
        decided: records of which the ledger did not know whether they were destroyed, and which the rules destroyed.
        held: holds brought back.
        released: holds released.
        left: accounts closed again.
        cohorts: cohorts whose key is gone.
        lost: living records that nothing opens any more, removed.
        plans: plans of destruction set back.
        damaged: records that stay as they are because something of them does not fit.
    """

    destroyed: int = 0
    decided: int = 0
    held: int = 0
    released: int = 0
    left: tuple[Parted, ...] = ()
    cohorts: int = 0
    lost: int = 0
    plans: int = 0
    damaged: int = 0


def lost(parts: Parts) -> dict[RecordClass, int]:
    """Count the living records of a restored database that no key opens, by class; nothing is changed."""
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        there = {one.key_id for one in store.cohorts()}
        living: dict[bytes, RecordClass] = {}
        for row in cohorts.listed(connection):
            # What people typed for one another ends with its days, without a plan and without the ledger.
            if row.cohort.key_id not in there and row.cohort.record_class is not RecordClass.REQUEST:
                ids = restoring.ids_in(connection, row.cohort.key_id)
                living |= dict.fromkeys(ids, row.cohort.record_class)
    if living:

        def forget(gone: tuple[bytes, ...]) -> None:
            """Leave out records that were destroyed: no key should open them."""
            for one in gone:
                living.pop(one, None)

        remember(parts.ledger, erased=forget)
    found: dict[RecordClass, int] = {}
    for record_class in living.values():
        found[record_class] = found.get(record_class, 0) + 1
    return found


def replay(parts: Parts, actor: Actor, now: datetime, told: Progress) -> Replayed:
    """Apply everything that a restored database has forgotten.

    Args:
        parts: the vault's parts, on the restored database.
        actor: who restores.
        now: UTC.
        told: told how far the ledger has been gone through.

    Returns:
        What was done.

    Raises:
        StorageError: the next run goes on.
    """
    counted = [0]

    def again(ids: tuple[bytes, ...]) -> None:
        """Destroy again what the restored database still holds of these."""
        counted[0] += _destroy_again(parts, actor, ids, now)

    found = remember(parts.ledger, told, again)
    held, released, unfit = _holds(parts, actor, found, now)
    decided, damaged = _decide(parts, actor, found, now)
    gone, removed = _keys_gone(parts, actor, found, now)
    left = tuple(_part(parts, actor, one, now) for one in _to_part(parts, found))
    with unit_of_work(parts.database) as work:
        plans = restoring.set_back_plans(work.connection)
        work.commit()
    return Replayed(counted[0], decided, held, released, left, gone, removed, plans, unfit + damaged)


# -- records -----------------------------------------------------------------------------------------------------------


def _destroy_again(parts: Parts, actor: Actor, ids: Sequence[bytes], now: datetime, reason: str = "") -> int:
    with parts.database.read() as connection:
        living = sorted(erasure.living(connection, ids))
    for some in _pieces(living):
        with unit_of_work(parts.database) as work:
            for one in records.load(work.connection, some).values():
                destroy_again(parts, work, one.meta, None, actor, now, reason)
            work.commit()
    return len(living)


def _decide(parts: Parts, actor: Actor, found: Remembered, now: datetime) -> tuple[int, int]:
    """Decide by the rules of this moment what was about to be destroyed when the vault stopped.

    Only a plan that two people signed writes such an intent, so nobody need sign again.
    """
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        living = sorted(erasure.living(connection, list(found.intents)))
    damaged, decided = 0, 0
    for some in _pieces(living):
        gone: dict[bytes, list[bytes]] = {}
        with unit_of_work(parts.database) as work:
            for record_id, one in records.load(work.connection, some).items():
                try:
                    check(store, one)
                except IntegrityError:
                    damaged += 1  # nobody can judge it; if its key is gone, that is told below
                    continue
                if why_it_stays(work.connection, parts.policy, one.meta, now) is None:
                    destroy_again(parts, work, one.meta, None, actor, now)
                    gone.setdefault(found.intents[record_id], []).append(record_id)
            work.commit()
        parts.ledger.append([Entry(EntryKind.ERASED, now, plan, tuple(ids)) for plan, ids in gone.items()])
        decided += sum(map(len, gone.values()))
    return decided, damaged


def _keys_gone(parts: Parts, actor: Actor, found: Remembered, now: datetime) -> tuple[int, int]:
    """Close the cohorts whose key is gone; on disagreement the key store is right."""
    with parts.database.read() as connection:
        there = {one.key_id for one in parts.keys.current(connection).cohorts()}
        rows = [row for row in cohorts.listed(connection) if row.state is not CohortState.DESTROYED]
    gone = [row.cohort for row in rows if row.cohort.key_id not in there]
    removed = 0
    for cohort in gone:
        with parts.database.read() as connection:
            ids = restoring.ids_in(connection, cohort.key_id)
        if cohort.record_class is RecordClass.REQUEST:
            _erase_requests(parts, ids, cohort.key_id)
        else:
            removed += _destroy_again(parts, actor, ids, now, _KEY_GONE)
        with unit_of_work(parts.database) as work:
            restoring.key_is_gone(work.connection, cohort.key_id, now)
            work.commit()
    untold = [one.key_id for one in gone if one.key_id not in found.closed]
    parts.ledger.append([Entry(EntryKind.COHORT_CLOSED, now, about=one) for one in untold])
    return len(gone), removed


def _erase_requests(parts: Parts, ids: Sequence[bytes], cohort_id: bytes) -> None:
    for some in _pieces(ids):
        with unit_of_work(parts.database) as work:
            for one in some:
                erasure.erase_request(work.connection, one, cohort_id)
            work.commit()


def _pieces(ids: Sequence[bytes], length: int = BATCH) -> Iterator[Sequence[bytes]]:
    return (ids[start : start + length] for start in range(0, len(ids), length))


# -- holds -------------------------------------------------------------------------------------------------------------


def _holds(parts: Parts, actor: Actor, found: Remembered, now: datetime) -> tuple[int, int, int]:
    """Place and release what was placed and released since; returns how many, and how many records do not fit."""
    held = released = damaged = 0
    for hold_id, (record_id, placed_at, released_at) in found.holds.items():
        try:
            with unit_of_work(parts.database) as work:
                known = holds.one(work.connection, hold_id)
                if known is None and released_at is None:
                    if not holding.bring_back(parts, work, hold_id, record_id, placed_at, now):
                        continue
                    held += 1
                    _tell_hold(parts, work, actor, Action.HOLD_PLACED, hold_id, now)
                elif known is not None and known.released_at is None and released_at is not None:
                    if not holding.let_go(parts, work, known, released_at, now):
                        continue
                    released += 1
                    _tell_hold(parts, work, actor, Action.HOLD_RELEASED, hold_id, now)
                else:
                    continue
                work.commit()
        except IntegrityError:
            damaged += 1
    return held, released, damaged


def _tell_hold(parts: Parts, work: UnitOfWork, actor: Actor, action: Action, hold_id: bytes, now: datetime) -> None:
    work.announce(
        parts.event(now, actor, action, Outcome.DONE, purpose="retention", hold=hold_id.hex(), reason=holding.RESTORED)
    )


# -- people ------------------------------------------------------------------------------------------------------------


def _to_part(parts: Parts, found: Remembered) -> list[bytes]:
    """Return the accounts whose people left, and that are open in the restored database."""
    with parts.database.read() as connection:
        known = people.by_ids(connection, found.left)
    return [one for one, account in known.items() if account.state is not AccountState.LEFT]


def _part(parts: Parts, actor: Actor, account_id: bytes, now: datetime) -> Parted:
    """Close an account whose person left; who took over is lost, so customers and open services go to the pool."""
    handed_on = 0
    with unit_of_work(parts.database) as work:
        account = people.by_ids(work.connection, [account_id])[account_id]
        store = parts.keys.current(work.connection)
        end_access(work.connection, account, now)
        for ids in _pieces(leaving.records_to_hand_on(work.connection, account_id), AT_ONCE):
            fit = []
            for one in records.load(work.connection, ids).values():
                try:
                    fit.append((one, given(store, one, None, now)))
                except IntegrityError:  # it stays with an account that opens nothing
                    continue
            record_writes.give(work.connection, [change for _, change in fit])
            named = tuple(announced(one, ()) for one, _ in fit)
            work.announce(
                parts.event(now, actor, Action.OWNER_CHANGED, Outcome.DONE, opened=named, account=account.work_number)
            )
            handed_on += len(fit)
        cases = len(leaving.open_cases(work.connection, account_id))
        people.change(work.connection, account_id, LEFT)
        work.announce(
            parts.event(
                now, actor, Action.LEFT, Outcome.DONE,
                account=account.work_number, cases=cases, count=handed_on, reason=holding.RESTORED,
            )
        )  # fmt: skip
        work.commit()
    return Parted(account.work_number, cases, handed_on)
