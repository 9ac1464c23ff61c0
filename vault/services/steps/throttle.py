"""A step of every walk that takes a password or a code: count the try first, and say whether it came too soon.

What is counted lies in the database, so that neither a restart nor another node forgets it. A try counts as failed
until it has succeeded: of many at once none goes uncounted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.throttling import failures_now, is_throttled, source_of
from vault.services.steps.parts import Parts
from vault.storage import sign_in_failures
from vault.storage.sign_in_failures import WHOLE_SOURCE
from vault.storage.unit_of_work import unit_of_work

_CODES = "code"
"""Stands in place of a source where tries of an account's code are counted, wherever they come from."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a password or a code.

    Args:
        source: what counts as one source.
        who: keyed tag of the work number; the number itself may be a password typed in the wrong box.
        throttled: it came too soon; the password does not count, right or wrong.
    """

    source: str
    who: int
    throttled: bool


def count(parts: Parts, work_number: str, source: str, now: datetime, *, known_here: bool) -> Try:
    """Count a try of a password before the password is looked at.

    Args:
        parts: the vault's parts.
        work_number: as stored, whether there is such an account or not.
        source: network address.
        now: UTC.
        known_here: the account was used from this address lately, so that what others do there does not slow it down.

    Returns:
        The try; a throttled one is not counted as a failure, or a stubborn stranger could make the delay endless.
    """
    rule, source = parts.policy.sessions.throttle, source_of(source)
    with unit_of_work(parts.database) as work:
        who = parts.keys.current(work.connection).lock_tag("work_number", work_number)
        whole = sign_in_failures.locked(work.connection, source, WHOLE_SOURCE, now)
        throttled = not known_here and is_throttled(rule, rule.free_source_failures, whole.count, whole.failed_at, now)
        if not throttled:  # so that a flood makes no rows
            own = sign_in_failures.locked(work.connection, source, who, now)
            throttled = is_throttled(rule, rule.free_failures, own.count, own.failed_at, now)
            if not throttled:
                for key, found in ((WHOLE_SOURCE, whole), (who, own)):
                    failures = failures_now(rule, found.count, found.failed_at, now) + 1
                    sign_in_failures.set_count(work.connection, source, key, failures, now)
        work.commit()
    return Try(source, who, throttled)


def count_code(parts: Parts, work_number: str, now: datetime) -> Try:
    """Count a try of a second factor's code before the code is looked at.

    A code has only six digits, so tries count for the account, not for each source. Only who knows the password gets
    so far: a stranger cannot slow anybody down with this.

    Args:
        parts: the vault's parts.
        work_number: as stored.
        now: UTC.

    Returns:
        The try; a throttled one is not counted as a failure.
    """
    rule = parts.policy.sessions.throttle
    with unit_of_work(parts.database) as work:
        who = parts.keys.current(work.connection).lock_tag("work_number", work_number)
        found = sign_in_failures.locked(work.connection, _CODES, who, now)
        throttled = is_throttled(rule, rule.free_failures, found.count, found.failed_at, now)
        if not throttled:
            failures = failures_now(rule, found.count, found.failed_at, now) + 1
            sign_in_failures.set_count(work.connection, _CODES, who, failures, now)
        work.commit()
    return Try(_CODES, who, throttled)


def succeeded(connection: Connection, tried: Try) -> None:
    """Take a try back that was counted as a failure, and forget the account's failures from this source."""
    sign_in_failures.take_back(connection, tried.source)
    sign_in_failures.clear(connection, tried.source, tried.who)
