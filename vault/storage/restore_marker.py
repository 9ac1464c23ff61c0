"""The mark that a restore is under way: a file that closes the vault to every other command until it is done."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vault.errors import StorageUnavailable, VaultSealed


class Phase(StrEnum):
    """How far a restore has come.

    ``loading``: nothing counts yet, the next run begins anew. ``loaded``: the backup lies there, closed, and can still
    be given up. ``replaying``: what happened since is being applied and the log goes on from here; there is no way
    back. ``placing``: only the last step is left.
    """

    LOADING = "loading"
    LOADED = "loaded"
    REPLAYING = "replaying"
    PLACING = "placing"


@dataclass(frozen=True, slots=True)
class Mark:
    """Which backup is being restored, by the SHA-256 of its manifest (hex), and how far that has come."""

    digest: str
    phase: Phase


class RestoreMarker:
    """The file of the mark.

    Args:
        path: in the data folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Mark | None:
        """Return the mark; None while nothing is restored.

        Raises:
            VaultSealed: ``restore_mark_unreadable``.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="ascii"))
            return Mark(str(kept["manifest"]), Phase(kept["phase"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise VaultSealed("restore_mark_unreadable", path=str(self.path)) from None

    def refuse(self) -> None:
        """Refuse to open the vault while a restore is under way.

        Raises:
            VaultSealed: ``restore_unfinished``.
        """
        if self.path.exists():
            raise VaultSealed("restore_unfinished", path=str(self.path))

    def write(self, mark: Mark) -> None:
        """Set the mark, on disk when this returns.

        Raises:
            StorageUnavailable: ``backup_unwritable``.
        """
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = json.dumps({"manifest": mark.digest, "phase": mark.phase.value})
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            self._sync_folder()
        except OSError as error:
            raise StorageUnavailable("backup_unwritable", path=str(self.path), errno=error.errno or 0) from None

    def clear(self) -> None:
        """Take the mark away."""
        self.path.unlink(missing_ok=True)
        self._sync_folder()

    def _sync_folder(self) -> None:
        handle = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
