"""The pages of the second factor: giving its code, confirming who one is, setting it up, recovery codes."""

from __future__ import annotations

import segno
from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from vault import words
from vault.domain.people import Must
from vault.domain.second_factor import grouped
from vault.errors import InvalidValue
from vault.services import second_factor
from vault.web.gate import door, enter, language, now, parts, person, renew
from vault.web.presenting import way_back
from vault.web.turnstile import one_of_few

second_factor_pages = Blueprint("second_factor", __name__)

_QUIET_ZONE = 4  # modules of white that scanners need around a code (ISO/IEC 18004)


# -- giving it ---------------------------------------------------------------------------------------------------


@second_factor_pages.get("/second-factor")
@door(even_if=(Must.CODE,))
def overview() -> str:
    """Ask for the code that is owed; to everybody else say how they stand with their second factor."""
    if person().must is Must.CODE:
        return render_template("code.html")
    return render_template("second_factor.html", factor=second_factor.status(parts(), person()))


@second_factor_pages.post("/second-factor")
@door(even_if=(Must.CODE,))
def give_code() -> Response | tuple[str, int]:
    """Take the code; the browser goes on with a fresh session."""
    if person().must is Must.CODE:
        try:
            enter(second_factor.give_code(parts(), person(), request.form.get("code", ""), now()))
        except InvalidValue as invalid:
            error = words.reason(language(), invalid.reason, invalid.facts)
            return render_template("code.html", error=error, back=url_for("second_factor.overview")), 400
    return redirect(url_for("pages.home"), 303)


@second_factor_pages.get("/confirm")
@door(even_if=(Must.ENROL,))
def confirm_form() -> str:
    """Ask for password and code once more."""
    return _confirm_page(request.args.get("back", ""), "")


@second_factor_pages.post("/confirm")
@door(even_if=(Must.ENROL,))
def confirm() -> Response | tuple[str, int]:
    """Note that the person has just proved who they are, and lead back to what asked for it."""
    form = request.form
    try:
        with one_of_few():
            renew(second_factor.confirm(parts(), person(), form.get("password", ""), form.get("code", ""), now()))
    except InvalidValue as invalid:
        error = words.reason(language(), invalid.reason, invalid.facts)
        return _confirm_page(form.get("back", ""), error), 400
    return redirect(way_back(form.get("back", "")), 303)


# -- setting it up -----------------------------------------------------------------------------------------------


@second_factor_pages.get("/second-factor/new")
@door(even_if=(Must.ENROL,), fresh=True)
def new() -> str:
    """Show the secret on its way into an app, or offer to make one."""
    return _new_page("")


@second_factor_pages.post("/second-factor/begin")
@door(even_if=(Must.ENROL,), fresh=True)
def begin() -> Response:
    """Make a secret."""
    second_factor.begin(parts(), person(), _issuer(), now())
    return redirect(url_for("second_factor.new"), 303)


@second_factor_pages.post("/second-factor/new")
@door(even_if=(Must.ENROL,), fresh=True)
def finish() -> str | tuple[str, int]:
    """Take the first code and show the recovery codes this once."""
    try:
        codes = second_factor.finish(parts(), person(), request.form.get("code", ""), now())
    except InvalidValue as invalid:
        return _new_page(words.reason(language(), invalid.reason, invalid.facts)), 400
    return _codes_page(codes, first=True)


@second_factor_pages.post("/second-factor/recovery-codes")
@door(fresh=True)
def new_recovery_codes() -> str:
    """Replace the recovery codes and show the new ones this once."""
    return _codes_page(second_factor.new_recovery_codes(parts(), person(), now()), first=False)


@second_factor_pages.post("/second-factor/drop")
@door(fresh=True)
def drop() -> Response:
    """Take the second factor away, to set it up anew."""
    second_factor.drop_own(parts(), person(), now())
    return redirect(url_for("second_factor.new"), 303)


def _confirm_page(back: str, error: str) -> str:
    leads_to = way_back(back)
    has_code = second_factor.status(parts(), person()).confirmed_at is not None
    stays = url_for("second_factor.confirm_form")
    return render_template("confirm.html", leads_to=leads_to, has_code=has_code, error=error, back=stays)


def _new_page(error: str) -> str:
    pending = second_factor.pending(parts(), person(), _issuer())
    shown: dict[str, object] = {"error": error, "required": person().must is Must.ENROL}
    if pending is not None:
        code = segno.make(pending.uri, error="m", micro=False)
        picture = code.svg_inline(border=_QUIET_ZONE, light="#fff", omitsize=True)
        # Shapes and numbers made by the library from the address; no text of anybody's.
        shown |= {"picture": Markup(picture), "secret": grouped(pending.secret)}  # noqa: S704  # nosec B704
    return render_template("second_factor_new.html", **shown, back=url_for("second_factor.new"))


def _issuer() -> str:
    company = parts().policy.company
    return company.en if language() == words.ENGLISH else company.zh


def _codes_page(codes: list[str], *, first: bool) -> str:
    shown = [grouped(code) for code in codes]
    return render_template("recovery_codes.html", codes=shown, first=first, back=url_for("second_factor.overview"))
