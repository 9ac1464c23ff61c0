"""Finding records' rows by tag or id, and loading them whole. Sealed values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from vault.domain.ids import RecordClass
from vault.domain.records import FieldRef, LinkRole, RecordMeta, RecordState, from_micros
from vault.errors import IntegrityError
from vault.storage.lists import ask, rows_in
from vault.storage.tables import record_fields, records

LINK_COLUMNS = {
    LinkRole.CUSTOMER: "customer_id",
    LinkRole.RECIPIENT: "recipient_id",
    LinkRole.SENDER: "sender_id",
    LinkRole.SHIPMENT: "shipment_id",
}


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


_VERSION = "SELECT key_store_version FROM vault_state"
_BY_TAG = "SELECT tag, record_id FROM record_index WHERE tag"
_RECORDS = (
    "SELECT record_id, record_class, cohort_id, owner_id, outlet, kind, state, held, activity_at, expires_at,"
    " customer_id, recipient_id, sender_id, shipment_id, mac, revision, import_revision"
    " FROM records WHERE record_id"
)
_FIELDS = (
    "SELECT record_id, field, ordinal, generation, sealed FROM record_fields WHERE superseded_at IS NULL AND record_id"
)
_WRAPS = "SELECT record_id, wrapped FROM wrapped_keys WHERE cohort_id = ? AND record_id"
_ACTIVITY = "SELECT record_id, activity_at FROM records WHERE record_id"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LINK_ROLES = tuple(LINK_COLUMNS)
"""In the order of the link columns of ``_RECORDS``: sorted, as the metadata MAC lists links."""


def key_store_version(connection: Connection) -> int:
    """Return the key store version that the database mirrors."""
    ((version,),) = ask(connection, _VERSION)
    return int(version)


def ids_by_tag(connection: Connection, tags: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Find record ids by blind-index tags.

    Args:
        connection: an open connection.
        tags: one tag for each cohort that may hold the value.

    Returns:
        For each tag that was found, the ids of the records that carry it.
    """
    found: dict[bytes, list[bytes]] = {}
    for tag, record_id in rows_in(connection, _BY_TAG, list(tags)):
        ids = found.setdefault(tag, [])
        if record_id not in ids:  # the same number as phone and as other contact
            ids.append(record_id)
    return found


def load(connection: Connection, ids: Iterable[bytes]) -> dict[bytes, StoredRecord]:
    """Load records with their sealed current values.

    Returns:
        By record id, those that exist.

    Raises:
        IntegrityError: a row holds a word that is on no list of ours, or no time.
    """
    return {row[0]: _stored(row, sealed) for row, sealed in _rows(connection, ids)}


def load_as_stored(connection: Connection, ids: Iterable[bytes]) -> dict[bytes, StoredRecord]:
    """Load records like :func:`load`, also those whose row cannot be read.

    What can be read of such a row tells who might see the record, and nothing else. It comes without a MAC, so that no
    check lets it pass; an owner that cannot be read is nobody.

    Returns:
        By record id, those that exist.
    """
    found = {}
    for row, sealed in _rows(connection, ids):
        try:
            found[row[0]] = _stored(row, sealed)
        except IntegrityError:
            found[row[0]] = _remains(row)
    return found


def _rows(connection: Connection, ids: Iterable[bytes]) -> Iterator[tuple[tuple[Any, ...], Mapping[FieldRef, bytes]]]:
    """Yield the row of each record that exists, with its sealed current values."""
    wanted = list(ids)
    if not wanted:
        return
    sealed: dict[bytes, dict[FieldRef, bytes]] = {record_id: {} for record_id in wanted}
    for record_id, name, ordinal, generation, value in rows_in(connection, _FIELDS, wanted):
        sealed[record_id][FieldRef(name, ordinal, generation)] = value
    for row in rows_in(connection, _RECORDS, list(sealed)):
        yield row, sealed[row[0]]


def _stored(row: tuple[Any, ...], sealed: Mapping[FieldRef, bytes]) -> StoredRecord:
    (record_id, record_class, cohort_id, owner, outlet, kind, state, held, activity_at, expires_at), rest = (
        row[:10],
        row[10:],
    )
    try:
        _refuse_text([cohort_id, owner, *rest[:4]])
        meta = RecordMeta(
            record_id=record_id,
            record_class=RecordClass(record_class),
            cohort_id=cohort_id,
            owner=owner,
            outlet=outlet,
            kind=kind,
            state=RecordState(state),
            held=bool(held),
            activity_at=from_micros(activity_at),
            expires_at=None if expires_at is None else from_micros(expires_at),
            links=tuple((role, linked) for role, linked in zip(_LINK_ROLES, rest, strict=False) if linked is not None),
            fields=tuple(sorted(sealed)),
        )
    except (ValueError, OverflowError, TypeError):
        # A word on no list of ours, or a time beyond the calendar: nobody but an intruder writes those.
        raise IntegrityError("unreadable") from None
    mac, revision, import_revision = rest[4:]
    return StoredRecord(meta, mac, sealed, revision, import_revision)


