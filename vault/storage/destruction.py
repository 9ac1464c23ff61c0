"""Plans of destruction: what they name, what they counted, who signed them, and the conditions under which they move.

A plan is written in many short transactions, because nobody may wait for a long one; until its last one it counts as
superseded, so that a writer that is killed leaves nothing that anybody could sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from vault.domain.destruction import Count, Item, ItemState, Numbers, PlanState
from vault.domain.ids import ID_BYTES, RecordClass
from vault.domain.records import from_micros
from vault.storage.bulk import insert_rows
from vault.storage.streams import read_once, streamed
from vault.storage.tables import destruction_counts, destruction_items, destruction_plans

_UNFINISHED = bytes(32)
_BATCH = 2000
_ITEMS = (
    "SELECT record_id, record_class, cohort_id, expires_at, outlet FROM destruction_items"
    " WHERE plan_id = ? ORDER BY record_id"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan.

    Args:
        plan_id: random id.
        state: where it is in its life.
        as_of: the moment at which its records were due, UTC.
        policy: digest of the policy it was made under.
        digest: over its records; frozen.
        made_at: when it was drafted.
        proposed_by: the officer behind it; None for a draft.
        proposed_at: since when.
        approved_by: the second officer.
        approved_at: since when.
        starts_at: before this nothing of it is destroyed.
        stopped_by: who stopped it.
        stopped_at: when.
        started_at: when the first record of it was tried.
        executed_by: who carries it out, as events name them; empty before.
        finished_at: when nothing was left to try.
    """

    plan_id: bytes
    state: PlanState
    as_of: datetime
    policy: str
    digest: bytes
    made_at: datetime
    proposed_by: bytes | None
    proposed_at: datetime | None
    approved_by: bytes | None
    approved_at: datetime | None
    starts_at: datetime | None
    stopped_by: bytes | None
    stopped_at: datetime | None
    started_at: datetime | None
    executed_by: str
    finished_at: datetime | None


_column = destruction_plans.c
_WHOLE = _column.digest != _UNFINISHED


def plan(connection: Connection, plan_id: bytes) -> Plan | None:
    """Return one plan; None where there is none, or none that is whole."""
    row = connection.execute(select(destruction_plans).where(_column.plan_id == plan_id, _WHOLE)).first()
    return None if row is None else _plan(row)


def newest(connection: Connection, limit: int) -> list[Plan]:
    """List plans, newest first; drafts that others have replaced are left out."""
    unsigned = and_(_column.state == PlanState.SUPERSEDED.value, _column.proposed_by.is_(None))
    query = select(destruction_plans).where(_WHOLE, ~unsigned).order_by(_column.made_at.desc()).limit(limit)
    return [_plan(row) for row in connection.execute(query)]


def latest_before(connection: Connection, at: datetime) -> Plan | None:
    """Return the last plan that was drafted at a moment or before, whatever became of it."""
    query = select(destruction_plans).where(_WHOLE, _column.made_at <= at)
    row = connection.execute(query.order_by(_column.made_at.desc()).limit(1)).first()
    return None if row is None else _plan(row)


def _plan(row: Any) -> Plan:  # noqa: ANN401 - a row of SQLAlchemy's
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row's columns
    return Plan(**(values | {"state": PlanState(values["state"])}))


# -- drafting --------------------------------------------------------------------------------------------------------


def begin(connection: Connection, plan_id: bytes, as_of: datetime, policy: str, made_at: datetime) -> None:
    """Begin a draft; nobody sees it before it is whole."""
    values = {"plan_id": plan_id, "as_of": as_of, "policy": policy, "made_at": made_at, "digest": _UNFINISHED}
    connection.execute(insert(destruction_plans).values(**values, state=PlanState.SUPERSEDED.value))


def put(connection: Connection, plan_id: bytes, items: Sequence[Item]) -> None:
    """Add records to a draft that is being made."""
    with read_once(connection):  # what a long table is written through would stay in memory too
        insert_rows(
            connection,
            destruction_items,
            [
                (
                    plan_id,
                    one.record_id,
                    one.record_class.value,
                    one.cohort_id,
                    one.expires_at,
                    one.outlet,
                    ItemState.DUE.value,
                    "",
                    None,
                    None,
                )
                for one in items
            ],
        )


def finish(connection: Connection, plan_id: bytes, digest: bytes, counts: Iterable[Count]) -> None:
    """Make a draft whole: from now on it can be seen and proposed."""
    rows = [
        {
            "plan_id": plan_id,
            "record_class": one.record_class.value,
            "outlet": one.outlet,
            "reason": one.why,
            "count": one.count,
            "oldest": one.oldest,
        }
        for one in counts
    ]
    if rows:
        connection.execute(insert(destruction_counts), rows)
    connection.execute(
        update(destruction_plans)
        .where(_column.plan_id == plan_id, ~_WHOLE)
        .values(digest=digest, state=PlanState.DRAFT.value)
    )


