"""Proving that what was destroyed is gone: rows, opening, ledger, and the raw bytes of the file."""

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import psycopg
import pytest
from sqlalchemy import event, text

from tests.destroying import approved, fill, run
from vault.domain.certificates import Check, Result
from vault.errors import IntegrityError, StorageError, StorageUnavailable
from vault.services.steps import residue as step
from vault.services.steps.residue import prove_erased
from vault.storage import bounded_postgresql, residue, wal
from vault.storage.bounded_postgresql import BoundedConnection
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
        assert set(checked) == everywhere | {Check.SECURE_DELETE, Check.WAL_TRUNCATED, Check.RAW_REREAD, Check.RAW_ROWS}
        assert {one.result for one in checked.values()} == {Result.PASSED}
        assert checked[Check.RAW_REREAD].facts["keys"] == checked[Check.RAW_ROWS].facts["records"] == ALL
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


def copies(world, plan_id):
    """Count what a raw reading sees of what the plan has erased."""
    wal.truncate(world.parts.database)
    with world.parts.database.read() as connection:
        wraps, gone = residue.wrap_digests(connection, plan_id), residue.destroyed_ids(connection, plan_id)
    seen = residue.reread(world.parts.database, residue.Sought(wraps, step._HEADS, set(gone), step._NAMES))
    return seen.wraps, seen.rows


def test_an_erased_wrap_in_a_free_page_is_found_and_written_over(sqlite_world, done_on_sqlite):
    wrap = a_wrap(sqlite_world, done_on_sqlite)
    careless = sqlite3.connect(sqlite_world.place.file)
    careless.execute("PRAGMA secure_delete = 0")
    careless.execute("CREATE TABLE spilt (content BLOB)")
    careless.execute("INSERT INTO spilt VALUES (?)", (bytes(3000) + wrap + bytes(3000),))
    careless.execute("DROP TABLE spilt")
    careless.commit()
    careless.close()
    assert copies(sqlite_world, done_on_sqlite) == (1, 0)
    assert prove_erased(sqlite_world.parts, done_on_sqlite)
    assert copies(sqlite_world, done_on_sqlite) == (0, 0)


def test_an_erased_wrap_that_something_holds_is_found_and_stays_found(sqlite_world, done_on_sqlite):
    wrap = a_wrap(sqlite_world, done_on_sqlite)
    careless = sqlite3.connect(sqlite_world.place.file)
    careless.execute("CREATE TABLE kept (content BLOB)")
    careless.execute("INSERT INTO kept VALUES (?)", (bytes(3000) + wrap + bytes(3000),))
    careless.commit()
    careless.close()
    assert [refused(sqlite_world, done_on_sqlite) for _ in range(2)] == ["raw_reread", "raw_reread"]


_INTO_FIELDS = "INSERT INTO record_fields (record_id, field, ordinal, generation, sealed, valid_from) VALUES "
SPILT = {
    "value": (
        _INTO_FIELDS + "(:r, 'recipient_address', 0, 0, randomblob(90), 1)",
        "DELETE FROM record_fields WHERE record_id = :r",
    ),
    "long value": (
        _INTO_FIELDS + "(:r, 'text', 0, 7, randomblob(9000), 1)",
        "DELETE FROM record_fields WHERE record_id = :r",
    ),
    "tag": (
        "INSERT INTO record_index (tag, record_id, kind, ordinal) VALUES (randomblob(16), :r, 'id_number', 0)",
        "DELETE FROM record_index WHERE record_id = :r",
    ),
}


@pytest.mark.parametrize("what", SPILT)
def test_what_was_deleted_without_overwriting_is_found_and_written_over(sqlite_world, done_on_sqlite, what):
    ((record_id,),) = sqlite_world.rows("SELECT record_id FROM tombstones ORDER BY record_id LIMIT 1")
    for secure in (1, 0):
        careless = sqlite3.connect(sqlite_world.place.file)
        careless.execute(f"PRAGMA secure_delete = {secure}")
        for statement in SPILT[what]:
            assert careless.execute(statement, {"r": record_id}).rowcount == 1
        careless.commit()
        careless.close()
        wraps, rows = copies(sqlite_world, done_on_sqlite)
        assert (wraps, rows > 0) == (0, not secure)
    assert prove_erased(sqlite_world.parts, done_on_sqlite)
    assert copies(sqlite_world, done_on_sqlite) == (0, 0)


def test_what_rightly_names_a_record_that_is_gone_is_no_residue(sqlite_world, done_on_sqlite):
    """Tombstone, plan and holds do, and so does a check of the caller, with a word behind it that begins alike."""
    (record_id,) = [row[0] for row in sqlite_world.rows("SELECT record_id FROM tombstones LIMIT 1")]
    ((account,),) = sqlite_world.rows("SELECT account_id FROM accounts LIMIT 1")
    sqlite_world.tamper("PRAGMA foreign_keys = 0")
    careless = sqlite3.connect(sqlite_world.place.file)
    for question in ("phone_last4", "name_of_recipient", "id_last4"):
        careless.execute(
            "INSERT INTO caller_checks VALUES (?, ?, ?, ?, ?, 'match', '', 1)",
            (os.urandom(16), bytes((0, 13 + 2 * 5) * 8), record_id, account, question),
        )
    careless.commit()
    careless.close()
    assert prove_erased(sqlite_world.parts, done_on_sqlite)


