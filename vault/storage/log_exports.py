"""What an export of the log reads: spans by time, entries by place, checkpoints, and what was exported before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from vault.domain.log_exports import LogQuestion
from vault.domain.log_search import EVERY
from vault.storage.tables import log_checkpoints, log_events, log_exports, log_terms

_EVERY = EVERY.encode()


@dataclass(frozen=True, slots=True)
class Entry:
    """One ordered event with the columns that a question asks about."""

    leaf_index: int
    canonical: bytes
    leaf_hash: bytes
    at: datetime
    actor: str
    action: str


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier state of the log that somebody took home: its size and root."""

    size: int
    root: bytes


def count(connection: Connection, question: LogQuestion, size: int) -> int:
    """Return how many of the first ``size`` events are asked for."""
    if question.is_range:
        query = select(func.count()).where(*_within(question, size))
    else:
        column = log_events.c
        query = select(func.count()).where(
            column.at >= question.since, column.at < question.until, column.leaf_index < size
        )
        if question.actors:
            query = query.where(column.actor.in_(question.actors))
        if question.actions:
            query = query.where(column.action.in_(question.actions))
    return int(connection.execute(query).scalar_one())


def span(connection: Connection, question: LogQuestion, size: int) -> tuple[int, int]:
    """Return the part of the log that shows completely what happened within a time.

    It holds every event within the time, and on each side the nearest one outside it, or an end of the log.

    Args:
        connection: an open connection.
        question: whose time is meant.
        size: entries of the log.

    Returns:
        The first entry, and one past the last.
    """
    first, last = connection.execute(
        select(func.min(log_terms.c.leaf_index), func.max(log_terms.c.leaf_index)).where(*_within(question, size))
    ).one()
    if first is None:
        later = select(log_terms.c.leaf_index).where(
            log_terms.c.term == _EVERY, log_terms.c.at >= question.until, log_terms.c.leaf_index < size
        )
        next_one = connection.execute(later.order_by(log_terms.c.at, log_terms.c.leaf_index).limit(1)).scalar()
        first = size if next_one is None else next_one
        last = first - 1
    column = log_events.c
    before = select(column.leaf_index).where(column.leaf_index < first, column.at < question.since)
    behind = select(column.leaf_index).where(
        column.leaf_index > last, column.leaf_index < size, column.at >= question.until
    )
    start = connection.execute(before.order_by(column.leaf_index.desc()).limit(1)).scalar()
    stop = connection.execute(behind.order_by(column.leaf_index).limit(1)).scalar()
    return (0 if start is None else start), (size if stop is None else stop + 1)


def _within(question: LogQuestion, size: int) -> tuple[ColumnElement[bool], ...]:
    column = log_terms.c
    return (
        column.term == _EVERY,
        column.at >= question.since,
        column.at < question.until,
        column.leaf_index < size,
    )


def entries(connection: Connection, start: int, stop: int) -> list[Entry]:
    """Return the entries ``start`` to ``stop`` (exclusive)."""
    column = log_events.c
    rows = connection.execute(
        select(column.leaf_index, column.canonical, column.leaf_hash, column.at, column.actor, column.action)
        .where(column.leaf_index >= start, column.leaf_index < stop)
        .order_by(column.leaf_index)
    )
    return [Entry(*row) for row in rows]


def somebody_acted(connection: Connection, actor: str) -> bool:
    """Return whether the log knows an actor."""
    found = select(log_events.c.leaf_index).where(log_events.c.actor == actor).limit(1)
    return connection.execute(found).first() is not None


def note(connection: Connection, size: int) -> str | None:
    """Return the checkpoint of a size."""
    return connection.execute(select(log_checkpoints.c.note).where(log_checkpoints.c.size == size)).scalar()


def notes_between(connection: Connection, start: int, stop: int, most: int) -> list[str]:
    """Return checkpoints of sizes within a part of the log, oldest first: all, or some spread evenly over it."""
    column = log_checkpoints.c
    numbered = (
        select(
            column.size,
            column.note,
            func.row_number().over(order_by=column.size).label("number"),
            func.count().over().label("total"),
        )
        .where(column.size > start, column.size < stop)
        .subquery()
    )
    some = numbered.c
    step = some.total // most + 1
    query = select(some.note).where(or_(some.total <= most, some.number % step == 0)).order_by(some.size)
    return list(connection.execute(query).scalars())


def taken_home(connection: Connection, actor: str, most: int) -> list[Known]:
    """Return the states of the log in somebody's latest exports, newest first, each once."""
    column = log_exports.c
    rows = connection.execute(
        select(column.size, column.root)
        .where(column.exported_by == actor)
        .group_by(column.size, column.root)
        .order_by(column.size.desc())
        .limit(most)
    )
    return [Known(*row) for row in rows]


def remember(connection: Connection, row: dict[str, Any]) -> None:
    """Keep what somebody exported; the row of ``log_exports``."""
    connection.execute(insert(log_exports).values(**row))
