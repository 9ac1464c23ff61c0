import multiprocessing
import os
import sqlite3
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import event, insert, select, text

from tests.conftest import Place
from tests.factories import NOW, account_row, cohort, vault
from vault.domain.ids import new_id
from vault.errors import SetupError, StorageError, StorageUnavailable
from vault.storage.bulk import insert_rows
from vault.storage.engine import PATIENCE_SECONDS, Database
from vault.storage.lists import ask
from vault.storage.tables import accounts, job_runs, record_fields

BOUND_SECONDS = 2.0
A_RUN = {"job": "job 1", "slot": 1, "started_at": NOW, "late": False, "node": ""}


def claim(database: Database, slot: int) -> None:
    with database.write() as connection:
        connection.execute(insert(job_runs).values(A_RUN | {"job": f"job {slot}", "slot": slot}))
        connection.commit()


def claimed(database: Database) -> list[int]:
    with database.read() as connection:
        return sorted(connection.execute(select(job_runs.c.slot)).scalars())


def hold_lock(place: Place) -> sqlite3.Connection:
    other = sqlite3.connect(place.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


@pytest.mark.parametrize(
    "broken", ["synchronous = 1", "secure_delete = 0", "foreign_keys = 0", "journal_mode = delete"]
)
def test_a_sqlite_without_one_of_its_settings_is_refused(sqlite_database, broken):
    sqlite_database.check()  # as it was made, it keeps its promises

    @event.listens_for(sqlite_database.engine, "connect")
    def turn_off(connection, record):
        connection.execute(f"PRAGMA {broken}")

    sqlite_database.engine.dispose()
    with pytest.raises(StorageError) as raised:
        sqlite_database.check()
    assert raised.value.reason == "sqlite_setting"
    assert raised.value.facts["setting"] == broken.split()[0]


def test_a_postgresql_whose_commits_are_not_durable_is_refused(postgresql_place, postgresql_database):
    postgresql_database.check()  # as it was made, it keeps its promises
    postgresql_place.server.execute(f"ALTER DATABASE {postgresql_place.name} SET synchronous_commit = off")
    postgresql_database.engine.dispose()
    with pytest.raises(StorageError) as raised:
        postgresql_database.check()
    assert raised.value.reason == "postgresql_setting"


@pytest.mark.parametrize("url", ["mysql://host/vault", "postgresql+psycopg2://host/vault"])
def test_another_kind_of_database_is_refused(url):
    with pytest.raises(SetupError) as raised:
        Database(url)
    assert raised.value.reason == "unknown_database"


def test_what_is_not_committed_is_rolled_back(database):
    with database.write() as connection:
        connection.execute(insert(job_runs).values(A_RUN))
    assert claimed(database) == []


def test_a_reader_sees_one_snapshot_on_sqlite(sqlite_database):
    claim(sqlite_database, 1)
    with sqlite_database.read() as connection:
        before = connection.execute(text("SELECT count(*) FROM job_runs")).scalar()
        claim(sqlite_database, 2)
        assert connection.execute(text("SELECT count(*) FROM job_runs")).scalar() == before


# -- unavailable -------------------------------------------------------------------------------------------------


def test_statements_that_postgresql_has_planned_outlive_each_read(postgresql_database):
    asked = "SELECT slot FROM job_runs WHERE job = %s"
    for _ in range(12):
        with postgresql_database.read() as connection:
            ask(connection, asked, ("none",))
    with postgresql_database.read() as connection:
        planned = connection.execute(
            text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%job_runs%'")
        )
        assert planned.scalar() == 1


def test_who_reads_from_postgresql_writes_nothing(postgresql_database):
    with pytest.raises(StorageUnavailable) as raised, postgresql_database.read() as connection:
        connection.execute(insert(job_runs).values(A_RUN))
    assert raised.value.facts["kind"] == "ReadOnlySqlTransaction"
    claim(postgresql_database, 2)
    assert claimed(postgresql_database) == [2]


def test_a_sqlite_locked_by_a_stranger_is_unavailable_within_two_seconds_and_recovers(sqlite_place, sqlite_database):
    with closing(hold_lock(sqlite_place)) as other:
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            claim(sqlite_database, 1)
        assert time.monotonic() - started < BOUND_SECONDS
        other.rollback()
    claim(sqlite_database, 2)
    assert claimed(sqlite_database) == [2]


def test_writers_that_queue_behind_a_locked_sqlite_all_hear_within_two_seconds(sqlite_place, sqlite_database):
    def attempt(slot: int) -> float:
        time.sleep(slot * 0.1)
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            claim(sqlite_database, slot)
        return time.monotonic() - started

    with closing(hold_lock(sqlite_place)), ThreadPoolExecutor(4) as threads:
        assert max(threads.map(attempt, range(4))) < BOUND_SECONDS


def test_who_waits_for_a_turn_that_never_comes_hears_within_two_seconds(sqlite_place, sqlite_database):
    elsewhere = Database(sqlite_place.url)  # another process sees the same lock file

    def attempt(database: Database) -> tuple[str, bool]:
        started = time.monotonic()
        with pytest.raises(StorageUnavailable) as raised:
            claim(database, 1)
        return raised.value.reason, time.monotonic() - started < BOUND_SECONDS

    with sqlite_database.write(), ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(attempt, (sqlite_database, elsewhere)))
    assert answers == [("database_busy", True)] * 2
    elsewhere.dispose()


