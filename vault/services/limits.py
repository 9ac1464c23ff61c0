"""Limits on reading: what a person has read so far, and lifting a limit that somebody ran into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.rules.access import Quota, Right
from vault.errors import AccessRefused, NotFound
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import disclosures, notifications, people, signals, supervision
from vault.storage.disclosures import Reading
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class MyLimits:
    """How much somebody has read, and how much they may.

    Args:
        read: look-ups and reveals of the last hour and day.
        customers: distinct customers of whom they revealed something within the window, since the last release.
        quota: of their role; None when it may neither look up nor reveal.
    """

    read: Reading
    customers: int
    quota: Quota | None


def mine(parts: Parts, person: Person, now: datetime) -> MyLimits:
    """Return how much a person has read, and how much they may."""
    policy = parts.policy.limits
    with parts.database.read() as connection:
        released = signals.last_release(connection, person.account_id)
        since = now - policy.window()
        since = max(since, released) if released else since
        return MyLimits(
            disclosures.reading(connection, person.account_id, now),
            len(disclosures.revealed_customers(connection, person.account_id, since)),
            policy.quotas.get(person.role),
        )


def release(parts: Parts, person: Person, signal_id: bytes, now: datetime) -> None:
    """Lift the limit that somebody ran into: from now on their customers are counted anew.

    Args:
        parts: the vault's parts.
        person: a supervisor of theirs, of the team or else the outlet; never themselves.
        signal_id: the signal; what else stands against the same person is lifted with it.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: no such signal, lifted already, or not theirs to lift; logged.
    """
    if not parts.policy.allows(person.role, Right.SUPERVISE):
        _log_refusal(parts, person, "no_right", now)
        raise AccessRefused("no_right")
    with unit_of_work(parts.database) as work:
        signal = signals.one(work.connection, signal_id)
        whose = None if signal is None else _supervised(parts, work, person, signal.account_id)
        if whose is None or not signals.release(work.connection, signal_id, person.account_id, now):
            signal = None
        if signal is not None and whose is not None:
            if signal.kind in signals.OF_CUSTOMERS:
                signals.release_all(work.connection, signal.account_id, person.account_id, now)
            notifications.add(work.connection, [signal.account_id], NoticeKind.LIMIT_RELEASED, signal_id, now)
            work.announce(
                parts.event(
                    now,
                    person.actor(),
                    Action.LIMIT_RELEASED,
                    Outcome.DONE,
                    rule=parts.policy.limits.id,
                    account=whose.work_number,
                    kind=signal.kind.value,
                    count=signal.count,
                )
            )
            work.commit()
    if signal is None:
        _log_refusal(parts, person, "", now)
        raise NotFound("signal")


def sweep(parts: Parts, now: datetime) -> None:
    """Forget what was counted and signalled longer ago than the policy keeps it."""
    before = now - timedelta(days=parts.policy.limits.keep_days)
    with unit_of_work(parts.database) as work:
        disclosures.forget(work.connection, before)
        signals.forget(work.connection, before)
        work.commit()


def _supervised(parts: Parts, work: UnitOfWork, person: Person, account_id: bytes) -> Account | None:
    """Return an account that somebody supervises; None if they do not, or are the same human."""
    if person.account_id not in supervision.supervisors_of(work.connection, account_id):
        return None
    everybody = {one.account_id: one for one in people.every(work.connection)}
    store = parts.keys.current(work.connection)
    theirs = everybody[account_id]
    return None if same_human(store, everybody[person.account_id], theirs) else theirs


def _log_refusal(parts: Parts, person: Person, rule: str, now: datetime) -> None:
    parts.log_writer.write(parts.event(now, person.actor(), Action.LIMIT_RELEASED, Outcome.REFUSED, rule=rule))
