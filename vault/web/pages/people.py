"""The pages at the door: signing in and out, and choosing a password for a new account."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.people import Must
from vault.errors import InvalidValue, SignInRefused
from vault.services import people, sessions
from vault.web.gate import door, enter, language, leave, now, open_door, parts, source
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
            secret, code = form.get("secret", "").strip(), form.get("code", "")
            people.activate(parts(), work_number, secret, password, source(), now(), code=code)
    except InvalidValue as invalid:
        shown["errors"] = {"password": words.reason(language(), invalid.reason, invalid.facts)}
        return render_template("activate.html", **shown), 400
    except SignInRefused:
        shown["error"] = words.reason(language(), "secret_refused", {})
        return render_template("activate.html", **shown), 401
    return redirect(url_for("people.sign_in", activated=1), 303)
