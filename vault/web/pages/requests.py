"""The pages of access between colleagues: deciding on requests, living grants, sharing a customer."""

from __future__ import annotations

import re

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, NotFound
from vault.services import deciding, granted, sharing
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.look_up import record_page
from vault.web.presenting import purpose_name

request_pages = Blueprint("requests", __name__)

_DONE = ("granted", "refused", "revoked")
"""What the list can say about what was just done."""

_SIDE_BY_SIDE = ("match", "sender", "recipient")
_ID = re.compile("[0-9a-f]{32}")
_NUMBER = re.compile("[0-9]{1,6}")


@request_pages.get("/requests")
@door(Right.DECIDE)
def waiting() -> str:
    """List the requests that wait for the person, and the access they answer for."""
    moment, done = now(), request.args.get("done", "")
    return render_template(
        "requests.html",
        waiting=deciding.waiting(parts(), person(), moment),
        granted=granted.listed(parts(), person(), moment),
        moment=moment,
        done=done if done in _DONE else "",
        back=url_for("requests.waiting"),
    )


@request_pages.get("/requests/<hex32:asked>")
@door(Right.DECIDE)
def decide(asked: bytes) -> str:
    """Show what a request leads to, with the two answers."""
    found = deciding.see(parts(), person(), asked, now())
    policy, spoken = parts().policy.grants, language()
    return render_template(
        "request.html",
        found=found,
        cards=sorted(found.cards, key=lambda card: _SIDE_BY_SIDE.index(card.part)),
        minutes=policy.minutes,
        refusals={one: words.of_policy(spoken, rule) for one, rule in policy.refusals.items()},
        purpose=purpose_name(found.asked.request.purpose),
        back=url_for("requests.decide", asked=asked),
    )


@request_pages.post("/requests/<hex32:asked>/grant")
@door(Right.DECIDE)
def grant(asked: bytes) -> Response:
    """Grant a request for a time."""
    chosen = request.form.get("record", "")
    minutes = _number(request.form.get("minutes", ""), "minutes")
    if chosen and not _ID.fullmatch(chosen):
        raise NotFound("record")
    deciding.grant(parts(), person(), asked, minutes, bytes.fromhex(chosen) or None, now())
    return redirect(url_for("requests.waiting", done="granted"), 303)


@request_pages.post("/requests/<hex32:asked>/refuse")
@door(Right.DECIDE)
def refuse(asked: bytes) -> Response:
    """Refuse a request."""
    deciding.refuse(parts(), person(), asked, request.form.get("reason", ""), now())
    return redirect(url_for("requests.waiting", done="refused"), 303)


@request_pages.post("/grants/<hex32:grant>/revoke")
@door(Right.DECIDE)
def revoke(grant: bytes) -> Response:
    """Take access back."""
    granted.revoke(parts(), person(), grant, now())
    return redirect(url_for("requests.waiting", done="revoked"), 303)


# -- sharing -----------------------------------------------------------------------------------------------------


@request_pages.post("/cases/<hex32:case>/records/<hex32:record>/shares")
@door(Right.SHARE)
def share(case: bytes, record: bytes) -> Response | tuple[str, int]:
    """Share a customer with a colleague; what cannot be used is said beside its field."""
    form = request.form
    colleague, purpose, hours = (form.get(name, "") for name in ("colleague", "purpose", "hours"))
    try:
        sharing.share(parts(), person(), case, record, colleague, purpose, _number(hours, "hours"), now())
    except InvalidValue as invalid:
        said = words.reason(language(), invalid.reason, invalid.facts)
        filled = {"colleague": colleague, "purpose": purpose, "errors": {str(invalid.facts["field"]): said}}
        return record_page(case, record, shared=filled), 400
    return redirect(url_for("pages.record", case=case, record=record, done="shared"), 303)


@request_pages.get("/shared/<hex32:share>")
@door(Right.LOOKUP)
def shared(share: bytes) -> str:
    """Say what a colleague shares: for which purpose and until when, nothing of the customer."""
    return render_template("shared.html", offer=sharing.offered(parts(), person(), share, now()), moment=now())


@request_pages.post("/shared/<hex32:share>")
@door(Right.LOOKUP)
def take_up(share: bytes) -> Response:
    """Open a case with what was shared, and its record."""
    taken = sharing.take_up(parts(), person(), share, now())
    return redirect(url_for("pages.record", case=taken.case_id, record=taken.record_id), 303)


def _number(text: str, field: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise InvalidValue("not_on_list", field=field)
    return int(text)
