"""Proving that what was destroyed is gone: rows, opening, ledger, and the raw bytes of the file."""

import os
import sqlite3
from hashlib import sha256

import pytest
from sqlalchemy import event, text

from tests.destroying import approved, fill, run
from vault.domain.certificates import Check, Result
from vault.errors import IntegrityError, StorageError, StorageUnavailable
from vault.services.steps import residue as step
from vault.services.steps.residue import prove_erased
from vault.storage import residue
from vault.storage.engine import Database

HEAD = bytes((1, 1))
ALL = 8


@pytest.fixture
def done(world):
    """A plan that was carried out, over eight records."""
    fill(world)
    plan_id = approved(world)
    run(world, plan_id)
    return plan_id


@pytest.fixture
def done_on_sqlite(sqlite_world):
    fill(sqlite_world)
    plan_id = approved(sqlite_world)
    run(sqlite_world, plan_id)
    return plan_id


def refused(world, plan_id):
    with pytest.raises(IntegrityError) as raised:
        prove_erased(world.parts, plan_id)
    assert raised.value.reason == "residue_found"
    return raised.value.facts["check"]


def a_wrap(world, plan_id):
    """Let a wrap of our own be one that the plan has erased, and return it."""
    wrap = HEAD + os.urandom(residue.WRAP_BYTES - 2)
    statement = (
        "UPDATE destruction_items SET wrap_digest = :digest WHERE plan_id = :plan_id AND record_id ="
        " (SELECT min(record_id) FROM destruction_items WHERE plan_id = :plan_id)"
    )
    assert world.tamper(statement, digest=sha256(wrap).digest(), plan_id=plan_id) == 1
    return wrap


def on_every_connection(world, pragma):
    """Change a setting of SQLite whenever the vault takes a connection."""
    event.listen(world.parts.database.engine, "checkout", lambda connection, *_: connection.execute(pragma))


def test_each_check_that_ran_is_named_with_its_result(world, done):
    checked = {one.check: one for one in prove_erased(world.parts, done)}
    everywhere = {Check.ROWS_GONE, Check.OPENING_FAILS, Check.TOMBSTONES, Check.LEDGER}
    if world.place.server is None:
        assert set(checked) == everywhere | {Check.SECURE_DELETE, Check.WAL_TRUNCATED, Check.RAW_REREAD}
        assert {one.result for one in checked.values()} == {Result.PASSED}
        assert checked[Check.RAW_REREAD].facts["keys"] == ALL
        assert checked[Check.RAW_REREAD].facts["bytes"] >= world.place.file.stat().st_size > 0
    else:
        assert set(checked) == everywhere | {Check.VACUUMED}
        assert (checked[Check.VACUUMED].result, checked[Check.VACUUMED].facts) == (Result.NOT_RUN, {"why": "no_right"})
    assert checked[Check.OPENING_FAILS].facts == {"tried": ALL}
    assert checked[Check.LEDGER].facts == {"entries": ALL}


LEFT = {
    "record_index": "(tag, record_id, kind, ordinal) SELECT {blob16}, record_id, 'phone', 0 FROM tombstones LIMIT 1",
    "record_fields": (
        "(record_id, field, ordinal, generation, sealed, valid_from)"
        " SELECT record_id, 'name', 0, 0, {blob62}, destroyed_at FROM tombstones LIMIT 1"
    ),
    "wrapped_keys": (  # in another cohort than its own
        "(cohort_id, record_id, wrapped) SELECT c.cohort_id, t.record_id, {blob62} FROM cohorts c,"
        " (SELECT record_id FROM tombstones LIMIT 1) t WHERE c.end_on = (SELECT max(end_on) FROM cohorts) LIMIT 1"
    ),
}


@pytest.mark.parametrize("table", LEFT)
def test_one_row_that_is_left_is_found(world, done, table):
    blob = "zeroblob({})" if world.place.server is None else "decode(repeat('00', {}), 'hex')"
    values = LEFT[table].format(blob16=blob.format(16), blob62=blob.format(62))
    assert world.tamper(f"INSERT INTO {table} {values}") == 1
    assert refused(world, done) == "rows_gone"


def test_a_missing_tombstone_is_found(world, done):
    gone = "DELETE FROM tombstones WHERE record_id = (SELECT record_id FROM tombstones ORDER BY record_id LIMIT 1)"
    assert world.tamper(gone) == 1
    assert refused(world, done) == "tombstones"


