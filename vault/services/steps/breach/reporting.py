"""Reports beyond what one person can mean in an hour: each is kept, as a line of an incident that they opened (BR-04).

Nobody is refused who reports. But whoever opens one incident after the other would bury the one that is real: then it
is lines of their own newest open incident, with what they typed, and officers are told of the first of them. Beyond as
many lines again they are counted on the newest one, where what was typed last is read first. Each is an event.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.breach.incidents import Incident, Verdict
from vault.domain.log import Action, Event, Outcome, micros_text
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.services.steps.breach.concerned import others
from vault.services.steps.breach.incidents import (
    NOTE,
    NOTE_LENGTH,
    Opening,
    aware_at_of,
    checked_note,
    effective,
    enter,
    matter,
)
from vault.services.steps.parts import Parts
from vault.storage import notifications
from vault.storage.breach import further_reports, incidents
from vault.storage.breach.further_reports import Further
from vault.storage.unit_of_work import UnitOfWork

_HOUR = timedelta(hours=1)


def to_join(parts: Parts, connection: Connection, person: Person, now: datetime, *, drill: bool) -> bytes | None:
    """Return the incident that a person's report joins: their newest open one, once the hour's number is reached.

    What officers took for no breach is joined by nothing: it must not swallow the next report.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        person: who reports.
        now: UTC.
        drill: whether it is a rehearsal; what is real never joins one.

    Returns:
        The incident; None when the report opens one of its own.
    """
    most = parts.policy.incidents.reports_hour
    since = effective(connection, now) - _HOUR
    opened = incidents.opened_by(connection, person.work_number, since, most, drill=drill)
    if len(opened) < most:
        return None
    return next((one.incident_id for one in opened if _takes_more(one)), None)


def join(parts: Parts, work: UnitOfWork, person: Person, incident_id: bytes, opening: Opening, now: datetime) -> bool:
    """Write a report into the timeline of an incident of the same person, or count it on a line there.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        person: who reports.
        incident_id: their incident.
        opening: what is said; its time of awareness moves no deadline, but an officer may correct it by that.
        now: UTC.

    Returns:
        Whether it was still open.

    Raises:
        InvalidValue: as for opening an incident.
    """
    at = effective(work.connection, now)
    aware_at = aware_at_of(parts, opening, at)
    one = matter(work.connection, incident_id, locked=True)
    if not _takes_more(one):
        return False
    if not incidents.has_entry(work.connection, incident_id, Action.INCIDENT_REPORTED.value):
        told = incidents.people_of(work.connection, parts.policy.incidents.told)
        told = others(parts, work.connection, told, incident_id)
        notifications.add(work.connection, told, NoticeKind.INCIDENT_REPORTED, incident_id, at)
    event = parts.event(
        at,
        person.actor(),
        Action.INCIDENT_REPORTED,
        Outcome.DONE,
        rule=parts.policy.incidents.id,
        incident=incident_id.hex(),
        kind=opening.kind.value,
        source=opening.source.value,
        aware_at=micros_text(aware_at),
    )
    lines = further_reports.lines(work.connection, incident_id, at - _HOUR, parts.policy.incidents.reports_hour)
    if len(lines) < parts.policy.incidents.reports_hour:
        enter(parts, work, incident_id, event, opening.note)
    else:
        _count(parts, work, lines[0], event, opening.note)
    return True


def _count(parts: Parts, work: UnitOfWork, line_id: bytes, event: Event, note: str) -> None:
    """Count a report on a line, its note before those of the others, of which the oldest make room."""
    note, store = checked_note(note), parts.keys.current(work.connection)
    before = further_reports.of_line(work.connection, line_id)
    older = ""
    if before is not None and before.sealed_notes is not None:
        older = store.open_person(before.newest_id, NOTE, before.sealed_notes).disclose()
    notes = "\n".join(one for one in (note, older) if one)[:NOTE_LENGTH]
    sealed = store.seal_person(event.event_id, NOTE, notes) if notes else None
    count = 1 if before is None else before.count + 1
    further_reports.put(work.connection, Further(line_id, count, event.at, event.event_id, sealed))
    work.announce(event)


def _takes_more(one: Incident) -> bool:
    return not one.is_closed and one.verdict is not Verdict.NO_BREACH
