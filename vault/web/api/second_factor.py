"""The second factor and fresh proofs of who one is, for programs that people use."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.people import Must
from vault.domain.rules.access import Right
from vault.services import second_factor
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.routes import route, time_text
from vault.web.api.sessions import fresh_session
from vault.web.api.shapes import Code, Shape, clean_text
from vault.web.gate import now, parts, person
from vault.web.turnstile import one_of_few


class CodeBody(Shape):
    """A code of the app, or a recovery code."""

    code: Code


class ConfirmationBody(Shape):
    """The password once more, and a code if there is a second factor."""

    password: Annotated[str, StringConstraints(min_length=1, max_length=1024), AfterValidator(clean_text)]
    code: Code | None = None


class ResetBody(Shape):
    """Whose second factor is taken away."""

    work_number: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]


class SecondFactor(Shape):
    """How I stand with my second factor."""

    set_up_at: AwareDatetime | None
    recovery_codes_left: int
    required: bool = Field(description="My role must have one.")


class PendingSecret(Shape):
    """A shared secret on its way into an app; it counts from its first code on, given in this session."""

    secret: str = Field(description="In base32 (RFC 6238: SHA-1, six digits, 30 seconds).")
    uri: str = Field(description="The same as an `otpauth` address.")


class RecoveryCodes(Shape):
    """Recovery codes, shown this once."""

    recovery_codes: list[str]


@route("POST", "/second-factor", gate.door(even_if=(Must.CODE,)), answer=shapes.Session, body=CodeBody)
def give_code(body: CodeBody) -> dict[str, Any]:
    """Give the code that my session owes; it goes on under the token of the answer."""
    return fresh_session(second_factor.give_code(parts(), person(), body.code, now()))


@route("POST", "/confirmations", gate.door(even_if=(Must.ENROL,)), answer=shapes.Session, body=ConfirmationBody)
def confirm(body: ConfirmationBody) -> dict[str, Any]:
    """Prove once more who I am, for acts that ask for it; the session goes on under the token of the answer."""
    with one_of_few():
        return fresh_session(second_factor.confirm(parts(), person(), body.password, body.code or "", now()))


@route("GET", "/second-factor", gate.door(), answer=SecondFactor)
def second_factor_status() -> dict[str, Any]:
    """Tell how I stand with my second factor."""
    found = second_factor.status(parts(), person())
    return {
        "set_up_at": None if found.confirmed_at is None else time_text(found.confirmed_at),
        "recovery_codes_left": found.recovery_left,
        "required": found.required,
    }


@route("POST", "/second-factor/secret", gate.door(even_if=(Must.ENROL,), fresh=True), answer=PendingSecret, status=201)
def begin_second_factor() -> dict[str, Any]:
    """Make a secret for my authenticator app."""
    pending = second_factor.begin(parts(), person(), parts().policy.company.zh, now())
    return {"secret": pending.secret, "uri": pending.uri}


@route(
    "POST",
    "/second-factor/first-code",
    gate.door(even_if=(Must.ENROL,), fresh=True),
    answer=RecoveryCodes,
    body=CodeBody,
)
def finish_second_factor(body: CodeBody) -> dict[str, Any]:
    """Put my second factor in force with its first code; my other sessions end."""
    return {"recovery_codes": second_factor.finish(parts(), person(), body.code, now())}


@route("POST", "/second-factor/recovery-codes", gate.door(fresh=True), answer=RecoveryCodes)
def new_recovery_codes() -> dict[str, Any]:
    """Replace my recovery codes."""
    return {"recovery_codes": second_factor.new_recovery_codes(parts(), person(), now())}


@route("DELETE", "/second-factor", gate.door(fresh=True), answer=None, status=204)
def drop_second_factor() -> None:
    """Take my second factor away, to set it up on another device."""
    second_factor.drop_own(parts(), person(), now())


@route(
    "POST",
    "/second-factor/resets",
    gate.door(Right.ACCOUNTS, fresh=True),
    answer=None,
    status=204,
    body=ResetBody,
)
def reset_second_factor(body: ResetBody) -> None:
    """Take a colleague's second factor away; their sessions end and they are told."""
    second_factor.reset(parts(), person(), body.work_number, now())
