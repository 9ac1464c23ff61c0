"""The pages for people who look up: search, answer, record, reveal, ask; each view is one call of one service.

They work without scripts; ``static/vault.js`` adds keys and the countdown. A number is only ever in a request's body,
and comes back only in the form that asks for it again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from vault import words
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, NotFound
from vault.services import asking, lookup, viewing
from vault.services.lookup import LookupAnswer
from vault.services.watermark import own_name
from vault.web.gate import LANGUAGE_COOKIE, LANGUAGES, door, language, now, open_door, parts, person, source
from vault.web.pages.caller import caller_panel
from vault.web.pages.filing_form import filing_form
from vault.web.pages.share_form import share_form
from vault.web.presenting import clock, furnish, purpose_name, way_back

pages = Blueprint("pages", __name__)
furnish(pages)

_ID = re.compile("[0-9a-f]{32}")
WATCHED = timedelta(minutes=20)
"""For how long a waiting page looks after its request by itself: a page left open must not keep a session alive."""

_SIDE_BY_SIDE = ("match", "sender", "recipient")
_A_YEAR = 365 * 24 * 3600  # seconds


@pages.get("/")
@door()
def home() -> AnyResponse | str:
    """Lead to the first page of the person's role."""
    rights = parts().policy.roles[person().role].rights
    for right, page in (
        (Right.LOOKUP, "pages.look_up"),
        (Right.LOG_READ, "log.view"),
        (Right.INCIDENT, "incidents.board"),
        (Right.ACCOUNTS, "accounts.listed"),
    ):
        if right in rights:
            return redirect(url_for(page), 303)
    return render_template("home.html")


@pages.post("/language")
@open_door
def choose_language() -> AnyResponse:
    """Change the language and go back to the same page."""
    answer = redirect(way_back(request.form.get("back", "")), 303)
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=_A_YEAR, secure=True, httponly=True, samesite="Strict")
    return answer


@pages.get("/watermark.svg")
@door()
def watermark() -> Response:
    """Return who looks at this page, when and from where, as a picture to lay over it (SC-04)."""
    shown = {"name": own_name(parts(), person()).disclose(), "work_number": person().work_number}
    text = render_template("watermark.svg", **shown, at=clock(now()), source=source())
    answer = make_response(text)
    answer.mimetype = "image/svg+xml"
    return answer


# -- looking up --------------------------------------------------------------------------------------------------


@pages.get("/lookup")
@door(Right.LOOKUP)
def look_up_form() -> str:
    """Show the search box; with ``case`` and ``purpose``, to go on in a case."""
    case, purpose = request.args.get("case", ""), request.args.get("purpose", "")
    going_on = _case_shown(_id(case, "case"), purpose, go_on=True) if case else None
    return _look_up_page(chosen_purpose=purpose, case=going_on)


@pages.post("/lookup")
@door(Right.LOOKUP)
def look_up() -> tuple[str, int] | str:
    """Answer a look-up on the same page."""
    form = request.form
    typed, purpose = form.get("number", ""), form.get("purpose", "")
    # A case has one purpose: a look-up for another one opens a case of its own.
    goes_on = "case" in form and form.get("case_purpose") == purpose
    case = _id(form["case"], "case") if goes_on else None
    shown = _case_shown(case, purpose, go_on=True) if case else None
    say = words.translator(language())
    if not purpose:
        errors = {"purpose": say("Choose a purpose.")}
        return _look_up_page(typed=typed, errors=errors, case=shown), 400
    try:
        answer = lookup.look_up(
            parts(),
            person(),
            typed,
            purpose,
            now(),
            case_id=case,
            chosen=_id(form["choose"], "record") if "choose" in form else None,
        )
    except InvalidValue as invalid:
        errors = {"number": words.reason(language(), invalid.reason, invalid.facts)}
        return _look_up_page(typed=typed, chosen_purpose=purpose, errors=errors, case=shown), 400
    return _look_up_page(
        answer=answer,
        cards=sorted(answer.cards, key=lambda card: _SIDE_BY_SIDE.index(card.part)),
        # Only the forms that send it again hold the number: to choose one of several, or to ask for access.
        number=typed if answer.choose or not answer.cards else "",
        case=_case_shown(answer.case_id, purpose, go_on=False),
        # One answer, not several to choose from: whoever calls may be one of its customers.
        caller=caller_panel(answer.case_id, answer.cards[0].record_id, answer.cards)
        if answer.cards and not answer.choose
        else {},
        back=_address(answer),
    )


