"""Ids as people type them at a terminal: the first digits, six at least, where they are those of one thing only."""

from __future__ import annotations

from collections.abc import Iterable

from vault.domain.ids import ID_BYTES
from vault.errors import NotFound

_LEAST_DIGITS = 6
_DIGITS = frozenset("0123456789abcdef")


def prefix_of(typed: str, what: str) -> str:
    """Return the beginning of an id that somebody typed, in lower case.

    Args:
        typed: hexadecimal digits, six at least.
        what: it would be the id of, for the error.

    Raises:
        NotFound: it is the beginning of no id.
    """
    prefix = typed.strip().lower()
    if not _LEAST_DIGITS <= len(prefix) <= 2 * ID_BYTES or not set(prefix) <= _DIGITS:
        raise NotFound(what)
    return prefix


def only_one(ids: Iterable[bytes], typed: str, what: str) -> bytes:
    """Return the one id that begins with what somebody typed; a whole id is taken as it is, be there one or not.

    So whoever may not know of it is refused by the act itself, and the log says so.

    Args:
        ids: those it may be.
        typed: hexadecimal digits, six at least.
        what: they are the ids of, for the error.

    Raises:
        NotFound: none begins so, or more than one.
    """
    prefix = prefix_of(typed, what)
    if len(prefix) == 2 * ID_BYTES:
        return bytes.fromhex(prefix)
    found = [one for one in ids if one.hex().startswith(prefix)]
    if len(found) != 1:
        raise NotFound(what)
    return found[0]
