"""Carrying out a plan: what comes next, what became of each record, and how far the plan has come. All of it is rows.

Plain prepared SQL where a run passes for every record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from vault.domain.destruction import ORDER, ItemState, PlanState
from vault.domain.ids import RecordClass
from vault.domain.records import to_micros
from vault.storage.lists import ask
from vault.storage.tables import destruction_items, destruction_plans

_NEXT = (
    "SELECT record_id FROM destruction_items WHERE plan_id = ? AND state = 'due' AND record_class = ?"
    " ORDER BY expires_at, record_id LIMIT ?"
)
_FAILED = (
    "SELECT record_id FROM destruction_items WHERE plan_id = ? AND state = 'failed' AND record_class = ?"
    " AND done_at <= ? ORDER BY expires_at, record_id LIMIT ?"
)
_SETTLE = (
    "UPDATE destruction_items SET state = ?, reason = ?, wrap_digest = ?, done_at = ?"
    " WHERE plan_id = ? AND record_id = ? AND state IN ('due', 'failed')"
)
# By the record: before it has statistics of a new plan, PostgreSQL would go by the plan's states through all of it.
_SETTLE_BY_RECORD = _SETTLE.replace("plan_id = ?", "plan_id || ''::bytea = ?").replace("?", "%s")
_ITEM = "SELECT state, reason FROM destruction_items WHERE plan_id = ? AND record_id = ?"
_RATE_SPAN = timedelta(minutes=1)

_item, _plan = destruction_items.c, destruction_plans.c


@dataclass(frozen=True, slots=True)
class Due:
    """One record that a run tries next."""

    record_id: bytes
    record_class: RecordClass


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a plan has come, by its rows.

    Args:
        counts: how many records by state; a state of none is left out.
        recently: how many were settled in the minute before the last one.
        first_at: when the first record was settled.
        last_at: when the last one was.
    """

    counts: dict[ItemState, int]
    recently: int
    first_at: datetime | None
    last_at: datetime | None


def next_due(connection: Connection, plan_id: bytes, most: int) -> list[Due]:
    """Return what a plan destroys next, at most so many: by class in the fixed order, then by expiry."""
    return _in_order(connection, _NEXT, plan_id, (), most)


def failed_before(connection: Connection, plan_id: bytes, tried: datetime, most: int) -> list[Due]:
    """Return what could not be destroyed and was last tried at a moment or before, in the same order."""
    return _in_order(connection, _FAILED, plan_id, (to_micros(tried),), most)


def _in_order(connection: Connection, question: str, plan_id: bytes, values: tuple[Any, ...], most: int) -> list[Due]:
    found: list[Due] = []
    for record_class in ORDER:
        if len(found) < most:
            rows = _ask(connection, question, (plan_id, record_class.value, *values, most - len(found)))
            found += [Due(row[0], record_class) for row in rows]
    return found


def settle(
    connection: Connection, plan_id: bytes, record_id: bytes, state: ItemState, why: str, wrap: bytes | None,
    at: datetime,
) -> bool:  # fmt: skip
    """Note what became of a record.

    Args:
        connection: inside a writing transaction.
        plan_id: the plan.
        record_id: the record.
        state: what became of it.
        why: why it stays or has failed.
        wrap: SHA-256 of its erased wrap.
        at: UTC.

    Returns:
        Whether it was still to be tried.
    """
    if not connection.in_transaction():
        connection.begin()  # the driver does not tell SQLAlchemy, whose commit would then do nothing
    driver: Any = connection.connection.driver_connection
    values = (state.value, why, wrap, to_micros(at), plan_id, record_id)
    statement = _SETTLE if connection.dialect.name == "sqlite" else _SETTLE_BY_RECORD
    return bool(driver.execute(statement, values).rowcount == 1)


def state_of(connection: Connection, plan_id: bytes, record_id: bytes) -> tuple[ItemState, str] | None:
    """Return what became of a record of a plan, and why; None if the plan does not name it."""
    rows = _ask(connection, _ITEM, (plan_id, record_id))
    return (ItemState(rows[0][0]), rows[0][1]) if rows else None


def standing(connection: Connection, plan_id: bytes) -> Standing:
    """Return how far a plan has come."""
    query = select(_item.state, func.count(), func.min(_item.done_at), func.max(_item.done_at))
    rows = connection.execute(query.where(_item.plan_id == plan_id).group_by(_item.state)).all()
    counts = {ItemState(row[0]): int(row[1]) for row in rows}
    first = min((row[2] for row in rows if row[2] is not None), default=None)
    last = max((row[3] for row in rows if row[3] is not None), default=None)
    recently = 0
    if last is not None:
        since = select(func.count()).where(_item.plan_id == plan_id, _item.done_at > last - _RATE_SPAN)
        recently = int(connection.execute(since).scalar_one())
    return Standing(counts, recently, first, last)


def to_carry_out(connection: Connection, now: datetime) -> list[bytes]:
    """Return the plans that a run could go on with now, the one that was approved first at the head."""
    begins = (_plan.state == PlanState.APPROVED.value) & (_plan.starts_at <= now)
    query = (
        select(_plan.plan_id)
        .where(or_(begins, _plan.state == PlanState.RUNNING.value))
        .order_by(_plan.approved_at, _plan.plan_id)
    )
    return list(connection.execute(query).scalars())


def give_up(connection: Connection, plan_id: bytes) -> int:
    """Keep what could not be destroyed, each with the reason it failed for; returns how many these are."""
    giving = update(destruction_items).where(_item.plan_id == plan_id, _item.state == ItemState.FAILED.value)
    return connection.execute(giving.values(state=ItemState.KEPT.value)).rowcount


def _ask(connection: Connection, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return ask(connection, _marked(connection, sql), values)


def _marked(connection: Connection, sql: str) -> str:
    return sql.replace("?", "%s") if connection.dialect.name == "postgresql" else sql
