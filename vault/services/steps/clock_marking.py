"""Marking the clock: a jump that nobody has confirmed keeps everything that is approved from being carried out."""

from __future__ import annotations

from datetime import datetime, timedelta

from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.parts import Parts
from vault.storage import clock_marks
from vault.storage.clock_marks import ClockMark
from vault.storage.unit_of_work import unit_of_work

_HOUR = timedelta(hours=1)


def mark(parts: Parts, now: datetime) -> ClockMark:
    """Note the clock; a jump forward of more than the policy allows waits for an officer from now on.

    The mark is never set back: a clock that is, is simply behind it. A vault that was switched off for so long looks
    the same as a clock that jumped, on purpose.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        The mark in force.
    """
    with unit_of_work(parts.database) as work:
        before = clock_marks.read(work.connection)
        if before is None:
            clock_marks.begin(work.connection, now)
            work.commit()
            return ClockMark(now, None, None, None)
        if now <= before.seen_at:
            return before
        jumped_from = before.jumped_from
        if jumped_from is None and now - before.seen_at > parts.policy.destruction.clock_jump():
            jumped_from = before.seen_at
        if clock_marks.advance(work.connection, before, now, jumped_from) and jumped_from is not before.jumped_from:
            hours = int((now - before.seen_at) / _HOUR)
            system = Actor("system", "system", node=parts.node)
            work.announce(parts.event(now, system, Action.CLOCK_JUMPED, Outcome.FAILED, hours=hours))
        work.commit()
        return clock_marks.read(work.connection) or before
