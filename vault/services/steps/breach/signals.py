"""Raising a signal, in the transaction of what gave rise to it: its evidence, who is told, and the incident (BR-01)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, Verdict
from vault.domain.breach.signals import Evidence, Found
from vault.domain.ids import Role, new_id
from vault.domain.log import Action, Actor, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.rules.signals import SignalName, SignalRule
from vault.services.steps.breach.concerned import others
from vault.services.steps.breach.incidents import Opening, effective, enter, matter, open_incident
from vault.services.steps.breach.police import open_police_task
from vault.services.steps.parts import Parts
from vault.storage import notifications, people, supervision
from vault.storage.breach import incident_signals
from vault.storage.breach.incidents import people_of
from vault.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Raised:
    """A signal that was raised.

    Args:
        evidence_id: under which it is kept.
        incident_id: the incident that it opened or joined, if any.
        opened: whether it opened the incident.
        told: accounts that it told, the officers of an opened incident aside.
    """

    evidence_id: bytes
    incident_id: bytes | None
    opened: bool
    told: frozenset[bytes]


def subject_of(account_id: bytes | None, source: str = "") -> str:
    """Return about whom or what a signal is, as its turn is named."""
    return source if account_id is None else account_id.hex()


def raise_signal(parts: Parts, work: UnitOfWork, found: Found, now: datetime, *, tested: bool = False) -> Raised:
    """Raise a signal: keep its evidence, tell the roles of the policy, and open an incident or join the open one.

    What one person does in one stretch is one incident, whatever signals see it: a second alarm, or probing beside it,
    is a line in the timeline of the first, and its clocks run on. Nobody is told of a signal about themselves.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        found: what gave rise to it.
        now: UTC.
        tested: it is fired by the test of signals: the same way, as a drill.
    """
    connection = work.connection
    rule = parts.policy.signals.signals[found.name]
    number = _number_of(connection, found.account_id)
    incident_id, opened = None, False
    if rule.kind is not None:
        incident_id, opened = _incident(parts, work, found, rule.kind, now, tested=tested)
    facts: dict[str, Any] = {"signal": found.name.value, "count": found.count, "drill": int(tested)}
    if number:
        facts["account"] = number
    if incident_id is not None:
        facts["incident"] = incident_id.hex()
    system = Actor("system", "system", node=parts.node)
    event = parts.event(now, system, Action.INCIDENT_SIGNAL, Outcome.DONE, rule=rule.id, **facts)
    evidence = Evidence(new_id(), found, number, incident_id, tested, now)
    incident_signals.add(connection, evidence)
    told = _told(parts, connection, rule, found, by_opening=opened)
    told = frozenset(others(parts, connection, told, incident_id, found.account_id))
    kind = NoticeKind.SIGNAL_TESTED if tested else NoticeKind.SIGNAL_RAISED
    notifications.add(connection, told, kind, evidence.evidence_id, now)
    if incident_id is None:
        work.announce(event)
    else:
        enter(parts, work, incident_id, event)
        if found.name is SignalName.REVEALS_ALARMED and not tested:  # a test gives nobody a task
            one = matter(connection, incident_id, locked=True)
            open_police_task(parts, work, one, found.count, effective(connection, now))
    return Raised(evidence.evidence_id, incident_id, opened, told)


def _incident(
    parts: Parts, work: UnitOfWork, found: Found, kind: IncidentKind, now: datetime, *, tested: bool
) -> tuple[bytes, bool]:
    """Return the open incident that a signal belongs to, and whether it had to be opened."""
    connection = work.connection
    # Signals about a person share a turn for each kind of incident, so that clocks are those of that kind.
    turn, subject = found.name if found.account_id is None else kind, subject_of(found.account_id)
    if not tested:
        # Whoever comes second waits here until the first one's incident is there to be joined.
        before = incident_signals.take_turn(connection, turn, subject, found.since).incident_id
        if before is not None and _joins(parts, connection, found, matter(connection, before, locked=True), now):
            return before, False
    opening = Opening(kind, AwareSource.SIGNAL, drill=tested, about=found.account_id)
    incident_id = open_incident(parts, work, Actor("system", "system", node=parts.node), opening, now)
    if not tested:
        incident_signals.set_turn(connection, turn, subject, incident_id=incident_id)
    return incident_id, True


def _joins(parts: Parts, connection: Connection, found: Found, one: Incident, now: datetime) -> bool:
    """Return whether an incident takes a further signal: what officers are done with must not swallow the next one."""
    if one.is_closed or one.verdict is Verdict.NO_BREACH or one.closing_by is not None:
        return False
    # What somebody does a day later has two hours of its own; a log that is altered stays so until it is dealt with.
    return found.account_id is None or effective(connection, now) - one.opened_at <= parts.policy.signals.join()


def _told(
    parts: Parts, connection: Connection, rule: SignalRule, found: Found, *, by_opening: bool
) -> frozenset[bytes]:
    """Return whom a signal tells, were it not about them: by an opened incident, or a limit, some know already."""
    told: set[bytes] = set()
    for role in rule.told:
        if by_opening and role in parts.policy.incidents.told:
            continue
        if role is Role.SUPERVISOR and found.account_id is not None:
            if found.signal_id is None:
                told.update(supervision.supervisors_of(connection, found.account_id))
            continue
        told.update(people_of(connection, [role]))
    return frozenset(told)


def _number_of(connection: Connection, account_id: bytes | None) -> str:
    if account_id is None:
        return ""
    found = people.by_ids(connection, [account_id])
    return found[account_id].work_number
