"""The register of paper copies, for programs of officers who are signed in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.ids import RecordClass
from vault.domain.rules.access import Right
from vault.services import paper
from vault.services.paper import NewBox, ShownBox
from vault.web import gate
from vault.web.api.retention import Day, day_of
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_ONE = "/retention/boxes/<hex32:box>"
_Label = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
_Place = Annotated[str, StringConstraints(min_length=1, max_length=32), AfterValidator(clean_text)]


class BoxBody(Shape):
    """What an officer says of a box; either the date of its newest paper or a due date."""

    label: _Label = Field(description="1 to 40 letters, digits and hyphens, as written on the box.")
    record_class: Literal["customer", "shipment", "service_record", "id_copy"] = Field(alias="class")
    outlet: _Place
    custodian: _Label = Field(description="Work number of who keeps it.")
    newest_on: Day | None = Field(None, description="The due date follows from it.")
    due_on: Day | None = None


class CustodianBody(Shape):
    """Who keeps a box from now on."""

    custodian: _Label = Field(description="Work number of who keeps it.")


class BoxMade(Shape):
    """A box, entered."""

    box: Id


class BoxLine(Shape):
    """One box; its people by work number."""

    box: Id
    label: str
    record_class: Word = Field(alias="class")
    outlet: str
    custodian: str
    due_on: Day
    due: bool = Field(description="Its day has come and it is not gone.")
    shredded_by: str = Field(description="Who says that it was shredded, or empty.")
    shredded_at: AwareDatetime | None
    witnessed_by: str = Field(description="Who saw it too; only then it is gone.")


class Boxes(Shape):
    """Boxes that stand, the longest due first, and those that are gone, newest first."""

    standing: list[BoxLine]
    gone: list[BoxLine]


@route("GET", "/retention/boxes", gate.door(Right.RETENTION), answer=Boxes)
def list_boxes() -> dict[str, Any]:
    """List the register of paper copies."""
    found = paper.listed(parts(), person(), now())
    return {"standing": [_line(one) for one in found.standing], "gone": [_line(one) for one in found.gone]}


@route("POST", "/retention/boxes", gate.door(Right.DESTROY), answer=BoxMade, status=201, body=BoxBody)
def register_box(body: BoxBody) -> dict[str, Any]:
    """Enter a box."""
    new = NewBox(
        body.label,
        RecordClass(body.record_class),
        body.outlet,
        body.custodian,
        None if body.newest_on is None else day_of(body.newest_on, "newest_on"),
        None if body.due_on is None else day_of(body.due_on, "due_on"),
    )
    return {"box": paper.register(parts(), person(), new, now()).hex()}


@route("POST", f"{_ONE}/shredded", gate.door(Right.DESTROY), answer=None, status=204, also=(409,))
def say_box_shredded(box: bytes) -> None:
    """Say that a box was shredded; it counts once another officer has seen it too."""
    paper.say_shredded(parts(), person(), box, now())


@route("POST", f"{_ONE}/witness", gate.door(Right.DESTROY, fresh=True), answer=None, status=204, also=(409,))
def witness_box(box: bytes) -> None:
    """Say that I saw what another officer says; one's own word never counts twice."""
    paper.witness(parts(), person(), box, now())


@route("POST", f"{_ONE}/standing", gate.door(Right.DESTROY), answer=None, status=204, also=(409,))
def take_box_back(box: bytes) -> None:
    """Say that a box still stands, until a second officer has seen it shredded."""
    paper.take_back(parts(), person(), box, now())


@route("POST", f"{_ONE}/custodian", gate.door(Right.DESTROY), answer=None, status=204, body=CustodianBody, also=(409,))
def hand_box_on(body: CustodianBody, box: bytes) -> None:
    """Give a box another custodian, who is told."""
    paper.hand_on(parts(), person(), box, body.custodian, now())


def _line(shown: ShownBox) -> dict[str, Any]:
    at = shown.box.shredded_at
    return shown.told() | {"shredded_at": None if at is None else time_text(at)}
