"""Drills: how they are measured, who their customers are, and which months had theirs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from vault.domain.breach.drills import (
    DOMAIN,
    Measure,
    MonthState,
    lines,
    made_up,
    month_before,
    month_of,
    months,
    passed,
)
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass
from vault.domain.phones import read_phone
from vault.domain.rules.drills import DrillPolicy

RULE = DrillPolicy("drill.monthly", "EM-09", 12, 15, 12, 7200, 10800, 86400)
AWARE = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
SECOND = timedelta(seconds=1)


def of(measure, at):
    return next(one for one in lines(RULE, AWARE, {measure: at}) if one.measure is measure)


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize(("late", "in_time"), [(-SECOND, True), (timedelta(), True), (SECOND, False)])
def test_what_is_done_exactly_when_its_time_ends_is_in_time(measure, late, in_time):
    target = timedelta(seconds=of(measure, AWARE).target)
    assert of(measure, AWARE + target + late).passed is in_time


def test_a_part_of_a_second_counts_as_a_whole_one():
    target = timedelta(seconds=RULE.activate_seconds)
    assert not of(Measure.ACTIVATE, AWARE + target + timedelta(microseconds=1)).passed


def test_what_was_not_done_has_no_time_and_is_not_passed():
    measured = lines(RULE, AWARE, {Measure.ACTIVATE: AWARE})
    assert [one.seconds for one in measured] == [0, None, None]
    assert not passed(measured)
    assert passed(lines(RULE, AWARE, dict.fromkeys(Measure, AWARE)))


def test_a_time_before_awareness_counts_as_at_once():
    assert of(Measure.LIST, AWARE - timedelta(hours=1)).seconds == 0


def test_a_customer_of_a_drill_has_fields_of_a_customer_and_cannot_be_anybody():
    one, other = made_up(1), made_up(500)
    assert set(one) <= set(FIELDS[RecordClass.CUSTOMER])
    assert all(one[field] != other[field] for field in one)
    assert one["email"].endswith(f"@{DOMAIN}")
    for field in ("phone", "other_contact"):
        assert not one[field].startswith("1")  # no mobile number, and no area code begins with three zeros
        assert read_phone(one[field]) is None
    assert "虚构" in one["recipient_address"]


@pytest.mark.parametrize(
    ("at", "first"),
    [
        (datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), date(2026, 10, 1)),
        (datetime(2026, 10, 31, 16, 0, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_a_month_begins_at_midnight_of_the_company(at, first):
    assert month_of(at, ZONE) == first


def test_the_month_before_january_is_december():
    assert month_before(date(2027, 1, 1)) == date(2026, 12, 1)


def told(held=(), begun=(), since=date(2026, 6, 1), now=date(2026, 11, 1), most=12):
    return {one.first.month: one.state for one in months(held, begun, since, now, most)}


def test_each_month_since_the_vault_is_there_is_held_or_missed():
    found = told(held=[date(2026, 9, 1)])
    assert found == {
        11: MonthState.WAITING, 10: MonthState.MISSED, 9: MonthState.HELD, 8: MonthState.MISSED, 7: MonthState.MISSED,
    }  # fmt: skip


def test_the_month_in_which_the_vault_was_set_up_is_not_missed_and_is_shown_if_one_was_held():
    assert 6 not in told()
    assert told(held=[date(2026, 6, 1)])[6] is MonthState.HELD
    assert told(since=date(2026, 11, 1)) == {11: MonthState.WAITING}


def test_a_drill_that_was_begun_fills_its_month_only_while_that_lasts():
    begun = [date(2026, 10, 1), date(2026, 11, 1)]
    assert told(begun=begun)[11] is MonthState.BEGUN
    assert told(begun=begun)[10] is MonthState.MISSED


def test_so_many_months_are_shown_and_no_more():
    assert len(told(since=date(2020, 1, 1), most=3)) == 3


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"customers": 0}, ["drill_size_impossible"]),
        ({"customers": 501}, ["drill_size_impossible"]),
        ({"remind_from_day": 0}, ["drill_day_impossible"]),
        ({"remind_from_day": 29}, ["drill_day_impossible"]),
        ({"activate_seconds": 7201}, ["drill_targets_impossible"]),
        ({"activate_seconds": 0}, ["limit_not_positive"]),
        ({"list_seconds": 7199}, ["drill_targets_impossible"]),
        ({"months_shown": 0}, ["limit_not_positive"]),
    ],
)
def test_a_drill_may_be_stricter_than_the_rule_and_never_laxer(changes, found):
    assert [reason for reason, _ in replace(RULE, **changes).findings()] == found
