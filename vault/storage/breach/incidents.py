"""Incidents, their clocks and their timeline: rows that are added to and moved on, never taken away."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, tuple_, update

from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.ids import Role
from vault.domain.log import Event
from vault.domain.people import AccountState
from vault.storage.tables import accounts, incident_clocks, incident_entries, incidents

_COLUMNS = (
    incidents.c.incident_id,
    incidents.c.kind,
    incidents.c.drill,
    incidents.c.state,
    incidents.c.aware_at,
    incidents.c.aware_since,
    incidents.c.aware_source,
    incidents.c.opened_by,
    incidents.c.opened_at,
    incidents.c.verdict,
    incidents.c.closing_by,
    incidents.c.closing_at,
    incidents.c.closed_by,
    incidents.c.closed_at,
)
_CLOCK = (
    incident_clocks.c.clock_id,
    incident_clocks.c.started_at,
    incident_clocks.c.due_at,
    incident_clocks.c.done_at,
    incident_clocks.c.done_by,
    incident_clocks.c.missed_at,
    incident_clocks.c.dropped_at,
    incident_clocks.c.sealed_reason,
)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of what happened in an incident.

    Args:
        event_id: the event that the log holds of it.
        at: when, UTC.
        actor: who, as events name them.
        action: what.
        outcome: how it ended.
        facts: as the event has them.
        sealed_note: what somebody typed; None if nobody did.
    """

    event_id: bytes
    at: datetime
    actor: str
    action: str
    outcome: str
    facts: Mapping[str, str | int]
    sealed_note: bytes | None


def add(connection: Connection, one: Incident) -> None:
    """Insert an incident."""
    connection.execute(
        insert(incidents).values(
            incident_id=one.incident_id,
            kind=one.kind.value,
            drill=one.drill,
            state=one.state.value,
            aware_at=one.aware_at,
            aware_since=one.aware_since,
            aware_source=one.aware_source.value,
            opened_by=one.opened_by,
            opened_at=one.opened_at,
        )
    )


def one(connection: Connection, incident_id: bytes, *, locked: bool = False) -> Incident | None:
    """Return an incident; locked, nobody else moves it until this transaction ends."""
    query = select(*_COLUMNS).where(incidents.c.incident_id == incident_id)
    row = connection.execute(query.with_for_update() if locked else query).first()
    return None if row is None else _incident(row)


def open_ones(connection: Connection) -> list[Incident]:
    """List the incidents that are not closed, the earliest first."""
    query = select(*_COLUMNS).where(incidents.c.state != IncidentState.CLOSED.value)
    return [_incident(row) for row in connection.execute(query.order_by(incidents.c.opened_at))]


def open_page(
    connection: Connection, limit: int, after: Incident | None = None, but: Collection[bytes] = ()
) -> list[Incident]:
    """List incidents that are not closed, the earliest first, page by page.

    Args:
        connection: an open connection.
        limit: so many at most.
        after: the last one of the page before; it may be closed by now.
        but: ids of those that are left out, a few.
    """
    column = incidents.c
    query = select(*_COLUMNS).where(column.state != IncidentState.CLOSED.value)
    if but:
        query = query.where(column.incident_id.not_in(list(but)))
    if after is not None:
        query = query.where(tuple_(column.opened_at, column.incident_id) > (after.opened_at, after.incident_id))
    query = query.order_by(column.opened_at, column.incident_id).limit(limit)
    return [_incident(row) for row in connection.execute(query)]


def opened_by(connection: Connection, actor: str, since: datetime, limit: int, *, drill: bool) -> list[Incident]:
    """List the incidents that somebody opened after some time, the newest first.

    Args:
        connection: an open connection.
        actor: who, as events name them.
        since: UTC.
        limit: so many at most.
        drill: whether rehearsals are asked for, or what is real.
    """
    column = incidents.c
    query = select(*_COLUMNS).where(column.opened_by == actor, column.opened_at > since, column.drill.is_(drill))
    query = query.order_by(column.opened_at.desc(), column.incident_id.desc()).limit(limit)
    return [_incident(row) for row in connection.execute(query)]