def _refuse_text(ids: Iterable[object]) -> None:
    """Refuse text where an id should be, which SQLite stores."""
    if any(one is not None and not isinstance(one, bytes) for one in ids):
        raise TypeError


def _remains(row: tuple[Any, ...]) -> StoredRecord:
    """Return what a row that cannot be read still tells: its class, whose it is, where, and what it hangs on."""
    record_id, record_class, _, owner, outlet = row[:5]
    known = record_class in set(RecordClass)
    links = zip(_LINK_ROLES, row[10:14], strict=True)
    meta = RecordMeta(
        record_id=record_id,
        record_class=RecordClass(record_class) if known else RecordClass.CUSTOMER,
        cohort_id=b"",
        owner=owner if owner is None or isinstance(owner, bytes) else record_id,
        outlet=str(outlet),
        kind="",
        state=RecordState.OPEN,
        held=False,
        activity_at=_LONG_AGO,
        expires_at=None,
        links=tuple((role, linked) for role, linked in links if isinstance(linked, bytes)),
    )
    return StoredRecord(meta, b"", {})


def wraps(connection: Connection, metas: Iterable[RecordMeta]) -> dict[bytes, bytes]:
    """Return the wrapped data key of each record, asked cohort by cohort so that one partition answers."""
    by_cohort: dict[bytes, list[bytes]] = {}
    for meta in metas:
        by_cohort.setdefault(meta.cohort_id, []).append(meta.record_id)
    found: dict[bytes, bytes] = {}
    for cohort_id, ids in by_cohort.items():
        found.update((row[0], row[1]) for row in rows_in(connection, _WRAPS, ids, (cohort_id,)))
    return found


def linked_to(connection: Connection, role: LinkRole, record_id: bytes, limit: int) -> list[bytes]:
    """Return ids of the records that link to this one in this role, latest activity first."""
    query = (
        select(records.c.record_id)
        .where(records.c[LINK_COLUMNS[role]] == record_id)
        .order_by(records.c.activity_at.desc())
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def open_service_on(connection: Connection, record_id: bytes) -> bytes | None:
    """Return an open service record that hangs on this customer or shipment, so that it counts as held."""
    query = select(records.c.record_id).where(
        records.c.state == RecordState.OPEN.value,
        (records.c.customer_id == record_id) | (records.c.shipment_id == record_id),
    )
    found: bytes | None = connection.execute(query.limit(1)).scalar()
    return found


@dataclass(frozen=True, slots=True)
class LateEntry:
    """One service record that was entered after the limit: ids, words and times only."""

    record_id: bytes
    kind: str
    ended_at: datetime
    entered_at: datetime


def late_entries(connection: Connection, handler: bytes, now: datetime, limit: int) -> list[LateEntry]:
    """List a person's own late entries that are not restricted, newest first."""
    column = records.c
    query = (
        select(column.record_id, column.kind, column.activity_at, column.entered_at)
        .where(
            column.owner_id == handler,
            column.late.is_(True),
            column.expires_at.is_(None) | (column.expires_at > now),
        )
        .order_by(column.entered_at.desc())
        .limit(limit)
    )
    return [LateEntry(*row) for row in connection.execute(query)]


def open_complaints(connection: Connection, handler: bytes, customers: Iterable[bytes]) -> list[bytes]:
    """Return the open complaints of these customers that are this person's, passed to them or filed by somebody."""
    query = select(records.c.record_id).where(
        records.c.customer_id.in_(list(customers)),
        records.c.owner_id == handler,
        records.c.kind == "complaint",
        records.c.state == RecordState.OPEN.value,
    )
    return list(connection.execute(query).scalars())


def earlier_than(connection: Connection, latest: Mapping[bytes, datetime]) -> list[StoredRecord]:
    """Return those records whose last activity lies before the time given for them."""
    rows = rows_in(connection, _ACTIVITY, list(latest))
    found = load(connection, [row[0] for row in rows if from_micros(row[1]) < latest[row[0]]])
    # Asked again of what was loaded: between two questions somebody may have moved it on (PostgreSQL).
    return [one for key, one in found.items() if one.meta.activity_at < latest[key]]


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
