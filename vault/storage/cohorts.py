"""The rows of cohorts on their way out: which have ended, what is left in them, and the conditions of each step."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)

from vault.domain.cohorts import Cohort, CohortState
from vault.domain.ids import RecordClass
from vault.domain.records import RecordState
from vault.storage.records import LINK_COLUMNS
from vault.storage.tables import backups, cohorts, holds, log_inbox, record_index, records, tombstones, wrapped_keys


@dataclass(frozen=True, slots=True)
class CohortRow:
    """One cohort as the database knows it.

    Args:
        cohort: key id, class and last day.
        state: where it is in its life.
        created_at: when its key was made, UTC.
        closing_at: since when nothing is sealed under it.
        moved_size: events in the log when nothing was left to move; None before, and again when something came up.
        emptied_at: when its last wrap was gone.
        destroyed_at: when every registered copy had lost its key.
    """

    cohort: Cohort
    state: CohortState
    created_at: datetime
    closing_at: datetime | None
    moved_size: int | None
    emptied_at: datetime | None
    destroyed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in a cohort.

    Args:
        records: how many records.
        wraps: how many wraps; as many as records unless something is wrong.
        due: how many of the records are past their time and kept by nothing.
    """

    records: int = 0
    wraps: int = 0
    due: int = 0


NOTHING = Contents()

_column = cohorts.c
_READ = select(
    _column.cohort_id, _column.record_class, _column.end_on, _column.state, _column.created_at, _column.closing_at,
    _column.moved_size, _column.emptied_at, _column.destroyed_at,
).order_by(_column.record_class, _column.end_on)  # fmt: skip


def listed(connection: Connection) -> list[CohortRow]:
    """Return every cohort there ever was, by class and last day."""
    return [_row(row) for row in connection.execute(_READ)]


def ended(connection: Connection, today: date) -> list[CohortRow]:
    """Return the cohorts whose last day has passed and whose keys are not destroyed, by class and last day."""
    query = _READ.where(_column.end_on < today, _column.state != CohortState.DESTROYED.value)
    return [_row(row) for row in connection.execute(query)]


def closed_months(connection: Connection) -> frozenset[tuple[RecordClass, date]]:
    """Return class and last day of the cohorts that take nothing any more: none is ever made again for them."""
    query = select(_column.record_class, _column.end_on).where(_column.state != CohortState.OPEN.value)
    return frozenset((RecordClass(row[0]), row[1]) for row in connection.execute(query))


def _row(row: Any) -> CohortRow:  # noqa: ANN401 - a row of SQLAlchemy's
    cohort_id, record_class, end_on, state, *rest = row
    return CohortRow(Cohort(cohort_id, RecordClass(record_class), end_on), CohortState(state), *rest)


# -- what is left in a cohort ----------------------------------------------------------------------------------------


def contents(connection: Connection, today: date, now: datetime) -> dict[bytes, Contents]:
    """Return what lies in each cohort that has ended and is not destroyed, asked in one question.

    Args:
        connection: an open connection.
        today: company time zone.
        now: UTC.

    Returns:
        By key id; a cohort with nothing in it is left out.
    """
    over = select(_column.cohort_id).where(_column.end_on < today, _column.state != CohortState.DESTROYED.value)

    def counted(what: str, owner: ColumnElement[bytes], *conditions: ColumnElement[bool]) -> Select[str, bytes, int]:
        """Ask for the number of rows of one kind, by cohort."""
        return select(literal(what), owner, func.count()).where(owner.in_(over), *conditions).group_by(owner)

    query = union_all(
        counted("records", records.c.cohort_id),
        counted("wraps", wrapped_keys.c.cohort_id),
        counted("due", records.c.cohort_id, *_due(now)),
    )
    found: dict[bytes, dict[str, int]] = {}
    for what, cohort_id, count in connection.execute(query):
        found.setdefault(bytes(cohort_id), {})[what] = count
    return {cohort_id: Contents(**each) for cohort_id, each in found.items()}


def due_in(connection: Connection, cohort_id: bytes, now: datetime) -> int:
    """Return how many records of a cohort are past their time, and nothing keeps them."""
    query = select(func.count()).where(records.c.cohort_id == cohort_id, *_due(now))
    return int(connection.execute(query).scalar_one())


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    linking = records.alias()
    kept = [
        exists().where(
            linking.c[column] == records.c.record_id,
            or_(linking.c.state == RecordState.OPEN.value, linking.c.held.is_(True)),
        )
        for column in LINK_COLUMNS.values()
    ]
    return (
        records.c.state == RecordState.SETTLED.value,
        records.c.expires_at <= now,
        records.c.held.is_(False),
        *(~one for one in kept),
    )


def records_in(connection: Connection, cohort_id: bytes, after: bytes, limit: int) -> list[bytes]:
    """Return ids of records of a cohort, ascending, from behind one on."""
    column = records.c
    query = select(column.record_id).where(column.cohort_id == cohort_id, column.record_id > after)
    return list(connection.execute(query.order_by(column.record_id).limit(limit)).scalars())


def counts(connection: Connection, cohort_id: bytes) -> tuple[int, int]:
    """Return how many records and how many wraps a cohort holds; the two are equal unless something is wrong."""
    return (
        int(connection.execute(select(func.count()).where(records.c.cohort_id == cohort_id)).scalar_one()),
        int(connection.execute(select(func.count()).where(wrapped_keys.c.cohort_id == cohort_id)).scalar_one()),
    )


