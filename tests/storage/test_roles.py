"""What the application's role may do on PostgreSQL: a second wall behind our own code."""

import pytest
from sqlalchemy import text

from tests.factories import cohort, vault
from vault.domain.ids import RecordClass, new_id
from vault.errors import StorageError, StorageUnavailable
from vault.storage.engine import Database
from vault.storage.tables import metadata
from vault.storage.unit_of_work import unit_of_work

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
EVERY_ROW = {"SELECT", "INSERT", "UPDATE", "DELETE"}
NARROW = {
    "alembic_version": {"SELECT"},
    "vault_state": {"SELECT", "INSERT", "UPDATE"},
    "log_inbox": {"SELECT", "INSERT", "DELETE"},
    "log_events": {"SELECT", "INSERT"},
    "case_lookups": {"SELECT", "INSERT"},
    "log_checkpoints": {"SELECT", "INSERT"},
    "log_exports": {"SELECT", "INSERT"},
    "log_gaps": {"SELECT", "INSERT"},
    "log_keys": {"SELECT", "INSERT"},
    "log_terms": {"SELECT", "INSERT"},
    "log_tiles": {"SELECT", "INSERT"},
    "policy_texts": {"SELECT", "INSERT"},
    "holds": {"SELECT", "INSERT", "UPDATE"},
    "destruction_plans": {"SELECT", "INSERT", "UPDATE"},
    "destruction_counts": {"SELECT", "INSERT"},
    "tombstones": {"SELECT", "INSERT"},
    "certificates": {"SELECT", "INSERT"},
    "paper_boxes": {"SELECT", "INSERT", "UPDATE"},
    "backups": {"SELECT", "INSERT", "UPDATE"},
    "clock_marks": {"SELECT", "INSERT", "UPDATE"},
    "incidents": {"SELECT", "INSERT", "UPDATE"},
    "incident_clocks": {"SELECT", "INSERT", "UPDATE"},
    "incident_entries": {"SELECT", "INSERT"},
    "further_reports": {"SELECT", "INSERT", "UPDATE"},
    "incident_reminders": {"SELECT", "INSERT", "UPDATE"},
    "signal_turns": {"SELECT", "INSERT", "UPDATE"},
    "incident_signals": {"SELECT", "INSERT", "DELETE"},
    "misuse_records": {"SELECT", "INSERT", "UPDATE"},
    "containments": {"SELECT", "INSERT", "UPDATE"},
    "containment_holds": {"SELECT", "INSERT"},
    "drill_customers": {"SELECT", "INSERT"},
    "drill_scores": {"SELECT", "INSERT"},
    "incident_reports": {"SELECT", "INSERT"},
    "incident_radii": {"SELECT", "INSERT", "UPDATE"},
    "radius_customers": {"SELECT", "INSERT"},
    "radius_records": {"SELECT", "INSERT"},
    "notice_campaigns": {"SELECT", "INSERT", "UPDATE"},
    "notice_calls": {"SELECT", "INSERT"},
    "notice_files": {"SELECT", "INSERT", "UPDATE"},
    "notice_waivers": {"SELECT", "INSERT", "UPDATE"},
}


def refused(database, statement, **parameters):
    with pytest.raises(StorageError) as raised, unit_of_work(database) as work:
        work.connection.execute(text(statement), parameters)
    return not isinstance(raised.value, StorageUnavailable)


@pytest.mark.parametrize("table", [*metadata.tables, "alembic_version"])
def test_the_application_has_exactly_the_privileges_it_needs(postgresql_database, table):
    asked = text("SELECT has_table_privilege(:table, :privilege)")
    with postgresql_database.read() as connection:
        held = {one for one in PRIVILEGES if connection.scalar(asked, {"table": table, "privilege": one})}
    assert held == NARROW.get(table, EVERY_ROW)


