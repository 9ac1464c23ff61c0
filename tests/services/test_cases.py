from datetime import timedelta

import pytest

from tests.simulator import NOW
from vault.errors import InvalidValue, NotFound
from vault.services import cases

AGENT, COLLEAGUE = "KF2001", "KF2002"


def ask(world, case_id, typed, who=AGENT):
    return cases.ask(world.parts, world.person(who), case_id, typed, world.now)


def test_asking_records_a_sealed_request_whether_it_exists_or_not(world):
    row = world.customer(owner=COLLEAGUE)
    for typed in (row["phone"], "13999999999"):
        case_id = world.look_up(AGENT, typed).case_id
        request_id = ask(world, case_id, typed)
        event = world.events("access.ask")[-1]
        assert (event["case"], event["facts"]) == (case_id.hex(), {"identifier": "phone", "request": request_id.hex()})
        assert event["records"] == []
    first, second = world.rows("SELECT case_id, identifier_kind, state FROM access_requests ORDER BY asked_at")
    assert first[1:] == second[1:] == ("phone", "asked")
    sealed = world.rows("SELECT length(sealed) FROM record_fields WHERE field = 'identifier'")
    assert sealed[0] == sealed[1]
    assert row["phone"] not in str(world.events())


def test_a_request_lives_seven_days_in_a_cohort_of_its_own_class_and_finds_nobody(world):
    case_id = world.look_up(AGENT, "13999999999").case_id
    ask(world, case_id, "13999999999")
    ((record_class, expires_at, end_on),) = world.rows(
        "SELECT records.record_class, expires_at, end_on FROM records JOIN cohorts USING (cohort_id)"
    )
    assert record_class == "request"
    assert timedelta(0) < timedelta(microseconds=expires_at - int(NOW.timestamp() * 1e6)) <= timedelta(days=8)
    assert str(end_on) == "2026-11-27"
    assert world.rows("SELECT count(*) FROM record_index") == [(0,)]
    assert world.look_up(AGENT, "13999999999").cards == ()


def test_asking_needs_ones_own_open_case_and_a_real_identifier(world):
    case_id = world.look_up(AGENT, "13999999999").case_id
    for who, case in ((COLLEAGUE, case_id), ("KF2014", case_id), (AGENT, b"\0" * 16)):
        with pytest.raises(NotFound):
            ask(world, case, "13999999999", who)
    with pytest.raises(InvalidValue):
        ask(world, case_id, "王小明")
    assert world.count("access_requests") == 0


def test_a_request_is_no_record_that_anybody_views_or_reveals(world):
    case_id = world.look_up(AGENT, "13999999999").case_id
    request_id = ask(world, case_id, "13999999999")
    with pytest.raises(NotFound):
        world.view(AGENT, case_id, request_id)
    with pytest.raises(NotFound):
        world.reveal(AGENT, case_id, request_id, "identifier")


def test_everybody_sees_only_their_own_cases_newest_first(world):
    made = []
    for minute in range(3):
        world.now = NOW + timedelta(minutes=minute)
        made.append(world.look_up(AGENT, "13999999999").case_id)
    ask(world, made[0], "13999999999")
    world.look_up(COLLEAGUE, "13999999999")
    opened, asked = cases.my_cases(world.parts, world.person(AGENT))
    assert [one.case_id for one in opened] == made[::-1]
    assert [one.case_id for one in asked] == [made[0]]
    assert cases.my_cases(world.parts, world.person("KF2003")) == ([], [])
