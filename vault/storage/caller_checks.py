"""What callers were asked: one row for each try and each refusal; words and ids, never an answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, union, update

from vault.domain.identifiers import IdentifierKind
from vault.storage.tables import access_requests, break_glass, caller_checks, case_lookups, cases, records

MATCH, NO_MATCH, REFUSED = "match", "no_match", "refused"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Wrong answers about a customer.

    Args:
        here: in the case at hand.
        lately: in any case, since a moment.
    """

    here: int
    lately: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the caller of a case has told of a customer.

    Args:
        matches: when which question was answered rightly.
        refused: the caller was refused there.
    """

    matches: tuple[tuple[datetime, str], ...] = ()
    refused: bool = False


def lock(connection: Connection, record_id: bytes) -> None:
    """Keep others from counting tries about a customer until this transaction ends."""
    connection.execute(select(records.c.record_id).where(records.c.record_id == record_id).with_for_update())


def wrong(connection: Connection, case_id: bytes, record_id: bytes, since: datetime) -> Wrong:
    """Count the wrong answers about a customer, in a case and since a moment."""
    column = caller_checks.c

    def count(*conditions: ColumnElement[bool]) -> int:
        """Count the wrong answers that fit some conditions."""
        query = select(func.count()).select_from(caller_checks)
        query = query.where(column.record_id == record_id, column.outcome == NO_MATCH, *conditions)
        return int(connection.execute(query).scalar_one())

    return Wrong(count(column.case_id == case_id), count(column.at > since))


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    """Insert a try or a refusal."""
    connection.execute(insert(caller_checks).values(**values))


def match(connection: Connection, check_id: bytes) -> None:
    """Note that a try, counted as wrong beforehand, was right."""
    connection.execute(update(caller_checks).where(caller_checks.c.check_id == check_id).values(outcome=MATCH))


def told(connection: Connection, case_id: bytes, customers: Collection[bytes]) -> dict[bytes, Told]:
    """Return what the caller of a case has told of each of some customers."""
    column = caller_checks.c
    query = select(column.record_id, column.at, column.question, column.outcome)
    query = query.where(column.case_id == case_id, column.record_id.in_(list(customers)), column.outcome != NO_MATCH)
    matches: dict[bytes, list[tuple[datetime, str]]] = {one: [] for one in customers}
    refused = set()
    for record_id, at, question, outcome in connection.execute(query):
        if outcome == REFUSED:
            refused.add(record_id)
        else:
            matches[record_id].append((at, question))
    return {one: Told(tuple(of_it), one in refused) for one, of_it in matches.items()}


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Remove tries and refusals before a moment whose case is closed, so many at most; returns how many."""
    some = (
        select(caller_checks.c.check_id)
        .join(cases, cases.c.case_id == caller_checks.c.case_id)
        .where(caller_checks.c.at < before, cases.c.closed_at.is_not(None))
        .limit(limit)
    )
    return connection.execute(delete(caller_checks).where(caller_checks.c.check_id.in_(some))).rowcount


def typed(connection: Connection, case_id: bytes) -> frozenset[IdentifierKind]:
    """Return which kinds of number were typed in a case: looked up, or asked for, also in an emergency."""
    tables = (case_lookups, access_requests, break_glass)
    query = union(*(select(one.c.identifier_kind).where(one.c.case_id == case_id) for one in tables))
    return frozenset(map(IdentifierKind, connection.execute(query).scalars()))