def closed_ones(
    connection: Connection, limit: int, before: Incident | None = None, but: Collection[bytes] = ()
) -> list[Incident]:
    """List closed incidents, the newest first.

    Args:
        connection: an open connection.
        limit: so many at most.
        before: the last one of the page before.
        but: ids of those that are left out, a few.
    """
    column = incidents.c
    query = select(*_COLUMNS).where(column.state == IncidentState.CLOSED.value)
    if but:
        query = query.where(column.incident_id.not_in(list(but)))
    if before is not None:
        query = query.where(tuple_(column.opened_at, column.incident_id) < (before.opened_at, before.incident_id))
    query = query.order_by(column.opened_at.desc(), column.incident_id.desc()).limit(limit)
    return [_incident(row) for row in connection.execute(query)]


def starting_with(connection: Connection, prefix: str) -> list[bytes]:
    """Return the ids that begin with some hexadecimal digits, two at most."""
    low, high = bytes.fromhex(prefix.ljust(32, "0")), bytes.fromhex(prefix.ljust(32, "f"))
    query = select(incidents.c.incident_id).where(incidents.c.incident_id.between(low, high)).limit(2)
    return list(connection.execute(query).scalars())


def move(connection: Connection, incident_id: bytes, of: IncidentState, values: Mapping[str, Any]) -> bool:
    """Set columns of an incident that is still in a state; returns whether it was."""
    query = update(incidents).where(incidents.c.incident_id == incident_id, incidents.c.state == of.value)
    return connection.execute(query.values(**values)).rowcount == 1


def start_clock(connection: Connection, incident_id: bytes, clock: Clock) -> None:
    """Insert a clock."""
    connection.execute(
        insert(incident_clocks).values(
            incident_id=incident_id, clock_id=clock.clock_id, started_at=clock.started_at, due_at=clock.due_at
        )
    )


def clocks_of(connection: Connection, incident_ids: Collection[bytes]) -> dict[bytes, list[Clock]]:
    """Return the clocks of some incidents, the one due first first."""
    found: dict[bytes, list[Clock]] = {one: [] for one in incident_ids}
    return found | _clocks(connection, incident_clocks.c.incident_id.in_(list(incident_ids)))


def clocks_of_open_ones(connection: Connection) -> dict[bytes, list[Clock]]:
    """Return the clocks of all incidents that are not closed, however many there are, the one due first first."""
    of_open = select(incidents.c.incident_id).where(incidents.c.state != IncidentState.CLOSED.value)
    return _clocks(connection, incident_clocks.c.incident_id.in_(of_open))


def due_first(connection: Connection, leaving_out: Collection[bytes] = ()) -> tuple[Incident, Clock] | None:
    """Return the open clock of a real incident that runs out first, with its incident; None when nothing runs.

    Args:
        connection: an open connection.
        leaving_out: incidents that do not count.
    """
    clock = incident_clocks.c
    query = (
        select(*_COLUMNS, *_CLOCK)
        .join(incident_clocks, clock.incident_id == incidents.c.incident_id)
        .where(
            clock.done_at.is_(None),
            clock.dropped_at.is_(None),
            incidents.c.state != IncidentState.CLOSED.value,
            incidents.c.drill.is_(False),
        )
        .order_by(clock.due_at, clock.clock_id, clock.incident_id)
    )
    if leaving_out:
        query = query.where(clock.incident_id.not_in(list(leaving_out)))
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (_incident(row[: len(_COLUMNS)]), Clock(*row[len(_COLUMNS) :]))


