"""Reminding of requests that wait: once, at half of their time, and asking who has come to decide since."""

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
    grant,
    mine,
    notices,
    refuse,
    see,
    targets,
)
from vault import jobs
from vault.domain.requests import RequestState
from vault.services import cases, deciding, requests_reminding

HALF = timedelta(hours=6)
NEW_OWNER = "KF2003"


@pytest.fixture(autouse=True)
def _at_work(world):
    at_work(world)


def remind(world, after):
    world.now += after
    return requests_reminding.tend(world.parts, world.now)


def test_a_request_is_reminded_of_once_when_half_of_its_time_is_over_to_the_second(world):
    row = world.customer(owner=OWNER)
    request = ask(world, row["phone"])
    assert remind(world, HALF - timedelta(seconds=1)) == 0
    assert notices(world, "access_waits") == []
    assert remind(world, timedelta(seconds=1)) == 1
    assert notices(world, "access_waits") == [OWNER, NJ_SUPERVISOR]
    assert remind(world, timedelta(minutes=10)) == 0
    assert notices(world, "access_waits") == [OWNER, NJ_SUPERVISOR]
    assert notices(world, "access_asked") == [OWNER, NJ_SUPERVISOR]
    assert mine(world, request).state is RequestState.ASKED


def test_the_opening_and_the_reminder_are_logged_and_hold_nothing_of_what_was_typed(world):
    row = world.customer(owner=OWNER)
    request = ask(world, row["phone"])
    remind(world, HALF)
    opened, done = world.events("access.reminded")
    assert (opened["outcome"], done["outcome"]) == ("granted", "done")
    assert [(one["id"], one["fields"]) for one in opened["records"]] == [(request.hex(), ["identifier"])]
    assert done["facts"] == {"request": request.hex(), "count": 2}
    assert {one["actor"] for one in (opened, done)} == {"system"}
    assert row["phone"] not in str((opened, done))


def test_who_has_come_to_own_the_customer_since_is_asked_too_and_decides(world):
    row = world.customer(owner=OWNER)
    request = ask(world, row["phone"])
    world.load_rows("customer", [row | {"owner": NEW_OWNER, "last_activity_at": "2026-11-20 09:00:00"}])
    assert targets(world, request) == {OWNER, NJ_SUPERVISOR}
    remind(world, HALF)
    assert NEW_OWNER in targets(world, request)
    assert OWNER not in notices(world, "access_waits")
    listed = deciding.waiting(world.parts, world.person(NEW_OWNER), world.now)
    assert [one.request.request_id for one in listed] == [request]
    assert len(see(world, NEW_OWNER, request).cards) == 1
    grant(world, NEW_OWNER, request)
    assert mine(world, request).state is RequestState.GRANTED


def test_a_supervisor_who_came_since_is_asked_for_a_number_that_nobody_has(world):
    world.tamper("UPDATE accounts SET state = 'suspended' WHERE work_number = :n", n=NJ_SUPERVISOR)
    request = ask(world, ABSENT)
    before = targets(world, request)
    assert NJ_SUPERVISOR not in before
    at_work(world)
    remind(world, HALF)
    assert targets(world, request) == before | {NJ_SUPERVISOR}
    assert notices(world, "access_waits") == [NJ_SUPERVISOR]
    assert XM_SUPERVISOR not in notices(world, "access_waits")


def test_what_is_decided_closed_or_over_is_not_reminded_of(world):
    case_id = world.look_up(AGENT, ABSENT).case_id
    refuse(world, NJ_SUPERVISOR, ask(world, ABSENT))
    ask(world, ABSENT, case=case_id)
    cases.close(world.parts, world.person(AGENT), case_id, "nothing_found", world.now)
    ask(world, ABSENT)
    assert remind(world, 2 * HALF) == 0
    assert notices(world, "access_waits") == []
    assert world.events("access.reminded") == []


def test_who_asks_sees_no_difference_and_is_not_reminded_themselves(world):
    known, absent = ask(world, world.customer(owner=OWNER)["phone"]), ask(world, ABSENT)
    before = [mine(world, one) for one in (known, absent)]
    assert remind(world, HALF) == 2
    assert [mine(world, one) for one in (known, absent)] == before
    assert AGENT not in notices(world, "access_waits")


def test_two_processes_that_remind_at_once_remind_once(world):
    ask(world, world.customer(owner=OWNER)["phone"])
    world.now += HALF
    assert at_once([lambda: requests_reminding.tend(world.parts, world.now)] * 4) == ["done"] * 4
    assert notices(world, "access_waits") == [OWNER, NJ_SUPERVISOR]
    assert len(world.events("access.reminded", "done")) == 1


def test_a_damaged_request_keeps_no_other_from_being_reminded_of(world):
    spoilt, fine = ask(world, ABSENT), ask(world, world.customer(owner=OWNER)["phone"])
    world.tamper("UPDATE records SET outlet = 'elsewhere' WHERE record_id = :id", id=spoilt)
    assert remind(world, HALF) == 2
    assert notices(world, "access_waits") == [OWNER, NJ_SUPERVISOR]
    assert [one["id"] for one in world.events("record.integrity_failure")[0]["records"]] == [spoilt.hex()]
    assert remind(world, timedelta(minutes=10)) == 0
    assert targets(world, spoilt)
    assert targets(world, fine) == {OWNER, NJ_SUPERVISOR}


def test_the_timetable_does_it(world):
    ask(world, ABSENT)
    world.now += HALF
    ran = {one.job: one.outcome for one in jobs.run_due(world.parts, world.now)}
    assert ran["asking"] == "done"
    assert notices(world, "access_waits") == [NJ_SUPERVISOR]
