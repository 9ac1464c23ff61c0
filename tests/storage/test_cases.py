from datetime import timedelta

import pytest
from sqlalchemy import insert

from tests.factories import NOW, account
from vault.domain.ids import new_id
from vault.errors import StorageError
from vault.storage import cases
from vault.storage.tables import access_requests, case_records
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


def a_request(case, minutes=0, **changes):
    row = {
        "request_id": new_id(),
        "case_id": case["case_id"],
        "asked_by": case["opened_by"],
        "identifier_kind": "phone",
        "asked_at": NOW + timedelta(minutes=minutes),
        "state": "asked",
    }
    return row | changes


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


def test_a_person_sees_what_they_asked_for_newest_first(database):
    mine, others = (a_case(account(database, number)) for number in ("KF1", "KF2"))
    first, second = a_request(mine, 1), a_request(mine, 2)
    add(database, cases_table, mine, others)
    add(database, access_requests, first, second, a_request(others))
    with database.read() as connection:
        found = cases.asked_by(connection, mine["opened_by"], limit=5)
    assert [one.request_id for one in found] == [second["request_id"], first["request_id"]]
    assert (found[0].case_id, found[0].identifier_kind, found[0].state) == (mine["case_id"], "phone", "asked")
    assert found[0].asked_at == second["asked_at"]


def test_a_request_in_an_unknown_state_is_refused(database):
    case = a_case(account(database))
    add(database, cases_table, case)
    with pytest.raises(StorageError) as raised:
        add(database, access_requests, a_request(case, state="perhaps"))
    assert raised.value.facts == {"constraint": "ck_access_requests_state"}
