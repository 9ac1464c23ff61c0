"""Carrying out a plan of destruction: record by record, each in a transaction of its own, resumable after any kill.

The third of a destruction's four walks (architecture, "Two walks"). Who signed, the digest, the clock and the rules of
every record are asked again here: between approving and carrying out all of them may have changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.domain.breach.containment import Doing
from vault.domain.destruction import ItemState, PlanState
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, IntegrityError, StorageUnavailable
from vault.services.steps import plans
from vault.services.steps.breach.containing import hindrance
from vault.services.steps.carrying_out import BATCH, carry_out, end_if_done, make_up
from vault.services.steps.clock_marking import mark
from vault.services.steps.courtesy import Courtesy
from vault.services.steps.parts import Parts
from vault.storage import clock_marks, destruction, destruction_run
from vault.storage.destruction import Plan
from vault.storage.unit_of_work import unit_of_work

Progress = Callable[[int, int], None]
"""Told how many records of the plan are settled, and how many it has."""

_JOB_SECONDS = 8.0
"""So long the timetable is at it in one go: look-ups have the rest of the minute, and a process stops soon."""
_RETRY_AFTER = timedelta(hours=1)
_MOST_RETRIED = 10_000
_STATE_REASONS = {
    PlanState.DRAFT: "plan_not_approved",
    PlanState.PROPOSED: "plan_not_approved",
    PlanState.PAUSED: "plan_paused",
    PlanState.DONE: "plan_done",
    PlanState.STOPPED: "plan_stopped",
    PlanState.SUPERSEDED: "plan_superseded",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a plan stands after a run.

    Args:
        plan: the plan, as it is now.
        counts: how many of its records by state; a state of none is left out.
        tried: how many this run has settled or failed to destroy.
    """

    plan: Plan
    counts: dict[ItemState, int]
    tried: int


