"""The JSON API: the same walks as the pages, for programs. Each view makes one service call.

A route says in one place how it is called, whose it is, what goes in and what comes out; :mod:`vault.web.openapi`
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

from vault.domain.policy import Right
from vault.errors import InvalidValue, NotFound
from vault.services import cards, cases, log, lookup, people, viewing
from vault.web import bodies, gate, shapes
from vault.web.bodies import JSON
from vault.web.gate import Door, now, parts, person
from vault.web.shapes import Shape

PREFIX = "/api/v1"
STRUCTURED = frozenset({"parcel", "track", "details", "notice"})
"""Fields whose sealed text is JSON; the API gives them parsed."""

_MOST_EVENTS = 200

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


ROUTES: list[Route] = []

_View = Callable[..., dict[str, Any] | None]


def route(
    method: str,
    path: str,
    at: Callable[[Callable[..., Response]], Callable[..., Response]],
    *,
    answer: type[Shape] | None,
    status: int = 200,
    body: type[Shape] | None = None,
    query: type[Shape] | None = None,
) -> Callable[[_View], _View]:
    """Declare a view of the API.

    Args:
        method: HTTP method.
        path: below the prefix.
        at: the gate's declaration of who may pass.
        answer: shape of the answer, for the description.
        status: of the answer.
        body: shape of the JSON body, read and given to the view first.
        query: shape of the query string, read and given to the view first.
    """

    def declare(view: _View) -> _View:
        @wraps(view)
        def serve(**ids: bytes) -> Response:
            if body is not None:
                found = view(bodies.read_body(body), **ids)
            elif query is not None:
                found = view(bodies.read_query(query), **ids)
            else:
                found = view(**ids)
            if found is None:
                return Response(status=status)
            return Response(json.dumps(found, ensure_ascii=False, separators=(",", ":")), status, mimetype=JSON)

        guarded = at(serve)
        summary = (view.__doc__ or "").partition("\n")[0]
        place = gate.door_of(guarded) or Door()
        ROUTES.append(Route(method, path, view.__name__, summary, place, status, answer, body, query))
        api.add_url_rule(path, view.__name__, guarded, methods=[method])
        return view

    return declare


@route("POST", "/sessions", gate.open_door, answer=shapes.Session, status=201, body=shapes.SignInBody)
def sign_in(body: shapes.SignInBody) -> dict[str, Any]:
    """Open a session; its token goes into ``Authorization: Bearer`` from then on."""
    done = people.sign_in(parts(), body.work_number, body.password, gate.source(), now())
    return {"token": done.token, "expires_at": _time(done.expires_at), "role": done.person.role.value}


@route("DELETE", "/sessions/current", gate.door(), answer=None, status=204)
def sign_out() -> None:
    """End the session at once."""
    people.sign_out(parts(), person(), gate.bearer(), now())


@route("POST", "/lookups", gate.door(Right.LOOKUP), answer=shapes.Found, body=shapes.LookupBody)
def look_up(body: shapes.LookupBody) -> dict[str, Any]:
    """Look up an exact waybill, phone or ID number; not there and not yours are one answer (404)."""
    answer = lookup.look_up(parts(), person(), body.number, body.purpose, now(), _id(body.case), _id(body.choose))
    case = answer.case_id.hex()
    if not answer.cards:
        raise NotFound("nothing_to_show", case=case)
    return {
        "case": case,
        "purpose": answer.purpose,
        "kind": answer.kind.value,
        "choose": answer.choose,
        "records": [_card(one) for one in answer.cards],
    }


@route("GET", "/cases/<hex32:case>/records/<hex32:record>", gate.door(Right.LOOKUP), answer=shapes.RecordInCase)
def view_record(case: bytes, record: bytes) -> dict[str, Any]:
    """See a record of an open case again, masked, with what hangs on it."""
    answer = viewing.view(parts(), person(), case, record, now())
    return {
        "case": case.hex(),
        "purpose": answer.case.purpose,
        "record": _card(answer.subject),
        "related": [_card(one) for one in answer.related],
    }


@route(
    "POST",
    "/cases/<hex32:case>/records/<hex32:record>/reveals",
    gate.door(Right.REVEAL),
    answer=shapes.Revealed,
    body=shapes.RevealBody,
)
def reveal(body: shapes.RevealBody, case: bytes, record: bytes) -> dict[str, Any]:
    """Reveal one field; the case's purpose is its purpose."""
    value = viewing.reveal(parts(), person(), case, record, body.field, body.ordinal, now())
    return {
        "field": body.field,
        "ordinal": body.ordinal,
        "value": value.disclose(),
        "seconds": parts().policy.sessions.reveal_seconds,
    }


@route("POST", "/requests", gate.door(Right.ASK), answer=shapes.Asked, status=202, body=shapes.AskBody)
def ask(body: shapes.AskBody) -> dict[str, Any]:
    """Ask for access to what a look-up did not show, whether it exists or not."""
    request_id = cases.ask(parts(), person(), bytes.fromhex(body.case), body.number, now())
    return {"request": request_id.hex()}


@route("GET", "/cases", gate.door(), answer=shapes.MyCases)
def my_cases() -> dict[str, Any]:
    """List my cases and my requests, newest first."""
    opened, asked = cases.my_cases(parts(), person())
    return {
        "cases": [
            {
                "case": one.case_id.hex(),
                "purpose": one.purpose,
                "opened_at": _time(one.opened_at),
                "closed_at": None if one.closed_at is None else _time(one.closed_at),
            }
            for one in opened
        ],
        "requests": [
            {
                "request": one.request_id.hex(),
                "case": one.case_id.hex(),
                "kind": one.identifier_kind,
                "asked_at": _time(one.asked_at),
                "state": one.state,
            }
            for one in asked
        ],
    }


@route("GET", "/events", gate.door(Right.LOG_READ), answer=shapes.Events, query=shapes.EventsQuery)
def list_events(query: shapes.EventsQuery) -> dict[str, Any]:
    """List events of the access log, newest first."""
    limit = int(query.limit)
    if not 1 <= limit <= _MOST_EVENTS:
        raise InvalidValue("out_of_range", field="limit")
    before = None if query.before is None else int(query.before)
    lines = log.page(parts(), person(), before, limit, now())
    return {"events": [{"index": one.leaf_index, "event": one.body} for one in lines]}


def _id(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _time(moment: datetime) -> str:
    return moment.isoformat()


def _card(card: cards.Card) -> dict[str, Any]:
    return {
        "id": card.record_id.hex(),
        "class": card.record_class.value,
        "part": card.part,
        "rule": card.rule,
        "outlet": card.outlet,
        "kind": card.kind,
        "open": card.is_open,
        "values": [_value(one) for one in card.values],
    }


def _value(shown: cards.Shown) -> dict[str, Any]:
    value: dict[str, Any] = {"field": shown.field, "ordinal": shown.ordinal, "revealable": shown.revealable}
    if shown.field in STRUCTURED:
        value["value"] = json.loads(shown.text) if shown.text else None
    else:
        value["text"] = shown.text
    return value
