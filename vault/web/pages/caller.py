"""The panel in which a caller proves to be the customer, beside a record; no answer ever stands in an address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.ids import RecordClass
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import caller_verification
from vault.services.steps.cards import OTHER_PARTY_RULE, Card
from vault.web.gate import door, language, now, parts, person

caller_pages = Blueprint("caller", __name__)

_DONE = ("match", "no_match", "verified", "refused")
_REASONS = ("answer_not_four", "answer_too_short", "answer_was_typed", "caller_tries_used_up", "not_on_list")
"""What the address may say of the answer that was just given; other words are not shown."""


def caller_panel(case: bytes, page: bytes, cards: Iterable[Card]) -> dict[str, Any]:
    """Return what the panel shows of the customers on a page who are in scope.

    Args:
        case: the case of the page.
        page: the record whose page is shown again afterwards.
        cards: what the page shows.
    """
    customers = [one for one in cards if one.record_class is RecordClass.CUSTOMER and one.rule != OTHER_PARTY_RULE]
    found = caller_verification.standings(parts(), case, {one.record_id: one.rule for one in customers}, now())
    rule, said = parts().policy.verification, request.args.get("caller", "")
    return {
        "page": page.hex(),
        "callers": [{"card": one, "standing": found[one.record_id]} for one in customers],
        "questions": [(name, words.of_policy(language(), one), one.weak) for name, one in rule.questions.items()],
        "refusals": {name: words.of_policy(language(), one) for name, one in rule.refusals.items()},
        "done": said if said in _DONE else "",
        "error": words.reason(language(), said, {"field": "answer"}) if said in _REASONS else "",
    }


@caller_pages.post("/cases/<hex32:case>/records/<hex32:record>/caller-checks")
@door(Right.LOOKUP)
def check_caller(case: bytes, record: bytes) -> Response:
    """Compare a caller's answer, and go back to the record."""
    form = request.form
    try:
        checked = caller_verification.check_answer(
            parts(), person(), case, record, form.get("question", ""), form.get("answer", ""), now()
        )
    except InvalidValue as invalid:
        return _back(case, record, invalid.reason)
    return _back(case, record, "no_match" if not checked.match else "verified" if checked.verified else "match")


@caller_pages.post("/cases/<hex32:case>/records/<hex32:record>/caller-refusals")
@door(Right.LOOKUP)
def refuse_caller(case: bytes, record: bytes) -> Response:
    """Record that the caller is not the customer, and go back to the record."""
    try:
        caller_verification.refuse_caller(parts(), person(), case, record, request.form.get("reason", ""), now())
    except InvalidValue as invalid:
        return _back(case, record, invalid.reason)
    return _back(case, record, "refused")


def _back(case: bytes, customer: bytes, said: str) -> Response:
    """Lead back to the record on whose page the panel stood: the customer, or a shipment of theirs."""
    page = request.form.get("page", "")
    try:
        record = bytes.fromhex(page) if len(page) == len("00" * 16) else customer
    except ValueError:
        record = customer
    return redirect(url_for("pages.record", case=case, record=record, caller=said, _anchor="caller"), 303)
