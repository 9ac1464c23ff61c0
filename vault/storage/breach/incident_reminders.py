"""Reminders of the clocks of incidents: each written once, and the letter of each, which is tried until it is given up.

The key of a row is the election: whoever writes it has reminded, on any number of processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.breach.incidents import IncidentState
from vault.domain.ids import Role
from vault.storage.tables import incident_reminders, incidents

CLOCKS_DIFFER = timedelta(minutes=10)
"""By how much the clocks of two nodes may differ; a reminder from further ahead was given by a wrong clock."""

_KEY = ("incident_id", "clock_id", "mark", "role")


class MailState(StrEnum):
    """How far the letter of a reminder has come."""

    NONE = "none"
    """No mail server is set, or no mailbox for the role."""
    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    GIVEN_UP = "given_up"
    OVERTAKEN = "overtaken"
    """Before it could be sent, a later reminder was given, or what it asks for was done."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder to one role.

    Args:
        reminder_id: random id; notices are about it, and it names the letter.
        incident_id: the incident.
        clock_id: its clock.
        mark: hundredths of the clock's length; beyond 100 one more for each repeat.
        role: who was told.
        at: when, UTC.
        late: it came long after its time.
        mail: how far its letter has come.
        tries: how often the letter was tried.
        next_try_at: when it is tried again; None when it is not.
        mailed_at: when the mail server took it.
    """

    reminder_id: bytes
    incident_id: bytes
    clock_id: str
    mark: int
    role: Role
    at: datetime
    late: bool
    mail: MailState
    tries: int = 0
    next_try_at: datetime | None = None
    mailed_at: datetime | None = None


_COLUMNS = (
    incident_reminders.c.reminder_id,
    incident_reminders.c.incident_id,
    incident_reminders.c.clock_id,
    incident_reminders.c.mark,
    incident_reminders.c.role,
    incident_reminders.c.at,
    incident_reminders.c.late,
    incident_reminders.c.mail,
    incident_reminders.c.tries,
    incident_reminders.c.next_try_at,
    incident_reminders.c.mailed_at,
)


def add(connection: Connection, one: Reminder) -> None:
    """Write a reminder, unless it stands there; one that was given by a clock that was ahead is given again."""
    values = {
        "reminder_id": one.reminder_id,
        "incident_id": one.incident_id,
        "clock_id": one.clock_id,
        "mark": one.mark,
        "role": one.role.value,
        "at": one.at,
        "late": one.late,
        "mail": one.mail.value,
        "tries": one.tries,
        "next_try_at": one.next_try_at,
        "mailed_at": one.mailed_at,
    }
    put = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    again = {name: value for name, value in values.items() if name not in _KEY}
    writing = put(incident_reminders).values(**values)
    connection.execute(
        writing.on_conflict_do_update(
            index_elements=_KEY, set_=again, where=incident_reminders.c.at > one.at + CLOCKS_DIFFER
        )
    )


def highest_marks(connection: Connection, at: datetime, of: bytes | None = None) -> dict[tuple[bytes, str], int]:
    """Return the highest mark told of each clock; what a clock that was ahead told does not count.

    Args:
        connection: an open connection.
        at: UTC, effective.
        of: one incident; None for all that are not closed.
    """
    column = incident_reminders.c
    of_open = select(incidents.c.incident_id).where(incidents.c.state != IncidentState.CLOSED.value)
    query = (
        select(column.incident_id, column.clock_id, func.max(column.mark))
        .where(column.incident_id == of if of else column.incident_id.in_(of_open), column.at <= at + CLOCKS_DIFFER)
        .group_by(column.incident_id, column.clock_id)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def one(connection: Connection, reminder_id: bytes) -> Reminder | None:
    """Return a reminder."""
    row = connection.execute(select(*_COLUMNS).where(incident_reminders.c.reminder_id == reminder_id)).first()
    return None if row is None else _reminder(row)


def of_incident(connection: Connection, incident_id: bytes) -> list[Reminder]:
    """List the reminders of an incident, the earliest first."""
    column = incident_reminders.c
    query = select(*_COLUMNS).where(column.incident_id == incident_id)
    return [
        _reminder(row)
        for row in connection.execute(query.order_by(column.at, column.clock_id, column.mark, column.role))
    ]


def to_mail(connection: Connection, now: datetime, longest: timedelta, limit: int) -> list[Reminder]:
    """List reminders whose letter is due now, in turn: of each incident one letter, then of each another one.

    First comes the incident that had a letter longest ago, or none yet, the earliest first: neither one that has many
    to send nor many that were opened before or after it keep an incident waiting. Of one the newest goes first: it
    says most.

    Args:
        connection: an open connection.
        now: UTC.
        longest: the longest wait between two tries; one that waits longer was set by a clock that was ahead.
        limit: so many at most.
    """
    column = incident_reminders.c
    due = or_(column.next_try_at <= now, column.next_try_at > now + longest)
    turn = func.row_number().over(partition_by=column.incident_id, order_by=(column.at.desc(), column.reminder_id))
    others = incident_reminders.alias()
    mailed_at = select(func.max(others.c.mailed_at)).where(others.c.incident_id == column.incident_id)
    last = mailed_at.scalar_subquery()
    query = (
        select(*_COLUMNS)
        .join(incidents, incidents.c.incident_id == column.incident_id)
        .where(column.next_try_at.is_not(None), due)
        .order_by(turn, last.is_not(None), last, incidents.c.opened_at, column.incident_id)
    )
    return [_reminder(row) for row in connection.execute(query.limit(limit))]


def is_overtaken(connection: Connection, one: Reminder, at: datetime) -> bool:
    """Return whether a later reminder of the same clock was given to the same role, or this one by a wrong clock.

    Args:
        connection: an open connection.
        one: the reminder.
        at: UTC, effective.
    """
    column = incident_reminders.c
    later = select(column.mark).where(
        column.incident_id == one.incident_id,
        column.clock_id == one.clock_id,
        column.role == one.role.value,
        column.mark > one.mark,
        column.at <= at + CLOCKS_DIFFER,
    )
    return one.at > at + CLOCKS_DIFFER or connection.execute(later.limit(1)).first() is not None


def take(connection: Connection, one: Reminder, next_try_at: datetime) -> bool:
    """Set a letter aside for one try; should it never end, the next one comes at its time.

    Args:
        connection: inside a writing transaction.
        one: the reminder as it was read.
        next_try_at: when it is tried again unless :func:`settle` says otherwise.

    Returns:
        Whether nobody else has taken it.
    """
    column = incident_reminders.c
    taking = update(incident_reminders).where(
        column.reminder_id == one.reminder_id,
        column.mail == MailState.WAITING.value,
        column.tries == one.tries,
        column.next_try_at == one.next_try_at,
    )
    return connection.execute(taking.values(tries=one.tries + 1, next_try_at=next_try_at)).rowcount == 1


def settle(connection: Connection, reminder_id: bytes, mail: MailState, mailed_at: datetime | None) -> None:
    """Note what became of a letter for good."""
    settling = update(incident_reminders).where(
        incident_reminders.c.reminder_id == reminder_id, incident_reminders.c.mail == MailState.WAITING.value
    )
    connection.execute(settling.values(mail=mail.value, mailed_at=mailed_at, next_try_at=None))


def count_lost(connection: Connection, since: datetime) -> int:
    """Return how many letters since some time were refused or given up."""
    column = incident_reminders.c
    lost = column.mail.in_([MailState.REFUSED.value, MailState.GIVEN_UP.value])
    query = select(func.count()).select_from(incident_reminders).where(lost, column.at >= since)
    return int(connection.execute(query).scalar_one())


def _reminder(row: Row[*tuple[Any, ...]]) -> Reminder:
    told = {column.name: value for column, value in zip(_COLUMNS, row, strict=True)}
    return Reminder(**(told | {"role": Role(told["role"]), "mail": MailState(told["mail"])}))
