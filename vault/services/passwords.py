"""Changing one's own password: the only door that stays open when it is too old."""

from __future__ import annotations

from datetime import datetime

from vault.crypto.passwords import hash_password, password_matches, waste_time
from vault.domain.log import Action, Outcome
from vault.domain.passwords import nearly_the_same, too_young
from vault.domain.people import Person
from vault.errors import InvalidValue
from vault.services.steps import new_passwords, throttle
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import SignedIn, open_session
from vault.storage import people, sessions
from vault.storage.people import Account
from vault.storage.unit_of_work import unit_of_work


def change(parts: Parts, person: Person, current: str, new: str, now: datetime) -> SignedIn:
    """Replace a password by one that its owner chose; every session ends, and this one goes on with a fresh token.

    Args:
        parts: the vault's parts.
        person: who changes their password.
        current: as typed.
        new: as typed.
        now: UTC.

    Returns:
        The new session.

    Raises:
        InvalidValue: the current password is wrong or was tried too often; or the new one comes too soon after the
            last one, is too short, too long, too much like the current one, easy to guess or was used before.
    """
    try:
        new_passwords.check_length(parts, new, "new")
        account = _proved(parts, person, current, now)
        _check(parts, person, account, current, new, now)
    except InvalidValue as invalid:
        event = parts.event(now, person.actor(), Action.PASSWORD_REFUSED, Outcome.REFUSED, rule=invalid.reason)
        parts.log_writer.write(event)
        raise
    values = {"password": hash_password(new), "password_changed_at": now, "password_expired_at": None}
    with unit_of_work(parts.database) as work:
        if not people.change_if(work.connection, account.account_id, values, password=account.password):
            raise InvalidValue("current_password_wrong", field="current")  # replaced at this very moment
        new_passwords.remember(work.connection, parts, account, now)
        ended = sessions.end_all(work.connection, account.account_id, now)
        changed = people.by_work_number(work.connection, account.work_number)
        signed_in = open_session(work.connection, parts, changed or account, person.source, person.proved_at, now)
        work.announce(parts.event(now, person.actor(), Action.PASSWORD_CHANGED, Outcome.DONE, ended=ended))
        work.commit()
    return signed_in


def _proved(parts: Parts, person: Person, current: str, now: datetime) -> Account:
    """Return the account if the current password is right; it is counted and slowed down as at sign-in."""
    tried = throttle.count(parts, person.work_number, person.source, now, known_here=True)
    with parts.database.read() as connection:
        account = people.by_work_number(connection, person.work_number)
    if tried.throttled or account is None or account.password is None:
        waste_time(current)
        raise InvalidValue("current_password_wrong", field="current")
    if not password_matches(current, account.password):
        raise InvalidValue("current_password_wrong", field="current")
    with unit_of_work(parts.database) as work:
        throttle.succeeded(work.connection, tried)
        work.commit()
    return account


def _check(parts: Parts, person: Person, account: Account, current: str, new: str, now: datetime) -> None:
    rule = parts.policy.passwords
    if not person.must_change and too_young(rule, person.password_changed_at, now):
        raise InvalidValue("password_changed_lately", field="new", least=rule.min_age_hours)
    if nearly_the_same(current, new, rule.min_edits):
        raise InvalidValue("password_nearly_the_same", field="new", least=rule.min_edits)
    new_passwords.check(parts, account, new, "new")
