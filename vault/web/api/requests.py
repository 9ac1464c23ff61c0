"""Asking for access and deciding on what others ask, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from vault.domain.rules.access import Right
from vault.services import asking, deciding
from vault.services.steps.asked import AskedRequest
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.records import card_shape
from vault.web.api.routes import id_of, route, time_text
from vault.web.api.shapes import Card, Id, Shape, Word
from vault.web.gate import now, parts, person

_REQUEST = "/requests/<hex32:request>"


class WaitingLine(Shape):
    """One request that waits for me: who asks and why, nothing of what was typed."""

    request: Id
    work_number: str
    role: Word
    outlet: str
    purpose: Word
    kind: Word
    asked_at: AwareDatetime


class WaitingRequests(Shape):
    """Requests that wait for my decision, the oldest first."""

    requests: list[WaitingLine]


class Subject(Shape):
    """What a request leads to, for whoever decides it."""

    request: Id
    number: str = Field(description="What was asked for, masked.")
    choose: bool = Field(description="Several customers share the number: grant one of them.")
    records: list[Card] = Field(description="Empty when there is no such record.")


class GrantBody(Shape):
    """For how long, and which of several customers."""

    minutes: Annotated[int, Field(ge=1)] = Field(description="One of the policy's choices.")
    record: Id | None = None


class GrantedUntil(Shape):
    """Access, granted."""

    until: AwareDatetime


class RefuseRequestBody(Shape):
    """Why a request is refused; the asker is not told."""

    reason: Word


@route("POST", "/requests", gate.door(Right.ASK), answer=shapes.Asked, status=202, body=shapes.AskBody)
def ask(body: shapes.AskBody) -> dict[str, Any]:
    """Ask for access to what a look-up did not show, whether it exists or not."""
    request_id = asking.ask(parts(), person(), bytes.fromhex(body.case), body.number, now())
    return {"request": request_id.hex()}


@route("GET", _REQUEST, gate.door(Right.ASK), answer=shapes.RequestLine)
def my_request(request: bytes) -> dict[str, Any]:
    """See how my request stands."""
    return request_line(asking.mine(parts(), person(), request, now()))


@route("GET", "/requests", gate.door(Right.DECIDE), answer=WaitingRequests)
def waiting_requests() -> dict[str, Any]:
    """List the requests that wait for my decision, the oldest first."""
    return {
        "requests": [
            {
                "request": one.request.request_id.hex(),
                "work_number": one.work_number,
                "role": one.role.value,
                "outlet": one.outlet,
                "purpose": one.request.purpose,
                "kind": one.request.kind.value,
                "asked_at": time_text(one.request.asked_at),
            }
            for one in deciding.waiting(parts(), person(), now())
        ]
    }


@route("GET", f"{_REQUEST}/subject", gate.door(Right.DECIDE), answer=Subject, also=(409,))
def request_subject(request: bytes) -> dict[str, Any]:
    """See what a request that waits for me leads to, masked; looking is logged."""
    found = deciding.see(parts(), person(), request, now())
    return {
        "request": request.hex(),
        "number": found.number,
        "choose": found.choose,
        "records": [card_shape(one) for one in found.cards],
    }


@route(
    "POST",
    f"{_REQUEST}/grants",
    gate.door(Right.DECIDE),
    answer=GrantedUntil,
    status=201,
    body=GrantBody,
    also=(409,),
)
def grant_request(body: GrantBody, request: bytes) -> dict[str, Any]:
    """Grant a request for a time; access ends with the asker's case at the latest."""
    until = deciding.grant(parts(), person(), request, body.minutes, id_of(body.record), now())
    return {"until": time_text(until)}


@route(
    "POST",
    f"{_REQUEST}/refusals",
    gate.door(Right.DECIDE),
    answer=None,
    status=204,
    body=RefuseRequestBody,
    also=(409,),
)
def refuse_request(body: RefuseRequestBody, request: bytes) -> None:
    """Refuse a request; its asker learns neither why nor by whom."""
    deciding.refuse(parts(), person(), request, body.reason, now())


def request_line(one: AskedRequest) -> dict[str, Any]:
    """Return a request as the API tells its asker."""
    return {
        "request": one.request_id.hex(),
        "case": one.case_id.hex(),
        "purpose": one.purpose,
        "kind": one.kind.value,
        "asked_at": time_text(one.asked_at),
        "answer_by": time_text(one.answer_by),
        "state": one.state.value,
        "record": None if one.record_id is None else one.record_id.hex(),
        "until": None if one.until is None else time_text(one.until),
    }
