"""Grants: who may see a customer who is not theirs, until when, and with which case it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from vault.domain.ids import new_id
from vault.domain.people import AccountState
from vault.domain.records import from_micros, to_micros
from vault.domain.requests import GrantKind
from vault.storage.lists import rows_in
from vault.storage.tables import UtcTime, accounts, grants, records

# A pool customer opens in the grant's own case only: there the caller has answered, or was refused.
_HOLDS = (
    " FROM grants WHERE account_id = ? AND purpose = ? AND expires_at > ? AND ended_at IS NULL AND case_id IS NOT NULL"
    " AND (case_id = ? OR EXISTS (SELECT 1 FROM records"
    " WHERE records.record_id = grants.record_id AND records.owner_id IS NOT NULL)) AND record_id"
)
_UNTIL, _LIVE = f"SELECT expires_at{_HOLDS}", f"SELECT record_id{_HOLDS}"


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
    kind: GrantKind
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


@dataclass(frozen=True, slots=True)
class GivenGrant:
    """One grant with the work number of the other side, who holds it or gave it; nothing of the customer."""

    grant: Grant
    work_number: str


_SELECT = select(grants)
_DECIDED = grants.c.kind.in_([GrantKind.ASKED.value, GrantKind.SHARED.value])
"""What one person decided alone; emergency access has rules of its own."""


def _grant(row: tuple[Any, ...]) -> Grant:
    return Grant(row[0], GrantKind(row[1]), *row[2:])


def one(connection: Connection, grant_id: bytes) -> Grant | None:
    """Return one grant."""
    row = connection.execute(_SELECT.where(grants.c.grant_id == grant_id)).first()
    return None if row is None else _grant(tuple(row))


def live_requests(connection: Connection, request_ids: Collection[bytes], now: datetime) -> dict[bytes, datetime]:
    """Return which of some requests have a live grant, and until when."""
    column = grants.c
    query = (
        select(column.request_id, func.max(column.expires_at, type_=UtcTime()))
        .where(column.request_id.in_(list(request_ids)), column.ended_at.is_(None), column.expires_at > now)
        .group_by(column.request_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def decided(
    connection: Connection, now: datetime, limit: int, giver_or_owner: bytes | None = None, after: Grant | None = None
) -> list[GivenGrant]:
    """List grants that have neither expired nor ended, the newest first, each with who holds it.

    Args:
        connection: an open connection.
        now: UTC.
        limit: how many at most.
        giver_or_owner: only what this account gave, and grants on customers that it owns.
        after: the last one of the page before.
    """
    given = grants.c
    query = (
        select(grants, accounts.c.work_number)
        .join(accounts, accounts.c.account_id == given.account_id)
        .where(_DECIDED, given.ended_at.is_(None), given.expires_at > now)
        .order_by(given.granted_at.desc(), given.grant_id)
        .limit(limit)
    )
    if giver_or_owner is not None:
        owned = select(records.c.record_id).where(
            records.c.owner_id == giver_or_owner, records.c.record_id == given.record_id
        )
        query = query.where(or_(given.granted_by == giver_or_owner, owned.exists()))
    if after is not None:
        same_time = and_(given.granted_at == after.granted_at, given.grant_id > after.grant_id)
        query = query.where(or_(given.granted_at < after.granted_at, same_time))
    return [GivenGrant(_grant(tuple(row)[:-1]), row.work_number) for row in connection.execute(query)]


def shared_with(
    connection: Connection, account_id: bytes, now: datetime, limit: int, grant_id: bytes | None = None
) -> list[GivenGrant]:
    """List what was shared with a person and has neither expired nor ended, newest first, each with who shared it.

    Args:
        connection: an open connection.
        account_id: the receiver.
        now: UTC.
        limit: how many at most.
        grant_id: only this one.
    """
    query = (
        select(grants, accounts.c.work_number)
        .join(accounts, accounts.c.account_id == grants.c.granted_by)
        .where(
            grants.c.kind == GrantKind.SHARED.value,
            grants.c.account_id == account_id,
            grants.c.ended_at.is_(None),
            grants.c.expires_at > now,
        )
        .order_by(grants.c.granted_at.desc(), grants.c.grant_id)
        .limit(limit)
    )
    if grant_id is not None:
        query = query.where(grants.c.grant_id == grant_id)
    return [GivenGrant(_grant(tuple(row)[:-1]), row.work_number) for row in connection.execute(query)]


def revoke(connection: Connection, grant_id: bytes, at: datetime) -> bool:
    """End one grant; returns whether it had neither expired nor ended: of two who revoke it at once, one gets True."""
    lives = (grants.c.grant_id == grant_id, grants.c.ended_at.is_(None), grants.c.expires_at > at, _DECIDED)
    return connection.execute(update(grants).where(*lives).values(ended_at=at)).rowcount == 1


def end_untaken_of(connection: Connection, granted_by: bytes, at: datetime) -> int:
    """End what somebody offered to share and nobody has taken up; returns how many."""
    offered = update(grants).where(
        grants.c.granted_by == granted_by, grants.c.case_id.is_(None), grants.c.ended_at.is_(None)
    )
    return connection.execute(offered.values(ended_at=at)).rowcount


def take_up(connection: Connection, grant_id: bytes, account_id: bytes, case_id: bytes, at: datetime) -> bool:
    """Bind a share to the case its receiver opens with it; returns whether it still waited for that."""
    waits = (
        grants.c.grant_id == grant_id,
        grants.c.kind == GrantKind.SHARED.value,
        grants.c.account_id == account_id,
        grants.c.case_id.is_(None),
        grants.c.ended_at.is_(None),
        grants.c.expires_at > at,
        # Who was suspended or locked since shares nothing more.
        grants.c.granted_by.in_(select(accounts.c.account_id).where(accounts.c.state == AccountState.ACTIVE.value)),
    )
    return connection.execute(update(grants).where(*waits).values(case_id=case_id)).rowcount == 1


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a grant."""
    connection.execute(insert(grants).values(**values))


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a grant, and where they stand.

    Args:
        account_id: the person.
        purpose: of the case at hand; a grant holds for its own purpose only.
        case_id: the case at hand, empty for one that is about to be opened; a grant on a pool customer holds in its
            own case only.
    """

    account_id: bytes
    purpose: str
    case_id: bytes


def live_customers(connection: Connection, holder: Holder, customers: Collection[bytes], now: datetime) -> set[bytes]:
    """Return which of some customers a person holds a live grant on."""
    # Asked for nobody too, so that an absent customer takes the same steps as a refused one.
    return {row[0] for row in rows_in(connection, _LIVE, list(customers) or [new_id()], _before(holder, now))}


def live_until(connection: Connection, holder: Holder, customers: Collection[bytes], now: datetime) -> datetime | None:
    """Return when the last of a person's live grants on some customers ends; None when there is none."""
    ends = [row[0] for row in rows_in(connection, _UNTIL, list(customers) or [new_id()], _before(holder, now))]
    return from_micros(max(ends)) if ends else None


def _before(holder: Holder, now: datetime) -> tuple[Any, ...]:
    return (holder.account_id, holder.purpose, to_micros(now), holder.case_id)


def end_with_case(connection: Connection, case_id: bytes, at: datetime) -> int:
    """End the grants of a case; returns how many."""
    return connection.execute(
        update(grants).where(grants.c.case_id == case_id, grants.c.ended_at.is_(None)).values(ended_at=at)
    ).rowcount


def givers_in(connection: Connection, case_id: bytes) -> set[bytes]:
    """Return who gave the grants of a case that were not ended."""
    query = select(grants.c.granted_by).where(grants.c.case_id == case_id, grants.c.ended_at.is_(None))
    return set(connection.execute(query).scalars())


def end_given_in(connection: Connection, case_id: bytes, granted_by: Collection[bytes], at: datetime) -> int:
    """End the grants of a case that some people gave; returns how many."""
    given = update(grants).where(
        grants.c.case_id == case_id, grants.c.granted_by.in_(list(granted_by)), grants.c.ended_at.is_(None)
    )
    return connection.execute(given.values(ended_at=at)).rowcount


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
