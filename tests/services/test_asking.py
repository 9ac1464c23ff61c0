"""Asking for access: the same for what exists and what does not, once, to those who may decide."""

import statistics
import time
from datetime import timedelta

import pytest

from tests.colleagues import (
    ABSENT,
    AGENT,
    NJ_SUPERVISOR,
    OWNER,
    XM_SUPERVISOR,
    ask,
    at_once,
    at_work,
    mine,
    notices,
    targets,
)
from tests.flows.test_look_up_walk import counted
from tests.simulator import NOW, customer_row, shipment_row
from vault.domain.requests import RequestState
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services import asking, cases
from vault.services.steps.beat import ABSENT_BEAT_SECONDS


@pytest.fixture(autouse=True)
def _at_work(request):
    for name in ("world", "sqlite_world"):
        if name in request.fixturenames:
            at_work(request.getfixturevalue(name))


def test_asking_records_a_sealed_request_whether_it_exists_or_not(world):
    row = world.customer(owner=OWNER)
    for typed in (row["phone"], ABSENT):
        case_id = world.look_up(AGENT, typed).case_id
        request_id = ask(world, typed, case=case_id)
        event = world.events("access.ask")[-1]
        assert (event["case"], event["facts"]) == (case_id.hex(), {"identifier": "phone", "request": request_id.hex()})
        assert (event["records"], event["outcome"]) == ([], "done")
    first, second = world.rows("SELECT case_id, identifier_kind, state FROM access_requests ORDER BY asked_at")
    assert first[1:] == second[1:] == ("phone", "asked")
    sealed = world.rows("SELECT length(sealed) FROM record_fields WHERE field = 'identifier'")
    assert sealed[0] == sealed[1]
    assert row["phone"] not in str(world.events())


def test_a_request_lives_seven_days_in_a_cohort_of_its_own_class_and_finds_nobody(world):
    ask(world, ABSENT)
    ((record_class, expires_at, end_on),) = world.rows(
        "SELECT records.record_class, expires_at, end_on FROM records JOIN cohorts USING (cohort_id)"
    )
    assert record_class == "request"
    assert timedelta(0) < timedelta(microseconds=expires_at - int(NOW.timestamp() * 1e6)) <= timedelta(days=8)
    assert str(end_on) == "2026-11-27"
    assert world.rows("SELECT count(*) FROM record_index") == [(0,)]
    assert world.look_up(AGENT, ABSENT).cards == ()


