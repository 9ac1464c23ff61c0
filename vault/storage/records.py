"""Records' rows: found by tag, loaded whole, inserted in bulk, changed one by one. Sealed values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, bindparam, case, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.records import FieldRef, LinkRole, RecordMeta, RecordState
from vault.errors import StorageError
from vault.storage.bulk import insert_rows
from vault.storage.tables import record_fields, record_index, records, vault_state, wrapped_keys

_LINKS = {
    LinkRole.CUSTOMER: "customer_id",
    LinkRole.RECIPIENT: "recipient_id",
    LinkRole.SENDER: "sender_id",
    LinkRole.SHIPMENT: "shipment_id",
}
"""Sorted by role: the order in which the metadata MAC lists links."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """One record as it lies in the store.

    Args:
        meta: its metadata, to be checked against ``mac`` before anything rests on it.
        mac: the stored MAC.
        sealed: current sealed values by place.
        revision: counts every change.
        import_revision: the revision the last import left; None when made in the vault.
    """

    meta: RecordMeta
    mac: bytes
    sealed: Mapping[FieldRef, bytes]
    revision: int = 1
    import_revision: int | None = None


@dataclass(frozen=True, slots=True)
class NewRecord:
    """One record about to be stored.

    Args:
        meta: its metadata.
        mac: over the metadata.
        wrapped: its wrapped data key.
        sealed: sealed values in the order of ``meta.fields``.
        tags: blind-index rows as (kind, ordinal, tag).
        entered_at: when it was entered.
        late: entered later than the policy's limit.
        notice_missing: no notice on record.
        imported: whether an import made it.
    """

    meta: RecordMeta
    mac: bytes
    wrapped: bytes
    sealed: Sequence[bytes]
    tags: Sequence[tuple[IdentifierKind, int, bytes]]
    entered_at: datetime
    late: bool = False
    notice_missing: bool = False
    imported: bool = True


class Origin(StrEnum):
    """Who changes a record: an import, a person in the vault, or later activity of a linked record."""

    IMPORT = "import"
    VAULT = "vault"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class Change:
    """A new state for a stored record.

    Args:
        meta: the metadata after the change.
        mac: over it.
        revision: the revision the change starts from; another one by now means somebody was faster.
        sealed: new values only, by place (with their new generation).
        tags: blind-index rows of the kinds in ``retagged``, as (kind, ordinal, tag).
        retagged: identifier kinds whose rows are replaced.
        at: when.
        origin: who changes it.
    """

    meta: RecordMeta
    mac: bytes
    revision: int
    at: datetime
    sealed: Mapping[FieldRef, bytes] = field(default_factory=dict)
    tags: Sequence[tuple[IdentifierKind, int, bytes]] = ()
    retagged: frozenset[IdentifierKind] = frozenset()
    origin: Origin = Origin.IMPORT


# -- finding -----------------------------------------------------------------------------------------------------

_KEY_STORE_VERSION = select(vault_state.c.key_store_version).scalar_subquery().label("key_store_version")
_BY_TAG = (
    select(record_index.c.record_id, record_index.c.tag)
    .where(record_index.c.tag.in_(bindparam("tags", expanding=True)))
    .distinct()
)
_RECORDS = select(records).where(records.c.record_id.in_(bindparam("ids", expanding=True)))
_FIELDS = select(
    record_fields.c.record_id,
    record_fields.c.field,
    record_fields.c.ordinal,
    record_fields.c.generation,
    record_fields.c.sealed,
).where(
    record_fields.c.record_id.in_(bindparam("ids", expanding=True)),
    record_fields.c.superseded_at.is_(None),
)
_WRAPS = select(wrapped_keys.c.record_id, wrapped_keys.c.wrapped).where(
    wrapped_keys.c.cohort_id == bindparam("cohort"), wrapped_keys.c.record_id.in_(bindparam("ids", expanding=True))
)


def key_store_version(connection: Connection) -> int:
    """Return the key store version that the database mirrors."""
    return int(connection.execute(select(vault_state.c.key_store_version)).scalar_one())


def ids_by_tag(connection: Connection, tags: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Find record ids by blind-index tags.

    Args:
        connection: an open connection.
        tags: one tag for each cohort that may hold the value.

    Returns:
        For each tag that was found, the ids of the records that carry it.
    """
    found: dict[bytes, list[bytes]] = {}
    wanted = list(tags)
    for start in range(0, len(wanted), 5000):  # both engines bound the parameters of one statement
        for record_id, tag in connection.execute(_BY_TAG, {"tags": wanted[start : start + 5000]}):
            found.setdefault(bytes(tag), []).append(bytes(record_id))
    return found


