"""The first page of retention: what falls due, how the newest plan stands, what waits to be closed, and the clock."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.destruction import ORDER
from vault.domain.ids import RecordClass
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import clock, cohorts, retention_reading
from vault.services.cohorts import Closing
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import day_of, done_of, step_up, told
from vault.web.pages.plans import destroys, held_back, next_step

retention_pages = Blueprint("retention", __name__)


@retention_pages.get("/retention")
@door(Right.RETENTION)
def overview() -> str:
    """Show what falls due, how the plans stand, and which cohorts wait to be closed."""
    return _overview()


@retention_pages.post("/retention/clock")
@door(Right.DESTROY, fresh=True)
def confirm_clock() -> Response | tuple[str, int]:
    """Confirm the date after the clock has jumped."""
    try:
        clock.confirm(parts(), person(), day_of(request.form.get("today", ""), "today"), now())
    except InvalidValue as invalid:
        return _overview(told(invalid)), 400
    return redirect(url_for("retention.overview", done="clock"), 303)


def _overview(errors: Mapping[str, str] | None = None) -> str:
    moment = now()
    found = retention_reading.overview(parts(), person(), moment)
    newest = None if found.newest is None else found.newest.listed
    return render_template(
        "retention.html",
        found=found,
        classes=ORDER,
        most=_most(found.horizon.past, *found.horizon.within.values()),
        held=() if newest is None else held_back(newest),
        next_step="" if newest is None else next_step(newest, moment),
        closing=cohorts.outlook(parts(), moment),
        waits_for=_waits_for,
        mark=clock.standing(parts()),
        moment=moment,
        destroys=destroys(),
        confirm=step_up(moment),
        errors=errors or {},
        done=done_of(("clock",)),
        back=url_for("retention.overview"),
    )


def _waits_for(one: Closing) -> str:
    facts = {"due": one.due, "unreadable": one.unreadable}
    return "" if one.waits is None else words.told(language(), "cohort_waits", one.waits.value, facts)


def _most(*counts: Mapping[RecordClass, int]) -> int:
    """Return the longest bar of the horizon, at least one."""
    return max((count for each in counts for count in each.values()), default=0) or 1
