"""Containment of incidents, for programs of officers who are signed in: the page's own walks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.breach.containment import Containment, Measure
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services.breach import containment, containment_reading
from vault.services.breach.containment_reading import Taken
from vault.services.steps.breach.incidents import NOTE_LENGTH
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_ALL = "/incidents/<hex32:incident>/containment"
_ONE = f"{_ALL}/<hex32:measure>"
_Note = Annotated[str, StringConstraints(max_length=NOTE_LENGTH), AfterValidator(clean_text)]
_Said = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_LENGTH), AfterValidator(clean_text)]
_Target = Annotated[str, StringConstraints(max_length=64), AfterValidator(clean_text)]


class MeasureBody(Shape):
    """A measure, and what it is about."""

    measure: Word
    target: _Target = Field(
        "",
        description="A work number; for grants also the id of a customer; for holds the id of a frozen radius, the "
        "newest if left out; nothing for the whole vault.",
    )
    note: _Note = Field("", description="What else is to be known; sealed.")


class EndMeasureBody(Shape):
    """Why a measure ends, or is kept beyond its incident; sealed."""

    note: _Said


class MeasureTaken(Shape):
    """One measure."""

    id: Id
    measure: Word
    account: str = Field(description="Work number; empty where it is about none.")
    target: str = Field(description="Id of the account, customer or radius; empty for the whole vault.")
    affected: int = Field(description="Sessions, tokens, grants or records it reached.")
    rehearsed: bool = Field(description="Taken in a drill; nothing was changed.")
    taken_by: str
    taken_at: AwareDatetime
    ended_by: str
    ended_at: AwareDatetime | None = Field(description="Null while it stands.")
    kept_by: str
    kept_at: AwareDatetime | None = Field(description="When somebody let it outlast its incident.")


class FreezeInForce(Shape):
    """One freeze of the whole vault, of whichever incident."""

    measure: Word
    since: AwareDatetime


class ContainmentAnswer(Shape):
    """What was done to contain an incident, newest first, and what is frozen now."""

    measures: list[MeasureTaken]
    in_force: list[FreezeInForce]


class MeasureReach(Shape):
    """What a measure would reach at this moment, by what is counted."""

    measure: Word
    account: str
    counts: dict[str, int]
    drill: bool


class MeasureId(Shape):
    """The measure that was taken."""

    id: Id


class HoldProgress(Shape):
    """Whether every record of the radius was reached."""

    done: bool


class Freezes(Shape):
    """What is frozen at this moment."""

    in_force: list[FreezeInForce]


@route("GET", "/freezes", gate.door(), answer=Freezes)
def list_freezes() -> dict[str, Any]:
    """List what is frozen at this moment, and since when; everybody who is signed in may know."""
    return {"in_force": _freezes(containment_reading.frozen(parts()))}


@route("GET", _ALL, gate.door(Right.INCIDENT_VIEW), answer=ContainmentAnswer)
def list_measures(incident: bytes) -> dict[str, Any]:
    """List the measures of an incident, newest first."""
    shown = containment_reading.shown(parts(), person(), incident, now())
    return {"measures": [_line(one) for one in shown.taken], "in_force": _freezes(shown.in_force)}


@route("POST", f"{_ALL}/preview", gate.door(Right.INCIDENT), answer=MeasureReach, body=MeasureBody, also=(404, 409))
def preview_measure(body: MeasureBody, incident: bytes) -> dict[str, Any]:
    """Count what a measure would reach; nothing is changed."""
    seen = containment_reading.preview(parts(), person(), incident, _measure(body.measure), body.target, now())
    return {
        "measure": seen.measure.value,
        "account": seen.work_number,
        "counts": dict(seen.counts),
        "drill": seen.drill,
    }


@route("POST", _ALL, gate.door(Right.INCIDENT), answer=MeasureId, status=201, body=MeasureBody, also=(404, 409))
def take_measure(body: MeasureBody, incident: bytes) -> dict[str, Any]:
    """Take a measure; it is in force from everybody's next request on. Holds are put by `/hold`."""
    measure = _measure(body.measure)
    return {"id": _id(containment.take(parts(), person(), incident, measure, body.target, body.note, now()))}


@route("POST", f"{_ONE}/hold", gate.door(Right.INCIDENT), answer=HoldProgress, also=(404, 409))
def hold_evidence(incident: bytes, measure: bytes) -> dict[str, Any]:
    """Put the next records of a radius under hold; again until it is done."""
    return {"done": containment.hold_on(parts(), person(), incident, measure, now())}


@route(
    "POST",
    f"{_ONE}/end",
    gate.door(Right.INCIDENT, fresh=True),
    answer=None,
    status=204,
    body=EndMeasureBody,
    also=(404, 409),
)
def end_measure(body: EndMeasureBody, incident: bytes, measure: bytes) -> None:
    """End a measure that stands, with a reason."""
    containment.end(parts(), person(), incident, measure, body.note, now())


@route(
    "POST",
    f"{_ONE}/keep",
    gate.door(Right.INCIDENT, fresh=True),
    answer=None,
    status=204,
    body=EndMeasureBody,
    also=(404, 409),
)
def keep_measure(body: EndMeasureBody, incident: bytes, measure: bytes) -> None:
    """Let a measure outlast its incident, with a reason, where the policy allows it."""
    containment.keep(parts(), person(), incident, measure, body.note, now())


def _measure(word: str) -> Measure:
    if word not in list(Measure):
        raise InvalidValue("not_on_list", field="measure")
    return Measure(word)


def _id(one: Containment) -> str:
    return one.containment_id.hex()


def _freezes(in_force: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - by measure
    return [{"measure": one.value, "since": time_text(since)} for one, since in in_force.items()]


def _line(shown: Taken) -> dict[str, Any]:
    one = shown.containment
    return {
        "id": _id(one),
        "measure": one.measure.value,
        "account": shown.work_number,
        "target": one.target.hex(),
        "affected": one.affected,
        "rehearsed": one.rehearsed,
        "taken_by": shown.taken_by,
        "taken_at": time_text(one.taken_at),
        "ended_by": shown.ended_by,
        "ended_at": time_text(one.ended_at) if one.ended_at else None,
        "kept_by": shown.kept_by,
        "kept_at": time_text(one.kept_at) if one.kept_at else None,
    }
