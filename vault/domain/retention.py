"""Retention: until when a record is kept, and from when it is restricted (RD-01, RD-02, ID-02)."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from vault.domain.clocks import in_utc
from vault.errors import InvalidValue, PolicyError

_FIELD = "last_activity"
_FEBRUARY = 2
_LEAP_DAY = 29
_YEAR_DAYS = 365
_LEAP_YEAR_DAYS = 366


@dataclass(frozen=True, slots=True)
class Keep:
    """How long a class is kept: so many calendar years, or so many calendar days.

    Args:
        years: calendar years; give either this or ``days``.
        days: calendar days.

    Raises:
        PolicyError: ``bad_retention_period`` unless exactly one of them is given and positive.
    """

    years: int = 0
    days: int = 0

    def __post_init__(self) -> None:
        if min(self.years, self.days) != 0 or max(self.years, self.days) <= 0:
            raise PolicyError("bad_retention_period", years=self.years, days=self.days)

    def is_within(self, longest: Keep) -> bool:
        """Return whether this period never ends after another one that began on the same day.

        Years and days are compared by the days that so many years have at least and at most: in doubt the answer is no.
        """
        if bool(self.years) == bool(longest.years):
            return (self.years, self.days) <= (longest.years, longest.days)
        return self._most_days() <= longest._fewest_days()

    def _most_days(self) -> int:
        return self.days or self.years * _LEAP_YEAR_DAYS

    def _fewest_days(self) -> int:
        return self.days or self.years * _YEAR_DAYS

    def last_day(self, start: date) -> date:
        """Return the last calendar day on which something is kept.

        Args:
            start: the day of the last activity, in the company's zone.

        Returns:
            The same date so many years later (29 February becomes the 28th in a common year), or so many days later.

        Raises:
            OverflowError: when the day lies after the year 9999.
        """
        if self.days:
            return start + timedelta(days=self.days)
        year = start.year + self.years
        if year > date.max.year:
            raise OverflowError
        if (start.month, start.day) == (_FEBRUARY, _LEAP_DAY) and not isleap(year):
            return date(year, _FEBRUARY, _LEAP_DAY - 1)
        return start.replace(year=year)


def expires_at(last: datetime, keep: Keep, zone: ZoneInfo) -> datetime:
    """Return the instant from which a record is restricted and due for destruction.

    It is kept through the last day of its period and due at the next midnight of the company's zone, so never before
    the full period has passed, and at most a day after (calendar rule of the retention policy; RD-01, RD-02).

    Args:
        last: the last activity, aware.
        keep: the period of its class.
        zone: the company's time zone.

    Returns:
        A midnight of that zone, in UTC.

    Raises:
        InvalidValue: ``no_time_zone`` for a naive time, ``impossible_date`` for one too far in the future.
    """
    start = in_utc(last, _FIELD)
    try:
        day_after = keep.last_day(start.astimezone(zone).date()) + timedelta(days=1)
        return datetime.combine(day_after, time.min, tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise InvalidValue("impossible_date", field=_FIELD) from None


def is_restricted(expiry: datetime | None, now: datetime) -> bool:
    """Tell whether a record may no longer be found or revealed.

    Args:
        expiry: the instant of :func:`expires_at`, or None while the record is open and has no end yet.
        now: the present, aware.

    Returns:
        True from the expiry on, to the microsecond.
    """
    return expiry is not None and now >= expiry
