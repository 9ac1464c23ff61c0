"""From errors to answers: ONE table of status and title, and nothing that was typed or stored in any answer.

Programs get a problem document (RFC 9457) with a stable ``code``; people get a page that says the same.
"""

from __future__ import annotations

import json
import secrets
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from vault import words
from vault.errors import (
    AccessRefused,
    AlreadyDecided,
    IntegrityError,
    InvalidValue,
    NotFound,
    SignInBusy,
    SignInRefused,
    StepUpNeeded,
    StorageUnavailable,
    VaultError,
    VaultSealed,
)
from vault.web import gate, logs

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "2"

_INTERNAL = 500
_UNAVAILABLE = 503
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of error is answered.

    Args:
        status: HTTP status.
        title: msgid of its title.
        tells: names of the facts that may be told; ``reason`` tells the error's reason and its words.
    """

    status: int
    title: str
    tells: tuple[str, ...] = ()


PROBLEMS: dict[type[VaultError], Kind] = {
    InvalidValue: Kind(400, "A value cannot be used", ("reason", "field", "least", "most")),
    SignInRefused: Kind(401, "Not signed in", ("reason",)),
    AccessRefused: Kind(403, "Not allowed", ("reason",)),
    NotFound: Kind(404, "Nothing to show", ("case",)),
    AlreadyDecided: Kind(409, "Decided already", ("reason",)),
    SignInBusy: Kind(_UNAVAILABLE, "Too many are signing in from here at once; try again in a moment"),
    StorageUnavailable: Kind(_UNAVAILABLE, "The vault cannot answer right now"),
    VaultSealed: Kind(_UNAVAILABLE, "The vault is sealed until an operator acts"),
    IntegrityError: Kind(_INTERNAL, "A stored record does not fit; nothing is shown"),
}
"""Every error the front door expects; a subclass answers as the nearest class above it."""

UNEXPECTED = Kind(_INTERNAL, "Something went wrong on our side", ("incident",))

HTTP_PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be understood"),
    404: ("not_found", "Nothing to show"),
    405: ("method_not_allowed", "This address does not do that"),
    413: ("too_large", "The request is too large"),
    415: ("unsupported_media_type", "The request is not JSON"),
}
"""What the framework itself refuses, by status: our code and title."""

FORM_EXPIRED = ("form_expired", "This page is too old; load it again")


def answer_with_problems(app: Flask) -> None:
    """Make an application answer every error from the table."""
    app.register_error_handler(VaultError, _from_vault)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _unexpected)


def kind_of(error: VaultError) -> Kind | None:
    """Return how an error is answered, None when the front door does not expect it."""
    return next((PROBLEMS[one] for one in type(error).__mro__ if one in PROBLEMS), None)


def _from_vault(error: VaultError) -> Response:
    kind = kind_of(error)
    if kind is None:
        return _unexpected(error)
    if kind.status >= _INTERNAL:
        level = "error" if kind.status == _INTERNAL else "warning"
        logs.line("problem", level, status=kind.status, code=error.code, reason=error.reason)
    told = {name: error.facts[name] for name in kind.tells if name in error.facts}
    detail = ""
    if "reason" in kind.tells:
        told = {"reason": error.reason, **told}
        detail = words.reason(gate.language(), error.reason, error.facts)
    response = _answer(kind.status, error.code, kind.title, detail, told)
    if kind.status == _UNAVAILABLE:
        response.headers["Retry-After"] = RETRY_SECONDS
    elif kind.status == 401:  # noqa: PLR2004 - RFC 9110 §15.5.2 wants the challenge
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _from_http(error: HTTPException) -> Response:
    status = error.code or _INTERNAL
    code, title = FORM_EXPIRED if isinstance(error, CSRFError) else HTTP_PROBLEMS.get(status, HTTP_PROBLEMS[400])
    # The framework's description stays out: it may repeat the request.
    response = _answer(status, code, title, "", {}, is_for_people=False if isinstance(error, SecurityError) else None)
    response.headers.extend((name, value) for name, value in error.get_headers() if name.lower() != "content-type")
    return response


def _unexpected(error: Exception) -> Response:
    incident = secrets.token_hex(8)
    # The text of an exception may hold values; its class and the place in our code are enough to find it.
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [f"{file.relative_to(_PACKAGE)}:{line}" for file, line in frames if file.is_relative_to(_PACKAGE)]
    place = ours[-1] if ours else ""
    code = error.code if isinstance(error, VaultError) else type(error).__name__
    logs.line("unexpected", "error", incident=incident, code=code, reason=place)
    detail = words.translator(gate.language())("Give the operator this number: {incident}", incident=incident)
    return _answer(UNEXPECTED.status, "unexpected", UNEXPECTED.title, detail, {"incident": incident})


def _answer(
    status: int,
    code: str,
    title: str,
    detail: str,
    told: Mapping[str, str | int],
    *,
    is_for_people: bool | None = None,
) -> Response:
    title = words.translator(gate.language())(title)
    if _is_for_people() if is_for_people is None else is_for_people:
        fields = [told["field"]] if "field" in told else []
        confirm = gate.confirm_address() if code == StepUpNeeded.code else ""
        page = render_template(
            "problem.html", title=title, detail=detail, status=status, fields=fields, confirm=confirm
        )
        return current_app.make_response((page, status))
    document = {"type": f"urn:datavault:problem:{code}", "title": title, "status": status, "code": code}
    if detail:
        document["detail"] = detail
    text = json.dumps({**document, **told}, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, mimetype=MEDIA_TYPE)


def _is_for_people() -> bool:
    """Return whether the answer is read by a person: pages, unless their script asked for JSON."""
    if gate.for_programs() or request.blueprint == "health":
        return False
    return "json" not in request.headers.get("Accept", "")
