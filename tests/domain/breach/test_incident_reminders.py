"""Which reminder of a clock is due: judged by stored times alone, to the microsecond."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.config import ROOT
from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incident_reminders import LATE_AFTER, MISSED, Mark, latest_mark, notice_kind, roles_told
from vault.domain.ids import Role
from vault.storage.policy_files import load_policy

AT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
POLICY = load_policy(ROOT / "policies").incidents
CLOCK = Clock("activate", AT, AT + timedelta(hours=2))
MICRO, SECOND, MINUTE, HOUR = timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def number(passed: timedelta, clock: Clock = CLOCK) -> int:
    mark = latest_mark(clock, POLICY, AT + passed)
    return 0 if mark is None else mark.number


@pytest.mark.parametrize(
    ("edge", "before", "after"),
    [(HOUR, 0, 50), (96 * MINUTE, 50, 80), (3 * HOUR, 100, 101), (26 * HOUR, 123, 124)],
)
def test_a_mark_is_due_exactly_at_its_time_and_not_before(edge: timedelta, before: int, after: int) -> None:
    for moment, expected in ((-SECOND, before), (-MICRO, before), (0 * SECOND, after), (SECOND, after)):
        assert number(edge + moment) == expected


def test_the_end_itself_is_in_time_and_the_mark_of_its_end_comes_a_moment_later() -> None:
    assert [number(2 * HOUR + moment) for moment in (-SECOND, 0 * SECOND, MICRO, SECOND)] == [80, 80, 100, 100]


def test_of_several_marks_that_were_slept_through_only_the_latest_is_due() -> None:
    assert number(1000 * HOUR) == MISSED + 998
    mark = latest_mark(CLOCK, POLICY, AT + 5 * HOUR + 7 * MINUTE)
    assert mark == Mark(103, AT + 5 * HOUR)


@given(st.timedeltas(timedelta(0), timedelta(days=60)), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_time_that_goes_on_never_lowers_the_mark_and_no_mark_comes_before_its_time(
    one: timedelta, other: timedelta
) -> None:
    assert number(min(one, other)) <= number(max(one, other))
    mark = latest_mark(CLOCK, POLICY, AT + one)
    assert mark is None or mark.at <= AT + one


def test_a_clock_whose_beginning_came_forward_is_judged_by_its_new_times() -> None:
    sooner = Clock("activate", AT - HOUR, AT + HOUR)
    assert (number(0 * HOUR), number(0 * HOUR, sooner)) == (0, 50)


def test_a_policy_with_other_marks_and_repeats_is_followed() -> None:
    policy = replace(POLICY, remind_percent=[25, 100], repeat_minutes=15)
    told = [latest_mark(CLOCK, policy, AT + passed) for passed in (29 * MINUTE, 30 * MINUTE, 2 * HOUR + 31 * MINUTE)]
    assert [one and one.number for one in told] == [0, 25, 102]
    assert notice_kind(Mark(25, AT), policy).value == "incident_clock_close"
    assert latest_mark(CLOCK, replace(policy, remind_percent=[100]), AT + HOUR) == Mark(0, AT)
    assert latest_mark(replace(CLOCK, clock_id="postal"), replace(policy, remind_percent=[100]), AT + HOUR) is None


def test_what_is_said_follows_the_mark() -> None:
    said = [notice_kind(Mark(one, AT), POLICY).value.removeprefix("incident_clock_") for one in (50, 80, 100, 101, 900)]
    assert said == ["half", "close", "missed", "overdue", "overdue"]


def test_from_the_end_on_those_above_are_told_too_each_role_once() -> None:
    rule = POLICY.clocks["activate"]
    assert roles_told(rule, POLICY, Mark(80, AT)) == (Role.IMD,)
    assert roles_told(rule, POLICY, Mark(100, AT)) == (Role.IMD, Role.SUPERVISOR, Role.ADMIN)
    twice = replace(rule, escalated=[Role.IMD, Role.SUPERVISOR])
    assert roles_told(twice, POLICY, Mark(104, AT)) == (Role.IMD, Role.SUPERVISOR)
    assert roles_told(None, POLICY, Mark(50, AT)) == tuple(POLICY.told)


def test_a_reminder_is_late_when_nothing_ran_at_its_time_and_not_because_the_incident_was_opened_late() -> None:
    mark = Mark(50, AT)
    assert not mark.is_late(AT - HOUR, AT + LATE_AFTER)
    assert mark.is_late(AT - HOUR, AT + LATE_AFTER + MICRO)
    assert not mark.is_late(AT + HOUR, AT + HOUR + MINUTE)