def test_a_wrap_that_lives_is_no_residue(sqlite_world, done_on_sqlite):
    sqlite_world.customers()
    sqlite_world.customer()
    assert prove_erased(sqlite_world.parts, done_on_sqlite)


def test_a_database_that_does_not_overwrite_is_not_believed(sqlite_world, done_on_sqlite):
    on_every_connection(sqlite_world, "PRAGMA secure_delete = 0")
    with pytest.raises(StorageError) as raised:
        prove_erased(sqlite_world.parts, done_on_sqlite)
    assert raised.value.reason == "sqlite_setting"


def sought(wrap=b"", record_id=b"", names=("phone", "phone_of_old")):
    return residue.Sought({sha256(wrap).digest()}, (HEAD,), {record_id}, names)


@pytest.mark.parametrize("chunk", [63, 64, 100, 4096])
def test_what_is_sought_is_found_wherever_it_lies_and_across_pieces(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(residue, "_CHUNK", chunk)
    wrap, record_id, file = HEAD + os.urandom(60), os.urandom(16), tmp_path / "vault.db"
    value = record_id + b"phone"
    in_the_index = bytes((13 + 2 * 5, 8)) + record_id + os.urandom(16) + b"phone"
    for before in (0, 1, chunk - 62, chunk - 61, chunk - 1, chunk, chunk + 1, 3 * chunk - 30):
        for behind in (0, 1, 61, 200):
            database = Database(f"sqlite:///{file}")
            for what, found in ((wrap, (1, 0)), (value, (0, 1)), (in_the_index, (0, 1))):
                file.write_bytes(HEAD * (before // 2) + b"\1" * (before % 2) + what + bytes(behind))
                seen = residue.reread(database, sought(wrap, record_id))
                assert (seen.wraps, seen.rows) == found, (before, behind, what)
                assert seen.bytes_read == file.stat().st_size
                seen = residue.reread(database, sought(b"x", b"x"))
                assert (seen.wraps, seen.rows) == (0, 0)
            database.dispose()


def test_an_id_beside_a_longer_word_or_farther_away_is_no_row(tmp_path):
    record_id, file = os.urandom(16), tmp_path / "vault.db"
    for content in (
        bytes((13 + 2 * 11, 8)) + record_id + bytes(16) + b"phone_last4",
        bytes((13 + 2 * 5, 8)) + record_id + bytes(16) + b"phone_last4",
        bytes((13 + 2 * 5, 8)) + record_id + bytes(17) + b"phone",
        record_id + b"\0phone",
        record_id + b"customer",
    ):
        file.write_bytes(bytes(40) + content + bytes(40))
        database = Database(f"sqlite:///{file}")
        assert residue.reread(database, sought(record_id=record_id)).rows == 0
        database.dispose()


def test_each_copy_is_counted_once_and_the_log_beside_is_read_too(tmp_path):
    wrap, record_id = HEAD + os.urandom(60), os.urandom(16)
    row = record_id + b"phone"
    (tmp_path / "vault.db").write_bytes(wrap + bytes(100) + wrap + row + row)
    (tmp_path / "vault.db-wal").write_bytes(bytes(7) + wrap + row)
    database = Database(f"sqlite:///{tmp_path / 'vault.db'}")
    seen = residue.reread(database, sought(wrap, record_id))
    assert (seen.wraps, seen.rows) == (3, 3)
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


def relations(owner):
    asked = text(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
        " AND (relname = ANY(:names) OR relname LIKE 'wrapped_keys_%')"
    )
    with owner.read() as connection:
        return list(connection.scalars(asked, {"names": list(residue.TABLES)}))


@pytest.fixture
def owner(postgresql_world):
    database = Database(postgresql_world.place.owner_url)
    yield database
    database.dispose()


def test_whoever_may_maintain_each_partition_too_may_vacuum(postgresql_world, owner):
    places = relations(owner)
    assert len(places) > len(residue.TABLES)
    assert set(places) > set(residue.TABLES) - {"wrapped_keys"}
    for number, place in enumerate(places):
        assert residue.vacuum(postgresql_world.parts.database) is False, number
        with owner.write() as connection:
            connection.execute(text(f"GRANT MAINTAIN ON {place} TO datavault_app"))
            connection.commit()
    assert residue.vacuum(postgresql_world.parts.database) is True


def test_vacuuming_takes_as_long_as_it_takes_and_no_other_question_does(owner, monkeypatch):
    monkeypatch.setattr(bounded_postgresql, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(BoundedConnection, "_silence_seconds", 0.5)
    longer = "SET lock_timeout = '60s'"
    event.listen(owner.engine, "connect", lambda one, _: (one.execute(longer), one.commit()))
    waits = "SELECT count(*) FROM pg_locks WHERE relation = 'record_index'::regclass AND NOT granted"
    other = psycopg.connect(owner.url.set(drivername="postgresql").render_as_string(hide_password=False))
    cleaned = []
    with other, ThreadPoolExecutor(1) as pool:
        other.execute("LOCK TABLE record_index IN SHARE UPDATE EXCLUSIVE MODE")  # as slow as a table of gigabytes
        vacuuming = pool.submit(lambda: cleaned.append(residue.vacuum(owner)))
        while not vacuuming.done() and other.execute(waits).fetchone() == (0,):
            time.sleep(0.01)
        time.sleep(0.7)
        assert not vacuuming.done()
        other.rollback()
        vacuuming.result()
    assert cleaned == [True]
    with pytest.raises(StorageUnavailable), owner.read() as connection:
        connection.execute(text("SELECT pg_sleep(3)"))
