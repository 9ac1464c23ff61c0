"""Steps of every act on an incident: opening one, its timeline, its clocks, and who may act (BR-01 to BR-08)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.breach.incident_clocks import Clock, ClockEnd, ClockStart
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState
from vault.domain.clocks import in_utc
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Event, Outcome, micros_text
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.domain.service_records import checked_text
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.breach.concerned import is_own, others
from vault.services.steps.parts import Parts
from vault.storage import clock_marks, notifications
from vault.storage.breach import incidents
from vault.storage.unit_of_work import UnitOfWork

NOTE = "note"
"""Name under which what somebody types about an incident is sealed with the people key."""

NOTE_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class Opening:
    """What is said when an incident is opened.

    Args:
        kind: what is said to have happened.
        source: where the time of awareness comes from.
        aware_at: when somebody noticed, aware; None for this moment.
        note: what else is known; sealed.
        drill: whether it is a rehearsal; fixed for ever.
        about: account of somebody it is about; their human is not told of it.
    """

    kind: IncidentKind
    source: AwareSource
    aware_at: datetime | None = None
    note: str = ""
    drill: bool = False
    about: bytes | None = None


def open_incident(parts: Parts, work: UnitOfWork, actor: Actor, opening: Opening, now: datetime) -> bytes:
    """Open an incident in a transaction of the caller, start its clocks and tell those who answer for it.

    It asks for nothing but the database: it works while reveals are frozen and while the log writer is in trouble.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        actor: who opens it: anybody, the operator, or the vault itself for a signal.
        opening: what is said.
        now: UTC.

    Returns:
        The incident's id.

    Raises:
        InvalidValue: ``date_in_future`` or ``aware_too_long_ago``, field ``aware_at``; ``text_too_long`` or
            ``control_character``, field ``note``.
    """
    now = effective(work.connection, now)
    aware_at = aware_at_of(parts, opening, now)
    incident_id = new_id()
    one = Incident(
        incident_id,
        opening.kind,
        opening.drill,
        IncidentState.REPORTED,
        aware_at,
        aware_at,
        opening.source,
        actor.name,
        now,
    )
    incidents.add(work.connection, one)
    told = incidents.people_of(work.connection, parts.policy.incidents.told)
    kind = NoticeKind.INCIDENT_DRILL if one.drill else NoticeKind.INCIDENT_OPENED
    told = others(parts, work.connection, told, incident_id, opening.about)
    notifications.add(work.connection, told, kind, incident_id, now)
    event = parts.event(
        now,
        actor,
        Action.INCIDENT_OPENED,
        Outcome.DONE,
        rule=parts.policy.incidents.id,
        incident=incident_id.hex(),
        kind=one.kind.value,
        source=one.aware_source.value,
        aware_at=micros_text(aware_at),
        drill=int(one.drill),
    )
    enter(parts, work, incident_id, event, opening.note)
    start_clocks(parts, work, one, ClockStart.AWARE, aware_at, now)
    return incident_id


def aware_at_of(parts: Parts, opening: Opening, now: datetime) -> datetime:
    """Return when somebody noticed what they report, UTC.

    Args:
        parts: the vault's parts.
        opening: what is said.
        now: UTC, effective.

    Raises:
        InvalidValue: ``date_in_future`` or ``aware_too_long_ago``, field ``aware_at``.
    """
    aware_at = now if opening.aware_at is None else in_utc(opening.aware_at, "aware_at")
    checked_awareness(aware_at, now, parts.policy.incidents.report_back_days)
    return aware_at


def checked_awareness(aware_at: datetime, now: datetime, back_days: int) -> None:
    """Let a time of awareness lie neither ahead nor so far back that it was never meant.

    Raises:
        InvalidValue: ``date_in_future`` or ``aware_too_long_ago``, field ``aware_at``.
    """
    if aware_at > now:
        raise InvalidValue("date_in_future", field="aware_at")
    if now - aware_at > timedelta(days=back_days):
        raise InvalidValue("aware_too_long_ago", field="aware_at", days=back_days)


def matter(connection: Connection, incident_id: bytes, *, locked: bool = False) -> Incident:
    """Return an incident; locked, nobody else moves it until this transaction ends.

    Raises:
        NotFound: there is none.
    """
    found = incidents.one(connection, incident_id, locked=locked)
    if found is None:
        raise NotFound("incident")
    return found


def open_matter(connection: Connection, incident_id: bytes) -> Incident:
    """Return an incident that is not closed, locked: nobody else moves it until this transaction ends.

    Raises:
        AlreadyDecided: ``incident_closed``.
        NotFound: there is none.
    """
    one = matter(connection, incident_id, locked=True)
    if one.is_closed:
        raise AlreadyDecided("incident_closed")
    return one


def enter(parts: Parts, work: UnitOfWork, incident_id: bytes, event: Event, note: str = "") -> None:
    """Announce an event and write it into the incident's timeline, in one transaction.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        incident_id: the incident, which stands in the event's facts too.
        event: what was done.
        note: what somebody typed about it; sealed, and in no event.

    Raises:
        InvalidValue: ``text_too_long`` or ``control_character``, field ``note``.
    """
    note = checked_note(note)
    sealed = None
    if note:
        store = parts.keys.current(work.connection)
        sealed = store.seal_person(event.event_id, NOTE, note)
    incidents.enter(work.connection, incident_id, event, sealed)
    work.announce(event)


def checked_note(note: str) -> str:
    """Return what somebody typed without the white space around it; nothing in it moves a cursor or turns words round.

    Raises:
        InvalidValue: ``text_too_long`` or ``control_character``, field ``note``.
    """
    return checked_text(note, NOTE, NOTE_LENGTH) if note.strip() else ""


def effective(connection: Connection, now: datetime) -> datetime:
    """Return the time that deadlines are judged by: a clock that was set back revives nothing.

    After a jump forward that no officer has confirmed, the mark from before the jump is the highest time that is sure.
    """
    mark = clock_marks.read(connection)
    if mark is None:
        return now
    return max(now, mark.jumped_from or mark.seen_at)


def officer(parts: Parts, person: Person, action: Action, now: datetime, incident_id: bytes | None) -> None:
    """Let only those work on an incident whose role may, and whom it is not about; a refusal is logged.

    Args:
        parts: the vault's parts.
        person: who acts.
        action: what they want to do, for the log.
        now: UTC.
        incident_id: the incident; None for what is about none, or none that there is.

    Raises:
        AccessRefused: ``no_right``.
        NotFound: the incident is about themselves; the log says ``own_incident``.
    """
    _require(parts, person, Right.INCIDENT, action, now, incident_id)


def viewer(parts: Parts, person: Person, now: datetime, incident_id: bytes | None) -> None:
    """Let only those read an incident whose role may, and whom it is not about; a refusal is logged.

    Args:
        parts: the vault's parts.
        person: who reads.
        now: UTC.
        incident_id: the incident; None for lists, which leave out what is about their reader.

    Raises:
        AccessRefused: ``no_right``.
        NotFound: the incident is about themselves; the log says ``own_incident``.
    """
    _require(parts, person, Right.INCIDENT_VIEW, Action.INCIDENT_VIEW, now, incident_id)


def start_clocks(
    parts: Parts, work: UnitOfWork, one: Incident, start: ClockStart, since: datetime, now: datetime
) -> list[str]:
    """Start the clocks that something starts, each once.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        one: the incident, locked by the caller or new.
        start: what starts them.
        since: from when they run, UTC.
        now: UTC.

    Returns:
        Their names; none when they run already.
    """
    running = {clock.clock_id for clock in incidents.clocks_of(work.connection, [one.incident_id])[one.incident_id]}
    started = []
    for name, rule in parts.policy.incidents.started_by(start, one.kind).items():
        if name in running:
            continue
        clock = Clock(name, since, since + rule.length())
        incidents.start_clock(work.connection, one.incident_id, clock)
        if start is not ClockStart.AWARE:
            event = parts.event(
                now,
                Actor("system", "system", node=parts.node),
                Action.INCIDENT_CLOCK_STARTED,
                Outcome.DONE,
                rule=rule.id,
                incident=one.incident_id.hex(),
                clock=name,
                due=micros_text(clock.due_at),
            )
            enter(parts, work, one.incident_id, event)
            told = others(parts, work.connection, incidents.people_of(work.connection, rule.told), one.incident_id)
            notifications.add(work.connection, told, NoticeKind.INCIDENT_TASK, one.incident_id, now)
        started.append(name)
    return started


def finish_clocks(parts: Parts, work: UnitOfWork, one: Incident, end: ClockEnd, who: Actor, now: datetime) -> None:
    """Finish the clocks that a step of the incident ends; one that is late has the step's own note as its reason."""
    for clock in incidents.clocks_of(work.connection, [one.incident_id])[one.incident_id]:
        rule = parts.policy.incidents.clocks.get(clock.clock_id)
        if rule is not None and rule.ends is end and clock.is_open:
            finish_clock(parts, work, one, clock, who, "", now)


