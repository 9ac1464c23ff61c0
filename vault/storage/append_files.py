"""Files that only grow, line by line: where they end, reading them from behind, and writing on, synced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class End:
    """Where one copy ends.

    Args:
        path: the file.
        size: bytes up to the end of its last whole line.
        torn: whether something follows it.
        last: the last line without its newline; empty where there is none.
    """

    path: Path
    size: int
    torn: bool
    last: bytes


def end_of(path: Path) -> End:
    """Return where a file ends."""
    with path.open("rb") as file:
        whole = os.fstat(file.fileno()).st_size
        size = _last_newline(file.fileno(), whole) + 1
        last = next(backwards(file.fileno(), size), b"")
    return End(path, size, torn=size < whole, last=last)


def _last_newline(file: int, end: int) -> int:
    """Return where the last newline before ``end`` stands; -1 where there is none."""
    while end > 0:
        start = max(0, end - _CHUNK)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found
        end = start
    return -1


def backwards(file: int, end: int) -> Iterator[bytes]:
    """Yield the lines before ``end``, which follows a newline, the last one first."""
    while end > 0:
        start = _last_newline(file, end - 1) + 1
        yield os.pread(file, end - 1 - start, start)
        end = start


def write_on(path: Path, at: int, content: bytes) -> None:
    """Let a file go on with this content at a place and end after it, on disk."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(file, at)
        left = memoryview(content)
        while left:
            done = os.pwrite(file, left, at)
            left, at = left[done:], at + done
        os.fsync(file)
    finally:
        os.close(file)
