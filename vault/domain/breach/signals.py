"""Signals as values: what was found, and which of the vault's own limits and events stand for which signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vault.domain.limits import SignalKind
from vault.domain.log import Action, Outcome
from vault.domain.rules.signals import SignalName

OF_LIMITS: Mapping[SignalKind, SignalName] = {
    SignalKind.WARNED: SignalName.REVEALS_WARNED,
    SignalKind.ALARMED: SignalName.REVEALS_ALARMED,
    SignalKind.MISSES: SignalName.MISSES,
    SignalKind.FORBIDDEN: SignalName.FORBIDDEN_PURPOSE,
}
"""Limits that somebody ran into (policies/limits.toml), and the signal each of them is."""

OF_EVENTS: Mapping[SignalName, tuple[tuple[Action, Outcome], ...]] = {
    # A database that was put back is sealed: nothing is written in it before the operator has accepted the loss.
    SignalName.LOG_VERIFICATION: ((Action.LOG_VERIFY, Outcome.FAILED), (Action.LOG_GAP_ACCEPTED, Outcome.DONE)),
    SignalName.RECORD_INTEGRITY: ((Action.INTEGRITY_FAILURE, Outcome.FAILED),),
    SignalName.COMPLETENESS: ((Action.LOG_COUNTED, Outcome.FAILED),),
}
"""Signals that a single event of the log raises."""


@dataclass(frozen=True, slots=True)
class Found:
    """What gives rise to a signal: its evidence.

    Args:
        name: which signal.
        count: how many were counted.
        threshold: from how many on the policy in force raises it.
        since: the first that was counted, UTC.
        until: the last, UTC.
        account_id: whose acts they are; None where it is about nobody.
        source: network address they came from, or empty.
        events: ids of the newest of the events counted, oldest first.
        signal_id: the limit somebody ran into; None for a signal that is none.
    """

    name: SignalName
    count: int
    threshold: int
    since: datetime
    until: datetime
    account_id: bytes | None = None
    source: str = ""
    events: tuple[bytes, ...] = ()
    signal_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A signal that was raised, as it is kept and shown.

    Args:
        evidence_id: random id.
        found: what gave rise to it.
        work_number: whose acts they are, or empty.
        incident_id: the incident that it opened or joined; None for one that is only told.
        tested: it was fired by the test of signals.
        raised_at: when, UTC.
    """

    evidence_id: bytes
    found: Found
    work_number: str
    incident_id: bytes | None
    tested: bool
    raised_at: datetime