def finish_clock(
    parts: Parts, work: UnitOfWork, one: Incident, clock: Clock, who: Actor, reason: str, now: datetime
) -> None:
    """Finish one clock.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        one: the incident.
        clock: the clock.
        who: who did it.
        reason: why it is late; sealed. A step that demands a note itself leaves it empty.
        now: UTC, effective.

    Raises:
        AlreadyDecided: ``clock_done``.
    """
    late = clock.was_missed(now)
    store = parts.keys.current(work.connection)
    sealed = store.seal_person(one.incident_id, clock.clock_id, reason) if reason else None
    values: dict[str, object] = {"done_at": now, "done_by": who.name, "sealed_reason": sealed}
    if late and clock.missed_at is None:
        values["missed_at"] = now
    if not incidents.change_clock(work.connection, one.incident_id, clock.clock_id, values):
        raise AlreadyDecided("clock_done")
    rule = parts.policy.incidents.clocks.get(clock.clock_id)
    event = parts.event(
        now,
        who,
        Action.INCIDENT_CLOCK_DONE,
        Outcome.DONE,
        rule=rule.id if rule else "",
        incident=one.incident_id.hex(),
        clock=clock.clock_id,
        late=int(late),
        seconds=int((now - clock.started_at).total_seconds()),
    )
    enter(parts, work, one.incident_id, event)


