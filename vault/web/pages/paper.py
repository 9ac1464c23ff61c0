"""The page of paper copies: boxes, when they are due, and two officers who saw them shredded."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.destruction import ORDER
from vault.domain.ids import RecordClass
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue
from vault.services import paper
from vault.services.paper import NewBox
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import day_of, done_of, step_up, told

paper_pages = Blueprint("paper", __name__)

_DONE = ("registered", "shredded", "witnessed", "standing", "handed_on")


@paper_pages.get("/retention/paper")
@door(Right.RETENTION)
def register() -> str:
    """List the boxes, those due longest first."""
    return _page({})


@paper_pages.post("/retention/paper")
@door(Right.DESTROY)
def add() -> Response | tuple[str, int]:
    """Enter a box; what cannot be used is said beside its field."""
    form = request.form
    try:
        newest, due = (form.get(name, "") for name in ("newest_on", "due_on"))
        paper.register(
            parts(),
            person(),
            NewBox(
                form.get("label", ""),
                _class(form.get("record_class", "")),
                form.get("outlet", ""),
                form.get("custodian", ""),
                day_of(newest, "newest_on") if newest else None,
                day_of(due, "due_on") if due else None,
            ),
            now(),
        )
    except InvalidValue as invalid:
        return _page(form, told(invalid)), 400
    return redirect(url_for("paper.register", done="registered"), 303)


@paper_pages.post("/retention/paper/<hex32:box>/shredded")
@door(Right.DESTROY)
def say_shredded(box: bytes) -> Response:
    """Say that a box was shredded."""
    paper.say_shredded(parts(), person(), box, now())
    return redirect(url_for("paper.register", done="shredded"), 303)


@paper_pages.post("/retention/paper/<hex32:box>/witness")
@door(Right.DESTROY, fresh=True)
def witness(box: bytes) -> Response | tuple[str, int]:
    """Say that one has seen it too."""
    try:
        paper.witness(parts(), person(), box, now())
    except AccessRefused as refused:
        if refused.reason != "own_shredding":
            raise
        return _page({}, {"box": words.reason(language(), refused.reason, {})}), 403
    return redirect(url_for("paper.register", done="witnessed"), 303)


@paper_pages.post("/retention/paper/<hex32:box>/standing")
@door(Right.DESTROY)
def take_back(box: bytes) -> Response:
    """Say that a box still stands."""
    paper.take_back(parts(), person(), box, now())
    return redirect(url_for("paper.register", done="standing"), 303)


@paper_pages.post("/retention/paper/<hex32:box>/custodian")
@door(Right.DESTROY)
def hand_on(box: bytes) -> Response | tuple[str, int]:
    """Give a box another custodian; who cannot keep it is said beside the field."""
    try:
        paper.hand_on(parts(), person(), box, request.form.get("custodian", ""), now())
    except InvalidValue as invalid:
        return _page({}, {f"custodian-{box.hex()}": told(invalid)["custodian"]}), 400
    return redirect(url_for("paper.register", done="handed_on"), 303)


def _page(typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    moment = now()
    return render_template(
        "retention_paper.html",
        register=paper.listed(parts(), person(), moment),
        classes=ORDER,
        outlets=paper.outlets(parts()),
        today=moment.astimezone(parts().policy.zone).date(),
        destroys=parts().policy.allows(person().role, Right.DESTROY),
        confirm=step_up(moment),
        typed=typed,
        errors=errors or {},
        done=done_of(_DONE),
        back=url_for("paper.register"),
    )


def _class(text: str) -> RecordClass:
    try:
        return RecordClass(text)
    except ValueError:
        raise InvalidValue("not_on_list", field="record_class") from None
