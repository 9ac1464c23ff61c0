"""The Merkle tree of the log: RFC 6962 section 2.1 with SHA-256.

A :class:`Frontier` keeps only the roots of the complete subtrees that stand side by side in the tree, one per
bit that is set in the size, so a log of any length costs some thirty hashes of memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

from vault.errors import InvalidValue

HASH_BYTES: Final = 32
_CHUNK: Final = 4096  # leaves hashed level by level in one go: long enough to hide the loop, short enough for caches


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one entry (RFC 6962 section 2.1).

    Args:
        data: the canonical bytes of the entry.

    Returns:
        32 bytes.
    """
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node (RFC 6962 section 2.1).

    Args:
        left: the 32-byte hash of the left subtree.
        right: the 32-byte hash of the right subtree.

    Returns:
        32 bytes.
    """
    return sha256(b"\x01" + left + right).digest()


def empty_root() -> bytes:
    """Return the root of a tree without leaves: the hash of nothing (RFC 6962 section 2.1)."""
    return sha256().digest()


class Frontier:
    """A growing tree of which only the right edge is remembered; it starts empty."""

    __slots__ = ("_levels", "_size")

    def __init__(self) -> None:
        self._size = 0
        # Level k holds the complete subtree of 2**k leaves that waits for its right sibling, or None.
        self._levels: list[bytes | None] = []

    @classmethod
    def restore(cls, size: int, hashes: Sequence[bytes]) -> Frontier:
        """Return the frontier that :meth:`hashes` was asked of.

        Args:
            size: number of leaves, 0 or more.
            hashes: the subtree roots, largest first: exactly one per bit set in ``size``, 32 bytes each.

        Returns:
            A frontier that continues where the other one stood.

        Raises:
            InvalidValue: ``frontier_size``, ``frontier_count`` or ``frontier_hash_length``.
        """
        if size < 0:
            raise InvalidValue("frontier_size", field="size")
        if len(hashes) != size.bit_count():
            raise InvalidValue("frontier_count", field="hashes", expected=size.bit_count(), found=len(hashes))
        if any(len(root) != HASH_BYTES for root in hashes):
            raise InvalidValue("frontier_hash_length", field="hashes")
        frontier = cls()
        frontier._size = size
        smallest_first = reversed(hashes)
        frontier._levels = [next(smallest_first) if size >> level & 1 else None for level in range(size.bit_length())]
        return frontier

    def copy(self) -> Frontier:
        """Return an independent frontier at the same place."""
        twin = Frontier()
        twin._size = self._size
        twin._levels = self._levels.copy()
        return twin

    @property
    def size(self) -> int:
        """Number of leaves so far."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf.

        Args:
            leaf: the entry's :func:`leaf_hash`, 32 bytes.
        """
        self._grow([leaf])

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add many leaves in order, holding only a few thousand of them at a time.

        Args:
            leaves: the entries' leaf hashes, 32 bytes each.
        """
        source = iter(leaves)
        while chunk := list(islice(source, _CHUNK)):
            self._grow(chunk)

    def _grow(self, nodes: list[bytes]) -> None:
        """Carry whole lists of siblings upwards, as a binary counter carries digits; this loop is the hot one."""
        self._size += len(nodes)
        levels, digest = self._levels, sha256
        level = 0
        while nodes:
            if level == len(levels):
                levels.append(None)
            waiting = levels[level]
            if waiting is not None:
                nodes.insert(0, waiting)
            levels[level] = nodes[-1] if len(nodes) % 2 else None
            pairs = iter(nodes)
            nodes = [digest(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
            level += 1

    def hashes(self) -> tuple[bytes, ...]:
        """Return the subtree roots, largest first: all that :meth:`restore` needs beside the size."""
        return tuple(root for root in reversed(self._levels) if root is not None)

    def root(self) -> bytes:
        """Return the root over all leaves so far (RFC 6962 section 2.1), 32 bytes."""
        right = b""
        for left in self._levels:
            if left is not None:
                right = node_hash(left, right) if right else left
        return right or empty_root()
