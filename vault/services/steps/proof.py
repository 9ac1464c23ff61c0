"""A step of every walk in which somebody proves who they are: by password, and by the code of their second factor.

Whoever cannot gets one answer after the same work, whatever was wrong; each try is counted before it is looked at,
and each refusal is logged.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault.crypto.passwords import hash_password, is_of_today, password_matches, waste_time
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import AccountState
from vault.errors import SignInRefused
from vault.services.steps import throttle
from vault.services.steps.parts import Parts
from vault.services.steps.second_factor import code_is_right
from vault.services.steps.throttle import Try
from vault.storage import people, sessions
from vault.storage.people import Account
from vault.storage.unit_of_work import unit_of_work


def prove(
    parts: Parts, work_number: str, password: str, code: str, actor: Actor, action: Action, now: datetime
) -> Account:
    """Let somebody prove who they are by password, and by code if their account has a second factor.

    Args:
        parts: the vault's parts.
        work_number: as stored; an empty one belongs to nobody.
        password: as typed.
        code: as typed; not looked at when the account has no second factor.
        actor: who asks, and from which source. One without a session is nobody yet: refusals name the account.
        action: how a refusal is logged.
        now: UTC.

    Returns:
        The account. Whether its password is too old, or a second factor missing that its role needs, is left to the
        caller (:func:`vault.services.steps.tokens.first_duty`).

    Raises:
        SignInRefused: unknown, wrong, locked, suspended, left or tried too often: one answer, after the same work.
    """
    account = prove_password(parts, work_number, password, actor, action, now)
    if account.totp_confirmed_at is not None:
        prove_code(parts, account, code, actor, action, now)
    return account


def prove_password(
    parts: Parts, work_number: str, password: str, actor: Actor, action: Action, now: datetime
) -> Account:
    """Let somebody prove that they know the password of an account; see :func:`prove`."""
    with parts.database.read() as connection:
        account = people.by_work_number(connection, work_number)
        # Asked for nobody too, so that an unknown number takes the same steps.
        known_here = sessions.was_used_from(connection, account.account_id if account else bytes(16), actor.source)
    tried = throttle.count(parts, work_number, actor.source, now, known_here=known_here)
    if tried.throttled or account is None or account.password is None or account.state is not AccountState.ACTIVE:
        waste_time(password)
        raise refused(parts, account, actor, _named(tried, action), now)
    if not password_matches(password, account.password):
        raise refused(parts, account, actor, _named(tried, action), now)
    stronger = None if is_of_today(account.password) else hash_password(password)
    with unit_of_work(parts.database) as work:
        throttle.succeeded(work.connection, tried)
        if stronger is not None:
            still = {"password": account.password}
            if people.change_if(work.connection, account.account_id, {"password": stronger}, **still):
                account = replace(account, password=stronger)
        work.commit()
    return account


def prove_code(parts: Parts, account: Account, code: str, actor: Actor, action: Action, now: datetime) -> None:
    """Let somebody prove that they have the second factor of an account; a right code is used up.

    Raises:
        SignInRefused: wrong, used, too late or tried too often: one answer.
    """
    tried = throttle.count_code(parts, account.work_number, now)
    with unit_of_work(parts.database) as work:
        # Looked at even when it came too soon: the same work.
        if code_is_right(parts, work, account, code, now) and not tried.throttled:
            throttle.succeeded(work.connection, tried)
            work.commit()
            return
    raise refused(parts, account, actor, _named(tried, action), now)


def refused(parts: Parts, account: Account | None, actor: Actor, action: Action, now: datetime) -> SignInRefused:
    """Log that somebody did not prove who they are, and return the error to raise."""
    # What was typed as a work number may be a password typed in the wrong box: only a known number is logged.
    if not actor.session:
        actor = Actor(account.work_number if account else "unknown", "none", source=actor.source, node=actor.node)
    parts.log_writer.write(parts.event(now, actor, action, Outcome.REFUSED))
    return SignInRefused("sign_in_refused")


def _named(tried: Try, action: Action) -> Action:
    return Action.THROTTLED if tried.throttled else action
