"""Putting a record under legal hold and taking it off again: steps of officers' work, and of the response to a breach.

The mark stands in the record's own metadata, under its MAC, so that whoever meets the record sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from vault.crypto.key_store import KeyStore
from vault.domain.destruction import ORDER, PURPOSE
from vault.domain.ids import new_id
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.errors import InvalidValue, NotFound
from vault.services.steps.opening import announced, check
from vault.services.steps.parts import Parts
from vault.storage import holds, record_writes, records
from vault.storage.holds import Hold
from vault.storage.record_writes import Change, Origin
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import UnitOfWork

SOURCE = "source"
"""Name under which the document of a hold is sealed with the people key."""

RESTORED = "restored"
"""Reason of a hold that a restore brought back or released by the ledger: who did, and why, is lost."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Why a record is to be held, checked.

    Args:
        reason: of the policy.
        source: the document that asks for it.
        review_on: by when somebody looks at it again.
    """

    reason: str
    source: str
    review_on: date


def put(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    record_id: bytes,
    wish: Wish,
    met: dict[bytes, StoredRecord],
    now: datetime,
) -> tuple[Hold, Entry]:
    """Put a record under a hold of its own, beside others it may have.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        person: the officer.
        record_id: the record.
        wish: why, and until when.
        met: takes the record, so that the caller can report it if it does not fit.
        now: UTC.

    Returns:
        The hold, and what the ledger is to learn *before* the commit: a restore may bring back a hold that came to
        nothing, and never forgets one.

    Raises:
        IntegrityError: the record was edited behind the vault's back.
        InvalidValue: ``record_destroyed``.
        NotFound: ``record_to_hold``.
        StorageError: ``changed_meanwhile``.
    """
    holds.lock_record(work.connection, record_id)
    met |= records.load(work.connection, [record_id])
    one = met.get(record_id)
    if one is None and holds.is_destroyed(work.connection, record_id):
        raise InvalidValue("record_destroyed", field="record")
    if one is None or one.meta.record_class not in ORDER:
        raise NotFound("record_to_hold")
    store = parts.keys.current(work.connection)
    check(store, one)
    hold_id = new_id()
    hold = Hold(
        hold_id=hold_id,
        record_id=record_id,
        record_class=one.meta.record_class,
        reason=wish.reason,
        sealed_source=store.seal_person(hold_id, SOURCE, wish.source),
        placed_by=person.account_id,
        placed_at=now,
        review_on=wish.review_on,
    )
    holds.add(work.connection, hold)
    _mark(work, store, one, now, held=True)
    work.announce(
        parts.event(
            now,
            person.actor(),
            Action.HOLD_PLACED,
            Outcome.DONE,
            purpose=PURPOSE,
            opened=(announced(one, ()),),
            hold=hold_id.hex(),
            reason=wish.reason,
        )
    )
    return hold, Entry(EntryKind.HOLD_PLACED, now, hold_id, (record_id,))


def lift(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    hold: Hold,
    reason: str,
    met: dict[bytes, StoredRecord],
    now: datetime,
) -> Entry:
    """Release a hold; with the last one on it the record is due again, if its time is over, at the next plan.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        person: the officer.
        hold: the hold.
        reason: why it ends, of the policy.
        met: takes the record, so that the caller can report it if it does not fit.
        now: UTC.

    Returns:
        What the ledger is to learn *after* the commit: a restore that still knows the hold keeps too much, and harms
        nobody.

    Raises:
        IntegrityError: the record was edited behind the vault's back.
        NotFound: it was released already.
        StorageError: ``changed_meanwhile``.
    """
    holds.lock_record(work.connection, hold.record_id)
    if not holds.release(work.connection, hold.hold_id, person.account_id, reason, now):
        raise NotFound("hold")
    met |= records.load(work.connection, [hold.record_id])
    one = met.get(hold.record_id)
    if one is not None and not holds.living_on(work.connection, hold.record_id):
        store = parts.keys.current(work.connection)
        check(store, one)
        _mark(work, store, one, now, held=False)
    work.announce(
        parts.event(
            now,
            person.actor(),
            Action.HOLD_RELEASED,
            Outcome.DONE,
            purpose=PURPOSE,
            opened=() if one is None else (announced(one, ()),),
            hold=hold.hold_id.hex(),
            reason=reason,
        )
    )
    return Entry(EntryKind.HOLD_RELEASED, now, hold.hold_id, (hold.record_id,))


def _mark(work: UnitOfWork, store: KeyStore, found: StoredRecord, now: datetime, *, held: bool) -> None:
    if found.meta.held is held:
        return
    meta = replace(found.meta, held=held)
    mac = store.keys_of(meta.cohort_id).mac(meta)
    # As later activity does, a hold leaves the values as their import left them: the next file is no conflict.
    change = Change(meta, mac, found.revision, now, origin=Origin.ACTIVITY)
    record_writes.change(work.connection, [change], frozenset())


def bring_back(
    parts: Parts, work: UnitOfWork, hold_id: bytes, record_id: bytes, placed_at: datetime, now: datetime
) -> bool:
    """Put a record under a hold that a restored database has forgotten and the ledger has not.

    Who placed it, why and by which document is lost with that database: it is to be reviewed at once.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        hold_id: the hold.
        record_id: the record.
        placed_at: when it was placed, UTC.
        now: UTC.

    Returns:
        Whether there is such a record.

    Raises:
        IntegrityError: the record was edited behind the vault's back.
    """
    one = records.load(work.connection, [record_id]).get(record_id)
    if one is None:
        return False
    store = parts.keys.current(work.connection)
    check(store, one)
    hold = Hold(
        hold_id=hold_id,
        record_id=record_id,
        record_class=one.meta.record_class,
        reason=RESTORED,
        sealed_source=store.seal_person(hold_id, SOURCE, "?"),
        placed_by=None,
        placed_at=placed_at,
        review_on=now.astimezone(parts.policy.zone).date(),
    )
    holds.add(work.connection, hold)
    _mark(work, store, one, now, held=True)
    return True


def let_go(parts: Parts, work: UnitOfWork, hold: Hold, released_at: datetime, now: datetime) -> bool:
    """Release a hold that a restored database has and the ledger knows to be released.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        hold: the hold.
        released_at: when it was released, UTC.
        now: UTC.

    Returns:
        Whether it was released by this.

    Raises:
        IntegrityError: the record was edited behind the vault's back.
    """
    if not holds.release(work.connection, hold.hold_id, None, RESTORED, released_at):
        return False
    one = records.load(work.connection, [hold.record_id]).get(hold.record_id)
    if one is not None and not holds.living_on(work.connection, hold.record_id):
        store = parts.keys.current(work.connection)
        check(store, one)
        _mark(work, store, one, now, held=False)
    return True
