"""Frozen radii: evidence that is written once, and the customers it names, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, func, insert, select, union, update

from vault.domain.breach.radius import Affected, RadiusCounts, canonical
from vault.domain.ids import RecordClass
from vault.storage.engine import Database
from vault.storage.tables import incident_radii, radius_customers, radius_records

_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class FrozenRadius:
    """One frozen radius.

    Args:
        radius_id: also the id of the event that names it.
        incident_id: the incident.
        scope: what was asked for, as :meth:`~vault.domain.breach.radius.RadiusScope.as_json` tells it.
        drawn_at: UTC.
        drawn_by: actor, as events name them.
        log_size: events of the checkpoint it was drawn from.
        log_root: the root over these.
        counts: what it came to.
        digest: SHA-256 over its lines.
        set_aside_by: actor who confirmed that it was frozen by mistake, or empty.
        set_aside_at: when, or None while it stands.
        sealed_reason: why, or None.
        aside_asked_by: actor who asked for that, or empty.
        aside_asked_at: when, or None.
    """

    radius_id: bytes
    incident_id: bytes
    scope: Mapping[str, Any]
    drawn_at: datetime
    drawn_by: str
    log_size: int
    log_root: bytes
    counts: RadiusCounts
    digest: bytes
    set_aside_by: str = ""
    set_aside_at: datetime | None = None
    sealed_reason: bytes | None = None
    aside_asked_by: str = ""
    aside_asked_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether its customers are those to be told: no two have set it aside."""
        return self.set_aside_at is None


_column = incident_radii.c
_READ = select(
    _column.radius_id, _column.incident_id, _column.scope, _column.drawn_at, _column.drawn_by, _column.log_size,
    _column.log_root, _column.counts, _column.digest, _column.set_aside_by, _column.set_aside_at, _column.sealed_reason,
    _column.aside_asked_by, _column.aside_asked_at,
)  # fmt: skip
_line = radius_customers.c
_LINES = select(
    _line.record_id, _line.record_class, _line.clear, _line.masked, _line.first_at, _line.last_at, _line.destroyed
)


def add(connection: Connection, frozen: FrozenRadius) -> None:
    """Write a radius, whose lines are there."""
    values = {
        "radius_id": frozen.radius_id,
        "incident_id": frozen.incident_id,
        "scope": canonical(frozen.scope),
        "drawn_at": frozen.drawn_at,
        "drawn_by": frozen.drawn_by,
        "log_size": frozen.log_size,
        "log_root": frozen.log_root,
        "counts": canonical(frozen.counts.as_json()),
        "digest": frozen.digest,
    }
    connection.execute(insert(incident_radii).values(**values))


def add_lines(database: Database, radius_id: bytes, lines: Iterable[Affected]) -> None:
    """Write the lines of a radius, batch by batch, each in a transaction of its own.

    What is cut short before its radius is written belongs to none, and nobody sees it.
    """
    left = iter(lines)
    while some := list(islice(left, _BATCH)):
        rows = [
            {
                "radius_id": radius_id,
                "record_id": one.record_id,
                "record_class": one.record_class.value,
                "clear": " ".join(one.clear),
                "masked": " ".join(one.masked),
                "first_at": one.first_at,
                "last_at": one.last_at,
                "destroyed": one.destroyed,
            }
            for one in some
        ]
        with database.write() as connection:
            connection.execute(insert(radius_customers), rows)
            connection.commit()


def add_records(database: Database, radius_id: bytes, record_ids: Iterable[bytes]) -> None:
    """Write the records that were shown beside the customers of a radius, likewise."""
    left = iter(record_ids)
    while some := list(islice(left, _BATCH)):
        with database.write() as connection:
            rows = [{"radius_id": radius_id, "record_id": one} for one in some]
            connection.execute(insert(radius_records), rows)
            connection.commit()


def of_incident(connection: Connection, incident_id: bytes) -> list[FrozenRadius]:
    """List the radii of an incident, the newest first."""
    query = _READ.where(_column.incident_id == incident_id).order_by(_column.drawn_at.desc(), _column.radius_id)
    return [_frozen(row) for row in connection.execute(query)]


