"""What is due, and why the rest of what is past its time stays: for drafts as a stream, for one record at its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from vault.domain.destruction import ORDER, Count, Item, Numbers, Stays
from vault.domain.ids import RecordClass
from vault.domain.policy import Policy
from vault.domain.records import RecordMeta, RecordState, from_micros
from vault.domain.retention import expires_at
from vault.errors import InvalidValue
from vault.storage import retention

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Tally:
    """What a draft counts while its records stream by: by class, outlet and reason how many, and since when."""

    _counted: dict[tuple[RecordClass, str, str], tuple[int, datetime]] = field(default_factory=dict)

    def add(self, record_class: RecordClass, outlet: str, why: str, expires: datetime) -> None:
        """Count one more record."""
        key = (record_class, outlet, why)
        number, oldest = self._counted.get(key, (0, expires))
        self._counted[key] = number + 1, min(oldest, expires)

    def numbers(self) -> Numbers:
        """Return what was counted, in a fixed order."""
        return Numbers(tuple(Count(*key, *self._counted[key]) for key in sorted(self._counted)))


def due_items(connection: Connection, policy: Policy, as_of: datetime, tally: Tally) -> Iterator[Item]:
    """Stream what is due at a moment, ordered by record id.

    What is stored was computed by the policy of its day. Where the one in force keeps a record longer, it is not due.

    Args:
        connection: an open connection; nothing else may be asked of it meanwhile.
        policy: the rules in force.
        as_of: UTC.
        tally: counts what passes, and what is held.
    """
    classes = {one.value: one for one in ORDER}
    expiry = expiries(policy)
    for found in retention.past_their_time(connection, as_of):
        record_class, expires = classes[found.record_class], from_micros(found.expires_at)
        if expiry(record_class, from_micros(found.activity_at)) > as_of:
            continue
        tally.add(record_class, found.outlet, found.why, expires)
        if not found.why:
            yield Item(found.record_id, record_class, found.cohort_id, expires, found.outlet)


def why_it_stays(
    connection: Connection, policy: Policy, meta: RecordMeta, now: datetime, *, is_linked: bool = True
) -> Stays | None:
    """Return why a record may not be destroyed at this moment; None if it may.

    Asked in the transaction that would destroy it. A hold that somebody forged behind the vault's back keeps a record
    too long, and shows; so only the record's own metadata must be checked.

    Args:
        connection: inside that transaction.
        policy: the rules in force.
        meta: the record's metadata, already checked against its MAC.
        now: UTC.
        is_linked: False where the caller has seen that nothing links to it, and need not be asked.
    """
    if meta.state is RecordState.OPEN or meta.expires_at is None:
        return Stays.OPEN
    expiry = expiries(policy)
    if max(meta.expires_at, expiry(meta.record_class, meta.activity_at)) > now:
        return Stays.NOT_DUE
    if meta.held or not is_linked:
        return Stays.HOLD if meta.held else None
    return retention.why_linked(connection, meta.record_id, meta.record_class)


def expiries(policy: Policy) -> Callable[[RecordClass, datetime], datetime]:
    """Return the function that computes an expiry by the policy in force; each day is worked out once."""
    zone = policy.zone
    keeps = {record_class: rule.keep() for record_class, rule in policy.retention.items()}
    known: dict[tuple[RecordClass, date], datetime] = {}

    def expiry(record_class: RecordClass, activity_at: datetime) -> datetime:
        """Return when a record of a class expires, by its last activity."""
        day = activity_at.astimezone(zone).date()
        found = known.get((record_class, day))
        if found is None:
            try:
                found = expires_at(activity_at, keeps[record_class], zone)
            except InvalidValue:  # beyond the calendar: never due
                found = _NEVER
            known[record_class, day] = found
        return found

    return expiry
