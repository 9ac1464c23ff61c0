"""The clock: marked every minute, and confirmed by an officer after it jumped, before anything is destroyed."""

from __future__ import annotations

from datetime import date, datetime

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue
from vault.services.steps.admission import require_fresh
from vault.services.steps.clock_marking import mark
from vault.services.steps.parts import Parts
from vault.storage import clock_marks
from vault.storage.clock_marks import ClockMark
from vault.storage.unit_of_work import unit_of_work


def tend(parts: Parts, now: datetime) -> ClockMark:
    """Mark the clock; the timetable does it every minute."""
    return mark(parts, now)


def standing(parts: Parts) -> ClockMark | None:
    """Return the mark: with ``jumped_from``, nothing approved is carried out. None in a vault that never marked it."""
    with parts.database.read() as connection:
        return clock_marks.read(connection)


def confirm(parts: Parts, person: Person, today: date, now: datetime) -> None:
    """Confirm the date after the clock has jumped; what is approved may be carried out again.

    The officer writes down today's date instead of nodding at the one they are shown.

    Args:
        parts: the vault's parts.
        person: an officer who may destroy, with password and second factor given a moment ago.
        today: the date as they know it, company time zone.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        StepUpNeeded: password and second factor first.
        InvalidValue: ``date_differs``: the clock shows another day; logged, nothing is confirmed.
        AlreadyDecided: nothing waits for it (any more).
    """
    rule = "" if parts.policy.allows(person.role, Right.DESTROY) else "no_right"
    if not rule:
        require_fresh(parts, person, now)
        rule = "" if now.astimezone(parts.policy.zone).date() == today else "date_differs"
    if rule:
        refused = parts.event(now, person.actor(), Action.CLOCK_CONFIRMED, Outcome.REFUSED, rule=rule)
        parts.log_writer.write(refused)
        if rule == "no_right":
            raise AccessRefused(rule)
        raise InvalidValue(rule, field="today")
    with unit_of_work(parts.database) as work:
        if not clock_marks.confirm(work.connection, person.account_id, now):
            raise AlreadyDecided("clock_not_jumped")
        work.announce(parts.event(now, person.actor(), Action.CLOCK_CONFIRMED, Outcome.DONE))
        work.commit()
