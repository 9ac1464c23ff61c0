"""Reading a whole table once, in batches, without filling memory: the driver's own rows, which cost least."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

_FRUGAL: Final = {"mmap_size": 0, "cache_size": -512}


def streamed(connection: Connection, question: str, batch: int, *values: object) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows that answer a question, batch by batch.

    Args:
        connection: an open connection; one question at a time.
        question: SQL of our own, with ``?`` for values.
        batch: rows in a list.
        values: for the question.
    """
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        with read_once(connection), closing(driver.cursor()) as cursor:
            cursor.execute(question, values)
            while rows := cursor.fetchmany(batch):
                yield rows
        return
    # The server goes on while the rows it has sent are worked on: it waits for nobody who asks for the next ones.
    with closing(driver.cursor(binary=True)) as cursor:
        rows = cursor.stream(question.replace("?", "%b"), values, binary=True, size=batch)
        with closing(rows):
            while some := list(islice(rows, batch)):
                yield some


@contextmanager
def read_once(connection: Connection) -> Iterator[None]:
    """Read an SQLite file for a while without keeping its pages.

    A map and a large cache are good for look-ups, which meet the same pages again; who reads a long table once would
    fill this process's memory with it.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    kept = {name: int(driver.execute(f"PRAGMA {name}").fetchone()[0]) for name in _FRUGAL}
    for name, value in _FRUGAL.items():
        driver.execute(f"PRAGMA {name} = {value}")
    try:
        yield
    finally:
        for name, value in kept.items():
            driver.execute(f"PRAGMA {name} = {value}")
