"""The ledger: what a restore of the database must not forget, by random id, each entry chained to the one before.

An entry says when what happened to which ids. It is a line of canonical JSON that holds the SHA-256 of the line
before, so that whoever knows the last line knows them all (docs/formats.md, "Ledger").
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from vault.domain.encoding import prefixed
from vault.domain.ids import ID_BYTES
from vault.domain.log import micros_text
from vault.errors import InvalidValue

_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class EntryKind(StrEnum):
    """What the ledger remembers.

    An *intent* is written before the database commits and may come to nothing: a replay decides it again by the
    rules. Everything else is a fact that a replay applies.
    """

    ERASE_INTENT = "erase_intent"
    ERASED = "erased"
    HOLD_PLACED = "hold_placed"
    HOLD_RELEASED = "hold_released"
    COHORT_INTENT = "cohort_intent"
    COHORT_CLOSED = "cohort_closed"
    ACCOUNT_LEFT = "account_left"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Args:
        kind: what happened.
        at: when, UTC.
        about: the plan, cohort, hold or account it happened for; 16 bytes, or empty where there is none.
        ids: whom it concerns: the records erased, or the record held.
    """

    kind: EntryKind
    at: datetime
    about: bytes = b""
    ids: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """How far a ledger has come: that many entries, and the SHA-256 of the last one's line."""

    count: int
    digest: bytes


def beginning(vault_id: bytes) -> LedgerHead:
    """Return the head of a vault's empty ledger; another vault's ledger does not follow on it."""
    return LedgerHead(0, sha256(prefixed((b"datavault/ledger/1", vault_id))).digest())


def written(head: LedgerHead, entries: Iterable[Entry]) -> tuple[bytes, LedgerHead]:
    """Return entries as the lines that follow a head, and the head after them."""
    lines = []
    for entry in entries:
        body = {
            "about": entry.about.hex(),
            "at": micros_text(entry.at),
            "ids": [one.hex() for one in entry.ids],
            "kind": entry.kind.value,
            "prev": head.digest.hex(),
            "seq": head.count,
        }
        line = _JSON(body).encode()
        lines.append(line + b"\n")
        head = LedgerHead(head.count + 1, sha256(line).digest())
    return b"".join(lines), head


def read(head: LedgerHead, line: bytes) -> tuple[Entry, LedgerHead]:
    """Read the line that follows a head.

    Args:
        head: after the line before.
        line: without its newline.

    Returns:
        The entry, and the head after it.

    Raises:
        InvalidValue: ``ledger_entry``: it is no entry, or does not follow.
    """
    entry, before = read_alone(line)
    if before != head:
        raise InvalidValue("ledger_entry", field="prev")
    return entry, LedgerHead(head.count + 1, sha256(line).digest())


def read_alone(line: bytes) -> tuple[Entry, LedgerHead]:
    """Read a line by itself.

    Returns:
        The entry, and the head that it says to follow.

    Raises:
        InvalidValue: ``ledger_entry``: it is not what :func:`written` writes.
    """
    try:
        body = json.loads(line)
        entry = Entry(
            EntryKind(body["kind"]),
            datetime.fromisoformat(body["at"]),
            bytes.fromhex(body["about"]),
            tuple(bytes.fromhex(one) for one in body["ids"]),
        )
        before = LedgerHead(body["seq"], bytes.fromhex(body["prev"]))
        # One spelling only: a line that says the same in other bytes would have another digest.
        is_ours = type(before.count) is int and written(before, (entry,))[0] == line + b"\n"
    except (ValueError, TypeError, KeyError, AttributeError):
        is_ours = False
    if not is_ours or len(entry.about) not in (0, ID_BYTES):
        raise InvalidValue("ledger_entry", field="line")
    return entry, before
