"""Backing up a PostgreSQL vault while it works, with pg_dump; reading such a dump without a server.

The dump is of one moment: a snapshot that we export, so that what the manifest says of it is of the same moment.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Connection

from vault.errors import StorageError
from vault.storage.backup_engine import Contents, Told
from vault.storage.engine import Database
from vault.storage.pg_restore import major, scratch
from vault.storage.pg_tools import PgTools

_HEAD: Final = re.compile(rb'COPY (?:\w+|"[^"]+")\.(\w+) \(([^)]*)\) FROM stdin;\n')
_PARTITION: Final = re.compile(r"wrapped_keys_[0-9a-f]{32}")
_END: Final = b"\\.\n"
_ESCAPES: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_BATCH: Final = 512
_KEPT: Final = {
    "log_events": ("leaf_index", "canonical", "leaf_hash"),
    "log_checkpoints": ("size", "note"),
    "log_gaps": ("accepted_at", "note"),
}


class PgBackup:
    """Dumps of one vault's PostgreSQL database.

    Args:
        url: SQLAlchemy address of the migrator's role, which may read every partition.
        tools: PostgreSQL's programs.
        bins: where they lie; None for the search path.
    """

    name = "postgresql"
    file = "vault.dump"

    def __init__(self, url: str, bins: Path | None) -> None:
        self._url = url
        self._bins = bins
        self._tools = PgTools(url, bins)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Give a connection that sees one moment."""
        database = Database(self._url, pool_size=1)
        try:
            with database.read() as connection:
                self._tools.require(("pg_dump", "pg_restore"), major(connection))
                # The dump takes its time, and this transaction has nothing to do meanwhile.
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                yield connection
        finally:
            database.dispose()

    def version(self, connection: Connection) -> str:
        """Return the server's version."""
        return str(connection.exec_driver_sql("SHOW server_version").scalar()).split(" ")[0]

    def copy(self, connection: Connection, target: Path, told: Told) -> None:
        """Dump what a snapshot sees."""
        name = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar())

        def look() -> None:
            """Say how large the dump is by now."""
            told(target.stat().st_size if target.exists() else 0, 0)

        self._tools.run("pg_dump", "--format=custom", f"--snapshot={name}", f"--file={target}", look=look)
        target.chmod(0o600)

    @contextmanager
    def contents(self, file: Path) -> Iterator[Contents]:
        """Read a dump whole: every table is unpacked and counted, the log is put in order in a hidden file."""
        with closing(sqlite3.connect("", isolation_level=None)) as aside:
            for table, columns in _KEPT.items():
                aside.execute(f"CREATE TABLE {table} ({columns[0]} INTEGER PRIMARY KEY, {', '.join(columns[1:])})")
            try:
                with self._tools.output("pg_restore", "--data-only", "--file=-", str(file)) as lines:
                    aside.execute("BEGIN")
                    rows = _counted(lines, aside)
            except StorageError as error:
                if error.reason == "backup_tool_failed":
                    raise StorageError("backup_damaged") from None
                raise
            except (ValueError, sqlite3.Error):
                raise StorageError("backup_damaged") from None
            yield Contents(
                rows,
                [row[0] for row in aside.execute("SELECT note FROM log_checkpoints ORDER BY size")],
                [row[0] for row in aside.execute("SELECT note FROM log_gaps ORDER BY accepted_at")],
                _events(aside),
            )

    def try_out(self, file: Path) -> Mapping[str, int]:
        """Load a dump into a scratch database and count its rows there."""
        with scratch(self._url, self._bins) as place:
            place.bring_in(file)
            return place.rows()


def _counted(lines: IO[bytes], aside: sqlite3.Connection) -> dict[str, int]:
    """Count the rows of each table, and keep those of the log aside."""
    rows: dict[str, int] = {}
    for line in lines:
        head = _HEAD.fullmatch(line)
        if head is None:
            continue
        table = head[1].decode()
        names = [name.strip().strip('"') for name in head[2].decode().split(",")]
        count = _copied(lines, aside, table, names)
        counted_as = "wrapped_keys" if _PARTITION.fullmatch(table) else table
        rows[counted_as] = rows.get(counted_as, 0) + count
    return rows


def _copied(lines: IO[bytes], aside: sqlite3.Connection, table: str, names: list[str]) -> int:
    wanted = [names.index(name) for name in _KEPT.get(table, ())]
    insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(wanted))})"  # noqa: S608  # nosec B608 - names of ours
    for count, line in enumerate(lines):
        if line == _END:
            return count
        if wanted:
            cells = line[:-1].split(b"\t")
            aside.execute(insert, [_value(cells[at]) for at in wanted])
    raise ValueError(table)  # cut off


def _value(cell: bytes) -> bytes | str:
    """Read one cell as COPY writes it: bytes in hexadecimal, everything else as text."""
    plain = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), cell)
    return bytes.fromhex(plain[2:].decode()) if plain.startswith(b"\\x") else plain.decode()


def _events(aside: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    cursor = aside.execute("SELECT leaf_index, canonical, leaf_hash FROM log_events ORDER BY leaf_index")
    while rows := cursor.fetchmany(_BATCH):
        yield rows
