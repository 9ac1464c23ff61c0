"""Storing new records in bulk and putting changed ones in place. Sealed values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, delete, insert, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from vault.domain.identifiers import IdentifierKind
from vault.domain.records import FieldRef, LinkRole, RecordMeta, to_micros
from vault.errors import StorageError
from vault.storage.bulk import insert_rows
from vault.storage.records import LINK_COLUMNS
from vault.storage.tables import record_fields, record_index, records, wrapped_keys


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
        late: whether it was entered too late; None leaves what is stored.
        notice_missing: whether no notice is on record; None leaves what is stored.
    """

    meta: RecordMeta
    mac: bytes
    revision: int
    at: datetime
    sealed: Mapping[FieldRef, bytes] = field(default_factory=dict)
    tags: Sequence[tuple[IdentifierKind, int, bytes]] = ()
    retagged: frozenset[IdentifierKind] = frozenset()
    origin: Origin = Origin.IMPORT
    late: bool | None = None
    notice_missing: bool | None = None


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
    record_id, entered_at = new.meta.record_id, to_micros(new.entered_at)
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
        if one.origin is not Origin.ACTIVITY:
            _change_values(connection, one, keep)


def give(connection: Connection, changes: Sequence[Change]) -> None:
    """Put other owners in place, many at once: of each record its owner, MAC and revision, and nothing else.

    The revision runs ahead of the import's: a later file that names the former owner is a conflict and changes nothing.

    Args:
        connection: inside a writing transaction.
        changes: metadata in which only the owner is new.

    Raises:
        StorageError: a record was changed by somebody else since it was read.
    """
    giving = (
        update(records)
        .where(records.c.record_id == bindparam("given"), records.c.revision == bindparam("known"))
        .values(owner_id=bindparam("to"), mac=bindparam("sealed_by"), revision=bindparam("next"))
    )
    rows = [
        {
            "given": one.meta.record_id,
            "known": one.revision,
            "to": one.meta.owner,
            "sealed_by": one.mac,
            "next": one.revision + 1,
        }
        for one in changes
    ]
    if rows and connection.execute(giving, rows).rowcount != len(rows):
        raise StorageError("changed_meanwhile")


def _change_row(connection: Connection, one: Change) -> None:
    meta = one.meta
    links = dict.fromkeys(LINK_COLUMNS.values()) | {LINK_COLUMNS[role]: record_id for role, record_id in meta.links}
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
    marks = {"late": one.late, "notice_missing": one.notice_missing}
    values |= {name: mark for name, mark in marks.items() if mark is not None}
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
