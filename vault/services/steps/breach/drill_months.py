"""Steps that look at the months: which had their drill, whether this one's is due, and whether the last was missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from sqlalchemy import Connection

from vault.domain.breach.drills import Month, MonthState, month_before, month_of, months, rehearsed
from vault.domain.policy import Policy
from vault.storage import vault_state
from vault.storage.breach import drills


def listed(policy: Policy, connection: Connection, at: datetime) -> Sequence[Month]:
    """List the months and their drills, the present one first, as far back as the rule says.

    Args:
        policy: the rules in force.
        connection: an open connection.
        at: UTC.
    """
    zone, most = policy.zone, policy.drills.months_shown
    present = first = month_of(at, zone)
    for _ in range(most - 1):
        first = month_before(first)
    known = drills.since(connection, datetime.combine(first, time(), zone))
    held = [month_of(one.opened_at, zone) for one in known if one.score is not None and rehearsed(one.score.lines)]
    begun = [month_of(one.opened_at, zone) for one in known if one.score is None]
    return months(held, begun, month_of(vault_state.created_at(connection), zone), present, most)


def due(policy: Policy, told: Sequence[Month], at: datetime) -> date | None:
    """Return the present month if its drill is still to be begun and the day of reminding has come."""
    waits = bool(told) and told[0].state is MonthState.WAITING
    is_time = at.astimezone(policy.zone).day >= policy.drills.remind_from_day
    return told[0].first if waits and is_time else None


def missed_last(told: Sequence[Month]) -> date | None:
    """Return the month before the present one if it had no drill, and none was held since."""
    if len(told) < 2 or told[0].state is MonthState.HELD:  # noqa: PLR2004 - the present month and the one before
        return None
    return told[1].first if told[1].state is MonthState.MISSED else None
