"""What backing up and restoring need of an engine; SQLite and PostgreSQL each have a body for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from vault.domain.backups import FileFacts

Told = Callable[[int, int], None]
"""Told how much is done of how much; 0 of a total that nobody knows."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup's database holds, read from its file.

    Args:
        rows: how many rows each table holds.
        notes: the checkpoints kept with the log, oldest first.
        gaps: the gap statements kept with it.
        events: the ordered events as (leaf index, canonical, leaf hash), in lists.
    """

    rows: Mapping[str, int]
    notes: list[str]
    gaps: list[str]
    events: Iterator[list[tuple[Any, ...]]]


class BackupEngine(Protocol):
    """Takes a copy of the database in use, and reads such a copy."""

    name: str
    file: str

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one moment; :meth:`copy` copies that moment."""

    def version(self, connection: Connection) -> str:
        """Return the version of the engine behind a connection."""

    def copy(self, connection: Connection, target: Path, told: Told) -> None:
        """Copy what a snapshot sees into a new file, while others read and write on.

        Raises:
            SetupError: a tool is missing, or older than the server.
            StorageError: it cannot be copied.
        """

    def contents(self, file: Path) -> AbstractContextManager[Contents]:
        """Read a copy whole; the file is not changed.

        Raises:
            StorageError: ``backup_damaged``: it is no whole copy of a database.
        """

    def try_out(self, file: Path) -> Mapping[str, int]:
        """Load a copy into a scratch database and count its rows there.

        Raises:
            SetupError: ``scratch_not_allowed``, or a tool is missing.
            StorageError: it cannot be loaded.
        """


class RestorePlace(Protocol):
    """Where a backup's database goes, closed to everybody else until it is put in place."""

    url: str
    may_replace: bool

    def is_taken(self) -> bool:
        """Return whether something lies there."""

    def require_unused(self) -> None:
        """Refuse while anybody else has it open.

        Raises:
            SetupError: ``database_in_use``.
        """

    def load(self, source: Path, facts: FileFacts) -> None:
        """Bring the copy in, closed; safe to repeat.

        Raises:
            StorageError: ``backup_differs``, or it cannot be loaded.
        """

    def discard(self) -> None:
        """Take away what was loaded, as long as it is not in place."""

    def put_in_place(self, source: Path, now: datetime) -> Path | None:
        """Open what was loaded to the vault, in the place of what was there; safe to repeat.

        Returns:
            Where the database that was there lies now; None where there was none.

        Raises:
            SetupError: ``database_in_use``.
        """
