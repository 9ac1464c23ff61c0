"""Drawing records for a drill, and looking for what may be left of one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select

from vault.domain.ids import ID_BYTES, RecordClass
from vault.storage.tables import record_fields, record_index, records, tombstones, wrapped_keys


def some_destroyed(connection: Connection, most: int) -> list[bytes]:
    """Draw records of which a tombstone is left."""
    return _drawn(connection, tombstones.c.record_id, most)


def some_living(connection: Connection, most: int, now: datetime) -> list[bytes]:
    """Draw records whose time is not over."""
    column = records.c
    lives = or_(column.expires_at.is_(None), column.expires_at > now)
    return _drawn(connection, column.record_id, most, lives, column.record_class != RecordClass.REQUEST.value)


def left_of(connection: Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Return those of some records of which any row is left: of itself, its wrap, its fields or its index."""
    found: set[bytes] = set()
    for table in (records, wrapped_keys, record_fields, record_index):
        found |= set(connection.execute(select(table.c.record_id).where(table.c.record_id.in_(list(ids)))).scalars())
    return found


def _drawn(
    connection: Connection, column: ColumnElement[bytes], most: int, *conditions: ColumnElement[bool]
) -> list[bytes]:
    """Draw by chance: ids are random, so those behind a random point are as good as drawn from a hat."""
    point = secrets.token_bytes(ID_BYTES)
    query = select(column).where(*conditions).order_by(column)
    behind = list(connection.execute(query.where(column >= point).limit(most)).scalars())
    return behind + list(connection.execute(query.where(column < point).limit(most - len(behind))).scalars())