def test_asking_needs_ones_own_open_case_and_a_real_identifier(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    for who, case in ((OWNER, case_id), ("KF2014", case_id), (AGENT, b"\0" * 16)):
        with pytest.raises(NotFound):
            ask(world, ABSENT, who, case=case)
    with pytest.raises(InvalidValue):
        ask(world, "王小明", case=case_id)
    cases.close(world.parts, world.person(AGENT), case_id, "nothing_found", world.now)
    with pytest.raises(NotFound):
        ask(world, ABSENT, case=case_id)
    assert world.count("access_requests") == 0


def test_who_may_not_ask_is_refused_and_that_is_logged(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    world.tamper("UPDATE accounts SET role = 'auditor' WHERE work_number = :n", n=AGENT)
    with pytest.raises(AccessRefused):
        ask(world, ABSENT, case=case_id)
    assert world.events("access.ask", "refused")[-1]["rule"] == "no_right"
    assert world.count("access_requests") == 0


def test_a_request_is_no_record_that_anybody_views_or_reveals(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    request_id = ask(world, ABSENT, case=case_id)
    with pytest.raises(NotFound):
        world.view(AGENT, case_id, request_id)
    with pytest.raises(NotFound):
        world.reveal(AGENT, case_id, request_id, "identifier")


# -- whom it goes to ---------------------------------------------------------------------------------------------


def test_it_goes_to_the_owner_and_the_supervisors_of_the_owners_team(world):
    world.customers(row := customer_row(owner="KF2005"))  # of team T2, whose supervisor works elsewhere
    request_id = ask(world, row["phone"])
    assert targets(world, request_id) == {"KF2005", XM_SUPERVISOR}
    assert notices(world, "access_asked") == ["KF2005", XM_SUPERVISOR]


def test_it_goes_to_the_supervisors_of_the_outlet_where_the_team_has_none(world):
    row = world.customer(owner="KF2004")  # T3 in XM-SM-01
    assert targets(world, ask(world, row["phone"])) == {"KF2004", XM_SUPERVISOR}


def test_it_goes_to_every_supervisor_where_the_outlet_has_none_either(world):
    world.tamper("UPDATE accounts SET team = 'T9' WHERE work_number = 'KF2006'")
    row = world.customer(owner="KF2006")
    assert targets(world, ask(world, row["phone"])) == {"KF2006", NJ_SUPERVISOR, XM_SUPERVISOR}


@pytest.mark.parametrize("exists", [True, False])
def test_for_a_pool_customer_and_for_nobody_it_goes_to_the_askers_supervisors(world, exists):
    typed = world.customer()["phone"] if exists else ABSENT
    assert targets(world, ask(world, typed, "KF2008", "complaint")) == {NJ_SUPERVISOR}


def test_a_waybill_goes_to_the_owners_of_both_parties(world):
    parties = [customer_row(owner=OWNER), customer_row(owner="KF2005")]
    world.customers(*parties)
    world.shipments(row := shipment_row(*parties))
    assert targets(world, ask(world, row["waybill"])) == {OWNER, "KF2005", NJ_SUPERVISOR, XM_SUPERVISOR}


def test_it_never_goes_to_the_asker_nor_to_another_account_of_the_same_human(world):
    world.staff(
        {"work_number": "KF9001", "name": "窦 然可", "role": "supervisor", "outlet": "NJ-GL-01", "team": "T1"},
        {"work_number": "KF9002", "name": "甲乙", "role": "supervisor", "outlet": "NJ-GL-01", "team": "T1"},
    )
    at_work(world, "KF9001", "KF9002")
    row = world.customer(owner=OWNER)
    assert targets(world, ask(world, row["phone"])) == {OWNER, NJ_SUPERVISOR, "KF9002"}
    of_theirs = world.customer(owner=AGENT)
    # A supervisor who asks is not among the supervisors of the team.
    assert targets(world, ask(world, of_theirs["phone"], "KF9001")) == {NJ_SUPERVISOR, "KF9002"}


@pytest.mark.parametrize("state", ["invited", "locked", "suspended", "left"])
def test_it_goes_to_nobody_who_is_not_at_work(world, state):
    row = world.customer(owner=OWNER)
    world.tamper("UPDATE accounts SET state = :s WHERE work_number IN ('KF2002', 'KF2009')", s=state)
    assert targets(world, ask(world, row["phone"])) == {XM_SUPERVISOR}


def test_a_program_is_never_asked(world):
    row = world.customer(owner=OWNER)
    world.tamper("UPDATE accounts SET kind = 'service' WHERE work_number = 'KF2002'")
    assert targets(world, ask(world, row["phone"])) == {NJ_SUPERVISOR}


# -- not yours is not there --------------------------------------------------------------------------------------


def plain(event):
    return {key: value for key, value in event.items() if key not in ("id", "at", "case", "session", "facts")}


def test_asking_for_a_colleagues_customer_looks_like_asking_for_nobody_to_the_statement(world):
    row = world.customer(owner=OWNER)
    ask(world, row["phone"])  # warm: what is cached is cached for both
    found, none = (world.look_up(AGENT, typed).case_id for typed in (row["phone"], ABSENT))
    with counted(world) as for_refused:
        refused = ask(world, row["phone"], case=found)
    with counted(world) as for_absent:
        absent = ask(world, ABSENT, case=none)
    assert for_refused == for_absent
    first, second = world.events("access.ask")[-2:]
    assert plain(first) == plain(second)
    stands = [mine(world, one) for one in (refused, absent)]
    assert {(one.state, one.kind, one.record_id, one.until) for one in stands} == {
        (RequestState.ASKED, "phone", None, None)
    }


def test_asking_for_a_colleagues_shipment_looks_like_asking_for_none_to_the_statement(world):
    parties = [customer_row(owner=OWNER), customer_row(owner=OWNER)]
    world.customers(*parties)
    world.shipments(row := shipment_row(*parties))
    ask(world, row["waybill"])
    found, none = (world.look_up(AGENT, typed).case_id for typed in (row["waybill"], "YT9999999999999"))
    with counted(world) as for_refused:
        ask(world, row["waybill"], case=found)
    with counted(world) as for_absent:
        ask(world, "YT9999999999999", case=none)
    assert for_refused == for_absent


def test_how_long_asking_takes_does_not_tell_a_colleagues_customer_from_nobody(sqlite_world):
    row = sqlite_world.customer(owner=OWNER)

    def took(typed):
        case_id = sqlite_world.look_up(AGENT, typed).case_id
        began = time.perf_counter()
        ask(sqlite_world, typed, case=case_id)
        return time.perf_counter() - began

    took(row["phone"])
    refused, absent = zip(*[(took(row["phone"]), took(ABSENT)) for _ in range(6)], strict=True)
    assert min(refused + absent) >= ABSENT_BEAT_SECONDS
    off_the_beat = [taken % ABSENT_BEAT_SECONDS for taken in refused + absent]
    assert statistics.median(off_the_beat) < ABSENT_BEAT_SECONDS / 2


# -- asked once --------------------------------------------------------------------------------------------------


def test_asking_the_same_again_in_the_same_case_is_the_same_request(world):
    row = world.customer(owner=OWNER)
    case_id = world.look_up(AGENT, row["phone"]).case_id
    first = ask(world, row["phone"], case=case_id)
    spelled = f"+86 {row['phone'][:3]} {row['phone'][3:]}"
    assert ask(world, spelled, case=case_id) == first
    assert notices(world, "access_asked") == [OWNER, NJ_SUPERVISOR]
    assert ask(world, ABSENT, case=case_id) != first
    assert ask(world, row["phone"]) != first  # another case


def test_five_who_ask_the_same_at_once_make_one_request(world):
    row = world.customer(owner=OWNER)
    case_id = world.look_up(AGENT, row["phone"]).case_id
    assert at_once([lambda: ask(world, row["phone"], case=case_id)] * 5) == ["done"] * 5
    assert world.count("access_requests") == 1
    assert len(notices(world, "access_asked")) == 2


def test_what_was_refused_or_not_answered_in_time_can_be_asked_again(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    first = ask(world, ABSENT, case=case_id)
    world.now = NOW + timedelta(hours=12, microseconds=-1)
    assert ask(world, ABSENT, case=case_id) == first
    world.now = NOW + timedelta(hours=12)
    assert mine(world, first).state is RequestState.ENDED
    assert ask(world, ABSENT, case=case_id) != first


# -- how it stands -----------------------------------------------------------------------------------------------


def test_only_who_holds_the_case_learns_how_a_request_stands(world):
    request_id = ask(world, ABSENT)
    assert mine(world, request_id).answer_by == NOW + timedelta(hours=12)
    for who in (OWNER, NJ_SUPERVISOR, "KF2003"):
        with pytest.raises(NotFound):
            mine(world, request_id, who)
    with pytest.raises(NotFound):
        mine(world, b"\0" * 16)


def test_closing_the_case_ends_its_open_requests(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    request_id = ask(world, ABSENT, case=case_id)
    cases.close(world.parts, world.person(AGENT), case_id, "nothing_found", world.now)
    assert mine(world, request_id).state is RequestState.ENDED
    assert world.rows("SELECT state FROM access_requests") == [("ended",)]


def test_a_record_edited_behind_the_vaults_back_is_asked_for_like_any_other_and_logged(world):
    row = world.customer(owner=OWNER)
    case_id = world.look_up(AGENT, ABSENT).case_id
    world.tamper("UPDATE records SET outlet = 'elsewhere'")
    request_id = ask(world, row["phone"], case=case_id)
    assert mine(world, request_id).state is RequestState.ASKED
    assert targets(world, request_id) == {OWNER, NJ_SUPERVISOR}
    assert len(world.events("record.integrity_failure")) == 1


def test_an_id_of_another_kind_is_no_request(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    with pytest.raises(NotFound):
        asking.mine(world.parts, world.person(AGENT), case_id, world.now)
