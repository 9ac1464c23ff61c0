"""Stored tiles of the log's tree, so that a proof reads a few kilobytes of a log of any length.

The geometry is that of C2SP tlog-tiles with height 8: a tile of level L holds 256 neighbouring hashes of tree level
8·L. Only full tiles are rows, so none ever changes; what is right of them is read from the leaf hashes, and one level
up from the roots that lie beside the tiles below. Tiles say nothing that the events do not say: a proof made from a
tampered tile does not hold.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, func, insert, select

from vault.domain.log_tree import HASH_BYTES, node_hash
from vault.errors import StorageError
from vault.storage.engine import Database
from vault.storage.tables import log_events, log_tiles

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
MOST: Final = 32
"""Tiles built in one transaction, so that those of an old log come in short steps."""

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
            root = _levels(hashes)[HEIGHT][0]
            rows.append({"level": level, "number": number, "root": root, "hashes": b"".join(hashes)})
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
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tile = lru_cache(maxsize=_KEPT)(self._read)

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
        nodes = self._tile(tile_level, number)[height]
        if place < len(nodes):
            return nodes[place]
        if level == 0:
            raise StorageError("log_has_gap", index=index)
        # The tiles below are not built yet: a log from before there were any.
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def _read(self, level: int, number: int) -> list[list[bytes]]:
        with self._database.read() as connection:
            stored = connection.execute(
                select(log_tiles.c.hashes).where(log_tiles.c.level == level, log_tiles.c.number == number)
            ).scalar()
            return _levels(_below(connection, level, number) if stored is None else _split(stored))


def _levels(hashes: list[bytes]) -> list[list[bytes]]:
    """Return a tile's hashes, then the level above them, and so on; only complete subtrees."""
    levels = [hashes]
    for _ in range(HEIGHT):
        pairs = iter(levels[-1])
        levels.append([node_hash(left, right) for left, right in zip(pairs, pairs, strict=False)])
    return levels


def _below(connection: Connection, level: int, number: int) -> list[bytes]:
    """Return the hashes a tile would hold, as far as there are any: leaf hashes, or roots of the tiles below."""
    first, end = number * WIDTH, (number + 1) * WIDTH
    if level == 0:
        query = (
            select(log_events.c.leaf_hash)
            .where(log_events.c.leaf_index >= first, log_events.c.leaf_index < end)
            .order_by(log_events.c.leaf_index)
        )
    else:
        query = (
            select(log_tiles.c.root)
            .where(log_tiles.c.level == level - 1, log_tiles.c.number >= first, log_tiles.c.number < end)
            .order_by(log_tiles.c.number)
        )
    return list(connection.execute(query).scalars())


def _count(connection: Connection, level: int) -> int:
    last = connection.execute(select(func.max(log_tiles.c.number)).where(log_tiles.c.level == level)).scalar()
    return 0 if last is None else int(last) + 1


def _split(stored: bytes) -> list[bytes]:
    return [stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES)]
