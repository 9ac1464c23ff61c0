"""Stored tiles of the log's tree, so that a proof reads a few kilobytes of a log of any length.

The geometry is that of C2SP tlog-tiles with height 8: a tile of level L holds 256 neighbouring hashes of tree level
8·L. Beside them lie the nodes half-way up, so that a proof need not hash a whole tile, and its root. Only full tiles
are rows, so none ever changes; what is right of them is read from the leaf hashes, and one level up from the roots that
lie beside the tiles below. Tiles say nothing that the events do not say: a proof made from a
tampered tile does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import chain, pairwise
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from vault.domain.log_tree import HASH_BYTES, node_hash
from vault.errors import StorageError
from vault.storage.engine import Database
from vault.storage.lists import ask
from vault.storage.streams import streamed
from vault.storage.tables import log_tiles

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
MOST: Final = 32
"""Tiles built in one transaction, so that those of an old log come in short steps."""

_TILES: Final = "SELECT level, number, hashes, middle FROM log_tiles"
_ROOTS: Final = "SELECT root FROM log_tiles WHERE level = ? AND number >= ? AND number < ? ORDER BY number"
_LEAVES: Final = "SELECT leaf_hash FROM log_events WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"

_LEAVES_AT_EDGE: Final = (
    "SELECT CAST(? AS integer), leaf_index, leaf_hash FROM log_events WHERE leaf_index >= ? AND leaf_index < ?"
)
_ROOTS_AT_EDGE: Final = (
    "SELECT CAST(? AS integer), number, root FROM log_tiles WHERE level = ? AND number >= ? AND number < ?"
)
_UPPER: Final = -1
_KEPT: Final = 64  # tiles that a reader remembers, some 40 kB each


def build(connection: Connection, size: int) -> int:
    """Store tiles that have become full, from the leaves upwards.

    Args:
        connection: inside the transaction that orders events, which runs alone.
        size: ordered events.

    Returns:
        How many were stored; :data:`MOST` when there may be more to build.
    """
    made, level, below = 0, 0, size
    while below >= WIDTH and made < MOST:
        done = _count(connection, level)
        rows = []
        for number in range(done, min(below // WIDTH, done + MOST - made)):
            hashes = _below(connection, level, number)
            levels = _levels(hashes, HEIGHT)
            middle, (root,) = levels[HEIGHT // 2], levels[HEIGHT]
            row = {"root": root, "middle": b"".join(middle), "hashes": b"".join(hashes)}
            rows.append({"level": level, "number": number, **row})
        if rows:
            connection.execute(insert(log_tiles), rows)
        made += len(rows)
        level, below = level + 1, done + len(rows)
    return made


class TileReader:
    """Gives roots of complete subtrees out of tiles, each tile read once.

    Args:
        database: read in short transactions of its own; what a tile holds never changes. A reader serves one size of
            the log: it does not notice that the tile at the edge has grown.
        connection: an open one to read by instead, for who needs a single proof at once.
    """

    def __init__(self, database: Database, connection: Connection | None = None) -> None:
        self._database = database
        self._connection = connection
        self._tile = lru_cache(maxsize=_KEPT)(self._read)
        self._prepared: dict[tuple[int, int], _Tile] = {}

    def prepare(self, index: int, size: int) -> None:
        """Read in two questions what the proof of one entry needs, however large the log.

        Args:
            index: the entry.
            size: entries of the log.
        """
        whole, edges = [], []
        for level in range((size.bit_length() + HEIGHT - 1) // HEIGHT):
            nodes = size >> HEIGHT * level
            if index >> HEIGHT * (level + 1) < nodes // WIDTH:
                whole.append((level, index >> HEIGHT * (level + 1)))
            if nodes % WIDTH:
                edges.append((level, nodes - nodes % WIDTH, nodes))
        with self._reading() as connection:
            if whole:
                question = f"{_TILES} WHERE {' OR '.join(['(level = ? AND number = ?)'] * len(whole))}"
                for level, number, hashes, middle in _ask(connection, question, *chain(*whole)):
                    self._prepared[level, number] = _Tile(_split(hashes), _split(middle))
            found: dict[int, list[bytes]] = {level: [] for level, _, _ in edges}
            parts = [_ROOTS_AT_EDGE if level else _LEAVES_AT_EDGE for level, _, _ in edges]
            values = [(level, level - 1, *ends) if level else (level, *ends) for level, *ends in edges]
            if parts:
                for level, _, node in _ask(connection, f"{' UNION ALL '.join(parts)} ORDER BY 1, 2", *chain(*values)):
                    found[level].append(node)
        for level, start, _ in edges:
            self._prepared[level, start // WIDTH] = _Tile(found[level])

    def node(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree whose leaves are all in the log (:data:`vault.domain.log_tree.Node`).

        Args:
            level: of the tree; 0 for a leaf hash.
            index: place on that level.

        Raises:
            StorageError: ``log_has_gap``: somebody removed events.
        """
        tile_level, height = divmod(level, HEIGHT)
        number, place = divmod(index, WIDTH >> height)
        node = self._tile(tile_level, number).node(height, place)
        if node is not None:
            return node
        if level == 0:
            raise StorageError("log_has_gap", index=index)
        # The tiles below are not built yet: a log from before there were any.
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def _read(self, level: int, number: int) -> _Tile:
        if (level, number) in self._prepared:
            return self._prepared[level, number]
        with self._reading() as connection:
            for _, _, hashes, middle in _ask(connection, f"{_TILES} WHERE level = ? AND number = ?", level, number):
                return _Tile(_split(hashes), _split(middle))
            return _Tile(_below(connection, level, number))

    def _reading(self) -> AbstractContextManager[Connection]:
        return self._database.read() if self._connection is None else nullcontext(self._connection)


