"""Emergency drills: made-up customers, what a drill is scored by, and whether a month has had its own (EM-09)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from vault.domain.rules.drills import DrillPolicy

DOMAIN: Final = "example.invalid"
"""No mail can ever be delivered there (RFC 2606 section 2)."""


class Measure(StrEnum):
    """What a drill is measured by, each from the moment somebody became aware."""

    ACTIVATE = "activate"
    LIST = "list"
    NOTIFY = "notify"


class MonthState(StrEnum):
    """Whether a month has had its drill.

    ``held``: one was rehearsed whole and scored, in time or not. ``begun``: one is under way. ``waiting``: the month is
    not over. ``missed``: it is.
    """

    HELD = "held"
    BEGUN = "begun"
    WAITING = "waiting"
    MISSED = "missed"


class GuideStep(StrEnum):
    """What a drill leads through, in this order; each is done on the page of a real incident."""

    ACTIVATE = "activate"
    ASSESS = "assess"
    LIST = "list"
    CONTAIN = "contain"
    REPAIR = "repair"
    NOTIFY = "notify"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Line:
    """One measure of a drill.

    Args:
        measure: what was measured.
        seconds: how long it took; None when it was not done.
        target: how long it may take, seconds; exactly so long is in time.
    """

    measure: Measure
    seconds: int | None
    target: int

    @property
    def passed(self) -> bool:
        """Whether it was done in time."""
        return self.seconds is not None and self.seconds <= self.target


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the company's calendar and its drill.

    Args:
        first: its first day.
        state: whether it has had its drill.
    """

    first: date
    state: MonthState


def made_up(serial: int) -> dict[str, str]:
    """Return the fields of a customer who does not exist: nothing of it can be dialled, mailed or posted to.

    Args:
        serial: from 1 within its drill.

    Returns:
        Text by field of class ``customer``.
    """
    place = f"演练省演练市虚构区不存在路{serial}号"
    return {
        "name": f"演练客户{serial:03d}",
        "phone": f"000{serial:08d}",
        "other_contact": f"000{serial + 50_000_000:08d}",
        "email": f"drill-{serial:03d}@{DOMAIN}",
        "sender_address": place,
        "recipient_address": place,
    }


def lines(rule: DrillPolicy, aware_at: datetime, done: Mapping[Measure, datetime]) -> tuple[Line, ...]:
    """Measure a drill.

    Args:
        rule: the rule in force.
        aware_at: when somebody became aware, UTC.
        done: when what was done; what is left out was not. A time before awareness counts as at once.
    """
    targets = {
        Measure.ACTIVATE: rule.activate_seconds,
        Measure.LIST: rule.list_seconds,
        Measure.NOTIFY: rule.notify_seconds,
    }
    return tuple(Line(one, _seconds(aware_at, done.get(one)), target) for one, target in targets.items())


def passed(measured: Iterable[Line]) -> bool:
    """Return whether everything was done in time."""
    return all(one.passed for one in measured)


def rehearsed(measured: Iterable[Line]) -> bool:
    """Return whether everything was done, in time or not: what was called off at once was no drill."""
    return all(one.seconds is not None for one in measured)


def _seconds(aware_at: datetime, at: datetime | None) -> int | None:
    """Return the span in whole seconds, rounded up: what began is counted."""
    return None if at is None else max(0, -((aware_at - at) // timedelta(seconds=1)))


def month_of(at: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the company's month that a moment lies in."""
    return at.astimezone(zone).date().replace(day=1)


def month_before(first: date) -> date:
    """Return the first day of the month before one."""
    return first.replace(year=first.year - 1, month=12) if first.month == 1 else first.replace(month=first.month - 1)


def months(held: Iterable[date], begun: Iterable[date], since: date, now: date, most: int) -> Sequence[Month]:
    """Tell of each month whether it has had its drill, the present one first.

    The month in which the vault was set up is asked for no drill, as it was not there from its beginning; one that was
    held there is shown.

    Args:
        held: months in which a drill was held that was scored.
        begun: months in which one was begun.
        since: the month in which the vault was set up.
        now: the present month.
        most: how many at the most.
    """
    of_held, of_begun, one = set(held), set(begun), now
    told: list[Month] = []
    while len(told) < most and one >= since:
        if one in of_held:
            told.append(Month(one, MonthState.HELD))
        elif one in of_begun and one == now:
            told.append(Month(one, MonthState.BEGUN))
        elif one == now:
            told.append(Month(one, MonthState.WAITING))
        elif one > since:
            told.append(Month(one, MonthState.MISSED))
        one = month_before(one)
    return told
