"""Files for senders outside the vault: each its owner's alone, whole or not there, and gone once it was picked up."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from vault.errors import StorageUnavailable

_MODE, _FOLDER_MODE = 0o600, 0o700


class Outbox:
    """The folder that another program, or a person, takes files from.

    Args:
        folder: made with mode 0700 when something is first put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, pieces: Iterable[bytes]) -> Path:
        """Write a file whole, with mode 0600, and wait until it is on disk; a killed write leaves no file.

        Args:
            name: of the file, ours and no one's typing.
            pieces: its content.

        Raises:
            StorageUnavailable: ``outbox_unwritable``.
        """
        path, half = self.folder / name, self.folder / f".{name}.part"
        try:
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            half.unlink(missing_ok=True)
            handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            with os.fdopen(handle, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            os.replace(half, path)  # noqa: PTH105 - the atomic rename of POSIX, by its own name
        except OSError:
            half.unlink(missing_ok=True)
            raise StorageUnavailable("outbox_unwritable") from None
        return path

    def add_line(self, name: str, line: bytes) -> None:
        """Add one line to a file with mode 0600; a drill's sink.

        Raises:
            StorageUnavailable: ``outbox_unwritable``.
        """
        try:
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
            with os.fdopen(handle, "wb") as file:
                file.write(line)
        except OSError:
            raise StorageUnavailable("outbox_unwritable") from None

    def remove(self, name: str) -> None:
        """Remove a file that was picked up, if it is still there.

        Raises:
            StorageUnavailable: ``outbox_unwritable``.
        """
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError:
            raise StorageUnavailable("outbox_unwritable") from None

    def untouched(self, since: datetime) -> list[str]:
        """Return the names of files, half-written ones too, that nobody has written to since a moment.

        Raises:
            StorageUnavailable: ``outbox_unwritable``.
        """
        if not self.folder.is_dir():
            return []
        try:
            return sorted(one.name for one in self.folder.iterdir() if one.stat().st_mtime < since.timestamp())
        except OSError:
            raise StorageUnavailable("outbox_unwritable") from None