def load(connection: Connection, ids: Iterable[bytes]) -> dict[bytes, StoredRecord]:
    """Load records with their sealed current values.

    Returns:
        By record id, those that exist.
    """
    wanted = list(ids)
    if not wanted:
        return {}
    sealed: dict[bytes, dict[FieldRef, bytes]] = {record_id: {} for record_id in wanted}
    for record_id, name, ordinal, generation, value in connection.execute(_FIELDS, {"ids": wanted}):
        sealed[record_id][FieldRef(name, ordinal, generation)] = value
    return {row.record_id: _stored(row, sealed[row.record_id]) for row in connection.execute(_RECORDS, {"ids": wanted})}


def _stored(row: Row[Any], sealed: Mapping[FieldRef, bytes]) -> StoredRecord:
    try:
        meta = RecordMeta(
            record_id=row.record_id,
            record_class=RecordClass(row.record_class),
            cohort_id=row.cohort_id,
            owner=row.owner_id,
            outlet=row.outlet,
            kind=row.kind,
            state=RecordState(row.state),
            held=row.held,
            activity_at=row.activity_at,
            expires_at=row.expires_at,
            links=tuple((role, linked) for role, name in _LINKS.items() if (linked := getattr(row, name)) is not None),
            fields=tuple(sorted(sealed)),
        )
    except ValueError:
        raise StorageError("unknown_word_in_row") from None
    return StoredRecord(meta, row.mac, sealed, row.revision, row.import_revision)


def wraps(connection: Connection, metas: Iterable[RecordMeta]) -> dict[bytes, bytes]:
    """Return the wrapped data key of each record, asked cohort by cohort so that one partition answers."""
    by_cohort: dict[bytes, list[bytes]] = {}
    for meta in metas:
        by_cohort.setdefault(meta.cohort_id, []).append(meta.record_id)
    found: dict[bytes, bytes] = {}
    for cohort_id, ids in by_cohort.items():
        found.update((row[0], row[1]) for row in connection.execute(_WRAPS, {"cohort": cohort_id, "ids": ids}))
    return found


