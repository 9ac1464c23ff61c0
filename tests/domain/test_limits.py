from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vault.domain.limits import Judgement, SignalKind, judge
from vault.storage.policy_files import load_policy

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
LIMITS = load_policy(Path(__file__).parents[2] / "policies").limits
SLOW = timedelta(seconds=LIMITS.slow_seconds)


def customer(number):
    return number.to_bytes(16)


def revealed(count, last=NOW - timedelta(hours=1)):
    return {customer(number): last for number in range(count)}


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (0, Judgement(1)),
        (23, Judgement(24)),
        (24, Judgement(25, SignalKind.WARNED)),
        (49, Judgement(50, SignalKind.WARNED)),
        (50, Judgement(51, SignalKind.ALARMED)),
        (80, Judgement(81, SignalKind.ALARMED)),
    ],
)
def test_the_25th_customer_warns_and_the_51st_raises_the_alarm(before, expected):
    assert judge(LIMITS, revealed(before), customer(999), [], NOW) == expected


@pytest.mark.parametrize("before", [24, 49, 50, 80])
def test_a_customer_who_was_revealed_before_costs_nothing(before):
    assert judge(LIMITS, revealed(before, NOW), customer(3), [], NOW) == Judgement(before)


def test_what_was_raised_is_not_raised_again():
    assert judge(LIMITS, revealed(30), customer(999), [SignalKind.WARNED], NOW) == Judgement(31)
    assert judge(LIMITS, revealed(30), customer(999), [SignalKind.ALARMED], NOW) == Judgement(31)
    assert judge(LIMITS, revealed(60), customer(999), [SignalKind.ALARMED], NOW) == Judgement(61)
    assert judge(LIMITS, revealed(60), customer(999), [SignalKind.WARNED], NOW).signal is SignalKind.ALARMED
    assert judge(LIMITS, revealed(30), customer(999), [SignalKind.MISSES], NOW).signal is SignalKind.WARNED


@pytest.mark.parametrize(("early", "refused"), [(1, True), (0, False), (-1, False)])
def test_after_the_alarm_one_further_customer_in_so_many_seconds(early, refused):
    last = NOW - SLOW + timedelta(seconds=early)
    assert judge(LIMITS, revealed(50, last), customer(999), [], NOW).refused is refused


def test_below_the_alarm_nobody_is_slowed():
    assert not judge(LIMITS, revealed(49, NOW), customer(999), [], NOW).refused


def test_a_clock_set_back_frees_nobody():
    later = NOW + timedelta(days=3)
    assert judge(LIMITS, revealed(50, later), customer(999), [], NOW).refused


@pytest.mark.parametrize(
    "changes",
    [
        {"warn_customers": 0},
        {"warn_customers": 51},
        {"alarm_customers": 25},
        {"alarm_customers": 52},
        {"window_hours": 0},
        {"slow_seconds": 0},
        {"slow_seconds": -1},
        {"misses_hour": 0},
        {"keep_days": 1},
        {"window_hours": 24 * 92},
    ],
)
def test_limits_that_cannot_stand_together_are_found(changes):
    assert list(LIMITS.findings()) == []
    assert [reason for reason, _ in replace(LIMITS, **changes).findings()]


def test_the_alarm_may_come_sooner_and_never_after_the_51st_customer():
    sooner = replace(LIMITS, warn_customers=10, alarm_customers=20)
    assert list(sooner.findings()) == []
    later = replace(LIMITS, alarm_customers=52)
    assert list(later.findings()) == [("alarm_too_high", f"{LIMITS.id}: 52")]
