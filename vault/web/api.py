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
from vault.services import cards, cases, filing, log, lookup, passwords, sessions, viewing
from vault.services.filing import Filing
from vault.services.tokens import SignedIn
from vault.web import bodies, gate, shapes
from vault.web.bodies import JSON
from vault.web.gate import Door, now, parts, person
from vault.web.shapes import Shape
from vault.web.turnstile import one_of_few

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
    with one_of_few():
        return _session(sessions.sign_in(parts(), body.work_number, body.password, gate.source(), now()))


@route("DELETE", "/sessions/current", gate.door(expired=True), answer=None, status=204)
def sign_out() -> None:
    """End the session at once."""
    sessions.sign_out(parts(), person(), gate.bearer(), now())


@route("GET", "/sessions", gate.door(), answer=shapes.MySessions)
def my_sessions() -> dict[str, Any]:
    """List my open sessions, newest first."""
    me = person()
    return {
        "sessions": [
            {
                "session": one.session_id.hex(),
                "source": one.source,
                "since": _time(one.created_at),
                "last_seen": _time(one.seen_at),
                "current": one.session_id == me.session_id,
            }
            for one in sessions.own_sessions(parts(), me, now())
        ]
    }


@route("DELETE", "/sessions/<hex32:session>", gate.door(), answer=None, status=204)
def end_session(session: bytes) -> None:
    """End one of my sessions at once."""
    sessions.end_own(parts(), person(), session, now())


@route("POST", "/password", gate.door(expired=True), answer=shapes.Session, body=shapes.PasswordBody)
def change_password(body: shapes.PasswordBody) -> dict[str, Any]:
    """Change my password; every session ends, and the answer holds a fresh token."""
    with one_of_few():
        return _session(passwords.change(parts(), person(), body.current, body.new, now()))


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
    """List my cases, open ones first, and my requests, newest first."""
    opened, asked = cases.my_cases(parts(), person())
    policy, moment = parts().policy, now()
    return {
        "cases": [
            {
                "case": one.case_id.hex(),
                "purpose": one.purpose,
                "opened_at": _time(one.opened_at),
                "closed_at": None if one.closed_at is None else _time(one.closed_at),
                "clock": cases.clock_of(policy, one, moment).value if one.closed_at is None else None,
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


@route(
    "POST",
    "/service-records",
    gate.door(Right.LOOKUP),
    answer=shapes.FiledRecord,
    status=201,
    body=shapes.ServiceRecordBody,
)
def file_service_record(body: shapes.ServiceRecordBody) -> dict[str, Any]:
    """File a service record from my open case; by default the case is closed with it."""
    entered = Filing(
        customer=bytes.fromhex(body.customer),
        kind=body.kind,
        channel=body.channel,
        ended_at=_moment(body.ended_at, "ended_at"),
        text=body.text,
        result=body.result,
        notice_version=body.notice.version,
        notice_channel=body.notice.channel,
        category=body.category or "",
        severity=body.severity or "",
        rating="" if body.rating is None else str(body.rating),
        shipment=_id(body.shipment),
        closes=body.close,
    )
    filed = filing.file(parts(), person(), bytes.fromhex(body.case), entered, now())
    return {"record": filed.record_id.hex(), "late": filed.late}


@route("POST", "/cases/<hex32:case>/close", gate.door(Right.LOOKUP), answer=None, status=204, body=shapes.CloseBody)
def close_case(body: shapes.CloseBody, case: bytes) -> None:
    """Close my case without a service record; from the next request on it gives no access."""
    cases.close(parts(), person(), case, body.reason, now())


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


def _session(fresh: SignedIn) -> dict[str, Any]:
    return {
        "token": fresh.token,
        "expires_at": _time(fresh.expires_at),
        "role": fresh.person.role.value,
        "must_change_password": fresh.person.must_change,
    }


def _moment(text: str | None, field: str) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidValue("impossible_date", field=field) from None


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
