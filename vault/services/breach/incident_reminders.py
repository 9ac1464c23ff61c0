"""Reminders of the clocks of incidents: told once each, inside the vault and by mail; what is missed is recorded once.

Nothing waits for a timer. Each run asks the stored times what is due now, so that a restart, a second process or a
night without power change nothing but how late a reminder comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incident_letters import Told, body, subject
from vault.domain.breach.incident_reminders import OPENED, Mark, latest_mark, notice_kind, roles_told
from vault.domain.breach.incidents import Incident
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Outcome, micros_text
from vault.domain.people import Person
from vault.errors import NotFound
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.concerned import others
from vault.services.steps.clock_marking import mark as mark_clock
from vault.services.steps.parts import Parts
from vault.storage import clock_marks, notifications
from vault.storage.breach import incident_reminders, incidents
from vault.storage.breach.incident_reminders import MailState, Reminder
from vault.storage.mail import Fate
from vault.storage.mail_letters import Letter
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

TRIES = 5
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 60, 60))
"""How long after each try of a letter the next one comes; so long, too, one that was killed is left alone."""
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class _Due:
    """What is to be done about one clock now.

    Args:
        clock: the clock.
        mark: the reminder to give, None when it was given.
        missed: it is to be recorded as missed.
    """

    clock: Clock
    mark: Mark | None
    missed: bool


def tend(parts: Parts, now: datetime) -> int:
    """Remind of what is due, record what was missed, and mail what waits; the timetable does it each minute.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        How many reminders were given.
    """
    given = 0
    with parts.database.read() as connection:
        ones = incidents.open_ones(connection)
    if ones:
        mark_clock(parts, now)  # before anything is judged by it: a jump that nobody has confirmed is seen here first
        with parts.database.read() as connection:
            due = _due(parts, connection, now)
        given = sum(_remind(parts, one, now) for one in ones if one.incident_id in due)
    _mail(parts, now)
    return given


def listed(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> list[Reminder]:
    """List the reminders of an incident, the earliest first, each with how far its letter has come.

    Args:
        parts: the vault's parts.
        person: somebody who may read incidents.
        incident_id: the incident.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is none.
    """
    steps.viewer(parts, person, now, incident_id)
    with parts.database.read() as connection:
        steps.matter(connection, incident_id)
        return incident_reminders.of_incident(connection, incident_id)


def incident_of(parts: Parts, person: Person, reminder_id: bytes, now: datetime) -> bytes:
    """Return the incident that a reminder is about.

    Args:
        parts: the vault's parts.
        person: somebody who may read incidents.
        reminder_id: the reminder.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is none.
    """
    with parts.database.read() as connection:
        found = incident_reminders.one(connection, reminder_id)
    steps.viewer(parts, person, now, None if found is None else found.incident_id)
    if found is None:
        raise NotFound("incident")
    return found.incident_id


def _due(parts: Parts, connection: Connection, now: datetime, of: bytes | None = None) -> dict[bytes, list[_Due]]:
    """Return what is to be done about the clocks of open incidents, or of one, by incident; nothing for most."""
    at, sure = _times(parts, connection, now)
    clocks = incidents.clocks_of_open_ones(connection) if of is None else incidents.clocks_of(connection, [of])
    told = incident_reminders.highest_marks(connection, at, of)
    found: dict[bytes, list[_Due]] = {}
    for incident_id, started in clocks.items():
        for clock in started:
            if not clock.is_open:
                continue
            latest = latest_mark(clock, parts.policy.incidents, at)
            if latest is not None and latest.number <= told.get((incident_id, clock.clock_id), OPENED - 1):
                latest = None
            missed = clock.missed_at is None and clock.was_missed(sure)
            if latest is not None or missed:
                found.setdefault(incident_id, []).append(_Due(clock, latest, missed))
    return found


def _times(parts: Parts, connection: Connection, now: datetime) -> tuple[datetime, datetime]:
    """Return the time to remind by, and the one that is sure enough to say for ever that something was missed.

    After a jump of the clock that no officer has confirmed, people are reminded by what the clock says: a reminder too
    many harms nobody. What is recorded for ever waits for the officer, or for a clock that is near the mark again.
    """
    at = steps.effective(connection, now)
    mark = clock_marks.read(connection)
    if mark is None or mark.jumped_from is None or at - mark.jumped_from <= parts.policy.destruction.clock_jump():
        return at, at
    return at, mark.jumped_from


def _remind(parts: Parts, one: Incident, now: datetime) -> int:
    """Do what is due for one incident, in one transaction; returns how many reminders were given."""
    given = 0
    with unit_of_work(parts.database) as work:
        one = steps.matter(work.connection, one.incident_id, locked=True)
        if one.is_closed:
            return 0
        at, _ = _times(parts, work.connection, now)
        # Judged once more: nobody else reminds, finishes or corrects anything while the incident is locked.
        for due in _due(parts, work.connection, now, one.incident_id).get(one.incident_id, []):
            if due.missed:
                _record_missed(parts, work, one, due.clock, at)
            if due.mark is not None:
                _give(parts, work, one, due.clock, due.mark, at, now)
                given += 1
        work.commit()
    return given


def _record_missed(parts: Parts, work: UnitOfWork, one: Incident, clock: Clock, at: datetime) -> None:
    rule = parts.policy.incidents.clocks.get(clock.clock_id)
    incidents.record_missed(work.connection, one.incident_id, clock.clock_id, at)
    event = parts.event(
        at,
        Actor("system", "system", node=parts.node),
        Action.INCIDENT_CLOCK_MISSED,
        Outcome.FAILED,
        rule=rule.id if rule else "",
        incident=one.incident_id.hex(),
        clock=clock.clock_id,
        due=micros_text(clock.due_at),
    )
    steps.enter(parts, work, one.incident_id, event)


def _give(parts: Parts, work: UnitOfWork, one: Incident, clock: Clock, mark: Mark, at: datetime, now: datetime) -> None:
    """Tell each role of a reminder: its people in the inbox, its duty mailbox by mail."""
    policy = parts.policy.incidents
    boxes: set[str] = set()
    for role in roles_told(policy.clocks.get(clock.clock_id), policy, mark):
        box = parts.role_mail.get(role, "") if parts.mailer.is_set_up else ""
        is_mailed = bool(box) and box not in boxes  # two roles may share one
        boxes.add(box)
        reminder = Reminder(
            new_id(),
            one.incident_id,
            clock.clock_id,
            mark.number,
            role,
            at,
            mark.is_late(one.opened_at, at),
            MailState.WAITING if is_mailed else MailState.NONE,
            next_try_at=now if is_mailed else None,
        )
        incident_reminders.add(work.connection, reminder)
        if mark.number == OPENED:
            continue  # its people were told as it was opened
        told = others(parts, work.connection, incidents.people_of(work.connection, [role]), one.incident_id)
        notifications.add(work.connection, told, notice_kind(mark, policy), reminder.reminder_id, at)


def _mail(parts: Parts, now: datetime) -> None:
    """Send the letters that wait; each is set aside before it is sent, so that no two processes send it at once.

    One that may have arrived is sent again like one that has not: it bears the same Message-ID, and a deadline that
    nobody hears of is worse than one that is told twice.
    """
    if not parts.mailer.is_set_up:
        return
    with parts.database.read() as connection:
        waiting = incident_reminders.to_mail(connection, now, max(_WAITS), _AT_ONCE)
    with parts.mailer.open() as session:
        for one in waiting:
            letter = _taken(parts, one, now)
            if letter is None:
                continue
            fate = session.send(letter).fate
            if fate is Fate.SENT:
                _settle(parts, one, MailState.SENT, now)
            elif fate is Fate.REFUSED:
                _settle(parts, one, MailState.REFUSED, None)
            elif one.tries + 1 >= TRIES:
                _settle(parts, one, MailState.GIVEN_UP, None)


def _taken(parts: Parts, one: Reminder, now: datetime) -> Letter | None:
    """Set a letter aside and return it; None when somebody else has it, or it is not to be sent any more."""
    with unit_of_work(parts.database) as work:
        if not incident_reminders.take(work.connection, one, now + _WAITS[min(one.tries, TRIES - 1)]):
            return None
        letter = _letter(parts, work.connection, one, now)
        if isinstance(letter, MailState):
            incident_reminders.settle(work.connection, one.reminder_id, letter, None)
        work.commit()
    return None if isinstance(letter, MailState) else letter


def _settle(parts: Parts, one: Reminder, mail: MailState, mailed_at: datetime | None) -> None:
    with unit_of_work(parts.database) as work:
        incident_reminders.settle(work.connection, one.reminder_id, mail, mailed_at)
        work.commit()


def _letter(parts: Parts, connection: Connection, one: Reminder, now: datetime) -> Letter | MailState:
    """Write the letter of a reminder, or tell why there is none any more."""
    to = parts.role_mail.get(one.role)
    if to is None:
        return MailState.NONE
    incident = steps.matter(connection, one.incident_id)
    clocks = {clock.clock_id: clock for clock in incidents.clocks_of(connection, [one.incident_id])[one.incident_id]}
    clock = clocks[one.clock_id]
    at, _ = _times(parts, connection, now)
    if not clock.is_open or incident_reminders.is_overtaken(connection, one, at):
        return MailState.OVERTAKEN
    rule = parts.policy.incidents.clocks.get(one.clock_id)
    zh, en = (rule.zh, rule.en) if rule is not None else (one.clock_id, one.clock_id)
    told = Told(incident.short, zh, en, one.mark, clock.due_at, one.late, incident.drill)
    return Letter(to, subject(told), body(told, parts.policy.zone), one.reminder_id.hex(), one.at)
