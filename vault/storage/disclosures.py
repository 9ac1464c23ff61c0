"""What each person has looked up, revealed, asked for and searched: ids and times only, to count against limits."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection, case, delete, distinct, func, select

from vault.domain.log import Event
from vault.domain.records import to_micros
from vault.storage.lists import ask
from vault.storage.tables import accounts, disclosures

LOOKUP, MISS, REVEAL = "lookup", "miss", "reveal"
ASK, SEARCH = "ask", "search"
"""Requests for access, and searches of the log by number: counted, and no reading."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_READING = (
    "SELECT kind, COUNT(*), SUM(CASE WHEN at > ? THEN 1 ELSE 0 END) FROM disclosures "
    "WHERE account_id = ? AND at > ? GROUP BY kind"
)
_LOOK_UPS = (
    "SELECT COUNT(*), COALESCE(SUM(CASE WHEN at > ? THEN 1 ELSE 0 END), 0) FROM disclosures "
    "WHERE account_id = ? AND at > ? AND kind IN ('lookup', 'miss')"
)
_LOOK_UP_TURNS = "SELECT COUNT(pg_advisory_xact_lock(%s, turn)) FROM unnest(%s::int4[]) AS turn"
_LOOK_UP_LOCK = 0x6C6F_6F6B  # any constant; sets these advisory locks apart from others


@dataclass(frozen=True, slots=True)
class Bound:
    """How many look-ups somebody has, and what the log says of one more.

    Args:
        account_id: whose.
        now: UTC; the last hour and the last day end then.
        hour: within an hour.
        day: within a day.
        refusal: the event of a look-up beyond it.
    """

    account_id: bytes
    now: datetime
    hour: int
    day: int
    refusal: Event


@dataclass(frozen=True, slots=True)
class Reading:
    """How often somebody has looked up and revealed in the last hour and the last day; misses are look-ups too."""

    lookups_hour: int = 0
    lookups_day: int = 0
    misses_hour: int = 0
    reveals_hour: int = 0
    reveals_day: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """What somebody has read: of how many customers something was revealed, how many reveals, how many look-ups."""

    customers: int = 0
    reveals: int = 0
    lookups: int = 0


def reading(connection: Connection, account_id: bytes, now: datetime) -> Reading:
    """Return how much a person has read; what a clock ahead of this one noted counts as well."""
    values = (to_micros(now - _HOUR), account_id, to_micros(now - _DAY))
    found = {kind: (int(day), int(hour)) for kind, day, hour in ask(connection, _sql(connection, _READING), values)}
    lookups, misses, reveals = (found.get(kind, (0, 0)) for kind in (LOOKUP, MISS, REVEAL))
    return Reading(lookups[1] + misses[1], lookups[0] + misses[0], misses[1], reveals[1], reveals[0])


def take_look_up_turns(connection: Connection, account_ids: Collection[bytes]) -> None:
    """Let nobody else judge look-ups of some people until the transaction ends; on SQLite the writing turn does it.

    A lock of its own, not the account's row: the shared commit of many people must not wait for one person's reveals.
    """
    if connection.dialect.name == "postgresql":
        # In one order, so that two commits never wait for each other; two people with one lock only wait needlessly.
        turns = sorted({int.from_bytes(one[:4], signed=True) for one in account_ids})
        ask(connection, _LOOK_UP_TURNS, (_LOOK_UP_LOCK, turns))


def look_ups_left(connection: Connection, bound: Bound) -> int:
    """Return how many look-ups somebody has left; a statement of its own, that sees what was committed before the turn.

    What a clock ahead of this one noted counts as well.
    """
    values = (to_micros(bound.now - _HOUR), bound.account_id, to_micros(bound.now - _DAY))
    ((day, hour),) = ask(connection, _sql(connection, _LOOK_UPS), values)
    return min(bound.hour - int(hour), bound.day - int(day))


def counts(connection: Connection, account_ids: Collection[bytes], since: datetime) -> dict[bytes, Counts]:
    """Return what people have read since a moment, by account; who has read nothing is left out."""
    column = disclosures.c
    is_reveal = column.kind == REVEAL
    query = (
        select(
            column.account_id,
            func.count(distinct(case((is_reveal, column.record_id)))),
            func.sum(case((is_reveal, 1), else_=0)),
            func.sum(case((is_reveal, 0), else_=1)),
        )
        .where(column.account_id.in_(list(account_ids)), column.at > since, column.kind.in_((LOOKUP, MISS, REVEAL)))
        .group_by(column.account_id)
    )
    return {row[0]: Counts(int(row[1]), int(row[2]), int(row[3])) for row in connection.execute(query)}


def how_many(connection: Connection, account_id: bytes, kind: str, now: datetime) -> int:
    """Return how often a person has done something in the last hour; what a clock ahead of this one noted counts."""
    column = disclosures.c
    query = select(func.count()).where(column.account_id == account_id, column.at > now - _HOUR, column.kind == kind)
    return int(connection.execute(query).scalar_one())


def revealed_customers(connection: Connection, account_id: bytes, since: datetime) -> dict[bytes, datetime]:
    """Return of which customers a person has revealed something since a moment, and when first."""
    column = disclosures.c
    query = (
        select(column.record_id, func.min(column.at))
        .where(column.account_id == account_id, column.at > since, column.kind == REVEAL)
        .group_by(column.record_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def take_turn(connection: Connection, account_id: bytes) -> None:
    """Let nobody else count for this person until the transaction ends; on SQLite the writing turn does it."""
    query = select(accounts.c.account_id).where(accounts.c.account_id == account_id)
    # FOR NO KEY UPDATE: rows that only name the account, such as a new case, need not wait.
    connection.execute(query.with_for_update(key_share=True))


def forget(connection: Connection, before: datetime) -> None:
    """Remove what lies too far back to count."""
    connection.execute(delete(disclosures).where(disclosures.c.at < before))


@lru_cache(maxsize=8)
def _for_postgresql(sql: str) -> str:
    return sql.replace("?", "%s")


def _sql(connection: Connection, sql: str) -> str:
    return _for_postgresql(sql) if connection.dialect.name == "postgresql" else sql
