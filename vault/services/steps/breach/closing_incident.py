"""What an incident still lacks before it may be called notified, or be closed: an incomplete one is refused."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incidents import Incident, IncidentState, Verdict
from vault.domain.rules.incidents import IncidentPolicy
from vault.errors import InvalidValue
from vault.services.steps.breach import containing, noticing
from vault.storage.breach import incidents, misuse

_REASONS = {
    "steps": "incident_out_of_order",
    "notices": "notices_outstanding",
    "clocks": "tasks_open",
    "measures": "measures_stand",
    "misuse": "misuse_waits",
}


def missing(connection: Connection, policy: IncidentPolicy, one: Incident, clocks: Sequence[Clock]) -> list[str]:
    """List what keeps an incident from being closed, or now from being called notified.

    Args:
        connection: an open connection.
        policy: the rules of the response.
        one: the incident.
        clocks: its clocks.

    Returns:
        Words of a closed list: ``steps``, ``notices``, ``clocks``, ``measures``, ``misuse``; empty when it may be
        closed.
    """
    if one.is_closed:
        return []
    lacks = []
    if one.next_state() is not IncidentState.CLOSED:
        lacks.append("steps")
    answered = one.verdict is not Verdict.NO_BREACH  # else there is nobody to tell, and nothing to report
    if answered and noticing.outstanding(connection, one.incident_id):
        lacks.append("notices")
    if answered and any(clock.is_open and policy.ended_by_people(clock.clock_id) for clock in clocks):
        lacks.append("clocks")
    if containing.standing(connection, one.incident_id):
        lacks.append("measures")
    if misuse.waiting(connection, one.incident_id):
        lacks.append("misuse")
    return lacks


def refuse_incomplete(connection: Connection, policy: IncidentPolicy, one: Incident) -> None:
    """Let an incident be closed only when nothing is missing.

    Raises:
        InvalidValue: the first thing that is missing, field ``state``: ``incident_out_of_order``,
            ``notices_outstanding``, ``tasks_open``, ``measures_stand`` or ``misuse_waits``.
    """
    one.refuse_unless_next(IncidentState.CLOSED)
    clocks = incidents.clocks_of(connection, [one.incident_id])[one.incident_id]
    for what in missing(connection, policy, one, clocks):
        raise InvalidValue(_REASONS[what], field="state")


def refuse_unnotified(connection: Connection, one: Incident) -> None:
    """Let an incident be called notified only when the notice of each customer has come to something.

    Raises:
        InvalidValue: ``notices_outstanding``: some wait, or are in doubt.
    """
    if noticing.outstanding(connection, one.incident_id):
        raise InvalidValue("notices_outstanding", field="state")
