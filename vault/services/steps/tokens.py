"""Steps around session tokens: what is stored of one, whom it stands for, what they owe first; opening a session."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.domain.ids import new_id
from vault.domain.passwords import must_change
from vault.domain.people import Must, Person
from vault.domain.returns import is_needed
from vault.domain.rules.people import SessionPolicy
from vault.errors import AccessRefused, PasswordExpired, SignInRefused
from vault.services.steps.parts import Parts
from vault.storage import sessions
from vault.storage.people import Account

_OWED_REASONS = {Must.CODE: "must_code", Must.ENROL: "must_enrol", Must.CONFIRMATION: "must_be_confirmed"}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: its token, shown once, and its absolute end."""

    token: str
    person: Person
    expires_at: datetime


def digest(secret: str) -> bytes:
    """Return what is stored of a random secret in its place."""
    return hashlib.sha256(secret.encode()).digest()


def idle_span(parts: Parts) -> timedelta:
    """Return after how long without use a session opens nothing."""
    return timedelta(minutes=parts.policy.sessions.idle_minutes)


def is_fresh(rule: SessionPolicy, person: Person, now: datetime) -> bool:
    """Return whether password and second factor were given so lately that an act which asks for them goes on."""
    return person.proved_at is not None and timedelta() <= now - person.proved_at <= rule.second_factor.step_up()


def person_at(
    parts: Parts, account: Account, session_id: bytes, source: str, proved_at: datetime | None, now: datetime
) -> Person:
    """Return who stands behind a session at this moment.

    Args:
        parts: the vault's parts.
        account: whose session.
        session_id: the session, as the log names it.
        source: network address.
        proved_at: when password and second factor were last given in it.
        now: UTC.

    Raises:
        SignInRefused: the account has no password.
    """
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
        must=first_duty(parts, account, proved_at, now),
        proved_at=proved_at,
    )


def first_duty(parts: Parts, account: Account, proved_at: datetime | None, now: datetime) -> Must | None:
    """Return what the person of an account must do before anything else; each duty comes before the next.

    Args:
        parts: the vault's parts.
        account: a person's, not a program's.
        proved_at: when password and second factor were last given; None while the code is owed.
        now: UTC.
    """
    if account.totp_confirmed_at is not None and proved_at is None:
        return Must.CODE
    changed_at = account.password_changed_at
    if changed_at is None or must_change(parts.policy.passwords, changed_at, account.password_expired_at, now):
        return Must.PASSWORD
    if parts.policy.roles[account.role].second_factor and account.totp_confirmed_at is None:
        return Must.ENROL
    if account.return_owed_since is not None and is_needed(parts.policy, account.role):
        return Must.CONFIRMATION
    return None


def refuse_owing(must: Must | None) -> None:
    """Refuse somebody who must do something else first.

    Raises:
        PasswordExpired: the password is too old.
        AccessRefused: the code of the second factor is owed, the second factor itself, or that a colleague confirms
            their return.
    """
    if must is Must.PASSWORD:
        raise PasswordExpired
    if must is not None:
        raise AccessRefused(_OWED_REASONS[must])


def open_session(
    connection: Connection, parts: Parts, account: Account, source: str, proved_at: datetime | None, now: datetime
) -> SignedIn:
    """Open a session with a token that nobody has seen before.

    Args:
        connection: inside a writing transaction.
        parts: the vault's parts.
        account: whose session.
        source: network address.
        proved_at: when password and second factor were given; None while the second factor is owed.
        now: UTC.
    """
    token, session_id = secrets.token_urlsafe(32), new_id()
    expires_at = now + timedelta(hours=parts.policy.sessions.absolute_hours)
    values = {
        "session_hash": digest(token),
        "session_id": session_id,
        "account_id": account.account_id,
        "source": source,
        "created_at": now,
        "seen_at": now,
        "expires_at": expires_at,
        "proved_at": proved_at,
    }
    sessions.add(connection, values)
    return SignedIn(token, person_at(parts, account, session_id, source, proved_at, now), expires_at)


def renew_session(
    connection: Connection, parts: Parts, account: Account, person: Person, now: datetime
) -> SignedIn | None:
    """Let a session go on as proved at this moment, under a token that nobody has seen before (ASVS 7.2.4).

    Args:
        connection: inside a writing transaction.
        parts: the vault's parts.
        account: the person's account as it is now.
        person: whose session.
        now: UTC.

    Returns:
        The session with its new token; None if it ended meanwhile.
    """
    token = secrets.token_urlsafe(32)
    expires_at = sessions.renew(connection, person.session_id, digest(token), now)
    if expires_at is None:
        return None
    return SignedIn(token, person_at(parts, account, person.session_id, person.source, now, now), expires_at)
