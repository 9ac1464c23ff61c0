"""Watching the log for signals: few events by their terms, and who is refused again and again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from vault.domain.breach.signals import Seen
from vault.domain.people import AccountState
from vault.storage.log_search import also, within
from vault.storage.tables import accounts, log_events, log_terms

_AT_ONCE = 400
"""So many terms in one question; both engines take more."""

_BATCH = 2000

_NEEDED = {"actor", "source", "session", "facts"}


def events(connection: Connection, terms: Sequence[str], since: datetime, behind: int = -1) -> Iterator[Seen]:
    """Return the events that have all of some terms, the oldest first; read in batches, however many there are.

    Args:
        connection: an open connection.
        terms: the likely rarest first.
        since: UTC, included.
        behind: only those that have a later place in the log than this one.
    """
    along, *others = [term.encode() for term in terms]
    column = log_terms.c
    query = within(select(column.at, column.leaf_index, log_events.c.canonical), [along], since, None)
    query = query.join_from(log_terms, log_events, log_events.c.leaf_index == column.leaf_index)
    query = query.where(column.leaf_index > behind, *(also(column, [term]) for term in others))
    query = query.order_by(column.at, column.leaf_index).limit(_BATCH)
    rows = connection.execute(query).all()
    while rows:
        found = (_seen(row.leaf_index, row.canonical) for row in rows)
        yield from (one for one in found if one is not None)
        if len(rows) < _BATCH:
            return
        last = (rows[-1].at, rows[-1].leaf_index)
        rows = connection.execute(query.where(tuple_(column.at, column.leaf_index) > last)).all()


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


def _seen(leaf_index: int, canonical: bytes) -> Seen | None:
    event = _read(canonical)
    if event is None:
        return None
    at, is_known = datetime.fromisoformat(event["at"]), bool(event["facts"].get("unchanged"))
    event_id = bytes.fromhex(event["id"])
    return Seen(leaf_index, event_id, at, event["actor"], event["source"], event["session"], is_known)


def _read(canonical: bytes) -> dict[str, Any] | None:
    """Return an event; None for bytes that are none of ours."""
    try:
        event: dict[str, Any] = json.loads(canonical)
        datetime.fromisoformat(event["at"])
        bytes.fromhex(event["id"])
        return event if event.keys() >= _NEEDED and isinstance(event["facts"], dict) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
