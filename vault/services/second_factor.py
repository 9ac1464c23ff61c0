"""The second factor: given at sign-in and before grave acts, set up by its person, reset by an administrator.

Today it is a code of an authenticator app (RFC 6238) or, in its place, a recovery code.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import pyotp

from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import Must, Person
from vault.domain.returns import ResetKind
from vault.domain.second_factor import RECOVERY_LETTERS, is_of_recovery, normal_code
from vault.errors import InvalidValue, NotFound, SignInRefused
from vault.services.steps import throttle
from vault.services.steps.account_acts import logging_refusals, taken
from vault.services.steps.admission import require_fresh
from vault.services.steps.parts import Parts
from vault.services.steps.proof import prove, prove_code
from vault.services.steps.returning import note_reset, tell_waiting
from vault.services.steps.second_factor import fitting_steps
from vault.services.steps.tokens import SignedIn, digest, first_duty, renew_session
from vault.storage import notifications, people, second_factors, sessions
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_SECRET_LETTERS = 32
"""Letters of base32 in a shared secret: 160 bits, as RFC 4226 §4 recommends."""

_NONE: dict[str, None] = {"sealed_totp": None, "totp_confirmed_at": None, "totp_step": None}
_PENDING = "totp_pending"
"""How a secret is sealed until its first code: it never opens as a second factor in force."""


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """How a person stands with their second factor.

    Args:
        confirmed_at: when it was set up; None without one.
        recovery_left: how many recovery codes are unused.
        required: their role must have one.
    """

    confirmed_at: datetime | None
    recovery_left: int
    required: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """A shared secret on its way into an app.

    Args:
        secret: in base32.
        uri: the same as apps read it from a QR code; it names the company and the work number.
    """

    secret: str
    uri: str


# -- giving it ---------------------------------------------------------------------------------------------------


def give_code(parts: Parts, person: Person, code: str, now: datetime) -> SignedIn:
    """Take the code that a session owes; it goes on under a new token.

    Args:
        parts: the vault's parts.
        person: who signed in by password.
        code: of their app, or a recovery code, as typed.
        now: UTC.

    Raises:
        InvalidValue: wrong, used, too late or tried too often: one answer; or the session owes none.
        SignInRefused: the session ended meanwhile.
    """
    if person.must is not Must.CODE:  # a code alone never makes a stale session fresh
        raise InvalidValue("code_not_owed", field="code")
    account = _account(parts, person)
    try:
        prove_code(parts, account, code, person.actor(), Action.CODE, now)
    except SignInRefused:
        raise InvalidValue("code_refused", field="code") from None
    return _renewed(parts, account, person, Action.CODE, code, now)


def confirm(parts: Parts, person: Person, password: str, code: str, now: datetime) -> SignedIn:
    """Let a person prove once more who they are (step-up, ASVS 7.5.3); the session goes on under a new token.

    Args:
        parts: the vault's parts.
        person: who is signed in.
        password: as typed.
        code: as typed; not looked at without a second factor.
        now: UTC.

    Raises:
        InvalidValue: password or code wrong, or tried too often: one answer.
        SignInRefused: the session ended meanwhile.
    """
    try:
        account = prove(parts, person.work_number, password, code, person.actor(), Action.CONFIRMED, now)
    except SignInRefused:
        raise InvalidValue("confirmation_refused", field="password") from None
    return _renewed(parts, account, person, Action.CONFIRMED, code if account.totp_confirmed_at else "", now)


# -- one's own ---------------------------------------------------------------------------------------------------


def status(parts: Parts, person: Person) -> SecondFactor:
    """Return how a person stands with their second factor."""
    account = _account(parts, person)
    with parts.database.read() as connection:
        left = second_factors.recovery_codes_left(connection, person.account_id)
    return SecondFactor(account.totp_confirmed_at, left, parts.policy.roles[person.role].second_factor)


def begin(parts: Parts, person: Person, issuer: str, now: datetime) -> Pending:
    """Make a shared secret; it becomes the second factor with its first code, given in this very session.

    Args:
        parts: the vault's parts.
        person: whose it will be.
        issuer: the company's name in the person's language, by which their app lists it.
        now: UTC.

    Raises:
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: there is a second factor already.
    """
    require_fresh(parts, person, now)
    secret = pyotp.random_base32(_SECRET_LETTERS)
    with unit_of_work(parts.database) as work:
        store = parts.keys.current(work.connection)
        # Bound to the session: a secret that somebody else has seen is never confirmed by its owner.
        text = f"{person.session_id.hex()} {secret}"
        values = _NONE | {"sealed_totp": store.seal_person(person.account_id, _PENDING, text)}
        if not people.change_if(work.connection, person.account_id, values, totp_confirmed_at=None):
            raise InvalidValue("second_factor_there", field="code")
        work.commit()
    return _pending(secret, person, issuer)


def pending(parts: Parts, person: Person, issuer: str) -> Pending | None:
    """Return the secret that waits for its first code in this session, None without one.

    Args:
        parts: the vault's parts.
        person: whose it is.
        issuer: the company's name in the person's language, by which their app lists it.
    """
    with parts.database.read() as connection:
        account = people.by_work_number(connection, person.work_number)
    secret = "" if account is None else _secret_of(parts, account, person)
    return _pending(secret, person, issuer) if secret else None


def finish(parts: Parts, person: Person, code: str, now: datetime) -> list[str]:
    """Put the pending second factor in force with its first code; every other session of the account ends.

    Returns:
        The recovery codes, shown this once.

    Raises:
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: wrong or tried too often, or nothing is pending: one answer.
    """
    require_fresh(parts, person, now)
    account = _account(parts, person)
    tried = throttle.count_code(parts, account.work_number, now)
    secret = _secret_of(parts, account, person)
    steps = fitting_steps(parts, secret, code, now) if secret and not tried.throttled else []
    with unit_of_work(parts.database) as work:
        sealed = parts.keys.current(work.connection).seal_person(account.account_id, "totp", secret)
        values = {"sealed_totp": sealed, "totp_confirmed_at": now, "totp_step": max(steps, default=None)}
        still = {"sealed_totp": account.sealed_totp, "totp_confirmed_at": None}
        if steps and people.change_if(work.connection, account.account_id, values, **still):
            throttle.succeeded(work.connection, tried)
            codes = _new_codes(parts, work, account.account_id)
            ended = sessions.end_all(work.connection, account.account_id, now, but=person.session_id)
            event = parts.event(now, person.actor(), Action.SECOND_FACTOR_SET, Outcome.DONE, ended=ended)
            work.announce(event)
            fresh = people.by_work_number(work.connection, person.work_number) or account
            tell_waiting(parts, work, replace(person, must=first_duty(parts, fresh, person.proved_at, now)), now)
            work.commit()
            return codes
    action = Action.THROTTLED if tried.throttled else Action.SECOND_FACTOR_SET
    parts.log_writer.write(parts.event(now, person.actor(), action, Outcome.REFUSED))
    raise InvalidValue("code_refused", field="code")


def new_recovery_codes(parts: Parts, person: Person, now: datetime) -> list[str]:
    """Replace a person's recovery codes; the earlier ones open nothing from now on.

    Returns:
        The codes, shown this once.

    Raises:
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: there is no second factor.
    """
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        account = people.by_work_number(work.connection, person.work_number)
        if account is None or account.totp_confirmed_at is None:
            raise NotFound("second_factor")
        codes = _new_codes(parts, work, person.account_id)
        work.announce(parts.event(now, person.actor(), Action.RECOVERY_CODES, Outcome.DONE, count=len(codes)))
        work.commit()
    return codes


def drop_own(parts: Parts, person: Person, now: datetime) -> None:
    """Take one's own second factor away, to set it up on another device or, where none is needed, to have none.

    Raises:
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: there is no second factor.
    """
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        account = people.by_work_number(work.connection, person.work_number)
        if account is None or account.totp_confirmed_at is None:
            raise NotFound("second_factor")
        _take_away(parts, work, person, account, now, but=person.session_id)


# -- somebody else's ---------------------------------------------------------------------------------------------


def reset(parts: Parts, person: Person, work_number: str, now: datetime) -> None:
    """Take a colleague's second factor away as an administrator; their sessions end, and they are told.

    Their supervisors, the other administrators and the privacy officer are told who did it. The account does nothing
    more before somebody else has confirmed that its person came back (:mod:`vault.services.returns`).

    Args:
        parts: the vault's parts.
        person: the administrator.
        work_number: whose.
        now: UTC.

    Raises:
        AccessRefused: the role has no right to accounts, or it is their own.
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: no account has this work number, or it has no second factor.
    """
    with (
        logging_refusals(parts, person, Action.SECOND_FACTOR_RESET, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        account = taken(parts, work, person, work_number, now).account
        if account.sealed_totp is None:
            raise NotFound("second_factor")
        _take_away(parts, work, person, account, now)


# -- inside ------------------------------------------------------------------------------------------------------


def _account(parts: Parts, person: Person) -> Account:
    with parts.database.read() as connection:
        account = people.by_work_number(connection, person.work_number)
    if account is None:
        raise NotFound("account")
    return account


def _renewed(parts: Parts, account: Account, person: Person, action: Action, code: str, now: datetime) -> SignedIn:
    kind = ("recovery" if is_of_recovery(normal_code(code)) else "app") if code else "password"
    with unit_of_work(parts.database) as work:
        signed_in = renew_session(work.connection, parts, account, person, now)
        if signed_in is None:
            raise SignInRefused("not_signed_in")
        tell_waiting(parts, work, signed_in.person, now)
        work.announce(parts.event(now, person.actor(), action, Outcome.DONE, kind=kind))
        work.commit()
    return signed_in


def _secret_of(parts: Parts, account: Account, person: Person) -> str:
    """Return the pending secret of an account if it was made in this session, else nothing."""
    if account.sealed_totp is None or account.totp_confirmed_at is not None:
        return ""
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
    session, _, secret = store.open_person(account.account_id, _PENDING, account.sealed_totp).disclose().partition(" ")
    return secret if session == person.session_id.hex() else ""


def _pending(secret: str, person: Person, issuer: str) -> Pending:
    return Pending(secret, pyotp.TOTP(secret).provisioning_uri(name=person.work_number, issuer_name=issuer))


def _new_codes(parts: Parts, work: UnitOfWork, account_id: bytes) -> list[str]:
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_LETTERS)).decode()[:RECOVERY_LETTERS]
        for _ in range(parts.policy.sessions.second_factor.recovery_codes)
    ]
    second_factors.replace_recovery_codes(work.connection, account_id, map(digest, codes))
    return codes


def _take_away(
    parts: Parts, work: UnitOfWork, person: Person, account: Account, now: datetime, *, but: bytes = b""
) -> None:
    people.change(work.connection, account.account_id, _NONE)
    second_factors.replace_recovery_codes(work.connection, account.account_id, ())
    ended = sessions.end_all(work.connection, account.account_id, now, but=but)
    event = parts.event(
        now,
        person.actor(),
        Action.SECOND_FACTOR_RESET,
        Outcome.DONE,
        account=account.work_number,
        ended=ended,
    )
    notifications.add(work.connection, (account.account_id,), NoticeKind.SECOND_FACTOR_RESET, event.event_id, now)
    if account.account_id != person.account_id and account.totp_confirmed_at is not None:
        note_reset(parts, work, event, account, ResetKind.SECOND_FACTOR, person, now)
    work.announce(event)
    work.commit()
