"""The page of legal holds: which hold, placing one, saying that it is still needed, and releasing it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.holds import MOST_SOURCE, latest_review
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, NotFound
from vault.services import holds
from vault.services.holds import ShownHold, Why
from vault.services.steps.holding import RESTORED
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import day_of, done_of, step_up, told

hold_pages = Blueprint("holds", __name__)

_ON_A_PAGE = 50
_DONE = ("placed", "reviewed", "released")
_ID = re.compile("[0-9a-f]{32}")
_AFTER = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9a-f]{32})")
_MISSING = {"record_to_hold": "number", "number_to_hold": "number"}
"""Where the form says that there is no such record."""


@hold_pages.get("/retention/holds")
@door(Right.RETENTION)
def listed() -> str:
    """List the holds that hold, the one to be reviewed first at the head."""
    return _page({})


@hold_pages.post("/retention/holds")
@door(Right.DESTROY)
def place() -> Response | tuple[str, int]:
    """Place a hold by a number or by the id of a record; what cannot be used is said beside its field."""
    form = request.form
    typed = form.get("number", "").strip()
    try:
        review = form.get("review_on", "")
        day = day_of(review, "review_on") if review else None
        why = Why(form.get("reason", ""), form.get("source", ""), day)
        if _ID.fullmatch(typed):
            placed = holds.place(parts(), person(), bytes.fromhex(typed), why, now())
        else:
            placed = holds.place_by_number(parts(), person(), typed, why, now())
    except InvalidValue as invalid:
        return _page(form, told(invalid)), 400
    except NotFound as missing:
        if missing.reason not in _MISSING:
            raise
        return _page(form, {_MISSING[missing.reason]: words.reason(language(), missing.reason, {})}), 404
    return redirect(url_for("holds.listed", done="placed", count=len(placed.hold_ids)), 303)


@hold_pages.post("/retention/holds/<hex32:hold>/review")
@door(Right.DESTROY)
def review(hold: bytes) -> Response | tuple[str, int]:
    """Say that a hold is still needed; a day that cannot be is said beside its field."""
    try:
        holds.review(parts(), person(), hold, day_of(request.form.get("review_on", ""), "review_on"), now())
    except InvalidValue as invalid:
        return _page({}, {f"review-{hold.hex()}": told(invalid)["review_on"]}), 400
    return redirect(url_for("holds.listed", done="reviewed"), 303)


@hold_pages.post("/retention/holds/<hex32:hold>/release")
@door(Right.DESTROY, fresh=True)
def release(hold: bytes) -> Response | tuple[str, int]:
    """Release a hold; a reason that is none is said beside its field."""
    try:
        holds.release(parts(), person(), hold, request.form.get("reason", ""), now())
    except InvalidValue as invalid:
        return _page({}, {f"release-{hold.hex()}": told(invalid)["release"]}), 400
    return redirect(url_for("holds.listed", done="released"), 303)


def _page(typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    moment, spoken, rule = now(), language(), parts().policy.destruction
    found = holds.listed(parts(), person(), moment, _ON_A_PAGE + 1, _after())
    today = moment.astimezone(parts().policy.zone).date()
    count = request.args.get("count", "")
    return render_template(
        "retention_holds.html",
        holds=found[:_ON_A_PAGE],
        more=_mark(found[_ON_A_PAGE - 1]) if len(found) > _ON_A_PAGE else "",
        reasons={name: words.of_policy(spoken, one) for name, one in rule.reasons.items()},
        choices=[name for name in rule.reasons if name != RESTORED],
        releases={name: words.of_policy(spoken, one) for name, one in rule.releases.items()},
        latest=latest_review(today, rule.hold_review_months),
        today=today,
        most_source=MOST_SOURCE,
        destroys=parts().policy.allows(person().role, Right.DESTROY),
        reads_log=parts().policy.allows(person().role, Right.LOG_READ),
        confirm=step_up(moment),
        typed=typed,
        errors=errors or {},
        done=done_of(_DONE),
        count=int(count) if count.isascii() and count.isdigit() and len(count) <= len("99") else 0,
        back=url_for("holds.listed"),
    )


def _mark(last: ShownHold) -> str:
    return f"{last.hold.review_on}_{last.hold.hold_id.hex()}"


def _after() -> tuple[date, bytes] | None:
    found = _AFTER.fullmatch(request.args.get("after", ""))
    return None if found is None else (day_of(found[1], "review_on"), bytes.fromhex(found[2]))
