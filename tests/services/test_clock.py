"""A jump of the clock waits for an officer, who writes down the date; a clock set back moves nothing."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER
from tests.services.staff_at_work import in_use
from tests.simulator import NOW
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, StepUpNeeded
from vault.services import clock

YEARS = timedelta(days=730)


@pytest.fixture
def jumped(world):
    in_use(world, PROPOSER, APPROVER)
    clock.tend(world.parts, NOW)
    world.now = NOW + YEARS
    clock.tend(world.parts, world.now)
    return world


def confirm(world, work_number=APPROVER, today=None, person=None):
    person = person or world.person(work_number)
    clock.confirm(world.parts, person, today or world.now.astimezone(world.parts.policy.zone).date(), world.now)


def test_the_mark_goes_with_the_clock(world):
    assert clock.standing(world.parts) is None
    for minutes in (0, 1, 2):
        clock.tend(world.parts, NOW + timedelta(minutes=minutes))
        assert clock.standing(world.parts).seen_at == NOW + timedelta(minutes=minutes)
    assert clock.standing(world.parts).jumped_from is None


def test_a_clock_set_back_leaves_the_mark(world):
    clock.tend(world.parts, NOW)
    assert clock.tend(world.parts, NOW - timedelta(days=9)).seen_at == NOW
    assert clock.standing(world.parts).seen_at == NOW
    assert world.events("clock.jumped") == []


def test_a_jump_counts_from_one_microsecond_beyond_what_the_policy_allows(world):
    allowed = world.parts.policy.destruction.clock_jump()
    clock.tend(world.parts, NOW)
    assert clock.tend(world.parts, NOW + allowed).jumped_from is None
    later = NOW + 2 * allowed + timedelta(microseconds=1)
    assert clock.tend(world.parts, later).jumped_from == NOW + allowed
    (told,) = world.events("clock.jumped")
    assert (told["facts"], told["outcome"]) == ({"hours": 72}, "failed")


def test_a_jump_waits_however_the_clock_goes_on(jumped):
    for more in (timedelta(minutes=1), -YEARS, timedelta(days=40)):
        assert clock.tend(jumped.parts, jumped.now + more).jumped_from == NOW
    assert len(jumped.events("clock.jumped")) == 1


def test_an_officer_confirms_the_date_and_the_mark_becomes_that_moment(jumped):
    confirm(jumped)
    standing = clock.standing(jumped.parts)
    assert (standing.jumped_from, standing.seen_at, standing.confirmed_at) == (None, jumped.now, jumped.now)
    assert standing.confirmed_by == jumped.person(APPROVER).account_id
    (told,) = jumped.events("clock.confirmed")
    assert (told["actor"], told["outcome"]) == (APPROVER, "done")
    with pytest.raises(AlreadyDecided):
        confirm(jumped)


def test_after_a_clock_was_put_right_the_mark_goes_back_with_the_officers_word_only(jumped):
    jumped.now = NOW + timedelta(hours=1)
    clock.tend(jumped.parts, jumped.now)
    assert clock.standing(jumped.parts).seen_at == NOW + YEARS
    confirm(jumped)
    assert clock.standing(jumped.parts).seen_at == jumped.now
    assert clock.tend(jumped.parts, jumped.now + YEARS).jumped_from == jumped.now


@pytest.mark.parametrize("days", [-1, 1, -730])
def test_another_date_than_the_clocks_is_refused(jumped, days):
    with pytest.raises(InvalidValue) as raised:
        confirm(jumped, today=jumped.now.date() + timedelta(days=days))
    assert raised.value.reason == "date_differs"
    assert clock.standing(jumped.parts).jumped_from == NOW
    assert [one["rule"] for one in jumped.events("clock.confirmed", "refused")] == ["date_differs"]


def test_the_date_is_the_companys(jumped):
    jumped.now = jumped.now.replace(hour=16, minute=0, second=0, microsecond=0)
    with pytest.raises(InvalidValue):
        confirm(jumped, today=jumped.now.date())
    confirm(jumped, today=jumped.now.date() + timedelta(days=1))


def test_confirming_takes_the_right_and_a_fresh_proof(jumped):
    for work_number in ("KF2001", "ADMIN01"):
        with pytest.raises(AccessRefused):
            confirm(jumped, work_number)
    with pytest.raises(StepUpNeeded):
        confirm(jumped, person=replace(jumped.person(APPROVER), proved_at=jumped.now - timedelta(hours=5)))
    assert clock.standing(jumped.parts).jumped_from == NOW
    assert [one["rule"] for one in jumped.events("clock.confirmed", "refused")] == ["no_right", "no_right"]


def test_nothing_is_confirmed_where_nothing_jumped(world):
    in_use(world, APPROVER)
    with pytest.raises(AlreadyDecided):
        confirm(world)


def test_of_two_who_confirm_or_mark_at_once_one_counts(jumped):
    outcomes = []

    def work():
        try:
            confirm(jumped)
            outcomes.append("done")
        except AlreadyDecided:
            outcomes.append("late")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "late", "late", "late"]
    threads = [threading.Thread(target=clock.tend, args=(jumped.parts, jumped.now + YEARS)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jumped.events("clock.jumped")) == 2