def test_readers_go_on_while_a_sqlite_is_locked_for_writing(sqlite_place, sqlite_database):
    claim(sqlite_database, 1)
    with closing(hold_lock(sqlite_place)):
        assert claimed(sqlite_database) == [1]


def test_a_locked_postgresql_table_is_unavailable_within_two_seconds(postgresql_place, postgresql_database):
    owner = Database(postgresql_place.owner_url)
    with owner.write() as connection:
        connection.execute(text("LOCK TABLE job_runs IN ACCESS EXCLUSIVE MODE"))
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            claim(postgresql_database, 1)
        assert time.monotonic() - started < BOUND_SECONDS
    owner.dispose()
    claim(postgresql_database, 2)
    assert claimed(postgresql_database) == [2]


def test_a_read_only_sqlite_is_unavailable(sqlite_place):
    database = Database(sqlite_place.url, pool_size=1)
    with database.read() as connection:  # the same refusal as from a file system mounted read-only
        connection.exec_driver_sql("PRAGMA query_only = 1")
    with pytest.raises(StorageUnavailable):
        claim(database, 1)
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only = 0")
    claim(database, 2)
    assert claimed(database) == [2]
    database.dispose()


def test_a_read_only_postgresql_is_unavailable_and_recovers(postgresql_place, postgresql_database):
    server, name = postgresql_place.server, postgresql_place.name
    server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StorageUnavailable):
        claim(postgresql_database, 1)
    server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    postgresql_database.dispose()
    claim(postgresql_database, 2)
    assert claimed(postgresql_database) == [2]


def test_a_stopped_postgresql_is_unavailable_and_recovers_alone(postgresql_place, postgresql_database):
    server, name = postgresql_place.server, postgresql_place.name
    claim(postgresql_database, 1)
    server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(StorageUnavailable):
            claim(postgresql_database, 2)
        assert time.monotonic() - started < BOUND_SECONDS
    server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    claim(postgresql_database, 3)
    assert claimed(postgresql_database) == [1, 3]


def test_a_postgresql_server_that_is_not_there_is_unavailable(tmp_path):
    database = Database(f"postgresql+psycopg://nobody@/vault?host={tmp_path}")
    with pytest.raises(StorageUnavailable):
        claim(database, 1)


def test_a_deleted_sqlite_file_takes_no_commits_and_is_not_made_anew(sqlite_place, sqlite_database):
    claim(sqlite_database, 1)
    away = sqlite_place.file.rename(sqlite_place.file.with_suffix(".away"))
    for attempt in (lambda: claim(sqlite_database, 2), lambda: claimed(sqlite_database)):
        with pytest.raises(StorageUnavailable) as raised:
            attempt()
        assert raised.value.reason == "database_file_gone"
    assert not sqlite_place.file.exists()
    away.rename(sqlite_place.file)
    claim(sqlite_database, 3)
    assert claimed(sqlite_database) == [1, 3]