def linked_to(connection: Connection, role: LinkRole, record_id: bytes, limit: int) -> list[bytes]:
    """Return ids of the records that link to this one in this role, latest activity first."""
    query = (
        select(records.c.record_id)
        .where(records.c[_LINKS[role]] == record_id)
        .order_by(records.c.activity_at.desc())
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def has_open_service(connection: Connection, record_id: bytes) -> bool:
    """Return whether an open service record hangs on this customer or shipment, so that it counts as held."""
    query = select(records.c.record_id).where(
        records.c.state == RecordState.OPEN.value,
        (records.c.customer_id == record_id) | (records.c.shipment_id == record_id),
    )
    return connection.execute(query.limit(1)).first() is not None


def open_complaint_customers(connection: Connection, handler: bytes, customers: Iterable[bytes]) -> set[bytes]:
    """Return which of these customers have an open complaint passed to this person."""
    query = select(records.c.customer_id).where(
        records.c.customer_id.in_(list(customers)),
        records.c.owner_id == handler,
        records.c.kind == "complaint",
        records.c.state == RecordState.OPEN.value,
    )
    return set(connection.execute(query).scalars())


def earlier_than(connection: Connection, record_id: bytes, at: datetime) -> StoredRecord | None:
    """Return a record if its last activity lies before ``at``."""
    query = select(records.c.record_id).where(records.c.record_id == record_id, records.c.activity_at < at)
    if connection.execute(query).first() is None:
        return None
    return load(connection, [record_id]).get(record_id)


def generations(connection: Connection, ids: Iterable[bytes]) -> dict[bytes, dict[tuple[str, int], int]]:
    """Return the highest generation each value ever had, superseded ones too: a cell is never sealed twice."""
    column = record_fields.c
    query = (
        select(column.record_id, column.field, column.ordinal, func.max(column.generation))
        .where(column.record_id.in_(list(ids)))
        .group_by(column.record_id, column.field, column.ordinal)
    )
    found: dict[bytes, dict[tuple[str, int], int]] = {}
    for record_id, name, ordinal, highest in connection.execute(query):
        found.setdefault(record_id, {})[name, ordinal] = highest
    return found


def count(connection: Connection) -> dict[str, int]:
    """Return how many records each class holds."""
    rows = connection.execute(select(records.c.record_class, func.count()).group_by(records.c.record_class))
    return {row[0]: row[1] for row in rows}


# -- storing -----------------------------------------------------------------------------------------------------


def lock_identities(connection: Connection, tags: Iterable[int]) -> None:
    """Keep others from storing the same identities until this transaction ends.

    On SQLite the writing turn is that lock already. On PostgreSQL each identity is an advisory lock on a keyed
    tag of it, taken in ascending order so that two batches never wait for each other.
    """
    if connection.dialect.name == "postgresql":
        ordered = sorted(set(tags))
        statement = text("SELECT count(pg_advisory_xact_lock(tag)) FROM unnest(:tags) AS tag")
        connection.execute(statement.bindparams(bindparam("tags", type_=ARRAY(BigInteger))), {"tags": ordered})


def store(connection: Connection, new: Sequence[NewRecord]) -> None:
    """Insert records with their wraps, fields and index rows, in bulk."""
    insert_rows(connection, records, [_record_row(one) for one in new])
    insert_rows(connection, wrapped_keys, [(one.meta.cohort_id, one.meta.record_id, one.wrapped) for one in new])
    insert_rows(connection, record_fields, [row for one in new for row in _field_rows(one)])
    insert_rows(
        connection,
        record_index,
        [(tag, one.meta.record_id, kind.value, ordinal) for one in new for kind, ordinal, tag in one.tags],
    )


def _record_row(new: NewRecord) -> tuple[Any, ...]:
    meta = new.meta
    links = dict(meta.links)
    return (
        meta.record_id,
        meta.record_class.value,
        meta.cohort_id,
        meta.owner,
        meta.outlet,
        meta.kind,
        meta.state.value,
        meta.held,
        meta.activity_at,
        meta.expires_at,
        links.get(LinkRole.SENDER),
        links.get(LinkRole.RECIPIENT),
        links.get(LinkRole.CUSTOMER),
        links.get(LinkRole.SHIPMENT),
        new.mac,
        1,
        1 if new.imported else None,
        new.entered_at,
        new.late,
        new.notice_missing,
    )


def _field_rows(new: NewRecord) -> list[tuple[Any, ...]]:
    record_id, entered_at = new.meta.record_id, new.entered_at
    return [
        (record_id, ref.field, ref.ordinal, ref.generation, sealed, entered_at, None)
        for ref, sealed in zip(new.meta.fields, new.sealed, strict=True)
    ]


def change(connection: Connection, changes: Sequence[Change], keep: frozenset[str]) -> None:
    """Put new states in place.

    Args:
        connection: inside a writing transaction.
        changes: what changes.
        keep: names of fields whose superseded values stay sealed (contacts, for breach notices).

    Raises:
        StorageError: a record was changed by somebody else since it was read.
    """
    for one in changes:
        _change_row(connection, one)
        if one.sealed or one.retagged:
            _change_values(connection, one, keep)


def _change_row(connection: Connection, one: Change) -> None:
    meta = one.meta
    links = dict.fromkeys(_LINKS.values()) | {_LINKS[role]: record_id for role, record_id in meta.links}
    values = {
        "cohort_id": meta.cohort_id,
        "owner_id": meta.owner,
        "outlet": meta.outlet,
        "kind": meta.kind,
        "state": meta.state.value,
        "held": meta.held,
        "activity_at": meta.activity_at,
        "expires_at": meta.expires_at,
        "mac": one.mac,
        "revision": one.revision + 1,
        **links,
    }
    if one.origin is Origin.IMPORT:
        values["import_revision"] = one.revision + 1
    elif one.origin is Origin.ACTIVITY:  # moves the expiry only: still as its import left it, if it was
        values["import_revision"] = case(
            (records.c.import_revision == one.revision, one.revision + 1), else_=records.c.import_revision
        )
    result = connection.execute(
        update(records)
        .where(records.c.record_id == meta.record_id, records.c.revision == one.revision)
        .values(**values)
    )
    if result.rowcount != 1:
        raise StorageError("changed_meanwhile")


def _change_values(connection: Connection, one: Change, keep: frozenset[str]) -> None:
    record_id = one.meta.record_id
    current = set(one.meta.fields)
    old = record_fields.c
    for row in connection.execute(
        select(old.field, old.ordinal, old.generation).where(old.record_id == record_id, old.superseded_at.is_(None))
    ).all():
        if FieldRef(*row) in current:
            continue
        place = (old.record_id == record_id, old.field == row[0], old.ordinal == row[1], old.generation == row[2])
        if row[0] in keep:
            connection.execute(update(record_fields).where(*place).values(superseded_at=one.at))
        else:
            connection.execute(delete(record_fields).where(*place))
    insert_rows(
        connection,
        record_fields,
        [(record_id, ref.field, ref.ordinal, ref.generation, value, one.at, None) for ref, value in one.sealed.items()],
    )
    kinds = [kind.value for kind in one.retagged]
    tag = record_index.c
    connection.execute(delete(record_index).where(tag.record_id == record_id, tag.kind.in_(kinds)))
    if one.tags:
        connection.execute(
            insert(record_index),
            [
                {"tag": value, "record_id": record_id, "kind": kind.value, "ordinal": ordinal}
                for kind, ordinal, value in one.tags
            ],
        )
