"""Steps around the codes of a second factor: is one right, and taken for the first time."""

from __future__ import annotations

from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

from vault.domain.second_factor import is_of_an_app, is_of_recovery, normal_code
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import digest
from vault.storage import second_factors
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork


def code_is_right(parts: Parts, work: UnitOfWork, account: Account, code: str, now: datetime) -> bool:
    """Take a code of an account's second factor: its app's, or one of its recovery codes; either counts once.

    Count the try first, in a transaction of its own (:func:`vault.services.steps.throttle.count_code`); the step
    :func:`vault.services.steps.proof.prove_code` does both.

    Args:
        parts: the vault's parts.
        work: the caller's transaction; a right code is used up when it is committed.
        account: as read; one whose second factor was replaced meanwhile has no right code.
        code: as typed.
        now: UTC.

    Returns:
        Whether it was right and unused. An account without a confirmed second factor has no right code.
    """
    if account.totp_confirmed_at is None or account.sealed_totp is None:
        return False
    given = normal_code(code)
    if is_of_recovery(given):
        return second_factors.take_recovery_code(work.connection, account.account_id, digest(given), now)
    store = parts.keys.current(work.connection)
    secret = store.open_person(account.account_id, "totp", account.sealed_totp).disclose()
    return any(
        second_factors.take_step(work.connection, account.account_id, account.sealed_totp, step)
        for step in fitting_steps(parts, secret, given, now)
    )


def fitting_steps(parts: Parts, secret: str, code: str, now: datetime) -> list[int]:
    """Return the time steps around now whose code this is, as far off as the policy lets a clock be (RFC 6238 §5.2).

    Args:
        parts: the vault's parts.
        secret: the shared secret in base32.
        code: as typed.
        now: UTC.
    """
    given = normal_code(code)
    if not is_of_an_app(given):
        return []
    app, drift = pyotp.TOTP(secret), parts.policy.sessions.second_factor.drift_steps
    present = app.timecode(now)
    return [
        step for step in range(present - drift, present + drift + 1) if strings_equal(app.generate_otp(step), given)
    ]
