"""Looking up, seeing a record again and revealing, for programs."""

from __future__ import annotations

import json
from typing import Any

from vault.domain.rules.access import Right
from vault.errors import NotFound
from vault.services import lookup, viewing
from vault.services.steps import cards
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.routes import id_of, route, time_text
from vault.web.gate import now, parts, person

STRUCTURED = frozenset({"parcel", "track", "details", "notice"})
"""Fields whose sealed text is JSON; the API gives them parsed."""


@route("POST", "/lookups", gate.door(Right.LOOKUP), answer=shapes.Found, body=shapes.LookupBody)
def look_up(body: shapes.LookupBody) -> dict[str, Any]:
    """Look up an exact waybill, phone or ID number; not there and not yours are one answer (404)."""
    answer = lookup.look_up(parts(), person(), body.number, body.purpose, now(), id_of(body.case), id_of(body.choose))
    case = answer.case_id.hex()
    if not answer.cards:
        raise NotFound("nothing_to_show", case=case)
    return {
        "case": case,
        "purpose": answer.purpose,
        "kind": answer.kind.value,
        "choose": answer.choose,
        "records": [card_shape(one) for one in answer.cards],
    }


@route("GET", "/cases/<hex32:case>/records/<hex32:record>", gate.door(Right.LOOKUP), answer=shapes.RecordInCase)
def view_record(case: bytes, record: bytes) -> dict[str, Any]:
    """See a record of an open case again, masked, with what hangs on it."""
    answer = viewing.view(parts(), person(), case, record, now())
    return {
        "case": case.hex(),
        "purpose": answer.case.purpose,
        "record": card_shape(answer.subject),
        "related": [card_shape(one) for one in answer.related],
        "until": None if answer.until is None else time_text(answer.until),
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


def card_shape(card: cards.Card) -> dict[str, Any]:
    """Return a card as the API gives it."""
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
