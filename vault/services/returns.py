"""Coming back after a reset: who waits, who did it, and confirming that it was really them (four eyes)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.domain import returns
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.returns import ResetKind
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps.account_acts import logging_refusals
from vault.services.steps.admission import require_fresh
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.services.steps.returning import concerned, has_come_back, watches, who_confirms
from vault.storage import notifications, people, resets, supervision
from vault.storage.people import Account
from vault.storage.resets import Reset
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

__all__ = ["ResetKind"]

LISTED_DAYS = 30
"""So far back resets are listed; those that nobody has confirmed, however old."""


@dataclass(frozen=True, slots=True)
class ResetLine:
    """One reset.

    Args:
        work_number: whose.
        kind: what was done.
        by: work number of who did it; empty for the local operator.
        at: when, UTC.
        confirmed_by: work number of who confirmed the person's return, or empty.
        confirmed_at: when.
    """

    work_number: str
    kind: ResetKind
    by: str
    at: datetime
    confirmed_by: str
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody whose return nobody has confirmed yet.

    Args:
        work_number: who.
        since: of the first reset.
        is_back: they have chosen a password and set up what their role needs.
        mine: whoever asks may confirm it.
    """

    work_number: str
    since: datetime
    is_back: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Returns:
    """Who waits, the longest first, and every reset of late, newest first."""

    waiting: tuple[Waiting, ...]
    resets: tuple[ResetLine, ...]


def listed(parts: Parts, person: Person, now: datetime) -> Returns:
    """List resets: to administrators and the privacy officer all of them, to supervisors those of their people.

    Args:
        parts: the vault's parts.
        person: who asks; one's own are not listed.
        now: UTC.

    Raises:
        AccessRefused: they neither supervise nor administer, and are not the privacy officer.
        IntegrityError: a stored name was not sealed for its account.
        LogUnavailable: the event could not be made durable; nothing was told.
    """
    with parts.database.read() as connection, refusals_logged(parts, person, Action.PEOPLE_LIST, now):
        everybody = {one.account_id: one for one in people.every(connection)}
        sees_all = watches(parts.policy, everybody[person.account_id])
        if not sees_all and not parts.policy.allows(person.role, Right.SUPERVISE):
            raise AccessRefused("no_right")
        parts.log_writer.write(parts.event(now, person.actor(), Action.PEOPLE_LIST, Outcome.GRANTED))
        found: dict[bytes, list[Reset]] = {}
        for one in resets.lately(connection, now - timedelta(days=LISTED_DAYS)):
            found.setdefault(one.account_id, []).append(one)
        theirs = {
            key
            for key in found
            if key != person.account_id
            and (sees_all or person.account_id in supervision.supervisors_of(connection, key))
        }
        waiting = []
        for key in theirs:
            account = everybody[key]
            since = account.return_owed_since
            needed = returns.is_needed(parts.policy, account.role)
            if since is not None and needed and account.state is not AccountState.LEFT:
                may = who_confirms(connection, parts, account, resets.unconfirmed_of(connection, key))
                back = has_come_back(parts.policy, account)
                waiting.append(Waiting(account.work_number, since, back, person.account_id in may))
    lines = [_line(everybody, one) for key in theirs for one in found[key]]
    return Returns(
        tuple(sorted(waiting, key=lambda one: (one.since, one.work_number))),
        tuple(sorted(lines, key=lambda one: one.at, reverse=True)),
    )


def confirm(parts: Parts, person: Person, work_number: str, now: datetime) -> None:
    """Confirm that somebody has come back themselves after a reset: from now on their account acts again.

    Args:
        parts: the vault's parts.
        person: who has spoken with them: a supervisor of theirs or, where none is there, another administrator than
            who did the resetting, or the privacy officer.
        work_number: who came back.
        now: UTC.

    Raises:
        AccessRefused: they had a hand in the resets (``own_reset``), or it is for others to confirm
            (``others_confirm``).
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: nothing is owed (``act_not_possible``), or the person has not come back yet
            (``not_back_yet``).
        NotFound: no such account, their own, or one whose resets they may not know of: one answer.
    """
    with (
        logging_refusals(parts, person, Action.RETURN_CONFIRMED, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = _taken(parts, work, person, work_number, now)
        unconfirmed = resets.unconfirmed_of(work.connection, account.account_id)
        owed = any(one.kind is not ResetKind.SECRET for one in unconfirmed)
        if not owed or not returns.is_needed(parts.policy, account.role):
            raise InvalidValue("act_not_possible", field="account")
        if person.account_id not in who_confirms(work.connection, parts, account, unconfirmed):
            mine = any(one.reset_by == person.account_id for one in unconfirmed)
            raise AccessRefused("own_reset" if mine else "others_confirm")
        if not has_come_back(parts.policy, account):
            raise InvalidValue("not_back_yet", field="account")
        count = resets.confirm(work.connection, account.account_id, person.account_id, now)
        told, about = [account.account_id], unconfirmed[-1].reset_id
        notifications.add(work.connection, told, NoticeKind.RETURN_CONFIRMED, about, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.RETURN_CONFIRMED,
                Outcome.DONE,
                rule=parts.policy.passwords.id,
                account=account.work_number,
                count=count,
            )
        )
        work.commit()


def _taken(parts: Parts, work: UnitOfWork, person: Person, work_number: str, now: datetime) -> Account:
    """Take the account whose return is confirmed; it and the confirming one stay as they are until the end."""
    number = normal_work_number(work_number)
    locked = people.locked(work.connection, (person.work_number, number))
    me, account = locked.get(person.work_number), locked.get(number)
    if me is None or me.state is not AccountState.ACTIVE:
        raise AccessRefused("no_right")
    require_fresh(parts, person, now)
    if account is None or me.account_id not in concerned(work.connection, parts.policy, account):
        raise NotFound("account")
    return account


def _line(everybody: dict[bytes, Account], one: Reset) -> ResetLine:
    def number(account_id: bytes | None) -> str:
        """Return somebody's work number, or nothing for nobody."""
        return "" if account_id is None else everybody[account_id].work_number

    return ResetLine(
        number(one.account_id), one.kind, number(one.reset_by), one.reset_at, number(one.confirmed_by), one.confirmed_at
    )
