"""The Merkle tree of the log: RFC 6962 section 2.1 with SHA-256.

A :class:`Frontier` keeps only the roots of the complete subtrees that stand side by side in the tree, one per
bit that is set in the size, so a log of any length costs some thirty hashes of memory. The proofs ask a
:data:`Node` for the few subtree roots they need, so they cost what those cost: nothing here walks over leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

from vault.errors import InvalidValue

HASH_BYTES: Final = 32
Node = Callable[[int, int], bytes]
"""Gives the root of a complete subtree by level and place: (3, 5) holds the leaves 40 to 47."""

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


def cover(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the fewest complete subtrees that hold exactly some neighbouring leaves, from left to right.

    Args:
        start: the first leaf.
        stop: one past the last leaf.

    Yields:
        Level and place of each, as a :data:`Node` takes them.
    """
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of a leaf, from its sibling up to a child of the root (RFC 6962 section 2.1.1).

    Args:
        index: the leaf, from 0.
        size: leaves of the tree, more than ``index``.
        node: where subtree roots come from.

    Raises:
        InvalidValue: ``leaf_not_in_tree``.
    """
    if not 0 <= index < size:
        raise InvalidValue("leaf_not_in_tree", field="index")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        split = _split(start, stop)
        if index < split:
            path.append(_root_of(split, stop, node))
            stop = split
        else:
            path.append(_root_of(start, split, node))
            start = split
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Return the proof that a tree is an extension of an earlier one (RFC 6962 section 2.1.2).

    Args:
        old: leaves of the earlier tree.
        new: leaves of the later tree, at least as many.
        node: where subtree roots come from.

    Returns:
        The proof; empty where there is nothing to prove, from no leaves or to as many.

    Raises:
        InvalidValue: ``tree_is_shorter``.
    """
    if not 0 <= old <= new:
        raise InvalidValue("tree_is_shorter", field="new")
    if old in (0, new):
        return []
    path: list[bytes] = []
    start, stop, is_old_root = 0, new, True
    while stop != old:
        split = _split(start, stop)
        if old <= split:
            path.append(_root_of(split, stop, node))
            stop = split
        else:
            path.append(_root_of(start, split, node))
            start, is_old_root = split, False
    if not is_old_root:
        path.append(_root_of(start, stop, node))
    return path[::-1]


def _split(start: int, stop: int) -> int:
    """Return where a subtree of two leaves or more divides: after the largest power of two below its length."""
    return start + (1 << (stop - start - 1).bit_length() - 1)


def _root_of(start: int, stop: int, node: Node) -> bytes:
    """Return the root over the leaves of one subtree of the recursion, complete or not."""
    right = b""
    for place in reversed(list(cover(start, stop))):
        left = node(*place)
        right = node_hash(left, right) if right else left
    return right
