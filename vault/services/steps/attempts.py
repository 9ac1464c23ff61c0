"""Writing what was worked out before the writing turn: done again when somebody else was faster meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vault.errors import StorageError

_ATTEMPTS = 3
_OVERTAKEN = ("seen_meanwhile", "changed_meanwhile", "key_store_changed", "cohort_not_open")

Result = TypeVar("Result")


def until_stored(attempt: Callable[[], Result]) -> Result:
    """Make an attempt, and make it anew when one of its records or the keys changed while it was made.

    Args:
        attempt: reads, decides and writes in one transaction; one that fails leaves nothing behind.

    Returns:
        What the attempt returns.

    Raises:
        StorageError: another cause, or the third attempt was overtaken too.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except StorageError as error:
            if error.reason not in _OVERTAKEN:
                raise
    return attempt()
