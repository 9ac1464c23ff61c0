"""Sealing what people type for one another: identifiers asked about and notes of hand-overs, as class ``request``.

Such a record is internal: nobody finds it, it lives in a day cohort of a few days and dies with its key.
"""

from __future__ import annotations

from datetime import datetime

from vault.crypto.key_store import KeyStore
from vault.domain.cohorts import home_of
from vault.domain.ids import RecordClass, new_id
from vault.domain.people import Person
from vault.domain.records import FieldRef, RecordMeta, RecordState
from vault.domain.retention import expires_at
from vault.services.steps.parts import Parts
from vault.storage.record_writes import NewRecord


def sealed(parts: Parts, person: Person, store: KeyStore, field: str, text: str, now: datetime) -> NewRecord:
    """Seal one typed text as a new record of class ``request``.

    Its caller stores it (``vault_state.require_open`` with its cohort, then ``record_writes.store``) in the
    transaction of the row that takes the record's id as its own.

    Args:
        parts: the vault's parts.
        person: who typed it; the record is theirs.
        store: the key store in force.
        field: a field of class ``request`` in :mod:`vault.domain.fields`.
        text: what was typed, checked.
        now: UTC.

    Returns:
        The record to store, with a new random id.
    """
    zone, place = parts.policy.zone, FieldRef(field)
    expiry = expires_at(now, parts.policy.retention[RecordClass.REQUEST].keep(), zone)
    cohort = home_of(store.cohorts(), RecordClass.REQUEST, expiry, now.astimezone(zone).date(), zone)
    keys = store.keys_of(cohort.key_id)
    meta = RecordMeta(
        record_id=new_id(),
        record_class=RecordClass.REQUEST,
        cohort_id=cohort.key_id,
        owner=person.account_id,
        outlet=person.outlet,
        kind="",
        state=RecordState.SETTLED,
        held=False,
        activity_at=now,
        expires_at=expiry,
        fields=(place,),
    )
    wrapped, values = keys.seal(meta.record_id, [(place, text)])
    return NewRecord(meta, keys.mac(meta), wrapped, values, (), entered_at=now, imported=False)