def supersede(connection: Connection, by: bytes, approved_before: datetime) -> None:
    """Let a new draft replace every other draft, and approved plans that were not begun in time.

    Args:
        connection: inside a writing transaction.
        by: the new draft.
        approved_before: approvals of that moment and before are over.
    """
    over = and_(
        _column.state == PlanState.APPROVED.value, _column.approved_at <= approved_before, _column.started_at.is_(None)
    )
    connection.execute(
        update(destruction_plans)
        .where(_column.plan_id != by, or_(_column.state == PlanState.DRAFT.value, over))
        .values(state=PlanState.SUPERSEDED.value)
    )


def forget(connection: Connection, unfinished_before: datetime, most: int) -> int:
    """Remove records of drafts that were replaced and that nobody signed; what they counted stays.

    Args:
        connection: inside a writing transaction.
        unfinished_before: drafts begun before that and never made whole are given up too.
        most: how many records at once.

    Returns:
        How many were removed; fewer than ``most`` once none is left.
    """
    unsigned = select(_column.plan_id).where(
        _column.state == PlanState.SUPERSEDED.value,
        _column.proposed_by.is_(None),
        or_(_WHOLE, _column.made_at < unfinished_before),
    )
    item = destruction_items.c
    some = select(item.plan_id, item.record_id).where(item.plan_id.in_(unsigned)).limit(most)
    by_plan: dict[bytes, list[bytes]] = {}
    with read_once(connection):
        for plan_id, record_id in connection.execute(some).all():
            by_plan.setdefault(plan_id, []).append(record_id)
        for plan_id, ids in by_plan.items():
            connection.execute(delete(destruction_items).where(item.plan_id == plan_id, item.record_id.in_(ids)))
    return sum(map(len, by_plan.values()))


# -- reading ---------------------------------------------------------------------------------------------------------


def items(connection: Connection, plan_id: bytes) -> Iterator[Item]:
    """Stream what a plan names, ordered by record id, as its digest takes it; rows that are none of ours fail it."""
    for rows in streamed(connection, _ITEMS, _BATCH, plan_id):
        for record_id, record_class, cohort_id, expires_at, outlet in rows:
            yield Item(record_id, RecordClass(record_class), cohort_id, from_micros(expires_at), outlet)


def numbers(connection: Connection, plan_id: bytes) -> Numbers:
    """Return what a plan counted when it was made, in a fixed order."""
    column = destruction_counts.c
    query = (
        select(column.record_class, column.outlet, column.reason, column.count, column.oldest)
        .where(column.plan_id == plan_id)
        .order_by(column.record_class, column.outlet, column.reason)
    )
    return Numbers(tuple(Count(RecordClass(row[0]), *row[1:]) for row in connection.execute(query)))


def states(connection: Connection, plan_id: bytes) -> dict[RecordClass, dict[ItemState, int]]:
    """Return what has become of the records of a plan: how many by class and state."""
    column = destruction_items.c
    query = (
        select(column.record_class, column.state, func.count())
        .where(column.plan_id == plan_id)
        .group_by(column.record_class, column.state)
    )
    found: dict[RecordClass, dict[ItemState, int]] = {}
    for record_class, state, number in connection.execute(query):
        found.setdefault(RecordClass(record_class), {})[ItemState(state)] = number
    return found


def sample(connection: Connection, plan_id: bytes, size: int) -> list[bytes]:
    """Choose records of a plan by chance, and the same ones each time.

    Record ids are random. So the one that follows a point of the whole range is as good as drawn from a hat, and the
    points follow from the plan's own random id.

    Args:
        connection: an open connection.
        plan_id: the plan.
        size: how many at most.
    """
    column = destruction_items.c
    query = select(column.record_id).where(column.plan_id == plan_id).order_by(column.record_id).limit(1)
    chosen: dict[bytes, None] = {}
    for step in range(size):
        point = sha256(plan_id + step.to_bytes(4, "big")).digest()[:ID_BYTES]
        for _ in range(2):  # from the point on, and then from the beginning: the range is a ring
            found = connection.execute(
                query.where(column.record_id >= point, column.record_id.not_in(list(chosen)))
            ).scalar()
            if found is not None:
                chosen[found] = None
                break
            point = b""
    return list(chosen)


# -- life ------------------------------------------------------------------------------------------------------------


def move(
    connection: Connection, plan_id: bytes, states: Iterable[PlanState], to: PlanState, values: Mapping[str, Any]
) -> bool:
    """Move a plan on in its life.

    Args:
        connection: inside a writing transaction.
        plan_id: the plan.
        states: those it may move from.
        to: the state it moves to.
        values: what else changes, by column name.

    Returns:
        Whether it was in one of those states; of two who move it at once, one gets True.
    """
    known = [one.value for one in states]
    moving = update(destruction_plans).where(_column.plan_id == plan_id, _WHOLE, _column.state.in_(known))
    return connection.execute(moving.values(state=to.value, **values)).rowcount == 1
