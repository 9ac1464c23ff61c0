"""Certificates of destruction: the words they may say, and the bytes that are signed for (RD-05).

A certificate claims what was checked and nothing else: each check stands there with its result, also one that could
not be made, and beside it which copies may still hold what was destroyed, and until when.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

FORMAT: Final = "datavault/certificate/1"
"""What every statement says it is."""

_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Method(StrEnum):
    """What was done to each record, or to the key of a cohort."""

    DATA_KEY = "data_key_erased"
    CIPHERTEXTS = "ciphertexts_erased"
    INDEX_ROWS = "index_rows_erased"
    TOMBSTONES = "tombstones_left"
    COHORT_KEY = "cohort_key_destroyed"
    EPOCH_SECRET = "epoch_secret_renewed"  # noqa: S105 - a word of the list


class Check(StrEnum):
    """What was looked at afterwards.

    ``rows_gone``: no row of a destroyed record is left in the engine. ``opening_fails``: the vault was asked for some
    of them by id, and finds neither record nor key. ``tombstones``: each has one. ``ledger``: each stands in the
    ledger. ``secure_delete``: SQLite overwrites what it deletes. ``wal_truncated``: its write-ahead log was cut to
    nothing. ``raw_reread``: no erased key is in the bytes of its files, free pages included; ``raw_rows``: nor a row of
    their sealed values or index tags. ``vacuumed``: PostgreSQL has cleaned the tables. ``cohort_empty``: nothing lies
    under the key. ``key_refused``: no registered copy of the key store holds it.
    """

    ROWS_GONE = "rows_gone"
    OPENING_FAILS = "opening_fails"
    TOMBSTONES = "tombstones"
    LEDGER = "ledger"
    SECURE_DELETE = "secure_delete"
    WAL_TRUNCATED = "wal_truncated"
    RAW_REREAD = "raw_reread"
    RAW_ROWS = "raw_rows"
    VACUUMED = "vacuumed"
    COHORT_EMPTY = "cohort_empty"
    KEY_REFUSED = "key_refused"


class Result(StrEnum):
    """How a check ended; one that fails leaves no certificate."""

    PASSED = "passed"
    NOT_RUN = "not_run"


class Residual(StrEnum):
    """Where a copy of what was destroyed may still lie.

    ``backups``: those made before; they need the cohort's key too. ``heap``, ``wal``, ``replicas``: of PostgreSQL.
    """

    BACKUPS = "backups"
    HEAP = "heap"
    WAL = "wal"
    REPLICAS = "replicas"


class NotProven(StrEnum):
    """What no certificate of ours can say: whether anybody kept a copy that was never registered."""

    KEY_STORES = "unregistered_key_stores"
    BACKUPS = "unregistered_backups"
    PAPER = "paper_and_exports"


@dataclass(frozen=True, slots=True)
class Checked:
    """One check and how it ended.

    Args:
        check: what was looked at.
        result: how it ended.
        facts: what was counted, or why it could not be made: numbers and words of closed lists.
    """

    check: Check
    result: Result = Result.PASSED
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as a statement says it."""
        return {"check": self.check.value, "result": self.result.value, **self.facts}


def statement_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a statement as canonical JSON (RFC 8785): what is stored, hashed and handed out.

    Args:
        document: strings, whole numbers, lists and objects.
    """
    return _JSON({"format": FORMAT, **document}).encode()


def statement_digest(statement: bytes) -> str:
    """Return SHA-256 of a statement, hexadecimal: how an event names it."""
    return sha256(statement).hexdigest()


def ids_digest(ids: Iterable[bytes]) -> str:
    """Return SHA-256 over record ids, 16 bytes each, in ascending order, hexadecimal.

    A statement lists no record. Whoever has the plan's records can compare.
    """
    running = sha256()
    for one in ids:
        running.update(one)
    return running.hexdigest()
