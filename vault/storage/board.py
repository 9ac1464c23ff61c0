"""What a supervisor's board shows, read only: ids, work numbers, words, times and counts, nothing of a customer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, distinct, func, or_, select

from vault.storage.cases import Case
from vault.storage.tables import (
    access_requests,
    accounts,
    break_glass,
    cases,
    grants,
    records,
    request_targets,
    sessions,
)


@dataclass(frozen=True, slots=True)
class LiveGrant:
    """One grant that opens a customer at this moment: who sees it, by whose grant, until when."""

    grant_id: bytes
    kind: str
    work_number: str
    granted_by: str
    case_id: bytes
    purpose: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class HeldCase:
    """One open case and who holds it."""

    case: Case
    holder: str


@dataclass(frozen=True, slots=True)
class LateLine:
    """One service record that was entered after the limit, and by whom."""

    record_id: bytes
    work_number: str
    ended_at: datetime
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """One account with living sessions from several addresses."""

    work_number: str
    sources: int
    latest: datetime


def waiting_requests(connection: Connection, account_id: bytes, asked_after: datetime) -> int:
    """Return how many requests for access wait for a person's answer."""
    query = (
        select(func.count())
        .select_from(request_targets)
        .join(access_requests, access_requests.c.request_id == request_targets.c.request_id)
        .join(cases, cases.c.case_id == access_requests.c.case_id)
        .where(
            request_targets.c.account_id == account_id,
            access_requests.c.state == "asked",
            access_requests.c.asked_at > asked_after,
            cases.c.closed_at.is_(None),
        )
    )
    return int(connection.execute(query).scalar_one())


def waiting_emergencies(connection: Connection, but: bytes, asked_after: datetime) -> int:
    """Return how many emergency requests wait for approval; a person's own are not counted."""
    query = (
        select(func.count())
        .select_from(break_glass)
        .where(break_glass.c.state == "asked", break_glass.c.asked_by != but, break_glass.c.asked_at > asked_after)
    )
    return int(connection.execute(query).scalar_one())


def live_grants(connection: Connection, people: Collection[bytes], now: datetime, limit: int) -> list[LiveGrant]:
    """List the live grants that one of these people holds or gave, those that end first in front."""
    giver, column = accounts.alias("giver"), grants.c
    query = (
        select(
            column.grant_id,
            column.kind,
            accounts.c.work_number,
            giver.c.work_number,
            column.case_id,
            column.purpose,
            column.expires_at,
        )
        .join(accounts, accounts.c.account_id == column.account_id)
        .join(giver, giver.c.account_id == column.granted_by)
        .where(
            or_(column.account_id.in_(people), column.granted_by.in_(people)),
            column.ended_at.is_(None),
            column.case_id.is_not(None),
            column.expires_at > now,
        )
        .order_by(column.expires_at, column.grant_id)
        .limit(limit)
    )
    return [LiveGrant(row[0], row[1], row[2], row[3], row[4], row[5], row[6]) for row in connection.execute(query)]


def open_cases(connection: Connection, people: Collection[bytes], limit: int) -> list[HeldCase]:
    """List the open cases of these people, the oldest first."""
    query = (
        select(accounts.c.work_number, *cases.c)
        .join(accounts, accounts.c.account_id == cases.c.held_by)
        .where(cases.c.held_by.in_(people), cases.c.closed_at.is_(None))
        .order_by(cases.c.opened_at, cases.c.case_id)
        .limit(limit)
    )
    return [HeldCase(Case(*row[1:]), row[0]) for row in connection.execute(query)]


def late_entries(
    connection: Connection, people: Collection[bytes], since: datetime, now: datetime, limit: int
) -> list[LateLine]:
    """List service records these people entered late since a moment and that are not restricted, newest first."""
    column = records.c
    query = (
        select(column.record_id, accounts.c.work_number, column.activity_at, column.entered_at)
        .join(accounts, accounts.c.account_id == column.owner_id)
        .where(
            column.owner_id.in_(people),
            column.late.is_(True),
            column.entered_at >= since,
            or_(column.expires_at.is_(None), column.expires_at > now),
        )
        .order_by(column.entered_at.desc(), column.record_id)
        .limit(limit)
    )
    return [LateLine(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]


def signed_in_elsewhere(
    connection: Connection, people: Collection[bytes], now: datetime, idle_since: datetime
) -> list[Elsewhere]:
    """List the accounts with living sessions from several addresses, by work number."""
    column = sessions.c
    query = (
        select(accounts.c.work_number, func.count(distinct(column.source)), func.max(column.created_at))
        .join(accounts, accounts.c.account_id == column.account_id)
        .where(
            column.account_id.in_(people),
            column.ended_at.is_(None),
            column.expires_at > now,
            column.seen_at > idle_since,
        )
        .group_by(accounts.c.work_number)
        .having(func.count(distinct(column.source)) > 1)
        .order_by(accounts.c.work_number)
    )
    return [Elsewhere(row[0], row[1], row[2]) for row in connection.execute(query)]
