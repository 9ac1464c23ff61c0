"""Legal holds: rows that keep a record from being destroyed, each with its officer, its reason and its review."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from vault.domain.ids import RecordClass
from vault.storage.tables import accounts, holds, records, tombstones


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold.

    Args:
        hold_id: random id.
        record_id: what must not be destroyed, and with it what it links to.
        record_class: its class.
        reason: of the policy.
        sealed_source: the document that asks for it, under the people key.
        placed_by: account of the officer; None for one that a restore brought back from the ledger.
        placed_at: when, UTC.
        review_on: by when somebody looks at it again, company time zone.
        released_by: account of who released it.
        released_at: when; None while it holds.
        release: why it ended, of the policy; empty while it holds.
    """

    hold_id: bytes
    record_id: bytes
    record_class: RecordClass
    reason: str
    sealed_source: bytes
    placed_by: bytes | None
    placed_at: datetime
    review_on: date
    released_by: bytes | None = None
    released_at: datetime | None = None
    release: str = ""


@dataclass(frozen=True, slots=True)
class ListedHold:
    """A hold with the work number of the officer who placed it; empty where nobody knows."""

    hold: Hold
    officer: str


Told = tuple[bytes, datetime, datetime | None]
"""What the ledger is told of a hold: the record, when it was placed, and when released."""

_column = holds.c
_LIVING = _column.released_at.is_(None)


def lock_record(connection: Connection, record_id: bytes) -> None:
    """Keep others from placing or releasing a hold on a record until this transaction ends.

    On SQLite the writing turn does that already.
    """
    connection.execute(select(records.c.record_id).where(records.c.record_id == record_id).with_for_update())


def is_destroyed(connection: Connection, record_id: bytes) -> bool:
    """Return whether a tombstone is all that is left of a record."""
    query = select(tombstones.c.record_id).where(tombstones.c.record_id == record_id)
    return connection.execute(query).first() is not None


def add(connection: Connection, hold: Hold) -> None:
    """Store a new hold."""
    connection.execute(insert(holds).values(**asdict(hold)))


def one(connection: Connection, hold_id: bytes) -> Hold | None:
    """Return one hold, released or not."""
    row = connection.execute(select(holds).where(_column.hold_id == hold_id)).first()
    return None if row is None else _hold(row)


def told(connection: Connection) -> dict[bytes, Told]:
    """Return of every hold what the ledger is told of it."""
    rows = connection.execute(select(_column.hold_id, _column.record_id, _column.placed_at, _column.released_at))
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def living_on(connection: Connection, record_id: bytes) -> int:
    """Return how many holds keep a record."""
    query = select(func.count()).select_from(holds).where(_column.record_id == record_id, _LIVING)
    return int(connection.execute(query).scalar_one())


def listed(connection: Connection, limit: int, after: tuple[date, bytes] | None = None) -> list[ListedHold]:
    """List holds that hold, the one to be reviewed first at the head.

    Args:
        connection: an open connection.
        limit: how many at most.
        after: review date and id of the last one of the page before.
    """
    query = _with_officer().where(_LIVING)
    if after is not None:
        later = (_column.review_on > after[0]) | ((_column.review_on == after[0]) & (_column.hold_id > after[1]))
        query = query.where(later)
    rows = connection.execute(query.order_by(_column.review_on, _column.hold_id).limit(limit))
    return [ListedHold(_hold(row), row.work_number or "") for row in rows]


def to_review(connection: Connection, until: date) -> list[Hold]:
    """Return the holds that hold and whose review falls on a day or before."""
    return [_hold(row) for row in connection.execute(select(holds).where(_LIVING, _column.review_on <= until))]


def release(connection: Connection, hold_id: bytes, by: bytes | None, reason: str, at: datetime) -> bool:
    """Release a hold; of two who do it at once, one gets True."""
    releasing = update(holds).where(_column.hold_id == hold_id, _LIVING)
    return connection.execute(releasing.values(released_by=by, released_at=at, release=reason)).rowcount == 1


def review(connection: Connection, hold_id: bytes, review_on: date) -> bool:
    """Give a hold another day of review; returns whether it still held."""
    reviewing = update(holds).where(_column.hold_id == hold_id, _LIVING)
    return connection.execute(reviewing.values(review_on=review_on)).rowcount == 1


def _with_officer() -> Any:  # noqa: ANN401 - a select of many columns
    return select(holds, accounts.c.work_number).outerjoin(accounts, accounts.c.account_id == _column.placed_by)


def _hold(row: Any) -> Hold:  # noqa: ANN401 - a row of SQLAlchemy's
    values = {name: getattr(row, name) for name in Hold.__dataclass_fields__}
    return Hold(**(values | {"record_class": RecordClass(values["record_class"])}))
