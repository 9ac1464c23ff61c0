"""When a password is too old, and when a new one is too much like the current one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta

from vault.domain.rules.people import PasswordPolicy

_DAY = timedelta(days=1)
_LOOKALIKES = str.maketrans("01!|34@5$7", "ollleaasst")
"""Figures and signs that people put in place of letters; ``i`` and ``l`` are one letter here."""


def exact(typed: str) -> str:
    """Return a password as it counts: NFC, so that another keyboard or system gives the same; otherwise as typed."""
    return unicodedata.normalize("NFC", typed)


def ends_at(rule: PasswordPolicy, changed_at: datetime) -> datetime:
    """Return the moment from which a password opens nothing but its own change (AC-04)."""
    return changed_at + timedelta(days=rule.max_age_days)


def must_change(rule: PasswordPolicy, changed_at: datetime, expired_at: datetime | None, now: datetime) -> bool:
    """Return whether a password is too old.

    Args:
        rule: the policy.
        changed_at: when it was chosen.
        expired_at: when it was first seen too old; a clock that goes back does not make it young again.
        now: UTC.
    """
    return expired_at is not None or now >= ends_at(rule, changed_at)


def days_left(rule: PasswordPolicy, changed_at: datetime, now: datetime) -> int | None:
    """Return in how many days, begun ones included, a password ends; None while that is far off."""
    left = ends_at(rule, changed_at) - now
    return -(-left // _DAY) if timedelta(0) < left <= timedelta(days=rule.remind_days) else None


def too_young(rule: PasswordPolicy, changed_at: datetime, now: datetime) -> bool:
    """Return whether a password is too new to be changed again."""
    return now - changed_at < timedelta(hours=rule.min_age_hours)


def nearly_the_same(current: str, new: str, min_edits: int) -> bool:
    """Return whether a new password says too much of the current one, or the current one of it.

    Args:
        current: as typed.
        new: as typed.
        min_edits: characters to insert, remove or replace, at least, from one to the other.

    Returns:
        Whether one holds the other, or fewer edits lie between them; case, width and figures in place of letters do
        not count.
    """
    first, second = _folded(current), _folded(new)
    return first in second or second in first or _edits(first, second) < min_edits


def _folded(typed: str) -> str:
    return unicodedata.normalize("NFKC", typed).casefold().translate(_LOOKALIKES).replace("i", "l")


def without_known(password: str, known: Iterable[str]) -> str:
    """Return the letters and figures of a password that belong to no word a stranger would try first."""
    left = _folded(password)
    for word in sorted({_folded(word) for word in known if word.strip()}, key=len, reverse=True):
        left = left.replace(word, " ")
    return "".join(letter for letter in left if letter.isalnum())


def _edits(first: str, second: str) -> int:
    """Return the Levenshtein distance."""
    above = list(range(len(second) + 1))
    for at, letter in enumerate(first, 1):
        row = [at]
        for place, other in enumerate(second, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (letter != other)))
        above = row
    return above[-1]