class _Tile:
    """The hashes of a tile, and what lies above them as far as somebody asks; only complete subtrees.

    Args:
        hashes: the lowest nodes, as many as there are.
        middle: of a full tile the nodes half-way up, so that a path goes through two short stretches.
    """

    def __init__(self, hashes: list[bytes], middle: list[bytes] | None = None) -> None:
        self._hashes = hashes
        self._middle = middle
        self._known: dict[int, list[list[bytes]]] = {}

    def node(self, height: int, place: int) -> bytes | None:
        """Return a node by its height above the hashes and its place there; None where it is not complete."""
        half = HEIGHT // 2
        if height < half:
            stretch, place = divmod(place, 1 << half - height)
            nodes = self._levels(stretch)[height]
        else:
            nodes = self._levels(_UPPER)[height - half]
        return nodes[place] if place < len(nodes) else None

    def _levels(self, stretch: int) -> list[list[bytes]]:
        """Return the levels of one of the lower stretches, or of the upper one, computed once."""
        half = HEIGHT // 2
        if stretch not in self._known:
            if stretch != _UPPER:
                self._known[stretch] = _levels(self._hashes[stretch << half : (stretch + 1) << half], half)
            else:
                middle = self._middle if self._middle is not None else _levels(self._hashes, half)[half]
                self._known[stretch] = _levels(middle, HEIGHT - half)
        return self._known[stretch]


@dataclass(frozen=True, slots=True)
class WrongTiles:
    """A stored tile that differs from the events, or neighbouring ones that are not there.

    Args:
        entries: what they speak of; empty for a tile that is of no entry.
        words: one English sentence.
    """

    entries: range
    words: str


def _wrong(level: int, numbers: range, what: str) -> WrongTiles:
    width = WIDTH ** (level + 1)
    entries = range(numbers.start * width, numbers.stop * width)
    which = f"tile {numbers.start}" if len(numbers) == 1 else f"tiles {numbers.start} to {numbers.stop - 1}"
    return WrongTiles(entries, f"{which} of level {level}, over entries {entries.start} to {entries.stop - 1}: {what}")


