"""Second factors of made-up people: set up through the real walk, and codes as their app would show them."""

from __future__ import annotations

from datetime import datetime

import pyotp

from vault.domain.people import Person
from vault.services import second_factor
from vault.services.steps.parts import Parts
from vault.storage import people


def enrol(parts: Parts, person: Person, now: datetime) -> list[str]:
    """Set up somebody's second factor; returns their recovery codes."""
    secret = second_factor.begin(parts, person, "Test", now).secret
    return second_factor.finish(parts, person, pyotp.TOTP(secret).at(now), now)


def must_enrol(parts: Parts, work_number: str) -> bool:
    """Return whether somebody's role needs a second factor that they do not have yet."""
    with parts.database.read() as connection:
        account = people.by_work_number(connection, work_number)
    return account is not None and account.totp_confirmed_at is None and parts.policy.roles[account.role].second_factor


def code_of(parts: Parts, work_number: str, now: datetime) -> str:
    """Return the code that somebody's app shows, empty without a second factor.

    That a time step is taken once is forgotten, so that tests need not wait half a minute between two sign-ins.
    """
    with parts.database.read() as connection:
        account = people.by_work_number(connection, work_number)
        if account is None or account.totp_confirmed_at is None or account.sealed_totp is None:
            return ""
        store = parts.keys.current(connection)
        secret = store.open_person(account.account_id, "totp", account.sealed_totp).disclose()
    with parts.database.write() as connection:
        people.change(connection, account.account_id, {"totp_step": None})
        connection.commit()
    return pyotp.TOTP(secret).at(now)
