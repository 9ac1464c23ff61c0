"""Looking for what erasing may leave behind: rows, and on SQLite the raw bytes of the files, free pages included."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from vault.domain.destruction import ItemState
from vault.domain.ids import ID_BYTES
from vault.errors import StorageUnavailable
from vault.storage.engine import Database, plain_errors
from vault.storage.lists import rows_in
from vault.storage.streams import streamed

WRAP_BYTES = 62
"""Length of a wrapped data key as it lies in a file."""

TABLES = ("records", "record_fields", "record_index", "wrapped_keys")
"""Whose rows go with a record."""

_CHUNK = 4 << 20
_BEFORE = 2 + 2 * ID_BYTES
"""So far before its name an index row tells the length of the name. A name and all that are shorter than a wrap."""
_TEXT = 13
"""SQLite writes 13 + 2 × its length for the length of a text."""
_BATCH = 2000
_AT_ONCE = 512
_GONE = f"plan_id = ? AND state = '{ItemState.DESTROYED.value}'"
_DIGESTS = f"SELECT wrap_digest FROM destruction_items WHERE {_GONE} AND wrap_digest IS NOT NULL"  # noqa: S608  # nosec B608
_DESTROYED = f"SELECT record_id FROM destruction_items WHERE {_GONE} ORDER BY record_id"  # noqa: S608  # nosec B608
_PLACES = text(
    "SELECT oid::regclass::text, pg_has_role(relowner, 'USAGE') OR CASE"
    " WHEN current_setting('server_version_num')::integer >= 170000 THEN has_table_privilege(oid, 'MAINTAIN')"
    " ELSE false END"
    " FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid"
    " WHERE relkind = 'r' AND COALESCE(inhparent, oid) = ANY(CAST(CAST(:names AS text[]) AS regclass[]))"
    " ORDER BY oid"
)
_VACUUM_SECONDS = 3600.0
"""So long one table may take; nobody waits for it, and what is cleaned by then is quick the next time."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What a raw reading looks for.

    Args:
        wraps: SHA-256 of each erased wrap.
        heads: the first two bytes that a wrap may have.
        records: ids of the records that are gone.
        names: of the fields and identifier kinds that their values and index rows had.
    """

    wraps: Collection[bytes]
    heads: Collection[bytes]
    records: Collection[bytes]
    names: Collection[str]


@dataclass(frozen=True, slots=True)
class Reread:
    """What a raw reading saw.

    Args:
        bytes_read: of all files.
        wraps: erased wraps that still lie there.
        rows: rows of sealed values and of index tags that still lie there, of records that are gone.
    """

    bytes_read: int
    wraps: int
    rows: int


def destroyed_ids(connection: Connection, plan_id: bytes) -> list[bytes]:
    """Return the records that a plan has destroyed, in ascending order."""
    return [row[0] for rows in streamed(connection, _DESTROYED, _BATCH, plan_id) for row in rows]


def wrap_digests(connection: Connection, plan_id: bytes) -> set[bytes]:
    """Return SHA-256 of each wrap that a plan has erased."""
    return {row[0] for rows in streamed(connection, _DIGESTS, _BATCH, plan_id) for row in rows}


def rows_left(connection: Connection, plan_id: bytes) -> dict[str, int]:
    """Count what is left of the records that a plan has destroyed, table by table."""
    return {
        table: sum(_present(connection, table, ids) for ids in _some_destroyed(connection, plan_id)) for table in TABLES
    }


def tombstones_missing(connection: Connection, plan_id: bytes) -> int:
    """Count the records that a plan has destroyed and of which no tombstone is left."""
    return sum(len(ids) - _present(connection, "tombstones", ids) for ids in _some_destroyed(connection, plan_id))


def _some_destroyed(connection: Connection, plan_id: bytes) -> Iterator[list[bytes]]:
    # A few at a time: one question for all of them scans tables of millions, and is cut off (engine).
    ids = destroyed_ids(connection, plan_id)
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _present(connection: Connection, table: str, ids: list[bytes]) -> int:
    count = f"SELECT count(*) FROM {table} WHERE record_id"  # noqa: S608  # nosec B608 - names of ours
    return sum(row[0] for row in rows_in(connection, count, ids))


def deletes_securely(database: Database) -> bool:
    """Return whether SQLite overwrites what it deletes, on the connections of this process."""
    with database.read() as connection:
        return connection.execute(text("PRAGMA secure_delete")).scalar() == 1


def reread(database: Database, sought: Sought) -> Reread:
    """Read the files of an SQLite database as bytes and look for what was erased, wherever in them.

    The engine is not asked, so it does not matter whether a page is in use, free, or left over. Every place that could
    be the beginning of a wrap is hashed with what follows it. Sealed values and tags have no beginning of their own
    and no digest is kept of them; they are known by their rows, in which the record's id stands before the name of the
    field or of the identifier kind, as in no other row. Of a value too long for one page the beginning is looked for.

    Args:
        database: on SQLite, its write-ahead log cut to nothing before.
        sought: what was erased.

    Raises:
        StorageUnavailable: ``database_file_gone``: a file cannot be read.
    """
    file = Path(str(database.url.database))
    paths = [path for path in (file, file.with_name(f"{file.name}-wal")) if path == file or path.exists()]
    names = re.compile(b"|".join(re.escape(name.encode()) for name in sorted(sought.names, reverse=True)))
    length = wraps = rows = 0
    for path in paths:
        try:
            for window, last, read in _windows(path):
                length += read
                wraps += sum(_wraps(window, head, last, sought.wraps) for head in sought.heads)
                rows += _rows(window, names, last, sought.records)
        except OSError:
            raise StorageUnavailable("database_file_gone") from None
    return Reread(length, wraps, rows)


def _windows(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield a file in pieces that overlap: the piece, before which place something counts, and how much is new."""
    kept = bytes(_BEFORE)  # as if something stood before the file
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_CHUNK):
            window = kept + piece
            # What begins in the last bytes is looked at once the rest of it is there.
            last = max(0, len(window) - WRAP_BYTES + 1)
            yield window, last, len(piece)
            kept = window[last:]
    yield kept, len(kept), 0


