"""The pages of a plan of destruction: its numbers, its signatures, and the next step of whoever looks."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from vault import words
from vault.domain.destruction import ORDER, ItemState, PlanState
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue, StorageUnavailable
from vault.services import destruction, destruction_pausing, retention, retention_reading
from vault.services.destruction_pausing import HowFar
from vault.services.retention_reading import ListedPlan, ShownPlan
from vault.services.steps.cards import Card
from vault.web.api.bodies import JSON
from vault.web.api.records import STRUCTURED
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import done_of, step_up, told

plan_pages = Blueprint("plans", __name__)

_DONE = ("drafted", "proposed", "approved", "stopped", "run", "paused", "resumed", "given_up")
"""What a page can say about what was just done."""

_FIRST_SECONDS = 4.0
"""So long a request carries a plan out itself; the timetable goes on with it."""


@plan_pages.post("/retention/plans")
@door(Right.DESTROY)
def draft() -> Answer:
    """Draft a plan of what is due now, as the timetable does at night."""
    made = retention.draft(parts(), person().actor(), now())
    return redirect(url_for("plans.one", plan=made.plan_id, done="drafted"), 303)


@plan_pages.get("/retention/plans/<hex32:plan>")
@door(Right.RETENTION)
def one(plan: bytes) -> str:
    """Show a plan in numbers, with what this person may do about it."""
    return _plan(plan)


@plan_pages.get("/retention/plans/<hex32:plan>/progress")
@door(Right.RETENTION)
def progress(plan: bytes) -> Response:
    """Tell how far a plan has come, for the page that shows it."""
    far = destruction_pausing.how_far(parts(), plan)
    document = {"state": far.plan.state.value, "settled": far.settled, "total": far.total, "said": _said(far)}
    return Response(json.dumps(document, ensure_ascii=False), mimetype=JSON)


@plan_pages.post("/retention/plans/<hex32:plan>/sample")
@door(Right.RETENTION)
def sample(plan: bytes) -> str:
    """Open a masked sample of what a plan names; a form asks for it, because the opening is logged."""
    shown = retention_reading.show(parts(), person(), plan, now())
    return _plan(plan, sample=shown.sample)


@plan_pages.post("/retention/plans/<hex32:plan>/proposal")
@door(Right.DESTROY)
def propose(plan: bytes) -> Answer:
    """Stand behind a draft."""
    retention.propose(parts(), person(), plan, now())
    return _back(plan, "proposed")


@plan_pages.post("/retention/plans/<hex32:plan>/approval")
@door(Right.DESTROY, fresh=True)
def approve(plan: bytes) -> Answer | tuple[str, int]:
    """Approve what a colleague proposed; the number of records is typed, so that nobody nods a page through."""
    if request.form.get("count", "").strip() != str(destruction_pausing.how_far(parts(), plan).total):
        return _plan(plan, told(InvalidValue("count_differs", field="count"))), 400
    try:
        retention.approve(parts(), person(), plan, now())
    except AccessRefused as refused:
        if refused.reason != "own_plan":
            raise
        return _plan(plan, {"count": words.reason(language(), refused.reason, {})}), 403
    return _back(plan, "approved")


@plan_pages.post("/retention/plans/<hex32:plan>/stop")
@door(Right.DESTROY, fresh=True)
def stop(plan: bytes) -> Answer:
    """Stop a plan before its first record is destroyed."""
    retention.stop(parts(), person(), plan, now())
    return _back(plan, "stopped")


@plan_pages.post("/retention/plans/<hex32:plan>/run")
@door(Right.DESTROY)
def run(plan: bytes) -> Answer:
    """Carry a plan out for a moment, instead of waiting for the timetable, which goes on with it."""
    begun = time.monotonic()
    try:
        destruction.execute(parts(), person(), plan, now(), stop=lambda: time.monotonic() - begun > _FIRST_SECONDS)
    except StorageUnavailable as error:
        if error.reason != "run_under_way":
            raise
    return _back(plan, "run")


@plan_pages.post("/retention/plans/<hex32:plan>/pause")
@door(Right.DESTROY)
def pause(plan: bytes) -> Answer:
    """Pause a plan that runs."""
    destruction_pausing.pause(parts(), person(), plan, now())
    return _back(plan, "paused")


@plan_pages.post("/retention/plans/<hex32:plan>/resume")
@door(Right.DESTROY)
def resume(plan: bytes) -> Answer:
    """Let a paused plan go on."""
    destruction_pausing.resume(parts(), person(), plan, now())
    return _back(plan, "resumed")


@plan_pages.post("/retention/plans/<hex32:plan>/giving-up")
@door(Right.DESTROY, fresh=True)
def give_up(plan: bytes) -> Answer:
    """Give up the records of a plan that could not be destroyed, so that it can end."""
    destruction_pausing.give_up(parts(), person(), plan, now())
    return _back(plan, "given_up")


# -- what the first page asks too -----------------------------------------------------------------------------------


def next_step(listed: ListedPlan, moment: datetime) -> str:
    """Return what comes next for a plan and whoever looks: a word that the templates know."""
    state = listed.plan.state
    if state in (PlanState.DRAFT, PlanState.PROPOSED):
        return _next_signature(listed)
    if state is not PlanState.APPROVED:
        return state.value
    if listed.is_over:
        return "over"
    return "cools" if listed.plan.starts_at is not None and moment < listed.plan.starts_at else "begins"


def held_back(listed: ListedPlan) -> list[tuple[str, dict[str, int], int]]:
    """Return why records stay: the reason, how many of each class, and how many of all."""
    by_reason: dict[str, dict[str, int]] = {}
    for record_class, reasons in listed.numbers.held_why.items():
        for why, count in reasons.items():
            by_reason.setdefault(why, {})[record_class.value] = count
    return [(why, counts, sum(counts.values())) for why, counts in sorted(by_reason.items())]


def destroys() -> bool:
    """Return whether whoever looks may destroy."""
    return parts().policy.allows(person().role, Right.DESTROY)


def _next_signature(listed: ListedPlan) -> str:
    if not any(listed.numbers.due.values()):
        return "nothing"
    if not destroys():
        return "officer"
    if listed.plan.state is PlanState.DRAFT:
        return "propose"
    return "colleague" if listed.proposer == person().work_number else "approve"


def _plan(plan_id: bytes, errors: Mapping[str, str] | None = None, sample: tuple[Card, ...] | None = None) -> str:
    moment = now()
    shown = retention_reading.look(parts(), person(), plan_id, moment)
    far = destruction_pausing.how_far(parts(), plan_id)
    return render_template(
        "retention_plan.html",
        shown=shown,
        listed=shown.listed,
        plan=shown.listed.plan,
        far=far,
        said=_said(far),
        why=_why_uncertified(shown),
        failed=far.counts.get(ItemState.FAILED, 0),
        classes=ORDER,
        items=tuple(ItemState),
        next_step=next_step(shown.listed, moment),
        held=held_back(shown.listed),
        same_rules=shown.listed.plan.policy == parts().policy.digest,
        sample=sample,
        structured=STRUCTURED,
        most_sample=parts().policy.destruction.sample,
        cooling=parts().policy.destruction.cooling_minutes,
        destroys=destroys(),
        confirm=step_up(moment),
        moment=moment,
        errors=errors or {},
        done=done_of(_DONE),
        back=url_for("plans.one", plan=plan_id),
    )


def _why_uncertified(shown: ShownPlan) -> str:
    """Return why a plan has no certificate, as a sentence; empty where nothing failed."""
    wait = shown.wait
    if wait is None:
        return ""
    check = words.name(language(), "check", wait.finding) if wait.finding else ""
    return words.reason(language(), wait.reason, {"check": check, "count": wait.count})


def _said(far: HowFar) -> str:
    """Return how far a plan has come, as a sentence."""
    say = words.translator(language())
    done = say("{settled} of {total} records settled", settled=far.settled, total=far.total)
    if far.plan.state is not PlanState.RUNNING or far.seconds_left is None:
        return done
    pace = say("{rate} a minute", rate=round(far.per_minute))
    left = say("about {minutes} min left", minutes=max(1, round(far.seconds_left / 60)))
    return f"{done} · {pace} · {left}"


def _back(plan_id: bytes, done: str) -> Answer:
    return redirect(url_for("plans.one", plan=plan_id, done=done), 303)
