"""The page of an incident's misuse records: drafting one, and signing it as the second human (UL-03)."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.breach.misuse import REFERENCE_LENGTH, STATEMENT_LENGTH
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, NotFound
from vault.services.breach import misuse, misuse_reading
from vault.services.breach.misuse import Draft
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import done_of, minute_of, step_up, told
from vault.web.pages.incident_timeline import signal_names

misuse_pages = Blueprint("incident_misuse", __name__)

_DONE = ("drafted", "signed", "withdrawn")


@misuse_pages.get("/incidents/<hex32:incident>/misuse")
@door(Right.INCIDENT)
def view(incident: bytes) -> str:
    """Show the records of an incident, and the form of a new one."""
    return _page(incident, {})


@misuse_pages.get("/misuse-records/<hex32:record>")
@door(Right.INCIDENT)
def one(record: bytes) -> Response:
    """Lead from a notice to the incident whose record it is."""
    return redirect(url_for("incident_misuse.view", incident=misuse_reading.incident_of(parts(), record)), 303)


@misuse_pages.post("/incidents/<hex32:incident>/misuse")
@door(Right.INCIDENT)
def draft(incident: bytes) -> Response | tuple[str, int]:
    """Draft a record, or draft it again; what cannot be used is said beside its field."""
    form = request.form
    try:
        written = Draft(
            form.get("account", ""),
            form.get("statement", ""),
            "contract_ended" in form,
            "loss_claimed" in form,
            form.get("police_reference", ""),
            minute_of(form.get("since", ""), "since"),
            minute_of(form.get("until", ""), "until"),
        )
        misuse.draft(parts(), person(), incident, written, now())
    except InvalidValue as invalid:
        return _page(incident, form, told(invalid)), 400
    except NotFound as missing:
        if missing.reason != "account":
            raise
        return _page(incident, form, {"account": words.reason(language(), missing.reason, {})}), 404
    return _back(incident, "drafted")


@misuse_pages.post("/incidents/<hex32:incident>/misuse/<hex32:record>/sign")
@door(Right.INCIDENT, fresh=True)
def sign(incident: bytes, record: bytes) -> Response | tuple[str, int]:
    """Sign a record as it was looked at."""
    try:
        misuse.sign(parts(), person(), record, request.form.get("digest", ""), now())
    except InvalidValue as invalid:
        return _page(incident, {}, {f"sign-{record.hex()}": next(iter(told(invalid).values()))}), 400
    return _back(incident, "signed")


@misuse_pages.post("/incidents/<hex32:incident>/misuse/<hex32:record>/withdraw")
@door(Right.INCIDENT)
def withdraw(incident: bytes, record: bytes) -> Response | tuple[str, int]:
    """Take a draft back."""
    try:
        misuse.withdraw(parts(), person(), record, request.form.get("note", ""), now())
    except InvalidValue as invalid:
        return _page(incident, {}, {f"back-{record.hex()}": next(iter(told(invalid).values()))}), 400
    return _back(incident, "withdrawn")


def _page(incident: bytes, typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    moment = now()
    found = misuse_reading.shown(parts(), person(), incident, moment)
    return render_template(
        "incident_misuse.html",
        incident=found.incident,
        records=found.records,
        suspects=sorted({one.work_number for one in found.signals if one.work_number}),
        signal_names=signal_names(),
        alarm=parts().policy.limits.alarm_customers,
        statement_length=STATEMENT_LENGTH,
        reference_length=REFERENCE_LENGTH,
        confirm=step_up(moment),
        typed=typed,
        errors=errors or {},
        done=done_of(_DONE),
        back=url_for("incident_misuse.view", incident=incident),
    )


def _back(incident: bytes, done: str) -> Response:
    return redirect(url_for("incident_misuse.view", incident=incident, done=done), 303)
