"""Reading for a radius: events by their terms, and for what may have been read whole the rows themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, func, or_, select

from vault.domain.breach.radius import RadiusScope
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Outcome
from vault.domain.log_search import EVERY
from vault.domain.records import to_micros
from vault.domain.rules.views import Views
from vault.errors import PolicyError
from vault.storage import policy_texts
from vault.storage.lists import rows_in
from vault.storage.policy_files import views_in
from vault.storage.streams import streamed
from vault.storage.tables import (
    accounts,
    api_tokens,
    backups,
    cohorts,
    log_events,
    log_inbox,
    log_terms,
    records,
    sessions,
    tombstones,
)

_BATCH = 1_000
_FIELDS = "fields"
_EARLIEST, _LATEST = -(2**62), 2**62
# The word CROSS makes SQLite walk along the term; PostgreSQL chooses by itself.
_BY_TERM = (
    "SELECT e.canonical FROM log_terms t CROSS JOIN log_events e"
    " WHERE e.leaf_index = t.leaf_index AND t.term = ? AND t.at >= ? AND t.at < ? AND t.leaf_index < ?"
)
_ALL = "SELECT canonical FROM log_events WHERE leaf_index >= ? AND leaf_index < ?"
# What was entered elsewhere bears the time of that entry, by a clock that may be as far ahead as an import lets it be.
_AHEAD = timedelta(days=1)
_HELD = (
    "SELECT r.record_id, r.record_class, {listed} FROM records r JOIN record_fields f ON f.record_id = r.record_id"
    " WHERE (r.entered_at < ? OR r.record_class = 'service_record' AND r.entered_at < ?){more}"
    " GROUP BY r.record_id, r.record_class"
)
_LISTED = {"sqlite": "group_concat(DISTINCT f.field)", "postgresql": "string_agg(DISTINCT f.field, ',')"}
_GONE = (
    "SELECT record_id, record_class FROM tombstones"
    " WHERE (entered_at < ? OR record_class = 'service_record' AND entered_at < ?) AND destroyed_at > ?{more}"
)
_OF_COHORT = " AND {of}cohort_id = ?"
_MOVES = 20
"""Events of records that moved, of a hundred records each, that are read at once."""
_FIELDS_OF = "SELECT record_id, field FROM record_fields WHERE record_id"
_WHOLE = {one.value: [f"{one.value}.{name}" for name in FIELDS[one]] for one in RecordClass}


def events(connection: Connection, scope: RadiusScope, size: int) -> Iterator[list[bytes]]:
    """Yield batches of events that may belong to a scope of the log; whoever reads them decides.

    Some come more than once where several records are asked for.

    Args:
        connection: an open connection.
        scope: what of the log is asked for.
        size: so many events of the log are looked at, from the beginning.
    """
    since = to_micros(scope.since) if scope.since else _EARLIEST
    until = to_micros(scope.until) if scope.until else _LATEST
    terms = [f"record:{one.hex()}" for one in scope.records] or [f"actor:{scope.person}" if scope.person else EVERY]
    if terms == [EVERY] and scope.since is None and scope.until is None:
        for rows in streamed(connection, _ALL, _BATCH, 0, size):
            yield [row[0] for row in rows]
        return
    for one in terms:
        for rows in _asked(connection, (one.encode(), since, until, size)):
            yield [row[0] for row in rows]


def _asked(connection: Connection, values: tuple[Any, ...]) -> Iterator[list[tuple[Any, ...]]]:
    """Ask for the events of one term: found by key here and there, so that what SQLite keeps of the file helps."""
    if connection.dialect.name != "sqlite":
        yield from streamed(connection, _BY_TERM, _BATCH, *values)
        return
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.driver_connection
    with closing(driver.execute(_BY_TERM, values)) as cursor:
        while rows := cursor.fetchmany(_BATCH):
            yield rows


def newest_waiting(connection: Connection) -> int | None:
    """Return the arrival of the newest event that waits for its place in the log; None when none waits."""
    found: int | None = connection.execute(select(func.max(log_inbox.c.arrival))).scalar()
    return found


def still_waits(connection: Connection, arrival: int) -> bool:
    """Return whether an event that arrived by then waits for its place."""
    return bool(connection.execute(select(exists().where(log_inbox.c.arrival <= arrival))).scalar())


def person_of_session(connection: Connection, session_id: bytes) -> str:
    """Return whose session or token it is, as events name them; empty where it is not kept."""
    for table, column in ((sessions, sessions.c.session_id), (api_tokens, api_tokens.c.token_id)):
        query = select(accounts.c.work_number).join_from(table, accounts, accounts.c.account_id == table.c.account_id)
        found = connection.execute(query.where(column == session_id).limit(1)).scalar()
        if found is not None:
            return str(found)
    return ""


def held(
    connection: Connection, cohort: bytes | None, since: datetime, until: datetime
) -> Iterator[tuple[bytes, str, list[str]]]:
    """Yield the records that were there at some moment of a time, with the fields they have, as ``class.field``.

    Of what was destroyed since nobody knows any more which fields it had: it counts with all of its class.

    Args:
        connection: an open connection.
        cohort: only those of this one.
        since: UTC; what was destroyed by then is left out.
        until: UTC, exclusive; what was entered from then on is left out.
    """
    more, values = ("", ()) if cohort is None else (_OF_COHORT, (cohort,))
    entered = (to_micros(until), to_micros(until) + _AHEAD // timedelta(microseconds=1))
    there = _HELD.format(listed=_LISTED[connection.dialect.name], more=more.format(of="r."))
    for rows in streamed(connection, there, _BATCH, *entered, *values):
        for record_id, record_class, names in rows:
            yield record_id, record_class, [f"{record_class}.{one}" for one in names.split(",")]
    gone = _GONE.format(more=more.format(of=""))
    for rows in streamed(connection, gone, _BATCH, *entered, to_micros(since), *values):
        for record_id, record_class in rows:
            yield record_id, record_class, _WHOLE[record_class]


def moved_out(
    connection: Connection, cohort: bytes, since: datetime, size: int
) -> Iterator[tuple[bytes, str, list[str]]]:
    """Yield the records that moved out of a cohort from a moment on: its key opened them before.

    One that was destroyed later counts with all of its class.

    Args:
        connection: an open connection.
        cohort: it.
        since: UTC, inclusive.
        size: so many events of the log are looked at.
    """
    term, event = log_terms.c, log_events.c
    moves = (
        select(term.at, term.leaf_index, event.canonical)
        .join_from(log_terms, log_events, event.leaf_index == term.leaf_index)
        .where(term.term == f"action:{Action.RECORD_MOVED.value}".encode(), term.leaf_index < size)
        .order_by(term.at, term.leaf_index)
        .limit(_MOVES)
    )
    page = connection.execute(moves.where(term.at >= since)).all()
    while page:
        named = [
            (bytes.fromhex(one["id"]), one["class"])
            for told in (json.loads(row.canonical) for row in page)
            if told["outcome"] == Outcome.DONE.value and told["facts"].get("cohort") == cohort.hex()
            for one in told["records"]
        ]
        yield from _with_fields(connection, named)
        at, place = page[-1].at, page[-1].leaf_index
        page = connection.execute(moves.where(or_(term.at > at, and_(term.at == at, term.leaf_index > place)))).all()


def _with_fields(connection: Connection, named: Sequence[tuple[bytes, str]]) -> Iterator[tuple[bytes, str, list[str]]]:
    found: dict[bytes, set[str]] = {}
    for record_id, name in rows_in(connection, _FIELDS_OF, [record_id for record_id, _ in named]):
        found.setdefault(bytes(record_id), set()).add(name)
    for record_id, its_class in named:
        names = found.get(record_id)
        yield record_id, its_class, [f"{its_class}.{one}" for one in names] if names else _WHOLE[its_class]


def keys_behind(connection: Connection, cohort: bytes | None, since: datetime, until: datetime) -> tuple[int, int]:
    """Return in how many cohorts such records lay, and how many of their keys are destroyed in every copy.

    A cohort that is asked about counts by itself: what lay in it may have moved.
    """
    if cohort is not None:
        query = select(cohorts.c.destroyed_at).where(cohorts.c.cohort_id == cohort)
        return 1, int(connection.execute(query).scalar() is not None)
    there = exists().where(records.c.cohort_id == cohorts.c.cohort_id, records.c.entered_at < until)
    gone = exists().where(
        tombstones.c.cohort_id == cohorts.c.cohort_id,
        tombstones.c.entered_at < until,
        tombstones.c.destroyed_at > since,
    )
    query = select(func.count(), func.count(cohorts.c.destroyed_at)).where(or_(there, gone))
    many, destroyed = connection.execute(query).one()
    return int(many), int(destroyed)


def backup_made_at(connection: Connection, backup_id: bytes) -> datetime | None:
    """Return when a backup was made; None where the vault knows none of this id."""
    query = select(backups.c.made_at).where(backups.c.backup_id == backup_id)
    found: datetime | None = connection.execute(query).scalar()
    return found


def knows_cohort(connection: Connection, cohort: bytes) -> bool:
    """Return whether there is or was such a cohort."""
    return connection.execute(select(cohorts.c.cohort_id).where(cohorts.c.cohort_id == cohort)).first() is not None


def views_of(connection: Connection, digest: str) -> Views | None:
    """Return what a policy of the past showed of each field; None where its text was not kept or cannot be read."""
    try:
        return views_in(policy_texts.texts(connection, digest))
    except (KeyError, PolicyError):
        return None


def knows_actor(connection: Connection, name: str) -> bool:
    """Return whether the log has events of somebody, or there is an account of that work number."""
    has_events = select(exists().where(log_terms.c.term == f"actor:{name}".encode()))
    has_account = select(exists().where(accounts.c.work_number == name))
    return bool(connection.execute(has_events).scalar() or connection.execute(has_account).scalar())
