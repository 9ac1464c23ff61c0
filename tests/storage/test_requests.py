from datetime import timedelta

import pytest
from sqlalchemy import insert

from tests.factories import NOW, account
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import new_id
from vault.domain.requests import RequestState
from vault.errors import StorageError
from vault.storage import cases, requests
from vault.storage.requests import NewRequest
from vault.storage.tables import access_requests
from vault.storage.unit_of_work import unit_of_work

LONG_AGO = NOW - timedelta(hours=12)


@pytest.fixture
def people(database):
    return [account(database, number) for number in ("KF1", "KF2", "KF3")]


def a_case(database, who):
    case = cases.Case(new_id(), "query", who, NOW, None, who)
    with unit_of_work(database) as work:
        cases.start(work.connection, case)
        work.commit()
    return case.case_id


def a_request(database, case_id, who, targets=(), minutes=0, sought=b"s" * 16):
    new = NewRequest(
        new_id(), case_id, who, IdentifierKind.PHONE, NOW + timedelta(minutes=minutes), sought, frozenset(targets)
    )
    with unit_of_work(database) as work:
        requests.add(work.connection, new)
        work.commit()
    return new.request_id


def changed(database, change, *args, **named):
    with unit_of_work(database) as work:
        result = change(work.connection, *args, **named)
        work.commit()
    return result


def test_a_request_is_read_with_the_purpose_and_holder_of_its_case(database, people):
    me, boss, other = people
    case_id = a_case(database, me)
    request_id = a_request(database, case_id, me, [boss])
    changed(database, cases.move, case_id, me, other)
    with database.read() as connection:
        found = requests.one(connection, request_id)
        assert requests.one(connection, new_id()) is None
        assert [one.request_id for one in requests.of_case_holder(connection, other, 5)] == [request_id]
        assert requests.of_case_holder(connection, me, 5) == []
    assert (found.purpose, found.asked_by, found.held_by, found.kind) == ("query", me, other, "phone")
    assert (found.state, found.leads_to, found.asked_at) == (RequestState.ASKED, None, NOW)


def test_requests_of_a_holder_come_newest_first(database, people):
    me = people[0]
    case_id = a_case(database, me)
    ids = [a_request(database, case_id, me, minutes=minutes) for minutes in (1, 3, 2)]
    with database.read() as connection:
        found = requests.of_case_holder(connection, me, 2)
    assert [one.request_id for one in found] == [ids[1], ids[2]]


def test_a_request_waits_for_its_targets_until_it_is_over(database, people):
    me, boss, other = people
    case_id = a_case(database, me)
    second, first = a_request(database, case_id, me, [boss], 1), a_request(database, case_id, me, [boss, me])
    with database.read() as connection:
        found = requests.waiting_for(connection, boss, LONG_AGO, 5)
        assert [one.request.request_id for one in found] == [first, second]
        assert (found[0].work_number, found[0].role) == ("KF1", "agent")
        assert requests.waiting_for(connection, me, LONG_AGO, 5) == []  # nobody waits for themselves
        assert requests.waiting_for(connection, other, LONG_AGO, 5) == []
        assert requests.for_target(connection, first, other) is None
        assert requests.for_target(connection, first, boss).request.request_id == first
        assert [one.request.request_id for one in requests.waiting_for(connection, boss, NOW, 5)] == [second]


def test_the_same_question_is_known_again_while_it_waits(database, people):
    me = people[0]
    case_id = a_case(database, me)
    request_id = a_request(database, case_id, me)
    with database.read() as connection:
        assert requests.open_one(connection, case_id, [b"t" * 16, b"s" * 16], LONG_AGO) == request_id
        assert requests.open_one(connection, case_id, [b"t" * 16], LONG_AGO) is None
        assert requests.open_one(connection, new_id(), [b"s" * 16], LONG_AGO) is None
        assert requests.open_one(connection, case_id, [b"s" * 16], NOW) is None
    assert changed(database, requests.decide, request_id, me, NOW, LONG_AGO, reason="no_need")
    with database.read() as connection:
        assert requests.open_one(connection, case_id, [b"s" * 16], LONG_AGO) is None


def test_a_request_is_decided_once_in_time_and_while_its_case_is_open(database, people):
    me, boss, _ = people
    case_id, record = a_case(database, me), new_id()
    request_id = a_request(database, case_id, me)
    assert not changed(database, requests.decide, request_id, boss, NOW, NOW)
    assert changed(database, requests.decide, request_id, boss, NOW, LONG_AGO, leads_to=record)
    assert not changed(database, requests.decide, request_id, boss, NOW, LONG_AGO, reason="no_need")
    with database.read() as connection:
        found = requests.one(connection, request_id)
    assert (found.state, found.leads_to) == (RequestState.GRANTED, record)
    late = a_request(database, case_id, me)
    changed(database, cases.close, case_id, me, NOW)
    assert not changed(database, requests.decide, late, boss, NOW, LONG_AGO)


def test_what_waits_ends_with_its_case_or_its_asker(database, people):
    me, boss, _ = people
    first, second = a_case(database, me), a_case(database, me)
    decided, waiting, other = (a_request(database, case_id, me) for case_id in (first, first, second))
    changed(database, requests.decide, decided, boss, NOW, LONG_AGO)
    assert changed(database, requests.end_with_case, first, NOW) == 1
    assert changed(database, requests.end_all_of, me, NOW) == 1
    with database.read() as connection:
        states = [requests.one(connection, one).state for one in (decided, waiting, other)]
    assert states == ["granted", "ended", "ended"]


def test_who_could_decide_are_supervisors_at_work_and_whoever_is_named(database, people):
    account(database, "KF8", role="supervisor", state="active", password="-")
    account(database, "KF9", role="supervisor", state="invited")
    with database.read() as connection:
        found = [one.work_number for one in requests.who_could_decide(connection, people[:2])]
        assert requests.work_number_of(connection, people[2]) == "KF3"
    assert found == ["KF1", "KF2", "KF8"]


def test_a_request_in_an_unknown_state_is_refused(database, people):
    row = {
        "request_id": new_id(),
        "case_id": a_case(database, people[0]),
        "asked_by": people[0],
        "identifier_kind": "phone",
        "asked_at": NOW,
        "state": "perhaps",
    }
    with pytest.raises(StorageError) as raised, unit_of_work(database) as work:
        work.connection.execute(insert(access_requests), [row])
    assert raised.value.facts == {"constraint": "ck_access_requests_state"}
