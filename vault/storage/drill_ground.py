"""Where a drill takes place: a folder and a database of its own, gone afterwards whatever happens.

What a drill that was killed left behind is taken away by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vault.errors import StorageUnavailable
from vault.storage.backup_engine import RestorePlace
from vault.storage.backup_folder import writing
from vault.storage.pg_restore import drop_scratch, left_over, scratch
from vault.storage.sqlite_restore import SqlitePlace

_PREFIX = "drill-"


@contextmanager
def drill_ground(
    above: Path, url: str, bins: Path | None, name: str, *, is_sqlite: bool
) -> Iterator[tuple[Path, RestorePlace]]:
    """Give an empty folder, and a place for a database that is nobody's vault.

    Args:
        above: the folder it lies in.
        url: SQLAlchemy address of the migrator's role.
        bins: where PostgreSQL's programs lie; None for the search path.
        name: tells scratch databases of this vault from those of others.
        is_sqlite: the database is a file.

    Raises:
        SetupError: ``scratch_not_allowed``.
        StorageUnavailable: ``drill_under_way``, or nothing can be written.
    """
    with _alone(above):
        for left in above.glob(f"{_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        with writing(above):
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=above))
        try:
            if is_sqlite:
                yield folder, SqlitePlace(folder / "db" / "vault.sqlite3")
                return
            prefix = f"datavault_drill_{name}_"
            for database in left_over(url, prefix):
                drop_scratch(url, database)
            with scratch(url, bins, prefix) as place:
                yield folder, place
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(above: Path) -> Iterator[None]:
    """Be the only drill of this host; the kernel ends that with the process."""
    with writing(above):
        lock = os.open(above / "drill.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageUnavailable("drill_under_way") from None
        yield
    finally:
        os.close(lock)
