"""Clocks of the service: how late an entry is, and the one way a moment enters a calculation (UTC, never naive)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from vault.errors import InvalidValue


class Light(StrEnum):
    """How an open case stands against the time there is to enter its service record (CE-02)."""

    GREEN = "green"
    AMBER = "amber"
    LATE = "late"


def light(opened_at: datetime, now: datetime, amber: timedelta, limit: timedelta) -> Light:
    """Tell how an open case stands.

    Args:
        opened_at: when it was opened, aware.
        now: the present, aware.
        amber: the age from which it is amber.
        limit: the age beyond which it is late; exactly the limit is in time, as for :func:`entry_lateness`.
    """
    age = in_utc(now, "now") - in_utc(opened_at, "opened_at")
    if age > limit:
        return Light.LATE
    return Light.AMBER if age >= amber else Light.GREEN


def in_utc(moment: datetime, field: str) -> datetime:
    """Return the same instant in UTC.

    Python subtracts and compares two times of one zone by their wall clocks, which is wrong across a clock change,
    and reads a naive time in the zone of the machine; in UTC neither can happen.

    Args:
        moment: an aware time in any zone.
        field: the field named in the refusal.

    Returns:
        The instant, in UTC.

    Raises:
        InvalidValue: ``no_time_zone`` for a naive time, ``impossible_date`` where UTC leaves the years 1 to 9999.
    """
    if moment.utcoffset() is None:
        raise InvalidValue("no_time_zone", field=field)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidValue("impossible_date", field=field) from None


def entry_lateness(service_ended_at: datetime, entered_at: datetime, limit: timedelta) -> timedelta | None:
    """Tell how late a record was entered after its service ended (CE-02).

    Args:
        service_ended_at: when the service ended, aware.
        entered_at: when it was entered, aware.
        limit: the time allowed between the two; exactly the limit is in time.

    Returns:
        The time beyond the limit, or None when the entry is in time.

    Raises:
        InvalidValue: ``entered_before_end``, field ``entered_at``; ``no_time_zone`` for a naive time.
    """
    taken = in_utc(entered_at, "entered_at") - in_utc(service_ended_at, "service_ended_at")
    if taken < timedelta(0):
        raise InvalidValue("entered_before_end", field="entered_at")
    return taken - limit if taken > limit else None
