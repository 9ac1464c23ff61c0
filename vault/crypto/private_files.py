"""Files that only their owner may read: made, replaced and read back so that a crash leaves the old or the new.

Every error's reason begins with what the file is (``key``, ``key_store`` or ``epoch_secret``) and its facts name
the path. As in OpenSSH, a key that others may read, or replace by writing to its folder, is refused.

A secret that is renewed has its successor beside it, under a name of its own, until everything sealed under it is
sealed under the successor too. Then it is *retired*: set aside, the successor put in its place, and what was set aside
written over and removed. Killed anywhere in between, one of the two is in its place or beside it, so nothing is lost.
Writing over reaches the bytes on a disk that writes in place; flash memory and file systems that copy on write may
keep them elsewhere until they are used again (docs/limitations.md).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vault.errors import KeyStoreError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_private(path: Path, what: str, at_most: int) -> bytes:
    """Read a whole file that nobody else can read or replace.

    Args:
        path: the file.
        what: what it is; the first word of every error's reason.
        at_most: the most bytes such a file can have.

    Returns:
        Its bytes, at least one.

    Raises:
        KeyStoreError: ``…_missing``, ``…_unreadable``, ``…_too_open``, ``…_empty`` or ``…_wrong_length``.
    """
    try:
        with path.open("rb") as file:
            # The mode of the opened file, not of the path: the two can differ if the path is swapped meanwhile.
            file_mode = os.fstat(file.fileno()).st_mode
            data = file.read(at_most + 1)
        folder_mode = path.parent.stat().st_mode
    except FileNotFoundError:
        raise KeyStoreError(f"{what}_missing", path=str(path)) from None
    except OSError:
        raise KeyStoreError(f"{what}_unreadable", path=str(path)) from None
    if file_mode & _OTHERS:
        raise KeyStoreError(f"{what}_too_open", path=str(path))
    if folder_mode & _OTHERS_WRITE:
        raise KeyStoreError(f"{what}_too_open", path=str(path.parent))
    if not data:
        raise KeyStoreError(f"{what}_empty", path=str(path))
    if len(data) > at_most:
        raise KeyStoreError(f"{what}_wrong_length", path=str(path))
    return data


def create_private(path: Path, what: str, data: bytes) -> None:
    """Make a new file with mode 0600, its missing folders with 0700, and wait until both are on disk.

    Raises:
        KeyStoreError: ``…_exists`` if anything lies there, even a broken link; ``…_too_open``, ``…_unwritable``.
    """
    with _named(path, what):
        _make_folder(path.parent)
        if path.parent.stat().st_mode & _OTHERS_WRITE:
            raise KeyStoreError(f"{what}_too_open", path=str(path.parent))
        _write(path, data)
        sync_folder(path.parent)


def stage_private(path: Path, what: str, data: bytes) -> Path:
    """Write the next content of a file beside it, on disk but not yet in force.

    Only one process at a time may stage the same file (the caller holds a lock), so the name is fixed and what
    a killed process left behind is written over.

    Returns:
        The path for :func:`publish_private`.

    Raises:
        KeyStoreError: ``…_unwritable``; the file in force is untouched.
    """
    staged = path.with_name(f".{path.name}.new")
    with _named(path, what):
        staged.unlink(missing_ok=True)
        _write(staged, data)
    return staged


def publish_private(staged: Path, path: Path, what: str) -> None:
    """Put a staged file in force in one step, and wait until that is on disk.

    Raises:
        KeyStoreError: ``…_unwritable``.
    """
    with _named(path, what):
        os.replace(staged, path)  # noqa: PTH105 - the atomic rename of POSIX, by its own name
        sync_folder(path.parent)


def successor(path: Path) -> Path:
    """Return where the successor of a secret lies until it takes its place."""
    return path.with_name(f"{path.name}.next")


def retire_private(path: Path, what: str) -> None:
    """Put the successor of a secret in its place and erase the secret; safe to repeat, wherever it was killed.

    Raises:
        KeyStoreError: ``…_unwritable``; either the secret or its successor is in force.
    """
    coming, going = successor(path), _set_aside(path)
    with _named(path, what):
        if coming.exists():
            if path.exists():
                _erase(going)
                os.replace(path, going)  # noqa: PTH105 - the atomic rename of POSIX, by its own name
            os.replace(coming, path)  # noqa: PTH105 - the same
            sync_folder(path.parent)
        _erase(going)


def drop_successor(path: Path, what: str) -> None:
    """Erase a successor that nothing is sealed under, and what was set aside; neither needs to be there.

    Raises:
        KeyStoreError: ``…_unwritable``.
    """
    with _named(path, what):
        _erase(successor(path))
        _erase(_set_aside(path))


def is_being_replaced(path: Path) -> bool:
    """Return whether a secret has a successor, or one is set aside and not yet erased."""
    return successor(path).exists() or _set_aside(path).exists()


def _set_aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def _erase(path: Path) -> None:
    """Write over a file and remove it, both on disk before this returns."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        file.write(os.urandom(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on disk; a rename is lost in a power cut without it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_private_folder(folder: Path, what: str) -> None:
    """Make a folder and its missing parents with mode 0700; one that is there stays as it is.

    Raises:
        KeyStoreError: ``…_unwritable``.
    """
    with _named(folder, what):
        _make_folder(folder)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        # Path.mkdir(parents=True) would make the parents readable by others.
        _make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(folder.parent)


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _named(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise KeyStoreError(f"{what}_exists", path=str(path)) from None
    except OSError:
        raise KeyStoreError(f"{what}_unwritable", path=str(path)) from None
