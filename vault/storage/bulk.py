"""Many rows at once: prepared executemany on SQLite, binary COPY on PostgreSQL; a few by prepared executemany."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, SmallInteger, Table

from vault.domain.records import to_micros
from vault.storage.tables import UtcTime

_COPY_TYPES: tuple[tuple[type, str], ...] = (
    (UtcTime, "int8"),
    (LargeBinary, "bytea"),
    (Boolean, "bool"),
    (SmallInteger, "int2"),
    (BigInteger, "int8"),
    (Integer, "int4"),
)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows given as tuples in the order of the table's columns.

    Args:
        connection: inside a writing transaction.
        table: where to.
        rows: one tuple for each row; times as aware datetimes, or in all rows as microseconds.
    """
    if not rows:
        return
    times = _time_columns(table)
    if any(isinstance(rows[0][at], datetime) for at in times):
        rows = [_with_micros(row, times) for row in rows]
    if not connection.in_transaction():
        connection.begin()  # the driver's cursor does not tell SQLAlchemy, whose commit would then do nothing
    cursor = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        cursor.executemany(_insert_sql(table), rows)
        cursor.close()
        return
    with cursor.copy(_copy_sql(table)) as copy:
        copy.set_types(_copy_types(table))
        write: Callable[[Sequence[Any]], None] = copy.write_row
        for row in rows:
            write(row)
    cursor.close()


def insert_few(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert a few rows given by column name; columns left out take their default.

    A row of a table that is nothing but its key says only that it is there: one that is there already is left alone,
    because two look-ups in one case at once may both bind the same record.

    Args:
        connection: inside a writing transaction.
        table: where to.
        rows: at least one, all with the same names; times as aware datetimes.
    """
    names = tuple(rows[0])
    values = [[_plain(row[name]) for name in names] for row in rows]
    if _is_a_set(table):
        values.sort()  # two transactions that wait for each other's keys must meet them in one order
    if not connection.in_transaction():
        connection.begin()
    cursor = connection.connection.cursor()
    statement = _insert_named_sql(table, names, connection.dialect.name)
    if len(values) == 1:
        cursor.execute(statement, values[0])
    else:
        cursor.executemany(statement, values)
    cursor.close()


@lru_cache(maxsize=64)
def _insert_named_sql(table: Table, names: tuple[str, ...], dialect: str) -> str:
    # Names come from our own code; an unknown one is refused here, before it is part of a statement.
    columns = ", ".join(table.columns[name].name for name in names)
    marks = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(names))
    known = " ON CONFLICT DO NOTHING" if _is_a_set(table) else ""
    return f"INSERT INTO {table.name} ({columns}) VALUES ({marks}){known}"  # noqa: S608  # nosec B608


@lru_cache(maxsize=64)
def _is_a_set(table: Table) -> bool:
    return len(table.primary_key.columns) == len(table.columns)


def _plain(value: object) -> object:
    return to_micros(value) if isinstance(value, datetime) else value


def _with_micros(row: Sequence[Any], times: tuple[int, ...]) -> list[Any]:
    changed = list(row)
    for at in times:
        if isinstance(changed[at], datetime):
            changed[at] = to_micros(changed[at])
    return changed


@lru_cache(maxsize=64)
def _time_columns(table: Table) -> tuple[int, ...]:
    return tuple(at for at, column in enumerate(table.columns) if isinstance(column.type, UtcTime))


@lru_cache(maxsize=64)
def _insert_sql(table: Table) -> str:
    # Names come from our own table definitions, never from input.
    marks = ", ".join("?" for _ in table.columns)
    return f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})"  # noqa: S608  # nosec B608


@lru_cache(maxsize=64)
def _copy_sql(table: Table) -> str:
    return f"COPY {table.name} ({_names(table)}) FROM STDIN (FORMAT BINARY)"


@lru_cache(maxsize=64)
def _copy_types(table: Table) -> list[str]:
    return [
        next((name for kind, name in _COPY_TYPES if isinstance(column.type, kind)), "text") for column in table.columns
    ]


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)
