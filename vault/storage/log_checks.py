"""When the whole log was last verified, as its own events tell it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from vault.domain.log import Action, Outcome
from vault.storage.log_search import within
from vault.storage.tables import log_events, log_terms

_TERM: Final = f"action:{Action.LOG_VERIFY.value}".encode()
_MOST: Final = 100
"""So many verifications are looked at: those that compared less have no digest, and say nothing of the rest."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The last time the whole log was verified, ids and terms included.

    Args:
        at: when, UTC.
        holds: nothing was wrong.
        digest: over what was wrong.
    """

    at: datetime
    holds: bool
    digest: str


def last_check(connection: Connection) -> Checked | None:
    """Return the last verification of the whole log; None before the first.

    Args:
        connection: an open connection.
    """
    column = log_terms.c
    places = within(select(column.leaf_index), [_TERM], None, None)
    newest = places.order_by(column.leaf_index.desc()).limit(_MOST).subquery()
    query = select(log_events.c.canonical).join(newest, newest.c.leaf_index == log_events.c.leaf_index)
    found = connection.execute(query.order_by(log_events.c.leaf_index.desc())).scalars()
    return next((one for one in map(_checked, found) if one is not None), None)


def _checked(canonical: bytes) -> Checked | None:
    """Read one event; an altered one, which verifying names, says nothing here."""
    try:
        event = json.loads(canonical)
        holds = event["outcome"] == Outcome.DONE.value
        return Checked(datetime.fromisoformat(event["at"]), holds, str(event["facts"]["digest"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
