"""Comparing keys and records: what has one and not the other, anywhere in the database. Counts only.

Piece by piece, each in a transaction of its own: one that reads whole tables would keep SQLite's log from being cut,
and PostgreSQL from cleaning up, for as long as it takes. A piece is a span of keys, so that what is written meanwhile
is seen in whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from vault.storage.engine import Database
from vault.storage.lists import ask
from vault.storage.streams import read_once

_PIECE = 20_000
_FIRST = b""
_LAST = b"\xff" * 17
"""Longer than any id, so behind all of them."""

_WITHOUT_RECORD = "NOT EXISTS (SELECT 1 FROM records r WHERE r.record_id = v.record_id)"
_WITHOUT_KEY = "NOT EXISTS (SELECT 1 FROM wrapped_keys w WHERE w.cohort_id = v.cohort_id AND w.record_id = v.record_id)"
_WITHOUT_OWN_RECORD = (
    "NOT EXISTS (SELECT 1 FROM records r WHERE r.record_id = v.record_id AND r.cohort_id = v.cohort_id)"
)
_BURIED = "EXISTS (SELECT 1 FROM tombstones t WHERE t.record_id = v.record_id)"
_BY_RECORD = ("record_id",)
_BY_COHORT = ("cohort_id", "record_id")
QUESTIONS: Mapping[str, tuple[str, tuple[str, ...], str]] = MappingProxyType(
    {
        "keys_without_record": ("wrapped_keys", _BY_COHORT, _WITHOUT_OWN_RECORD),
        "records_without_key": ("records", _BY_RECORD, _WITHOUT_KEY),
        "values_without_record": ("record_fields", _BY_RECORD, _WITHOUT_RECORD),
        "tags_without_record": ("record_index", _BY_RECORD, _WITHOUT_RECORD),
        "tombstones_with_key": ("wrapped_keys", _BY_COHORT, _BURIED),
    }
)
"""For each kind of orphan: the table gone through, the columns of an index to go by, and what makes a row an orphan."""


def count(database: Database) -> dict[str, int]:
    """Return how many orphans of each kind there are.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    return {kind: sum(_pieces(database, *question)) for kind, question in QUESTIONS.items()}


def _pieces(database: Database, table: str, key: tuple[str, ...], orphan: str) -> Iterator[int]:
    """Go through a table by an index of it, and yield how many orphans lie in each piece."""
    ordered, marks = ", ".join(key), ", ".join("?" * len(key))
    place, low = f"({ordered})", f"({marks})"
    # The key that begins the next piece; all rows of one key fall into one piece, however many there are.
    beyond = f"SELECT {ordered} FROM {table} WHERE {place} > {low} ORDER BY {ordered} LIMIT 1 OFFSET {_PIECE}"  # noqa: S608  # nosec B608
    span = f"{place} >= {low} AND {place} < {low}"
    orphans = f"SELECT count(*) FROM {table} v WHERE {span} AND {orphan}"  # noqa: S608  # nosec B608
    begin: tuple[Any, ...] | None = (_FIRST,) * len(key)
    while begin is not None:
        with database.read() as connection, read_once(connection):
            following = _ask(connection, beyond, begin)
            end = tuple(following[0]) if following else (_LAST,) * len(key)
            yield int(_ask(connection, orphans, (*begin, *end))[0][0])
        begin = end if following else None


def _ask(connection: Connection, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    marked = sql if connection.dialect.name == "sqlite" else sql.replace("?", "%b")
    return ask(connection, marked, values)
