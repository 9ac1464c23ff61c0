"""Clocks of the service: how late an entry is, and the one way a moment enters a calculation (UTC, never naive)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vault.errors import InvalidValue


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
