"""The folder of a backup: made under another name, complete and synced before it gets its own; read file by file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from vault.domain.backups import FileFacts
from vault.errors import SetupError, StorageUnavailable

_CHUNK = 1 << 20


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Give a folder to be filled, for its owner only; it gets its place when all is done, and is gone if not.

    Args:
        place: nothing may lie there yet, and the folder above it must be there.

    Yields:
        The folder to fill.

    Raises:
        SetupError: ``backup_place_taken`` or ``backup_place_unusable``.
        StorageUnavailable: ``backup_unwritable``: the disk is full, say.
    """
    if os.path.lexists(place):
        raise SetupError("backup_place_taken", path=str(place))
    try:
        part = Path(tempfile.mkdtemp(prefix=f".{place.name}.part-", dir=place.parent))  # mode 0700
    except OSError as error:
        raise SetupError("backup_place_unusable", path=str(place.parent), errno=error.errno or 0) from None
    try:
        with writing(place):
            yield part
            for folder, _, names in os.walk(part):
                for path in (*(Path(folder, name) for name in names), Path(folder)):
                    _sync(path)
            if os.path.lexists(place):  # a rename would take the place of an empty folder
                raise SetupError("backup_place_taken", path=str(place))
            part.rename(place)
            _sync(place.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Name the place in what goes wrong while writing there."""
    try:
        yield
    except OSError as error:
        raise StorageUnavailable("backup_unwritable", path=str(place), errno=error.errno or 0) from None


def facts_of(path: Path) -> FileFacts:
    """Return length and digest of a file, read in pieces."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            size += len(piece)
    return FileFacts(size, digest.digest())


def contents(folder: Path) -> dict[str, FileFacts]:
    """Return every file below a folder, by its path in there."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() or path.is_symlink():
            name = path.relative_to(folder).as_posix()
            found[name] = facts_of(path) if path.is_file() and not path.is_symlink() else FileFacts(-1, b"")
    return found


def put(folder: Path, name: str, content: bytes) -> None:
    """Write a small file into a folder, for its owner only."""
    path = folder / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)


def take_copy(source: Path, target: Path) -> FileFacts:
    """Copy a file, for its owner only, on disk when this returns.

    Returns:
        What was copied, so that the caller can compare it with what should have been.
    """
    digest, size = sha256(), 0
    with (
        source.open("rb") as file,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as copy,
    ):
        while piece := file.read(_CHUNK):
            copy.write(piece)
            digest.update(piece)
            size += len(piece)
        copy.flush()
        os.fsync(copy.fileno())
    return FileFacts(size, digest.digest())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
