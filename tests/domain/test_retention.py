from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.retention import Keep, expires_at, is_restricted
from vault.errors import InvalidValue, PolicyError

SHANGHAI = ZoneInfo("Asia/Shanghai")
TWO_YEARS = Keep(years=2)
# Past the daylight saving of 1940-1991, so that a Shanghai day has 24 hours.
moments = st.datetimes(datetime(1992, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - zone given
keeps = st.builds(Keep, years=st.integers(1, 30)) | st.builds(Keep, days=st.integers(1, 4000))


def shanghai(*parts):
    return datetime(*parts, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("last", "keep", "due"),
    [
        (shanghai(2024, 11, 20, 10), TWO_YEARS, shanghai(2026, 11, 21)),
        (shanghai(2024, 11, 20, 0), TWO_YEARS, shanghai(2026, 11, 21)),
        (shanghai(2024, 11, 20, 23, 59, 59, 999999), TWO_YEARS, shanghai(2026, 11, 21)),
        (shanghai(2024, 11, 21, 0), TWO_YEARS, shanghai(2026, 11, 22)),
        (shanghai(2024, 12, 31, 12), Keep(years=1), shanghai(2026, 1, 1)),
        (shanghai(2024, 2, 29, 12), Keep(years=1), shanghai(2025, 3, 1)),
        (shanghai(2024, 2, 29, 12), Keep(years=4), shanghai(2028, 3, 1)),
        (shanghai(2024, 2, 28, 12), Keep(years=4), shanghai(2028, 2, 29)),
        (shanghai(2023, 2, 28, 12), Keep(years=1), shanghai(2024, 2, 29)),
        (shanghai(2096, 2, 29, 12), Keep(years=4), shanghai(2100, 3, 1)),
        (shanghai(2026, 11, 20, 9), Keep(days=7), shanghai(2026, 11, 28)),
        (shanghai(2024, 2, 25, 9), Keep(days=7), shanghai(2024, 3, 4)),
    ],
)
def test_a_record_is_kept_through_the_last_day_and_due_at_the_next_midnight(last, keep, due):
    assert expires_at(last, keep, SHANGHAI) == due


def test_the_day_is_the_day_of_the_company_and_the_answer_is_in_utc():
    due = expires_at(datetime(2024, 11, 19, 16, 0, tzinfo=UTC), TWO_YEARS, SHANGHAI)
    assert due == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert due.tzinfo is UTC
    before = datetime(2024, 11, 19, 15, 59, 59, 999999, tzinfo=UTC)
    assert expires_at(before, TWO_YEARS, SHANGHAI) == due - timedelta(days=1)


@given(moments, moments, keeps)
def test_later_activity_never_ends_earlier(one, other, keep):
    first, second = sorted((one, other))
    assert expires_at(first, keep, SHANGHAI) <= expires_at(second, keep, SHANGHAI)


@given(moments, st.integers(1, 30))
def test_nothing_ends_before_its_years_have_passed_nor_more_than_a_day_after(last, years):
    local = last.astimezone(SHANGHAI)
    leap_day_missing = (local.month, local.day) == (2, 29) and (local.year + years) % 4
    anniversary = (local.replace(day=28) if leap_day_missing else local).replace(year=local.year + years)
    due = expires_at(last, Keep(years=years), SHANGHAI)
    assert anniversary < due <= anniversary + timedelta(days=1)


@given(moments, st.integers(1, 4000))
def test_nothing_ends_before_its_days_have_passed_nor_more_than_a_day_after(last, days):
    due = expires_at(last, Keep(days=days), SHANGHAI)
    assert timedelta(days=days) < due - last <= timedelta(days=days + 1)


@given(moments, keeps)
def test_the_end_is_a_midnight_of_the_company(last, keep):
    due = expires_at(last, keep, SHANGHAI).astimezone(SHANGHAI)
    assert (due.hour, due.minute, due.second, due.microsecond) == (0, 0, 0, 0)


@pytest.mark.parametrize("keep", [TWO_YEARS, Keep(days=7)])
def test_a_time_too_far_in_the_future_is_refused(keep):
    with pytest.raises(InvalidValue) as caught:
        expires_at(datetime(9999, 12, 30, tzinfo=UTC), keep, SHANGHAI)
    assert caught.value.reason == "impossible_date"


def test_a_naive_time_is_refused():
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the defect under test
    with pytest.raises(InvalidValue) as caught:
        expires_at(naive, TWO_YEARS, SHANGHAI)
    assert caught.value.reason == "no_time_zone"


@pytest.mark.parametrize("period", [{}, {"years": 1, "days": 1}, {"years": -1}, {"days": 0}, {"years": 2, "days": -1}])
def test_a_period_is_either_years_or_days(period):
    with pytest.raises(PolicyError) as caught:
        Keep(**period)
    assert caught.value.reason == "bad_retention_period"


def test_the_last_day_can_be_asked_alone():
    assert Keep(years=1).last_day(date(2024, 2, 29)) == date(2025, 2, 28)


def test_a_record_is_restricted_from_its_end_on():
    due = expires_at(shanghai(2024, 11, 20, 10), TWO_YEARS, SHANGHAI)
    assert not is_restricted(due, due - timedelta(microseconds=1))
    assert is_restricted(due, due)
    assert is_restricted(due, due + timedelta(days=1))


def test_an_open_record_is_not_restricted():
    assert not is_restricted(None, datetime.max.replace(tzinfo=UTC))


# -- the calendar of other zones, and comparing periods ------------------------------------------------------------

BERLIN, CHATHAM, SAO_PAULO = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Chatham"), ZoneInfo("America/Sao_Paulo")
zones = st.sampled_from([SHANGHAI, BERLIN, CHATHAM, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")])


@pytest.mark.parametrize(
    ("last", "keep", "due"),
    [
        # The last hour of a day on either side of a change of the clock.
        (datetime(2024, 3, 30, 22, 59, 59, tzinfo=UTC), Keep(years=2), datetime(2026, 3, 30, 22, 0, tzinfo=UTC)),
        (datetime(2024, 3, 30, 23, 0, tzinfo=UTC), Keep(years=2), datetime(2026, 3, 31, 22, 0, tzinfo=UTC)),
        (datetime(2024, 10, 26, 22, 0, tzinfo=UTC), Keep(days=1), datetime(2024, 10, 28, 23, 0, tzinfo=UTC)),
        (datetime(2024, 10, 25, 22, 0, tzinfo=UTC), Keep(days=1), datetime(2024, 10, 27, 23, 0, tzinfo=UTC)),
        # A midnight in summer counted from a day in winter, and the other way round.
        (datetime(2025, 1, 15, 12, 0, tzinfo=UTC), Keep(days=180), datetime(2025, 7, 14, 22, 0, tzinfo=UTC)),
        (datetime(2025, 7, 14, 12, 0, tzinfo=UTC), Keep(days=180), datetime(2026, 1, 10, 23, 0, tzinfo=UTC)),
        (datetime(2024, 12, 31, 22, 59, 59, tzinfo=UTC), Keep(years=1), datetime(2025, 12, 31, 23, 0, tzinfo=UTC)),
        (datetime(2024, 12, 31, 23, 0, tzinfo=UTC), Keep(years=1), datetime(2026, 1, 1, 23, 0, tzinfo=UTC)),
    ],
)
def test_where_clocks_change_a_day_is_still_a_day(last, keep, due):
    assert expires_at(last, keep, BERLIN) == due


def test_a_midnight_that_the_clock_leaps_over_is_the_first_moment_after_it():
    last = datetime(2016, 10, 14, 12, 0, tzinfo=SAO_PAULO)  # midnight of the 16th was one o'clock
    due = expires_at(last, Keep(days=1), SAO_PAULO)
    assert due == datetime(2016, 10, 16, 3, 0, tzinfo=UTC)
    assert due.astimezone(SAO_PAULO).date() == date(2016, 10, 16)
    assert (due - timedelta(microseconds=1)).astimezone(SAO_PAULO).date() == date(2016, 10, 15)


@given(moments, keeps, zones)
def test_in_every_zone_the_whole_last_day_is_kept_and_not_a_moment_more(last, keep, zone):
    due = expires_at(last, keep, zone)
    assert (due - timedelta(microseconds=1)).astimezone(zone).date() == keep.last_day(last.astimezone(zone).date())
    assert due.astimezone(zone).date() == keep.last_day(last.astimezone(zone).date()) + timedelta(days=1)


@given(moments, keeps, zones)
def test_a_second_before_its_end_a_record_is_kept_and_a_second_after_it_is_not(last, keep, zone):
    due, second = expires_at(last, keep, zone), timedelta(seconds=1)
    assert not is_restricted(due, due - second)
    assert is_restricted(due, due + second)


@given(keeps, keeps, st.dates(date(1992, 1, 1), date(2100, 12, 31)))
def test_a_period_within_another_never_ends_after_it(one, other, start):
    if one.is_within(other):
        assert one.last_day(start) <= other.last_day(start)
    if one == other:
        assert one.is_within(other)


@pytest.mark.parametrize(
    ("one", "other", "is_within"),
    [
        (Keep(years=1), Keep(years=2), True),
        (Keep(years=2), Keep(years=1), False),
        (Keep(days=7), Keep(days=7), True),
        (Keep(days=8), Keep(days=7), False),
        (Keep(days=365), Keep(years=1), True),
        (Keep(days=366), Keep(years=1), False),
        (Keep(years=1), Keep(days=366), True),
        (Keep(years=1), Keep(days=365), False),
    ],
)
def test_years_and_days_are_compared_so_that_no_doubt_is_left(one, other, is_within):
    assert one.is_within(other) is is_within
