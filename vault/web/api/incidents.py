"""Incidents, for programs of people: reporting, the board, and every step of the response; the pages' own walks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.rules.access import Right
from vault.services.breach import incident_response, incidents
from vault.services.steps.breach.incidents import NOTE_LENGTH, Opening
from vault.web import gate
from vault.web.api.routes import moment_of, route, time_text
from vault.web.api.shapes import Digits, Id, Moment, Shape, Word, clean_text
from vault.web.gate import now, parts, person

_ONE = "/incidents/<hex32:incident>"
_MOST_LISTED = 200
_Note = Annotated[str, StringConstraints(max_length=NOTE_LENGTH), AfterValidator(clean_text)]
_Said = Annotated[str, StringConstraints(min_length=1, max_length=NOTE_LENGTH), AfterValidator(clean_text)]


class ReportBody(Shape):
    """What is reported; everybody may (BR-04)."""

    kind: Literal["leak", "loss", "alteration", "system_failure", "misuse", "surge"]
    aware_at: Moment | None = Field(None, description="When it was noticed; left out: now.")
    note: _Note = Field("", description="What else is known; sealed.")


class IncidentsQuery(Shape):
    """Which page."""

    after: Annotated[str, StringConstraints(pattern=r"^[oc][0-9a-f]{32}$")] | None = Field(
        None, description="`after` of the page before; left out: the first page."
    )
    limit: Digits = "50"


class NoteBody(Shape):
    """Why, or what was done; sealed, and in no event."""

    note: _Said


class AssessBody(Shape):
    """What the assessment found, and what it rests on."""

    verdict: Literal["breach", "no_breach"]
    note: _Said


class AdvanceBody(Shape):
    """The next state, and what was done for it."""

    state: Literal["contained", "repaired", "notified"]
    note: _Said


class AwarenessBody(Shape):
    """Another time at which somebody noticed, and how that is known."""

    aware_at: Moment
    note: _Said


class ClockDoneBody(Shape):
    """Why it is late, if it is."""

    note: _Note = ""


class CloseIncidentBody(Shape):
    """Whether the second person agrees, and what they looked at, or why it goes back."""

    agree: bool = True
    note: _Said


class ReportedIncident(Shape):
    """An incident, opened; beyond the hour's number of one person their own newest one, with a line more."""

    id: Id


class IncidentClock(Shape):
    """One clock of an incident."""

    id: Word
    started: AwareDatetime
    due: AwareDatetime = Field(description="What is done exactly then is in time.")
    state: Literal["running", "met", "missed", "late", "dropped"]
    done: AwareDatetime | None
    missed: bool = Field(description="It was missed, whatever came after: that is never taken back.")


class IncidentLine(Shape):
    """One incident with its clocks."""

    id: Id
    kind: Word
    drill: bool
    state: Word
    aware_at: AwareDatetime = Field(description="As said at opening; never changed.")
    aware_since: AwareDatetime = Field(description="The earliest such time anybody said; deadlines run from it.")
    aware_source: Word
    opened_at: AwareDatetime
    opened_by: str
    closed_at: AwareDatetime | None
    verdict: Word | None
    clocks: list[IncidentClock]


class Incidents(Shape):
    """A page of incidents: open ones, the earliest first, and closed ones behind them, the newest first."""

    incidents: list[IncidentLine]
    after: str | None = Field(description="Ask for the next page with it; null at the end.")


class IncidentEntry(Shape):
    """One line of the timeline."""

    event: Id
    at: AwareDatetime
    actor: str
    action: str
    outcome: Word
    facts: dict[str, str | int]
    note: str
    more: int = Field(description="Further reports of the same person that are counted on this line.")
    more_notes: str = Field(description="What was typed with them, the newest first, as far as there is room.")


class IncidentShown(Shape):
    """One incident with all that is known of it."""

    incident: IncidentLine
    timeline: list[IncidentEntry]
    late_reasons: dict[str, str]
    missing: list[Word] = Field(description="What keeps it from being closed.")


class AwarenessAdded(Shape):
    """Whether deadlines came forward."""

    sooner: bool


@route("POST", "/incidents", gate.door(), answer=ReportedIncident, status=201, body=ReportBody)
def report_incident(body: ReportBody) -> dict[str, Any]:
    """Report an incident; its clocks start at once and those who answer for it are told.

    Nobody is refused: beyond the policy's number in an hour it is a line of the reporter's own newest open incident.
    """
    aware_at = moment_of(body.aware_at, "aware_at")
    opening = Opening(IncidentKind(body.kind), AwareSource.REPORT, aware_at, body.note)
    return {"id": incidents.open_one(parts(), person(), opening, now()).hex()}


@route("GET", "/incidents", gate.door(Right.INCIDENT_VIEW), answer=Incidents, query=IncidentsQuery, also=(404,))
def list_incidents(query: IncidentsQuery) -> dict[str, Any]:
    """List open incidents with their clocks, and closed ones behind them."""
    limit = min(int(query.limit), _MOST_LISTED)
    found, end = incidents.listed(parts(), person(), now(), query.after or "", limit)
    return {"incidents": [_line(one.incident, one.clocks, one.now) for one in found], "after": end or None}


