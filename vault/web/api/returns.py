"""Coming back after a reset: who waits, who did it, and confirming it, for programs of people who are signed in."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from vault.services import returns
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Shape, Word
from vault.web.gate import now, parts, person


class WaitingLine(Shape):
    """Somebody whose return nobody has confirmed yet."""

    work_number: str
    since: AwareDatetime
    is_back: bool = Field(description="They have chosen a password and set up what their role needs.")
    mine: bool = Field(description="I may confirm it.")


class ResetLine(Shape):
    """One reset of an account by somebody else."""

    work_number: str
    kind: Word = Field(description="password, second_factor, or secret: a further one-time secret.")
    by: str | None = Field(description="Work number of the administrator; null for the local operator.")
    at: AwareDatetime
    confirmed_by: str | None
    confirmed_at: AwareDatetime | None


class Returns(Shape):
    """Who waits to be confirmed, the longest first, and the resets of late, newest first."""

    waiting: list[WaitingLine]
    resets: list[ResetLine]


@route("GET", "/returns", gate.door(), answer=Returns)
def list_returns() -> dict[str, Any]:
    """List who waits to be confirmed after a reset, and the resets of late that I may know of."""
    found = returns.listed(parts(), person(), now())
    return {
        "waiting": [
            {"work_number": one.work_number, "since": time_text(one.since), "is_back": one.is_back, "mine": one.mine}
            for one in found.waiting
        ],
        "resets": [
            {
                "work_number": one.work_number,
                "kind": one.kind.value,
                "by": one.by or None,
                "at": time_text(one.at),
                "confirmed_by": one.confirmed_by or None,
                "confirmed_at": None if one.confirmed_at is None else time_text(one.confirmed_at),
            }
            for one in found.resets
        ],
    }


@route(
    "POST", "/accounts/<work_number>/return-confirmation", gate.door(fresh=True), answer=None, status=204, also=(400,)
)
def confirm_return(work_number: str) -> None:
    """Confirm that I spoke with somebody whose account was reset, and that it is them who came back."""
    returns.confirm(parts(), person(), work_number, now())
