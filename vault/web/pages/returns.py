"""Coming back after a reset: the page of who waits to be confirmed, and the page of those who confirm."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.people import Must
from vault.errors import InvalidValue
from vault.services import returns
from vault.services.steps.tokens import is_fresh
from vault.web.gate import confirm_address, door, language, now, parts, person

return_pages = Blueprint("returns", __name__)


@return_pages.get("/coming-back")
@door(even_if=(Must.CONFIRMATION,))
def waiting() -> Response | str:
    """Tell somebody whose account was reset that a colleague has to confirm that it is them."""
    if person().must is not Must.CONFIRMATION:
        return redirect(url_for("pages.home"), 303)
    return render_template("coming_back.html")


@return_pages.get("/returns")
@door()
def listed() -> str:
    """List who waits to be confirmed, and the resets of late."""
    return _page("")


@return_pages.post("/returns/<work_number>/confirm")
@door(fresh=True)
def confirm(work_number: str) -> Response | tuple[str, int]:
    """Confirm that somebody has come back themselves."""
    try:
        returns.confirm(parts(), person(), work_number, now())
    except InvalidValue as invalid:
        return _page(words.reason(language(), invalid.reason, invalid.facts)), 400
    return redirect(url_for("returns.listed", done="confirmed"), 303)


def _page(error: str) -> str:
    moment = now()
    return render_template(
        "returns.html",
        found=returns.listed(parts(), person(), moment),
        days=returns.LISTED_DAYS,
        done=not error and request.args.get("done") == "confirmed",
        error=error,
        confirm="" if is_fresh(parts().policy.sessions, person(), moment) else confirm_address(),
        back=url_for("returns.listed"),
    )
