"""Incidents: kinds, the seven states in their order, and what each step demands (BR-01 to BR-03, PIPL 57)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vault.errors import AlreadyDecided, InvalidValue

SHORT_DIGITS = 8
"""So many digits of an incident's id people say to each other."""


def short_name(incident_id: bytes) -> str:
    """Return the name people say: the first digits of an incident's id."""
    return incident_id.hex()[:SHORT_DIGITS].upper()


class IncidentKind(StrEnum):
    """What is said to have happened."""

    LEAK = "leak"
    LOSS = "loss"
    ALTERATION = "alteration"
    SYSTEM_FAILURE = "system_failure"
    MISUSE = "misuse"
    SURGE = "surge"


class IncidentState(StrEnum):
    """How far the response has come; each state is reached from the one before it, and no other way."""

    REPORTED = "reported"
    ACTIVATED = "activated"
    ASSESSED = "assessed"
    CONTAINED = "contained"
    REPAIRED = "repaired"
    NOTIFIED = "notified"
    CLOSED = "closed"


class AwareSource(StrEnum):
    """Where the time of awareness comes from."""

    REPORT = "report"
    SIGNAL = "signal"
    OPERATOR = "operator"


class Verdict(StrEnum):
    """What the assessment found; without a breach there is nothing to contain, repair or tell."""

    BREACH = "breach"
    NO_BREACH = "no_breach"


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Args:
        incident_id: random id.
        kind: what is said to have happened.
        drill: whether it is a rehearsal; fixed at opening.
        state: how far the response has come.
        aware_at: when somebody noticed, as said at opening; UTC, never changed.
        aware_since: the earliest such time anybody said; deadlines run from it.
        aware_source: where the time comes from.
        opened_by: work number, ``operator:<os user>`` or ``system``.
        opened_at: UTC.
        verdict: of the assessment; None before it.
        closing_by: account that asked for it to be closed, None if nobody has.
        closing_at: when.
        closed_by: account of the other person, who closed it.
        closed_at: when.
    """

    incident_id: bytes
    kind: IncidentKind
    drill: bool
    state: IncidentState
    aware_at: datetime
    aware_since: datetime
    aware_source: AwareSource
    opened_by: str
    opened_at: datetime
    verdict: Verdict | None = None
    closing_by: bytes | None = None
    closing_at: datetime | None = None
    closed_by: bytes | None = None
    closed_at: datetime | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is to be done."""
        return self.state is IncidentState.CLOSED

    @property
    def short(self) -> str:
        """The name people say."""
        return short_name(self.incident_id)

    def next_state(self) -> IncidentState | None:
        """Return the one state that may come next; None after the last."""
        if self.is_closed:
            return None
        if self.may_be_a_breach_after_all:
            return IncidentState.CLOSED
        order = list(IncidentState)
        return order[order.index(self.state) + 1]

    @property
    def may_be_a_breach_after_all(self) -> bool:
        """Whether it was assessed as none and is not closed yet: until two agree, anybody may see it otherwise."""
        return self.state is IncidentState.ASSESSED and self.verdict is Verdict.NO_BREACH

    def refuse_unless_next(self, wanted: IncidentState) -> None:
        """Let a step be taken only from the state before it.

        Raises:
            AlreadyDecided: ``incident_closed``, or ``incident_is_there``: the incident is in this state or beyond it.
            InvalidValue: ``incident_out_of_order``, field ``state``: a step before it is missing.
        """
        if self.is_closed:
            raise AlreadyDecided("incident_closed")
        if wanted is self.next_state():
            return
        order = list(IncidentState)
        if order.index(wanted) <= order.index(self.state):
            raise AlreadyDecided("incident_is_there")
        raise InvalidValue("incident_out_of_order", field="state")
