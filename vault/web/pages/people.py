"""The pages around accounts: signing in and out, choosing a password, and the administrator's list."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.people import Must
from vault.domain.rules.access import Right
from vault.errors import InvalidValue, SignInRefused
from vault.services import people, sessions
from vault.web.gate import door, enter, language, leave, now, open_door, parts, person, source
from vault.web.turnstile import one_of_few

people_pages = Blueprint("people", __name__)


@people_pages.get("/sign-in")
@open_door
def sign_in_form() -> str:
    """Ask who is there."""
    return render_template("sign_in.html", activated="activated" in request.args)


@people_pages.post("/sign-in")
@open_door
def sign_in() -> Response | tuple[str, int]:
    """Start a session."""
    work_number = request.form.get("work_number", "").strip().upper()
    try:
        with one_of_few():
            enter(sessions.sign_in(parts(), work_number, request.form.get("password", ""), source(), now()))
    except SignInRefused as refused:
        error = words.reason(language(), refused.reason, refused.facts)
        return render_template("sign_in.html", error=error, back=url_for("people.sign_in")), 401
    return redirect(url_for("pages.home"), 303)


@people_pages.post("/sign-out")
@door(even_if=Must)
def sign_out() -> Response:
    """End the session."""
    leave()
    return redirect(url_for("people.sign_in"), 303)


@people_pages.get("/activate")
@open_door
def activate_form() -> str:
    """Ask for the one-time secret and a password."""
    return render_template("activate.html", errors={})


@people_pages.post("/activate")
@open_door
def activate() -> Response | tuple[str, int]:
    """Set the password that the account's owner chose."""
    form = request.form
    work_number, password = form.get("work_number", "").strip().upper(), form.get("password", "")
    shown: dict[str, object] = {"work_number": work_number, "errors": {}, "back": url_for("people.activate")}
    if password != form.get("again", ""):
        shown["errors"] = {"again": words.reason(language(), "passwords_differ", {})}
        return render_template("activate.html", **shown), 400
    try:
        with one_of_few():
            people.activate(parts(), work_number, form.get("secret", "").strip(), password, source(), now())
    except InvalidValue as invalid:
        shown["errors"] = {"password": words.reason(language(), invalid.reason, invalid.facts)}
        return render_template("activate.html", **shown), 400
    except SignInRefused:
        shown["error"] = words.reason(language(), "secret_refused", {})
        return render_template("activate.html", **shown), 401
    return redirect(url_for("people.sign_in", activated=1), 303)


@people_pages.get("/accounts")
@door(Right.ACCOUNTS)
def accounts() -> str:
    """List the accounts for an administrator."""
    moment = now()
    listed = sorted(people.list_accounts(parts(), person(), moment), key=lambda one: one.work_number)
    return render_template(
        "accounts.html", accounts=[(one, _age_days(one.password_changed_at, moment)) for one in listed]
    )


@people_pages.post("/accounts/<work_number>/invite")
@door(Right.ACCOUNTS)
def invite(work_number: str) -> str:
    """Make a one-time secret and show it this once."""
    secret = people.invite(parts(), person().actor(), work_number, now())
    return render_template(
        "invited.html",
        work_number=work_number,
        secret=secret,
        hours=parts().policy.sessions.invite_hours,
        back=url_for("people.accounts"),
    )


@people_pages.post("/accounts/<work_number>/end-sessions")
@door(Right.ACCOUNTS)
def end_sessions(work_number: str) -> Response:
    """End every session of an account."""
    own = person().work_number == work_number
    sessions.end_all_of(parts(), person(), work_number, now())
    return redirect(url_for("people.sign_in" if own else "people.accounts"), 303)


def _age_days(since: datetime | None, moment: datetime) -> int | None:
    return None if since is None else (moment - since).days
