"""The blast radius of an incident, for programs of people: drawing it, freezing it, and its lines page by page."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Response
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.breach.radius import Affected, RadiusScope
from vault.domain.rules.access import Right
from vault.services.breach import radius, radius_aside
from vault.services.breach.radius import DrawnRadius, Reach
from vault.web import gate
from vault.web.api.routes import id_of, moment_of, route, time_text
from vault.web.api.shapes import Code, Digits, Id, Moment, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_RADIUS = "/incidents/<hex32:incident>/radius"
_MOST_IDS = 1_500
_MOST_LINES = 1_000
_MOST_REASON = 2_000
_CSV = "text/csv"


# -- what comes in -----------------------------------------------------------------------------------------------


class RadiusBody(Shape):
    """What to draw around: of the log everything given counts together; a cohort, a backup or all stand alone."""

    person: Code | None = Field(None, description="Work number of who looked.")
    session: Id | None = Field(None, description="A session or token.")
    source: Code | None = Field(None, description="Network address, or `local`.")
    since: Moment | None = Field(None, description="Inclusive.")
    until: Moment | None = Field(None, description="Exclusive.")
    records: Annotated[list[Id], Field(max_length=_MOST_IDS)] = Field(
        default_factory=list, description="Only these records; longer lists at the command line."
    )
    cohort: Id | None = Field(None, description="Every record of one cohort.")
    backup: Id | None = Field(None, description="What one backup held.")
    everything: bool = Field(default=False, description="The whole database; of a drill, all of its customers.")
    drill: bool = Field(default=False, description="The made-up customers of a drill.")
    freeze: bool = Field(default=False, description="Freeze it as evidence.")


class AskAsideBody(Shape):
    """Why a radius was frozen by mistake."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=_MOST_REASON), AfterValidator(clean_text)]