def execute(
    parts: Parts,
    by: Person | None,
    plan_id: bytes,
    now: datetime,
    *,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Ran:
    """Carry out an approved plan, or go on with one that runs.

    Args:
        parts: the vault's parts.
        by: an officer who may destroy, or None for the timetable.
        plan_id: the plan.
        now: UTC, as the run begins; how long it takes is added.
        progress: told after each batch.
        stop: asked before each record; a stopped run leaves the plan running, for the next one to go on with.

    Returns:
        How the plan stands.

    Raises:
        AccessRefused: ``no_right``, ``plan_not_approved``, ``plan_cools`` (it can still be stopped), ``approval_over``,
            ``plan_paused``, ``plan_done``, ``plan_stopped``, ``plan_superseded``, ``clock_jumped``, or a signature
            that no longer counts.
        NotFound: no such plan.
        IntegrityError: ``plan_changed``: its records are not those that were approved; it is stopped.
        StorageUnavailable: ``run_under_way``: another process is at it; or database or ledger cannot be written.
    """
    actor = _actor(parts, by)
    if by is not None:
        plans.require(parts, by, Right.DESTROY, Action.DESTRUCTION_STARTED, now, plan=plan_id.hex())
    begun = time.monotonic()

    def clock() -> datetime:
        """Return the present of this run: its beginning, and the time that has passed since."""
        return now + timedelta(seconds=time.monotonic() - begun)

    with parts.ledger.run():
        # 1. What must hold before anything of it is touched.
        plan = _ready(parts, by, actor, plan_id, clock())
        _require_as_approved(parts, plan, actor, clock())
        # 2. What an earlier run has done and was killed before it could say so.
        make_up(parts, plan_id, actor, clock())
        _begin(parts, plan, actor, clock())
        # 3. What is due, batch by batch; then what could not be destroyed before.
        tried = _work(parts, plan, actor, clock, progress, stop, clock() if by is not None else clock() - _RETRY_AFTER)
        # 4. The end, once nothing is left to try.
        return _ended(parts, plan_id, actor, tried, clock())


def tend(parts: Parts, now: datetime) -> None:
    """Carry out what two officers have approved, for a while; the timetable does it every minute.

    A plan that may not run is left as it is: its page says why.

    Raises:
        StorageUnavailable: database or ledger cannot be written.
    """
    begun = time.monotonic()
    with parts.database.read() as connection:
        waiting = destruction_run.to_carry_out(connection, now)
    for plan_id in waiting:
        spent = time.monotonic() - begun
        if spent > _JOB_SECONDS:
            return
        at = now + timedelta(seconds=spent)
        try:
            execute(parts, None, plan_id, at, stop=lambda: time.monotonic() - begun > _JOB_SECONDS)
        except (AccessRefused, IntegrityError):
            continue
        except StorageUnavailable as error:
            if error.reason != "run_under_way":
                raise


# -- the parts of a run --------------------------------------------------------------------------------------------


def _ready(parts: Parts, by: Person | None, actor: Actor, plan_id: bytes, at: datetime) -> Plan:
    """Return a plan that may be carried out now; a person's refusal is logged, not the timetable's of every minute."""
    mark(parts, at)
    with parts.database.read() as connection:
        plan = plans.one(connection, plan_id)
    rule = _state_fault(parts, plan, at) or _safety_fault(parts, plan)
    if rule and by is not None:
        plans.refuse(parts, actor, Action.DESTRUCTION_STARTED, rule, at, plan=plan_id.hex())
    if rule:
        raise AccessRefused(rule)
    return plan


def _state_fault(parts: Parts, plan: Plan, at: datetime) -> str:
    if plan.state in _STATE_REASONS:
        return _STATE_REASONS[plan.state]
    if plan.state is PlanState.APPROVED:
        if plan.starts_at is None or plan.approved_at is None or at < plan.starts_at:
            return "plan_cools"
        if at >= plan.approved_at + parts.policy.destruction.approval():
            return "approval_over"
    return ""


def _safety_fault(parts: Parts, plan: Plan) -> str:
    """Return why nothing more of a plan may be destroyed, whatever it is at; asked before each batch."""
    with parts.database.read() as connection:
        clock = clock_marks.read(connection)
        if clock is not None and clock.jumped_from is not None:
            return "clock_jumped"
        if frozen := hindrance(connection, Doing.BUSINESS):
            return frozen
        return plans.still_signed(connection, parts.policy, parts.keys.current(connection), plan)


def _require_as_approved(parts: Parts, plan: Plan, actor: Actor, at: datetime) -> None:
    try:
        plans.require_unchanged(parts, actor, plan, at)
    except IntegrityError:
        # Nobody has approved what it names now. One that has begun cannot be undone, so it waits for people.
        with unit_of_work(parts.database) as work:
            to = PlanState.STOPPED if plan.state is PlanState.APPROVED else PlanState.PAUSED
            action = Action.DESTRUCTION_STOPPED if to is PlanState.STOPPED else Action.DESTRUCTION_PAUSED
            ended = {"stopped_at": at} if to is PlanState.STOPPED else {}
            if destruction.move(work.connection, plan.plan_id, (plan.state,), to, ended):
                named = plan.plan_id.hex()
                work.announce(parts.event(at, actor, action, Outcome.FAILED, rule="plan_changed", plan=named))
            work.commit()
        raise


def _begin(parts: Parts, plan: Plan, actor: Actor, at: datetime) -> None:
    with unit_of_work(parts.database) as work:
        values: dict[str, object] = {"executed_by": actor.name}
        if plan.state is PlanState.APPROVED:
            values["started_at"] = at
            due = destruction_run.standing(work.connection, plan.plan_id).counts.get(ItemState.DUE, 0)
            action, named = Action.DESTRUCTION_STARTED, plan.plan_id.hex()
            work.announce(parts.event(at, actor, action, Outcome.DONE, plan=named, due=due))
        if not destruction.move(work.connection, plan.plan_id, (plan.state,), PlanState.RUNNING, values):
            raise AlreadyDecided("plan_moved_on")  # stopped or paused a moment ago
        work.commit()


def _work(
    parts: Parts, plan: Plan, actor: Actor, clock: Callable[[], datetime], progress: Progress | None,
    stop: Callable[[], bool], retried_before: datetime,
) -> int:  # fmt: skip
    with parts.database.read() as connection:
        again = destruction_run.failed_before(connection, plan.plan_id, retried_before, _MOST_RETRIED)
        counts = destruction_run.standing(connection, plan.plan_id).counts
    total = sum(counts.values())
    settled = total - counts.get(ItemState.DUE, 0) - counts.get(ItemState.FAILED, 0)
    tried, courtesy = 0, Courtesy(parts.database)
    while not stop():
        with parts.database.read() as connection:
            state = plans.one(connection, plan.plan_id).state
            batch = destruction_run.next_due(connection, plan.plan_id, BATCH)
        if not batch:
            batch, again = again[:BATCH], again[BATCH:]
        if not batch or state is not PlanState.RUNNING:
            break
        rule = _safety_fault(parts, plan)
        if rule:
            plans.refuse(parts, actor, Action.DESTRUCTION_STARTED, rule, clock(), plan=plan.plan_id.hex())
        done = carry_out(parts, plan, batch, actor, clock, stop, courtesy)
        tried += len(done)
        settled += sum(one.state is not ItemState.FAILED for one in done)
        if progress is not None:
            progress(settled, total)
    return tried


def _ended(parts: Parts, plan_id: bytes, actor: Actor, tried: int, at: datetime) -> Ran:
    with unit_of_work(parts.database) as work:
        end_if_done(parts, work, plan_id, actor, at)
        work.commit()
    with parts.database.read() as connection:
        counts = destruction_run.standing(connection, plan_id).counts
        return Ran(plans.one(connection, plan_id), counts, tried)


def _actor(parts: Parts, by: Person | None) -> Actor:
    return Actor("system", "system", node=parts.node) if by is None else by.actor()
