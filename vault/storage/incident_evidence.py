"""What the closing report tells of misuse: who by work number, counts and digests; what is sealed stays sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from vault.storage.tables import misuse_records


@dataclass(frozen=True, slots=True)
class Misuse:
    """One record of misuse, without what is sealed in it.

    Args:
        account_id: who did it.
        distinct_records: how many different records were seen.
        evidence_digest: SHA-256 of the evidence.
        account_frozen: whether the account was frozen.
        contract_ended: whether the contract was ended.
        loss_claimed: whether the loss was claimed.
        police: whether a police reference is written down.
        digest: of all that is signed.
        drafted_by: account.
        drafted_at: UTC.
        signed_by: account of somebody else; None before.
        signed_at: UTC; None before.
    """

    account_id: bytes
    distinct_records: int
    evidence_digest: bytes
    account_frozen: bool
    contract_ended: bool
    loss_claimed: bool
    police: bool
    digest: bytes
    drafted_by: bytes
    drafted_at: datetime
    signed_by: bytes | None
    signed_at: datetime | None


def misuse(connection: Connection, incident_id: bytes) -> list[Misuse]:
    """List the records of misuse of an incident, the earliest first."""
    column = misuse_records.c
    query = select(
        column.account_id,
        column.distinct_records,
        column.evidence_digest,
        column.account_frozen,
        column.contract_ended,
        column.loss_claimed,
        column.sealed_police_reference.is_not(None),
        column.digest,
        column.drafted_by,
        column.drafted_at,
        column.signed_by,
        column.signed_at,
    ).where(column.incident_id == incident_id)
    return [Misuse(*row) for row in connection.execute(query.order_by(column.drafted_at, column.misuse_id))]
