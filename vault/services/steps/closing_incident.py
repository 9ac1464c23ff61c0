"""What an incident still lacks before it may be called notified, or be closed: an incomplete closing is refused."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from vault.domain.incident_clocks import Clock
from vault.domain.incidents import Incident, IncidentState
from vault.domain.rules.incidents import IncidentPolicy
from vault.errors import InvalidValue
from vault.storage import incidents


def missing(policy: IncidentPolicy, one: Incident, clocks: Sequence[Clock]) -> list[str]:
    """List what keeps an incident from being closed.

    Args:
        policy: the rules of the response.
        one: the incident.
        clocks: its clocks.

    Returns:
        Words of a closed list: ``steps``, ``clocks``; empty when it may be closed.
    """
    if one.is_closed:
        return []
    lacks = []
    if one.next_state() is not IncidentState.CLOSED:
        lacks.append("steps")
    if any(clock.is_open and policy.ended_by_people(clock.clock_id) for clock in clocks):
        lacks.append("clocks")
    return lacks


def refuse_incomplete(connection: Connection, policy: IncidentPolicy, one: Incident) -> None:
    """Let an incident be closed only when nothing is missing.

    Raises:
        InvalidValue: ``incident_out_of_order``, field ``state``: a step is missing; ``incident_incomplete``, with the
            first thing that is missing in ``what``.
    """
    one.refuse_unless_next(IncidentState.CLOSED)
    clocks = incidents.clocks_of(connection, [one.incident_id])[one.incident_id]
    for what in missing(policy, one, clocks):
        raise InvalidValue("incident_incomplete", field="state", what=what)
