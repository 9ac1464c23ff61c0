"""Signals: what the vault notices by itself, shown with its evidence, and the test that fires each one.

Signals of somebody's reading are raised where it is counted (:mod:`vault.services.steps.limits`), in the same
transaction. The others are looked for every minute (:mod:`vault.services.steps.breach.signal_watch`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.domain.breach.incidents import IncidentState
from vault.domain.breach.signals import OF_EVENTS, OF_LIMITS, Evidence, Found
from vault.domain.ids import Role
from vault.domain.limits import threshold
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.domain.rules.signals import SignalName
from vault.errors import NotFound
from vault.services.steps.breach import concerned, signal_watch
from vault.services.steps.breach.incidents import effective, enter, matter, viewer
from vault.services.steps.breach.signals import raise_signal
from vault.services.steps.parts import Parts
from vault.storage import log
from vault.storage.breach import incident_signals, incidents
from vault.storage.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of testing one signal.

    Args:
        name: the signal.
        came_through: it is kept, somebody was told, and an incident that it opens was opened and closed.
        told: how many people of each role have it in their inbox.
        seconds: from the raise until all this could be read.
        incident_id: the drill that it opened and closed; None for a signal that opens none.
    """

    name: SignalName
    came_through: bool
    told: Mapping[Role, int]
    seconds: float
    incident_id: bytes | None


def tend(parts: Parts, now: datetime) -> int:
    """Look for signals in what was logged since the last look, and raise what is there; safe to repeat.

    Returns:
        How many were raised.
    """
    log.order(parts.database)  # an event is found by its terms once it has its place
    raised = sum(signal_watch.events(parts, name, now) for name in OF_EVENTS)
    raised += signal_watch.probing(parts, now) + signal_watch.storms(parts, now)
    with unit_of_work(parts.database) as work:
        signal_watch.looked(work.connection, now)
        incident_signals.forget(work.connection, now - timedelta(days=parts.policy.limits.keep_days))
        work.commit()
    return raised


def evidence(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> list[Evidence]:
    """List the signals that opened or joined an incident, each with its evidence; ids, counts and times only.

    Args:
        parts: the vault's parts.
        person: who reads.
        incident_id: the incident.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: no such incident.
    """
    viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        matter(connection, incident_id)
        return incident_signals.of_incident(connection, incident_id)


def one(parts: Parts, person: Person, evidence_id: bytes) -> Evidence:
    """Return a signal to whoever was told of it, or may read incidents.

    Args:
        parts: the vault's parts.
        person: who reads; never a signal about themselves, or of an incident about them.
        evidence_id: the signal.

    Raises:
        NotFound: it is not there, or not for them: one answer.
    """
    with parts.database.read() as connection:
        found = incident_signals.one(connection, evidence_id)
        reads = parts.policy.allows(person.role, Right.INCIDENT_VIEW)
        if found is None or not (reads or incident_signals.was_told(connection, person.account_id, evidence_id)):
            raise NotFound("incident_signal")
        if not concerned.not_about(parts, connection, person, [found]):
            raise NotFound("incident_signal")
    return found


def test(parts: Parts, actor: Actor, names: Collection[SignalName], now: datetime) -> list[Tested]:
    """Fire signals harmlessly: down the same way as real ones, as drills that are closed in the same transaction.

    Args:
        parts: the vault's parts.
        actor: the local operator.
        names: which signals.
        now: UTC.

    Returns:
        What came of each.
    """
    return [_test(parts, actor, name, now) for name in SignalName if name in names]


def _test(parts: Parts, actor: Actor, name: SignalName, now: datetime) -> Tested:
    begun = time.perf_counter()
    rule, least = parts.policy.signals.signals[name], _threshold(parts, name)
    with unit_of_work(parts.database) as work:
        raised = raise_signal(parts, work, Found(name, least, least, now - rule.window(), now), now, tested=True)
        if raised.incident_id is not None:
            _close(parts, work, actor, raised.incident_id, now)
        work.commit()
    with parts.database.read() as connection:
        kept = incident_signals.one(connection, raised.evidence_id)
        told = incident_signals.told(connection, [raised.evidence_id, raised.incident_id or raised.evidence_id])
        opened = None if raised.incident_id is None else incidents.one(connection, raised.incident_id)
    as_ruled = rule.kind is None if opened is None else opened.kind is rule.kind and opened.is_closed
    came_through = kept is not None and bool(told) and as_ruled
    return Tested(name, came_through, told, time.perf_counter() - begun, raised.incident_id)


def _threshold(parts: Parts, name: SignalName) -> int:
    """Return from how many on a signal is raised, wherever the policy says it."""
    limits = {one: threshold(parts.policy.limits, kind) for kind, one in OF_LIMITS.items()}
    return limits.get(name) or parts.policy.signals.signals[name].count or 1


def _close(parts: Parts, work: UnitOfWork, actor: Actor, incident_id: bytes, now: datetime) -> None:
    """Close a drill that only tested a signal, before anybody could see it open; its clocks ask for nothing."""
    connection, now = work.connection, effective(work.connection, now)
    for clock in incidents.clocks_of(connection, [incident_id])[incident_id]:
        incidents.change_clock(connection, incident_id, clock.clock_id, {"dropped_at": now})
    closed = {"state": IncidentState.CLOSED.value, "closed_at": now}
    incidents.move(connection, incident_id, IncidentState.REPORTED, closed)
    event = parts.event(
        now,
        actor,
        Action.INCIDENT_STEP,
        Outcome.DONE,
        rule=parts.policy.signals.id,
        incident=incident_id.hex(),
        to=IncidentState.CLOSED.value,
        drill=1,
    )
    enter(parts, work, incident_id, event)
