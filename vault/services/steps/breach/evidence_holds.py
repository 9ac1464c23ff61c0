"""Legal holds on the records of a frozen radius, in batches: each is whole, and the next run goes on behind it.

Customers are held, and the shipments and service records of them that were shown: what leaked is the evidence. Where a
radius was drawn around rows, nobody knows what was read, and its customers alone are held.
"""

from __future__ import annotations

from datetime import datetime

from vault.domain.breach.containment import Containment
from vault.domain.holds import latest_review
from vault.domain.ledger import Entry
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.errors import AlreadyDecided, IntegrityError, InvalidValue, NotFound
from vault.services.steps.breach.incidents import matter
from vault.services.steps.hold_agreement import tell_afterwards, told_first
from vault.services.steps.holding import Wish, lift, put
from vault.services.steps.opening import announced
from vault.services.steps.parts import Parts
from vault.storage import holds
from vault.storage.breach import containments, radius
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

BATCH = 50
"""Records of one transaction: it keeps other writers waiting for a moment only."""


def hold_some(parts: Parts, person: Person, one: Containment, now: datetime) -> int | None:
    """Put the next records of a radius under hold: customers and what was shown of them.

    What was destroyed since is passed over, and so is what was edited behind the vault's back, which the log tells.

    Args:
        parts: the vault's parts.
        person: the officer.
        one: the measure, which stands.
        now: UTC.

    Returns:
        How many are held by this; None when there are no more.

    Raises:
        AlreadyDecided: ``measure_ended``.
        StorageError: ``changed_meanwhile``: somebody changed such a record at this very moment; nothing is held.
    """
    with told_first(parts, now) as tell, unit_of_work(parts.database) as work:
        matter(work.connection, one.incident_id, locked=True)  # one run at a time
        standing = containments.one(work.connection, one.incident_id, one.containment_id)
        if standing is None or not standing.is_standing:
            raise AlreadyDecided("measure_ended")
        after = containments.last_held(work.connection, one.containment_id)
        ids = radius.to_hold(work.connection, one.target, after, BATCH)
        if not ids:
            return None
        entries: list[Entry] = []
        held: list[tuple[bytes, bytes | None]] = []
        for record_id in ids:
            entry, hold_id = _put(parts, work, person, one, record_id, now)
            held.append((record_id, hold_id))
            if entry is not None:
                entries.append(entry)
        containments.note_holds(work.connection, one.containment_id, held)
        containments.add_affected(work.connection, one.containment_id, len(entries))
        tell(entries)
        work.commit()
    return len(entries)


def lift_some(parts: Parts, person: Person, one: Containment, now: datetime) -> int:
    """Release the next holds of a measure; returns how many, 0 when none is left.

    Args:
        parts: the vault's parts.
        person: the officer.
        one: the measure.
        now: UTC.

    Raises:
        IntegrityError: a record was edited behind the vault's back; nothing of the batch is released.
        StorageError: ``changed_meanwhile``.
    """
    entries: list[Entry] = []
    with unit_of_work(parts.database) as work:
        matter(work.connection, one.incident_id, locked=True)
        left = containments.holds_left(work.connection, one.containment_id, BATCH)
        for hold_id in left:
            hold = holds.one(work.connection, hold_id)
            if hold is not None:
                entries.append(lift(parts, work, person, hold, parts.policy.containment.hold_release, {}, now))
        work.commit()
    for entry in entries:
        tell_afterwards(parts, entry)
    return len(left)


def _put(
    parts: Parts, work: UnitOfWork, person: Person, one: Containment, record_id: bytes, now: datetime
) -> tuple[Entry | None, bytes | None]:
    met: dict[bytes, StoredRecord] = {}
    try:
        hold, entry = put(parts, work, person, record_id, _wish(parts, one, now), met, now)
    except (InvalidValue, NotFound):  # destroyed since, or no record that is destroyed by plans
        return None, None
    except IntegrityError:
        concerned = tuple(announced(found, ()) for found in met.values())
        failure = parts.event(
            now, person.actor(), Action.INTEGRITY_FAILURE, Outcome.FAILED, opened=concerned, reason="unreadable"
        )
        work.announce(failure)
        return None, None
    return entry, hold.hold_id


def _wish(parts: Parts, one: Containment, now: datetime) -> Wish:
    today = now.astimezone(parts.policy.zone).date()
    review_on = latest_review(today, parts.policy.destruction.hold_review_months)
    return Wish(parts.policy.containment.hold_reason, one.incident_id.hex(), review_on)
