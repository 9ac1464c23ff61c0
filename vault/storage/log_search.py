"""Finding events by their terms: rows written in the transaction that orders the log, read newest first.

The table is sorted by term, time and place, so that a page costs the same however long the log has become: a search
walks along one term, asks the others by key, and stops after so many entries. Newest means the time of the event; where
two have the same time, the higher place.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Exists,
    Select,
    and_,
    exists,
    func,
    select,
    text,
    true,
    tuple_,
    type_coerce,
)

from vault.domain.log_search import terms_of
from vault.domain.records import to_micros
from vault.storage.tables import log_events, log_terms

_FIRST_BATCH, _LARGEST_BATCH = 128, 4096
_BUCKET = 4096
"""Events whose terms are compared together; only where they differ is each looked at."""

NO_EVENT = -1
"""Instead of a leaf index: a row that is of no event."""

_ACTOR, _AFTER_ACTORS = b"actor:", b"actor;"  # the semicolon comes after the colon

_EVENTS = select(log_events.c.leaf_index, log_events.c.canonical).order_by(log_events.c.leaf_index)
_TERMS = select(log_terms.c.term, type_coerce(log_terms.c.at, BigInteger).label("at"), log_terms.c.leaf_index)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a found event stands, when it happened, and whose it is."""

    leaf_index: int
    at: datetime
    actor: str


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


