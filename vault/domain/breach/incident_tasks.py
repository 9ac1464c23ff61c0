"""Who has to do what about an incident now: its next step, and each clock that somebody must say is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vault.domain.breach.incident_clocks import Clock, ClockEnd
from vault.domain.breach.incidents import Incident, IncidentState
from vault.domain.ids import Role
from vault.domain.rules.incidents import IncidentPolicy


class Act(StrEnum):
    """What is to be done next."""

    ACTIVATE = "activate"
    ASSESS = "assess"
    CONTAIN = "contain"
    REPAIR = "repair"
    NOTIFY = "notify"
    ASK_CLOSING = "ask_closing"
    CLOSE = "close"
    CLOCK = "clock"


_LEADS_TO = {
    IncidentState.ACTIVATED: Act.ACTIVATE,
    IncidentState.ASSESSED: Act.ASSESS,
    IncidentState.CONTAINED: Act.CONTAIN,
    IncidentState.REPAIRED: Act.REPAIR,
    IncidentState.NOTIFIED: Act.NOTIFY,
}
_ENDS = {Act.ACTIVATE: ClockEnd.ACTIVATED, Act.ASK_CLOSING: ClockEnd.CLOSED, Act.CLOSE: ClockEnd.CLOSED}


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do.

    Args:
        incident: about which incident.
        act: what.
        clock: what it is measured by; None where nothing runs.
        roles: whose it is.
    """

    incident: Incident
    act: Act
    clock: Clock | None
    roles: frozenset[Role]


def next_act(incident: Incident) -> Act | None:
    """Return the one step that an incident waits for; None when it is closed."""
    following = incident.next_state()
    if following is None:
        return None
    if following is IncidentState.CLOSED:
        return Act.ASK_CLOSING if incident.closing_by is None else Act.CLOSE
    return _LEADS_TO[following]


def tasks_of(
    incident: Incident, clocks: Sequence[Clock], policy: IncidentPolicy, officers: frozenset[Role]
) -> Iterator[Task]:
    """Yield what is to be done about an incident.

    Args:
        incident: the incident.
        clocks: its clocks.
        policy: who answers for which clock.
        officers: the roles that work on incidents.
    """
    act = next_act(incident)
    if act is None:
        return
    end = _ENDS.get(act)
    running = [(clock, policy.clocks.get(clock.clock_id)) for clock in clocks if clock.is_open]
    own = next((clock for clock, rule in running if rule is not None and end is not None and rule.ends is end), None)
    yield Task(incident, act, own, officers)
    for clock, rule in running:
        if rule is not None and rule.ends is ClockEnd.SAID:
            yield Task(incident, Act.CLOCK, clock, frozenset(rule.who))