def test_a_record_that_the_ledger_does_not_know_is_found(world, done):
    wanted = os.urandom(16)
    ((old,),) = world.rows("SELECT record_id FROM tombstones ORDER BY record_id LIMIT 1")
    for table in ("tombstones", "destruction_items"):
        assert world.tamper(f"UPDATE {table} SET record_id = :new WHERE record_id = :old", new=wanted, old=old) == 1
    assert refused(world, done) == "ledger"


# -- the raw bytes of SQLite's file --------------------------------------------------------------------------------


def test_a_reader_in_the_way_leaves_nothing_proven_and_later_it_is(sqlite_world, done_on_sqlite, monkeypatch):
    monkeypatch.setattr(step, "_PATIENCE_SECONDS", 0.2)
    reader = sqlite3.connect(sqlite_world.place.file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM tombstones").fetchone()
    sqlite_world.settle()  # something is written behind the reader, so that its view pins the log
    on_every_connection(sqlite_world, "PRAGMA busy_timeout = 10")  # else the test waits in vain for the reader to go
    with pytest.raises(StorageUnavailable) as raised:
        prove_erased(sqlite_world.parts, done_on_sqlite)
    assert raised.value.reason == "wal_busy"
    reader.execute("COMMIT")
    assert prove_erased(sqlite_world.parts, done_on_sqlite)
    reader.close()


def test_an_erased_wrap_in_a_free_page_is_found(sqlite_world, done_on_sqlite):
    wrap = a_wrap(sqlite_world, done_on_sqlite)
    careless = sqlite3.connect(sqlite_world.place.file)
    careless.execute("PRAGMA secure_delete = 0")
    careless.execute("CREATE TABLE spilt (content BLOB)")
    careless.execute("INSERT INTO spilt VALUES (?)", (bytes(3000) + wrap + bytes(3000),))
    careless.execute("DROP TABLE spilt")
    careless.commit()
    careless.close()
    assert refused(sqlite_world, done_on_sqlite) == "raw_reread"


def test_a_wrap_that_lives_is_no_residue(sqlite_world, done_on_sqlite):
    sqlite_world.customers()
    sqlite_world.customer()
    assert prove_erased(sqlite_world.parts, done_on_sqlite)


def test_a_database_that_does_not_overwrite_is_not_believed(sqlite_world, done_on_sqlite):
    on_every_connection(sqlite_world, "PRAGMA secure_delete = 0")
    with pytest.raises(StorageError) as raised:
        prove_erased(sqlite_world.parts, done_on_sqlite)
    assert raised.value.reason == "sqlite_setting"


@pytest.mark.parametrize("chunk", [63, 64, 100, 4096])
def test_a_wrap_is_found_wherever_it_lies_and_across_pieces(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(residue, "_CHUNK", chunk)
    wrap = HEAD + os.urandom(60)
    digests = {sha256(wrap).digest()}
    for before in (0, 1, chunk - 62, chunk - 61, chunk - 1, chunk, chunk + 1, 3 * chunk - 30):
        file = tmp_path / "vault.db"
        for behind in (0, 1, 61, 200):
            file.write_bytes(HEAD * (before // 2) + b"\1" * (before % 2) + wrap + bytes(behind))
            database = Database(f"sqlite:///{file}")
            found = residue.reread(database, digests, (HEAD,))
            assert (found.found, found.bytes_read) == (1, file.stat().st_size), (before, behind)
            assert residue.reread(database, {sha256(b"x").digest()}, (HEAD,)).found == 0
            database.dispose()


def test_each_copy_of_a_wrap_is_counted_once_and_the_log_beside_is_read_too(tmp_path):
    wrap = HEAD + os.urandom(60)
    (tmp_path / "vault.db").write_bytes(wrap + bytes(100) + wrap)
    (tmp_path / "vault.db-wal").write_bytes(bytes(7) + wrap)
    database = Database(f"sqlite:///{tmp_path / 'vault.db'}")
    assert residue.reread(database, {sha256(wrap).digest()}, (HEAD,)).found == 3
    database.dispose()


def test_the_migrator_may_vacuum_and_the_application_may_not(postgresql_world):
    assert residue.vacuum(postgresql_world.parts.database) is False
    owner = Database(postgresql_world.place.owner_url)
    try:
        assert residue.vacuum(owner) is True
        with owner.read() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
    finally:
        owner.dispose()
