"""What the log keeps outside the database: the last signed checkpoint, its pinned key, the signer's memory, statements.

The signer's memory is what makes a rewound or rewritten database visible: a checkpoint is only ever signed
over an extension of what was signed before. Order of writing: memory first, synced, then the checkpoint.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vault.domain.log_tree import Frontier
from vault.errors import InvalidValue, StorageUnavailable, VaultSealed
from vault.storage.turns import Turn

_PATIENCE_SECONDS = 20
_END_OF_NOTE = re.compile(r"\n\n(?!—)")
"""The empty line behind a note; the one inside it stands before a signature."""


@dataclass(frozen=True, slots=True)
class SignedState:
    """What was signed last: the tree's right edge at that size, the last leaf, and the note itself."""

    frontier: Frontier
    last_leaf: bytes
    note: str


class LogFiles:
    """The folder of checkpoints of one vault.

    Args:
        folder: made with mode 0700 when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / "checkpoint"
        self.pin = folder / "checkpoint.pin"
        self.declared = folder / "gaps"
        self.changed = folder / "keys"
        self._memory = folder / "signer.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the signer's lock, one process of the host at a time."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        turn = Turn(self.folder / "signer.lock", "signer_busy", "checkpoint_folder_unusable")
        try:
            with turn.taken(time.monotonic() + _PATIENCE_SECONDS):
                yield
        finally:
            turn.close()

    def signed(self) -> SignedState | None:
        """Return what was signed last, or None before the first checkpoint.

        Raises:
            VaultSealed: the memory cannot be read, or is gone where a checkpoint was published; signing on without
                it could hide a rewound database.
        """
        if not self._memory.exists():
            if self.checkpoint.exists():
                raise VaultSealed("signer_memory_unreadable", path=str(self._memory))
            return None
        try:
            kept = json.loads(self._memory.read_text(encoding="ascii"))
            frontier = Frontier.restore(kept["size"], [bytes.fromhex(one) for one in kept["frontier"]])
            return SignedState(frontier, bytes.fromhex(kept["last_leaf"]), kept["note"])
        except (OSError, ValueError, KeyError, TypeError, InvalidValue):
            raise VaultSealed("signer_memory_unreadable", path=str(self._memory)) from None

    def remember(self, state: SignedState) -> None:
        """Persist and sync what is about to be published, then publish the checkpoint."""
        kept = {
            "size": state.frontier.size,
            "frontier": [one.hex() for one in state.frontier.hashes()],
            "last_leaf": state.last_leaf.hex(),
            "note": state.note,
        }
        replace_file(self._memory, json.dumps(kept).encode())
        self.publish(state.note)

    def publish(self, note: str) -> None:
        """Write the checkpoint, unless it is there already: a kill may have come between the memory and it."""
        content = note.encode()
        with suppress(OSError):  # whatever is there instead, it is not the checkpoint
            if self.checkpoint.read_bytes() == content:
                return
        replace_file(self.checkpoint, content)

    def gaps(self) -> list[str]:
        """Return the gap statements kept here, oldest first.

        Raises:
            VaultSealed: they cannot be read.
        """
        return _notes_in(self.declared)

    def declare(self, note: str) -> None:
        """Keep a gap statement, synced, unless it is here already; what was kept before stays as it is."""
        _add_note(self.declared, note)

    def keys(self) -> list[str]:
        """Return the key statements kept here, oldest first.

        Raises:
            VaultSealed: they cannot be read.
        """
        return _notes_in(self.changed)

    def declare_key(self, note: str) -> None:
        """Keep a key statement, synced, unless it is here already; what was kept before stays as it is."""
        _add_note(self.changed, note)

    def publish_pin(self, verifier_key: str) -> None:
        """Write the public key that auditors pin."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self.pin, f"{verifier_key}\n".encode())


def _notes_in(path: Path) -> list[str]:
    """Return the notes in a file, each with an empty line after it."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError:
        raise VaultSealed("signer_memory_unreadable", path=str(path)) from None
    return notes_of(text)


def notes_of(text: str) -> list[str]:
    """Split notes that stand one behind the other, each with an empty line after it."""
    return [f"{one}\n" for one in _END_OF_NOTE.split(text) if one.strip()]


def _add_note(path: Path, note: str) -> None:
    if note not in _notes_in(path):
        before = path.read_bytes() if path.exists() else b""
        replace_file(path, before + f"{note}\n".encode())


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file by new content so that a crash leaves the old or the new one, never a part.

    Raises:
        StorageUnavailable: it cannot be written, because the disk is full, say.
    """
    try:
        _replace(path, content)
    except OSError as error:
        raise StorageUnavailable("checkpoint_unwritable", path=str(path), errno=error.errno or 0) from None


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