class TileWatch:
    """Learns what the tiles must hold while somebody else grows the tree, and compares; some 100 bytes for each."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[bytes]] = {}  # by level of the tree
        self._digests: dict[int, list[bytes]] = {}  # of what a tile holds of that level
        self._roots: dict[int, list[bytes]] = {}

    def take(self, level: int, nodes: Sequence[bytes]) -> None:
        """Learn the roots of the next complete subtrees of a level of the tree, level 0 being the leaf hashes."""
        above = level % HEIGHT
        if above not in (0, HEIGHT // 2):
            return
        if level and not above:
            self._roots.setdefault(level - HEIGHT, []).extend(nodes)
        waiting = self._waiting.setdefault(level, [])
        waiting += nodes
        width = WIDTH >> above
        whole = len(waiting) // width * width
        parts = (waiting[start : start + width] for start in range(0, whole, width))
        self._digests.setdefault(level, []).extend([sha256(b"".join(part)).digest() for part in parts])
        del waiting[:whole]

    def compare(self, connection: Connection, *, is_whole: bool) -> Iterator[WrongTiles]:
        """Yield what is wrong with the stored tiles of the entries seen.

        Args:
            connection: an open connection.
            is_whole: all entries were seen, so that a tile of others is wrong too.
        """
        strays = 0
        numbers: dict[int, list[int]] = {level // HEIGHT: [-1] for level in self._roots}
        question = "SELECT level, number, root, middle, hashes FROM log_tiles ORDER BY level, number"
        for batch in streamed(connection, question, MOST):
            for level, number, *held in batch:
                if not (isinstance(level, int) and isinstance(number, int) and 0 <= number < self._count(level)):
                    strays += 1  # SQLite keeps a value of any type in any column
                    continue
                numbers[level].append(number)
                if not self._fits(level * HEIGHT, number, *held):
                    yield _wrong(level, range(number, number + 1), "not what the events give")
        if strays and is_whole:
            yield WrongTiles(range(0), f"{strays} tiles are of no entries")
        for level, found in numbers.items():
            for before, behind in pairwise([*found, self._count(level)]):
                if behind - before > 1:
                    yield _wrong(level, range(before + 1, behind), "not there")

    def _count(self, level: int) -> int:
        return len(self._roots.get(level * HEIGHT, ()))

    def _fits(self, level: int, number: int, root: object, middle: object, hashes: object) -> bool:
        return root == self._roots[level][number] and all(
            isinstance(held, bytes) and sha256(held).digest() == self._digests[at][number]
            for at, held in ((level, hashes), (level + HEIGHT // 2, middle))
        )


def _levels(hashes: list[bytes], height: int) -> list[list[bytes]]:
    """Return hashes, then the level above them, and so on up to a height; only complete subtrees."""
    levels = [hashes]
    for _ in range(height):
        pairs = iter(levels[-1])
        levels.append([node_hash(left, right) for left, right in zip(pairs, pairs, strict=False)])
    return levels


def _below(connection: Connection, level: int, number: int) -> list[bytes]:
    """Return the hashes a tile would hold, as far as there are any: leaf hashes, or roots of the tiles below."""
    first, end = number * WIDTH, (number + 1) * WIDTH
    rows = _ask(connection, _ROOTS, level - 1, first, end) if level else _ask(connection, _LEAVES, first, end)
    return [one for (one,) in rows]


def _ask(connection: Connection, question: str, *values: int) -> list[tuple[Any, ...]]:
    return ask(connection, question if connection.dialect.name == "sqlite" else question.replace("?", "%s"), values)


def _count(connection: Connection, level: int) -> int:
    last = connection.execute(select(func.max(log_tiles.c.number)).where(log_tiles.c.level == level)).scalar()
    return 0 if last is None else int(last) + 1


def _split(stored: bytes) -> list[bytes]:
    return [stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES)]
