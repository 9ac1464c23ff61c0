import multiprocessing
import os
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import LargeBinary, create_engine, insert, inspect, select, text

from tests.factories import NOW, account, account_row, cohort, customer, event, vault
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.errors import SetupError, StorageError, StorageUnavailable
from vault.storage import log, log_gaps, log_keys, record_writes, records, schema
from vault.storage.engine import Database
from vault.storage.tables import UtcTime, accounts, case_lookups, cases, disclosures, metadata
from vault.storage.turns import writers_turn
from vault.storage.unit_of_work import unit_of_work

REVISIONS = [
    script.revision for script in reversed(list(ScriptDirectory.from_config(schema._config()).walk_revisions()))
]


@pytest.fixture
def owner_engine(empty_place):
    engine = create_engine(empty_place.owner_url)
    yield engine
    engine.dispose()


def shape(connection):
    """Everything a database says about its tables, except Alembic's own."""
    inspector = inspect(connection)
    names = sorted(set(inspector.get_table_names()) - {"alembic_version"})
    return {name: _table(inspector, name) for name in names}


def _table(inspector, name):
    facts = {
        "columns": [column | {"type": repr(column["type"])} for column in inspector.get_columns(name)],
        "key": inspector.get_pk_constraint(name),
        "references": sorted(inspector.get_foreign_keys(name), key=lambda one: one["name"]),
        "unique": sorted(inspector.get_unique_constraints(name), key=lambda one: one["name"]),
        "checks": sorted(inspector.get_check_constraints(name), key=lambda one: one["name"]),
        "indexes": sorted(map(_index, inspector.get_indexes(name)), key=lambda one: one["name"]),
    }
    return {part: str(value) for part, value in facts.items()}


def _index(index):
    return index | {"dialect_options": {name: str(value) for name, value in index.get("dialect_options", {}).items()}}


def row_for(connection, table):
    """Return a row that a table takes: it refers to what is there, and its words are those of the checks."""
    words = {}
    for check in table.constraints:
        found = re.match(r"(\w+) IN \('(\w*)'", str(getattr(check, "sqltext", "")))
        if found:
            words[found[1]] = found[2]
    row = {}
    for column in table.columns:
        parent = next(iter(column.foreign_keys), None)
        if parent is not None and column.nullable:
            continue  # two of them may have to be two people
        if parent is not None:
            row[column.name] = connection.execute(select(parent.column).limit(1)).scalar_one()
        elif isinstance(column.type, LargeBinary):
            row[column.name] = os.urandom(column.type.length or 40)
        elif isinstance(column.type, UtcTime):
            row[column.name] = NOW
        elif column.type.python_type is date:
            row[column.name] = NOW.date()
        elif column.type.python_type is str:
            # Two of a row may have to differ, such as who asked and who confirmed.
            row[column.name] = words.get(column.name, column.name[: column.type.length])
        else:
            row[column.name] = column.type.python_type(1)
    return row


def fill(place):
    """Put a row into every table of a migrated database."""
    database = Database(place.url)
    home = cohort()
    vault(database, home)
    account(database)
    with unit_of_work(database) as work:
        new = customer(home)
        record_writes.store(work.connection, [new])
        log.add_checkpoint(work.connection, 1, "note", NOW)
        kept, lost = (Checkpoint("log", size, bytes(32)) for size in (1, 2))
        log_gaps.add(work.connection, GapStatement(kept, lost, NOW, GapReason.LOST_DISK), "note")
        log_keys.add(work.connection, "old", "new", 2, "note", NOW)
        for table in metadata.sorted_tables:  # parents come before what refers to them
            if "log" not in table.name and work.connection.execute(select(table).limit(1)).first() is None:
                work.connection.execute(insert(table).values(row_for(work.connection, table)))
        work.announce(event(), event())
        work.commit()
    log.order(database)
    database.dispose()
    return new


def test_the_revisions_are_one_line_from_0001_to_the_head():
    assert [f"{number:04}" for number in range(1, len(REVISIONS) + 1)] == REVISIONS
    assert schema.head() == REVISIONS[-1]


def test_an_empty_database_has_no_revision(empty_place):
    assert schema.current(empty_place.url) is None


def test_asking_for_the_revision_makes_no_file(empty_place):
    schema.current(empty_place.url)
    assert empty_place.server is not None or not empty_place.file.exists()