@pytest.mark.parametrize("table", ["log_events", "log_checkpoints"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_cannot_change_or_remove_what_was_logged(postgresql_database, table, verb):
    column = {"log_events": "leaf_index", "log_checkpoints": "size"}[table]
    assert refused(postgresql_database, verb.format(table, column, column))


def test_of_a_line_of_a_timeline_the_application_removes_what_was_typed_and_nothing_else(postgresql_database):
    asked = text("SELECT has_column_privilege('incident_entries', :column, 'UPDATE')")
    with postgresql_database.read() as connection:
        columns = metadata.tables["incident_entries"].columns.keys()
        assert [one for one in columns if connection.scalar(asked, {"column": one})] == ["sealed_note"]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.extra (one int)",
        "CREATE FUNCTION public.extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE log_events ADD COLUMN extra int",
        "DROP TABLE job_runs",
        "CREATE TRIGGER extra BEFORE INSERT ON log_inbox EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE SCHEMA extra",
        "SET ROLE datavault_owner",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_application_cannot_change_the_schema(postgresql_database, statement):
    assert refused(postgresql_database, statement)


# -- the one piece of DDL it may cause ---------------------------------------------------------------------------

MAKE = "SELECT datavault_make_partition(:cohort_id)"


def partitions(database):
    with database.read() as connection:
        return set(
            connection.scalars(
                text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'wrapped_keys'::regclass")
            )
        )


def make_partition(database, cohort_id, before="SELECT 1"):
    with unit_of_work(database) as work:
        work.connection.execute(text(before))
        work.connection.execute(text(MAKE), {"cohort_id": cohort_id})
        work.commit()


def test_a_partition_is_made_once(postgresql_database):
    cohort_id = new_id()
    for _ in range(2):
        make_partition(postgresql_database, cohort_id)
    assert partitions(postgresql_database) == {f"wrapped_keys_{cohort_id.hex()}"}


@pytest.mark.parametrize(
    "cohort_id", [None, b"", b"short", bytes(15), bytes(17), b"'); DROP TABLE records; --"], ids=repr
)
def test_a_cohort_id_of_another_length_makes_no_partition(postgresql_database, cohort_id):
    assert refused(postgresql_database, MAKE, cohort_id=cohort_id)
    assert partitions(postgresql_database) == set()


@pytest.mark.parametrize(
    "cohort_id", [b"'); DROP TABLE--", b"\\'\\'\"\"%I%L%s$$;\0", bytes(16), b"\xff" * 16], ids=repr
)
@pytest.mark.parametrize(
    "before", ["SELECT 1", "SET standard_conforming_strings = off", "SET search_path = nowhere, public"]
)
def test_no_content_of_sixteen_bytes_and_no_setting_leads_the_function_astray(postgresql_database, cohort_id, before):
    assert len(cohort_id) == 16
    make_partition(postgresql_database, cohort_id, before)
    assert partitions(postgresql_database) == {f"wrapped_keys_{cohort_id.hex()}"}


def test_the_function_runs_as_its_owner_with_a_search_path_of_its_own(postgresql_database):
    asked = text("SELECT prosecdef, proconfig FROM pg_proc WHERE proname = 'datavault_make_partition'")
    with postgresql_database.read() as connection:
        assert connection.execute(asked).one() == (True, ["search_path=pg_catalog, pg_temp"])


def test_objects_of_the_caller_cannot_stand_in_for_those_of_the_function(postgresql_database):
    cohort_id = new_id()
    before = "CREATE TEMPORARY TABLE wrapped_keys (cohort_id bytea)"
    make_partition(postgresql_database, cohort_id, before)
    postgresql_database.dispose()  # the temporary table goes with its connection
    assert partitions(postgresql_database) == {f"wrapped_keys_{cohort_id.hex()}"}


DROP = "SELECT datavault_drop_partition(:cohort_id)"


def closed(database, cohort_id, state="destroyed"):
    with unit_of_work(database) as work:
        work.connection.execute(
            text("UPDATE cohorts SET state = :state WHERE cohort_id = :id"), {"state": state, "id": cohort_id}
        )
        work.commit()


def drop_partition(database, cohort_id, before="SELECT 1"):
    with unit_of_work(database) as work:
        work.connection.execute(text(before))
        dropped = work.connection.scalar(text(DROP), {"cohort_id": cohort_id})
        work.commit()
    return dropped


@pytest.mark.parametrize("before", ["SELECT 1", "SET search_path = nowhere, public"])
@pytest.mark.parametrize("state", ["empty", "destroyed"])
def test_the_partition_of_a_closed_cohort_is_dropped_once(postgresql_database, state, before):
    made, kept = cohort(), cohort(RecordClass.SHIPMENT)
    vault(postgresql_database, made, kept)
    closed(postgresql_database, made.key_id, state)
    assert [drop_partition(postgresql_database, made.key_id, before) for _ in range(2)] == [True, False]
    assert partitions(postgresql_database) == {f"wrapped_keys_{kept.key_id.hex()}"}


@pytest.mark.parametrize("state", ["open", "closing"])
def test_the_partition_of_a_living_cohort_is_not_dropped(postgresql_database, state):
    made = cohort()
    vault(postgresql_database, made)
    closed(postgresql_database, made.key_id, state)
    assert refused(postgresql_database, DROP, cohort_id=made.key_id)
    assert partitions(postgresql_database) == {f"wrapped_keys_{made.key_id.hex()}"}


@pytest.mark.parametrize(
    "cohort_id", [None, b"", bytes(15), b"'); DROP TABLE records; --", b"unknown cohort!!"], ids=repr
)
def test_a_cohort_that_is_none_drops_no_partition(postgresql_database, cohort_id):
    made = cohort()
    vault(postgresql_database, made)
    closed(postgresql_database, made.key_id)
    assert refused(postgresql_database, DROP, cohort_id=cohort_id)
    assert partitions(postgresql_database) == {f"wrapped_keys_{made.key_id.hex()}"}


def test_the_application_reaches_a_partition_only_through_its_parent(postgresql_database):
    made = cohort()
    vault(postgresql_database, made)
    assert refused(postgresql_database, f"SELECT * FROM wrapped_keys_{made.key_id.hex()}")
    assert refused(postgresql_database, f"DROP TABLE wrapped_keys_{made.key_id.hex()}")


def test_another_role_may_not_make_partitions(postgresql_place):
    server = postgresql_place.server
    server.execute("DROP ROLE IF EXISTS somebody")
    server.execute("CREATE ROLE somebody LOGIN")
    database = Database(server.url(postgresql_place.name, "somebody"))
    assert refused(database, MAKE, cohort_id=new_id())
    assert refused(database, DROP, cohort_id=new_id())
    assert refused(database, "SELECT * FROM records")
    database.dispose()
    server.execute("DROP ROLE somebody")
