"""A customer's last activity moves on with what hangs on them: a step of the import and of filing a service record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.ids import RecordClass
from vault.domain.policy import Policy
from vault.domain.records import LinkRole, RecordMeta
from vault.domain.retention import expires_at
from vault.services.steps.opening import check
from vault.storage import record_writes, records
from vault.storage.record_writes import Change, Origin


def move_activity(
    connection: Connection, policy: Policy, store: KeyStore, metas: Iterable[RecordMeta], now: datetime
) -> None:
    """Move the expiry of customers whose shipment or service shows later activity than they had (RD-01).

    Args:
        connection: inside a writing transaction.
        policy: the rules in force.
        store: the key store in force.
        metas: shipments and service records that were just stored.
        now: UTC.

    Raises:
        IntegrityError: a customer was edited behind the vault's back.
        StorageError: ``changed_meanwhile``: somebody else was faster.
    """
    latest: dict[bytes, datetime] = {}
    for meta in metas:
        for role, linked in meta.links:
            if role is not LinkRole.SHIPMENT:
                latest[linked] = max(meta.activity_at, latest.get(linked, meta.activity_at))
    keep = policy.retention[RecordClass.CUSTOMER].keep()
    moved = []
    for found in records.earlier_than(connection, latest):
        at = latest[found.meta.record_id]
        check(store, found)
        meta = found.meta.with_activity(at, expires_at(at, keep, policy.zone))
        mac = store.keys_of(meta.cohort_id).mac(meta)
        moved.append(Change(meta, mac, found.revision, now, origin=Origin.ACTIVITY))
    record_writes.change(connection, moved, frozenset())  # activity changes no value, so none is superseded
