"""A ZIP that is written while it is sent, and the manifest of what went into it.

Nothing is held but the piece on its way: a bundle of a million events needs no more memory than one of ten.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

LETTER: Final = Path(__file__).with_suffix(".md")
"""The letter that lies in every bundle, in both languages."""

_FILE_MODE: Final = 0o600 << 16
_LONG: Final = 1 << 28
"""Bytes, roughly, from which a file is written so that it may pass 4 GiB."""


class _Pipe:
    """What the ZIP writes into, and the sender takes out of; it cannot seek."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep a piece until the sender takes it."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: there is nothing behind."""

    def close(self) -> None:
        """Do nothing: the sender takes the last piece later."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


class BundleWriter:
    """Writes the files of a bundle one after the other.

    Args:
        at: the time that the files are given, in the company's zone.
    """

    def __init__(self, at: datetime) -> None:
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED)
        self._at = at
        self.files: dict[str, dict[str, str | int]] = {}

    def file(self, name: str, pieces: Iterable[bytes], about: int = 0) -> Iterator[bytes]:
        """Write one file, and yield what is ready to be sent.

        Args:
            name: path inside the bundle.
            pieces: its content.
            about: its likely length in bytes, where that may be large.
        """
        entry = zipfile.ZipInfo(name, self._at.timetuple()[:6])
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _FILE_MODE
        digest, length = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=about >= _LONG) as file:
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
                length += len(piece)
                if ready := self._pipe.take():
                    yield ready
        self.files[name] = {"bytes": length, "sha256": digest.hexdigest()}

    def end(self) -> bytes:
        """Write the ZIP's list of contents and return what is left to be sent."""
        self._zip.close()
        return self._pipe.take()


def whole_bundle(files: Mapping[str, bytes], at: datetime) -> Iterator[bytes]:
    """Yield a few small files as one ZIP, piece by piece.

    Args:
        files: content by path inside the bundle.
        at: the time that the files are given, in the company's zone.
    """
    writer = BundleWriter(at)
    for name, content in files.items():
        yield from writer.file(name, [content])
    yield writer.end()
