"""Looking at retention: plans and what became of them, a masked sample of what one names, and what falls due when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from vault.domain.destruction import ORDER, PURPOSE, CertificateKind, ItemState, Numbers, PlanState
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.services.steps import plans
from vault.services.steps.cards import Card, Viewer, glimpse
from vault.services.steps.certifying import final_on
from vault.services.steps.opening import check, reporting
from vault.services.steps.parts import Parts
from vault.storage import certificate_waits, certificates, destruction, people, records, retention
from vault.storage.certificate_waits import Wait
from vault.storage.certificates import Resting
from vault.storage.destruction import Plan

SAMPLE_RULE = "retention.sample"
"""Why a card of a sample is shown, where a look-up names the rule of scope."""

_LISTED = 100
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ListedPlan:
    """One plan in a list: its people by work number, and how many records it names.

    Args:
        plan: the plan.
        proposer: work number; empty for a draft.
        approver: work number; empty before.
        stopper: work number; empty unless it was stopped.
        numbers: what it found when it was drafted.
        is_over: it was approved, and not begun in time.
    """

    plan: Plan
    proposer: str
    approver: str
    stopper: str
    numbers: Numbers
    is_over: bool


@dataclass(frozen=True, slots=True)
class Dies:
    """When the last copy of what a plan destroyed dies, by the keys under which it lay.

    Args:
        keys: how many keys.
        gone: how many of them every registered copy has lost.
        from_day: the first day on which the last one may be destroyed, company time zone.
        final_at: when the last one was; None while one is there.
    """

    keys: int
    gone: int
    from_day: date
    final_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """One plan in full.

    Args:
        listed: the plan with its people.
        states: what has become of its records, by class.
        before: the plan of a month earlier that it is compared with; None where there is none.
        numbers_before: what that one found.
        sample: some of its records by chance, masked; empty for those who may not see any.
        certificate_id: what certifies it; None before it is issued.
        dies: when nothing can open a copy of what it destroyed any more: under each key, whether that is so already,
            and the first day on which it may be.
        wait: why the last try did not certify it; None where none has failed.
    """

    listed: ListedPlan
    states: Mapping[RecordClass, Mapping[ItemState, int]]
    before: Plan | None
    numbers_before: Numbers
    sample: tuple[Card, ...]
    certificate_id: bytes | None
    dies: Dies | None
    wait: Wait | None


@dataclass(frozen=True, slots=True)
class Horizon:
    """How many records of each class fall due, and until when.

    Args:
        at: as of when, UTC.
        past: past their time already, and not under legal hold.
        within: by days from then, ascending: how many fall due within them, those of shorter spans included.
    """

    at: datetime
    past: Mapping[RecordClass, int]
    within: Mapping[int, Mapping[RecordClass, int]]


@dataclass(frozen=True, slots=True)
class Overview:
    """What an officer or auditor sees first.

    Args:
        horizon: what falls due.
        plans: newest first.
        newest: the first of them in full, without a sample; None where there is none.
    """

    horizon: Horizon
    plans: tuple[ListedPlan, ...]
    newest: ShownPlan | None


def overview(parts: Parts, person: Person, now: datetime) -> Overview:
    """Show what falls due and how the plans stand; numbers only, and the look is logged.

    Raises:
        AccessRefused: no such right (logged).
        LogUnavailable: the event could not be made durable; nothing is shown.
    """
    plans_listed = listed(parts, person, now)
    shown = _shown(parts, plans_listed[0].plan.plan_id, now, ()) if plans_listed else None
    return Overview(count_horizon(parts, now), tuple(plans_listed), shown)


def listed(parts: Parts, person: Person, now: datetime) -> list[ListedPlan]:
    """List plans, newest first, without drafts that others have replaced; the look is logged.

    Raises:
        AccessRefused: no such right (logged).
        LogUnavailable: the event could not be made durable; nothing is shown.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    parts.log_writer.write(parts.event(now, person.actor(), Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    with parts.database.read() as connection:
        return _listed(parts, destruction.newest(connection, _LISTED), now)


def show(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> ShownPlan:
    """Show a plan to an officer or auditor, with a masked sample where the role may see one.

    The sample is opened by the vault for whoever looks, under an event that names each record and field.

    Args:
        parts: the vault's parts.
        person: who looks.
        plan_id: the plan.
        now: UTC.

    Raises:
        AccessRefused: no such right (logged).
        IntegrityError: a record of the sample was edited behind the vault's back (logged).
        LogUnavailable: the event could not be made durable; nothing is shown.
        NotFound: there is no such plan.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    return _shown(parts, plan_id, now, _sample(parts, person, plan_id, now))


def look(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> ShownPlan:
    """Show a plan to an officer or auditor in numbers, without a sample; the look is logged.

    Raises:
        AccessRefused: no such right (logged).
        LogUnavailable: the event could not be made durable; nothing is shown.
        NotFound: there is no such plan.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    return show_to_operator(parts, person.actor(), plan_id, now)


def show_to_operator(parts: Parts, actor: Actor, plan_id: bytes, now: datetime) -> ShownPlan:
    """Show a plan in numbers to the local operator, who sees no record; the look is logged.

    Raises:
        LogUnavailable: the event could not be made durable; nothing is shown.
        NotFound: there is no such plan.
    """
    with parts.database.read() as connection:
        plans.one(connection, plan_id)
    event = parts.event(now, actor, Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE, plan=plan_id.hex())
    parts.log_writer.write(event)
    return _shown(parts, plan_id, now, ())


def newest(parts: Parts) -> bytes | None:
    """Return the id of the newest plan, None where there is none; ids tell nothing."""
    with parts.database.read() as connection:
        return next((one.plan_id for one in destruction.newest(connection, 1)), None)


def horizon(parts: Parts, person: Person, now: datetime) -> Horizon:
    """Count what falls due in the days of the policy; numbers only, and the look is logged.

    Raises:
        AccessRefused: no such right (logged).
        LogUnavailable: the event could not be made durable; nothing is counted.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    parts.log_writer.write(parts.event(now, person.actor(), Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    return count_horizon(parts, now)


def count_horizon(parts: Parts, now: datetime) -> Horizon:
    """Count what falls due; its caller has logged the look."""
    days = parts.policy.destruction.horizon_days
    until = {one: now + timedelta(days=one) for one in days}
    past = dict.fromkeys(ORDER, 0)
    within = {one: dict.fromkeys(ORDER, 0) for one in days}
    with parts.database.read() as connection:
        for record_class, expires_at in retention.falling_due(connection, until[max(days)]):
            if expires_at <= now:
                past[record_class] += 1
                continue
            for one in days:
                if expires_at <= until[one]:
                    within[one][record_class] += 1
    return Horizon(now, past, within)


def _listed(parts: Parts, found: list[Plan], now: datetime) -> list[ListedPlan]:
    ids = {one for plan in found for one in (plan.proposed_by, plan.approved_by, plan.stopped_by) if one is not None}
    with parts.database.read() as connection:
        numbers = {key: one.work_number for key, one in people.by_ids(connection, ids).items()}
        counted = {plan.plan_id: destruction.numbers(connection, plan.plan_id) for plan in found}

    def number(account_id: bytes | None) -> str:
        """Return somebody's work number, or nothing for nobody."""
        return "" if account_id is None else numbers[account_id]

    return [
        ListedPlan(
            plan,
            number(plan.proposed_by),
            number(plan.approved_by),
            number(plan.stopped_by),
            counted[plan.plan_id],
            _is_over(parts, plan, now),
        )
        for plan in found
    ]


def _is_over(parts: Parts, plan: Plan, now: datetime) -> bool:
    if plan.state is not PlanState.APPROVED or plan.approved_at is None:
        return False
    return plan.approved_at + parts.policy.destruction.approval() <= now


def _shown(parts: Parts, plan_id: bytes, now: datetime, sample: tuple[Card, ...]) -> ShownPlan:
    with parts.database.read() as connection:
        plan = plans.one(connection, plan_id)
        states = destruction.states(connection, plan_id)
        before = destruction.latest_before(connection, plan.made_at - _MONTH)
        numbers_before = Numbers() if before is None else destruction.numbers(connection, before.plan_id)
        certificate = certificates.about(connection, CertificateKind.ERASED, plan_id)
        wait = None if certificate is not None else certificate_waits.of(connection, plan_id)
        resting = certificates.resting(connection, plan_id)
    (whole,) = _listed(parts, [plan], now)
    certificate_id = None if certificate is None else certificate.certificate_id
    return ShownPlan(whole, states, before, numbers_before, sample, certificate_id, _dies(resting), wait)


def _dies(resting: Sequence[Resting]) -> Dies | None:
    if not resting:
        return None
    gone = [one.destroyed_at for one in resting if one.destroyed_at is not None]
    last = max(final_on(one.end_on) for one in resting)
    return Dies(len(resting), len(gone), last, max(gone) if len(gone) == len(resting) else None)


def _sample(parts: Parts, person: Person, plan_id: bytes, now: datetime) -> tuple[Card, ...]:
    """Open a sample of what a plan names, as far as the role may see it: all of it masked."""
    with parts.database.read() as connection:
        plans.one(connection, plan_id)
        chosen = destruction.sample(connection, plan_id, parts.policy.destruction.sample)
        store = parts.keys.current(connection)
        found = records.load(connection, chosen)  # what was destroyed meanwhile is not there any more
        wraps = records.wraps(connection, (one.meta for one in found.values()))
    viewer = Viewer(person.role, PURPOSE)
    with reporting(parts, person.actor(), found, now):
        for one in found.values():
            check(store, one)
        glimpses = [
            glimpse(parts.policy, viewer, one, one.meta.record_class.value, SAMPLE_RULE, ()) for one in found.values()
        ]
        # Of service records nothing is shown but that they are there: class, kind and outlet are no secrets.
        shown = glimpses if parts.policy.allows(person.role, Right.DESTROY) else []
        event = parts.event(
            now,
            person.actor(),
            Action.RETENTION_VIEW,
            Outcome.GRANTED,
            purpose=PURPOSE,
            opened=tuple(one.announced() for one in shown),
            plan=plan_id.hex(),
        )
        receipt = parts.log_writer.write(event)
        return tuple(one.card(store, receipt, wraps.get(one.found.meta.record_id)) for one in shown)
