from hashlib import sha256

import pytest
from sqlalchemy import delete, insert, select

from tests.factories import event
from vault.domain.log_tree import consistency_proof, cover, inclusion_proof, leaf_hash
from vault.errors import StorageError
from vault.storage import log, log_tiles
from vault.storage.log_tiles import TileReader
from vault.storage.tables import log_events, log_inbox
from vault.storage.tables import log_tiles as tiles
from vault.storage.unit_of_work import unit_of_work


def grow(database, count):
    """Announce events and put them in order."""
    with unit_of_work(database) as work:
        work.connection.execute(insert(log_inbox), [{"canonical": event().canonical()} for _ in range(count)])
        work.commit()
    assert log.order(database) == count


def leaves(database):
    with database.read() as connection:
        rows = connection.execute(select(log_events.c.canonical).order_by(log_events.c.leaf_index)).scalars()
        return [leaf_hash(canonical) for canonical in rows]


def stored(database):
    with database.read() as connection:
        return {(row.level, row.number): row for row in connection.execute(select(tiles))}


def by_the_book(hashes):
    """Return a node that is computed from all leaves, as RFC 6962 section 2.1 writes it."""

    def root(some):
        half = len(some) // 2
        return some[0] if half == 0 else sha256(b"\x01" + root(some[:half]) + root(some[half:])).digest()

    return lambda level, index: root(hashes[index << level : (index + 1) << level])


@pytest.fixture
def small(monkeypatch):
    """Tiles of four hashes, so that few events make many levels."""
    monkeypatch.setattr(log_tiles, "HEIGHT", 2)
    monkeypatch.setattr(log_tiles, "WIDTH", 4)


def test_a_log_without_a_full_tile_stores_none(database):
    grow(database, 255)
    assert stored(database) == {}
    grow(database, 1)
    assert set(stored(database)) == {(0, 0)}


def test_a_tile_holds_the_256_hashes_of_its_level_and_their_root(database):
    grow(database, 600)
    hashes, found = leaves(database), stored(database)
    assert set(found) == {(0, 0), (0, 1)}
    assert found[0, 1].hashes == b"".join(hashes[256:512])
    assert found[0, 1].root == by_the_book(hashes)(8, 1)


def test_every_node_is_that_of_the_book_on_every_level(small, database):
    for _ in range(7):
        grow(database, 11)
    hashes = leaves(database)
    assert {level for level, _ in stored(database)} == {0, 1, 2}
    reader, book = TileReader(database), by_the_book(hashes)
    for level in range(7):
        for index in range(77 >> level):
            assert reader.node(level, index) == book(level, index)


def test_proofs_out_of_tiles_are_those_out_of_leaves(database):
    grow(database, 700)
    reader, book = TileReader(database), by_the_book(leaves(database))
    for index in (0, 255, 256, 511, 512, 699):
        assert inclusion_proof(index, 700, reader.node) == inclusion_proof(index, 700, book)
    for old in (1, 255, 256, 257, 512, 699):
        assert consistency_proof(old, 700, reader.node) == consistency_proof(old, 700, book)
    for place in [*cover(0, 300), *cover(300, 700)]:
        assert reader.node(*place) == book(*place)


def without_tiles(database, count):
    """Grow a log as it was before there were tiles."""
    with database.write() as connection:
        canonical = [event().canonical() for _ in range(count)]
        connection.execute(insert(log_events), [log._row(at, one) for at, one in enumerate(canonical)])
        connection.commit()


def test_tiles_of_a_log_from_before_are_built_in_short_steps_when_it_is_put_in_order(small, monkeypatch, database):
    monkeypatch.setattr(log_tiles, "MOST", 3)
    without_tiles(database, 75)
    with unit_of_work(database) as work:
        assert log_tiles.build(work.connection, 75) == 3
        work.commit()
    assert log.order(database) == 0
    assert {level: sum(one[0] == level for one in stored(database)) for level in range(4)} == {0: 18, 1: 4, 2: 1, 3: 0}
    reader, book = TileReader(database), by_the_book(leaves(database))
    assert all(reader.node(level, 0) == book(level, 0) for level in range(7))


def test_proofs_work_while_tiles_are_still_missing(small, database):
    without_tiles(database, 75)
    reader, book = TileReader(database), by_the_book(leaves(database))
    assert inclusion_proof(3, 75, reader.node) == inclusion_proof(3, 75, book)


def test_a_tile_is_read_once(database, monkeypatch):
    grow(database, 300)
    reader = TileReader(database)
    inclusion_proof(3, 300, reader.node)
    monkeypatch.setattr(reader, "_database", None)
    assert len(inclusion_proof(200, 300, reader.node)) == 9


def test_a_log_with_a_gap_gives_no_proof(sqlite_database):
    grow(sqlite_database, 20)
    with sqlite_database.write() as connection:
        connection.execute(delete(log_events).where(log_events.c.leaf_index == 7))
        connection.commit()
    with pytest.raises(StorageError) as refused:
        inclusion_proof(0, 20, TileReader(sqlite_database).node)
    assert refused.value.reason == "log_has_gap"


@pytest.mark.parametrize("statement", ["UPDATE log_tiles SET number = 1", "DELETE FROM log_tiles"])
def test_on_postgresql_the_application_cannot_change_tiles(postgresql_database, statement):
    with pytest.raises(StorageError), postgresql_database.write() as connection:
        connection.exec_driver_sql(statement)
