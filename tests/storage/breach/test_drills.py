"""Rows of drills and closing reports: written once, and found by what is still to be done."""

from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from tests.factories import NOW
from vault.domain.breach.drills import Line, Measure
from vault.domain.breach.incidents import IncidentState
from vault.domain.ids import new_id
from vault.errors import StorageError
from vault.storage.breach import drill_customers, drills, incident_reports
from vault.storage.breach.drill_customers import DrillCustomer
from vault.storage.breach.drills import Score
from vault.storage.breach.incident_reports import FixedReport
from vault.storage.tables import incidents
from vault.storage.unit_of_work import unit_of_work

LINES = (Line(Measure.ACTIVATE, 600, 7200), Line(Measure.LIST, None, 10800))


@pytest.fixture
def incident(database):
    """Make an incident; of a drill with so many customers."""

    def make(state="reported", customers=0, opened_at=NOW, **more):
        made = new_id()
        row = {"kind": "leak", "drill": customers > 0, "aware_source": "report", "opened_by": "KF1"} | more
        with unit_of_work(database) as work:
            times = dict.fromkeys(("aware_at", "aware_since", "opened_at"), opened_at)
            work.connection.execute(insert(incidents).values(incident_id=made, state=state, **times, **row))
            some = [DrillCustomer(new_id(), serial, b"sealed") for serial in range(1, customers + 1)]
            drill_customers.add(work.connection, made, some)
            work.commit()
        return made

    return make


def write(database, step, *given):
    with unit_of_work(database) as work:
        done = step(work.connection, *given)
        work.commit()
    return done


def read(database, question, *given):
    with database.read() as connection:
        return question(connection, *given)


def score(incident_id, *, passed=False):
    return Score(incident_id, date(2026, 11, 1), NOW, passed, LINES, new_id())


def test_a_score_is_written_once_and_comes_back_as_it_was(database, incident):
    drill = incident("closed", customers=2)
    assert read(database, drills.unscored) == [drill]
    first = score(drill)
    assert write(database, drills.record, first)
    assert not write(database, drills.record, score(drill, passed=True))
    assert read(database, drills.one, drill).score == first
    assert read(database, drills.unscored) == []


def test_only_an_incident_with_made_up_customers_is_a_drill(database, incident):
    real, test_of_a_signal, drill = incident("closed"), incident("closed", drill=True), incident(customers=1)
    assert [one.incident_id for one in read(database, drills.newest, 9)] == [drill]
    assert read(database, drills.one, real) is read(database, drills.one, test_of_a_signal) is None
    assert read(database, drills.unscored) == []


def test_the_newest_drill_comes_first_and_those_before_a_moment_are_left_out(database, incident):
    old, new = incident(customers=1, opened_at=NOW - timedelta(days=1)), incident(customers=1)
    assert [one.incident_id for one in read(database, drills.newest, 9)] == [new, old]
    assert [one.incident_id for one in read(database, drills.newest, 1)] == [new]
    assert [one.incident_id for one in read(database, drills.since, NOW)] == [new]


def test_nothing_is_listed_or_notified_before_there_is_a_list_or_a_notice(database, incident):
    drill = incident(customers=1)
    assert read(database, drills.listed_at, drill) is read(database, drills.notified_at, drill) is None
    assert read(database, drills.one, drill).state is IncidentState.REPORTED


def test_customers_of_a_drill_are_listed_page_by_page_and_found_in_their_own_drill_only(database, incident):
    drill, other = incident(customers=5), incident(customers=1)
    first = read(database, drill_customers.listed, drill, 0, 3)
    rest = read(database, drill_customers.listed, drill, first[-1].serial, 3)
    assert [one.serial for one in (*first, *rest)] == [1, 2, 3, 4, 5]
    ids = [one.record_id for one in first]
    assert set(read(database, drill_customers.by_ids, drill, ids)) == set(ids)
    assert read(database, drill_customers.by_ids, other, ids) == {}
    assert [read(database, drill_customers.count, one) for one in (drill, other, new_id())] == [5, 1, 0]


def test_a_serial_number_is_given_once(database, incident):
    drill = incident(customers=1)
    with pytest.raises(StorageError):
        write(database, drill_customers.add, drill, [DrillCustomer(new_id(), 1, b"sealed")])


def test_a_report_is_fixed_once_and_until_then_its_incident_is_found(database, incident):
    still_open, closed = incident(), incident("closed")
    assert read(database, incident_reports.unfixed) == [closed]
    first = FixedReport(closed, NOW, "0" * 64, new_id(), b"sealed")
    assert write(database, incident_reports.fix, first)
    assert not write(database, incident_reports.fix, FixedReport(closed, NOW, "1" * 64, new_id(), b"other"))
    assert read(database, incident_reports.one, closed) == first
    assert read(database, incident_reports.one, still_open) is None
    assert read(database, incident_reports.unfixed) == []