def reviews(connection: Connection, ids: Collection[bytes]) -> dict[bytes, date]:
    """Return until when holds keep records: the latest review of each that is held."""
    query = (
        select(holds.c.record_id, func.max(holds.c.review_on))
        .where(holds.c.record_id.in_(list(ids)), holds.c.released_at.is_(None))
        .group_by(holds.c.record_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def tombstones_of(connection: Connection, cohort_id: bytes) -> int:
    """Return how many records were destroyed while they were in a cohort."""
    return int(connection.execute(select(func.count()).where(tombstones.c.cohort_id == cohort_id)).scalar_one())


def index_rows(connection: Connection, ids: Collection[bytes]) -> dict[bytes, list[tuple[str, int, bytes]]]:
    """Return the index rows of records as (kind, ordinal, tag)."""
    column = record_index.c
    query = select(column.record_id, column.kind, column.ordinal, column.tag).where(column.record_id.in_(list(ids)))
    found: dict[bytes, list[tuple[str, int, bytes]]] = {}
    for record_id, kind, ordinal, tag in connection.execute(query):
        found.setdefault(record_id, []).append((kind, ordinal, tag))
    return found


# -- steps -----------------------------------------------------------------------------------------------------------


def begin(connection: Connection, cohort_id: bytes, now: datetime) -> bool:
    """Let an open cohort take nothing any more; returns False if it was not open.

    Waits for those who seal into it at this moment: they hold its row in share mode until their records are stored.
    """
    closing = update(cohorts).where(_column.cohort_id == cohort_id, _column.state == CohortState.OPEN.value)
    return connection.execute(closing.values(state=CohortState.CLOSING.value, closing_at=now)).rowcount == 1


def last_arrival(connection: Connection) -> int:
    """Return the number of the last event that waits for its place in the log; 0 where none does."""
    return int(connection.execute(select(func.coalesce(func.max(log_inbox.c.arrival), 0))).scalar_one())


def is_ordered(connection: Connection, arrival: int) -> bool:
    """Return whether every event up to this one has its place in the log."""
    return (
        connection.execute(select(log_inbox.c.arrival).where(log_inbox.c.arrival <= arrival).limit(1)).first() is None
    )


def moved_size(connection: Connection, cohort_id: bytes) -> int | None:
    """Return how long the log was when nothing was left to move out of a cohort; None if that was not noted."""
    size: int | None = connection.execute(select(_column.moved_size).where(_column.cohort_id == cohort_id)).scalar()
    return size


def note_moved(connection: Connection, cohort_id: bytes, size: int | None) -> None:
    """Note how long the log was when nothing was left to move; None takes that back.

    Args:
        connection: inside a writing transaction.
        cohort_id: a cohort about to close.
        size: events in the log.
    """
    noting = update(cohorts).where(_column.cohort_id == cohort_id, _column.state == CohortState.CLOSING.value)
    connection.execute(noting.values(moved_size=size))


def has_backup(connection: Connection, size: int) -> bool:
    """Return whether a backup that was read back and held has as many events as that."""
    held = backed_up(connection)
    return held is not None and held >= size


def backed_up(connection: Connection) -> int | None:
    """Return how many events the longest log of a backup that was read back and held has; None without one."""
    longest = select(func.max(backups.c.log_size)).where(backups.c.verified_at.is_not(None))
    size: int | None = connection.execute(longest).scalar()
    return size


def empty(connection: Connection, cohort_id: bytes, now: datetime) -> bool:
    """Prove under lock that nothing is left in a cohort and say so; False if something is, or somebody was faster.

    Args:
        connection: inside a writing transaction.
        cohort_id: a cohort about to close; nothing has been sealed into it since.
        now: UTC.
    """
    still = and_(_column.cohort_id == cohort_id, _column.state == CohortState.CLOSING.value)
    if connection.execute(select(_column.state).where(still).with_for_update()).first() is None:
        return False
    if counts(connection, cohort_id) != (0, 0):
        return False
    connection.execute(update(cohorts).where(still).values(state=CohortState.EMPTY.value, emptied_at=now))
    return True


def destroyed(connection: Connection, cohort_id: bytes, now: datetime) -> bool:
    """Say that a cohort's key is gone from every copy; of two who do it at once, one gets True."""
    gone = update(cohorts).where(_column.cohort_id == cohort_id, _column.state == CohortState.EMPTY.value)
    return connection.execute(gone.values(state=CohortState.DESTROYED.value, destroyed_at=now)).rowcount == 1


# -- PostgreSQL's partitions -----------------------------------------------------------------------------------------

_DROPPABLE = text(
    "SELECT cohort_id FROM cohorts WHERE state = 'destroyed'"
    " AND to_regclass('wrapped_keys_' || encode(cohort_id, 'hex')) IS NOT NULL"
)


def droppable(connection: Connection) -> Iterable[bytes]:
    """Return the destroyed cohorts whose partition is still there; on SQLite there are none."""
    return [] if connection.dialect.name != "postgresql" else list(connection.execute(_DROPPABLE).scalars())


def drop_partition(connection: Connection, cohort_id: bytes) -> None:
    """Drop the empty partition of a destroyed cohort, by a function of the migrator that refuses any other."""
    connection.execute(text("SELECT datavault_drop_partition(:cohort_id)"), {"cohort_id": cohort_id})
