"""Sessions: signing in and out, who is behind a token, and what a person or an administrator sees and ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import AccountState, Must, Person, normal_work_number
from vault.errors import NotFound
from vault.services.steps.account_acts import logging_refusals, require_administrator
from vault.services.steps.elsewhere import tell_elsewhere
from vault.services.steps.parts import Parts
from vault.services.steps.proof import prove_code, prove_password, refused
from vault.services.steps.returning import tell_waiting
from vault.services.steps.tokens import SignedIn, digest, idle_span, open_session, person_at
from vault.storage import people, sessions, sign_in_failures
from vault.storage.sessions import SessionLine
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_TOUCH_EVERY = timedelta(minutes=1)
_OWING = {
    Must.CODE: "must_code",
    Must.PASSWORD: "password_expired",
    Must.ENROL: "must_enrol",
    Must.CONFIRMATION: "must_be_confirmed",
}
"""What the log says of a session that opens nothing yet."""


def sign_in(parts: Parts, work_number: str, password: str, source: str, now: datetime, code: str = "") -> SignedIn:
    """Open a session for a person who knows their password, and whatever they must do before it opens more.

    Args:
        parts: the vault's parts.
        work_number: as typed.
        password: as typed.
        source: network address.
        now: UTC.
        code: of the second factor, as typed; without it the session of an account that has one owes it.

    Returns:
        The session's token.

    Raises:
        SignInRefused: unknown, wrong, locked, suspended, left or tried too often: one answer, after the same work.
        LogUnavailable: the sign-in could not be logged.
    """
    nobody = Actor("unknown", "none", source=source, node=parts.node)
    account = prove_password(parts, normal_work_number(work_number), password, nobody, Action.SIGN_IN, now)
    owes_code = account.totp_confirmed_at is not None
    if owes_code and code:
        prove_code(parts, account, code, nobody, Action.SIGN_IN, now)
        owes_code = False
    idle = idle_span(parts) // timedelta(microseconds=1)
    with unit_of_work(parts.database) as work:
        # Held until the session is there: whoever ends the account's sessions meanwhile ends this one too.
        still = {"password": account.password, "state": account.state.value, "sealed_totp": account.sealed_totp}
        if people.change_if(work.connection, account.account_id, {"password": account.password}, **still):
            signed_in = open_session(work.connection, parts, account, source, None if owes_code else now, now)
            person = signed_in.person
            others = sessions.elsewhere(work.connection, account.account_id, person.session_id, idle)
            if person.must_change:
                _mark_expired(parts, work, now)
            if others:
                tell_elsewhere(parts, work, account, person.session_id, now)
            tell_waiting(parts, work, person, now)
            rule = "" if person.must is None else _OWING[person.must]
            done = parts.event(now, person.actor(), Action.SIGN_IN, Outcome.DONE, rule=rule, elsewhere=len(others))
            work.announce(done)
            work.commit()
            return signed_in
    raise refused(parts, account, nobody, Action.SIGN_IN, now)


def sign_out(parts: Parts, person: Person, token: str, now: datetime) -> None:
    """End a session at once; a replayed cookie finds nothing."""
    with unit_of_work(parts.database) as work:
        sessions.end(work.connection, digest(token), now)
        work.announce(parts.event(now, person.actor(), Action.SIGN_OUT, Outcome.DONE))
        work.commit()


def person_of(parts: Parts, token: str, source: str, now: datetime) -> Person | None:
    """Return who a session token belongs to at this moment, or None.

    Role, state, password age and limits are read anew for each request, so that a change acts on the next one. The
    time of last use is written at most once a minute; that a password is too old, when it is first seen.
    """
    hashed = digest(token)
    with parts.database.read() as connection:
        session = sessions.by_hash(connection, hashed)
    if session is None or session.account.state is not AccountState.ACTIVE:
        return None
    if now >= session.expires_at or now - session.seen_at >= idle_span(parts):
        return None
    person = person_at(parts, session.account, session.session_id, source, session.proved_at, now)
    unmarked = person.must_change and session.account.password_expired_at is None
    used = now - session.seen_at >= _TOUCH_EVERY
    if unmarked or used:
        with unit_of_work(parts.database) as work:
            if used:
                sessions.touch(work.connection, hashed, now)
            if unmarked:
                _mark_expired(parts, work, now)
            work.commit()
    return person


def own_sessions(parts: Parts, person: Person, now: datetime) -> list[SessionLine]:
    """List a person's own open sessions, newest first."""
    with parts.database.read() as connection:
        return sessions.living(connection, person.account_id, now, now - idle_span(parts))


