"""Incidents: reported by anybody, activated by one officer, closed by two (BR-01 to BR-03)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incidents import Incident
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import Person
from vault.errors import NotFound
from vault.services.steps.breach import closing_incident, concerned, drill_customers, reporting
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.incidents import NOTE, Opening
from vault.services.steps.parts import Parts
from vault.storage import disclosures
from vault.storage.breach import incidents
from vault.storage.breach.incidents import TimelineEntry
from vault.storage.unit_of_work import unit_of_work

_LEAST_PREFIX = 6
_CLOSED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One incident with its clocks, for lists.

    Args:
        incident: the incident.
        clocks: the one due first first.
        now: the time its clocks are judged by, UTC.
    """

    incident: Incident
    clocks: Sequence[Clock]
    now: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """One incident with all that is known of it.

    Args:
        incident: the incident.
        clocks: the one due first first.
        now: the time its clocks are judged by, UTC.
        entries: the timeline, the earliest first.
        notes: what people typed, by event id of the entry.
        reasons: why a clock was done late, by clock id.
        missing: what keeps it from its next state or from being closed, words of a closed list.
    """

    incident: Incident
    clocks: Sequence[Clock]
    now: datetime
    entries: Sequence[TimelineEntry]
    notes: Mapping[bytes, str]
    reasons: Mapping[str, str]
    missing: Sequence[str]


def open_one(parts: Parts, who: Person | Actor, opening: Opening, now: datetime) -> bytes:
    """Open an incident; anybody may, and it works while reveals are frozen.

    Beyond the hour's number of reports by one person, a report is a line of their own newest open incident.

    Args:
        parts: the vault's parts.
        who: who reports it.
        opening: what is said.
        now: UTC.

    Returns:
        The incident's id, or that of the one it became a line of.

    Raises:
        InvalidValue: ``date_in_future``, ``aware_too_long_ago`` or ``text_too_long``; ``field`` names it.
    """
    while True:
        # Others of theirs may come between looking and writing: then it is looked at anew.
        made = _joined(parts, who, opening, now) if isinstance(who, Person) else None
        made = made or _opened(parts, who, opening, now)
        if made is not None:
            return made


def _joined(parts: Parts, person: Person, opening: Opening, now: datetime) -> bytes | None:
    with parts.database.read() as connection:
        incident_id = reporting.to_join(parts, connection, person, now, drill=opening.drill)
    if incident_id is None:
        return None
    with unit_of_work(parts.database) as work:
        if not reporting.join(parts, work, person, incident_id, opening, now):
            return None
        work.commit()
    return incident_id


def _opened(parts: Parts, who: Person | Actor, opening: Opening, now: datetime) -> bytes | None:
    with unit_of_work(parts.database) as work:
        if isinstance(who, Person):
            disclosures.take_turn(work.connection, who.account_id)
            if reporting.to_join(parts, work.connection, who, now, drill=opening.drill) is not None:
                return None
        actor = who.actor() if isinstance(who, Person) else who
        incident_id = steps.open_incident(parts, work, actor, opening, now)
        if opening.drill:
            drill_customers.make(parts, work.connection, incident_id)
        work.commit()
    return incident_id


def found(parts: Parts, typed: str) -> bytes:
    """Return the incident whose id begins with what somebody typed, at least six digits.

    Raises:
        NotFound: none does, or more than one.
    """
    prefix = typed.strip().lower()
    if len(prefix) < _LEAST_PREFIX or len(prefix) > 2 * 16 or not set(prefix) <= set("0123456789abcdef"):
        raise NotFound("incident")
    with parts.database.read() as connection:
        ids = incidents.starting_with(connection, prefix)
    if len(ids) != 1:
        raise NotFound("incident")
    return ids[0]


def listed(parts: Parts, who: Person | Actor, now: datetime, before: bytes | None = None) -> tuple[list[Listed], bool]:
    """List the incidents that are open, and a page of those that are closed behind them; none that is about its reader.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        now: UTC.
        before: the last closed incident of the page before; with it only closed ones are listed.

    Returns:
        The incidents, and whether there are more.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is no incident ``before``.
    """
    if isinstance(who, Person):
        steps.viewer(parts, who, now, None)
    with parts.database.read() as connection:
        last = None if before is None else steps.matter(connection, before)
        own = concerned.own_ones(parts, connection, who) if isinstance(who, Person) else set()
        closed = incidents.closed_ones(connection, _CLOSED_SHOWN + 1, last, own)
        more, closed = len(closed) > _CLOSED_SHOWN, closed[:_CLOSED_SHOWN]
        clocks = incidents.clocks_of(connection, [one.incident_id for one in closed])
        ones = []
        if before is None:
            ones = [one for one in incidents.open_ones(connection) if one.incident_id not in own]
            clocks |= incidents.clocks_of_open_ones(connection)
        at = steps.effective(connection, now)
    return [Listed(one, clocks.get(one.incident_id, []), at) for one in ones + closed], more


def shown(parts: Parts, who: Person | Actor, incident_id: bytes, now: datetime) -> Shown:
    """Show an incident with what people typed about it, once the view is durable in the log.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        incident_id: the incident.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        LogUnavailable: the view could not be logged; nothing is shown.
        NotFound: there is none.
    """
    if isinstance(who, Person):
        steps.viewer(parts, who, now, incident_id)
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        clocks = incidents.clocks_of(connection, [incident_id])[incident_id]
        entries = incidents.entries_of(connection, incident_id)
        missing = closing_incident.missing(connection, parts.policy.incidents, one, clocks)
        at = steps.effective(connection, now)
        store = parts.keys.current(connection)
    actor = who.actor() if isinstance(who, Person) else who
    event = parts.event(now, actor, Action.INCIDENT_VIEW, Outcome.DONE, incident=incident_id.hex())
    parts.log_writer.write(event)
    notes = {
        entry.event_id: store.open_person(entry.event_id, NOTE, entry.sealed_note).disclose()
        for entry in entries
        if entry.sealed_note is not None
    }
    reasons = {
        clock.clock_id: store.open_person(incident_id, clock.clock_id, clock.sealed_reason).disclose()
        for clock in clocks
        if clock.sealed_reason is not None
    }
    return Shown(one, clocks, at, entries, notes, reasons, missing)


def mine(parts: Parts, person: Person, incident_id: bytes) -> Incident:
    """Return an incident that somebody reported themselves: how far it has come, and nothing else.

    Raises:
        NotFound: there is none of theirs.
    """
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
    if one.opened_by != person.work_number:
        raise NotFound("incident")
    return one
