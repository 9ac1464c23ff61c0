"""A plan that is being carried out: how far it has come, pausing it, and giving up what cannot be destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.containment import Doing
from vault.domain.destruction import ItemState, PlanState
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AlreadyDecided
from vault.services.steps import plans
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.carrying_out import end_if_done
from vault.services.steps.parts import Parts
from vault.storage import destruction, destruction_run
from vault.storage.destruction import Plan
from vault.storage.destruction_run import Standing
from vault.storage.unit_of_work import unit_of_work

_RATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class HowFar:
    """How far a plan has come, for the page and the terminal; everything follows from its rows.

    Args:
        plan: the plan.
        counts: how many of its records by state; a state of none is left out.
        settled: how many need not be tried any more.
        total: how many it has.
        per_minute: how many were settled in its last minute of work.
        seconds_left: at that rate; None while there is none, or nothing to do.
        last_at: when a record was last settled or tried.
    """

    plan: Plan
    counts: dict[ItemState, int]
    settled: int
    total: int
    per_minute: float
    seconds_left: float | None
    last_at: datetime | None


def pause(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> None:
    """Pause a plan that runs: after the batch that is under way nothing of it is destroyed until it is resumed.

    Raises:
        AccessRefused: ``no_right``.
        NotFound: no such plan.
        AlreadyDecided: it does not run (any more).
    """
    _switch(parts, person, plan_id, (PlanState.RUNNING, PlanState.PAUSED), Action.DESTRUCTION_PAUSED, now)


@stopped_by_freeze(Doing.BUSINESS, Action.DESTRUCTION_RESUMED)
def resume(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> None:
    """Let a paused plan go on; whoever carries it out next asks for the signatures and the rules again.

    Raises:
        AccessRefused: ``no_right``.
        NotFound: no such plan.
        AlreadyDecided: it is not paused (any more).
    """
    _switch(parts, person, plan_id, (PlanState.PAUSED, PlanState.RUNNING), Action.DESTRUCTION_RESUMED, now)


@stopped_by_freeze(Doing.BUSINESS, Action.DESTRUCTION_GIVEN_UP)
def give_up(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> int:
    """Give up the records of a plan that could not be destroyed, so that it can end; a later plan names them again.

    Args:
        parts: the vault's parts.
        person: an officer who may destroy, with password and second factor given a moment ago.
        plan_id: a plan that runs or is paused.
        now: UTC.

    Returns:
        How many records these were.

    Raises:
        AccessRefused: ``no_right``.
        StepUpNeeded: password and second factor first.
        NotFound: no such plan.
        AlreadyDecided: nothing of it has failed, or it does not run.
    """
    plans.require(parts, person, Right.DESTROY, Action.DESTRUCTION_GIVEN_UP, now, plan=plan_id.hex())
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        plan = plans.one(work.connection, plan_id)
        given = 0
        if plan.state in (PlanState.RUNNING, PlanState.PAUSED):
            given = destruction_run.give_up(work.connection, plan_id)
        if not given:
            raise AlreadyDecided("nothing_failed")
        action, named = Action.DESTRUCTION_GIVEN_UP, plan_id.hex()
        work.announce(parts.event(now, person.actor(), action, Outcome.DONE, plan=named, failed=given))
        end_if_done(parts, work, plan_id, person.actor(), now)
        work.commit()
    return given


def how_far(parts: Parts, plan_id: bytes) -> HowFar:
    """Return how far a plan has come.

    Raises:
        NotFound: no such plan.
    """
    with parts.database.read() as connection:
        plan = plans.one(connection, plan_id)
        standing = destruction_run.standing(connection, plan_id)
    total = sum(standing.counts.values())
    left = standing.counts.get(ItemState.DUE, 0)
    settled = total - left - standing.counts.get(ItemState.FAILED, 0)
    rate = _per_second(standing)
    seconds = left / rate if rate and left else None
    return HowFar(plan, standing.counts, settled, total, rate * 60, seconds, standing.last_at)


def _switch(
    parts: Parts, person: Person, plan_id: bytes, way: tuple[PlanState, PlanState], action: Action, now: datetime
) -> None:
    plans.require(parts, person, Right.DESTROY, action, now, plan=plan_id.hex())
    with unit_of_work(parts.database) as work:
        plans.one(work.connection, plan_id)
        if not destruction.move(work.connection, plan_id, way[:1], way[1], {}):
            raise AlreadyDecided("plan_moved_on")
        work.announce(parts.event(now, person.actor(), action, Outcome.DONE, plan=plan_id.hex()))
        work.commit()


def _per_second(standing: Standing) -> float:
    if standing.first_at is None or standing.last_at is None:
        return 0.0
    span = min((standing.last_at - standing.first_at).total_seconds(), _RATE_SECONDS)
    return standing.recently / span if span else 0.0
