"""Measures against incidents: rows that are added, ended and kept; and which freezes are in force at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, Update, and_, func, insert, literal, or_, select, update

from vault.domain.breach.containment import THE_VAULT, Containment, Measure
from vault.domain.people import AccountState
from vault.storage.people import PERSON
from vault.storage.tables import (
    accounts,
    api_tokens,
    containment_holds,
    containments,
    grants,
    holds,
    sessions,
)

_COLUMNS = tuple(containments.c[one.name] for one in fields(Containment))
_STANDS = containments.c.ended_at.is_(None)
# Answered from the index of what stands alone, which is empty on all days but those of an incident.
_IN_FORCE = select(containments.c.measure, containments.c.taken_at).where(
    _STANDS, containments.c.target == literal(THE_VAULT), containments.c.rehearsed.is_(False)
)


def in_force(connection: Connection) -> dict[Measure, datetime]:
    """Return the freezes of the whole vault that are in force, each since when."""
    since: dict[Measure, datetime] = {}
    for row in connection.execute(_IN_FORCE):
        measure = Measure(row.measure)
        since[measure] = min(row.taken_at, since.get(measure, row.taken_at))
    return since


def add(connection: Connection, one: Containment) -> None:
    """Insert a measure.

    Raises:
        StorageError: ``conflict``: it stands already for this incident and target.
    """
    connection.execute(
        insert(containments).values(
            containment_id=one.containment_id,
            incident_id=one.incident_id,
            measure=one.measure.value,
            target=one.target,
            affected=one.affected,
            rehearsed=one.rehearsed,
            taken_by=one.taken_by,
            taken_at=one.taken_at,
            ended_by=one.ended_by,
            ended_at=one.ended_at,
        )
    )


def one(connection: Connection, incident_id: bytes, containment_id: bytes) -> Containment | None:
    """Return one measure of an incident."""
    query = select(*_COLUMNS).where(
        containments.c.containment_id == containment_id, containments.c.incident_id == incident_id
    )
    row = connection.execute(query).first()
    return None if row is None else _containment(row)


def of_incident(connection: Connection, incident_id: bytes) -> list[Containment]:
    """List the measures of an incident, the newest first."""
    column = containments.c
    query = select(*_COLUMNS).where(column.incident_id == incident_id)
    query = query.order_by(column.taken_at.desc(), column.containment_id)
    return [_containment(row) for row in connection.execute(query)]


def standing_on(connection: Connection, incident_id: bytes, measure: Measure, target: bytes) -> Containment | None:
    """Return the measure of an incident that stands on a target, None if none does."""
    query = select(*_COLUMNS).where(
        _STANDS,
        containments.c.target == target,
        containments.c.measure == measure.value,
        containments.c.incident_id == incident_id,
    )
    row = connection.execute(query).first()
    return None if row is None else _containment(row)


def others_on(connection: Connection, but: Containment) -> int:
    """Return how many other incidents still need what one measure does to its target."""
    query = (
        select(func.count())
        .select_from(containments)
        .where(
            _STANDS,
            containments.c.target == but.target,
            containments.c.measure == but.measure.value,
            containments.c.containment_id != but.containment_id,
            containments.c.rehearsed.is_(False),
        )
    )
    return int(connection.execute(query).scalar_one())


def suspended_by(connection: Connection, account_id: bytes) -> bytes | None:
    """Return an incident whose measure keeps an account suspended, None if none does; a rehearsal keeps nobody."""
    query = select(containments.c.incident_id).where(
        _STANDS,
        containments.c.target == account_id,
        containments.c.measure == Measure.SUSPEND_ACCOUNT.value,
        containments.c.rehearsed.is_(False),
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def held_by(connection: Connection, record_id: bytes, hold_id: bytes) -> bytes | None:
    """Return the incident whose measure has put a hold on a record and still stands, None if none has."""
    held = containment_holds.c
    query = select(containments.c.incident_id).join(
        containment_holds, held.containment_id == containments.c.containment_id
    )
    query = query.where(_STANDS, held.record_id == record_id, held.hold_id == hold_id)
    return connection.execute(query).scalar_one_or_none()


def end(connection: Connection, containment_id: bytes, by: bytes, at: datetime) -> bool:
    """End a measure; of two who do it at once, one gets True."""
    return _changed(connection, _that_stands(containment_id).values(ended_by=by, ended_at=at))


def keep(connection: Connection, containment_id: bytes, by: bytes, at: datetime) -> bool:
    """Let a measure outlast its incident; returns whether it stood and nobody had done so."""
    keeping = _that_stands(containment_id).where(containments.c.kept_at.is_(None))
    return _changed(connection, keeping.values(kept_by=by, kept_at=at))


def add_affected(connection: Connection, containment_id: bytes, count: int) -> None:
    """Count what a measure that works in batches has reached in one of them."""
    more = {"affected": containments.c.affected + count}
    connection.execute(update(containments).where(containments.c.containment_id == containment_id).values(**more))


# -- what a measure reaches ----------------------------------------------------------------------------------------


def count_sessions(connection: Connection, account_id: bytes) -> int:
    """Return how many of an account's sessions were not ended."""
    return _count(connection, sessions, sessions.c.account_id == account_id, sessions.c.ended_at.is_(None))


