"""Records of proven misuse: the evidence as canonical JSON, and the digest over all that two people sign (UL-03)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vault.domain.breach.signals import Evidence
from vault.domain.log import micros_text

STATEMENT, REFERENCE = "statement", "police_reference"
"""Names under which the two typed texts are sealed with the people key."""

STATEMENT_LENGTH, REFERENCE_LENGTH = 4000, 120

FORMAT = "datavault-misuse/1"


@dataclass(frozen=True, slots=True)
class MisuseRecord:
    """One record.

    Args:
        misuse_id: random id.
        incident_id: the incident it belongs to.
        account_id: who did it.
        distinct_records: of how many distinct records they were shown something in clear.
        evidence: canonical JSON.
        account_frozen: their account was shut when the record was drafted.
        contract_ended: their employment was ended.
        loss_claimed: the company's loss was claimed from them.
        sealed_reference: reference number of the police, sealed; None without one.
        sealed_statement: what is held against them, sealed.
        drafted_by: account of the officer who drafted it.
        drafted_at: when, UTC.
        signed_by: account of the other human, who signed it; None before that.
        signed_at: when.
        withdrawn_at: when the draft was taken back; None while it stands.
    """

    misuse_id: bytes
    incident_id: bytes
    account_id: bytes
    distinct_records: int
    evidence: str
    account_frozen: bool
    contract_ended: bool
    loss_claimed: bool
    sealed_reference: bytes | None
    sealed_statement: bytes
    drafted_by: bytes
    drafted_at: datetime
    signed_by: bytes | None = None
    signed_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether it waits for its second signature."""
        return self.signed_at is None and self.withdrawn_at is None

    @property
    def evidence_digest(self) -> bytes:
        """Return the digest over the evidence."""
        return hashlib.sha256(self.evidence.encode()).digest()

    @property
    def digest(self) -> bytes:
        """Return the digest over all that is signed; of what was typed it covers the sealed bytes, not the words."""
        reference = "" if self.sealed_reference is None else self.sealed_reference.hex()
        body = {
            "format": FORMAT,
            "id": self.misuse_id.hex(),
            "incident": self.incident_id.hex(),
            "account": self.account_id.hex(),
            "distinct_records": self.distinct_records,
            "evidence": self.evidence_digest.hex(),
            "account_frozen": self.account_frozen,
            "contract_ended": self.contract_ended,
            "loss_claimed": self.loss_claimed,
            "police_reference": reference,
            "statement": self.sealed_statement.hex(),
            "drafted_by": self.drafted_by.hex(),
            "drafted_at": micros_text(self.drafted_at),
        }
        return hashlib.sha256(_canonical(body).encode()).digest()


def evidence_text(
    work_number: str,
    since: datetime,
    until: datetime,
    counts: Mapping[str, int],
    signals: Iterable[Evidence],
    radii: Iterable[tuple[bytes, bytes]],
    log_size: int,
    log_root: bytes,
) -> str:
    """Return the evidence as canonical JSON: ids, counts, times and digests; no customer's data.

    Args:
        work_number: who did it.
        since: the first moment that was counted, UTC.
        until: the first moment no longer counted, UTC.
        counts: what the log holds of their reading in between.
        signals: of the incident, about them.
        radii: frozen radii of the incident: id and digest.
        log_size: events of the signed checkpoint that the counts rest on.
        log_root: the root over these.
    """
    body = {
        "account": work_number,
        "checkpoint": {"root": log_root.hex(), "size": log_size},
        "counts": dict(counts),
        "radii": [{"digest": digest.hex(), "radius": radius_id.hex()} for radius_id, digest in radii],
        "signals": [_signal(one) for one in signals],
        "since": micros_text(since),
        "until": micros_text(until),
    }
    return _canonical(body)


def _signal(one: Evidence) -> dict[str, Any]:
    found = one.found
    return {
        "count": found.count,
        "events": [event.hex() for event in found.events],
        "id": one.evidence_id.hex(),
        "signal": found.name.value,
        "since": micros_text(found.since),
        "threshold": found.threshold,
        "until": micros_text(found.until),
    }


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
