"""The JSON API: the same walks as the pages, for programs. Each view makes one service call.

A route says in one place how it is called, whose it is, what goes in and what comes out; :mod:`vault.web.api.openapi`
describes exactly these routes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from flask import Blueprint, Response

from vault.errors import InvalidValue
from vault.web import gate
from vault.web.api import bodies
from vault.web.api.bodies import JSON
from vault.web.api.shapes import Shape
from vault.web.gate import Door

PREFIX = "/api/v1"
api = Blueprint("api", __name__, url_prefix=PREFIX)


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the API, as declared.

    Args:
        method: HTTP method.
        path: below the prefix, as Flask writes it.
        name: of the view; the operation's id.
        summary: what it does, the first line of the view's docstring.
        door: who may pass.
        status: of the answer when all is well.
        answer: shape of the answer; None for an empty one.
        body: shape of the JSON body; None for none.
        query: shape of the query string; None for none.
        also: statuses of refusals beside those that follow from the rest.
        media: type of an answer that is a file.
    """

    method: str
    path: str
    name: str
    summary: str
    door: Door
    status: int
    answer: type[Shape] | None
    body: type[Shape] | None
    query: type[Shape] | None
    also: tuple[int, ...] = ()
    media: str = ""


ROUTES: list[Route] = []

_View = Callable[..., dict[str, Any] | Response | None]


def route(
    method: str,
    path: str,
    at: Callable[[Callable[..., Response]], Callable[..., Response]],
    *,
    answer: type[Shape] | str | None,
    status: int = 200,
    body: type[Shape] | None = None,
    query: type[Shape] | None = None,
    also: tuple[int, ...] = (),
) -> Callable[[_View], _View]:
    """Declare a view of the API.

    Args:
        method: HTTP method.
        path: below the prefix.
        at: the gate's declaration of who may pass.
        answer: shape of the answer, for the description; or the media type of a file, which the view returns itself.
        status: of the answer.
        body: shape of the JSON body, read and given to the view first.
        query: shape of the query string, read and given to the view first.
        also: statuses of refusals beside those that follow from the rest.
    """

    def declare(view: _View) -> _View:
        """Register one view under its method and path."""

        @wraps(view)
        def serve(**ids: bytes) -> Response:
            """Read what came in, and write the view's answer as JSON."""
            if body is not None:
                found = view(bodies.read_body(body), **ids)
            elif query is not None:
                found = view(bodies.read_query(query), **ids)
            else:
                found = view(**ids)
            if found is None:
                return Response(status=status)
            if isinstance(found, Response):
                return found
            return Response(json.dumps(found, ensure_ascii=False, separators=(",", ":")), status, mimetype=JSON)

        guarded = at(serve)
        summary = (view.__doc__ or "").partition("\n")[0]
        place = gate.door_of(guarded) or Door()
        shape, media = (None, answer) if isinstance(answer, str) else (answer, "")
        ROUTES.append(Route(method, path, view.__name__, summary, place, status, shape, body, query, also, media))
        api.add_url_rule(path, view.__name__, guarded, methods=[method])
        return view

    return declare


def id_of(text: str | None) -> bytes | None:
    """Return the bytes of an id that a shape has checked."""
    return None if text is None else bytes.fromhex(text)


def moment_of(text: str | None, field: str) -> datetime | None:
    """Return the moment of a text that a shape has checked.

    Raises:
        InvalidValue: there is no such day or time.
    """
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("impossible_date", field=field) from None


def time_text(moment: datetime) -> str:
    """Return a time as the API writes it."""
    return moment.isoformat()