def index(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the terms of events that have just got their places.

    Args:
        connection: the transaction that orders them.
        rows: with ``leaf_index`` and ``canonical``.
    """
    terms = sorted(term for row in rows for term in _terms(row["leaf_index"], row["canonical"]))
    driver: Any = connection.connection.driver_connection
    # A row that is there already is left alone: whoever put it there must not stop the log.
    if connection.dialect.name == "sqlite":
        driver.executemany("INSERT OR IGNORE INTO log_terms (term, at, leaf_index) VALUES (?, ?, ?)", terms)
    elif terms:
        columns = [list(column) for column in zip(*terms, strict=True)]
        driver.execute(
            "INSERT INTO log_terms (term, at, leaf_index)"
            " SELECT * FROM unnest(%b::bytea[], %b::int8[], %b::int8[]) ON CONFLICT DO NOTHING",
            columns,
        )


def _terms(leaf_index: int, canonical: bytes) -> list[tuple[bytes, int, int]]:
    event = json.loads(canonical)
    at = to_micros(datetime.fromisoformat(event["at"]))
    return [(term.encode(), at, leaf_index) for term in terms_of(event)]


def walk(
    connection: Connection,
    groups: Sequence[Sequence[str]],
    since: datetime | None,
    until: datetime | None,
    before: int | None,
) -> Iterator[Walked]:
    """Walk along the first group's terms and keep what has one of each other group's too.

    Args:
        connection: an open connection.
        groups: terms, the likely rarest group first.
        since: UTC, first moment; None from the beginning.
        until: UTC, first moment no longer asked for; None to the end.
        before: leaf index of the entry after which to go on; None, or one that is not there, for the newest.

    Yields:
        Stretches that grow; whoever has enough stops asking.
    """
    cursor = _place(connection, before)
    batch = _FIRST_BATCH
    while True:
        rows = connection.execute(_stretch(groups, since, until, cursor, batch)).all()
        if not rows:
            return
        places = [Place(row.leaf_index, row.at, row.actor) for row in rows]
        cursor = places[-1]
        yield Walked(tuple(one for one, row in zip(places, rows, strict=True) if row.fits), cursor, len(rows))
        if len(rows) < batch:
            return
        batch = min(batch * 4, _LARGEST_BATCH)


def _place(connection: Connection, leaf_index: int | None) -> Place | None:
    if leaf_index is None:
        return None
    column = log_events.c
    row = connection.execute(
        select(column.leaf_index, column.at, column.actor).where(column.leaf_index == leaf_index)
    ).first()
    return None if row is None else Place(row.leaf_index, row.at, row.actor)


def _stretch(
    groups: Sequence[Sequence[str]], since: datetime | None, until: datetime | None, cursor: Place | None, most: int
) -> Select[Any]:
    along, *others = [[term.encode() for term in group] for group in groups]
    term = log_terms.c
    walked = select(term.at, term.leaf_index)
    # One term by equality: the table's own order is then the answer's.
    walked = walked.where(term.term == along[0]) if len(along) == 1 else walked.where(term.term.in_(along)).distinct()
    if since is not None:
        walked = walked.where(term.at >= since)
    if until is not None:
        walked = walked.where(term.at < until)
    if cursor is not None:
        walked = walked.where(tuple_(term.at, term.leaf_index) < (cursor.at, cursor.leaf_index))
    row = walked.order_by(term.at.desc(), term.leaf_index.desc()).limit(most).subquery("walked").c
    fits = and_(true(), *(_also(row, group) for group in others))
    return (
        select(row.at, row.leaf_index, log_events.c.actor, fits.label("fits"))
        .join_from(row.at.table, log_events, log_events.c.leaf_index == row.leaf_index)
        .order_by(row.at.desc(), row.leaf_index.desc())
    )


def _also(row: Any, group: Sequence[bytes]) -> Exists:  # noqa: ANN401 - the columns of a select
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
        query = query.where(_also(log_terms.c, [term]))
    return int(connection.execute(query).scalar_one())


def first_difference(connection: Connection) -> int | None:
    """Compare every term with the events they were made of.

    Returns:
        None when they agree; else the first event whose terms are not those of its canonical bytes, or -1 where a
        row is of no event at all.
    """
    size, sums = 0, Counter[int]()
    key = secrets.token_bytes(16)  # so that nobody can make rows whose differences cancel out
    for leaf_index, canonical in _streamed(connection, _EVENTS):
        size = leaf_index + 1
        sums[leaf_index // _BUCKET] += sum(_digest(key, *term) for term in _wanted(leaf_index, canonical))
    strays = 0
    for row in _streamed(connection, _TERMS):
        if _is_of_an_event(row, size):
            sums[row.leaf_index // _BUCKET] -= _digest(key, *row)
        else:
            strays += 1
    if strays:
        return NO_EVENT
    differing = min((bucket for bucket, left in sums.items() if left), default=None)
    return None if differing is None else _first_in(connection, differing * _BUCKET)


def _is_of_an_event(row: Any, size: int) -> bool:  # noqa: ANN401 - SQLite keeps a value of any type in any column
    term, at, leaf_index = row
    are_ours = isinstance(term, bytes) and isinstance(at, int) and isinstance(leaf_index, int)
    return are_ours and 0 <= leaf_index < size


def _wanted(leaf_index: int, canonical: bytes) -> list[tuple[bytes, int, int]]:
    try:
        return _terms(leaf_index, canonical)
    except (ValueError, KeyError, TypeError, AttributeError):
        return []  # bytes that are no event of ours have no terms


def _first_in(connection: Connection, start: int) -> int | None:
    bucket = range(start, start + _BUCKET)
    events, terms = (
        _streamed(connection, query.where(column >= bucket.start, column < bucket.stop))
        for query, column in ((_EVENTS, log_events.c.leaf_index), (_TERMS, log_terms.c.leaf_index))
    )
    wanted = {term for leaf_index, canonical in events for term in _wanted(leaf_index, canonical)}
    return min((leaf_index for _, _, leaf_index in wanted ^ set(map(tuple, terms))), default=None)


def _digest(key: bytes, term: bytes, at: int, leaf_index: int) -> int:
    return int.from_bytes(hashlib.blake2b(b"%d %d %b" % (at, leaf_index, term), digest_size=16, key=key).digest())


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    with connection.execute(query, execution_options={"yield_per": _BUCKET}) as rows:
        yield from rows