def signed_in_elsewhere(parts: Parts, person: Person) -> list[SessionLine]:
    """List sessions from other sources beside this one that the person has not been shown and waved through yet."""
    idle = idle_span(parts) // timedelta(microseconds=1)
    with parts.database.read() as connection:
        return sessions.elsewhere(connection, person.account_id, person.session_id, idle)


def acknowledge(parts: Parts, person: Person, now: datetime) -> None:
    """Note that the person knows who was signed in elsewhere up to now."""
    with unit_of_work(parts.database) as work:
        sessions.acknowledge(work.connection, person.session_id, now)
        work.commit()


def end_own(parts: Parts, person: Person, session_id: bytes, now: datetime) -> None:
    """End one of a person's own sessions.

    Raises:
        NotFound: they have no such open session.
    """
    with unit_of_work(parts.database) as work:
        if not sessions.end_one(work.connection, person.account_id, session_id, now):
            raise NotFound("session")
        event = parts.event(
            now, person.actor(), Action.SESSION_ENDED, Outcome.DONE, ended=1, ended_session=session_id.hex()
        )
        work.announce(event)
        work.commit()


def end_others(parts: Parts, person: Person, now: datetime) -> int:
    """End all of a person's own sessions but this one; returns how many."""
    with unit_of_work(parts.database) as work:
        ended = sessions.end_all(work.connection, person.account_id, now, but=person.session_id)
        work.announce(parts.event(now, person.actor(), Action.SESSION_ENDED, Outcome.DONE, ended=ended))
        work.commit()
    return ended


def end_all_of(parts: Parts, person: Person, work_number: str, now: datetime) -> int:
    """End every session of somebody's account as an administrator; returns how many.

    Raises:
        AccessRefused: no right to accounts at this moment.
        StepUpNeeded: password and second factor were not given a moment ago.
        NotFound: no account has this work number.
    """
    with (
        logging_refusals(parts, person, Action.SESSION_ENDED, work_number, now),
        unit_of_work(parts.database) as work,
    ):
        require_administrator(parts, work, person, now)
        account = people.by_work_number(work.connection, normal_work_number(work_number))
        if account is None:
            raise NotFound("account")
        ended = sessions.end_all(work.connection, account.account_id, now)
        event = parts.event(
            now, person.actor(), Action.SESSION_ENDED, Outcome.DONE, account=account.work_number, ended=ended
        )
        work.announce(event)
        work.commit()
    return ended


def sweep(parts: Parts, now: datetime) -> int:
    """Tidy up: end sessions beyond their limits, note passwords that are too old, forget what lies far back.

    Everything is refused anyway at its time; but what was noted stays so when the clock goes back.

    Returns:
        How many sessions were ended.
    """
    rule = parts.policy.sessions
    with unit_of_work(parts.database) as work:
        ended = sessions.end_stale(work.connection, now, now - idle_span(parts))
        sessions.forget(work.connection, now - timedelta(days=rule.keep_ended_days))
        sign_in_failures.forget(work.connection, now - timedelta(minutes=rule.throttle.forget_minutes))
        _mark_expired(parts, work, now)
        work.commit()
    return ended


def _mark_expired(parts: Parts, work: UnitOfWork, now: datetime) -> None:
    people.mark_expired(work.connection, now - timedelta(days=parts.policy.passwords.max_age_days), now)
