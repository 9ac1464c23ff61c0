"""One unambiguous way to put several byte strings into one: each part behind its length (docs/formats.md)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_LENGTH = struct.Struct(">H")


def prefixed(parts: Iterable[bytes]) -> bytes:
    """Join parts so that no two different lists give the same bytes.

    Args:
        parts: byte strings of at most 65,535 bytes each.

    Returns:
        For each part its length as two bytes, big-endian, then the part.
    """
    pack = _LENGTH.pack
    return b"".join([pack(len(part)) + part for part in parts])
