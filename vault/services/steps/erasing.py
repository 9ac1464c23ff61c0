"""Destroying one record inside a unit of work: the rules are asked again, its rows go, and a tombstone stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.destruction import ItemState, Stays
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.records import RecordMeta
from vault.errors import StorageError
from vault.services.steps.due import why_it_stays
from vault.services.steps.opening import check
from vault.services.steps.parts import Parts
from vault.storage import destruction_run, erasure, records
from vault.storage.destruction import Plan
from vault.storage.destruction_run import Due
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import UnitOfWork

_NO_PLAN = b""


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a record.

    Args:
        state: destroyed, or why not.
        why: a word of :class:`~vault.domain.destruction.Stays`, or the reason it failed for.
    """

    state: ItemState
    why: str = ""


def destroy(
    parts: Parts, work: UnitOfWork, store: KeyStore, plan: Plan, record: Due | StoredRecord, actor: Actor, at: datetime
) -> Became:
    """Destroy one record of a plan if the rules still say so; what else becomes of it is noted in the plan.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        store: the key store in force.
        plan: the plan that names it.
        record: the record, or as it was read a moment ago: if it was changed since, it is read again.
        actor: who carries the plan out.
        at: UTC.

    Returns:
        What became of it.

    Raises:
        IntegrityError: its metadata was edited behind the vault's back; nothing was changed.
        StorageError: ``record_gone``: neither the record nor a tombstone of it is there.
    """
    connection = work.connection
    known = record if isinstance(record, Due) else record.meta
    record_id = known.record_id
    locked = erasure.lock(connection, record_id, known.record_class)
    if locked is None:
        return _gone(connection, plan, record_id, at)
    if isinstance(record, Due) or record.revision != locked.revision:
        record = records.load(connection, [record_id])[record_id]
    check(store, record)
    meta = record.meta
    why = why_it_stays(connection, parts.policy, meta, min(at, plan.as_of), is_linked=locked.is_linked)
    if why is not None:
        state = ItemState.KEPT if why in (Stays.OPEN, Stays.NOT_DUE) else ItemState.HELD
        if destruction_run.settle(connection, plan.plan_id, record_id, state, why.value, None, at):
            named = (Opened(record_id, meta.record_class.value, ()),)
            work.announce(
                parts.event(
                    at, actor, Action.RECORD_KEPT, Outcome.REFUSED,
                    opened=named, plan=plan.plan_id.hex(), reason=why.value,
                )
            )  # fmt: skip
        return Became(state, why.value)
    wrap = _erase(parts, work, meta, plan.plan_id, actor, at)
    if not destruction_run.settle(connection, plan.plan_id, record_id, ItemState.DESTROYED, "", wrap, at):
        raise StorageError("not_in_plan")  # nothing may go that two people have not seen
    return Became(ItemState.DESTROYED)


def _gone(connection: Connection, plan: Plan, record_id: bytes, at: datetime) -> Became:
    """Return what an earlier run left, or note that the record was destroyed for another reason."""
    known = destruction_run.state_of(connection, plan.plan_id, record_id)
    if known is not None and known[0] is ItemState.DESTROYED:
        return Became(*known)  # the answer to an earlier commit was lost on its way
    if not erasure.buried(connection, [record_id]):
        raise StorageError("record_gone")
    destruction_run.settle(connection, plan.plan_id, record_id, ItemState.KEPT, Stays.GONE.value, None, at)
    return Became(ItemState.KEPT, Stays.GONE.value)


def destroy_again(
    parts: Parts,
    work: UnitOfWork,
    meta: RecordMeta,
    plan_id: bytes | None,
    actor: Actor,
    at: datetime,
    reason: str = "",
) -> None:
    """Destroy a record that a restored database has brought back: the ledger says it was, so no rule is asked.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        meta: the record, as the restored database has it.
        plan_id: the plan that destroyed it first, if that is in the restored database; else None.
        actor: who restores.
        at: UTC.
        reason: why it is removed if it was not destroyed before: nothing opens it any more.
    """
    _erase(parts, work, meta, plan_id, actor, at, reason)


def _erase(
    parts: Parts,
    work: UnitOfWork,
    meta: RecordMeta,
    plan_id: bytes | None,
    actor: Actor,
    at: datetime,
    reason: str = "",
) -> bytes | None:
    """Remove the rows, leave the tombstone and the event; return SHA-256 of the wrap."""
    wrapped = erasure.erase(work.connection, meta, plan_id, at)
    named = (Opened(meta.record_id, meta.record_class.value, ()),)
    why: dict[str, Any] = {"reason": reason} if reason else {}
    event = parts.event(
        at, actor, Action.RECORD_DESTROYED, Outcome.DONE, opened=named, plan=(plan_id or _NO_PLAN).hex(), **why
    )
    work.announce(event)
    return None if wrapped is None else sha256(wrapped).digest()
