"""Customers of drills: made up, in a table of their own, so that no drill can ever touch a record of somebody real."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from vault.storage.tables import drill_customers

_column = drill_customers.c


@dataclass(frozen=True, slots=True)
class DrillCustomer:
    """One customer of a drill.

    Args:
        record_id: random id, of no record.
        serial: from 1 within its drill.
        sealed_fields: the made-up fields.
    """

    record_id: bytes
    serial: int
    sealed_fields: bytes


def add(connection: Connection, incident_id: bytes, made: Iterable[DrillCustomer]) -> None:
    """Add the customers of a drill."""
    rows = [
        {
            "record_id": one.record_id,
            "incident_id": incident_id,
            "serial": one.serial,
            "sealed_fields": one.sealed_fields,
        }
        for one in made
    ]
    if rows:
        connection.execute(insert(drill_customers), rows)


def listed(connection: Connection, incident_id: bytes, after: int, limit: int) -> list[DrillCustomer]:
    """List the customers of a drill by serial number.

    Args:
        connection: an open connection.
        incident_id: the drill.
        after: the serial number of the last one that is known; 0 for the beginning.
        limit: how many at the most.
    """
    query = (
        select(_column.record_id, _column.serial, _column.sealed_fields)
        .where(_column.incident_id == incident_id, _column.serial > after)
        .order_by(_column.serial)
        .limit(limit)
    )
    return [DrillCustomer(*row) for row in connection.execute(query)]


def by_ids(connection: Connection, incident_id: bytes, record_ids: Sequence[bytes]) -> dict[bytes, DrillCustomer]:
    """Return customers of a drill by id; those that are not its own are left out."""
    query = select(_column.record_id, _column.serial, _column.sealed_fields).where(
        _column.incident_id == incident_id, _column.record_id.in_(list(record_ids))
    )
    return {row[0]: DrillCustomer(*row) for row in connection.execute(query)}


def count(connection: Connection, incident_id: bytes) -> int:
    """Return how many customers a drill has; an incident that is no drill, or only a test of a signal, has none."""
    query = select(func.count()).select_from(drill_customers).where(_column.incident_id == incident_id)
    return int(connection.execute(query).scalar_one())