def test_a_sqlite_file_that_was_replaced_is_noticed_at_once(sqlite_place, sqlite_database, migrated_file):
    claim(sqlite_database, 1)
    with sqlite_database.read() as connection:  # everything into the file, so that no WAL is left for the new one
        connection.rollback()
        connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fresh = sqlite_place.file.with_suffix(".fresh")
    fresh.write_bytes(migrated_file.read_bytes())
    fresh.replace(sqlite_place.file)
    assert claimed(sqlite_database) == []


def test_a_folder_without_room_for_the_lock_file_is_unavailable(sqlite_place):
    database = Database(sqlite_place.url)
    sqlite_place.file.with_name("vault.db.turn").mkdir()
    with pytest.raises(StorageUnavailable) as raised:
        claim(database, 1)
    assert raised.value.reason == "database_folder_unusable"


# -- errors tell nothing -----------------------------------------------------------------------------------------

MARKER = "synthetic-" + os.urandom(6).hex()


def twice_in_core(connection):
    connection.execute(insert(accounts), [account_row(MARKER), account_row(MARKER)])


def twice_in_bulk(connection):
    rows = [tuple(account_row(MARKER).get(column.name) for column in accounts.columns) for _ in range(2)]
    insert_rows(connection, accounts, rows)


def in_clear(connection):
    insert_rows(connection, record_fields, [(new_id(), "name", 0, 0, MARKER.encode(), NOW, None)])


def of_a_wrong_type(connection):
    connection.execute(insert(accounts), [account_row("KF1", team={MARKER: 1})])


def in_a_statement(connection):
    connection.execute(text(f"INSERT INTO nowhere VALUES ('{MARKER}')"))


@pytest.mark.parametrize("fail", [twice_in_core, twice_in_bulk, in_clear, of_a_wrong_type, in_a_statement])
def test_an_error_carries_no_value_and_no_statement(database, fail):
    with pytest.raises(StorageError) as raised, database.write() as connection:
        fail(connection)
    told = "".join(
        [str(raised.value), repr(raised.value), *traceback.format_exception(raised.value), repr(vars(raised.value))]
    )
    assert MARKER not in told
    assert MARKER.encode().hex() not in told
    assert "INSERT" not in str(raised.value)


def test_a_value_in_clear_is_refused_by_a_constraint_that_the_error_names(database):
    with pytest.raises(StorageError) as raised, database.write() as connection:
        in_clear(connection)
    assert raised.value.reason == "conflict"
    assert raised.value.facts == {"constraint": "ck_record_fields_is_sealed"}


def test_a_value_the_column_cannot_hold_is_refused_and_not_called_an_outage(postgresql_database):
    with pytest.raises(StorageError) as raised, postgresql_database.write() as connection:
        connection.execute(insert(accounts), [account_row("9" * 33)])
    assert not isinstance(raised.value, StorageUnavailable)
    assert raised.value.reason == "refused_by_database"


def test_the_bulk_rows_of_a_transaction_that_holds_nothing_else_are_committed(database):
    home = cohort()
    vault(database, home)
    with database.write() as connection:
        insert_rows(connection, job_runs, [("sweep", 7, NOW, None, False, "")])
        connection.commit()
    assert claimed(database) == [7]


# -- turns -------------------------------------------------------------------------------------------------------


def write_many(url: str, start: int, count: int) -> None:
    database = Database(url)
    for slot in range(start, start + count):
        claim(database, slot)
    database.dispose()


def test_two_processes_that_write_sqlite_take_turns(sqlite_place, sqlite_database):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_many, args=(sqlite_place.url, start, 200)) for start in (0, 200)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert claimed(sqlite_database) == list(range(400))


def test_a_writer_on_sqlite_is_woken_as_soon_as_it_is_its_turn(sqlite_database):
    claim(sqlite_database, 0)  # connections are made before the clock runs

    def woken_after(slot):
        with ThreadPoolExecutor(1) as threads:
            with sqlite_database.write() as connection:
                connection.execute(insert(job_runs).values(A_RUN | {"job": f"job {slot}", "slot": slot}))
                second = threads.submit(claim, sqlite_database, slot + 1)
                time.sleep(0.2)
                assert not second.done()
                connection.commit()
            released = time.monotonic()
            second.result(timeout=PATIENCE_SECONDS)
            return time.monotonic() - released

    assert min(woken_after(slot) for slot in (1, 3, 5)) < 0.1  # the quickest: the machine may be busy
