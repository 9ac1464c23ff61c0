"""Legal holds, for programs of officers who are signed in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.holds import MOST_SOURCE
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import holds
from vault.services.holds import ShownHold, Why
from vault.web import gate
from vault.web.api.caller import PolicyName
from vault.web.api.retention import Day, day_of
from vault.web.api.routes import id_of, route, time_text
from vault.web.api.shapes import Digits, Id, Shape, Typed, Word, clean_text
from vault.web.gate import now, parts, person

_MOST = 1000
_ONE = "/retention/holds/<hex32:hold>"
_Source = Annotated[str, StringConstraints(min_length=1, max_length=MOST_SOURCE), AfterValidator(clean_text)]


# -- what comes in -------------------------------------------------------------------------------------------------


class HoldsQuery(Shape):
    """How many holds to list."""

    limit: Digits = "200"


class HoldBody(Shape):
    """What is held, why, and until when; either a number or the id of a record."""

    number: Typed | None = Field(
        None, description="A phone, waybill or ID number, or one of the company's own; every record that carries it."
    )
    record: Id | None = None
    reason: PolicyName
    source: _Source = Field(description="The document that asks for it, by its own number.")
    review_on: Day | None = Field(None, description="Left out: as late as may be.")


class ReviewBody(Shape):
    """By when somebody looks at a hold again."""

    review_on: Day | None = Field(None, description="Left out: as late as may be.")


class ReleaseBody(Shape):
    """Why a hold ends."""

    reason: PolicyName


# -- what goes out -------------------------------------------------------------------------------------------------


class HoldLine(Shape):
    """One hold."""

    hold: Id
    record: Id
    record_class: Word = Field(alias="class")
    reason: PolicyName
    source: str
    placed_by: str = Field(description="Work number; empty where nobody knows.")
    placed_at: AwareDatetime
    review_on: Day
    overdue: bool


class Holds(Shape):
    """Holds that hold, the one to be reviewed first at the head."""

    holds: list[HoldLine]


class HoldsPlaced(Shape):
    """What is held now; of which class, and nothing else of it."""

    record_class: Word = Field(alias="class", description="The first, where a number of the company stands on several.")
    holds: list[Id]


class ReviewAnswer(Shape):
    """The day of review."""

    review_on: Day


@route("GET", "/retention/holds", gate.door(Right.RETENTION), answer=Holds, query=HoldsQuery)
def list_holds(query: HoldsQuery) -> dict[str, Any]:
    """List the holds that hold, the one to be reviewed first at the head."""
    limit = int(query.limit)
    if not 1 <= limit <= _MOST:
        raise InvalidValue("out_of_range", field="limit")
    return {"holds": [_line(one) for one in holds.listed(parts(), person(), now(), limit)]}


@route(
    "POST",
    "/retention/holds",
    gate.door(Right.DESTROY),
    answer=HoldsPlaced,
    status=201,
    body=HoldBody,
    also=(404,),
)
def place_hold(body: HoldBody) -> dict[str, Any]:
    """Put a record, or every record that carries a number, under legal hold."""
    day = None if body.review_on is None else day_of(body.review_on, "review_on")
    why, record = Why(body.reason, body.source, day), id_of(body.record)
    if (body.number is None) == (record is None):
        raise InvalidValue("number_or_records", field="number")
    if record is not None:
        placed = holds.place(parts(), person(), record, why, now())
    else:
        placed = holds.place_by_number(parts(), person(), body.number or "", why, now())
    return {"class": placed.record_class.value, "holds": [one.hex() for one in placed.hold_ids]}


@route("POST", f"{_ONE}/review", gate.door(Right.DESTROY), answer=ReviewAnswer, body=ReviewBody)
def review_hold(body: ReviewBody, hold: bytes) -> dict[str, Any]:
    """Say that a hold is still needed, and until when."""
    day = None if body.review_on is None else day_of(body.review_on, "review_on")
    return {"review_on": holds.review(parts(), person(), hold, day, now()).isoformat()}


@route("POST", f"{_ONE}/release", gate.door(Right.DESTROY, fresh=True), answer=None, status=204, body=ReleaseBody)
def release_hold(body: ReleaseBody, hold: bytes) -> None:
    """Release a hold; a later plan names the record if its time is over."""
    holds.release(parts(), person(), hold, body.reason, now())


def _line(shown: ShownHold) -> dict[str, Any]:
    hold = shown.hold
    return {
        "hold": hold.hold_id.hex(),
        "record": hold.record_id.hex(),
        "class": hold.record_class.value,
        "reason": hold.reason,
        "source": shown.source,
        "placed_by": shown.officer,
        "placed_at": time_text(hold.placed_at),
        "review_on": hold.review_on.isoformat(),
        "overdue": shown.is_overdue,
    }
