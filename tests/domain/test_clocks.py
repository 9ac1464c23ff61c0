from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.clocks import Light, entry_lateness, in_utc, light
from vault.errors import InvalidValue

LIMIT = timedelta(minutes=30)
ENDED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone below
microsecond = timedelta(microseconds=1)


def test_an_entry_at_exactly_the_limit_is_in_time():
    assert entry_lateness(ENDED, ENDED + LIMIT, LIMIT) is None


def test_an_entry_a_microsecond_after_the_limit_is_late_by_a_microsecond():
    assert entry_lateness(ENDED, ENDED + LIMIT + microsecond, LIMIT) == microsecond


def test_an_entry_at_the_end_of_the_service_is_in_time():
    assert entry_lateness(ENDED, ENDED, LIMIT) is None


def test_an_entry_before_the_end_of_the_service_is_refused():
    with pytest.raises(InvalidValue) as caught:
        entry_lateness(ENDED, ENDED - microsecond, LIMIT)
    assert (caught.value.reason, caught.value.facts) == ("entered_before_end", {"field": "entered_at"})


@given(moments, st.timedeltas(timedelta(0), timedelta(days=400)), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_lateness_is_the_time_beyond_the_limit_and_nothing_else(ended, taken, limit):
    late = entry_lateness(ended, ended + taken, limit)
    assert (late is None) == (taken <= limit)
    assert late is None or late == taken - limit


def test_lateness_does_not_depend_on_the_zone_of_either_time():
    entered = (ENDED + timedelta(minutes=45)).astimezone(timezone(timedelta(hours=8)))
    assert entry_lateness(ENDED, entered, LIMIT) == timedelta(minutes=15)


def test_lateness_across_a_clock_change_counts_real_minutes():
    berlin = ZoneInfo("Europe/Berlin")
    ended = datetime(2026, 10, 25, 2, 50, tzinfo=berlin)
    entered = datetime(2026, 10, 25, 2, 55, tzinfo=berlin, fold=1)
    assert entry_lateness(ended, entered, LIMIT) == timedelta(minutes=35)


def test_a_naive_time_is_refused():
    naive = ENDED.replace(tzinfo=None)
    for times in ((naive, ENDED), (ENDED, naive)):
        with pytest.raises(InvalidValue) as caught:
            entry_lateness(*times, LIMIT)
        assert caught.value.reason == "no_time_zone"


def test_a_time_that_utc_cannot_write_is_refused():
    with pytest.raises(InvalidValue) as caught:
        in_utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8))), "entered_at")
    assert caught.value.reason == "impossible_date"


AMBER = timedelta(minutes=20)


@pytest.mark.parametrize(
    ("age", "stands"),
    [
        (timedelta(0), Light.GREEN),
        (-microsecond, Light.GREEN),
        (AMBER - microsecond, Light.GREEN),
        (AMBER, Light.AMBER),
        (LIMIT, Light.AMBER),
        (LIMIT + microsecond, Light.LATE),
        (timedelta(days=3), Light.LATE),
    ],
)
def test_a_case_turns_amber_at_its_minute_and_late_when_an_entry_would_be(age, stands):
    assert light(ENDED, ENDED + age, AMBER, LIMIT) is stands
    is_late = age > timedelta(0) and entry_lateness(ENDED, ENDED + age, LIMIT) is not None
    assert (stands is Light.LATE) == is_late
