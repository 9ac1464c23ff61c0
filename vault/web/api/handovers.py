"""Handing cases over, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.rules.access import Right
from vault.services import handover_reading, handovers
from vault.services.handovers import MOST_CASES
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_MOST_NOTE = 10_000
"""Beyond any policy; the policy's own limit is checked behind it."""


class HandoverBody(Shape):
    """Which of my open cases go to whom, and what they must know."""

    cases: Annotated[list[Id], Field(min_length=1, max_length=MOST_CASES)]
    to: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
    note: Annotated[str, StringConstraints(min_length=1, max_length=_MOST_NOTE), AfterValidator(clean_text)]


class RefusalBody(Shape):
    """Why a hand-over is refused."""

    reason: Word


class OfferedHandover(Shape):
    """A hand-over, offered and signed by who hands over."""

    handover: Id


class AcceptedHandover(Shape):
    """A hand-over, accepted and signed by who takes over."""

    moved: int = Field(description="How many cases are theirs now; those closed meanwhile did not move.")


class HandoverLine(Shape):
    """One hand-over and its two signatures."""

    handover: Id
    giver: str = Field(alias="from", description="Work number.")
    taker: str = Field(alias="to", description="Work number.")
    offered_at: AwareDatetime = Field(description="When it was offered: the first signature.")
    state: Word
    decided_at: AwareDatetime | None = Field(description="Of an accepted one the second signature.")
    reason: Word | None


class MyHandovers(Shape):
    """My hand-overs, given and offered, open ones first, newest first."""

    handovers: list[HandoverLine]


class CaseInHandover(Shape):
    """One case of a hand-over as it stands now."""

    case: Id
    purpose: Word
    opened_at: AwareDatetime
    clock: Word | None = Field(description="How an open case stands; null for a closed one.")


class WholeHandover(HandoverLine):
    """One hand-over in full."""

    note: str | None = Field(description="Null when it is no longer kept.")
    cases: list[CaseInHandover]


@route("GET", "/handovers", gate.door(Right.HAND_OVER), answer=MyHandovers)
def my_handovers() -> dict[str, Any]:
    """List my hand-overs, given and offered, open ones first."""
    board = handover_reading.board(parts(), person(), now())
    return {"handovers": [line_of(one) for one in (*board.offered_to_me, *board.others)]}


@route("POST", "/handovers", gate.door(Right.HAND_OVER), answer=OfferedHandover, status=201, body=HandoverBody)
def offer_handover(body: HandoverBody) -> dict[str, Any]:
    """Offer some of my open cases to a colleague, with a note; until it is accepted they stay mine."""
    chosen = [bytes.fromhex(one) for one in body.cases]
    return {"handover": handovers.offer(parts(), person(), chosen, body.to, body.note, now()).hex()}


@route("GET", "/handovers/<hex32:handover>", gate.door(Right.HAND_OVER), answer=WholeHandover)
def one_handover(handover: bytes) -> dict[str, Any]:
    """Show one of my hand-overs with its note; that it was read is logged, and needed to accept it."""
    sheet = handover_reading.sheet(parts(), person(), handover, now())
    return line_of(sheet.handover) | {
        "note": sheet.note.disclose() if sheet.note else None,
        "cases": [
            {
                "case": case.case_id.hex(),
                "purpose": case.purpose,
                "opened_at": time_text(case.opened_at),
                "clock": clock.value if clock else None,
            }
            for case, clock in sheet.cases
        ],
    }


@route("POST", "/handovers/<hex32:handover>/accept", gate.door(Right.HAND_OVER), answer=AcceptedHandover)
def accept_handover(handover: bytes) -> dict[str, Any]:
    """Accept a hand-over I have read: its open cases and their grants are mine from now on."""
    return {"moved": handovers.accept(parts(), person(), handover, now())}


@route(
    "POST",
    "/handovers/<hex32:handover>/refuse",
    gate.door(Right.HAND_OVER),
    answer=None,
    status=204,
    body=RefusalBody,
)
def refuse_handover(body: RefusalBody, handover: bytes) -> None:
    """Refuse a hand-over with a reason of the policy; who offered it and their supervisors are told."""
    handovers.refuse(parts(), person(), handover, body.reason, now())


@route("POST", "/handovers/<hex32:handover>/withdraw", gate.door(Right.HAND_OVER), answer=None, status=204)
def withdraw_handover(handover: bytes) -> None:
    """Take back a hand-over of mine that nobody has answered yet."""
    handovers.withdraw(parts(), person(), handover, now())


def line_of(one: handover_reading.Handover) -> dict[str, Any]:
    """Return a hand-over as the API writes it."""
    return {
        "handover": one.handover_id.hex(),
        "from": one.from_number,
        "to": one.to_number,
        "offered_at": time_text(one.offered_at),
        "state": one.state,
        "decided_at": None if one.decided_at is None else time_text(one.decided_at),
        "reason": one.reason or None,
    }