def test_a_sqlite_file_and_its_companions_are_for_their_owner_only(sqlite_place):
    usual = os.umask(0)
    try:
        fresh = sqlite_place.file.with_name("fresh.sqlite3")
        schema.upgrade(f"sqlite:///{fresh}")
        database = Database(f"sqlite:///{fresh}")
        with database.write() as connection:
            connection.execute(text("DELETE FROM log_inbox"))
            connection.commit()
            made = sorted(fresh.parent.glob("fresh.sqlite3*"))
            modes = {path.name: path.stat().st_mode & 0o777 for path in made}
        database.dispose()
    finally:
        os.umask(usual)
    assert {"fresh.sqlite3", "fresh.sqlite3-wal", "fresh.sqlite3-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_the_application_may_ask_for_the_revision(place):
    assert schema.current(place.url) == schema.head()


def test_the_migrations_make_what_the_tables_say(empty_place, owner_engine):
    schema.upgrade(empty_place.owner_url)
    with owner_engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_names_comments_and_constraints_are_those_of_the_tables(empty_place, owner_engine):
    schema.upgrade(empty_place.owner_url)
    with owner_engine.connect() as connection:
        migrated = shape(connection)
    schema.downgrade(empty_place.owner_url, "base")
    with owner_engine.begin() as connection:
        metadata.create_all(connection)
        assert migrated == shape(connection)
        metadata.drop_all(connection)


def test_on_sqlite_the_statements_themselves_are_those_of_the_tables(tmp_path, sqlite_place):
    engine = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    metadata.create_all(engine)
    engine.dispose()

    def statements(file):
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        # SQLite quotes the name of a table that is a copy which took the place of an older one.
        plain = {name: re.sub(r"[ \t]+", " ", sql.replace(f'TABLE "{name}"', f"TABLE {name}")) for name, sql in rows}
        return {name: sorted(re.split(r",\s*\n|\n", sql)) for name, sql in plain.items()}

    migrated = statements(sqlite_place.file)
    migrated.pop("alembic_version")
    assert migrated == statements(tmp_path / "other.db")


def test_every_constraint_is_named_by_the_convention(place):
    engine = create_engine(place.owner_url)
    for name, table in shape(engine).items():
        for part, prefix in (
            ("key", "pk"),
            ("references", "fk"),
            ("unique", "uq"),
            ("checks", "ck"),
            ("indexes", "ix"),
        ):
            for found in re.findall(r"'name': '?([^',}]+)", table[part]):
                if part == "indexes" and found.startswith("uq_"):
                    continue  # PostgreSQL lists the index behind a unique constraint too
                assert re.match(rf"{prefix}_{name}(_|$)", found), found
    engine.dispose()


def test_the_log_and_wrapped_keys_are_partitioned_where_the_design_says(postgresql_place):
    engine = create_engine(postgresql_place.owner_url)
    with engine.connect() as connection:
        keys = connection.execute(text("SELECT relname, pg_get_partkeydef(oid) FROM pg_class WHERE relkind = 'p'"))
        assert dict(keys.all()) == {"wrapped_keys": "LIST (cohort_id)"}
    engine.dispose()


def test_a_partition_has_every_constraint_of_its_parent(postgresql_place):
    new = fill(postgresql_place)
    engine = create_engine(postgresql_place.owner_url)
    with engine.connect() as connection:
        tables = shape(connection)
    engine.dispose()
    partition = tables[f"wrapped_keys_{new.meta.cohort_id.hex()}"]
    assert "ck_wrapped_keys_is_wrapped" in partition["checks"]
    assert partition["columns"] == tables["wrapped_keys"]["columns"]


@pytest.mark.slow
def test_each_step_goes_down_and_up_again(empty_place, owner_engine):
    below = None
    for revision in REVISIONS:
        schema.upgrade(empty_place.owner_url, revision)
        with owner_engine.connect() as connection:
            before = shape(connection)
        schema.downgrade(empty_place.owner_url, below or "base")
        assert schema.current(empty_place.owner_url) == below
        schema.upgrade(empty_place.owner_url, revision)
        with owner_engine.connect() as connection:
            assert shape(connection) == before, revision
        below = revision


def test_with_data_in_it_every_step_goes_down_and_up_and_leaves_nothing_behind(place):
    fill(place)
    for revision in [*reversed(REVISIONS[:-1]), "base"]:
        schema.downgrade(place.owner_url, revision)
    engine = create_engine(place.owner_url)
    with engine.connect() as connection:
        assert shape(connection) == {}
        if place.server is not None:
            functions = text("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
            assert connection.scalar(functions) == 0
    engine.dispose()
    schema.upgrade(place.owner_url)
    fill(place)


def test_going_down_one_step_and_up_again_keeps_the_rows_of_the_others(place):
    new = fill(place)
    schema.downgrade(place.owner_url, REVISIONS[-2])
    schema.upgrade(place.owner_url)
    database = Database(place.url)
    with database.read() as connection:
        assert records.load(connection, [new.meta.record_id])[new.meta.record_id].meta == new.meta
        assert log.size(connection) == 2
    database.dispose()


def test_every_table_has_a_row_when_the_steps_are_tried(place):
    fill(place)
    engine = create_engine(place.owner_url)
    with engine.connect() as connection:
        empty = {one.name for one in metadata.sorted_tables if connection.execute(select(one).limit(1)).first() is None}
    engine.dispose()
    # The events of the inbox have a place by now; tiles are written once full, exports when somebody exports.
    assert empty == {"log_inbox", "log_tiles", "log_exports"}


def test_a_case_from_before_hand_overs_is_held_by_who_opened_it(empty_place, owner_engine):
    schema.upgrade(empty_place.owner_url, "0009")
    with owner_engine.begin() as connection:
        row = {name: value for name, value in account_row("KF1001").items() if value is not None}
        columns = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO accounts ({columns}) VALUES ({marks})"), row | {"created_at": 1})
        case = {"case": os.urandom(16), "who": row["account_id"]}
        connection.execute(text("INSERT INTO cases VALUES (:case, 'query', :who, 1, NULL)"), case)
    schema.upgrade(empty_place.owner_url, "0010")
    with owner_engine.connect() as connection:
        assert connection.execute(text("SELECT held_by FROM cases")).scalar_one() == row["account_id"]


def test_an_open_case_from_before_counts_as_looked_up_by_every_kind_that_is_asked_about(empty_place, owner_engine):
    schema.upgrade(empty_place.owner_url, "0020")
    still_open, closed = os.urandom(16), os.urandom(16)
    with owner_engine.begin() as connection:
        agent = account_row("KF1001")
        connection.execute(insert(accounts).values(agent))
        for case_id, closed_at in ((still_open, None), (closed, NOW)):
            held = {"opened_by": agent["account_id"], "held_by": agent["account_id"], "opened_at": NOW}
            case = {"case_id": case_id, "purpose": "query", "closed_at": closed_at}
            connection.execute(insert(cases).values(case | held))
    schema.upgrade(empty_place.owner_url, "0021")
    with owner_engine.connect() as connection:
        found = {tuple(row) for row in connection.execute(select(case_lookups))}
    assert found == {(still_open, "phone"), (still_open, "id_number")}


def test_what_is_counted_beside_reading_is_unknown_to_the_older_schema_and_the_rest_stays(empty_place, owner_engine):
    schema.upgrade(empty_place.owner_url, "0024")
    agent = account_row("KF1001")
    with owner_engine.begin() as connection:
        connection.execute(insert(accounts).values(agent))
        for kind in ("lookup", "miss", "reveal", "ask", "search"):
            row = {"disclosure_id": os.urandom(16), "account_id": agent["account_id"], "at": NOW, "kind": kind}
            connection.execute(insert(disclosures).values(row))
    schema.downgrade(empty_place.owner_url, "0023")
    with owner_engine.begin() as connection:
        found = sorted(connection.execute(select(disclosures.c.kind)).scalars())
    assert found == ["lookup", "miss", "reveal"]
    schema.upgrade(empty_place.owner_url, "0024")
    with owner_engine.begin() as connection:
        assert sorted(connection.execute(select(disclosures.c.kind)).scalars()) == found


def test_a_program_without_a_password_is_left_by_the_older_schema(place):
    database = Database(place.url)
    account(database, kind="service", state="active")
    database.dispose()
    schema.downgrade(place.owner_url, "0008")
    engine = create_engine(place.owner_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT state FROM accounts")).scalar_one() == "left"
    engine.dispose()


def test_the_last_run_of_each_job_is_known_to_the_older_and_the_newer_schema(empty_place, owner_engine):
    def runs(*columns):
        with owner_engine.connect() as connection:
            chosen = text(f"SELECT {', '.join(columns)} FROM job_runs ORDER BY job, slot")
            return [tuple(row) for row in connection.execute(chosen)]

    schema.upgrade(empty_place.owner_url, "0028")
    with owner_engine.begin() as connection:
        connection.execute(text("INSERT INTO job_runs VALUES ('inbox', 600, 601000000, NULL)"))
        connection.execute(text("INSERT INTO job_runs VALUES ('sessions', 300, 301000000, 302000000)"))
    schema.upgrade(empty_place.owner_url, "0029")
    kept = [("inbox", 600, 601000000, None), ("sessions", 300, 301000000, 302000000)]
    assert runs("job", "slot", "started_at", "finished_at") == kept
    assert {tuple(map(bool, row)) for row in runs("late")} == {(False,)}
    with owner_engine.begin() as connection:
        connection.execute(
            text("INSERT INTO job_runs VALUES ('inbox', 1200, 1201000000, 1202000000, :late, 'one')"), {"late": True}
        )
    schema.downgrade(empty_place.owner_url, "0028")
    kept[0] = ("inbox", 1200, 1201000000, 1202000000)
    assert runs("job", "slot", "started_at", "finished_at") == kept


def test_upgrading_twice_changes_nothing(place):
    schema.upgrade(place.owner_url)
    assert schema.current(place.url) == schema.head()


def test_an_unknown_revision_is_refused(place):
    for step in (schema.upgrade, schema.downgrade):
        with pytest.raises(StorageError) as raised:
            step(place.owner_url, "9999")
        assert raised.value.reason == "unknown_revision"


def test_a_step_that_fails_leaves_the_database_as_it_was(empty_place, owner_engine):
    schema.upgrade(empty_place.owner_url, "0001")
    with owner_engine.begin() as connection:
        connection.execute(text("CREATE TABLE job_runs (in_the_way int)"))
    with pytest.raises(StorageError):
        schema.upgrade(empty_place.owner_url)
    assert schema.current(empty_place.owner_url) == "0001"
    with owner_engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version", "cohorts", "job_runs", "vault_state"}


def test_a_step_that_breaks_a_reference_is_not_committed_on_sqlite(sqlite_place):
    fill(sqlite_place)
    schema.downgrade(sqlite_place.url, REVISIONS[-2])
    with closing(sqlite3.connect(sqlite_place.file)) as connection:  # a stranger, who keeps no references
        connection.execute("DELETE FROM cohorts")
        connection.commit()
    with pytest.raises(StorageError) as raised:
        schema.upgrade(sqlite_place.url)
    assert raised.value.reason == "reference_broken_by_migration"
    assert schema.current(sqlite_place.url) == REVISIONS[-2]


def test_a_migrator_that_cannot_reach_the_database_says_so(tmp_path):
    with pytest.raises(StorageUnavailable):
        schema.upgrade(f"postgresql+psycopg://nobody@/vault?host={tmp_path}")


def test_without_the_application_role_the_migrations_still_run(empty_place, owner_engine, monkeypatch):
    monkeypatch.setattr(schema, "APPLICATION_ROLE", "datavault_nobody")
    schema.upgrade(empty_place.owner_url)
    assert schema.current(empty_place.owner_url) == schema.head()


def test_migrations_that_are_not_there_are_a_setup_error(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "__file__", str(tmp_path / "vault" / "storage" / "schema.py"))
    with pytest.raises(SetupError) as raised:
        schema.head()
    assert raised.value.reason == "migrations_missing"


def test_migrations_inside_the_installed_package_are_found(tmp_path, monkeypatch):
    installed = tmp_path / "100% vault" / "vault"
    (installed / "storage").mkdir(parents=True)
    (installed / "migrations").symlink_to(schema._folder())
    monkeypatch.setattr(schema, "__file__", str(installed / "storage" / "schema.py"))
    assert schema.head() == REVISIONS[-1]


@contextmanager
def migrating(place):
    """Hold what a migrator at work holds."""
    if place.server is None:
        turn = writers_turn(str(place.file))
        with turn.taken(time.monotonic() + 1):
            yield
        turn.close()
        return
    engine = create_engine(place.owner_url)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({0x6D69_6772})"))
        yield
    engine.dispose()


def test_a_second_migrator_waits_for_the_first(empty_place):
    with ThreadPoolExecutor(1) as threads:
        with migrating(empty_place):
            second = threads.submit(schema.upgrade, empty_place.owner_url)
            time.sleep(0.4)
            assert not second.done()
        second.result()
    assert schema.current(empty_place.owner_url) == schema.head()


@pytest.mark.slow
def test_two_migrators_at_once_make_one_schema(empty_place):
    spawn = multiprocessing.get_context("spawn")
    migrators = [spawn.Process(target=schema.upgrade, args=(empty_place.owner_url,)) for _ in range(2)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join(60)
    assert [migrator.exitcode for migrator in migrators] == [0, 0]
    assert schema.current(empty_place.owner_url) == schema.head()
