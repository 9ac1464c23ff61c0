"""The pages of hand-overs: offering open cases, and one hand-over with its note and its two signatures."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import handover_reading, handovers
from vault.web.gate import door, language, now, parts, person

handover_pages = Blueprint("handovers", __name__)

_DONE = ("offered", "accepted", "refused", "withdrawn")
_ID_DIGITS = 32


@handover_pages.get("/handovers")
@door(Right.HAND_OVER)
def board() -> str:
    """Show what waits for the person's answer, the form to hand over, and earlier hand-overs."""
    done = request.args.get("done", "")
    return _board(done=done if done in _DONE else "")


@handover_pages.post("/handovers")
@door(Right.HAND_OVER)
def offer() -> Response | tuple[str, int]:
    """Offer open cases to a colleague; what cannot be used is said beside its field."""
    form = request.form
    try:
        chosen = [_id(text) for text in form.getlist("cases")]
        handovers.offer(parts(), person(), chosen, form.get("to", ""), form.get("note", ""), now())
    except InvalidValue as invalid:
        errors = {str(invalid.facts.get("field", "")): words.reason(language(), invalid.reason, invalid.facts)}
        typed = {"to": form.get("to", ""), "note": form.get("note", "")}
        return _board(errors=errors, typed=typed, chosen=form.getlist("cases")), 400
    return redirect(url_for("handovers.board", done="offered"), 303)


@handover_pages.get("/handovers/<hex32:handover>")
@door(Right.HAND_OVER)
def sheet(handover: bytes) -> str:
    """Show one hand-over in full, its note opened; that it was read is logged."""
    return render_template(
        "handover.html",
        sheet=handover_reading.sheet(parts(), person(), handover, now()),
        reasons=_refusals(),
        moment=now(),
        back=url_for("handovers.board"),
    )


@handover_pages.post("/handovers/<hex32:handover>/accept")
@door(Right.HAND_OVER)
def accept(handover: bytes) -> Response:
    """Sign for the cases: they are the person's from now on."""
    handovers.accept(parts(), person(), handover, now())
    return redirect(url_for("handovers.board", done="accepted"), 303)


@handover_pages.post("/handovers/<hex32:handover>/refuse")
@door(Right.HAND_OVER)
def refuse(handover: bytes) -> Response:
    """Refuse a hand-over with a reason of the list."""
    handovers.refuse(parts(), person(), handover, request.form.get("reason", ""), now())
    return redirect(url_for("handovers.board", done="refused"), 303)


@handover_pages.post("/handovers/<hex32:handover>/withdraw")
@door(Right.HAND_OVER)
def withdraw(handover: bytes) -> Response:
    """Take a hand-over back that nobody has answered."""
    handovers.withdraw(parts(), person(), handover, now())
    return redirect(url_for("handovers.board", done="withdrawn"), 303)


def _board(
    done: str = "",
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    chosen: list[str] | None = None,
) -> str:
    moment = now()
    return render_template(
        "handovers.html",
        board=handover_reading.board(parts(), person(), moment),
        reasons=_refusals(),
        moment=moment,
        done=done,
        errors=errors or {},
        typed=typed or {},
        chosen=chosen,
        most_note=parts().policy.handovers.most_note,
        share_hours=max(parts().policy.grants.share_hours),
        back=url_for("handovers.board"),
    )


def _refusals() -> dict[str, str]:
    return {one: words.of_policy(language(), rule) for one, rule in parts().policy.handovers.refusals.items()}


def _id(text: str) -> bytes:
    if len(text) != _ID_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise InvalidValue("no_case_chosen", field="cases")
    return bytes.fromhex(text)
