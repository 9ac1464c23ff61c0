"""Contacts as they were at a moment: a value that was replaced since is kept sealed, for notices after a breach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass
from vault.domain.records import FieldRef, to_micros
from vault.storage.lists import rows_in

_NAMES = tuple(name for name, field in FIELDS[RecordClass.CUSTOMER].items() if field.contact)
_WHEN = f"field IN ({','.join('?' * len(_NAMES))}) AND valid_from <= ? AND (superseded_at IS NULL OR superseded_at > ?)"
_THERE = "SELECT record_id FROM records WHERE record_class = 'customer' AND record_id"
_PRESENT = f"SELECT record_id, field FROM record_fields WHERE {_WHEN} AND record_id"  # noqa: S608  # nosec B608 - marks only
_SEALED = f"SELECT record_id, field, ordinal, generation, sealed FROM record_fields WHERE {_WHEN} AND record_id"  # noqa: S608  # nosec B608 - the same


def customers_left(connection: Connection, record_ids: Sequence[bytes]) -> set[bytes]:
    """Return which of these customers have a record still."""
    return {row[0] for row in rows_in(connection, _THERE, list(record_ids))} if record_ids else set()


def present(connection: Connection, record_ids: Sequence[bytes], at: datetime) -> dict[bytes, set[str]]:
    """Return which contact fields customers had at a moment, by record id; nothing is opened."""
    found: dict[bytes, set[str]] = {}
    for record_id, field in rows_in(connection, _PRESENT, list(record_ids), _values(at)) if record_ids else ():
        found.setdefault(record_id, set()).add(field)
    return found


def sealed(connection: Connection, record_ids: Sequence[bytes], at: datetime) -> dict[bytes, dict[FieldRef, bytes]]:
    """Return the sealed contact values that were valid at a moment, by record id and place.

    Args:
        connection: an open connection.
        record_ids: customers.
        at: UTC.
    """
    found: dict[bytes, dict[FieldRef, bytes]] = {}
    for record_id, *place, value in rows_in(connection, _SEALED, list(record_ids), _values(at)) if record_ids else ():
        found.setdefault(record_id, {})[FieldRef(*place)] = value
    return found


def _values(at: datetime) -> tuple[str | int, ...]:
    moment = to_micros(at)
    return (*_NAMES, moment, moment)
