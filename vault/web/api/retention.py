"""Plans of destruction and the clock, for programs of officers who are signed in: the same walks as the pages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from vault.domain.destruction import ItemState, Numbers
from vault.domain.ids import RecordClass
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import clock, destruction, destruction_pausing, retention, retention_reading
from vault.services.destruction_pausing import HowFar
from vault.services.retention_reading import ListedPlan, ShownPlan
from vault.web import gate
from vault.web.api import shapes
from vault.web.api.records import card_shape
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word
from vault.web.gate import now, parts, person

_ONE = "/retention/plans/<hex32:plan>"
_RUN_SECONDS = 4.0
"""So long a request carries a plan out itself; the timetable goes on with it."""

Day = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    Field(json_schema_extra={"format": "date"}, description="Company time zone."),
]
ByClass = dict[str, int]

_look = gate.door(Right.RETENTION)
_officer = gate.door(Right.DESTROY)
_fresh_officer = gate.door(Right.DESTROY, fresh=True)


# -- what comes in -------------------------------------------------------------------------------------------------


class ApprovalBody(Shape):
    """What is approved: the digest of the plan that whoever approves has looked at."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class DateBody(Shape):
    """Today's date, as the officer knows it."""

    today: Day


# -- what goes out -------------------------------------------------------------------------------------------------


class HorizonAnswer(Shape):
    """How many records of each class fall due; records under legal hold are left out."""

    at: AwareDatetime
    past: ByClass = Field(description="Past their time already.")
    within: dict[str, ByClass] = Field(description="By days from now, shorter spans included.")


class PlanLine(Shape):
    """One plan; its people by work number, empty before they signed."""

    plan: Id
    digest: str
    state: Word
    approval_over: bool
    as_of: AwareDatetime
    made_at: AwareDatetime
    due: ByClass
    held: ByClass
    held_why: dict[str, ByClass] = Field(description="By class and reason.")
    outlets: ByClass = Field(description="Due, by outlet.")
    oldest: AwareDatetime | None = Field(description="Since when the first of them is due.")
    proposed_by: str
    proposed_at: AwareDatetime | None
    approved_by: str
    approved_at: AwareDatetime | None
    starts_at: AwareDatetime | None = Field(description="Before this nothing of it is destroyed.")
    stopped_by: str
    stopped_at: AwareDatetime | None
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None


class Plans(Shape):
    """Plans, newest first; drafts that others have replaced are left out."""

    plans: list[PlanLine]


class MonthBefore(Shape):
    """The plan of a month before."""

    made_at: AwareDatetime
    due: ByClass


class PlanAnswer(Shape):
    """One plan, and what has become of its records."""

    plan: PlanLine
    records: dict[str, ByClass] = Field(description="By class and state.")
    month_before: MonthBefore | None
    certificate: Id | None = Field(description="What certifies it, once it was carried out.")


class SampleAnswer(Shape):
    """Some records of a plan by chance, masked; the opening is logged."""

    records: list[shapes.Card]


class DraftAnswer(Shape):
    """A draft; an officer must stand behind it, and another one approve it."""

    plan: Id
    digest: str
    as_of: AwareDatetime
    due: ByClass
    held: ByClass
    oldest: AwareDatetime | None


class ApprovedAnswer(Shape):
    """From when on it is carried out; until then any officer can stop it."""

    starts_at: AwareDatetime


class ProgressAnswer(Shape):
    """How far a plan has come."""

    state: Word
    records: ByClass = Field(description="By state.")
    settled: int
    total: int
    per_minute: float
    seconds_left: float | None


class GivenUp(Shape):
    """How many records were given up; a later plan names them again."""

    count: int


class ClockAnswer(Shape):
    """The clock as the vault knows it."""

    jumped_from: AwareDatetime | None = Field(description="Nothing is destroyed before an officer confirms the date.")


# -- looking ---------------------------------------------------------------------------------------------------------


@route("GET", "/retention/horizon", _look, answer=HorizonAnswer)
def view_horizon() -> dict[str, Any]:
    """Count what falls due in the days of the policy."""
    found = retention_reading.horizon(parts(), person(), now())
    return {
        "at": time_text(found.at),
        "past": _named(found.past),
        "within": {str(days): _named(counts) for days, counts in found.within.items()},
    }


@route("GET", "/retention/plans", _look, answer=Plans)
def list_plans() -> dict[str, Any]:
    """List plans of destruction, newest first."""
    return {"plans": [_line(one) for one in retention_reading.listed(parts(), person(), now())]}


@route("GET", _ONE, _look, answer=PlanAnswer)
def view_plan(plan: bytes) -> dict[str, Any]:
    """See one plan in numbers."""
    return _whole(retention_reading.look(parts(), person(), plan, now()))


@route("POST", f"{_ONE}/sample", _look, answer=SampleAnswer)
def sample_plan(plan: bytes) -> dict[str, Any]:
    """Open a masked sample of what a plan names, as far as my role sees any of it."""
    return {"records": [card_shape(one) for one in retention_reading.show(parts(), person(), plan, now()).sample]}


@route("GET", f"{_ONE}/progress", _look, answer=ProgressAnswer)
def view_progress(plan: bytes) -> dict[str, Any]:
    """Ask how far a plan has come."""
    return _progress(destruction_pausing.how_far(parts(), plan))


@route("GET", "/retention/clock", _look, answer=ClockAnswer)
def view_clock() -> dict[str, Any]:
    """Ask whether the clock has jumped and nobody has confirmed the date yet."""
    mark = clock.standing(parts())
    return {"jumped_from": _time(None if mark is None else mark.jumped_from)}