def one(connection: Connection, radius_id: bytes) -> FrozenRadius | None:
    """Return a radius; None where there is none of this id."""
    row = connection.execute(_READ.where(_column.radius_id == radius_id)).first()
    return None if row is None else _frozen(row)


def ask_aside(connection: Connection, radius_id: bytes, by: str, at: datetime, sealed_reason: bytes) -> bool:
    """Write down who says that a radius was frozen by mistake, and why; returns False if two have set it aside."""
    query = update(incident_radii).where(_column.radius_id == radius_id, _column.set_aside_at.is_(None))
    values = {"aside_asked_by": by, "aside_asked_at": at, "sealed_reason": sealed_reason}
    return connection.execute(query.values(**values)).rowcount == 1


def confirm_aside(connection: Connection, radius_id: bytes, asked_at: datetime, by: str, at: datetime) -> bool:
    """Set a radius aside as it was asked for at a moment; it stays as evidence. Returns whether that still stood."""
    query = update(incident_radii).where(
        _column.radius_id == radius_id, _column.aside_asked_at == asked_at, _column.set_aside_at.is_(None)
    )
    return connection.execute(query.values(set_aside_by=by, set_aside_at=at)).rowcount == 1


def lines(connection: Connection, radius_id: bytes, after: bytes, limit: int) -> list[Affected]:
    """Return lines of a radius in order of id: customers, and records whose customers are not known any more.

    Args:
        connection: an open connection.
        radius_id: the radius.
        after: the id of the last line before; empty for the beginning.
        limit: so many at most.
    """
    query = _LINES.where(_line.radius_id == radius_id, _line.record_id > after)
    return [_affected(row) for row in connection.execute(query.order_by(_line.record_id).limit(limit))]


def to_hold(connection: Connection, radius_id: bytes, after: bytes, limit: int) -> list[bytes]:
    """Return the records of a radius that are evidence, in order of id, likewise: its lines and what hangs on them.

    What was destroyed before the radius was drawn is left out.
    """
    queries = (
        select(_line.record_id).where(_line.radius_id == radius_id, _line.destroyed.is_(False)),
        select(radius_records.c.record_id).where(radius_records.c.radius_id == radius_id),
    )
    found: set[bytes] = set()
    for query in queries:
        (column,) = query.selected_columns
        found.update(connection.execute(query.where(column > after).order_by(column).limit(limit)).scalars())
    return sorted(found)[:limit]


def count_to_hold(connection: Connection, radius_id: bytes) -> int:
    """Return how many records these are."""
    both = union(
        select(_line.record_id).where(_line.radius_id == radius_id, _line.destroyed.is_(False)),
        select(radius_records.c.record_id).where(radius_records.c.radius_id == radius_id),
    ).subquery()
    return int(connection.execute(select(func.count()).select_from(both)).scalar_one())


def customers(connection: Connection, radius_id: bytes, after: bytes, limit: int) -> list[Affected]:
    """Return the customers of a radius in order of id, likewise."""
    query = _LINES.where(
        _line.radius_id == radius_id, _line.record_id > after, _line.record_class == RecordClass.CUSTOMER.value
    )
    return [_affected(row) for row in connection.execute(query.order_by(_line.record_id).limit(limit))]


def every_line(connection: Connection, radius_id: bytes) -> Iterator[Affected]:
    """Yield every line of a radius in order of id, a page at a time."""
    after = b""
    while some := lines(connection, radius_id, after, _BATCH):
        yield from some
        after = some[-1].record_id


def _frozen(row: Any) -> FrozenRadius:  # noqa: ANN401 - a row of the query
    told = RadiusCounts.from_json(json.loads(row.counts))
    return FrozenRadius(
        row.radius_id, row.incident_id, json.loads(row.scope), row.drawn_at, row.drawn_by, row.log_size, row.log_root,
        told, row.digest, row.set_aside_by or "", row.set_aside_at, row.sealed_reason,
        row.aside_asked_by or "", row.aside_asked_at,
    )  # fmt: skip


def _affected(row: Any) -> Affected:  # noqa: ANN401 - a row of the query
    return Affected(
        row.record_id, RecordClass(row.record_class), tuple(row.clear.split()), tuple(row.masked.split()),
        row.first_at, row.last_at, row.destroyed,
    )  # fmt: skip