def change_clock(connection: Connection, incident_id: bytes, clock_id: str, values: Mapping[str, Any]) -> bool:
    """Set columns of a clock that is not done or dropped; returns whether it was not."""
    column = incident_clocks.c
    query = update(incident_clocks).where(
        column.incident_id == incident_id,
        column.clock_id == clock_id,
        column.done_at.is_(None),
        column.dropped_at.is_(None),
    )
    return connection.execute(query.values(**values)).rowcount == 1


def begin_sooner(connection: Connection, incident_id: bytes, clock: Clock) -> None:
    """Set a clock's beginning and end forward."""
    column = incident_clocks.c
    query = update(incident_clocks).where(column.incident_id == incident_id, column.clock_id == clock.clock_id)
    connection.execute(query.values(started_at=clock.started_at, due_at=clock.due_at, missed_at=clock.missed_at))


def record_missed(connection: Connection, incident_id: bytes, clock_id: str, at: datetime) -> bool:
    """Record that a clock was missed, once and for ever; returns whether it was not recorded yet."""
    column = incident_clocks.c
    query = update(incident_clocks).where(
        column.incident_id == incident_id, column.clock_id == clock_id, column.missed_at.is_(None)
    )
    return connection.execute(query.values(missed_at=at)).rowcount == 1


def enter(connection: Connection, incident_id: bytes, event: Event, sealed_note: bytes | None) -> None:
    """Insert a line of the timeline."""
    connection.execute(
        insert(incident_entries).values(
            event_id=event.event_id,
            incident_id=incident_id,
            at=event.at,
            actor=event.actor.name,
            action=event.action.value,
            outcome=event.outcome.value,
            facts=json.dumps(dict(event.facts), sort_keys=True),
            sealed_note=sealed_note,
        )
    )


def entries_of(connection: Connection, incident_id: bytes) -> list[TimelineEntry]:
    """List the timeline of an incident, the earliest first."""
    column = incident_entries.c
    query = (
        select(
            column.event_id,
            column.at,
            column.actor,
            column.action,
            column.outcome,
            column.facts,
            column.sealed_note,
        )
        .where(column.incident_id == incident_id)
        .order_by(column.at, column.arrival)
    )
    return [
        TimelineEntry(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6])
        for row in connection.execute(query)
    ]


def has_entry(connection: Connection, incident_id: bytes, action: str) -> bool:
    """Return whether the timeline of an incident has a line of some action."""
    column = incident_entries.c
    query = select(column.arrival).where(column.incident_id == incident_id, column.action == action)
    return connection.execute(query.limit(1)).first() is not None


def last_entry_at(connection: Connection, incident_id: bytes) -> datetime | None:
    """Return the time of the newest line of the timeline."""
    column = incident_entries.c
    found: datetime | None = connection.execute(
        select(func.max(column.at)).where(column.incident_id == incident_id)
    ).scalar_one()
    return found


def people_of(connection: Connection, roles: Iterable[Role]) -> list[bytes]:
    """Return the accounts of the people of some roles who read what they are told."""
    query = select(accounts.c.account_id).where(
        accounts.c.role.in_([role.value for role in roles]),
        accounts.c.state != AccountState.LEFT.value,
        accounts.c.kind == "person",
    )
    return list(connection.execute(query).scalars())


def _clocks(connection: Connection, of_some: ColumnElement[bool]) -> dict[bytes, list[Clock]]:
    found: dict[bytes, list[Clock]] = {}
    query = select(incident_clocks.c.incident_id, *_CLOCK).where(of_some)
    for row in connection.execute(query.order_by(incident_clocks.c.due_at, incident_clocks.c.clock_id)):
        found.setdefault(row[0], []).append(Clock(*row[1:]))
    return found


def _incident(row: Sequence[Any]) -> Incident:
    told = {column.name: value for column, value in zip(_COLUMNS, row, strict=True)}
    words = {
        "kind": IncidentKind(told["kind"]),
        "state": IncidentState(told["state"]),
        "aware_source": AwareSource(told["aware_source"]),
        "verdict": Verdict(told["verdict"]) if told["verdict"] else None,
    }
    return Incident(**(told | words))
