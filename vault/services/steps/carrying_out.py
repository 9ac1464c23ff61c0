"""Carrying out a part of a plan: intents into the ledger, record by record a transaction, then what came true.

The order is what makes a kill harmless. An intent that came to nothing is decided again by the rules. A record that is
gone while the ledger does not say so yet is added by the next run, before it does anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.destruction import ItemState, PlanState
from vault.domain.ids import RecordClass
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.errors import IntegrityError, StorageError, StorageUnavailable, VaultError, VaultSealed
from vault.services.steps.courtesy import Courtesy
from vault.services.steps.erasing import Became, destroy
from vault.services.steps.hold_agreement import agree
from vault.services.steps.parts import Parts
from vault.storage import destruction, destruction_run, erasure, records
from vault.storage.destruction import Plan
from vault.storage.destruction_run import Due
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

BATCH = 100
"""Records whose intents, and whose ends, are one entry of the ledger each: two syncs for each copy of it."""

_TRIES = 2


def carry_out(
    parts: Parts, plan: Plan, batch: Sequence[Due], actor: Actor, clock: Callable[[], datetime],
    stop: Callable[[], bool], courtesy: Courtesy,
) -> list[Became]:  # fmt: skip
    """Destroy some records of a plan, as far as the rules still say so.

    Args:
        parts: the vault's parts.
        plan: a plan that runs.
        batch: what to try, at most :data:`BATCH` records.
        actor: who carries it out.
        clock: gives the time, UTC.
        stop: asked before each record; what was begun is ended.
        courtesy: makes it rest between two records.

    Returns:
        What became of each record that was tried.

    Raises:
        StorageUnavailable: database or ledger cannot be written; each record is whole or gone.
        VaultSealed: an operator must act first.
    """
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        known = _read_ahead(connection, batch)
    ids = tuple(one.record_id for one in batch)
    parts.ledger.append([Entry(EntryKind.ERASE_INTENT, clock(), plan.plan_id, ids)])
    tried: list[Became] = []
    try:
        for one in batch:
            if stop():
                break
            with courtesy.piece():
                tried.append(_tried(parts, store, plan, one, known.get(one.record_id), actor, clock()))
    except VaultError:
        with suppress(VaultError):  # the first error is the one to tell; the next run makes up for it
            _note_erased(parts, plan.plan_id, ids, clock())
        raise
    _note_erased(parts, plan.plan_id, ids, clock())
    return tried


def make_up(parts: Parts, plan_id: bytes, actor: Actor, at: datetime) -> int:
    """Let the ledger and the rows say the same again, where an earlier run was killed or a disk was full.

    What was destroyed before anybody could say so is added to the ledger; holds that one knows and the other does not
    are evened out, so that nothing is destroyed that somebody was told is held.

    Args:
        parts: the vault's parts.
        plan_id: the plan; nobody else carries it out at this time.
        actor: who carries it out.
        at: UTC.

    Returns:
        How many destroyed records it added.
    """
    found = parts.memory.recall(parts.ledger)
    agree(parts, found.holds, actor, at)
    return _note_erased(parts, plan_id, tuple(one for one, plan in found.intents.items() if plan == plan_id), at)


def end_if_done(parts: Parts, work: UnitOfWork, plan_id: bytes, actor: Actor, at: datetime) -> None:
    """End a plan of which nothing is left to try; its caller commits."""
    counts = destruction_run.standing(work.connection, plan_id).counts
    if counts.get(ItemState.DUE) or counts.get(ItemState.FAILED):
        return
    running = (PlanState.RUNNING, PlanState.PAUSED)
    if destruction.move(work.connection, plan_id, running, PlanState.DONE, {"finished_at": at}):
        destroyed, held, kept = (
            counts.get(state, 0) for state in (ItemState.DESTROYED, ItemState.HELD, ItemState.KEPT)
        )
        action, named = Action.DESTRUCTION_FINISHED, plan_id.hex()
        work.announce(
            parts.event(at, actor, action, Outcome.DONE, plan=named, destroyed=destroyed, held=held, kept=kept)
        )


def _note_erased(parts: Parts, plan_id: bytes, ids: Sequence[bytes], at: datetime) -> int:
    """Add to the ledger those of some records that are gone; the rows say so, also where a commit's answer was lost."""
    with parts.database.read() as connection:
        gone = erasure.buried(connection, ids)
    erased = [one for one in ids if one in gone]
    parts.ledger.append(
        [
            Entry(EntryKind.ERASED, at, plan_id, tuple(erased[start : start + BATCH]))
            for start in range(0, len(erased), BATCH)
        ]
    )
    return len(erased)


def _read_ahead(connection: Connection, batch: Sequence[Due]) -> dict[bytes, StoredRecord]:
    """Read the records of a batch together, so that each transaction is short; images one by one, as they are large."""
    ids = [one.record_id for one in batch if one.record_class is not RecordClass.ID_COPY]
    try:
        return records.load(connection, ids)
    except IntegrityError:  # one of them; each is met again at its turn
        return {}


def _tried(
    parts: Parts, store: KeyStore, plan: Plan, one: Due, known: StoredRecord | None, actor: Actor, at: datetime
) -> Became:
    tries = 0
    while True:
        tries += 1
        try:
            with unit_of_work(parts.database) as work:
                became = destroy(parts, work, store, plan, known or one, actor, at)
                work.commit()
        except (StorageUnavailable, VaultSealed) as error:
            # Another writer was in the way for a moment, or the answer to our commit was lost.
            if tries == _TRIES or isinstance(error, VaultSealed):
                raise
        except (IntegrityError, StorageError) as error:
            return _failed(parts, plan, one, error, actor, at)
        else:
            return became


def _failed(parts: Parts, plan: Plan, one: Due, error: VaultError, actor: Actor, at: datetime) -> Became:
    """Note that a record could not be destroyed; the log is told once, not at every try."""
    became = Became(ItemState.FAILED, error.reason)
    with unit_of_work(parts.database) as work:
        known = destruction_run.state_of(work.connection, plan.plan_id, one.record_id)
        destruction_run.settle(work.connection, plan.plan_id, one.record_id, became.state, became.why, None, at)
        if known != (became.state, became.why):
            named = (Opened(one.record_id, one.record_class.value, ()),)
            action = Action.INTEGRITY_FAILURE if isinstance(error, IntegrityError) else Action.RECORD_KEPT
            work.announce(
                parts.event(
                    at, actor, action, Outcome.FAILED, opened=named, plan=plan.plan_id.hex(), reason=error.reason
                )
            )
        work.commit()
    return became
