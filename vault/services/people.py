"""Accounts: invited, activated with a password that only its owner knows, and listed for administrators."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from vault.crypto.passwords import hash_password, waste_time
from vault.domain.ids import Role
from vault.domain.log import Action, Actor, Outcome
from vault.domain.passwords import must_change
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, NotFound, SignInRefused
from vault.services.steps import new_passwords
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import digest, idle_span
from vault.storage import people, sessions
from vault.storage.people import Account
from vault.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One account as an administrator sees it; a colleague's name is no customer data."""

    work_number: str
    name: str
    role: Role
    outlet: str
    team: str
    state: AccountState
    password_changed_at: datetime | None
    must_change: bool
    open_sessions: int


def invite(parts: Parts, actor: Actor, work_number: str, now: datetime) -> str:
    """Make a one-time secret with which a person activates their account and chooses a password.

    Args:
        parts: the vault's parts.
        actor: who invites.
        work_number: whose account.
        now: UTC.

    Returns:
        The secret, shown once; it ends after the policy's hours or when it is replaced.

    Raises:
        NotFound: no account has this work number, or its person has left.
    """
    work_number = normal_work_number(work_number)
    secret = secrets.token_urlsafe(16)
    ends = now + timedelta(hours=parts.policy.sessions.invite_hours)
    with unit_of_work(parts.database) as work:
        account = people.by_work_number(work.connection, work_number)
        if account is None or account.state is AccountState.LEFT:
            raise NotFound("account")
        people.change(work.connection, account.account_id, {"invite_hash": digest(secret), "invite_expires_at": ends})
        work.announce(parts.event(now, actor, Action.INVITE, Outcome.DONE, account=work_number))
        work.commit()
    return secret


def activate(parts: Parts, work_number: str, secret: str, password: str, source: str, now: datetime) -> None:
    """Turn an invitation into an active account with a password its owner chose (administrators never learn it).

    Args:
        parts: the vault's parts.
        work_number: as typed.
        secret: the invitation's.
        password: as typed; rules as for a change, but for what rests on knowing the current one.
        source: network address.
        now: UTC.

    Raises:
        InvalidValue: the password is too short, too long, easy to guess or was used before.
        SignInRefused: unknown account, wrong or expired secret: one answer.
    """
    new_passwords.check_length(parts, password, "password")
    with parts.database.read() as connection:
        account = people.by_work_number(connection, normal_work_number(work_number))
    # A stranger without the secret is not told what a password has to do with the account's owner.
    if account is None or not _invited(account, secret, now):
        waste_time(password)
        _refuse(parts, account, source, now)
    new_passwords.check(parts, account, password, "password")
    values = {
        "state": AccountState.ACTIVE.value,
        "password": hash_password(password),
        "password_changed_at": now,
        "password_expired_at": None,
        "invite_hash": None,
        "invite_expires_at": None,
    }
    actor = Actor(account.work_number, "none", source=source, node=parts.node)
    with unit_of_work(parts.database) as work:
        still = {"state": account.state.value, "invite_hash": account.invite_hash}
        if people.change_if(work.connection, account.account_id, values, **still):
            new_passwords.remember(work.connection, parts, account, now)
            # Whoever knew the old password is out.
            sessions.end_all(work.connection, account.account_id, now)
            work.announce(parts.event(now, actor, Action.ACTIVATE, Outcome.DONE))
            work.commit()
            return
    _refuse(parts, account, source, now)


def list_accounts(parts: Parts, person: Person, now: datetime) -> list[ListedAccount]:
    """List every account for an administrator.

    Raises:
        AccessRefused: the role has no right to accounts.
    """
    if not parts.policy.allows(person.role, Right.ACCOUNTS):
        raise AccessRefused("no_right")
    parts.log_writer.write(parts.event(now, person.actor(), Action.PEOPLE_LIST, Outcome.GRANTED))
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        living = sessions.count_living(connection, now, now - idle_span(parts))
        return [
            ListedAccount(
                one.work_number,
                store.open_person(one.account_id, "name", one.sealed_name).disclose(),
                one.role,
                one.outlet,
                one.team,
                one.state,
                one.password_changed_at,
                one.password_changed_at is not None
                and must_change(parts.policy.passwords, one.password_changed_at, one.password_expired_at, now),
                living.get(one.account_id, 0),
            )
            for one in people.every(connection)
        ]


def _invited(account: Account, secret: str, now: datetime) -> bool:
    return (
        account.state in (AccountState.INVITED, AccountState.ACTIVE)
        and account.invite_hash is not None
        and secrets.compare_digest(account.invite_hash, digest(secret))
        and account.invite_expires_at is not None
        and now < account.invite_expires_at
    )


def _refuse(parts: Parts, account: Account | None, source: str, now: datetime) -> NoReturn:
    # What was typed as a work number may be a password typed in the wrong box: only a known number is logged.
    actor = Actor(account.work_number if account else "unknown", "none", source=source, node=parts.node)
    parts.log_writer.write(parts.event(now, actor, Action.ACTIVATE, Outcome.REFUSED))
    raise SignInRefused("sign_in_refused")
