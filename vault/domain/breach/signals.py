"""Signals as values: what was found, and which of the vault's own limits and events stand for which signal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

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


@dataclass(frozen=True, slots=True)
class Seen:
    """What of one event a signal needs.

    Args:
        leaf_index: its place.
        event_id: its id.
        at: when, UTC.
        actor: work number, or ``unknown``.
        source: network address.
        session: id of the session, empty outside one.
        is_known: it only finds again what an event before it has told.
    """

    leaf_index: int
    event_id: bytes
    at: datetime
    actor: str
    source: str
    session: str
    is_known: bool = False


class Series:
    """Picks out of a stream of events those that came so thick that they are a signal, whenever it is looked at.

    An event belongs to a series if it is one of so many within the window, wherever that window lies. However long the
    stream is, so many events and the evidence are kept of it.
    """

    def __init__(self, count: int, window: timedelta, evidence_events: int) -> None:
        """Begin with none.

        Args:
            count: so many make a series.
            window: within so long, its end included.
            evidence_events: so many ids of the newest of them are kept.
        """
        self._least = count
        self._window = window
        self._near: deque[Seen] = deque(maxlen=count)
        self._loose = 0
        self._newest: deque[bytes] = deque(maxlen=evidence_events)
        self._count = 0
        self._since: datetime | None = None
        self._until: datetime | None = None
        self.places = 0
        """So many places of the log lie up to the last event of a series."""

    def add(self, one: Seen) -> None:
        """Look at the next event; they come in the order of their times."""
        self._near.append(one)
        self._loose = min(self._loose + 1, self._least)
        if len(self._near) < self._least or one.at - self._near[0].at > self._window:
            return
        fresh = list(self._near)[-self._loose :]
        self._loose = 0
        self._count += len(fresh)
        self._since, self._until = self._since or fresh[0].at, one.at
        self._newest.extend(each.event_id for each in fresh)
        self.places = max(self.places, *(each.leaf_index + 1 for each in fresh))

    def found(self, name: SignalName, account_id: bytes | None = None, source: str = "") -> Found | None:
        """Return the signal that they are; None when nothing came so thick.

        Args:
            name: which signal.
            account_id: whose acts they are, if anybody's.
            source: network address they came from, or empty.
        """
        if self._since is None or self._until is None:
            return None
        ids = tuple(self._newest)
        return Found(name, self._count, self._least, self._since, self._until, account_id, source, ids)
