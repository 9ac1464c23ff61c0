"""The one gate of the front door, for pages and API alike: who is asking, and is this door theirs.

Closed by default: a view says by decorator who may pass, and one that says nothing is not there (404). Pages know a
person by the signed cookie, which holds nothing but the opaque session token; the API knows them by a bearer token
and looks at no cookie, so a page of another site can make a browser do nothing there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import urlencode

from flask import Flask, Request, Response, abort, current_app, g, redirect, render_template, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user, login_user

from vault import words
from vault.domain.accounts import FOR_PROGRAMS
from vault.domain.log import Action, Outcome
from vault.domain.people import Must, Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, SignInRefused, StepUpNeeded
from vault.services import api_tokens, sessions
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import SignedIn as Fresh
from vault.services.steps.tokens import is_fresh, refuse_owing

View = TypeVar("View", bound=Callable[..., Any])

EXTENSION = "datavault"
SEAL = "datavault.seal"
ENDPOINT = "datavault.endpoint"
"""Where the name of the answering endpoint stands in the WSGI environment, for :mod:`vault.web.metrics`."""

LANGUAGES = words.LANGUAGES
LANGUAGE_COOKIE = "language"
_API_PATH = "/api/"
SIGN_IN_PAGE = "/sign-in"
PASSWORD_PAGE = "/password"  # noqa: S105 - an address

SECOND_FACTOR_PAGE = "/second-factor"
ENROL_PAGE = "/second-factor/new"
RETURN_PAGE = "/coming-back"
CONFIRM_PAGE = "/confirm"
_FIRST = {
    Must.CODE: SECOND_FACTOR_PAGE,
    Must.PASSWORD: PASSWORD_PAGE,
    Must.ENROL: ENROL_PAGE,
    Must.CONFIRMATION: RETURN_PAGE,
}

_DOOR = "datavault_door"
_REFUSED = {
    Right.LOOKUP: Action.LOOKUP,
    Right.REVEAL: Action.REVEAL,
    Right.ASK: Action.ASK,
    Right.ACCOUNTS: Action.PEOPLE_LIST,
    Right.LOG_READ: Action.LOG_VIEW,
    Right.LOG_VERIFY: Action.LOG_VERIFY,
    Right.COMPLIANCE: Action.COMPLIANCE_VIEW,
    Right.DECIDE: Action.REQUEST_VIEW,
    Right.SHARE: Action.SHARED,
    Right.HAND_OVER: Action.HANDOVER_OFFERED,
    Right.SUPERVISE: Action.BOARD_VIEW,
    Right.BREAK_GLASS: Action.BREAK_GLASS_ASKED,
    Right.APPROVE_BREAK_GLASS: Action.BREAK_GLASS_VOTED,
    Right.REVIEW_BREAK_GLASS: Action.BREAK_GLASS_REVIEWED,
    Right.RETENTION: Action.RETENTION_VIEW,
    Right.DESTROY: Action.DESTRUCTION_PROPOSED,
    Right.INCIDENT_VIEW: Action.INCIDENT_VIEW,
    Right.INCIDENT: Action.INCIDENT_STEP,
}


@dataclass(frozen=True, slots=True)
class Door:
    """Who may pass to a view.

    Args:
        is_open: nobody needs to be signed in.
        right: the right a signed-in person must have; None lets every signed-in person pass.
        even_if: people who must do one of these things first may pass too; every other door is closed to them.
        fresh: only who gave password and second factor a moment ago may pass (step-up).
    """

    is_open: bool = False
    right: Right | None = None
    even_if: frozenset[Must] = frozenset()
    fresh: bool = False


def open_door(view: View) -> View:
    """Declare a view that needs nobody to be signed in."""
    setattr(view, _DOOR, Door(is_open=True))
    return view


def door(right: Right | None = None, *, even_if: Iterable[Must] = (), fresh: bool = False) -> Callable[[View], View]:
    """Declare a view for signed-in people.

    Args:
        right: the right of the policy they must have; whoever lacks it is refused at the gate, and that is logged.
        even_if: leave it open to people who must do one of these things first.
        fresh: ask for password and second factor again unless they were given a moment ago.
    """

    def declare(view: View) -> View:
        """Note on the view who may pass."""
        setattr(view, _DOOR, Door(right=right, even_if=frozenset(even_if), fresh=fresh))
        return view

    return declare


def door_of(view: Callable[..., Any]) -> Door | None:
    """Return who may pass to a view, None when it does not say."""
    return getattr(view, _DOOR, None)


class SignedIn(UserMixin):  # type: ignore[misc]  # flask-login ships no types
    """A person as Flask-Login keeps them; its id is the session token."""

    def __init__(self, person: Person, token: str) -> None:
        self.person = person
        self._token = token

    def get_id(self) -> str:
        """Return the session token."""
        return self._token


class PageSessions(SecureCookieSessionInterface):
    """Cookie sessions for pages; for the API no cookie is even read."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie of a page's request."""
        if request.path.startswith(_API_PATH):
            return self.session_class()
        return super().open_session(app, request)


def stand_at(app: Flask) -> None:
    """Put the gate in front of every view of the application."""
    login = LoginManager()
    login.session_protection = None  # our sessions live in the database and end there
    login.user_loader(_signed_in)
    # Not `init_app`: it would write remember-me cookies after each request, and there are none here.
    cast("Any", app).login_manager = login
    app.session_interface = PageSessions()
    app.before_request(_from_elsewhere)
    app.before_request(_pass)


