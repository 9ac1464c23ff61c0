"""Records of proven misuse: one for each person and incident, drafted again until it is signed, then fixed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from vault.domain.breach.misuse import MisuseRecord
from vault.storage.tables import misuse_records

_column = misuse_records.c
_WAITS = (_column.signed_at.is_(None), _column.withdrawn_at.is_(None))
_COLUMNS = (
    _column.misuse_id,
    _column.incident_id,
    _column.account_id,
    _column.distinct_records,
    _column.evidence,
    _column.account_frozen,
    _column.contract_ended,
    _column.loss_claimed,
    _column.sealed_police_reference,
    _column.sealed_statement,
    _column.drafted_by,
    _column.drafted_at,
    _column.signed_by,
    _column.signed_at,
    _column.withdrawn_at,
)


def one(connection: Connection, misuse_id: bytes, *, locked: bool = False) -> MisuseRecord | None:
    """Return a record; locked, nobody else changes it until this transaction ends."""
    query = select(*_COLUMNS).where(_column.misuse_id == misuse_id)
    return _first(connection, query.with_for_update() if locked else query)


def about(connection: Connection, incident_id: bytes, account_id: bytes) -> MisuseRecord | None:
    """Return the record of an incident about one person."""
    query = select(*_COLUMNS).where(_column.incident_id == incident_id, _column.account_id == account_id)
    return _first(connection, query)


def of_incident(connection: Connection, incident_id: bytes) -> list[MisuseRecord]:
    """List the records of an incident, the first drafted first."""
    query = select(*_COLUMNS).where(_column.incident_id == incident_id)
    return [_record(row) for row in connection.execute(query.order_by(_column.drafted_at, _column.misuse_id))]


def starting_with(connection: Connection, prefix: str) -> list[bytes]:
    """Return the ids that begin with some hexadecimal digits, two at most."""
    low, high = bytes.fromhex(prefix.ljust(32, "0")), bytes.fromhex(prefix.ljust(32, "f"))
    return list(
        connection.execute(select(_column.misuse_id).where(_column.misuse_id.between(low, high)).limit(2)).scalars()
    )


def draft(connection: Connection, record: MisuseRecord) -> None:
    """Insert a draft."""
    connection.execute(insert(misuse_records).values(**_values(record)))


def draft_again(connection: Connection, record: MisuseRecord) -> bool:
    """Write a draft over the one before, taken back or not; returns whether nobody had signed that."""
    again = update(misuse_records).where(_column.misuse_id == record.misuse_id, _column.signed_at.is_(None))
    return connection.execute(again.values(**_values(record))).rowcount == 1


def sign(connection: Connection, misuse_id: bytes, digest: bytes, signed_by: bytes, at: datetime) -> bool:
    """Sign a record; returns whether it was still the one with this digest, and not signed."""
    signing = update(misuse_records).where(_column.misuse_id == misuse_id, _column.digest == digest, *_WAITS)
    return connection.execute(signing.values(signed_by=signed_by, signed_at=at)).rowcount == 1


def signed(connection: Connection, since: datetime | None = None) -> list[tuple[bytes, datetime]]:
    """Return of every signed record who it is about and when it was signed, the first first."""
    query = select(_column.account_id, _column.signed_at).where(_column.signed_at.is_not(None))
    if since is not None:
        query = query.where(_column.signed_at >= since)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(_column.signed_at))]


def withdraw(connection: Connection, misuse_id: bytes, at: datetime) -> bool:
    """Take a draft back; returns whether it waited for its second signature until now."""
    back = update(misuse_records).where(_column.misuse_id == misuse_id, *_WAITS)
    return connection.execute(back.values(withdrawn_at=at)).rowcount == 1


def waiting(connection: Connection, incident_id: bytes) -> int:
    """Return how many records of an incident wait for their second signature."""
    query = select(func.count()).where(_column.incident_id == incident_id, *_WAITS)
    return int(connection.execute(query).scalar_one())


def _values(record: MisuseRecord) -> dict[str, Any]:
    return {
        "misuse_id": record.misuse_id,
        "incident_id": record.incident_id,
        "account_id": record.account_id,
        "distinct_records": record.distinct_records,
        "evidence": record.evidence,
        "evidence_digest": record.evidence_digest,
        "account_frozen": record.account_frozen,
        "contract_ended": record.contract_ended,
        "loss_claimed": record.loss_claimed,
        "sealed_police_reference": record.sealed_reference,
        "sealed_statement": record.sealed_statement,
        "digest": record.digest,
        "drafted_by": record.drafted_by,
        "drafted_at": record.drafted_at,
        "withdrawn_at": record.withdrawn_at,
    }


def _first(connection: Connection, query: Select[Any]) -> MisuseRecord | None:
    row = connection.execute(query).first()
    return None if row is None else _record(row)


def _record(row: Sequence[Any]) -> MisuseRecord:
    return MisuseRecord(*row)
