"""Watching the log for signals: few events by their terms, and who is refused again and again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from vault.domain.people import AccountState
from vault.storage.log_search import also, within
from vault.storage.tables import accounts, log_events, log_terms

_AT_ONCE = 400
"""So many terms in one question; both engines take more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What of one event a signal needs.

    Args:
        leaf_index: its place.
        event_id: its id.
        at: when, UTC.
        actor: work number, or ``unknown``.
        source: network address.
        session: id of the session, empty outside one.
    """

    leaf_index: int
    event_id: bytes
    at: datetime
    actor: str
    source: str
    session: str


def events(
    connection: Connection, terms: Sequence[str], since: datetime, behind: int = -1, most: int | None = None
) -> list[Seen]:
    """Return the events that have all of some terms, the newest first.

    Args:
        connection: an open connection.
        terms: the likely rarest first.
        since: UTC, included.
        behind: only those that have a later place in the log than this one.
        most: so many at most.
    """
    along, *others = [term.encode() for term in terms]
    column = log_terms.c
    query = within(select(log_events.c.leaf_index, log_events.c.canonical), [along], since, None)
    query = query.join_from(log_terms, log_events, log_events.c.leaf_index == column.leaf_index)
    query = query.where(column.leaf_index > behind, *(also(column, [term]) for term in others))
    rows = connection.execute(query.order_by(column.at.desc(), column.leaf_index.desc()).limit(most))
    return [_seen(row.leaf_index, row.canonical) for row in rows]


def refusals(connection: Connection, since: datetime) -> dict[str, int]:
    """Return how often each person was refused or found nothing, by work number; failed sign-ins under it included.

    Args:
        connection: an open connection.
        since: UTC, included.
    """
    people = select(accounts.c.work_number).where(accounts.c.state != AccountState.LEFT.value)
    numbers = connection.execute(people).scalars().all()
    terms = {
        f"actor+outcome:{number} {outcome}".encode(): number for number in numbers for outcome in ("refused", "miss")
    }
    asked, found = list(terms), Counter[str]()
    column = log_terms.c
    for start in range(0, len(asked), _AT_ONCE):
        some = within(select(column.term, func.count()), asked[start : start + _AT_ONCE], since, None)
        for term, count in connection.execute(some.group_by(column.term)):
            found[terms[bytes(term)]] += count
    return dict(found)


def _seen(leaf_index: int, canonical: bytes) -> Seen:
    event = json.loads(canonical)
    at = datetime.fromisoformat(event["at"])
    return Seen(leaf_index, bytes.fromhex(event["id"]), at, event["actor"], event["source"], event["session"])
