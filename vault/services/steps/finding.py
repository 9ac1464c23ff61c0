"""Finding by blind index what an exact identifier leads to; nothing is opened, and a miss asks the same questions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.services.steps import scope
from vault.storage import records
from vault.storage.records import StoredRecord

CLASS_OF = {
    IdentifierKind.PHONE: RecordClass.CUSTOMER,
    IdentifierKind.ID_NUMBER: RecordClass.CUSTOMER,
    IdentifierKind.WAYBILL: RecordClass.SHIPMENT,
}
"""The class of the records that an identifier of each kind finds."""


_CLASSES_OF = {
    kind: tuple(one for one, fields in FIELDS.items() if any(field.index is kind for field in fields.values()))
    for kind in IdentifierKind
}
"""The classes of the records that carry an identifier of each kind."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What an identifier leads to, restricted records left out.

    Args:
        matches: the records that carry it: customers, or shipments; the latest activity first.
        customers: the customers among them, or the parties of the shipments.
        damaged: ids of those among both that do not fit; see :class:`vault.services.steps.scope.Looked`.
    """

    matches: Mapping[bytes, StoredRecord]
    customers: Mapping[bytes, StoredRecord]
    damaged: frozenset[bytes] = frozenset()

    def those_damaged(self) -> list[StoredRecord]:
        """Return the records that do not fit."""
        return [one for key, one in ({**self.matches, **self.customers}).items() if key in self.damaged]

    def sound(self) -> Behind:
        """Return the same without what does not fit."""
        matches, customers = (
            {key: one for key, one in some.items() if key not in self.damaged}
            for some in (self.matches, self.customers)
        )
        return Behind(matches, customers)


def carriers(
    connection: Connection, store: KeyStore, readings: Iterable[tuple[IdentifierKind, str]]
) -> list[tuple[bytes, RecordClass]]:
    """Return ids and classes of all records that carry a number, restricted ones too, in whichever way it is read.

    Args:
        connection: an open connection.
        store: the key store in force.
        readings: kinds and canonical spellings of the number.
    """
    found: dict[bytes, RecordClass] = {}
    for kind, number in readings:
        for record_class in _CLASSES_OF[kind]:
            tags = [keys.tag(kind, number) for keys in store.class_keys(record_class)]
            for ids in records.ids_by_tag(connection, tags).values():
                found.update(dict.fromkeys(ids, record_class))
    return sorted(found.items())


def candidates(connection: Connection, store: KeyStore, kind: IdentifierKind, number: str) -> dict[bytes, StoredRecord]:
    """Find records by one tag for each live cohort; a miss loads a decoy id, so that it asks the same questions."""
    tags = [keys.tag(kind, number) for keys in store.class_keys(CLASS_OF[kind])]
    hits = records.ids_by_tag(connection, tags)
    ids = {record_id for some in hits.values() for record_id in some}
    return records.load_as_stored(connection, ids or {new_id()})


def parties(
    connection: Connection, kind: IdentifierKind, found: Mapping[bytes, StoredRecord]
) -> dict[bytes, StoredRecord]:
    """Load the customers that found shipments hang on; a customer hangs on nobody, there or not."""
    if CLASS_OF[kind] is not RecordClass.SHIPMENT:
        return {}
    links = {linked for one in found.values() for linked in scope.parties_of(one.meta)}
    return records.load_as_stored(connection, links or {new_id()})


def behind(connection: Connection, store: KeyStore, kind: IdentifierKind, number: str, now: datetime) -> Behind:
    """Return what an identifier leads to, and what of it does not fit.

    Args:
        connection: an open connection.
        store: the key store in force.
        kind: kind of the identifier.
        number: its canonical spelling.
        now: UTC.
    """
    found = candidates(connection, store, kind, number)
    of_matches = scope.look_at(connection, store, found, now, CLASS_OF[kind])
    of_people = scope.look_at(connection, store, parties(connection, kind, found), now, RecordClass.CUSTOMER)
    live = {**of_matches.live, **of_people.live}
    latest = sorted(live, key=lambda key: live[key].meta.activity_at, reverse=True)
    return Behind(
        {key: live[key] for key in latest if key in found},
        {key: live[key] for key in latest if live[key].meta.record_class is RecordClass.CUSTOMER},
        (of_matches.damaged | of_people.damaged) & live.keys(),
    )
