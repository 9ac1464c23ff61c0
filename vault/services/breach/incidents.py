"""Incidents: reported by anybody, activated by one officer, closed by two (BR-01 to BR-03)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incidents import Incident
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import Person
from vault.errors import InvalidValue, NotFound
from vault.services.steps.breach import closing_incident, concerned, drill_customers, reporting
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.incidents import NOTE, Opening
from vault.services.steps.breach.short_ids import prefix_of
from vault.services.steps.parts import Parts
from vault.storage import disclosures
from vault.storage.breach import further_reports, incidents
from vault.storage.breach.incidents import TimelineEntry
from vault.storage.unit_of_work import unit_of_work

A_PAGE = 50
"""So many incidents are listed at once, if nobody asks for more or fewer."""

_OPEN, _CLOSED = "o", "c"
_PLACE = re.compile(f"[{_OPEN}{_CLOSED}][0-9a-f]{{32}}")


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
class More:
    """Further reports of the same person that are counted on a line of the timeline.

    Args:
        count: how many.
        newest_at: when the last of them came, UTC.
        notes: what was typed with them, the newest first, as far as there is room.
    """

    count: int
    newest_at: datetime
    notes: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One incident with all that is known of it.

    Args:
        incident: the incident.
        clocks: the one due first first.
        now: the time its clocks are judged by, UTC.
        entries: the timeline, the earliest first.
        notes: what people typed, by event id of the entry.
        more: further reports that are counted on an entry, by its event id.
        reasons: why a clock was done late, by clock id.
        missing: what keeps it from its next state or from being closed, words of a closed list.
    """

    incident: Incident
    clocks: Sequence[Clock]
    now: datetime
    entries: Sequence[TimelineEntry]
    notes: Mapping[bytes, str]
    more: Mapping[bytes, More]
    reasons: Mapping[str, str]
    missing: Sequence[str]


def open_one(parts: Parts, who: Person | Actor, opening: Opening, now: datetime) -> bytes:
    """Open an incident; anybody may, but a rehearsal is for officers to begin, and it works while reveals are frozen.

    Beyond the hour's number of reports by one person, a report is a line of their own newest open incident, and beyond
    as many lines it is counted on the newest of them.

    Args:
        parts: the vault's parts.
        who: who reports it.
        opening: what is said.
        now: UTC.

    Returns:
        The incident's id, or that of the one it became a line of.

    Raises:
        AccessRefused: ``no_right`` to begin a rehearsal; logged.
        InvalidValue: ``date_in_future``, ``aware_too_long_ago``, ``text_too_long`` or ``control_character``; ``field``
            names it.
    """
    if opening.drill and isinstance(who, Person):  # while one stands, the month's drill cannot begin
        steps.officer(parts, who, Action.INCIDENT_OPENED, now, None)
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
    prefix = prefix_of(typed, "incident")
    with parts.database.read() as connection:
        ids = incidents.starting_with(connection, prefix)
    if len(ids) != 1:
        raise NotFound("incident")
    return ids[0]


def listed(
    parts: Parts,
    who: Person | Actor,
    now: datetime,
    after: str = "",
    limit: int = A_PAGE,
    *,
    closed: bool = True,
) -> tuple[list[Listed], str]:
    """List a page of the incidents: open ones, the earliest first, then closed ones, the newest first.

    None is listed that is about its reader.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        now: UTC.
        after: where the page before ended, as it was returned; empty for the first page.
        limit: so many at most, one at least.
        closed: whether closed ones are listed behind the open ones.

    Returns:
        The incidents, and where the page ends; empty when nothing follows.

    Raises:
        AccessRefused: ``no_right``; logged.
        InvalidValue: ``wrong_form``, field ``after``.
        NotFound: the page before ended at no incident.
    """
    if isinstance(who, Person):
        steps.viewer(parts, who, now, None)
    limit = max(1, limit)
    among, last_id = _place(after)
    with parts.database.read() as connection:
        own = concerned.own_ones(parts, connection, who) if isinstance(who, Person) else set()
        if last_id in own:
            raise NotFound("incident")
        last = None if last_id is None else steps.matter(connection, last_id)
        found = [] if among == _CLOSED else incidents.open_page(connection, limit + 1, last, own)
        if closed and len(found) <= limit:
            found += incidents.closed_ones(connection, limit + 1 - len(found), last if among == _CLOSED else None, own)
        page = found[:limit]
        clocks = incidents.clocks_of(connection, [one.incident_id for one in page])
        at = steps.effective(connection, now)
    end = ""
    if len(found) > limit:
        end = f"{_CLOSED if page[-1].is_closed else _OPEN}{page[-1].incident_id.hex()}"
    return [Listed(one, clocks[one.incident_id], at) for one in page], end


def _place(after: str) -> tuple[str, bytes | None]:
    """Return among which incidents a page ended, and with which: it may have been closed since."""
    if not after:
        return _OPEN, None
    if not _PLACE.fullmatch(after):
        raise InvalidValue("wrong_form", field="after")
    return after[0], bytes.fromhex(after[1:])


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
        further = further_reports.of_incident(connection, incident_id)
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
    more = {
        line_id: More(
            one.count,
            one.newest_at,
            "" if one.sealed_notes is None else store.open_person(one.newest_id, NOTE, one.sealed_notes).disclose(),
        )
        for line_id, one in further.items()
    }
    reasons = {
        clock.clock_id: store.open_person(incident_id, clock.clock_id, clock.sealed_reason).disclose()
        for clock in clocks
        if clock.sealed_reason is not None
    }
    return Shown(one, clocks, at, entries, notes, more, reasons, missing)


def mine(parts: Parts, person: Person, incident_id: bytes) -> Incident:
    """Return an incident that somebody reported themselves: how far it has come, and nothing else.

    Raises:
        NotFound: there is none of theirs, or it is about themselves by now.
    """
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        own = concerned.is_own(parts, connection, person, incident_id)
    if own or one.opened_by != person.work_number:
        raise NotFound("incident")
    return one
