"""Freezes in force: read from the index of what stands, whatever else was ever taken."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from tests.factories import NOW, account
from vault.domain.breach.containment import THE_VAULT, Containment, Measure
from vault.domain.ids import new_id
from vault.errors import StorageError
from vault.storage.breach import containments
from vault.storage.tables import incidents
from vault.storage.unit_of_work import unit_of_work

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def officer(database):
    return account(database)


def incident(database):
    made = new_id()
    with unit_of_work(database) as work:
        work.connection.execute(
            insert(incidents).values(
                incident_id=made,
                kind="leak",
                drill=False,
                state="reported",
                aware_at=NOW,
                aware_since=NOW,
                aware_source="report",
                opened_by="KF1",
                opened_at=NOW,
            )
        )
        work.commit()
    return made


def taken(database, officer, measure, target=THE_VAULT, at=NOW, of=None, **more):
    of = of or incident(database)
    one = Containment(new_id(), of, measure, target, 0, more.pop("rehearsed", False), officer, at, **more)
    with unit_of_work(database) as work:
        containments.add(work.connection, one)
        work.commit()
    return one


def in_force(database):
    with database.read() as connection:
        return containments.in_force(connection)


def test_only_what_stands_on_the_whole_vault_and_is_no_rehearsal_is_in_force(database, officer):
    assert in_force(database) == {}
    taken(database, officer, Measure.READ_ONLY, rehearsed=True)
    taken(database, officer, Measure.SUSPEND_ACCOUNT, officer)
    taken(database, officer, Measure.FREEZE_EXPORTS, ended_by=officer, ended_at=NOW)
    assert in_force(database) == {}
    taken(database, officer, Measure.FREEZE_REVEALS, at=LATER)
    first = taken(database, officer, Measure.FREEZE_REVEALS)
    assert in_force(database) == {Measure.FREEZE_REVEALS: NOW}
    with unit_of_work(database) as work:
        assert containments.end(work.connection, first.containment_id, officer, LATER)
        assert not containments.end(work.connection, first.containment_id, officer, LATER)
        assert not containments.keep(work.connection, first.containment_id, officer, LATER)
        work.commit()
    assert in_force(database) == {Measure.FREEZE_REVEALS: LATER}


def test_one_incident_has_a_measure_on_a_target_once_while_it_stands(database, officer):
    one = taken(database, officer, Measure.READ_ONLY)
    with pytest.raises(StorageError):
        taken(database, officer, Measure.READ_ONLY, of=one.incident_id)
    with unit_of_work(database) as work:
        containments.end(work.connection, one.containment_id, officer, LATER)
        work.commit()
    taken(database, officer, Measure.READ_ONLY, of=one.incident_id)
    assert set(in_force(database)) == {Measure.READ_ONLY}


def test_what_is_in_force_is_answered_from_the_index_of_what_stands(sqlite_database):
    asked = str(containments._IN_FORCE.compile(sqlite_database.engine, compile_kwargs={"literal_binds": True}))
    with sqlite_database.read() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")]
    assert ["ix_containments_standing" in line for line in plan] == [True]