class RadiusAsideBody(Shape):
    """What another officer confirms."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(description="As the list of radii has it.")


class RadiusQuery(Shape):
    """Which lines."""

    radius: Id | None = Field(None, description="One of the frozen radii; left out: the newest.")
    after: Id | None = Field(None, description="The last record of the page before.")
    limit: Digits = "200"


# -- what goes out -----------------------------------------------------------------------------------------------


class KindLine(Shape):
    """One kind of data, and from how many customers on the law calls it serious."""

    kind: Word
    customers: int
    clear: int
    masked: int = Field(description="Customers of whom it was shown masked only.")
    threshold: int
    crossed: bool = Field(description="So many were shown in clear.")


class ThresholdLine(Shape):
    """One more threshold."""

    id: Word
    clause: str
    count: int
    threshold: int
    crossed: bool


class CheckpointLine(Shape):
    """The signed state of the log it was drawn from."""

    size: int
    root: str


class FrozenLine(Shape):
    """The evidence it was frozen as."""

    radius: Id
    digest: str = Field(description="SHA-256 over all lines, in order of id.")


class RadiusLine(Shape):
    """One customer, or a record whose customers are not known any more."""

    record: Id
    record_class: Word = Field(alias="class")
    clear: list[str] = Field(description="Fields shown in clear, as `class.field`.")
    masked: list[str] = Field(description="Fields shown masked only.")
    first: AwareDatetime | None
    last: AwareDatetime | None
    destroyed: bool


class RadiusCountsLine(Shape):
    """What a radius comes to."""

    customers: int
    clear: int = Field(description="Customers of whom something personal was shown in clear.")
    records: int
    records_clear: int
    unlinked: int = Field(description="Records whose customers are not known any more.")
    destroyed_since: int
    possible: bool = Field(description="By the rows: it may have been read; the log cannot say that it was.")
    cohorts: int | None = None
    cohorts_destroyed: int | None = None
    by_kind: list[KindLine]
    thresholds: list[ThresholdLine]


class RadiusAnswer(RadiusCountsLine):
    """A radius, drawn from a checkpoint."""

    incident: Id
    scope: dict[str, Any]
    checkpoint: CheckpointLine
    frozen: FrozenLine | None
    lines: list[RadiusLine] = Field(description="The first lines, in order of id.")


class FrozenRadiusLine(RadiusCountsLine):
    """One frozen radius."""

    radius: Id
    digest: str
    scope: dict[str, Any]
    drawn_at: AwareDatetime
    drawn_by: str
    checkpoint: CheckpointLine
    aside_asked_by: str = Field(description="Who said that it was frozen by mistake; empty for nobody.")
    aside_asked_at: AwareDatetime | None
    aside_reason: str = Field(description="Why, as it was typed.")
    aside_digest: str = Field(description="Another officer repeats it to confirm.")
    set_aside_by: str = Field(description="Who confirmed it; empty while the radius stands.")
    set_aside_at: AwareDatetime | None


class ReachAnswer(Shape):
    """The frozen radii of an incident, the newest first, and lines of one of them."""

    radii: list[FrozenRadiusLine]
    radius: Id | None = Field(description="Whose lines these are; null where nothing is frozen.")
    lines: list[RadiusLine]
    after: Id | None = Field(description="Ask for the next page with it; null at the end.")


# -- the views -----------------------------------------------------------------------------------------------------


@route("POST", _RADIUS, gate.door(Right.INCIDENT), answer=RadiusAnswer, body=RadiusBody, also=(404, 409))
def draw_radius(body: RadiusBody, incident: bytes) -> dict[str, Any]:
    """Draw the blast radius of an incident, or freeze it as evidence."""
    scope = RadiusScope(
        person=body.person or "",
        session=body.session or "",
        source=body.source or "",
        since=moment_of(body.since, "since"),
        until=moment_of(body.until, "until"),
        records=tuple(bytes.fromhex(one) for one in body.records),
        cohort=id_of(body.cohort),
        backup=id_of(body.backup),
        everything=body.everything,
        drill=body.drill,
    )
    walk = radius.freeze if body.freeze else radius.draw
    found: DrawnRadius = walk(parts(), person(), incident, scope, now())
    return found.as_json() | {"lines": [_line(one) for one in found.lines]}


@route("GET", _RADIUS, gate.door(Right.INCIDENT_VIEW), answer=ReachAnswer, query=RadiusQuery, also=(404,))
def show_radius(query: RadiusQuery, incident: bytes) -> dict[str, Any]:
    """List the frozen radii of an incident, with a page of lines."""
    limit = min(int(query.limit), _MOST_LINES)
    of, after = id_of(query.radius), id_of(query.after) or b""
    found = radius.reach(parts(), person(), incident, of, after, limit, now())
    return {
        "radii": _frozen_lines(found),
        "radius": None if found.chosen is None else found.chosen.radius_id.hex(),
        "lines": [_line(one) for one in found.lines],
        "after": found.lines[-1].record_id.hex() if found.more and found.lines else None,
    }


@route("POST", f"{_RADIUS}/<hex32:drawn>/table", gate.door(Right.INCIDENT_VIEW), answer=_CSV, also=(404,))
def take_radius(incident: bytes, drawn: bytes) -> Response:
    """Take a frozen radius home as a table for spreadsheets: random ids, fields and times."""
    taken = radius.take(parts(), person(), incident, drawn, now())
    answer = Response(taken.pieces, mimetype=_CSV)
    answer.headers["Content-Disposition"] = f'attachment; filename="{taken.name}"'
    return answer


@route(
    "POST", f"{_RADIUS}/<hex32:drawn>/aside/ask", gate.door(Right.INCIDENT), answer=None, status=204,
    body=AskAsideBody, also=(404, 409),
)  # fmt: skip
def ask_radius_aside(body: AskAsideBody, incident: bytes, drawn: bytes) -> None:
    """Say that a radius was frozen by mistake; it stands until another officer confirms that."""
    radius_aside.ask(parts(), person(), incident, drawn, body.reason, now())


@route(
    "POST", f"{_RADIUS}/<hex32:drawn>/aside", gate.door(Right.INCIDENT, fresh=True), answer=None, status=204,
    body=RadiusAsideBody, also=(404, 409),
)  # fmt: skip
def set_radius_aside(body: RadiusAsideBody, incident: bytes, drawn: bytes) -> None:
    """Confirm as another officer that a radius was frozen by mistake: nobody is told for its sake."""
    radius_aside.confirm(parts(), person(), incident, drawn, body.digest, now())


def _frozen_lines(found: Reach) -> list[dict[str, Any]]:
    return [
        one.counts.as_json()
        | {
            "radius": one.radius_id.hex(),
            "digest": one.digest.hex(),
            "scope": dict(one.scope),
            "drawn_at": time_text(one.drawn_at),
            "drawn_by": one.drawn_by,
            "checkpoint": {"size": one.log_size, "root": one.log_root.hex()},
            "aside_asked_by": one.aside_asked_by,
            "aside_asked_at": None if one.aside_asked_at is None else time_text(one.aside_asked_at),
            "aside_reason": found.aside_of(one.radius_id).reason,
            "aside_digest": found.aside_of(one.radius_id).digest,
            "set_aside_by": one.set_aside_by,
            "set_aside_at": None if one.set_aside_at is None else time_text(one.set_aside_at),
        }
        for one in found.radii
    ]


def _line(one: Affected) -> dict[str, Any]:
    return {
        "record": one.record_id.hex(),
        "class": one.record_class.value,
        "clear": list(one.clear),
        "masked": list(one.masked),
        "first": None if one.first_at is None else time_text(one.first_at),
        "last": None if one.last_at is None else time_text(one.last_at),
        "destroyed": one.destroyed,
    }
