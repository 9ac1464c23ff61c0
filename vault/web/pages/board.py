"""The supervisor's page: what concerns the team, and moving a case of somebody absent."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.rules.access import Right
from vault.services import board, reassigning
from vault.web.gate import door, language, now, parts, person

board_pages = Blueprint("board", __name__)


@board_pages.get("/board")
@door(Right.SUPERVISE)
def view() -> str:
    """Show the team: requests, signals, people, cases, grants, hand-overs, late entries."""
    moment = now()
    return render_template(
        "board.html",
        board=board.team_board(parts(), person(), moment),
        moment=moment,
        limits=parts().policy.limits,
        handover_reasons={
            one: words.of_policy(language(), rule) for one, rule in parts().policy.handovers.refusals.items()
        },
        late_days=board.LATE_DAYS,
        refused_days=board.REFUSED_DAYS,
        done="moved" if request.args.get("done") == "moved" else "",
        back=url_for("board.view"),
    )


@board_pages.post("/board/cases/<hex32:case>/move")
@door(Right.SUPERVISE)
def move(case: bytes) -> Response:
    """Give a case of the team to another of its people."""
    reassigning.reassign(parts(), person(), case, request.form.get("to", ""), now())
    return redirect(url_for("board.view", done="moved"), 303)
