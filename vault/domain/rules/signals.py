"""Rules of signals: what the vault watches by itself, who is told of it, and what opens an incident (UL-04, BR-01)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from vault.domain.breach.incidents import IncidentKind
from vault.domain.ids import Role
from vault.domain.rules.shape import STRICT, Named


class SignalName(StrEnum):
    """What the vault watches."""

    REVEALS_WARNED = "reveals_warned"
    REVEALS_ALARMED = "reveals_alarmed"
    MISSES = "misses"
    PROBING = "probing"
    FORBIDDEN_PURPOSE = "forbidden_purpose"
    SIGN_IN_STORM = "sign_in_storm"
    LOG_VERIFICATION = "log_verification"
    RECORD_INTEGRITY = "record_integrity"
    COMPLETENESS = "completeness"


COUNTED = (SignalName.PROBING, SignalName.SIGN_IN_STORM)
"""Signals with a number and a window of their own."""

_MUST_OPEN = (SignalName.REVEALS_ALARMED, SignalName.COMPLETENESS)
"""Signals that no policy may lower to a word in the inbox: they are what the clock of two hours is for."""

_LONGEST_JOIN = 24
"""Hours; what somebody does on another day is another incident, with two hours of its own to start the plan."""


class Severity(StrEnum):
    """What a signal leads to."""

    NOTIFY = "notify"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class SignalRule(Named):
    """One signal.

    Args:
        severity: what it leads to.
        told: roles that are told; of supervisors those of the person, or all where it is about nobody.
        kind: of the incident that it opens; None where it opens none.
        count: from so many on; 0 where every single event raises it, or another file has the number.
        window_minutes: within so long.
    """

    severity: Severity
    told: Sequence[Role]
    kind: IncidentKind | None = None
    count: int = 0
    window_minutes: int = 0

    def window(self) -> timedelta:
        """Return within how long it counts."""
        return timedelta(minutes=self.window_minutes)


@dataclass(frozen=True, slots=True)
class SignalPolicy:
    """Signals (UL-04, BR-01, AC-07).

    Args:
        id: of the rule.
        clause: where it comes from.
        evidence_events: so many ids of the newest events are kept with a signal.
        sign_days: so many days a record of proven misuse may wait for its second signature.
        join_hours: so long after an incident was opened further signals about the same person belong to it.
        signals: by name.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    evidence_events: int
    sign_days: int
    join_hours: int
    signals: Mapping[SignalName, SignalRule]

    def join(self) -> timedelta:
        """Return how long after an incident was opened further signals about the same person belong to it."""
        return timedelta(hours=self.join_hours)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find signals that are missing, that could never be raised, that nobody hears, or that are too weak."""
        if self.evidence_events <= 0 or self.sign_days <= 0 or not 0 < self.join_hours <= _LONGEST_JOIN:
            yield "signal_impossible", self.id
        for name in SignalName:
            rule = self.signals.get(name)
            if rule is None:
                yield "signal_missing", name.value
                continue
            counted = (rule.count > 0, rule.window_minutes > 0)
            opens = rule.severity is Severity.INCIDENT
            if counted != (name in COUNTED, name in COUNTED) or not rule.told or opens != (rule.kind is not None):
                yield "signal_impossible", rule.id
            if name in _MUST_OPEN and not opens:
                yield "signal_too_weak", rule.id
