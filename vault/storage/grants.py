"""Grants: who may see a customer who is not theirs, until when, and with which case it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, update

from vault.domain.ids import new_id
from vault.domain.records import to_micros
from vault.storage.lists import rows_in
from vault.storage.tables import grants

_LIVE = (
    "SELECT record_id FROM grants WHERE account_id = ? AND purpose = ? AND expires_at > ? "
    "AND ended_at IS NULL AND case_id IS NOT NULL AND record_id"
)


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant.

    Args:
        grant_id: random id.
        kind: asked, shared or break_glass.
        account_id: who may see the customer.
        record_id: the customer.
        case_id: the case with which it ends; None until a share is taken up.
        request_id: the request it answers, if it answers one.
        purpose: for which it was given.
        granted_by: who gave it.
        granted_at: when, UTC.
        expires_at: from then on it opens nothing.
        ended_at: when it was revoked or its case closed.
    """

    grant_id: bytes
    kind: str
    account_id: bytes
    record_id: bytes
    case_id: bytes | None
    request_id: bytes | None
    purpose: str
    granted_by: bytes
    granted_at: datetime
    expires_at: datetime
    ended_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Return whether it opens anything at this moment."""
        return self.ended_at is None and self.case_id is not None and now < self.expires_at


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a grant."""
    connection.execute(insert(grants).values(**values))


def live_customers(
    connection: Connection, account_id: bytes, purpose: str, customers: Collection[bytes], now: datetime
) -> set[bytes]:
    """Return which of some customers a person holds a live grant on, for a purpose."""
    # Asked for nobody too, so that an absent customer takes the same steps as a refused one.
    before = (account_id, purpose, to_micros(now))
    return {row[0] for row in rows_in(connection, _LIVE, list(customers) or [new_id()], before)}


def end_with_case(connection: Connection, case_id: bytes, at: datetime) -> int:
    """End the grants of a case; returns how many."""
    return connection.execute(
        update(grants).where(grants.c.case_id == case_id, grants.c.ended_at.is_(None)).values(ended_at=at)
    ).rowcount


def move_with_case(connection: Connection, case_id: bytes, to_account: bytes) -> None:
    """Give the living grants of a case to whoever holds the case from now on."""
    connection.execute(
        update(grants).where(grants.c.case_id == case_id, grants.c.ended_at.is_(None)).values(account_id=to_account)
    )


def end_all_of(connection: Connection, account_id: bytes, at: datetime) -> int:
    """End every grant of a person; returns how many."""
    return connection.execute(
        update(grants).where(grants.c.account_id == account_id, grants.c.ended_at.is_(None)).values(ended_at=at)
    ).rowcount
