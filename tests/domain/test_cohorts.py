from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.cohorts import Cohort, later_home, month_end
from vault.domain.ids import RecordClass, new_id
from vault.errors import StorageError

SHANGHAI = ZoneInfo("Asia/Shanghai")
MONTHS = [Cohort(new_id(), RecordClass.CUSTOMER, month_end(2027, month)) for month in range(1, 25)]
OTHERS = [Cohort(new_id(), RecordClass.SHIPMENT, month_end(2027, month)) for month in range(1, 25)]
LEAVING = MONTHS[0]
TODAY = date(2027, 2, 3)


def home(expires_at, review_on=None, leaving=LEAVING, today=TODAY):
    return later_home((*OTHERS, *reversed(MONTHS)), leaving, expires_at, review_on, today, SHANGHAI).end_on


def midnight(day):
    """The instant from which something is due whose last day is this one, in Shanghai."""
    return datetime(day.year, day.month, day.day, 16, tzinfo=UTC)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_a_record_moves_to_the_earliest_later_cohort_that_reaches_its_time(last_day, review_on):
    chosen = home(midnight(last_day), review_on)
    until = max(last_day, review_on or last_day)
    reaching = [one.end_on for one in MONTHS if one.end_on >= max(until, TODAY) and one.end_on > LEAVING.end_on]
    assert chosen == (min(reaching) if reaching else MONTHS[-1].end_on)
    assert chosen > LEAVING.end_on


@pytest.mark.parametrize(("second", "month"), [(-1, 5), (0, 5), (1, 6)])
def test_the_last_second_of_the_month_decides(second, month):
    assert home(midnight(date(2027, 5, 31)) + timedelta(seconds=second)) == month_end(2027, month)


def test_an_open_service_goes_to_the_newest_whatever_its_review():
    assert home(None, date(2027, 4, 1)) == MONTHS[-1].end_on


def test_what_is_past_its_time_goes_to_the_current_cohort():
    assert home(midnight(date(2025, 1, 1))) == month_end(2027, 2)


@pytest.mark.parametrize("leaving", [MONTHS[-1], Cohort(new_id(), RecordClass.ID_COPY, date(2027, 1, 1))])
def test_without_a_later_cohort_nothing_moves(leaving):
    with pytest.raises(StorageError) as refused:
        home(midnight(date(2027, 5, 1)), leaving=leaving)
    assert refused.value.reason == "no_open_cohort"


def test_a_clock_that_is_behind_moves_nothing_to_an_earlier_cohort():
    assert home(midnight(date(2027, 1, 5)), leaving=MONTHS[4], today=date(2027, 1, 1)) == MONTHS[5].end_on
