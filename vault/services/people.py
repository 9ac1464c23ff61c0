"""Accounts: invited, activated with a password that only its owner knows, and listed for administrators."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from vault.crypto.passwords import hash_password, waste_time
from vault.domain.accounts import Act, led_to, possible
from vault.domain.ids import Role
from vault.domain.log import Action, Actor, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.passwords import must_change
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.returns import ResetKind, is_needed
from vault.errors import NotFound, SignInRefused
from vault.services.steps import new_passwords, throttle
from vault.services.steps.account_acts import logging_refusals, require_accounts
from vault.services.steps.humans import name_of, shared_names
from vault.services.steps.parts import Parts
from vault.services.steps.returning import could_act, note_reset
from vault.services.steps.second_factor import code_is_right
from vault.services.steps.tokens import digest, idle_span
from vault.storage import notifications, people, sessions
from vault.storage.people import PERSON, SERVICE, Account
from vault.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """One account as an administrator sees it; a colleague's name is no customer data.

    Args:
        work_number: 工号.
        name: of its human, or what a program is called.
        role: its role.
        outlet: code of the outlet.
        team: code of the team, or empty.
        state: where it stands in its life.
        password_changed_at: when its password was chosen; None without one.
        must_change: whether the password is too old.
        open_sessions: how many sessions open doors now.
        is_program: whether it is a service account.
        second_factor: whether a second factor is confirmed.
        same_name: whether another account bears the same name: for decisions of two people they count as one.
        acts: what an administrator can do to it in this state.
        return_owed: it was reset, and nobody has confirmed yet that its person came back.
    """

    work_number: str
    name: str
    role: Role
    outlet: str
    team: str
    state: AccountState
    password_changed_at: datetime | None
    must_change: bool
    open_sessions: int
    is_program: bool
    second_factor: bool
    same_name: bool
    acts: frozenset[Act]
    return_owed: bool


def invite(parts: Parts, actor: Actor, work_number: str, now: datetime) -> str:
    """Make a one-time secret with which a person activates their account and chooses a password.

    The local operator's way, for the first administrator and for new colleagues; administrators have
    :mod:`vault.services.accounts`. A password in use stays in use until its owner chooses the next one; then the owner,
    their supervisors, the administrators and the privacy officer are told.

    Args:
        parts: the vault's parts.
        actor: who invites.
        work_number: whose account.
        now: UTC.

    Returns:
        The secret, shown once; it ends after the policy's hours or when it is replaced.

    Raises:
        NotFound: no person's account has this work number, or its person has left.
    """
    work_number = normal_work_number(work_number)
    secret = secrets.token_urlsafe(16)
    ends = now + timedelta(hours=parts.policy.sessions.invite_hours)
    with unit_of_work(parts.database) as work:
        account = people.by_work_number(work.connection, work_number)
        if account is None or account.state is AccountState.LEFT or account.kind != PERSON:
            raise NotFound("account")
        people.change(work.connection, account.account_id, {"invite_hash": digest(secret), "invite_expires_at": ends})
        event = parts.event(now, actor, Action.INVITE, Outcome.DONE, account=work_number)
        if could_act(account):
            notifications.add(work.connection, [account.account_id], NoticeKind.ACCOUNT_RESET, event.event_id, now)
            note_reset(parts, work, event, account, ResetKind.SECRET, None, now)
        work.announce(event)
        work.commit()
    return secret


def activate(
    parts: Parts, work_number: str, secret: str, password: str, source: str, now: datetime, *, code: str = ""
) -> None:
    """Turn an invitation into an active account with a password its owner chose (administrators never learn it).

    An account that kept its second factor through a reset asks for its code too: the secret alone, which somebody
    else has seen, opens nothing.

    Args:
        parts: the vault's parts.
        work_number: as typed.
        secret: the invitation's.
        password: as typed; rules as for a change, but for what rests on knowing the current one.
        source: network address.
        now: UTC.
        code: of the second factor, as typed; not looked at when the account has none.

    Raises:
        InvalidValue: the password is too short, too long, easy to guess or was used before.
        SignInRefused: unknown account, wrong or expired secret, wrong or used code: one answer.
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
    asks_code = account.totp_confirmed_at is not None
    tried = throttle.count_code(parts, account.work_number, now) if asks_code else None
    actor = Actor(account.work_number, "none", source=source, node=parts.node)
    with unit_of_work(parts.database) as work:
        proved = tried is None or (code_is_right(parts, work, account, code, now) and not tried.throttled)
        still = {
            "state": account.state.value,
            "invite_hash": account.invite_hash,
            "totp_confirmed_at": account.totp_confirmed_at,
        }
        if proved and people.change_if(work.connection, account.account_id, values, **still):
            if tried is not None:
                throttle.succeeded(work.connection, tried)
            new_passwords.remember(work.connection, parts, account, now)
            # Whoever knew the old password is out.
            sessions.end_all(work.connection, account.account_id, now)
            work.announce(parts.event(now, actor, Action.ACTIVATE, Outcome.DONE))
            work.commit()
            return
    _refuse(parts, account, source, now)


def list_accounts(
    parts: Parts, person: Person, now: datetime, state: AccountState | None = None
) -> list[ListedAccount]:
    """List accounts for an administrator: all of them, or those in one state.

    Raises:
        AccessRefused: the role has no right to accounts.
    """
    with logging_refusals(parts, person, Action.PEOPLE_LIST, "", now):
        require_accounts(parts, person)
    parts.log_writer.write(parts.event(now, person.actor(), Action.PEOPLE_LIST, Outcome.GRANTED))
    return [one for one in _every(parts, now) if state is None or one.state is state]


def one_account(parts: Parts, person: Person, work_number: str, now: datetime) -> ListedAccount:
    """Return one account for an administrator.

    Raises:
        AccessRefused: the role has no right to accounts.
        NotFound: no account has this work number.
    """
    number = normal_work_number(work_number)
    with logging_refusals(parts, person, Action.PEOPLE_LIST, number, now):
        require_accounts(parts, person)
        found = next((one for one in _every(parts, now) if one.work_number == number), None)
        if found is None:
            raise NotFound("account")
    parts.log_writer.write(parts.event(now, person.actor(), Action.PEOPLE_LIST, Outcome.GRANTED, account=number))
    return found


def _every(parts: Parts, now: datetime) -> list[ListedAccount]:
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        living = sessions.count_living(connection, now, now - idle_span(parts))
        accounts = people.every(connection)
    names = {one.account_id: name_of(store, one) for one in accounts}
    people_here = [one for one in accounts if one.kind == PERSON]
    shared = shared_names((one.account_id, names[one.account_id]) for one in people_here)
    return [
        ListedAccount(
            one.work_number,
            names[one.account_id],
            one.role,
            one.outlet,
            one.team,
            one.state,
            one.password_changed_at,
            one.password_changed_at is not None
            and must_change(parts.policy.passwords, one.password_changed_at, one.password_expired_at, now),
            living.get(one.account_id, 0),
            one.kind == SERVICE,
            one.totp_confirmed_at is not None,
            one.account_id in shared,
            possible(one.state, is_program=one.kind == SERVICE),
            one.return_owed_since is not None
            and one.state is not AccountState.LEFT
            and is_needed(parts.policy, one.role),
        )
        for one in accounts
    ]


def _invited(account: Account, secret: str, now: datetime) -> bool:
    return (
        led_to(account.state, Act.ACTIVATE, can_sign_in=True) is not None
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