def parts() -> Parts:
    """Return the vault's parts."""
    return cast("Parts", current_app.extensions[EXTENSION])


def person() -> Person:
    """Return who is signed in; only views behind a closed door may ask."""
    return cast("Person", g.person)


def now() -> datetime:
    """Return the time of this moment in UTC; the one place where the front door reads the clock."""
    return datetime.now(UTC)


def source() -> str:
    """Return the network address of whoever asks, or ``unknown``.

    Behind a proxy the address is text from a header: what is no address enters neither the log nor the database.
    """
    try:
        return ipaddress.ip_address(request.remote_addr or "").compressed
    except ValueError:
        return "unknown"


def for_programs() -> bool:
    """Return whether the address is one of the API's."""
    return request.path.startswith(_API_PATH)


def language() -> str:
    """Return the language to answer in: for the API as the request says, for pages by the switch people set."""
    if for_programs():
        preferred = request.accept_languages.best or ""
        return words.ENGLISH if preferred.lower().startswith("en") else words.CHINESE
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else words.CHINESE


def confirm_address() -> str:
    """Return where somebody confirms who they are, to be led back to this page or the one whose form they sent."""
    addresses, back = current_app.url_map.bind(""), request.path
    while back and not addresses.test(back, "GET"):
        back = back.rpartition("/")[0]
    return f"{CONFIRM_PAGE}?{urlencode({'back': back or '/'})}"


def enter(signed_in: Fresh) -> None:
    """Start a cookie session for a fresh token; whatever the cookie held before is gone."""
    session.clear()
    login_user(SignedIn(signed_in.person, signed_in.token))
    session.pop("_id", None)  # a digest of address and browser that nothing here reads


def renew(signed_in: Fresh) -> None:
    """Go on with the fresh token of the same session; forms that are open in other tabs stay good."""
    login_user(SignedIn(signed_in.person, signed_in.token))
    session.pop("_id", None)


def leave() -> None:
    """End the session behind the cookie at once, and empty the cookie."""
    sessions.sign_out(parts(), person(), current_user.get_id(), now())
    session.clear()


def bearer() -> str:
    """Return the token of the ``Authorization: Bearer`` header, or an empty string."""
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _from_elsewhere() -> Response | None:
    """Answer what another site leads to, before a cookie is read or written; None where nothing leads from elsewhere.

    A browser keeps our cookie back then (SameSite), so the person seems to be nobody; a page made for nobody would
    bring a cookie of its own and sign them out. A link goes on by itself, as a request of ours; a form does nothing.
    """
    led = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if not led or for_programs() or request.endpoint == "static" or request.blueprint == "health":
        return None
    follows = request.method in {"GET", "HEAD"}
    path = request.path if follows and request.url_rule is not None else ""
    say = words.translator(language())
    page = render_template("elsewhere.html", path=path, language=language(), _=say)
    return current_app.make_response((page, 200 if follows else 403))


def _pass() -> Response | None:
    g.person = None
    rule = request.url_rule
    if rule is None:
        return None  # no such address, method or host: Flask raises that next
    request.environ[ENDPOINT] = rule.endpoint
    here = door_of(current_app.view_functions[rule.endpoint])
    if here is None:
        abort(404)
    if rule.endpoint != "static" and request.blueprint != "health":
        current_app.extensions[SEAL].refuse()
    if here.is_open:
        return None
    g.person = _bearer() if for_programs() else getattr(current_user, "person", None)
    if g.person is None:
        if for_programs():
            raise SignInRefused("not_signed_in")
        return cast("Response", redirect(SIGN_IN_PAGE, 303))
    return _answer_instead(g.person, here)


def _answer_instead(who: Person, here: Door) -> Response | None:
    """Return where a person is led instead of the door they asked for; None lets them pass."""
    if who.purposes is not None and here.right not in FOR_PROGRAMS:
        _refuse(who, here.right, "not_for_programs")
    if who.must is not None and who.must not in here.even_if:
        if for_programs():
            refuse_owing(who.must)
        return cast("Response", redirect(_FIRST[who.must], 303))
    if here.right is not None and not parts().policy.allows(who.role, here.right):
        _refuse(who, here.right, "no_right")
    if here.fresh and not is_fresh(parts().policy.sessions, who, now()):
        if for_programs() or request.method not in ("GET", "HEAD"):
            raise StepUpNeeded
        return cast("Response", redirect(confirm_address(), 303))
    return None


def _bearer() -> Person | None:
    token = bearer()
    if token.startswith(api_tokens.PREFIX):
        return api_tokens.person_of(parts(), token, source(), now())
    return sessions.person_of(parts(), token, source(), now()) if token else None


def _signed_in(token: str) -> SignedIn | None:
    found = sessions.person_of(parts(), token, source(), now())
    return None if found is None else SignedIn(found, token)


def _refuse(who: Person, right: Right | None, rule: str) -> NoReturn:
    if right is not None:
        parts().log_writer.write(parts().event(now(), who.actor(), _REFUSED[right], Outcome.REFUSED, rule=rule))
    raise AccessRefused(rule)