def drop_clocks(parts: Parts, work: UnitOfWork, one: Incident, now: datetime) -> None:
    """Drop the clocks of what need not be done where there was no breach; what was missed by now stays missed."""
    for clock in incidents.clocks_of(work.connection, [one.incident_id])[one.incident_id]:
        rule = parts.policy.incidents.clocks.get(clock.clock_id)
        if clock.is_open and (rule is None or rule.ends is ClockEnd.SAID):
            values: dict[str, object] = {"dropped_at": now}
            if clock.was_missed(now) and clock.missed_at is None:
                values["missed_at"] = now
            incidents.change_clock(work.connection, one.incident_id, clock.clock_id, values)


def _require(
    parts: Parts, person: Person, right: Right, action: Action, now: datetime, incident_id: bytes | None
) -> None:
    if not parts.policy.allows(person.role, right) or person.purposes is not None:
        parts.log_writer.write(parts.event(now, person.actor(), action, Outcome.REFUSED, rule="no_right"))
        raise AccessRefused("no_right")
    if incident_id is None:
        return
    with parts.database.read() as connection:
        own = is_own(parts, connection, person, incident_id)
    if own:
        rule = "own_incident"
        event = parts.event(now, person.actor(), action, Outcome.REFUSED, rule=rule, incident=incident_id.hex())
        parts.log_writer.write(event)
        raise NotFound("incident")
