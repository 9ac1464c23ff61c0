"""Accounts and sessions: invited, activated, signed in and out; one answer to every failed sign-in."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.crypto.passwords import hash_password, password_matches, waste_time
from vault.domain.ids import Role, new_id
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import AccountState, Person
from vault.domain.policy import Right
from vault.errors import AccessRefused, InvalidValue, NotFound, SignInRefused
from vault.services.parts import Parts
from vault.storage import people
from vault.storage.people import Account, OpenSession
from vault.storage.unit_of_work import unit_of_work

_TOUCH_EVERY = timedelta(minutes=1)
_WORK_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: its token, shown once, and its absolute end."""

    token: str
    person: Person
    expires_at: datetime


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


def normal_work_number(typed: str) -> str:
    """Return a work number as it is stored, or an empty string, which no account has, for what cannot be one."""
    number = typed.strip().upper()
    return number if _WORK_NUMBER.fullmatch(number) else ""


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
        people.change(work.connection, account.account_id, {"invite_hash": _digest(secret), "invite_expires_at": ends})
        work.announce(parts.event(now, actor, Action.INVITE, Outcome.DONE, account=work_number))
        work.commit()
    return secret


def activate(parts: Parts, work_number: str, secret: str, password: str, source: str, now: datetime) -> None:
    """Turn an invitation into an active account with a password its owner chose (administrators never learn it).

    Raises:
        InvalidValue: the password is too short or too long.
        SignInRefused: unknown account, wrong or expired secret: one answer.
    """
    _check_password(parts, password)
    hashed = hash_password(password)
    with unit_of_work(parts.database) as work:
        account = people.by_work_number(work.connection, normal_work_number(work_number))
        valid = (
            account is not None
            and account.state in (AccountState.INVITED, AccountState.ACTIVE)
            and account.invite_hash is not None
            and secrets.compare_digest(account.invite_hash, _digest(secret))
            and account.invite_expires_at is not None
            and now < account.invite_expires_at
        )
        actor = Actor(account.work_number if account else "unknown", "none", source=source, node=parts.node)
        outcome = Outcome.DONE if valid else Outcome.REFUSED
        if account is not None and valid:
            values = {
                "state": AccountState.ACTIVE.value,
                "password": hashed,
                "password_changed_at": now,
                "invite_hash": None,
                "invite_expires_at": None,
            }
            people.change(work.connection, account.account_id, values)
            people.end_sessions_of(work.connection, account.account_id, now)  # whoever knew the old password is out
        work.announce(parts.event(now, actor, Action.ACTIVATE, outcome))
        work.commit()
    if not valid:
        raise SignInRefused("sign_in_refused")


def sign_in(parts: Parts, work_number: str, password: str, source: str, now: datetime) -> SignedIn:
    """Open a session for a person who knows their password.

    Args:
        parts: the vault's parts.
        work_number: as typed.
        password: as typed.
        source: network address.
        now: UTC.

    Returns:
        The session's token.

    Raises:
        SignInRefused: unknown, wrong, locked, suspended or left: one answer, after the same work.
        LogUnavailable: the sign-in could not be logged.
    """
    with parts.database.read() as connection:
        account = people.by_work_number(connection, normal_work_number(work_number))
    if account is None or account.password is None or account.state is not AccountState.ACTIVE:
        waste_time(password)
        _refuse(parts, account, source, now)
        raise SignInRefused("sign_in_refused")
    if not password_matches(password, account.password) or not _young_enough(parts, account, now):
        _refuse(parts, account, source, now)
        raise SignInRefused("sign_in_refused")
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(hours=parts.policy.sessions.absolute_hours)
    person = _person(parts, account, new_id(), source)
    with unit_of_work(parts.database) as work:
        people.open_session(
            work.connection,
            {
                "session_hash": _digest(token),
                "session_id": person.session_id,
                "account_id": account.account_id,
                "source": source,
                "created_at": now,
                "seen_at": now,
                "expires_at": expires_at,
                "ended_at": None,
            },
        )
        work.announce(parts.event(now, person.actor(), Action.SIGN_IN, Outcome.DONE))
        work.commit()
    return SignedIn(token, person, expires_at)


def sign_out(parts: Parts, person: Person, token: str, now: datetime) -> None:
    """End a session at once; a replayed cookie finds nothing."""
    with unit_of_work(parts.database) as work:
        people.end_session(work.connection, _digest(token), now)
        work.announce(parts.event(now, person.actor(), Action.SIGN_OUT, Outcome.DONE))
        work.commit()


def person_of(parts: Parts, token: str, source: str, now: datetime) -> Person | None:
    """Return who a session token belongs to at this moment, or None.

    Role, state and limits are read anew for each request, so that a change acts on the next one. The time of
    last use is written at most once a minute.
    """
    digest = _digest(token)
    with parts.database.read() as connection:
        session = people.session(connection, digest)
    if session is None or not _alive(parts, session, now):
        return None
    if now - session.seen_at >= _TOUCH_EVERY:
        with unit_of_work(parts.database) as work:
            people.touch_session(work.connection, digest, now)
            work.commit()
    return _person(parts, session.account, session.session_id, source)


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
        return [
            ListedAccount(
                one.work_number,
                store.open_person(one.account_id, "name", one.sealed_name).disclose(),
                one.role,
                one.outlet,
                one.team,
                one.state,
                one.password_changed_at,
            )
            for one in people.every(connection)
        ]


def end_stale_sessions(parts: Parts, now: datetime) -> int:
    """End sessions beyond their limits; they are refused anyway, this only tidies. Returns how many."""
    with unit_of_work(parts.database) as work:
        idle_since = now - timedelta(minutes=parts.policy.sessions.idle_minutes)
        ended = people.end_stale_sessions(work.connection, now, idle_since)
        work.commit()
    return ended


def _alive(parts: Parts, session: OpenSession, now: datetime) -> bool:
    idle = timedelta(minutes=parts.policy.sessions.idle_minutes)
    return (
        session.account.state is AccountState.ACTIVE
        and now < session.expires_at
        and now - session.seen_at < idle
        and _young_enough(parts, session.account, now)
    )


def _young_enough(parts: Parts, account: Account, now: datetime) -> bool:
    """Return whether the password is one that may still be used (AC-04)."""
    changed = account.password_changed_at
    return changed is not None and now - changed < timedelta(days=parts.policy.passwords.max_age_days)


def _person(parts: Parts, account: Account, session_id: bytes, source: str) -> Person:
    if account.password_changed_at is None:
        raise SignInRefused("sign_in_refused")
    return Person(
        account.account_id,
        account.work_number,
        account.role,
        account.outlet,
        account.team,
        account.password_changed_at,
        session_id,
        source,
        parts.node,
    )


def _check_password(parts: Parts, password: str) -> None:
    rule = parts.policy.passwords
    if len(password) < rule.min_length:
        raise InvalidValue("password_too_short", field="password", least=rule.min_length)
    if len(password) > rule.max_length:
        raise InvalidValue("password_too_long", field="password", most=rule.max_length)


def _refuse(parts: Parts, account: Account | None, source: str, now: datetime) -> None:
    # What was typed as a work number may be a password typed in the wrong box: only a known number is logged.
    actor = Actor(account.work_number if account else "unknown", "none", source=source, node=parts.node)
    parts.log_writer.write(parts.event(now, actor, Action.SIGN_IN, Outcome.REFUSED))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
