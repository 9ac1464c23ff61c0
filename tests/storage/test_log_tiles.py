from hashlib import sha256

import pytest
from sqlalchemy import create_engine, delete, insert, inspect, select, text

from tests.factories import event
from vault import verify_log
from vault.domain.log_tree import consistency_proof, cover, inclusion_proof, leaf_hash
from vault.errors import StorageError
from vault.storage import log, log_tiles, schema
from vault.storage.engine import Database
from vault.storage.log_tiles import TileReader, TileWatch
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


@pytest.mark.parametrize("count", [1, 4, 5, 16, 17, 64, 77])
def test_what_was_prepared_for_a_proof_is_all_it_needs(small, database, monkeypatch, count):
    grow(database, count)
    book = by_the_book(leaves(database))
    for index in range(0, count, 3):
        with database.read() as connection:
            reader = TileReader(database, connection)
            reader.prepare(index, count)
        with monkeypatch.context() as unread:
            unread.setattr(log_tiles, "_ask", None)
            assert inclusion_proof(index, count, reader.node) == inclusion_proof(index, count, book)


def test_a_proof_of_an_earlier_size_is_prepared_as_well(small, database):
    grow(database, 77)
    book = by_the_book(leaves(database)[:50])
    reader = TileReader(database)
    reader.prepare(21, 50)
    assert inclusion_proof(21, 50, reader.node) == inclusion_proof(21, 50, book)


def without_tiles(database, count):
    """Grow a log as it was before there were tiles."""
    made = [event() for _ in range(count)]
    rows = [
        {"leaf_index": at, "canonical": data, "leaf_hash": leaf_hash(data), "event_id": one.event_id}
        for at, (one, data) in enumerate((one, one.canonical()) for one in made)
    ]
    with database.write() as connection:
        connection.execute(insert(log_events), rows)
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


@pytest.mark.parametrize("is_prepared", [False, True])
def test_proofs_work_while_tiles_are_still_missing(small, database, is_prepared):
    without_tiles(database, 75)
    reader, book = TileReader(database), by_the_book(leaves(database))
    if is_prepared:
        reader.prepare(3, 75)
    assert inclusion_proof(3, 75, reader.node) == inclusion_proof(3, 75, book)


def compared(database, upto=None):
    """Grow a tree over the leaves as the verifier does, and compare the stored tiles with it."""
    watch, hashes = TileWatch(), leaves(database)[:upto]
    tree = verify_log._Tree(told=watch.take)
    for start in range(0, len(hashes), 5):
        tree.grow(hashes[start : start + 5])
    with database.read() as connection:
        return [(one.entries, one.words) for one in watch.compare(connection, is_whole=upto is None)]


@pytest.mark.parametrize("count", [0, 3, 4, 15, 16, 17, 63, 64, 77])
def test_the_tiles_of_a_log_of_any_size_are_those_the_tree_goes_through(small, database, count):
    if count:
        grow(database, count)
    assert compared(database) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE log_tiles SET root = :new WHERE level = 1 AND number = 2", (range(32, 48), "tile 2 of level 1")),
        ("UPDATE log_tiles SET hashes = :new WHERE level = 0 AND number = 5", (range(20, 24), "tile 5 of level 0")),
        ("DELETE FROM log_tiles WHERE level = 2", (range(64), "tile 0 of level 2")),
        ("DELETE FROM log_tiles WHERE level = 0 AND number IN (4, 5)", (range(16, 24), "tiles 4 to 5 of level 0")),
        ("UPDATE log_tiles SET level = 3 WHERE level = 2", (range(0), "1 tiles are of no entries")),
    ],
)
def test_a_tile_of_any_level_that_was_touched_is_named(small, database, place, statement, expected):
    grow(database, 77)
    engine = create_engine(place.owner_url)
    with engine.begin() as connection:
        values = {"new": bytes(32)} if ":new" in statement else {}
        assert connection.execute(text(statement), values).rowcount
    engine.dispose()
    entries, words = expected
    first = compared(database)[0]
    assert (first[0], first[1].startswith(words)) == (entries, True)


def test_of_tiles_behind_the_entries_seen_nothing_is_said(small, database):
    grow(database, 77)
    assert compared(database, upto=30) == []


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


def test_tiles_of_before_they_had_a_middle_are_built_anew_after_the_upgrade(place):
    """Revision 0025, both ways, with more events than it takes at a time."""
    copies = "SELECT at, action, outcome, actor FROM log_events ORDER BY leaf_index"
    database, owner = Database(place.url), create_engine(place.owner_url)
    grow(database, 2003)
    before, hashes = stored(database), leaves(database)
    database.dispose()

    schema.downgrade(place.owner_url, "0024")
    assert "middle" not in {one["name"] for one in inspect(owner).get_columns("log_tiles")}
    with owner.connect() as connection:
        told = connection.execute(text("SELECT level, number, root, hashes FROM log_tiles")).all()
        rows = connection.execute(text(copies)).all()
    assert {(one.level, one.number): (bytes(one.root), bytes(one.hashes)) for one in told} == {
        place: (one.root, one.hashes) for place, one in before.items()
    }
    assert (len(rows), {one[1:] for one in rows}) == (2003, {("record.lookup", "granted", "KF1001")})

    schema.upgrade(place.owner_url)
    owner.dispose()
    database = Database(place.url)
    assert (stored(database), leaves(database)) == ({}, hashes)
    size, book = len(hashes), by_the_book(hashes)
    proof = inclusion_proof(700, size, book)
    assert inclusion_proof(700, size, TileReader(database).node) == proof  # without a tile
    assert log.order(database) == 0
    assert stored(database) == before
    assert inclusion_proof(700, size, TileReader(database).node) == proof
    assert compared(database) == []
    grow(database, 100)
    assert compared(database) == []
    database.dispose()