def count_tokens(connection: Connection, account_id: bytes, now: datetime) -> int:
    """Return how many living tokens are an account's, or were made by it."""
    return _count(connection, api_tokens, _tokens_of(account_id), api_tokens.c.expires_at > now)


def end_tokens(connection: Connection, account_id: bytes, at: datetime) -> None:
    """End the tokens of an account and those it has made: both may be in wrong hands."""
    connection.execute(update(api_tokens).where(_tokens_of(account_id)).values(ended_at=at))


def count_grants(connection: Connection, target: bytes, now: datetime) -> int:
    """Return how many living grants a person has or gave, or a customer is seen by."""
    return _count(connection, grants, _grants_of(target), grants.c.expires_at > now)


def end_grants(connection: Connection, target: bytes, at: datetime) -> None:
    """End the grants that a person has or gave, or that a customer is seen by."""
    connection.execute(update(grants).where(_grants_of(target)).values(ended_at=at))


def active_in_role(connection: Connection, role: str) -> list[str]:
    """Return the work numbers of the people who can act in a role."""
    column = accounts.c
    query = select(column.work_number).where(
        column.role == role, column.state == AccountState.ACTIVE.value, column.kind == PERSON
    )
    return list(connection.execute(query.order_by(column.work_number)).scalars())


# -- holds on evidence ---------------------------------------------------------------------------------------------


def note_holds(connection: Connection, containment_id: bytes, held: Sequence[tuple[bytes, bytes | None]]) -> None:
    """Note which records a measure has put under which holds; None for one that was destroyed before."""
    rows = [{"containment_id": containment_id, "record_id": record, "hold_id": hold} for record, hold in held]
    if rows:
        connection.execute(insert(containment_holds), rows)


def last_held(connection: Connection, containment_id: bytes) -> bytes:
    """Return the last record, in order of id, that a measure has come to; empty at the beginning."""
    query = select(func.max(containment_holds.c.record_id)).where(containment_holds.c.containment_id == containment_id)
    return connection.execute(query).scalar_one() or b""


def holds_left(connection: Connection, containment_id: bytes, limit: int) -> list[bytes]:
    """Return holds of a measure that still hold."""
    column = containment_holds.c
    query = (
        select(column.hold_id)
        .join(holds, holds.c.hold_id == column.hold_id)
        .where(column.containment_id == containment_id, holds.c.released_at.is_(None))
        .order_by(column.record_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def _tokens_of(account_id: bytes) -> ColumnElement[bool]:
    column = api_tokens.c
    return and_(column.ended_at.is_(None), or_(column.account_id == account_id, column.made_by == account_id))


def _grants_of(target: bytes) -> ColumnElement[bool]:
    column = grants.c
    theirs = or_(column.account_id == target, column.granted_by == target, column.record_id == target)
    return and_(column.ended_at.is_(None), theirs)


def _count(connection: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _that_stands(containment_id: bytes) -> Update:
    return update(containments).where(containments.c.containment_id == containment_id, _STANDS)


def _changed(connection: Connection, statement: Update) -> bool:
    return connection.execute(statement).rowcount == 1


def _containment(row: Row[Any]) -> Containment:
    told = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
    return Containment(**(told | {"measure": Measure(told["measure"])}))
