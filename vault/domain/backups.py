"""Backups: what a manifest says, and the text that is signed of it (docs/formats.md, "Backup").

A manifest holds ids, dates, counts and digests. It is signed with the log's key, so that whoever keeps the pinned key
can tell a backup of this vault from anything else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from vault.domain.ids import ID_BYTES, RecordClass
from vault.domain.ledger import LedgerHead
from vault.domain.log import micros_text
from vault.domain.log_tree import HASH_BYTES
from vault.errors import InvalidValue

FORMAT: Final = "datavault-backup/1"
MANIFEST: Final = "manifest.json"
NOTE: Final = "manifest.note"
CHECKPOINT: Final = "checkpoint"
KEYS: Final = "keys"

_FILE_NAME: Final = re.compile(r"(?:policies/(?:[a-z]{1,20}/)?)?[a-z][a-z0-9_.-]{0,60}", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file of a backup: its length in bytes and its SHA-256."""

    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class CohortNeed:
    """A cohort whose key a backup needs: without it so many of its records cannot be opened."""

    key_id: bytes
    record_class: RecordClass
    end_on: date
    records: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Args:
        backup_id: random id.
        vault_id: of which vault.
        origin: name of its log.
        pin: public key of its log, as a C2SP verifier key.
        engine: ``sqlite`` or ``postgresql``.
        engine_version: of the engine it was taken from.
        schema: revision of its tables.
        made_at: its snapshot holds everything committed before, UTC.
        log_size: events in order in its snapshot.
        waiting: events in its snapshot that had no place yet.
        ledger: how far the ledger had come before the snapshot was taken.
        key_store_version: of the key store that the snapshot belongs to.
        policy: digest of the rules in force (hex).
        cohorts: whose keys it needs, by class and last day.
        rows: how many rows some tables hold.
        files: what lies beside the manifest, by name.
    """

    backup_id: bytes
    vault_id: bytes
    origin: str
    pin: str
    engine: str
    engine_version: str
    schema: str
    made_at: datetime
    log_size: int
    waiting: int
    ledger: LedgerHead
    key_store_version: int
    policy: str
    cohorts: tuple[CohortNeed, ...]
    rows: Mapping[str, int]
    files: Mapping[str, FileFacts]

    def written(self) -> bytes:
        """Return the bytes of ``manifest.json``."""
        body = {
            "format": FORMAT,
            "backup": self.backup_id.hex(),
            "vault": self.vault_id.hex(),
            "origin": self.origin,
            "key": self.pin,
            "engine": self.engine,
            "engine_version": self.engine_version,
            "schema": self.schema,
            "made_at": micros_text(self.made_at),
            "log_size": self.log_size,
            "waiting": self.waiting,
            "ledger": {"count": self.ledger.count, "digest": self.ledger.digest.hex()},
            "key_store_version": self.key_store_version,
            "policy": self.policy,
            "cohorts": [
                {
                    "id": one.key_id.hex(),
                    "class": one.record_class.value,
                    "end_on": one.end_on.isoformat(),
                    "records": one.records,
                }
                for one in self.cohorts
            ],
            "rows": dict(self.rows),
            "files": {
                name: {"bytes": one.size, "sha256": one.digest.hex()} for name, one in sorted(self.files.items())
            },
        }
        return json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n"

    @classmethod
    def read(cls, content: bytes) -> Manifest:
        """Read the bytes of ``manifest.json``; its signature is for the caller to check.

        Raises:
            InvalidValue: ``backup_manifest``: it is no manifest of a format we know.
        """
        try:
            body = _known(json.loads(content))
            return cls(
                backup_id=_bytes(body["backup"], ID_BYTES),
                vault_id=_bytes(body["vault"], ID_BYTES),
                origin=_text(body["origin"]),
                pin=_text(body["key"]),
                engine=_text(body["engine"]),
                engine_version=_text(body["engine_version"]),
                schema=_text(body["schema"]),
                made_at=_time(body["made_at"]),
                log_size=_count(body["log_size"]),
                waiting=_count(body["waiting"]),
                ledger=LedgerHead(_count(body["ledger"]["count"]), _bytes(body["ledger"]["digest"], HASH_BYTES)),
                key_store_version=_count(body["key_store_version"]),
                policy=_text(body["policy"]),
                cohorts=tuple(_need(one) for one in body["cohorts"]),
                rows={_text(name): _count(number) for name, number in body["rows"].items()},
                files={_name(name): _facts(one) for name, one in body["files"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidValue("backup_manifest", field=MANIFEST) from None


def signed_text(origin: str, digest: bytes) -> str:
    """Return the text that is signed of a manifest; its first line is no log's name, so it passes for no checkpoint.

    Args:
        origin: name of the log.
        digest: SHA-256 of ``manifest.json``.
    """
    return f"{FORMAT}\n{origin}\n{digest.hex()}\n"


def _known(body: Any) -> dict[str, Any]:  # noqa: ANN401 - of JSON
    if not isinstance(body, dict) or body["format"] != FORMAT:
        raise ValueError
    return body


def _text(value: Any) -> str:  # noqa: ANN401 - of JSON
    if not isinstance(value, str):
        raise TypeError
    return value


def _name(value: str) -> str:
    if not _FILE_NAME.fullmatch(value) or ".." in value:
        raise ValueError
    return value


def _count(value: Any) -> int:  # noqa: ANN401 - of JSON
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _bytes(value: Any, length: int) -> bytes:  # noqa: ANN401 - of JSON
    if not _HEX.fullmatch(value) or len(value) != 2 * length:
        raise ValueError
    return bytes.fromhex(value)


def _time(value: Any) -> datetime:  # noqa: ANN401 - of JSON
    if not _TIME.fullmatch(value):
        raise ValueError
    return datetime.fromisoformat(value)


def _need(one: Any) -> CohortNeed:  # noqa: ANN401 - of JSON
    end_on = date.fromisoformat(one["end_on"])
    return CohortNeed(_bytes(one["id"], ID_BYTES), RecordClass(one["class"]), end_on, _count(one["records"]))


def _facts(one: Any) -> FileFacts:  # noqa: ANN401 - of JSON
    return FileFacts(_count(one["bytes"]), _bytes(one["sha256"], HASH_BYTES))