@pages.post("/ask")
@door(Right.ASK)
def ask() -> AnyResponse:
    """Ask for access, and go on with the search box while the request waits."""
    case = _id(request.form.get("case", ""), "case")
    request_id = asking.ask(parts(), person(), case, request.form.get("number", ""), now())
    return redirect(url_for("pages.asked", asked=request_id), 303)


@pages.get("/requests/mine/<hex32:asked>")
@door(Right.ASK)
def asked(asked: bytes) -> Response | str:
    """Show how my request stands, under the search box; for the page's script as JSON."""
    moment = now()
    found = asking.mine(parts(), person(), asked, moment)
    leads_to = url_for("pages.record", case=found.case_id, record=found.record_id) if found.record_id else ""
    said = words.name(language(), "request", found.state.value)
    if request.accept_mimetypes.best == "application/json":
        return jsonify(state=found.state.value, said=said, open=leads_to)
    left = WATCHED - (moment - found.asked_at)
    return render_template(
        "asked.html",
        **_form(
            asked=found,
            leads_to=leads_to,
            watched_seconds=max(0, int(left.total_seconds())),
            case=_case_shown(found.case_id, found.purpose, go_on=False),
            back=url_for("pages.asked", asked=asked),
        ),
    )


# -- one record --------------------------------------------------------------------------------------------------


@pages.get("/cases/<hex32:case>/records/<hex32:record>")
@door(Right.LOOKUP)
def record(case: bytes, record: bytes) -> str:
    """Show a record of a case again, with what hangs on it."""
    return record_page(case, record)


@pages.post("/cases/<hex32:case>/records/<hex32:record>/reveal")
@door(Right.REVEAL)
def reveal(case: bytes, record: bytes) -> Response | str:
    """Reveal one value: for the page's script as JSON, without scripts as the page that shows it."""
    field, given = request.form.get("field", ""), request.form.get("ordinal", "")
    if not given.isascii() or not given.isdigit() or len(given) > len("999"):
        raise NotFound("record")
    ordinal = int(given)
    value = viewing.reveal(parts(), person(), case, record, field, ordinal, now()).disclose()
    seconds = parts().policy.sessions.reveal_seconds
    if request.accept_mimetypes.best == "application/json":
        return jsonify(field=field, ordinal=ordinal, value=value, seconds=seconds)
    return record_page(case, record, {"place": (record, field, ordinal), "value": value})


def record_page(
    case: bytes,
    record: bytes,
    revealed: Mapping[str, Any] | None = None,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    shared: Mapping[str, Any] | None = None,
) -> str:
    """Return the page of a record in its case.

    Args:
        case: the case.
        record: the record.
        revealed: the value to show in clear, for browsers without scripts.
        typed: what was typed into the form of the service record, to correct it.
        errors: by field of that form, why it was refused.
        shared: what was typed into the form that shares it with a colleague, and why that was refused.
    """
    answer = viewing.view(parts(), person(), case, record, now())
    shown = _form(
        subject=answer.subject,
        related=answer.related,
        revealed=revealed,
        seconds=parts().policy.sessions.reveal_seconds,
        case=_case_shown(case, answer.case.purpose, go_on=False),
        answered=True,
        filing=filing_form(answer, typed or {}, errors or {}),
        caller=caller_panel(case, record, (answer.subject, *answer.related)),
        until=answer.until,
        moment=now(),
        share=share_form(answer, shared or {}),
        done=request.args.get("done", ""),
        back=url_for("pages.record", case=case, record=record),
    )
    return render_template("record.html", **shown)


def _look_up_page(**shown: Any) -> str:  # noqa: ANN401 - whatever the template takes
    return render_template("look_up.html", **_form(**shown))


def _form(**shown: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the template takes
    """Add what the search form needs to what a page shows."""
    names = parts().policy.roles[person().role].purposes
    form = {
        "purposes": [{"key": purpose, "name": purpose_name(purpose)} for purpose in names],
        "errors": {},
        "answered": shown.get("answer") is not None,
        "back": url_for("pages.look_up"),
    }
    return form | shown


def _case_shown(case: bytes, purpose: str, *, go_on: bool) -> dict[str, object]:
    return {"id": case, "purpose": purpose, "purpose_name": purpose_name(purpose), "go_on": go_on}


def _address(answer: LookupAnswer) -> str:
    """Return the page that shows an answer again without a number: its record's, or the search box."""
    if answer.choose or not answer.cards:
        return url_for("pages.look_up")
    return url_for("pages.record", case=answer.case_id, record=answer.cards[0].record_id)


def _id(text: str, what: str) -> bytes:
    """Return an id that a form or a query holds.

    Raises:
        NotFound: it is none.
    """
    if not _ID.fullmatch(text):
        raise NotFound(what)
    return bytes.fromhex(text)