def _wraps(window: bytes, head: bytes, last: int, digests: Collection[bytes]) -> int:
    found, at = 0, window.find(head, 0, last + 1)
    while 0 <= at < last:
        found += sha256(window[at : at + WRAP_BYTES]).digest() in digests
        at = window.find(head, at + 1, last + 1)
    return found


def _rows(window: bytes, names: re.Pattern[bytes], last: int, records: Collection[bytes]) -> int:
    """Count rows by their names: ids stand at once before the name, or in the index by record before the tag."""
    found = 0
    for match in names.finditer(window):
        begin = match.start() - _BEFORE
        if not 0 <= begin < last:
            continue  # counted with the window before, or with the next one
        at = match.start()
        if window[at - ID_BYTES : at] in records:
            found += 1
        elif window[at - 2 * ID_BYTES : at - ID_BYTES] in records:
            # A check of a caller has the id there too, and a word that may begin like this one. It is longer.
            found += window[begin] == _TEXT + 2 * len(match[0]) and window[match.end() : match.end() + 1] != b"_"
    return found


def rewrite(database: Database) -> None:
    """Write SQLite's file anew, so that nothing but living rows is in it; whoever writes waits meanwhile.

    Raises:
        StorageUnavailable: the database does not answer, or there is no room for a second copy of it.
    """
    with plain_errors(), database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection  # outside any transaction, where alone it works
        driver.execute("PRAGMA temp_store = file")  # the copy is as large as the database
        try:
            driver.execute("VACUUM")
        finally:
            driver.execute("PRAGMA temp_store = memory")


def vacuum(database: Database) -> bool:
    """Let PostgreSQL clean the tables of records, table by table, partition by partition.

    Returns:
        Whether it did: where this role owns them or, since PostgreSQL 17, may maintain them; by default only the
        migrator may. Dead rows that somebody's snapshot still sees stay.

    Raises:
        StorageUnavailable: the database does not answer, or somebody else is cleaning at this moment.
    """
    with plain_errors(), database.engine.connect() as plain:
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        places = connection.execute(_PLACES, {"names": list(TABLES)}).all()
        if not all(may for _, may in places):
            return False
        driver: Any = connection.connection.driver_connection
        with driver.patient(_VACUUM_SECONDS):
            for place, _ in places:
                driver.execute(f"VACUUM {place}")
    return True
