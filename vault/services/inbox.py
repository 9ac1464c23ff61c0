"""The inbox: what the vault tells a person, listed and seen; and the reminders that the timetable writes.

Every notice is a row that :func:`vault.storage.notifications.add` writes in the transaction of what it tells of. A
channel of a later day (mail, SMS) attaches here: it reads the rows and carries the word of their kind, never more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.records import to_micros
from vault.services.steps.parts import Parts
from vault.storage import notifications
from vault.storage.notifications import Notice
from vault.storage.unit_of_work import unit_of_work

_LISTED = 200
_KEEP_TIMES = 3
"""A notice is kept so many times as long as an ended session."""


def listed(parts: Parts, person: Person) -> list[Notice]:
    """List a person's own notices, newest first."""
    with parts.database.read() as connection:
        return notifications.listed(connection, person.account_id, _LISTED)


def count_new(parts: Parts, person: Person) -> int:
    """Return how many of a person's notices are new."""
    with parts.database.read() as connection:
        return notifications.count_new(connection, person.account_id)


def see(parts: Parts, person: Person, up_to: datetime, now: datetime) -> int:
    """Note that a person has seen their notices.

    Args:
        parts: the vault's parts.
        person: whose.
        up_to: the time of the newest notice they were shown; later ones stay new.
        now: UTC.

    Returns:
        How many were new until now.
    """
    with unit_of_work(parts.database) as work:
        seen = notifications.see(work.connection, person.account_id, up_to, now)
        work.commit()
    return seen


def tend(parts: Parts, now: datetime) -> int:
    """Remind people of passwords that end soon, once for each password, and forget notices of long ago.

    Returns:
        How many people are within the days of the reminder.
    """
    rule = parts.policy.passwords
    ends, soon = timedelta(days=rule.max_age_days), timedelta(days=rule.remind_days)
    keep = timedelta(days=parts.policy.sessions.keep_ended_days * _KEEP_TIMES)
    with unit_of_work(parts.database) as work:
        due = notifications.passwords_chosen(work.connection, now - ends, now - ends + soon)
        for account_id, changed_at in due:
            # The moment it was chosen stands for the password, so that the next one is reminded of again.
            about = to_micros(changed_at).to_bytes(16, "big")
            notifications.add(work.connection, [account_id], NoticeKind.PASSWORD_ENDS, about, now)
        notifications.forget(work.connection, now - keep)
        work.commit()
    return len(due)
