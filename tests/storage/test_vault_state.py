import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.factories import KEY_STORE_VERSION, NOW, cohort, customer, vault
from vault.domain.ids import RecordClass, new_id
from vault.errors import StorageError
from vault.storage import record_writes, records, vault_state
from vault.storage.engine import Database
from vault.storage.tables import cohorts
from vault.storage.unit_of_work import unit_of_work

STATE = vault_state.VaultState(new_id(), "vault.example/log", "vault.example/log+00+AA==", 1)


def create(database, state=STATE):
    with unit_of_work(database) as work:
        vault_state.create(work.connection, state, NOW)
        work.commit()


def read(database):
    with database.read() as connection:
        return vault_state.read(connection)


def mirror(database, version, *made):
    with unit_of_work(database) as work:
        vault_state.mirror_key_store(work.connection, version, made, NOW)
        work.commit()


def require_open(database, *ids, version=KEY_STORE_VERSION):
    with unit_of_work(database) as work:
        vault_state.require_open(work.connection, ids, version)


def test_an_empty_database_belongs_to_no_vault(database):
    assert read(database) is None


def test_a_database_without_tables_belongs_to_no_vault(empty_place):
    if empty_place.server is None:
        empty_place.file.touch()
    database = Database(empty_place.url)
    assert read(database) is None
    database.dispose()


def test_the_vaults_row_is_read_as_it_was_written(database):
    create(database)
    assert read(database) == STATE


def test_there_is_one_vault_in_a_database(database):
    create(database)
    with pytest.raises(StorageError):
        create(database, replace(STATE, vault_id=new_id()))
    assert read(database) == STATE


def test_the_mirrored_version_only_goes_forward(database):
    create(database)
    for version, kept in ((5, 5), (4, 5), (6, 6)):
        mirror(database, version)
        assert read(database).key_store_version == kept


def test_cohorts_that_have_a_row_are_left_alone(database):
    first, second = cohort(), cohort(RecordClass.SHIPMENT)
    vault(database, first)
    mirror(database, 4, first, second)
    with database.read() as connection:
        rows = connection.execute(
            select(cohorts.c.cohort_id, cohorts.c.record_class, cohorts.c.end_on, cohorts.c.state)
        )
        assert {tuple(row) for row in rows} == {
            (one.key_id, one.record_class.value, one.end_on, "open") for one in (first, second)
        }


def test_a_second_cohort_for_the_same_class_and_month_is_refused(database):
    first = cohort()
    vault(database, first)
    with pytest.raises(StorageError) as raised:
        mirror(database, 4, replace(first, key_id=new_id()))
    assert raised.value.reason == "conflict"
    assert read(database).key_store_version == KEY_STORE_VERSION


def test_two_that_meet_a_new_month_make_one_cohort(database):
    vault(database)
    months = [cohort() for _ in range(4)]

    def attempt(made):
        try:
            mirror(database, 4, made)
        except StorageError as error:
            return error.reason
        return "made"

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(attempt, months))
    assert outcomes == ["conflict", "conflict", "conflict", "made"]


def test_sealing_into_a_closing_or_unknown_cohort_is_refused_into_open_ones_it_is_not(database):
    first, second = cohort(), cohort(RecordClass.SHIPMENT)
    vault(database, first, second)
    require_open(database, first.key_id, second.key_id, first.key_id)
    with unit_of_work(database) as work:
        work.connection.execute(update(cohorts).where(cohorts.c.cohort_id == second.key_id).values(state="closing"))
        work.commit()
    for bad in (second.key_id, new_id()):
        with pytest.raises(StorageError) as raised:
            require_open(database, first.key_id, bad)
        assert raised.value.reason == "cohort_not_open"


@pytest.mark.parametrize("version", [KEY_STORE_VERSION - 1, KEY_STORE_VERSION + 1])
def test_sealing_with_another_version_of_the_key_store_is_refused(database, version):
    made = cohort()
    vault(database, made)
    with pytest.raises(StorageError) as raised:
        require_open(database, made.key_id, version=version)
    assert raised.value.reason == "key_store_changed"


def test_a_cohort_cannot_begin_to_close_while_somebody_seals_into_it(postgresql_database):
    made = cohort()
    vault(postgresql_database, made)
    closing = update(cohorts).where(cohorts.c.cohort_id == made.key_id).values(state="closing")

    def close():
        with unit_of_work(postgresql_database) as work:
            work.connection.execute(closing)
            work.commit()

    with ThreadPoolExecutor(1) as threads:
        with unit_of_work(postgresql_database) as work:
            vault_state.require_open(work.connection, [made.key_id], KEY_STORE_VERSION)
            closer = threads.submit(close)
            time.sleep(0.2)
            assert not closer.done()
            work.commit()
        closer.result()


def test_a_new_cohort_does_not_keep_look_ups_or_sealing_waiting(postgresql_database):
    first = cohort()
    vault(postgresql_database, first)
    with unit_of_work(postgresql_database) as making:
        fresh = [cohort(end_on=first.end_on + timedelta(days=31))]
        vault_state.mirror_key_store(making.connection, 4, fresh, NOW)
        new = customer(first)
        with unit_of_work(postgresql_database) as work:
            record_writes.store(work.connection, [new])
            work.commit()
        with postgresql_database.read() as connection:
            assert records.wraps(connection, [new.meta]) == {new.meta.record_id: new.wrapped}
        making.commit()
