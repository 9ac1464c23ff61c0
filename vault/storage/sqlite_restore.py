"""Putting a backup in the place of an SQLite vault's file: beside it first, under another name, until it is whole.

So the vault's own place holds either what was there or what was restored and gone through, and never a part. What was
there is set aside, not deleted.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vault.domain.backups import FileFacts
from vault.errors import SetupError, StorageError, StorageUnavailable
from vault.storage.backup_folder import take_copy, writing

_BESIDE: Final = ("-wal", "-shm", "-journal")
_MAGIC: Final = b"SQLite format 3\x00"


class SqlitePlace:
    """The place of an SQLite file.

    Args:
        file: where the vault's database lies, or shall lie.
    """

    may_replace = True

    def __init__(self, file: Path) -> None:
        self._file = file
        self._side = file.with_name(f"{file.name}.restoring")
        self.url = f"sqlite:///{self._side}"

    def is_taken(self) -> bool:
        """Return whether a database lies there."""
        return self._file.exists()

    def require_unused(self) -> None:
        """Refuse while anybody else has the file open; what stands in its write-ahead log comes into the file."""
        if not self._file.exists() or not _is_sqlite(self._file):
            return  # SQLite would remove the write-ahead log of a file that it takes for a new one
        try:
            with closing(sqlite3.connect(self._file, timeout=0.2, isolation_level=None)) as there:
                # Only who is alone with a database may leave the write-ahead log, or lock everybody out.
                there.execute("PRAGMA journal_mode = delete")
                there.execute("BEGIN EXCLUSIVE")
                there.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise SetupError("database_in_use") from None
        except sqlite3.DatabaseError:
            return  # it is damaged, and set aside as it is

    def load(self, source: Path, facts: FileFacts) -> None:
        """Copy the backup beside the place, and compare what was copied with what should have been."""
        with writing(self._side):
            self.discard()
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            copied = take_copy(source, self._side)
        if copied != facts:
            self.discard()
            raise StorageError("backup_differs", name=source.name)

    def discard(self) -> None:
        """Take away what was loaded."""
        for suffix in ("", *_BESIDE, ".turn", ".turn-next"):
            self._side.with_name(self._side.name + suffix).unlink(missing_ok=True)

    def put_in_place(self, source: Path, now: datetime) -> Path | None:
        """Set aside what is there, and give the restored file its name."""
        del source
        aside = self._file.with_name(f"{self._file.name}.replaced-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        if not self._side.exists():  # an earlier run was killed after its last step
            return None
        self.require_unused()
        replaced = None
        with writing(self._file):
            # The log files first: beside another database they would be taken for its own.
            for suffix in (*_BESIDE, ""):
                there = self._file.with_name(self._file.name + suffix)
                if there.exists():
                    there.rename(aside.with_name(aside.name + suffix))
                    replaced = aside
            self._close_side()
            self._side.rename(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self.discard()
        return replaced

    def _close_side(self) -> None:
        """Bring everything into the one file that is renamed."""
        try:
            with closing(sqlite3.connect(self._side, timeout=0.2, isolation_level=None)) as side:
                side.execute("PRAGMA journal_mode = delete")
        except sqlite3.Error:
            raise StorageUnavailable("database_busy") from None


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as there:
        return there.read(len(_MAGIC)) == _MAGIC
