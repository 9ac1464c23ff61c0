"""Reminders of an incident's clocks: which mark is due now, computed from stored times (BR-01, EM-06)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.domain.breach.incident_clocks import Clock
from vault.domain.ids import Role
from vault.domain.notices import NoticeKind
from vault.domain.rules.incidents import ACTIVATE, ClockPolicy, IncidentPolicy

OPENED = 0
"""The mark of the plan's own clock as it begins: duty mailboxes hear of an incident at once."""

MISSED = 100
"""The mark of a clock that has run out; each repeat after it counts one more."""

LATE_AFTER = timedelta(minutes=5)
"""A reminder that comes so long after its time is told as late: nothing of the vault ran in between."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One reminder of a clock.

    Args:
        number: hundredths of the clock's length; beyond :data:`MISSED` one more for each repeat.
        at: when it was due, UTC.
    """

    number: int
    at: datetime

    def is_late(self, opened_at: datetime, at: datetime) -> bool:
        """Tell whether a reminder that is given now comes late.

        Args:
            opened_at: when the incident was opened; nobody could be reminded before.
            at: UTC.
        """
        return at - max(self.at, opened_at) > LATE_AFTER


def latest_mark(clock: Clock, policy: IncidentPolicy, at: datetime) -> Mark | None:
    """Return the latest mark that a clock has passed; those before it are not told any more.

    Args:
        clock: a clock that is not done or dropped.
        policy: hundredths and repeats.
        at: UTC, effective.

    Returns:
        The mark; None before the first. What is done exactly when the clock ends is in time, so that the mark of its
        end is passed a moment later, together with the clock being missed.
    """
    if at > clock.due_at:
        every = timedelta(minutes=policy.repeat_minutes)
        repeats = (at - clock.due_at) // every
        return Mark(MISSED + repeats, clock.due_at + repeats * every)
    length = clock.due_at - clock.started_at
    passed = [
        Mark(percent, moment)
        for percent in policy.remind_percent
        if percent < MISSED and (moment := clock.started_at + length * percent / MISSED) <= at
    ]
    if not passed and clock.clock_id == ACTIVATE and clock.started_at <= at:
        return Mark(OPENED, clock.started_at)
    return passed[-1] if passed else None


def roles_told(rule: ClockPolicy | None, policy: IncidentPolicy, mark: Mark) -> Sequence[Role]:
    """Return who is reminded: from the end of the clock on those above them too.

    Args:
        rule: of the clock; None where the policy in force has none of its name any more.
        policy: whom it tells of incidents at all.
        mark: the reminder.
    """
    if rule is None or mark.number == OPENED:
        return tuple(policy.told)
    return tuple(dict.fromkeys([*rule.told, *(rule.escalated if mark.number >= MISSED else ())]))


def notice_kind(mark: Mark, policy: IncidentPolicy) -> NoticeKind:
    """Return what a reminder says in the inbox."""
    if mark.number == OPENED:
        return NoticeKind.INCIDENT_OPENED
    if mark.number > MISSED:
        return NoticeKind.INCIDENT_CLOCK_OVERDUE
    if mark.number == MISSED:
        return NoticeKind.INCIDENT_CLOCK_MISSED
    last = max(percent for percent in policy.remind_percent if percent < MISSED)
    return NoticeKind.INCIDENT_CLOCK_CLOSE if mark.number == last else NoticeKind.INCIDENT_CLOCK_HALF
