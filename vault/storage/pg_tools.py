"""PostgreSQL's own programs for backups: found, compared with the server's version, run with no password in sight."""

from __future__ import annotations

import os
import re
import shutil
import subprocess  # nosec B404 - runs PostgreSQL's own programs, by path, with argument lists and no shell
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import psycopg.conninfo
from sqlalchemy.engine import make_url

from vault.errors import SetupError, StorageError

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_ERROR: Final = re.compile(r"^pg_\w+: error: (.*)$", re.MULTILINE)
_LONGEST: Final = 200
_LOOK_SECONDS: Final = 0.2


class PgTools:
    """The programs, for one database and the role that owns it.

    Args:
        url: SQLAlchemy address of the migrator's role.
        folder: where the programs lie; None for the search path.
    """

    def __init__(self, url: str, folder: Path | None) -> None:
        target = make_url(url)
        # As SQLAlchemy itself reads the address: what stands behind its question mark are libpq's own names.
        _, given = target.get_dialect()().create_connect_args(target)
        named = {name: str(value) for name, value in given.items() if isinstance(value, (str, int))}
        password = named.pop("password", None)
        self._folder = folder
        self._target = psycopg.conninfo.make_conninfo(**named)
        self._environment = os.environ | {"LC_ALL": "C"} | ({"PGPASSWORD": password} if password else {})

    def require(self, programs: Sequence[str], server: int) -> None:
        """Refuse to begin with programs that are missing, or older than the server.

        Args:
            programs: their names.
            server: the server's major version.

        Raises:
            SetupError: ``backup_tool_missing`` or ``backup_tool_older``.
        """
        for program in programs:
            told = subprocess.run(  # noqa: S603  # nosec B603 - a program of PostgreSQL, asked for its version
                [self._path(program), "--version"], capture_output=True, text=True, check=False, env=self._environment
            )
            found = _VERSION.search(told.stdout)
            if found is None or int(found[1]) < server:
                version = found[1] if found else "?"
                raise SetupError("backup_tool_older", program=program, version=version, server=server)

    def run(self, program: str, *arguments: str, look: Callable[[], None] | None = None) -> None:
        """Run a program on the database until it ends.

        Args:
            program: its name.
            arguments: its arguments, apart from the database.
            look: called every now and then meanwhile.

        Raises:
            SetupError: ``backup_tool_missing``.
            StorageError: ``backup_tool_failed``, with the first line of what it said.
        """
        with self._started(program, (*arguments, "--no-password", f"--dbname={self._target}"), output=None) as process:
            while True:
                try:
                    process.wait(_LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    if look is not None:
                        look()
                else:
                    return

    @contextmanager
    def output(self, program: str, *arguments: str) -> Iterator[IO[bytes]]:
        """Run a program without a database, and give what it writes.

        Raises:
            SetupError: ``backup_tool_missing``.
            StorageError: ``backup_tool_failed``.
        """
        with self._started(program, arguments, output=subprocess.PIPE) as process:
            if process.stdout is None:  # pragma: no cover - it was asked for
                raise StorageError("backup_tool_failed", program=program, said="")
            yield process.stdout
            if process.stdout.read(1):
                process.kill()  # the reader has seen enough, and says why

    @contextmanager
    def _started(self, program: str, arguments: Sequence[str], output: int | None) -> Iterator[subprocess.Popen[bytes]]:
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(  # noqa: S603  # nosec B603 - a program of PostgreSQL by its path, no shell
                [self._path(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if output is None else output,
                stderr=said,
                env=self._environment,
            ) as process,
        ):
            try:
                yield process
            except BaseException:
                process.kill()
                raise
            if process.wait():
                raise StorageError("backup_tool_failed", program=program, said=_first_error(said))

    def _path(self, program: str) -> str:
        found = shutil.which(program, path=None if self._folder is None else str(self._folder))
        if found is None:
            raise SetupError("backup_tool_missing", program=program)
        return found


def _first_error(said: IO[Any]) -> str:
    """Return what a program said first; the lines behind it may hold rows."""
    said.seek(0)
    found = _ERROR.search(said.read(1 << 16).decode(errors="replace"))
    return "" if found is None else found[1][:_LONGEST]
