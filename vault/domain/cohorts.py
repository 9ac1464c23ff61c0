"""Retention cohorts: which (class, end date) groups exist, which is current, and where a record belongs.

A cohort is one key per (class, end date). Its end date is a lower bound: no record in it is due later than
that day without being moved to a later cohort before the cohort closes (architecture, mechanism 1).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from vault.domain.ids import RecordClass
from vault.errors import StorageError


class CohortState(StrEnum):
    """The life of a cohort; only an open one seals."""

    OPEN = "open"
    CLOSING = "closing"
    EMPTY = "empty"
    DESTROYED = "destroyed"


class Waits(StrEnum):
    """Why a cohort whose last day has passed is not closed yet.

    ``earlier``: one of its class before it waits. ``due``: a record in it is past its time and not destroyed.
    ``unreadable``: a record in it cannot be moved. ``orphans``: keys without record, or records without key.
    ``log``: an event has no place in the log yet. ``backup``: no verified backup holds the last move out of it.
    ``busy``: another process is at it. ``clock``: the clock jumped, and no officer has confirmed the date.
    """

    EARLIER = "earlier"
    DUE = "due"
    UNREADABLE = "unreadable"
    ORPHANS = "orphans"
    LOG = "log"
    BACKUP = "backup"
    BUSY = "busy"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Cohort:
    """One cohort.

    Args:
        key_id: random id of its key, never reused.
        record_class: the class whose records it holds.
        end_on: last day of its span, in the company's time zone.
    """

    key_id: bytes
    record_class: RecordClass
    end_on: date


@dataclass(frozen=True, slots=True)
class CohortRule:
    """How far ahead cohorts of a class must exist.

    Args:
        months: month cohorts up to this many months after the current one; 0 for day cohorts.
        days: day cohorts up to this many days after today; 0 for month cohorts.
    """

    months: int = 0
    days: int = 0


def month_end(year: int, month: int) -> date:
    """Return the last day of a month; months beyond 12 run into later years."""
    year, index = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, index, monthrange(year, index)[1])


def wanted(rules: Mapping[RecordClass, CohortRule], today: date) -> list[tuple[RecordClass, date]]:
    """List every (class, end date) that must exist today.

    Args:
        rules: the horizon of each class.
        today: the date in the company's time zone.

    Returns:
        Pairs in a fixed order: by class as given, then by end date.
    """
    pairs: list[tuple[RecordClass, date]] = []
    for record_class, rule in rules.items():
        if rule.days:
            pairs += [(record_class, today + timedelta(days=ahead)) for ahead in range(rule.days + 1)]
        else:
            pairs += [(record_class, month_end(today.year, today.month + ahead)) for ahead in range(rule.months + 1)]
    return pairs


def home_of(
    cohorts: Iterable[Cohort], record_class: RecordClass, expires_at: datetime | None, today: date, zone: ZoneInfo
) -> Cohort:
    """Choose the cohort in which a record is sealed.

    Args:
        cohorts: the open cohorts.
        record_class: the record's class.
        expires_at: the record's expiry (UTC); None for an open service record, which goes to the newest cohort.
        today: the date in the company's time zone.
        zone: the company's time zone.

    Returns:
        The earliest cohort that ends on or after the day of expiry; a record already due goes to the current
        cohort, the earliest whose end date has not passed.

    Raises:
        StorageError: no cohort reaches that far; the timetable has not made them ahead.
    """
    mine = sorted(
        (c for c in cohorts if c.record_class is record_class and c.end_on >= today), key=lambda cohort: cohort.end_on
    )
    if not mine:
        raise StorageError("no_open_cohort", record_class=record_class.value)
    if expires_at is None:
        return mine[-1]
    last_day = _last_day(expires_at, zone)
    for cohort in mine:
        if cohort.end_on >= last_day:
            return cohort
    raise StorageError("cohort_horizon_too_short", record_class=record_class.value)


def later_home(
    cohorts: Iterable[Cohort],
    leaving: Cohort,
    expires_at: datetime | None,
    review_on: date | None,
    today: date,
    zone: ZoneInfo,
) -> Cohort:
    """Choose the cohort to which a record moves when its own is about to close; always a later one.

    Args:
        cohorts: the open cohorts.
        leaving: the cohort about to close.
        expires_at: the record's expiry (UTC); None for an open service record, which goes to the newest cohort.
        review_on: until when a hold keeps it, if one does.
        today: the date in the company's time zone.
        zone: the company's time zone.

    Returns:
        The earliest cohort that ends on or after the last day of keeping and the review; the newest where none does.
        What is past its time and stays without a review goes to the current cohort.

    Raises:
        StorageError: there is no later cohort; the timetable has not made one.
    """
    earliest = max(today, leaving.end_on + timedelta(days=1))
    mine = sorted(
        (c for c in cohorts if c.record_class is leaving.record_class and c.end_on >= earliest),
        key=lambda cohort: cohort.end_on,
    )
    if not mine:
        raise StorageError("no_open_cohort", record_class=leaving.record_class.value)
    if expires_at is None:
        return mine[-1]
    until = max(_last_day(expires_at, zone), review_on or date.min)
    return next((cohort for cohort in mine if cohort.end_on >= until), mine[-1])


def _last_day(expires_at: datetime, zone: ZoneInfo) -> date:
    # Expiry is the midnight after the last day of keeping: that last day decides the month.
    return (expires_at - timedelta(microseconds=1)).astimezone(zone).date()
