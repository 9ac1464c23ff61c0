"""Finding events by their terms: rows written in the transaction that orders the log, read newest first.

The table is sorted by term, time and place, so that a page costs the same however long the log has become: a search
walks along one term, asks the others by key, and stops after so many entries. Newest means the time of the event; where
two have the same time, the higher place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Connection, Exists, Select, and_, exists, func, select, text, tuple_

from vault.domain.log_exports import head_of
from vault.domain.log_search import Named
from vault.storage.bulk import insert_few, insert_rows
from vault.storage.tables import log_events, log_terms

_FIRST_BATCH, _LARGEST_BATCH = 128, 4096
_WORTH_COUNTING = 256
_COLUMNS = ("term", "at", "leaf_index")

_ACTOR, _AFTER_ACTORS = b"actor:", b"actor;"  # the semicolon comes after the colon


@dataclass(frozen=True, slots=True)
class Place:
    """Where a found event stands, and when it happened."""

    leaf_index: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Walked:
    """One stretch of a search.

    Args:
        found: what fits, newest first.
        through: the last entry looked at, whether it fits or not.
        looked_at: how many entries were looked at.
    """

    found: tuple[Place, ...]
    through: Place
    looked_at: int


def index(connection: Connection, events: Iterable[tuple[int, Named]]) -> None:
    """Write the terms of events that have just got their places.

    Args:
        connection: the transaction that orders them.
        events: place, and by what the event is found.
    """
    terms = sorted((term, by.at, leaf_index) for leaf_index, by in events for term in by.terms)
    # A row that is there already is left alone: whoever put it there must not stop the log.
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.executemany("INSERT OR IGNORE INTO log_terms (term, at, leaf_index) VALUES (?, ?, ?)", terms)
        return
    try:
        with connection.begin_nested():
            insert_rows(connection, log_terms, terms)
    except psycopg.errors.UniqueViolation:
        insert_few(connection, log_terms, [dict(zip(_COLUMNS, one, strict=True)) for one in terms])


def walk(
    connection: Connection,
    groups: Sequence[Sequence[str]],
    since: datetime | None,
    until: datetime | None,
    before: int | None,
) -> Iterator[Walked]:
    """Walk along the rarest group's terms and keep what has one of each other group's too.

    Args:
        connection: an open connection.
        groups: terms, the likely rarest group first; it is walked along unless another one turns out to be rarer.
        since: UTC, first moment; None from the beginning.
        until: UTC, first moment no longer asked for; None to the end.
        before: leaf index of the entry after which to go on; None, or one that is not there, for the newest.

    Yields:
        Stretches that grow; whoever has enough stops asking.
    """
    cursor = _place(connection, before)
    groups = _rarest_first(connection, groups, since, until)
    batch = _FIRST_BATCH
    while True:
        rows = connection.execute(_stretch(groups, since, until, cursor, batch)).all()
        if not rows:
            return
        places = [Place(row.leaf_index, row.at) for row in rows]
        cursor = places[-1]
        yield Walked(tuple(one for one, row in zip(places, rows, strict=True) if row.fits), cursor, len(rows))
        if len(rows) < batch:
            return
        batch = min(batch * 4, _LARGEST_BATCH)


def _rarest_first(
    connection: Connection, groups: Sequence[Sequence[str]], since: datetime | None, until: datetime | None
) -> Sequence[Sequence[str]]:
    """Put the groups in order of how many entries they have within the time, as far as it is worth counting."""
    if len(groups) == 1:
        return groups
    some = [
        within(select(log_terms.c.leaf_index), [term.encode() for term in group], since, until)
        .limit(_WORTH_COUNTING)
        .subquery()
        for group in groups
    ]
    numbers = connection.execute(select(*(select(func.count()).select_from(one).scalar_subquery() for one in some)))
    by_number = sorted(zip(numbers.one(), range(len(groups)), strict=True))
    return [groups[at] for _, at in by_number]


def _place(connection: Connection, leaf_index: int | None) -> Place | None:
    if leaf_index is None:
        return None
    column = log_events.c
    canonical = connection.execute(select(column.canonical).where(column.leaf_index == leaf_index)).scalar()
    head = None if canonical is None else head_of(canonical)
    return None if head is None else Place(leaf_index, head.at)


def _stretch(
    groups: Sequence[Sequence[str]], since: datetime | None, until: datetime | None, cursor: Place | None, most: int
) -> Select[Any]:
    along, *others = [[term.encode() for term in group] for group in groups]
    term = log_terms.c
    walked = within(select(term.at, term.leaf_index), along, since, until)
    if len(along) > 1:
        walked = walked.distinct()
    if cursor is not None:
        walked = walked.where(tuple_(term.at, term.leaf_index) < (cursor.at, cursor.leaf_index))
    row = walked.order_by(term.at.desc(), term.leaf_index.desc()).limit(most).subquery("walked").c
    is_event = log_events.c.leaf_index.is_not(None)  # or a row that somebody put there
    fits = and_(is_event, *(also(row, group) for group in others))
    return (
        select(row.at, row.leaf_index, fits.label("fits"))
        .outerjoin_from(row.at.table, log_events, log_events.c.leaf_index == row.leaf_index)
        .order_by(row.at.desc(), row.leaf_index.desc())
    )


def within(query: Select[Any], terms: Sequence[bytes], since: datetime | None, until: datetime | None) -> Select[Any]:
    """Ask for the entries that have one of some terms, within a time: from inclusive, to exclusive."""
    term = log_terms.c
    # One term by equality: the table's own order is then the answer's.
    query = query.where(term.term == terms[0]) if len(terms) == 1 else query.where(term.term.in_(terms))
    if since is not None:
        query = query.where(term.at >= since)
    return query if until is None else query.where(term.at < until)


def also(row: Any, group: Sequence[bytes]) -> Exists:  # noqa: ANN401 - the columns of a select
    """Ask whether an entry has one of some terms as well."""
    other = log_terms.alias()
    return exists().where(other.c.term.in_(group), other.c.at == row.at, other.c.leaf_index == row.leaf_index)


def events_at(connection: Connection, places: Sequence[Place]) -> dict[int, bytes]:
    """Return the canonical bytes of found events by leaf index."""
    column = log_events.c
    query = select(column.leaf_index, column.canonical).where(column.leaf_index.in_([one.leaf_index for one in places]))
    return {row.leaf_index: row.canonical for row in connection.execute(query)}


def actors(connection: Connection) -> list[str]:
    """Return everybody the log has events of, by name; one step for each of them, however many events they have."""
    steps = text(
        "WITH RECURSIVE step(term) AS ("
        " SELECT min(term) FROM log_terms WHERE term >= :low AND term < :high"
        " UNION ALL"
        " SELECT (SELECT min(next.term) FROM log_terms next WHERE next.term > step.term AND next.term < :high)"
        " FROM step WHERE step.term IS NOT NULL"
        ") SELECT term FROM step WHERE term IS NOT NULL"
    )
    found = connection.execute(steps, {"low": _ACTOR, "high": _AFTER_ACTORS}).scalars()
    return sorted(term.removeprefix(_ACTOR).decode() for term in found)


def count_since(connection: Connection, terms: Sequence[str], since: datetime) -> int:
    """Return how many events with all of some terms happened since a moment.

    Args:
        connection: an open connection.
        terms: at least one, the likely rarest first.
        since: UTC.
    """
    along, *others = [term.encode() for term in terms]
    query = select(func.count()).where(log_terms.c.term == along, log_terms.c.at >= since)
    for term in others:
        query = query.where(also(log_terms.c, [term]))
    return int(connection.execute(query).scalar_one())
