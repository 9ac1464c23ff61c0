"""What an export of the log reads: spans by time, entries by place, checkpoints, and what was exported before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select

from vault.domain.log_exports import LogQuestion, head_of
from vault.domain.log_search import EVERY
from vault.storage.streams import read_once
from vault.storage.tables import log_checkpoints, log_events, log_exports, log_terms

_EVERY = EVERY.encode()
_STEP = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One ordered event."""

    leaf_index: int
    canonical: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """An earlier state of the log that somebody took home: its size and root."""

    size: int
    root: bytes


def count(connection: Connection, question: LogQuestion, size: int) -> int:
    """Return how many of the first ``size`` events are asked for."""
    along, *others = _terms(question)
    column, other = log_terms.c, log_terms.alias().c
    query = select(func.count()).where(*_within(question, size, along))
    for terms in others:
        also = exists().where(other.term.in_(terms), other.at == column.at, other.leaf_index == column.leaf_index)
        query = query.where(also)
    with read_once(connection):
        return int(connection.execute(query).scalar_one())


def _terms(question: LogQuestion) -> list[list[bytes]]:
    """Return of what terms an event asked for has one each; an event has one actor and one action."""
    asked = {"actor": question.actors, "action": question.actions}
    return [[f"{name}:{one}".encode() for one in some] for name, some in asked.items() if some] or [[_EVERY]]


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
    ends = select(func.min(log_terms.c.leaf_index), func.max(log_terms.c.leaf_index))
    with read_once(connection):
        first, last = connection.execute(ends.where(*_within(question, size, [_EVERY]))).one()
    if first is None:
        later = select(log_terms.c.leaf_index).where(
            log_terms.c.term == _EVERY, log_terms.c.at >= question.until, log_terms.c.leaf_index < size
        )
        next_one = connection.execute(later.order_by(log_terms.c.at, log_terms.c.leaf_index).limit(1)).scalar()
        first = size if next_one is None else next_one
        last = first - 1
    before = _nearest(connection, range(first - 1, -1, -1), lambda at: at < question.since)
    behind = _nearest(connection, range(last + 1, size), lambda at: at >= question.until)
    return (0 if before is None else before), (size if behind is None else behind + 1)


def _nearest(connection: Connection, places: range, fits: Callable[[datetime], bool]) -> int | None:
    """Return the first of some neighbouring places whose event's time fits; the next one or two do, as a rule."""
    column = log_events.c
    for start in range(0, len(places), _STEP):
        some = places[start : start + _STEP]
        inside = column.leaf_index.between(min(some[0], some[-1]), max(some[0], some[-1]))
        rows = connection.execute(select(column.leaf_index, column.canonical).where(inside))
        heads = {row.leaf_index: head_of(row.canonical) for row in rows}
        for place in some:
            head = heads.get(place)
            if head is not None and fits(head.at):
                return place
    return None


def _within(question: LogQuestion, size: int, terms: list[bytes]) -> tuple[ColumnElement[bool], ...]:
    column = log_terms.c
    return (
        column.term == terms[0] if len(terms) == 1 else column.term.in_(terms),
        column.at >= question.since,
        column.at < question.until,
        column.leaf_index < size,
    )


def entries(connection: Connection, start: int, stop: int) -> list[Entry]:
    """Return the entries ``start`` to ``stop`` (exclusive)."""
    column = log_events.c
    with read_once(connection):
        rows = connection.execute(
            select(column.leaf_index, column.canonical, column.leaf_hash)
            .where(column.leaf_index >= start, column.leaf_index < stop)
            .order_by(column.leaf_index)
        )
        return [Entry(*row) for row in rows]


def somebody_acted(connection: Connection, actor: str) -> bool:
    """Return whether the log knows an actor."""
    found = select(log_terms.c.leaf_index).where(log_terms.c.term == f"actor:{actor}".encode()).limit(1)
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
