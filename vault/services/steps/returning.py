"""Steps around the return of somebody who was reset: noting and telling who did it, and who confirms the return."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.log import Event
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Must, Person
from vault.domain.policy import Policy
from vault.domain.returns import Able, ResetKind, confirmers
from vault.domain.rules.access import Right
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import notifications, people, resets, supervision
from vault.storage.people import PERSON, Account
from vault.storage.resets import Reset
from vault.storage.unit_of_work import UnitOfWork


def could_act(account: Account) -> bool:
    """Return whether there is something of its person's own to lose: somebody else could act in their name."""
    return account.password is not None or account.totp_confirmed_at is not None


def note_reset(
    parts: Parts, work: UnitOfWork, event: Event, account: Account, kind: ResetKind, by: Person | None, now: datetime
) -> None:
    """Note who reset an account, and tell it at once to its supervisors, the other administrators and the officer.

    Args:
        parts: the vault's parts.
        work: the transaction of the reset.
        event: of the reset; notices are about it.
        account: whose, as it was before.
        kind: what was done.
        by: the administrator; None for the local operator.
        now: UTC.
    """
    resets.add(
        work.connection, Reset(event.event_id, account.account_id, kind, None if by is None else by.account_id, now)
    )
    told = concerned(work.connection, parts.policy, account) - {by.account_id if by else b""}
    notifications.add(work.connection, told, NoticeKind.COLLEAGUE_RESET, event.event_id, now)


def concerned(connection: Connection, policy: Policy, account: Account) -> frozenset[bytes]:
    """Return who may know of resets of an account: its supervisors, administrators and the privacy officer."""
    watching = {one.account_id for one in people.every(connection) if watches(policy, one)}
    supervising = supervision.supervisors_of(connection, account.account_id)
    return frozenset({*supervising, *watching} - {account.account_id})


def watches(policy: Policy, account: Account) -> bool:
    """Return whether somebody may know of every reset: an administrator, or the privacy officer."""
    officer = account.work_number == policy.company.privacy_officer
    return _is_at_work(account) and (officer or policy.allows(account.role, Right.ACCOUNTS))


def who_confirms(
    connection: Connection, parts: Parts, account: Account, unconfirmed: Collection[Reset]
) -> frozenset[bytes]:
    """Return who may confirm somebody's return: never they themselves, nor who had a hand in the resets.

    Args:
        connection: an open connection.
        parts: the vault's parts.
        account: whose return.
        unconfirmed: their resets that nobody has confirmed; who made one is out, under whichever account.

    Raises:
        IntegrityError: a stored name was not sealed for its account.
    """
    store, policy = parts.keys.current(connection), parts.policy
    everybody = {one.account_id: one for one in people.every(connection)}
    barred = [account, *(everybody[one.reset_by] for one in unconfirmed if one.reset_by is not None)]
    supervising = supervision.supervisors_of(connection, account.account_id)

    def able(one: Account) -> bool:
        """Tell whether somebody is at work, and another human than everybody who is barred."""
        return _is_at_work(one) and not any(same_human(store, one, other) for other in barred)

    return confirmers(
        policy.passwords.reset_needs_confirmation_by,
        Able(
            frozenset(one for one in supervising if able(everybody[one])),
            frozenset(key for key, one in everybody.items() if policy.allows(one.role, Right.ACCOUNTS) and able(one)),
            frozenset(
                key for key, one in everybody.items() if one.work_number == policy.company.privacy_officer and able(one)
            ),
        ),
    )


def has_come_back(policy: Policy, account: Account) -> bool:
    """Return whether somebody has done all that a reset leaves to them: chosen a password, set up a second factor."""
    has_factor = account.totp_confirmed_at is not None or not policy.roles[account.role].second_factor
    return account.state is AccountState.ACTIVE and account.password is not None and has_factor


def tell_waiting(parts: Parts, work: UnitOfWork, person: Person, now: datetime) -> None:
    """Tell those who confirm, once for each reset, that somebody is back and waits for them."""
    if person.must is not Must.CONFIRMATION:
        return
    account = people.by_work_number(work.connection, person.work_number)
    unconfirmed = resets.unconfirmed_of(work.connection, person.account_id)
    if account is not None and unconfirmed:
        told = who_confirms(work.connection, parts, account, unconfirmed)
        notifications.add(work.connection, told, NoticeKind.RETURN_WAITS, unconfirmed[-1].reset_id, now)


def _is_at_work(account: Account) -> bool:
    return account.state is AccountState.ACTIVE and account.kind == PERSON
