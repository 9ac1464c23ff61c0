"""The register of paper copies: boxes, who keeps them, when they are due, and the two who saw them shredded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from vault.domain.ids import RecordClass
from vault.storage.tables import paper_boxes

_column = paper_boxes.c


@dataclass(frozen=True, slots=True)
class Box:
    """One box of papers.

    Args:
        box_id: random id.
        label: as written on it.
        record_class: what its papers are copies of.
        outlet: where it stands.
        custodian: account of who keeps it.
        registered_by: account of the officer who entered it.
        registered_at: when, UTC.
        due_on: from what day on it is shredded, company time zone.
        shredded_by: account of the officer who says it was shredded.
        witnessed_by: account of the other one, who saw it; only then it is gone.
        shredded_at: when the first of them said so, UTC.
    """

    box_id: bytes
    label: str
    record_class: RecordClass
    outlet: str
    custodian: bytes
    registered_by: bytes
    registered_at: datetime
    due_on: date
    shredded_by: bytes | None = None
    witnessed_by: bytes | None = None
    shredded_at: datetime | None = None


def add(connection: Connection, box: Box) -> None:
    """Store a new box.

    Raises:
        StorageError: ``conflict``: its label stands on another one.
    """
    connection.execute(insert(paper_boxes).values(**asdict(box)))


def one(connection: Connection, box_id: bytes) -> Box | None:
    """Return one box."""
    row = connection.execute(select(paper_boxes).where(_column.box_id == box_id)).first()
    return None if row is None else _box(row)


def standing(connection: Connection, limit: int) -> list[Box]:
    """List the boxes that are not gone, the one due first at the head."""
    query = select(paper_boxes).where(_column.witnessed_by.is_(None))
    return [_box(row) for row in connection.execute(query.order_by(_column.due_on, _column.label).limit(limit))]


def gone(connection: Connection, limit: int) -> list[Box]:
    """List the boxes that two officers saw shredded, newest first."""
    query = select(paper_boxes).where(_column.witnessed_by.is_not(None))
    rows = connection.execute(query.order_by(_column.shredded_at.desc(), _column.label).limit(limit))
    return [_box(row) for row in rows]


def labelled(connection: Connection, label: str) -> Box | None:
    """Return the box with a label."""
    row = connection.execute(select(paper_boxes).where(_column.label == label)).first()
    return None if row is None else _box(row)


def kept_by(connection: Connection, account_id: bytes) -> list[Box]:
    """List the boxes that somebody keeps and that are not gone."""
    query = select(paper_boxes).where(_column.custodian == account_id, _column.witnessed_by.is_(None))
    return [_box(row) for row in connection.execute(query.order_by(_column.due_on, _column.label))]


def hand_on(connection: Connection, box_id: bytes, custodian: bytes, to: bytes) -> bool:
    """Give a box that is not gone another custodian.

    Args:
        connection: inside a transaction.
        box_id: the box.
        custodian: who keeps it, as whoever hands it on was shown.
        to: who keeps it from now on.

    Returns:
        Whether that was still so.
    """
    handing = update(paper_boxes).where(
        _column.box_id == box_id, _column.custodian == custodian, _column.witnessed_by.is_(None)
    )
    return connection.execute(handing.values(custodian=to)).rowcount == 1


def say_shredded(connection: Connection, box_id: bytes, by: bytes, at: datetime) -> bool:
    """Note that somebody says a box was shredded; of two who say so at once, one gets True."""
    saying = update(paper_boxes).where(_column.box_id == box_id, _column.shredded_by.is_(None))
    return connection.execute(saying.values(shredded_by=by, shredded_at=at)).rowcount == 1


def witness(connection: Connection, box_id: bytes, shredder: bytes, by: bytes) -> bool:
    """Note that a second officer saw it.

    Args:
        connection: inside a transaction.
        box_id: the box.
        shredder: who says that it was shredded, as the witness was shown.
        by: account of the witness.

    Returns:
        Whether that still waited for a witness.
    """
    return _while_waiting(connection, box_id, shredder, {"witnessed_by": by})


def take_back(connection: Connection, box_id: bytes, shredder: bytes) -> bool:
    """Note that a box still stands; returns whether it still waited for a witness."""
    return _while_waiting(connection, box_id, shredder, {"shredded_by": None, "shredded_at": None})


def _while_waiting(connection: Connection, box_id: bytes, shredder: bytes, values: dict[str, bytes | None]) -> bool:
    waiting = update(paper_boxes).where(
        _column.box_id == box_id, _column.shredded_by == shredder, _column.witnessed_by.is_(None)
    )
    return connection.execute(waiting.values(**values)).rowcount == 1


def _box(row: Any) -> Box:  # noqa: ANN401 - a row of SQLAlchemy's
    values = {name: getattr(row, name) for name in Box.__dataclass_fields__}
    return Box(**(values | {"record_class": RecordClass(values["record_class"])}))