# -- acting ----------------------------------------------------------------------------------------------------------


@route("POST", "/retention/plans", _officer, answer=DraftAnswer, status=201)
def draft_plan() -> dict[str, Any]:
    """Draft a plan of everything that is due now; it takes the place of drafts that nobody has proposed."""
    made = retention.draft(parts(), person().actor(), now())
    plan_id, digest = made.plan_id or b"", made.digest or b""
    return {
        "plan": plan_id.hex(),
        "digest": digest.hex(),
        "as_of": time_text(made.as_of),
        **_numbers(made.numbers, whole=False),
    }


@route("POST", f"{_ONE}/proposal", _officer, answer=None, status=204, also=(409,))
def propose_plan(plan: bytes) -> None:
    """Stand behind a draft: the first of two signatures."""
    retention.propose(parts(), person(), plan, now())


@route("POST", f"{_ONE}/approval", _fresh_officer, answer=ApprovedAnswer, body=ApprovalBody, also=(409,))
def approve_plan(body: ApprovalBody, plan: bytes) -> dict[str, Any]:
    """Approve what another officer proposed: the second signature, never one's own."""
    if destruction_pausing.how_far(parts(), plan).plan.digest.hex() != body.digest:
        raise InvalidValue("digest_differs", field="digest")
    return {"starts_at": time_text(retention.approve(parts(), person(), plan, now()))}


@route("POST", f"{_ONE}/stop", _fresh_officer, answer=None, status=204, also=(409,))
def stop_plan(plan: bytes) -> None:
    """Stop a plan before its first record is destroyed."""
    retention.stop(parts(), person(), plan, now())


@route("POST", f"{_ONE}/run", _officer, answer=ProgressAnswer, also=(409, 503))
def run_plan(plan: bytes) -> dict[str, Any]:
    """Carry an approved plan out for a moment instead of waiting for the timetable, which goes on with it."""
    begun = time.monotonic()
    destruction.execute(parts(), person(), plan, now(), stop=lambda: time.monotonic() - begun > _RUN_SECONDS)
    return _progress(destruction_pausing.how_far(parts(), plan))


@route("POST", f"{_ONE}/pause", _officer, answer=None, status=204, also=(409,))
def pause_plan(plan: bytes) -> None:
    """Pause a plan that runs; what is destroyed stays so."""
    destruction_pausing.pause(parts(), person(), plan, now())


@route("POST", f"{_ONE}/resume", _officer, answer=None, status=204, also=(409,))
def resume_plan(plan: bytes) -> None:
    """Let a paused plan go on."""
    destruction_pausing.resume(parts(), person(), plan, now())


@route("POST", f"{_ONE}/giving-up", _fresh_officer, answer=GivenUp, also=(409,))
def give_up_records(plan: bytes) -> dict[str, Any]:
    """Give up the records of a plan that could not be destroyed, so that it can end."""
    return {"count": destruction_pausing.give_up(parts(), person(), plan, now())}


@route("POST", "/retention/clock", _fresh_officer, answer=None, status=204, body=DateBody, also=(409,))
def confirm_date(body: DateBody) -> None:
    """Confirm the date after the clock has jumped."""
    clock.confirm(parts(), person(), day_of(body.today, "today"), now())


# -- what these routes and those beside them share -------------------------------------------------------------------


def day_of(text: str, field: str) -> date:
    """Return the day of a text that a shape has checked.

    Raises:
        InvalidValue: there is no such day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValue("impossible_date", field=field) from None


def _whole(shown: ShownPlan) -> dict[str, Any]:
    before = shown.before
    return {
        "plan": _line(shown.listed),
        "records": {
            record_class.value: {state.value: count for state, count in states.items()}
            for record_class, states in shown.states.items()
        },
        "month_before": None
        if before is None
        else {"made_at": time_text(before.made_at), "due": _named(shown.numbers_before.due)},
        "certificate": None if shown.certificate_id is None else shown.certificate_id.hex(),
    }


def _line(listed: ListedPlan) -> dict[str, Any]:
    plan = listed.plan
    times = ("proposed_at", "approved_at", "starts_at", "stopped_at", "started_at", "finished_at")
    return {
        "plan": plan.plan_id.hex(),
        "digest": plan.digest.hex(),
        "state": plan.state.value,
        "approval_over": listed.is_over,
        "as_of": time_text(plan.as_of),
        "made_at": time_text(plan.made_at),
        **_numbers(listed.numbers),
        "proposed_by": listed.proposer,
        "approved_by": listed.approver,
        "stopped_by": listed.stopper,
        **{name: _time(getattr(plan, name)) for name in times},
    }


def _numbers(numbers: Numbers, *, whole: bool = True) -> dict[str, Any]:
    told = {"due": _named(numbers.due), "held": _named(numbers.held), "oldest": _time(numbers.oldest)}
    if not whole:
        return told
    why = {record_class.value: dict(reasons) for record_class, reasons in numbers.held_why.items()}
    return told | {"held_why": why, "outlets": numbers.outlets}


def _progress(far: HowFar) -> dict[str, Any]:
    return {
        "state": far.plan.state.value,
        "records": {state.value: far.counts.get(state, 0) for state in ItemState},
        "settled": far.settled,
        "total": far.total,
        "per_minute": far.per_minute,
        "seconds_left": far.seconds_left,
    }


def _named(counts: Mapping[RecordClass, int]) -> ByClass:
    return {record_class.value: count for record_class, count in counts.items()}


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_text(at)
