"""The pages of a person's own account: their password, and where they are signed in."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.people import Must
from vault.errors import InvalidValue
from vault.services import passwords, sessions
from vault.web.gate import door, enter, language, leave, now, parts, person
from vault.web.presenting import way_back
from vault.web.turnstile import one_of_few

own_pages = Blueprint("own", __name__)


@own_pages.get("/password")
@door(even_if=(Must.PASSWORD,))
def password() -> str:
    """Ask for the current and a new password."""
    return render_template("password.html", errors={}, done="changed" in request.args)


@own_pages.post("/password")
@door(even_if=(Must.PASSWORD,))
def change_password() -> Response | tuple[str, int]:
    """Change the password; the browser goes on with a fresh session."""
    form, errors = request.form, {}
    if form.get("new", "") != form.get("again", ""):
        errors = {"again": words.reason(language(), "passwords_differ", {})}
    else:
        try:
            with one_of_few():
                enter(passwords.change(parts(), person(), form.get("current", ""), form.get("new", ""), now()))
        except InvalidValue as invalid:
            errors = {str(invalid.facts["field"]): words.reason(language(), invalid.reason, invalid.facts)}
        else:
            return redirect(url_for("own.password", changed=1), 303)
    return render_template("password.html", errors=errors, back=url_for("own.password")), 400


@own_pages.get("/sessions")
@door()
def own_sessions() -> str:
    """List where the person is signed in."""
    return render_template("sessions.html", sessions=sessions.own_sessions(parts(), person(), now()))


@own_pages.post("/sessions/<hex32:session>/end")
@door()
def end_session(session: bytes) -> Response:
    """End one of the person's sessions; the one at hand is signed out."""
    if session == person().session_id:
        leave()
        return redirect(url_for("people.sign_in"), 303)
    sessions.end_own(parts(), person(), session, now())
    return redirect(url_for("own.own_sessions"), 303)


@own_pages.post("/sessions/end-others")
@door()
def end_other_sessions() -> Response:
    """End all of the person's sessions but this one."""
    sessions.end_others(parts(), person(), now())
    return redirect(url_for("own.own_sessions"), 303)


@own_pages.post("/sessions/acknowledge")
@door()
def acknowledge() -> Response:
    """Note that the person knows who is signed in elsewhere, and go back."""
    sessions.acknowledge(parts(), person(), now())
    return redirect(way_back(request.form.get("back", "")), 303)
