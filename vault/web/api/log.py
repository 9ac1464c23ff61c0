"""The access log, for programs."""

from __future__ import annotations

from typing import Any

from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import log
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.routes import route
from vault.web.gate import now, parts, person

_MOST_EVENTS = 200


@route("GET", "/events", gate.door(Right.LOG_READ), answer=shapes.Events, query=shapes.EventsQuery)
def list_events(query: shapes.EventsQuery) -> dict[str, Any]:
    """List events of the access log, newest first."""
    limit = int(query.limit)
    if not 1 <= limit <= _MOST_EVENTS:
        raise InvalidValue("out_of_range", field="limit")
    before = None if query.before is None else int(query.before)
    lines = log.page(parts(), person(), before, limit, now())
    return {"events": [{"index": one.leaf_index, "event": one.body} for one in lines]}
