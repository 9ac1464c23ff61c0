"""Backing up an SQLite vault while it works, by SQLite's own backup interface; reading such a copy without changing it.

The copy is taken inside a reading transaction. So it is one moment, however much is written meanwhile, and no writer
waits for it; without that, each write would make SQLite begin the copy anew.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection

from vault.errors import StorageError, StorageUnavailable
from vault.storage.backup_engine import Contents, Told
from vault.storage.engine import Database
from vault.storage.streams import read_once

_PAGES: Final = 2048
_EVENTS: Final = 512


class SqliteBackup:
    """Copies of one vault's SQLite file.

    Args:
        database: the vault's database.
    """

    name = "sqlite"
    file = "vault.sqlite3"

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that sees one moment."""
        with self._database.read() as connection:
            connection.begin()
            # The moment is that of the first look, not of the beginning.
            connection.exec_driver_sql("SELECT count(*) FROM vault_state").scalar()
            with read_once(connection):
                yield connection

    def version(self, connection: Connection) -> str:
        """Return the version of SQLite."""
        return str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())

    def copy(self, connection: Connection, target: Path, told: Told) -> None:
        """Copy what a snapshot sees, some pages at a time."""
        driver: Any = connection.connection.driver_connection
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                driver.backup(copy, pages=_PAGES, progress=lambda _, left, total: told(total - left, total), sleep=0.01)
                copy.execute("PRAGMA journal_mode = delete")  # one file, which can be read without making another
        except (sqlite3.Error, OSError) as error:
            code = error.errno if isinstance(error, OSError) else None
            raise StorageUnavailable("backup_unwritable", path=target.name, errno=code or 0) from None

    @contextmanager
    def contents(self, file: Path) -> Iterator[Contents]:
        """Read a copy whole, its pages and constraints checked first."""
        try:
            with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro&immutable=1", uri=True)) as copy:
                if copy.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                    raise StorageError("backup_damaged")
                yield Contents(
                    _rows(copy),
                    _column(copy, "SELECT note FROM log_checkpoints ORDER BY size"),
                    _column(copy, "SELECT note FROM log_gaps ORDER BY accepted_at"),
                    _events(copy),
                )
        except sqlite3.Error:
            raise StorageError("backup_damaged") from None

    def try_out(self, file: Path) -> Mapping[str, int]:
        """Return the rows of a copy; nothing more is learnt of an SQLite file by copying it once more."""
        with self.contents(file) as found:
            return found.rows


def _rows(copy: sqlite3.Connection) -> dict[str, int]:
    names = _column(copy, "SELECT name FROM sqlite_master WHERE type = 'table'")
    quoted = {name: name.replace('"', '""') for name in names}
    return {
        name: copy.execute(f'SELECT count(*) FROM "{safe}"').fetchone()[0]  # noqa: S608  # nosec B608
        for name, safe in quoted.items()
    }


def _column(copy: sqlite3.Connection, question: str) -> list[str]:
    return [str(row[0]) for row in copy.execute(question)]


def _events(copy: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    cursor = copy.execute("SELECT leaf_index, canonical, leaf_hash FROM log_events ORDER BY leaf_index")
    while rows := cursor.fetchmany(_EVENTS):
        yield rows
