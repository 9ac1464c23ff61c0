"""The pages of a person's own cases: the board, filing the service record, closing without one."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import cases, filing
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.filing_form import read_filing
from vault.web.pages.look_up import record_page

case_pages = Blueprint("cases", __name__)

_DONE = ("filed", "late", "closed")
"""What the board can say about the case that was just ended."""


@case_pages.get("/cases")
@door(Right.LOOKUP)
def board() -> str:
    """Show the person's own cases, open ones first, their requests and their late entries."""
    moment, done = now(), request.args.get("done", "")
    return render_template(
        "cases.html",
        board=cases.board(parts(), person(), moment),
        moment=moment,
        limit_minutes=parts().policy.entry.limit_minutes,
        done=done if done in _DONE else "",
        back=url_for("cases.board"),
    )


@case_pages.post("/cases/<hex32:case>/close")
@door(Right.LOOKUP)
def close(case: bytes) -> Response:
    """Close a case without a service record."""
    cases.close(parts(), person(), case, request.form.get("reason", ""), now())
    return redirect(url_for("cases.board", done="closed"), 303)


@case_pages.post("/cases/<hex32:case>/records/<hex32:record>/service-records")
@door(Right.LOOKUP)
def file(case: bytes, record: bytes) -> Response | tuple[str, int]:
    """File a service record from the page of a record; what cannot be used is said beside its field."""
    try:
        entered = read_filing(request.form)
        filed = filing.file(parts(), person(), case, entered, now())
    except InvalidValue as invalid:
        errors = {str(invalid.facts.get("field", "")): words.reason(language(), invalid.reason, invalid.facts)}
        return record_page(case, record, typed=request.form, errors=errors), 400
    done = "late" if filed.late else "filed"
    if entered.closes:
        return redirect(url_for("cases.board", done=done), 303)
    return redirect(url_for("pages.record", case=case, record=record, done=done), 303)
