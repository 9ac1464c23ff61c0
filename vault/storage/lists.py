"""Plain prepared SQL for the questions of the hot paths, and reading rows by a list of ids or tags.

SQLAlchemy's expanding IN builds and compiles a statement of hundreds of parameters for each call; measured, that
cost more than the search itself. PostgreSQL takes the list as one array. SQLite takes marks; their number is
rounded up to a power of two, so that a handful of prepared statements serve every length.
The driver is asked itself: SQLAlchemy's cursor around it costs five times what SQLite needs to answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

_MOST_MARKS = 4096


def ask(connection: Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Ask the driver a question of ours in its own SQL, inside the connection's transaction.

    Args:
        connection: an open connection.
        sql: a constant of ours, with the driver's own marks.
        values: values of the marks.

    Returns:
        The rows, as the driver gives them: times in microseconds, words as text.
    """
    if not connection.in_transaction():
        connection.begin()  # the driver does not tell SQLAlchemy, whose snapshot would then not have begun
    rows: list[tuple[Any, ...]] = connection.connection.driver_connection.execute(sql, values).fetchall()  # type: ignore[union-attr]  # only a lost connection has none
    return rows


def rows_in(
    connection: Connection, select: str, values: Sequence[bytes], before: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Run a select whose last condition is a list.

    Args:
        connection: an open connection.
        select: a constant of ours that ends in the column to compare, such as ``SELECT … WHERE record_id``; with
            ``?`` for each value of ``before``.
        values: the list.
        before: values of the marks in ``select``.

    Yields:
        The rows.
    """
    if connection.dialect.name == "postgresql":
        yield from ask(connection, _array_sql(select), (*before, list(values)))
        return
    for start in range(0, len(values), _MOST_MARKS):
        some = values[start : start + _MOST_MARKS]
        size = 1 << (len(some) - 1).bit_length()
        padded = (*before, *some, *([some[-1]] * (size - len(some))))
        yield from ask(connection, _marks_sql(select, size), padded)


@lru_cache(maxsize=256)
def _array_sql(select: str) -> str:
    # %b: a binary array; as text, each value would be escaped by a regular expression.
    return f"{select.replace('?', '%s')} = ANY(%b)"


@lru_cache(maxsize=256)
def _marks_sql(select: str, size: int) -> str:
    return f"{select} IN ({','.join('?' * size)})"
