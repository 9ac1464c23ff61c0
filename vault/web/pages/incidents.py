"""The pages of incidents: reporting one, the board, and one incident with its next act."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.breach.incident_clocks import Clock, ClockEnd
from vault.domain.breach.incident_tasks import Act, next_act
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.rules.access import Right
from vault.domain.rules.incidents import ACTIVATE
from vault.errors import AccessRefused, InvalidValue
from vault.services.breach import incident_board, incident_reminders, incident_response, incidents, signals
from vault.services.steps.breach.incidents import NOTE_LENGTH, Opening
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import done_of, minute_of, step_up, told, word_of
from vault.web.pages.incident_timeline import signal_names, told_of

incident_pages = Blueprint("incidents", __name__)

_DONE = ("reported", "step", "clock", "awareness", "later", "asked", "sent_back", "closed")
"""What an incident's page can say about what was just done."""

_NEXT_NOTE = "next-note"
_AWARE_NOTE = "aware-note"


@incident_pages.get("/incidents")
@door(Right.INCIDENT_VIEW)
def board() -> str:
    """Show what is open, what runs out first and whose turn it is."""
    before = request.args.get("before", "")
    return render_template(
        "incidents.html",
        board=incident_board.board(
            parts(), person(), now(), _id(before) if before else None, request.args.get("page", 1, type=int)
        ),
        signal_names=signal_names(),
        back=url_for("incidents.board"),
    )


@incident_pages.get("/incidents/report")
@door()
def report_form() -> str:
    """Show the form with which everybody reports an incident."""
    return _report_form({}, {})


@incident_pages.post("/incidents")
@door()
def report() -> Response | tuple[str, int]:
    """Open an incident; it needs no right and works while the vault is frozen (BR-04)."""
    form = request.form
    try:
        opening = Opening(
            word_of(IncidentKind, form.get("kind", ""), "kind"),
            AwareSource.REPORT,
            minute_of(form.get("aware_at", ""), "aware_at"),
            form.get("note", ""),
        )
        incident_id = incidents.open_one(parts(), person(), opening, now())
    except InvalidValue as invalid:
        return _report_form(form, told(invalid)), 400
    return _back(incident_id, "reported")


@incident_pages.get("/incidents/<hex32:incident>")
@door()
def one(incident: bytes) -> str:
    """Show an incident; who may not read incidents sees how far their own report has come, and nothing else."""
    if not parts().policy.allows(person().role, Right.INCIDENT_VIEW):
        mine = incidents.mine(parts(), person(), incident)
        return render_template("incident_thanks.html", report=mine, told=_told_roles(), back=_address(incident))
    return _one(incident)


@incident_pages.post("/incidents/<hex32:incident>/activate")
@door(Right.INCIDENT)
def activate(incident: bytes) -> Response | tuple[str, int]:
    """Start the emergency plan: one officer alone, with a reason."""
    try:
        incident_response.activate(parts(), person(), incident, request.form.get("note", ""), now())
    except InvalidValue as invalid:
        return _again(incident, invalid, _NEXT_NOTE)
    return _back(incident, "step")


@incident_pages.post("/incidents/<hex32:incident>/assess")
@door(Right.INCIDENT)
def assess(incident: bytes) -> Response | tuple[str, int]:
    """Say what the incident is."""
    form = request.form
    try:
        verdict = word_of(Verdict, form.get("verdict", ""), "verdict")
        incident_response.assess(parts(), person(), incident, verdict, form.get("note", ""), now())
    except InvalidValue as invalid:
        return _again(incident, invalid, _NEXT_NOTE)
    return _back(incident, "step")


@incident_pages.post("/incidents/<hex32:incident>/advance")
@door(Right.INCIDENT)
def advance(incident: bytes) -> Response | tuple[str, int]:
    """Say that it is contained, repaired, or that the customers are told."""
    form = request.form
    try:
        state = word_of(IncidentState, form.get("state", ""), "state")
        incident_response.advance(parts(), person(), incident, state, form.get("note", ""), now())
    except InvalidValue as invalid:
        return _again(incident, invalid, _NEXT_NOTE)
    return _back(incident, "step")


@incident_pages.post("/incidents/<hex32:incident>/awareness")
@door(Right.INCIDENT)
def awareness(incident: bytes) -> Response | tuple[str, int]:
    """Add another time at which somebody noticed."""
    form = request.form
    try:
        aware_at = _minute(form.get("aware_at", ""))
        sooner = incident_response.correct_awareness(parts(), person(), incident, aware_at, form.get("note", ""), now())
    except InvalidValue as invalid:
        return _again(incident, invalid, _AWARE_NOTE)
    return _back(incident, "awareness" if sooner else "later")


@incident_pages.post("/incidents/<hex32:incident>/clocks")
@door(Right.INCIDENT_VIEW)
def finish(incident: bytes) -> Response | tuple[str, int]:
    """Say that what a clock stands for is done."""
    clock_id = request.form.get("clock", "")
    try:
        incident_response.finish_clock(parts(), person(), incident, clock_id, request.form.get("note", ""), now())
    except InvalidValue as invalid:
        return _again(incident, invalid, f"late-{clock_id}")
    return _back(incident, "clock")


