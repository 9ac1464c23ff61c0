from datetime import timedelta

from sqlalchemy import insert

from tests.factories import NOW, account
from vault.domain.ids import new_id
from vault.storage import cases
from vault.storage.tables import case_records
from vault.storage.tables import cases as cases_table
from vault.storage.unit_of_work import unit_of_work


def add(database, table, *rows):
    with unit_of_work(database) as work:
        work.connection.execute(insert(table), list(rows))
        work.commit()


def a_case(opener, minutes=0):
    at = NOW + timedelta(minutes=minutes)
    return {
        "case_id": new_id(),
        "purpose": "query",
        "opened_by": opener,
        "opened_at": at,
        "closed_at": None,
        "held_by": opener,
    }


def test_a_case_is_read_as_it_was_opened(database):
    row = a_case(account(database))
    add(database, cases_table, row)
    with database.read() as connection:
        assert cases.case(connection, row["case_id"]) == cases.Case(**row)
        assert cases.case(connection, new_id()) is None


def test_a_case_knows_its_records_and_no_others(database):
    first, second = (a_case(account(database, number)) for number in ("KF1", "KF2"))
    mine, shared = new_id(), new_id()
    add(database, cases_table, first, second)
    add(
        database,
        case_records,
        *[
            {"case_id": case["case_id"], "record_id": one}
            for case, one in ((first, mine), (first, shared), (second, shared))
        ],
    )
    with database.read() as connection:
        assert cases.records_of(connection, first["case_id"]) == {mine, shared}
        assert cases.records_of(connection, second["case_id"]) == {shared}
        assert cases.records_of(connection, new_id()) == frozenset()


def test_a_person_sees_their_own_cases_newest_first(database):
    me, other = account(database, "KF1"), account(database, "KF2")
    rows = [a_case(me, minutes) for minutes in (1, 3, 2)]
    add(database, cases_table, *rows, a_case(other))
    with database.read() as connection:
        found = cases.held_by(connection, me, limit=2)
    assert [one.case_id for one in found] == [rows[1]["case_id"], rows[2]["case_id"]]


def test_an_open_case_is_kept_and_a_closed_one_is_not_there(database):
    row = a_case(account(database))
    add(database, cases_table, row)
    with unit_of_work(database) as work:
        assert cases.locked_open(work.connection, row["case_id"]) == cases.Case(**row)
        assert cases.locked_open(work.connection, new_id()) is None
        assert cases.close(work.connection, row["case_id"], row["held_by"], NOW)
        assert cases.locked_open(work.connection, row["case_id"]) is None


def test_a_case_is_started_and_bound_to_each_record_once(database):
    row, record = a_case(account(database)), new_id()
    with unit_of_work(database) as work:
        cases.start(work.connection, cases.Case(**row))
        cases.bind(work.connection, row["case_id"], [record])
        cases.bind(work.connection, row["case_id"], [record, new_id()])
        work.commit()
    with database.read() as connection:
        assert cases.case(connection, row["case_id"]) == cases.Case(**row)
        found = cases.records_of(connection, row["case_id"])
    assert record in found
    assert len(found) == 2
