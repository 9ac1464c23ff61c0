"""Erasing the rows of one record, and the tombstone that is left of it; vault/domain/inventory.py says why these rows.

Plain prepared SQL: a run does this for every record of a plan, one transaction each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from vault.domain.ids import RecordClass
from vault.domain.records import RecordMeta, to_micros
from vault.errors import StorageError
from vault.storage.lists import ask, rows_in

_LINKED_BY = {
    RecordClass.CUSTOMER: ("customer_id", "sender_id", "recipient_id"),
    RecordClass.SHIPMENT: ("shipment_id",),
}
"""By which columns other records link to a class; nothing links to the others."""
# Nothing that links to it may become held or open between the question whether it stays and the commit.
_PLANNED_ONCE = "set_config('plan_cache_mode', 'force_generic_plan', true)"
"""Until the transaction ends: planning the statements of each record anew takes PostgreSQL longer than doing them."""
_LOCK = (
    "WITH own AS (SELECT revision FROM records WHERE record_id = :record_id FOR UPDATE),"  # noqa: S608  # nosec B608
    " linking AS (SELECT 1 FROM records WHERE {} FOR SHARE)"
    f" SELECT revision, EXISTS (SELECT 1 FROM linking), {_PLANNED_ONCE} FROM own"
)
_LOCKED = "SELECT revision, EXISTS (SELECT 1 FROM records WHERE {}) FROM records WHERE record_id = :record_id"
_LOCK_ALONE = (
    f"SELECT revision, FALSE, {_PLANNED_ONCE} FROM records"  # noqa: S608  # nosec B608
    " WHERE record_id = :record_id FOR UPDATE"
)
_LOCKED_ALONE = "SELECT revision, FALSE FROM records WHERE record_id = :record_id"
_BURIED = "SELECT record_id FROM tombstones WHERE record_id"
_LIVING = "SELECT record_id FROM records WHERE record_id"
_PAST_EXPIRY = (
    "SELECT record_id, cohort_id FROM records"
    " WHERE cohort_id IN (SELECT cohort_id FROM cohorts WHERE record_class = :record_class)"
    " AND expires_at <= :now LIMIT :most"
)
_DERIVED = (
    "DELETE FROM record_index WHERE record_id = :record_id",
    "DELETE FROM record_fields WHERE record_id = :record_id",
    # What somebody typed about why it was held; that it was, by whom and until when stays.
    "UPDATE holds SET sealed_source = :nothing WHERE record_id = :record_id",
)
_WRAP = "DELETE FROM wrapped_keys WHERE cohort_id = :cohort_id AND record_id = :record_id RETURNING wrapped"
_RECORD = "DELETE FROM records WHERE record_id = :record_id RETURNING entered_at"
_TOMBSTONE = (
    "INSERT INTO tombstones (record_id, record_class, cohort_id, plan_id, entered_at, expires_at, destroyed_at) "
)
_BURY = _TOMBSTONE + (
    "VALUES (:record_id, :record_class, :cohort_id, :plan_id, :entered_at, :expires_at, :destroyed_at)"
)
# For a server that is a way off: the same in one statement.
_ALL_AT_ONCE = "".join(
    (
        "WITH ",
        *(f"derived_{number} AS ({one}), " for number, one in enumerate(_DERIVED)),
        *("wrap AS (", _WRAP, "), record AS (", _RECORD, "), tombstone AS (", _TOMBSTONE),
        "SELECT :record_id, :record_class, :cohort_id, CAST(:plan_id AS bytea), entered_at, ",
        "CAST(:expires_at AS bigint), CAST(:destroyed_at AS bigint) FROM record) ",
        "SELECT (SELECT wrapped FROM wrap) FROM record",
    )
)
_SOUGHT = "UPDATE access_requests SET sought = NULL WHERE request_id = :record_id"


@dataclass(frozen=True, slots=True)
class Locked:
    """A record that nobody changes until the transaction ends.

    Args:
        revision: how often it has been changed.
        is_linked: whether anything links to it.
    """

    revision: int
    is_linked: bool


def lock(connection: Connection, record_id: bytes, record_class: RecordClass) -> Locked | None:
    """Let nobody change a record, or what links to it, until this transaction ends; None if it is not there.

    On SQLite the writing turn is that lock already.
    """
    row = _run(connection, _locking(record_class, connection.dialect.name), {"record_id": record_id}).fetchone()
    return None if row is None else Locked(row[0], bool(row[1]))


@lru_cache(maxsize=16)
def _locking(record_class: RecordClass, dialect: str) -> str:
    columns = _LINKED_BY.get(record_class)
    if columns is None:
        return _LOCKED_ALONE if dialect == "sqlite" else _LOCK_ALONE
    linking = " OR ".join(f"{column} = :record_id" for column in columns)
    return (_LOCKED if dialect == "sqlite" else _LOCK).format(linking)


def erase(connection: Connection, meta: RecordMeta, plan_id: bytes | None, at: datetime) -> bytes | None:
    """Remove a record with everything that derives from it, and leave a tombstone.

    Args:
        connection: inside a writing transaction.
        meta: the record.
        plan_id: the plan; None when it is destroyed again after a restore.
        at: UTC.

    Returns:
        Its wrapped data key, of which only a digest may be kept; None where there was none.

    Raises:
        StorageError: ``record_gone``: it is not there; nothing may be committed.
    """
    values = {
        "record_id": meta.record_id,
        "record_class": meta.record_class.value,
        "cohort_id": meta.cohort_id,
        "plan_id": plan_id,
        "expires_at": to_micros(meta.expires_at or at),
        "destroyed_at": to_micros(at),
        "nothing": b"",
    }
    if connection.dialect.name == "postgresql":
        row = _run(connection, _ALL_AT_ONCE, values).fetchone()
        if row is None:
            raise StorageError("record_gone")
        wrapped: bytes | None = row[0]
        return wrapped
    wrapped, entered_at = _erase_rows(connection, values)
    if entered_at is None:
        raise StorageError("record_gone")
    _run(connection, _BURY, values | {"entered_at": entered_at})
    return wrapped


def _erase_rows(connection: Connection, values: Mapping[str, Any]) -> tuple[bytes | None, int | None]:
    """Remove a record with everything that derives from it; return its wrap, and when it was entered."""
    for statement in _DERIVED:
        _run(connection, statement, values)
    wrap = _run(connection, _WRAP, values).fetchone()
    record = _run(connection, _RECORD, values).fetchone()
    return None if wrap is None else wrap[0], None if record is None else record[0]


def buried(connection: Connection, ids: Collection[bytes]) -> set[bytes]:
    """Return those ids of which a tombstone is left."""
    return {row[0] for row in rows_in(connection, _BURIED, list(ids))} if ids else set()


def count_buried(connection: Connection) -> int:
    """Return how many tombstones there are."""
    return int(ask(connection, "SELECT count(*) FROM tombstones")[0][0])


def living(connection: Connection, ids: Collection[bytes]) -> set[bytes]:
    """Return those ids that have a record."""
    return {row[0] for row in rows_in(connection, _LIVING, list(ids))} if ids else set()


def erase_request(connection: Connection, record_id: bytes, cohort_id: bytes) -> None:
    """Remove a record of class ``request``, and the keyed tag of what it held from the request it belongs to."""
    values = {"record_id": record_id, "cohort_id": cohort_id, "nothing": b""}
    _run(connection, _SOUGHT, values)
    _erase_rows(connection, values)


def past_expiry(
    connection: Connection, record_class: RecordClass, now: datetime, most: int
) -> list[tuple[bytes, bytes]]:
    """Return some records of a class that are past their expiry, each with its cohort, at most so many."""
    values = {"record_class": record_class.value, "now": to_micros(now), "most": most}
    return [(row[0], row[1]) for row in _run(connection, _PAST_EXPIRY, values).fetchall()]


def _run(connection: Connection, sql: str, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a cursor of either driver
    if not connection.in_transaction():
        connection.begin()  # the driver does not tell SQLAlchemy, whose commit would then do nothing
    driver: Any = connection.connection.driver_connection
    return driver.execute(_marked(sql, connection.dialect.name), values)


@lru_cache(maxsize=64)
def _marked(sql: str, dialect: str) -> str:
    """Return a statement of ours with the driver's own marks."""
    return re.sub(r":(\w+)", r"%(\1)s", sql) if dialect == "postgresql" else sql
