"""The page of an incident's blast radius: what to draw around, what it comes to, and the frozen evidence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from vault import words
from vault.domain.breach.radius import MOST_RECORDS, RadiusScope, record_id, record_ids
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue
from vault.services.breach import radius, radius_aside
from vault.services.breach.radius import DrawnRadius
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import done_of, minute_of, step_up, told

radius_pages = Blueprint("incident_radius", __name__)

_ON_A_PAGE = 50
_DONE = ("frozen", "asked", "aside")
_CSV = "text/csv; charset=utf-8"


@radius_pages.get("/incidents/<hex32:incident>/radius")
@door(Right.INCIDENT_VIEW)
def view(incident: bytes) -> str:
    """Show the frozen radii of an incident, and the lines of one."""
    return _page(incident, {})


@radius_pages.post("/incidents/<hex32:incident>/radius")
@door(Right.INCIDENT)
def draw(incident: bytes) -> str | Redirect | tuple[str, int]:
    """Draw a radius, or freeze it; what cannot be asked for is said beside its field."""
    form = request.form
    try:
        scope = _scope(form)
        if form.get("do") == "freeze":
            radius.freeze(parts(), person(), incident, scope, now())
            return redirect(url_for("incident_radius.view", incident=incident, done="frozen"), 303)
        return _page(incident, form, drawn=radius.draw(parts(), person(), incident, scope, now()))
    except InvalidValue as invalid:
        return _page(incident, form, errors=told(invalid)), 400


@radius_pages.post("/incidents/<hex32:incident>/radius/<hex32:drawn>/table")
@door(Right.INCIDENT_VIEW)
def table(incident: bytes, drawn: bytes) -> Response:
    """Send a frozen radius as a table for spreadsheets."""
    taken = radius.take(parts(), person(), incident, drawn, now())
    answer = Response(taken.pieces, content_type=_CSV)
    answer.headers["Content-Disposition"] = f'attachment; filename="{taken.name}"'
    return answer


@radius_pages.post("/incidents/<hex32:incident>/radius/<hex32:drawn>/aside/ask")
@door(Right.INCIDENT)
def ask_aside(incident: bytes, drawn: bytes) -> Redirect | tuple[str, int]:
    """Say that a radius was frozen by mistake; what cannot be is said beside the field."""
    try:
        radius_aside.ask(parts(), person(), incident, drawn, request.form.get("note", ""), now())
    except InvalidValue as invalid:
        return _page(incident, {}, of=drawn, errors=told(invalid)), 400
    return redirect(url_for("incident_radius.view", incident=incident, of=drawn.hex(), done="asked"), 303)


@radius_pages.post("/incidents/<hex32:incident>/radius/<hex32:drawn>/aside")
@door(Right.INCIDENT, fresh=True)
def set_aside(incident: bytes, drawn: bytes) -> Redirect | tuple[str, int]:
    """Confirm as another officer that a radius was frozen by mistake; what cannot be is said beside the button."""
    try:
        radius_aside.confirm(parts(), person(), incident, drawn, request.form.get("digest", ""), now())
    except InvalidValue as invalid:
        return _page(incident, {}, of=drawn, errors={"aside": told(invalid)["digest"]}), 400
    except AccessRefused as refused:
        if refused.reason != "own_radius":
            raise
        return _page(incident, {}, of=drawn, errors={"aside": words.reason(language(), refused.reason, {})}), 403
    return redirect(url_for("incident_radius.view", incident=incident, of=drawn.hex(), done="aside"), 303)


def _scope(form: Mapping[str, str]) -> RadiusScope:
    typed = {name: form.get(name, "").strip() for name in ("person", "session", "source", "cohort", "backup")}
    return RadiusScope(
        person=typed["person"],
        session=typed["session"],
        source=typed["source"],
        since=_moment(form, "since"),
        until=_moment(form, "until"),
        records=record_ids(form.get("records", "")),
        cohort=record_id(typed["cohort"], "cohort") if typed["cohort"] else None,
        backup=record_id(typed["backup"], "backup") if typed["backup"] else None,
        everything="everything" in form,
        drill="drill" in form,
    )


def _moment(form: Mapping[str, str], name: str) -> datetime | None:
    return minute_of(form.get(name, "").strip(), name)


def _page(
    incident: bytes,
    typed: Mapping[str, str],
    *,
    drawn: DrawnRadius | None = None,
    of: bytes | None = None,
    errors: Mapping[str, str] | None = None,
) -> str:
    after, asked = (_id(request.args.get(name, "")) for name in ("after", "of"))
    found = radius.reach(parts(), person(), incident, of or asked, after or b"", _ON_A_PAGE, now())
    if not typed and not found.radii and found.since is not None:  # the question that the signal asks
        since = found.since.astimezone(parts().policy.zone)
        typed = {"person": found.suspect, "since": since.strftime("%Y-%m-%dT%H:%M")}
    return render_template(
        "incident_radius.html",
        incident=found.incident,
        reach=found,
        drawn=drawn,
        typed=typed,
        errors=errors or {},
        works=parts().policy.allows(person().role, Right.INCIDENT),
        most_records=MOST_RECORDS,
        confirm=step_up(now()),
        next_page=found.lines[-1].record_id.hex() if found.more else "",
        done=done_of(_DONE),
        back=url_for("incident_radius.view", incident=incident),
    )


def _id(typed: str) -> bytes | None:
    return record_id(typed, "after") if typed else None