@incident_pages.post("/incidents/<hex32:incident>/closing")
@door(Right.INCIDENT, fresh=True)
def ask_closing(incident: bytes) -> Response | tuple[str, int]:
    """Ask for the incident to be closed."""
    try:
        incident_response.ask_closing(parts(), person(), incident, request.form.get("note", ""), now())
    except InvalidValue as invalid:
        return _again(incident, invalid, _NEXT_NOTE)
    return _back(incident, "asked")


@incident_pages.post("/incidents/<hex32:incident>/close")
@door(Right.INCIDENT, fresh=True)
def close(incident: bytes) -> Response | tuple[str, int]:
    """Close it as the second person, or send it back."""
    agree = request.form.get("answer", "") != "no"
    try:
        incident_response.close(parts(), person(), incident, request.form.get("note", ""), now(), agree=agree)
    except InvalidValue as invalid:
        return _again(incident, invalid, _NEXT_NOTE)
    except AccessRefused as refused:
        if refused.reason != "own_request":
            raise
        return _one(incident, {_NEXT_NOTE: words.reason(language(), refused.reason, {})}), 403
    return _back(incident, "closed" if agree else "sent_back")


def _report_form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "incident_report_form.html",
        kinds=[kind.value for kind in IncidentKind],
        told=_told_roles(),
        typed=typed,
        errors=errors,
        note_length=NOTE_LENGTH,
        back=url_for("incidents.report_form"),
    )


def _again(incident: bytes, invalid: InvalidValue, note_box: str) -> tuple[str, int]:
    """Show the page again with what cannot be used beside its field; each form has its own box for the note."""
    said = {note_box if field in ("note", "state", "clock") else field: text for field, text in told(invalid).items()}
    return _one(incident, said), 400


def _one(incident: bytes, errors: Mapping[str, str] | None = None) -> str:
    found = incidents.shown(parts(), person(), incident, now())
    rules = parts().policy.incidents.clocks
    here, works = found.incident, parts().policy.allows(person().role, Right.INCIDENT)
    act = next_act(here) if works else None
    if act is Act.CLOSE and here.closing_by == person().account_id:
        act = None
    needs_proof = act in (Act.ASK_CLOSING, Act.CLOSE)
    return render_template(
        "incident.html",
        found=found,
        incident=here,
        moment=found.now,
        clocks=sorted(found.clocks, key=lambda clock: (not clock.is_open, clock.clock_id != ACTIVATE, clock.due_at)),
        clock_rules=rules,
        finishable={clock.clock_id for clock in found.clocks if _may_finish(here, clock)},
        activation_late=any(clock.clock_id == ACTIVATE and clock.was_missed(found.now) for clock in found.clocks),
        steps=list(_steps(here)),
        act=act,
        works=works,
        confirm=step_up(now()) if needs_proof else "",
        verdicts=list(Verdict),
        told_of=told_of,
        evidence=signals.evidence(parts(), person(), incident, now()),
        reminders=incident_reminders.listed(parts(), person(), incident, now()),
        signal_names=signal_names(),
        told=_told_roles(),
        typed=request.form,
        errors=errors or {},
        note_length=NOTE_LENGTH,
        done=done_of(_DONE),
        back=_address(incident),
    )


def _may_finish(incident: Incident, clock: Clock) -> bool:
    rule = parts().policy.incidents.clocks.get(clock.clock_id)
    if rule is None or rule.ends is not ClockEnd.SAID or incident.is_closed or not clock.is_open:
        return False
    return person().role in rule.who


def _steps(incident: Incident) -> Iterator[tuple[str, str]]:
    """Yield each state with how it stands: done, now (the one to come next), left_out or to_come."""
    order = list(IncidentState)
    reached, following = order.index(incident.state), incident.next_state()
    for index, state in enumerate(order):
        skipped = incident.verdict is Verdict.NO_BREACH and (
            order.index(IncidentState.ASSESSED) < index < order.index(IncidentState.CLOSED)
        )
        if skipped:
            yield state.value, "left_out"
        elif index <= reached:
            yield state.value, "done"
        else:
            yield state.value, "now" if state is following else "to_come"


def _told_roles() -> str:
    policy, comma = parts().policy, ", " if language() == words.ENGLISH else "、"
    return comma.join(words.of_policy(language(), policy.roles[role]) for role in policy.incidents.told)


def _address(incident: bytes) -> str:
    return url_for("incidents.one", incident=incident)


def _back(incident: bytes, done: str) -> Response:
    return redirect(url_for("incidents.one", incident=incident, done=done), 303)


def _minute(text: str) -> datetime:
    found = minute_of(text, "aware_at")
    if found is None:
        raise InvalidValue("value_missing", field="aware_at")
    return found


def _id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InvalidValue("not_on_list", field="before") from None
