"""Removing rows that nothing rests on any more and that are older than the access log is kept (policies/log.toml)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.parts import Parts
from vault.storage import break_glass, caller_checks, resets
from vault.storage.unit_of_work import unit_of_work

_AT_ONCE = 5000
"""Rows of one transaction: nobody waits long for their turn."""

_LONGEST_MONTH = timedelta(days=31)

_Prune = Callable[[Connection, datetime, int], int]
_TABLES: tuple[tuple[str, _Prune], ...] = (
    ("caller_checks", caller_checks.forget),
    ("break_glass", break_glass.forget),
    ("account_resets", resets.forget),
)


def prune(parts: Parts, now: datetime) -> int:
    """Remove old rows of decided matters; what an open case or a review rests on stays, however old.

    Tries count as long as their case is open, and for a day; a review stays until it is closed. Both lie far within
    the time the log is kept, whose events tell the same.

    Returns:
        How many rows went; an event tells of each table that lost some.
    """
    system = Actor("system", "system", node=parts.node)
    before = now - _LONGEST_MONTH * parts.policy.log.keep_months
    return sum(_emptied(parts, system, table, forget, before, now) for table, forget in _TABLES)


def _emptied(parts: Parts, system: Actor, table: str, forget: _Prune, before: datetime, now: datetime) -> int:
    gone = 0
    while True:
        with unit_of_work(parts.database) as work:
            some = forget(work.connection, before, _AT_ONCE)
            gone += some
            is_last = some < _AT_ONCE
            if is_last and gone:
                rule = parts.policy.log.id
                work.announce(parts.event(now, system, Action.PRUNED, Outcome.DONE, rule=rule, kind=table, count=gone))
            work.commit()
        if is_last:
            return gone
