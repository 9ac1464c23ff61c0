"""When a policy keeps records for another time than the one before, stored expiries follow it: every night, in batches.

Nothing remembers how far it came. Each run looks at every record and changes those whose expiry is not what the policy
in force says; so it may be killed, run twice, or run by processes that have not all loaded the new policy yet, and the
next run puts right what is left. Until then a longer period holds already (:func:`vault.services.steps.due.due_items`),
and a shorter one comes into force by this run. The cohort stays: its end is a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

from vault.domain.destruction import PURPOSE
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.domain.records import RecordState, from_micros
from vault.errors import IntegrityError
from vault.services.steps.due import expiries
from vault.services.steps.opening import check, reporting
from vault.services.steps.parts import Parts
from vault.storage import record_writes, records, retention
from vault.storage.record_writes import Change, Origin
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_BATCH = 500


def follow_policy(parts: Parts, actor: Actor, now: datetime) -> int:
    """Give every settled record the expiry that the policy in force says.

    Args:
        parts: the vault's parts.
        actor: who makes it happen.
        now: UTC.

    Returns:
        How many records changed.

    Raises:
        StorageError: ``changed_meanwhile``: somebody else was faster; the next run goes on.
    """
    changed = 0
    behind = _behind(parts)
    while batch := list(islice(behind, _BATCH)):
        damaged: list[StoredRecord] = []
        with unit_of_work(parts.database) as work:
            changed += _follow(parts, work, actor, batch, damaged, now)
        for one in damaged:  # each is an event of its own, and keeps none of the others back
            with suppress(IntegrityError), reporting(parts, actor, {one.meta.record_id: one}, now):
                raise IntegrityError("unreadable")
    return changed


def _behind(parts: Parts) -> Iterator[bytes]:
    """Stream the ids of records whose expiry is another one than the policy in force says."""
    expiry = expiries(parts.policy)
    classes = {one.value: one for one in RecordClass}
    with parts.database.read() as connection:
        for found in retention.periods(connection):
            wanted = expiry(classes[found.record_class], from_micros(found.activity_at))
            if wanted != from_micros(found.expires_at):
                yield found.record_id


def _follow(
    parts: Parts, work: UnitOfWork, actor: Actor, batch: Sequence[bytes], damaged: list[StoredRecord], now: datetime
) -> int:
    expiry = expiries(parts.policy)
    store = parts.keys.current(work.connection)
    changes = []
    for one in records.load(work.connection, batch).values():
        try:
            check(store, one)
        except IntegrityError:
            damaged.append(one)
            continue
        wanted = expiry(one.meta.record_class, one.meta.activity_at)
        # Asked again of what was loaded: since it was looked at it may have changed, or be gone.
        if one.meta.state is RecordState.OPEN or one.meta.expires_at == wanted:
            continue
        meta = one.meta.with_activity(one.meta.activity_at, wanted)
        mac = store.keys_of(meta.cohort_id).mac(meta)
        changes.append(Change(meta, mac, one.revision, now, origin=Origin.ACTIVITY))
    if changes:
        record_writes.change(work.connection, changes, frozenset())  # a new expiry changes no value
        work.announce(
            parts.event(now, actor, Action.RETENTION_PERIODS, Outcome.DONE, purpose=PURPOSE, updated=len(changes))
        )
        work.commit()
    return len(changes)