@route("GET", _ONE, gate.door(Right.INCIDENT_VIEW), answer=IncidentShown)
def view_incident(incident: bytes) -> dict[str, Any]:
    """See an incident with its timeline and notes; the view is logged before they are opened."""
    found = incidents.shown(parts(), person(), incident, now())
    return {
        "incident": _line(found.incident, found.clocks, found.now),
        "timeline": [
            {
                "event": one.event_id.hex(),
                "at": time_text(one.at),
                "actor": one.actor,
                "action": one.action,
                "outcome": one.outcome,
                "facts": dict(one.facts),
                "note": found.notes.get(one.event_id, ""),
                "more": found.more[one.event_id].count if one.event_id in found.more else 0,
                "more_notes": found.more[one.event_id].notes if one.event_id in found.more else "",
            }
            for one in found.entries
        ],
        "late_reasons": dict(found.reasons),
        "missing": list(found.missing),
    }


@route("POST", f"{_ONE}/activate", gate.door(Right.INCIDENT), answer=None, status=204, body=NoteBody, also=(409,))
def activate_incident(body: NoteBody, incident: bytes) -> None:
    """Start the emergency plan: one officer alone, in one step from the report (BR-01)."""
    incident_response.activate(parts(), person(), incident, body.note, now())


@route("POST", f"{_ONE}/assess", gate.door(Right.INCIDENT), answer=None, status=204, body=AssessBody, also=(409,))
def assess_incident(body: AssessBody, incident: bytes) -> None:
    """Say whether it is a breach."""
    incident_response.assess(parts(), person(), incident, Verdict(body.verdict), body.note, now())


@route("POST", f"{_ONE}/advance", gate.door(Right.INCIDENT), answer=None, status=204, body=AdvanceBody, also=(409,))
def advance_incident(body: AdvanceBody, incident: bytes) -> None:
    """Say that it is contained, repaired, or that everybody is notified; each demands the one before."""
    incident_response.advance(parts(), person(), incident, IncidentState(body.state), body.note, now())


@route("POST", f"{_ONE}/awareness", gate.door(Right.INCIDENT), answer=AwarenessAdded, body=AwarenessBody, also=(409,))
def add_awareness(body: AwarenessBody, incident: bytes) -> dict[str, Any]:
    """Add another time of awareness; the first one stays, and deadlines only ever come forward."""
    moment = now()
    aware_at = moment_of(body.aware_at, "aware_at") or moment
    return {"sooner": incident_response.correct_awareness(parts(), person(), incident, aware_at, body.note, moment)}


@route(
    "POST",
    f"{_ONE}/clocks/<clock>/done",
    gate.door(Right.INCIDENT_VIEW),
    answer=None,
    status=204,
    body=ClockDoneBody,
    also=(409,),
)
def finish_incident_clock(body: ClockDoneBody, incident: bytes, clock: str) -> None:
    """Say that what a clock stands for is done; late, it needs a reason and stays missed for ever."""
    incident_response.finish_clock(parts(), person(), incident, clock, body.note, now())


@route(
    "POST",
    f"{_ONE}/closing",
    gate.door(Right.INCIDENT, fresh=True),
    answer=None,
    status=204,
    body=NoteBody,
    also=(409,),
)
def ask_incident_closing(body: NoteBody, incident: bytes) -> None:
    """Ask for an incident to be closed, with what was learnt; somebody else closes it."""
    incident_response.ask_closing(parts(), person(), incident, body.note, now())


@route(
    "POST",
    f"{_ONE}/close",
    gate.door(Right.INCIDENT, fresh=True),
    answer=None,
    status=204,
    body=CloseIncidentBody,
    also=(409,),
)
def close_incident(body: CloseIncidentBody, incident: bytes) -> None:
    """Close an incident that somebody else asked to be closed, or send it back."""
    incident_response.close(parts(), person(), incident, body.note, now(), agree=body.agree)


def _line(one: Incident, clocks: Sequence[Clock], at: datetime) -> dict[str, Any]:
    return {
        "id": one.incident_id.hex(),
        "kind": one.kind.value,
        "drill": one.drill,
        "state": one.state.value,
        "aware_at": time_text(one.aware_at),
        "aware_since": time_text(one.aware_since),
        "aware_source": one.aware_source.value,
        "opened_at": time_text(one.opened_at),
        "opened_by": one.opened_by,
        "closed_at": None if one.closed_at is None else time_text(one.closed_at),
        "verdict": None if one.verdict is None else one.verdict.value,
        "clocks": [
            {
                "id": clock.clock_id,
                "started": time_text(clock.started_at),
                "due": time_text(clock.due_at),
                "state": clock.state(at).value,
                "done": None if clock.done_at is None else time_text(clock.done_at),
                "missed": clock.was_missed(clock.done_at or clock.dropped_at or at),
            }
            for clock in clocks
        ],
    }
