"""Signing in and out, my sessions and my password, for programs."""

from __future__ import annotations

from typing import Any

from vault.domain.people import Must
from vault.services import passwords, sessions
from vault.services.steps.tokens import SignedIn
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.routes import route, time_text
from vault.web.gate import now, parts, person
from vault.web.turnstile import one_of_few


@route("POST", "/sessions", gate.open_door, answer=shapes.Session, status=201, body=shapes.SignInBody)
def sign_in(body: shapes.SignInBody) -> dict[str, Any]:
    """Open a session; its token goes into ``Authorization: Bearer`` from then on."""
    with one_of_few():
        found = sessions.sign_in(parts(), body.work_number, body.password, gate.source(), now(), body.code or "")
        return fresh_session(found)


@route("DELETE", "/sessions/current", gate.door(even_if=Must), answer=None, status=204)
def sign_out() -> None:
    """End the session at once."""
    sessions.sign_out(parts(), person(), gate.bearer(), now())


@route("GET", "/sessions", gate.door(), answer=shapes.MySessions)
def my_sessions() -> dict[str, Any]:
    """List my open sessions, newest first."""
    me = person()
    return {
        "sessions": [
            {
                "session": one.session_id.hex(),
                "source": one.source,
                "since": time_text(one.created_at),
                "last_seen": time_text(one.seen_at),
                "current": one.session_id == me.session_id,
            }
            for one in sessions.own_sessions(parts(), me, now())
        ]
    }


@route("DELETE", "/sessions/<hex32:session>", gate.door(), answer=None, status=204)
def end_session(session: bytes) -> None:
    """End one of my sessions at once."""
    sessions.end_own(parts(), person(), session, now())


@route("POST", "/password", gate.door(even_if=(Must.PASSWORD,)), answer=shapes.Session, body=shapes.PasswordBody)
def change_password(body: shapes.PasswordBody) -> dict[str, Any]:
    """Change my password; every session ends, and the answer holds a fresh token."""
    with one_of_few():
        return fresh_session(passwords.change(parts(), person(), body.current, body.new, now()))


def fresh_session(fresh: SignedIn) -> dict[str, Any]:
    """Return what a program is told of a fresh session, in the shape :class:`vault.web.api.shapes.Session`."""
    return {
        "token": fresh.token,
        "expires_at": time_text(fresh.expires_at),
        "role": fresh.person.role.value,
        "must": None if fresh.person.must is None else fresh.person.must.value,
        "must_change_password": fresh.person.must_change,
    }
