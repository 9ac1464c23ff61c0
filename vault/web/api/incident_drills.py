"""Emergency drills, for programs."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from vault.domain.breach.incidents import IncidentKind
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services.breach import drills
from vault.services.breach.drills import Card
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word
from vault.web.gate import now, parts, person

_MONTH = "%Y-%m"


class BeginDrillBody(Shape):
    """What is rehearsed."""

    kind: Word = Field(description="As of an incident: leak, loss, alteration, system_failure, misuse or surge.")


class DrillLine(Shape):
    """How long one thing took."""

    measure: Word = Field(description="activate, list or notify; each from the moment somebody became aware.")
    seconds: int | None = Field(description="Null: not done, or not yet.")
    target: int = Field(description="So many seconds it may take.")
    passed: bool


class DrillMonth(Shape):
    """One month of the company's calendar."""

    month: str = Field(description="YYYY-MM.")
    state: Word = Field(description="held, begun, waiting or missed.")


class DrillAnswer(Shape):
    """One drill; month, passed and event are null until it is closed and scored."""

    incident: Id
    state: Word
    opened_at: AwareDatetime
    opened_by: str
    month: str | None
    passed: bool | None
    event: Id | None
    lines: list[DrillLine]


class GuidedDrill(DrillAnswer):
    """A drill with its next step."""

    customers: int = Field(description="Made up, and in no other table.")
    done: list[Word]
    next: Word | None


class Drills(Shape):
    """The months, the present one first, and the drills, newest first."""

    due: bool = Field(description="This month's is still to be begun, and officers are reminded.")
    months: list[DrillMonth]
    drills: list[DrillAnswer]


@route("GET", "/incidents/drills", gate.door(Right.INCIDENT_VIEW), answer=Drills)
def list_drills() -> dict[str, Any]:
    """List the months that had a drill or missed it, and the drills with their scores."""
    found = drills.overview(parts(), person(), now())
    return {
        "due": found.due,
        "months": [{"month": one.first.strftime(_MONTH), "state": one.state.value} for one in found.months],
        "drills": [_drill(one) for one in found.cards],
    }


@route(
    "POST",
    "/incidents/drills",
    gate.door(Right.INCIDENT),
    answer=GuidedDrill,
    status=201,
    body=BeginDrillBody,
    also=(409,),
)
def begin_drill(body: BeginDrillBody) -> dict[str, Any]:
    """Begin a drill: an incident marked as one for ever, with customers who do not exist."""
    try:
        kind = IncidentKind(body.kind)
    except ValueError:
        raise InvalidValue("not_on_list", field="kind") from None
    return _guided(drills.begin(parts(), person(), kind, now()))


@route("GET", "/incidents/<hex32:incident>/drill", gate.door(Right.INCIDENT_VIEW), answer=GuidedDrill)
def show_drill(incident: bytes) -> dict[str, Any]:
    """Tell where a drill stands, how fast it was so far, and its next step."""
    return _guided(incident)


def _guided(incident_id: bytes) -> dict[str, Any]:
    found = drills.guided(parts(), person(), incident_id, now())
    return _drill(found.card) | {
        "customers": found.customers,
        "done": sorted(one.value for one in found.done),
        "next": found.next.value if found.next else None,
    }


def _drill(card: Card) -> dict[str, Any]:
    score = card.drill.score
    return {
        "incident": card.drill.incident_id.hex(),
        "state": card.drill.state.value,
        "opened_at": time_text(card.drill.opened_at),
        "opened_by": card.drill.opened_by,
        "month": None if score is None else score.month.strftime(_MONTH),
        "passed": None if score is None else score.passed,
        "event": None if score is None else score.event_id.hex(),
        "lines": [
            {"measure": one.measure.value, "seconds": one.seconds, "target": one.target, "passed": one.passed}
            for one in card.lines
        ],
    }
