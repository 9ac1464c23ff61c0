"""Plans of destruction: drafted by anybody's clock, proposed by one officer, approved by another, stopped by any.

Each act is a short walk that commits its own event and may be repeated. Nothing here destroys: what was approved is
carried out by the rules that hold at that moment, record by record (:mod:`vault.services.destruction`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from vault.domain.breach.containment import Doing
from vault.domain.destruction import PURPOSE, Item, Numbers, PlanState, last_night, plan_digest
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Event, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AlreadyDecided, InvalidValue
from vault.services.steps import plans
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.due import Tally, due_items
from vault.services.steps.humans import same_human
from vault.services.steps.new_periods import follow_policy
from vault.services.steps.parts import Parts
from vault.storage import destruction, people
from vault.storage.destruction import Plan
from vault.storage.unit_of_work import unit_of_work

_BATCH = 2000
_GIVEN_UP = timedelta(days=1)
"""A draft that was begun so long ago and is not whole was left by a writer that was killed."""

Progress = Callable[[int], None]
"""Told how many records were looked at so far."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a draft names and what it leaves, in numbers.

    Args:
        plan_id: the draft; None when it was only counted.
        digest: over its records; None when it was only counted.
        as_of: the moment at which its records were due, UTC.
        numbers: what is due, and what stays and why.
    """

    plan_id: bytes | None
    digest: bytes | None
    as_of: datetime
    numbers: Numbers


@stopped_by_freeze(Doing.BUSINESS, Action.DESTRUCTION_DRAFTED)
def draft(
    parts: Parts, actor: Actor, now: datetime, as_of: datetime | None = None, progress: Progress | None = None
) -> Draft:
    """Draft a plan of everything that is due; it takes the place of drafts nobody has proposed.

    Args:
        parts: the vault's parts.
        actor: who drafts it, or has it drafted.
        now: UTC.
        as_of: due by when; now unless given.
        progress: told how far it has come.

    Raises:
        InvalidValue: ``as_of_in_future``.
        StorageUnavailable: the database does not take it; nothing that was begun can be seen.
    """
    as_of = as_of or now
    if as_of > now:
        raise InvalidValue("as_of_in_future", field="as_of")
    plan_id, tally = new_id(), Tally()
    with unit_of_work(parts.database) as work:
        destruction.begin(work.connection, plan_id, as_of, parts.policy.digest, now)
        work.commit()
    with parts.database.read() as connection:
        found = due_items(connection, parts.policy, as_of, tally)
        digest = plan_digest(plan_id, as_of, parts.policy.digest, _stored(parts, plan_id, found, progress))
    numbers = tally.numbers()
    with unit_of_work(parts.database) as work:
        destruction.finish(work.connection, plan_id, digest, numbers.counts)
        destruction.supersede(work.connection, plan_id, now - parts.policy.destruction.approval())
        work.announce(
            parts.event(
                now,
                actor,
                Action.DESTRUCTION_DRAFTED,
                Outcome.DONE,
                purpose=PURPOSE,
                plan=plan_id.hex(),
                digest=digest.hex(),
                due=sum(numbers.due.values()),
                held=sum(numbers.held.values()),
            )
        )
        work.commit()
    _forget(parts, now)
    return Draft(plan_id, digest, as_of, numbers)


def preview(
    parts: Parts, actor: Actor, now: datetime, as_of: datetime | None = None, progress: Progress | None = None
) -> Draft:
    """Count what a plan would name, and store nothing; the look is logged.

    Args:
        parts: the vault's parts.
        actor: who looks.
        now: UTC.
        as_of: due by when, in the future too; now unless given.
        progress: told how far it has come.
    """
    parts.log_writer.write(parts.event(now, actor, Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    tally = Tally()
    with parts.database.read() as connection:
        for number, _ in enumerate(due_items(connection, parts.policy, as_of or now, tally), start=1):
            if progress is not None and number % _BATCH == 0:
                progress(number)
    return Draft(None, None, as_of or now, tally.numbers())


@stopped_by_freeze(Doing.BUSINESS, Action.DESTRUCTION_PROPOSED)
def propose(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> None:
    """Stand behind a draft: the first of two signatures.

    Args:
        parts: the vault's parts.
        person: the officer.
        plan_id: a draft.
        now: UTC.

    Raises:
        AccessRefused: no such right (logged).
        AlreadyDecided: it is no draft any more, or the rules have changed since.
        InvalidValue: ``nothing_due``.
        NotFound: there is no such plan.
    """
    action = Action.DESTRUCTION_PROPOSED
    plans.require(parts, person, Right.DESTROY, action, now)
    with unit_of_work(parts.database) as work:
        plan = plans.one(work.connection, plan_id)
        if plan.policy != parts.policy.digest:
            raise AlreadyDecided("plan_of_other_rules")
        if not any(destruction.numbers(work.connection, plan_id).due.values()):
            raise InvalidValue("nothing_due", field="plan")
        signed = {"proposed_by": person.account_id, "proposed_at": now}
        if not destruction.move(work.connection, plan_id, [PlanState.DRAFT], PlanState.PROPOSED, signed):
            raise AlreadyDecided
        plans.tell_officers(work.connection, parts.policy, person, NoticeKind.DESTRUCTION_PROPOSED, plan_id, now)
        work.announce(_signed(parts, person, action, plan, now))
        work.commit()


@stopped_by_freeze(Doing.BUSINESS, Action.DESTRUCTION_APPROVED)
def approve(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> datetime:
    """Approve what another officer proposed: the second signature. It can be stopped for a while, then it begins.

    Args:
        parts: the vault's parts.
        person: the officer; password and second factor given a moment ago.
        plan_id: a proposed plan.
        now: UTC.

    Returns:
        From when on it is carried out.

    Raises:
        AccessRefused: no such right, one's own plan or one of the same human, or its proposer may not sign any more
            (logged).
        AlreadyDecided: it does not wait for this, or the rules have changed since it was drafted.
        IntegrityError: its records are not those it was drafted with (logged).
        NotFound: there is no such plan.
        StepUpNeeded: password and second factor must be given again.
    """
    action, number = Action.DESTRUCTION_APPROVED, plan_id.hex()
    plans.require(parts, person, Right.DESTROY, action, now)
    require_fresh(parts, person, now)
    with parts.database.read() as connection:
        plan = plans.one(connection, plan_id)
        rule = _why_no_approval(connection, parts, person, plan)
    if rule:
        plans.refuse(parts, person.actor(), action, rule, now, plan=number)
    if plan.state is not PlanState.PROPOSED:
        raise AlreadyDecided
    if plan.policy != parts.policy.digest:
        raise AlreadyDecided("plan_of_other_rules")
    plans.require_unchanged(parts, person.actor(), plan, now)
    starts_at = now + parts.policy.destruction.cooling()
    signed = {"approved_by": person.account_id, "approved_at": now, "starts_at": starts_at}
    with unit_of_work(parts.database) as work:
        if not destruction.move(work.connection, plan_id, [PlanState.PROPOSED], PlanState.APPROVED, signed):
            raise AlreadyDecided
        # Asked again where it counts: either may have lost the right since it was looked at.
        now_signed = plans.one(work.connection, plan_id)
        rule = plans.still_signed(work.connection, parts.policy, parts.keys.current(work.connection), now_signed)
        if not rule:
            plans.tell_officers(work.connection, parts.policy, person, NoticeKind.DESTRUCTION_APPROVED, plan_id, now)
            work.announce(_signed(parts, person, action, plan, now))
            work.commit()
    if rule:
        plans.refuse(parts, person.actor(), action, rule, now, plan=number)
    return starts_at


def stop(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> None:
    """Stop a plan before its first record is destroyed; nothing in it is ever destroyed by this plan.

    Args:
        parts: the vault's parts.
        person: any officer; password and second factor given a moment ago.
        plan_id: a proposed or approved plan.
        now: UTC.

    Raises:
        AccessRefused: no such right (logged).
        AlreadyDecided: it has begun, is over, or was never proposed.
        NotFound: there is no such plan.
        StepUpNeeded: password and second factor must be given again.
    """
    action = Action.DESTRUCTION_STOPPED
    plans.require(parts, person, Right.DESTROY, action, now)
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        plan = plans.one(work.connection, plan_id)
        stopped = {"stopped_by": person.account_id, "stopped_at": now}
        states = [PlanState.PROPOSED, PlanState.APPROVED]
        if not destruction.move(work.connection, plan_id, states, PlanState.STOPPED, stopped):
            raise AlreadyDecided("plan_begun")
        plans.tell_officers(work.connection, parts.policy, person, NoticeKind.DESTRUCTION_STOPPED, plan_id, now)
        work.announce(_signed(parts, person, action, plan, now))
        work.commit()


def tend(parts: Parts, now: datetime) -> Draft | None:
    """Leave the night's draft, once for each night; what is stored decides, so a missed night is made up for.

    Returns:
        The draft, None if tonight has one.
    """
    night = last_night(now, parts.policy.zone)
    with parts.database.read() as connection:
        last = destruction.latest_before(connection, now)
    if last is not None and last.made_at >= night:
        return None
    system = Actor("system", "system", node=parts.node)
    follow_policy(parts, system, now)
    return draft(parts, system, now)


def _stored(parts: Parts, plan_id: bytes, items: Iterable[Item], progress: Progress | None) -> Iterator[Item]:
    """Pass the records of a draft on, and store them on the way: a batch, a short transaction."""
    rest, done = iter(items), 0
    while batch := list(islice(rest, _BATCH)):
        with unit_of_work(parts.database) as work:
            destruction.put(work.connection, plan_id, batch)
            work.commit()
        done += len(batch)
        if progress is not None:
            progress(done)
        yield from batch


def _forget(parts: Parts, now: datetime) -> None:
    removed = _BATCH
    while removed == _BATCH:
        with unit_of_work(parts.database) as work:
            removed = destruction.forget(work.connection, now - _GIVEN_UP, _BATCH)
            work.commit()


def _why_no_approval(connection: Connection, parts: Parts, person: Person, plan: Plan) -> str:
    """Return the rule that keeps somebody from approving a plan, or an empty string."""
    if plan.state is not PlanState.PROPOSED:
        return ""  # there is nothing to sign, and the state says so
    proposer = plans.signer(connection, parts.policy, plan.proposed_by)
    if proposer is None:
        return "proposer_not_able"
    me = people.by_ids(connection, [person.account_id])[person.account_id]
    return "own_plan" if same_human(parts.keys.current(connection), proposer, me) else ""


def _signed(parts: Parts, person: Person, action: Action, plan: Plan, now: datetime) -> Event:
    return parts.event(
        now,
        person.actor(),
        action,
        Outcome.DONE,
        purpose=PURPOSE,
        plan=plan.plan_id.hex(),
        digest=plan.digest.hex(),
    )
