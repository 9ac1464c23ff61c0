"""Containing a breach: one officer takes measures at once, on an open incident, and ends them with a reason (BR-01).

A freeze is a row that every process reads anew (:mod:`vault.services.steps.breach.containing`), so it is in force from
the next request on. In a drill the same walk writes the same rows, marked as rehearsed, and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vault.domain.breach.containment import Containment, Measure
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened, Outcome
from vault.domain.people import Person
from vault.errors import AlreadyDecided, InvalidValue, NotFound, StorageError
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import containment_acts as acts
from vault.services.steps.breach import incidents
from vault.services.steps.breach.containment_acts import Aim
from vault.services.steps.breach.evidence_holds import hold_some, lift_some
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import people
from vault.storage.breach import containments, radius
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

Progress = Callable[[int, int], None]
"""Told how many records are held, and of how many."""


def take(
    parts: Parts, person: Person, incident_id: bytes, measure: Measure, target: str, note: str, now: datetime
) -> Containment:
    """Take a measure: in force from the next request on, on every page, in every process.

    Args:
        parts: the vault's parts.
        person: an officer alone; what is about an account asks for password and second factor a moment ago.
        incident_id: an incident that is not closed, activated or not.
        measure: the measure.
        target: a work number; for grants also the id of a customer; for holds the id of a frozen radius, or empty for
            the newest; empty for the whole vault.
        note: what else is to be known; sealed.
        now: UTC.

    Returns:
        The measure as it was stored. Holds on evidence are put by :func:`hold_on`.

    Raises:
        AccessRefused: ``no_right``, ``measure_not_yours``, ``own_account`` or ``last_administrator``; logged.
        AlreadyDecided: ``incident_closed``, or ``measure_stands``: on this incident and target.
        InvalidValue: the target does not fit the measure; ``act_not_possible``: the account is locked or suspended
            already; ``text_too_long``.
        NotFound: there is no such incident or target; logged.
        StepUpNeeded: password and second factor first.
    """
    action = Action.CONTAINMENT_TAKEN
    acts.require_measure(parts, person, measure, action, now, incident_id)
    if measure.of_an_account:
        require_fresh(parts, person, now)
    with refusals_logged(parts, person, action, now), unit_of_work(parts.database) as work:
        incident = incidents.open_matter(work.connection, incident_id)
        aim = acts.aimed(work.connection, measure, target, incident_id)
        aim = acts.refuse_target(parts, work, person, aim)
        if containments.standing_on(work.connection, incident_id, measure, aim.target) is not None:
            raise AlreadyDecided("measure_stands")
        reached = sum(acts.reach(parts, work.connection, aim, now).values())
        one = Containment(
            containment_id=new_id(),
            incident_id=incident_id,
            measure=measure,
            target=aim.target,
            # Whom a freeze concerns is another number at every moment; holds count as they are put.
            affected=reached if measure.of_an_account or incident.drill else 0,
            rehearsed=incident.drill,
            taken_by=person.account_id,
            taken_at=now,
        )
        if not measure.stands:
            one = replace(one, ended_by=person.account_id, ended_at=now)
        if not incident.drill:
            acts.apply(parts, work, person, one, aim, now)
        containments.add(work.connection, one)
        _enter(parts, work, person, one, aim, action, note, now, count=one.affected, rehearsed=int(one.rehearsed))
        work.commit()
    return one


def hold_on(
    parts: Parts,
    person: Person,
    incident_id: bytes,
    containment_id: bytes,
    now: datetime,
    *,
    progress: Progress | None = None,
    for_ever: bool = False,
) -> bool:
    """Go on putting the records of a frozen radius under hold; safe to repeat, and to kill.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        containment_id: a hold on evidence that stands.
        now: UTC.
        progress: told how far it has come.
        for_ever: until the last record, not only for the policy's seconds.

    Returns:
        Whether every record of the radius was reached.

    Raises:
        AccessRefused: ``no_right`` or ``measure_not_yours``; logged.
        AlreadyDecided: ``measure_ended``.
        NotFound: there is no such measure on this incident.
        StorageError: a record changed at this very moment; go on again.
    """
    action = Action.CONTAINMENT_HELD
    acts.require_measure(parts, person, Measure.HOLD_EVIDENCE, action, now, incident_id)
    with parts.database.read() as connection:
        one = acts.one_of(connection, incident_id, containment_id)
        total = radius.count_to_hold(connection, one.target)
    if one.measure is not Measure.HOLD_EVIDENCE:
        raise NotFound("measure")
    if one.rehearsed:
        return True
    begun, held, is_done = time.monotonic(), 0, False
    while not is_done and (for_ever or time.monotonic() - begun < parts.policy.containment.hold_seconds):
        put = hold_some(parts, person, one, now)
        is_done = put is None
        held += put or 0
        if progress is not None:
            progress(one.affected + held, total)
    if held:
        with unit_of_work(parts.database) as work:
            _enter(parts, work, person, one, Aim(one.measure, one.target), action, "", now, count=held)
            work.commit()
    return is_done


def end(
    parts: Parts, person: Person, incident_id: bytes, containment_id: bytes, reason: str, now: datetime
) -> Containment:
    """End a measure, also of a closed incident that it outlasts; what was merely ended does not come back.

    An account that was suspended comes back unless another incident needs it so, or somebody has moved it meanwhile.

    Args:
        parts: the vault's parts.
        person: an officer, with password and second factor given a moment ago.
        incident_id: the incident.
        containment_id: a measure of it that stands.
        reason: why; sealed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, ``measure_not_yours`` or ``own_account``; logged.
        AlreadyDecided: ``measure_ended``.
        IntegrityError: a held record was edited behind the vault's back; the measure stands.
        InvalidValue: ``reason_missing``, field ``note``; ``text_too_long``.
        NotFound: there is no such measure on this incident; logged.
        StepUpNeeded: password and second factor first.
    """
    action = Action.CONTAINMENT_ENDED
    one = _to_move(parts, person, incident_id, containment_id, action, reason, now)
    if one.measure is Measure.HOLD_EVIDENCE and not one.rehearsed:
        while lift_some(parts, person, one, now):
            continue
    with refusals_logged(parts, person, action, now), unit_of_work(parts.database) as work:
        incidents.matter(work.connection, incident_id, locked=True)
        aim = acts.refuse_target(parts, work, person, _aim_of(work.connection, one))
        if containments.holds_left(work.connection, containment_id, 1):
            raise StorageError("changed_meanwhile")  # somebody went on holding while this was being ended
        if not containments.end(work.connection, containment_id, person.account_id, now):
            raise AlreadyDecided("measure_ended")
        if not one.rehearsed:
            acts.undo(parts, work, person, one, aim, now)
        _enter(parts, work, person, one, aim, action, reason, now, rehearsed=int(one.rehearsed))
        work.commit()
    return replace(one, ended_by=person.account_id, ended_at=now)


def keep(
    parts: Parts, person: Person, incident_id: bytes, containment_id: bytes, reason: str, now: datetime
) -> Containment:
    """Say that a measure stays when its incident is closed; it can still be ended later.

    Args:
        parts: the vault's parts.
        person: an officer, with password and second factor given a moment ago.
        incident_id: the incident.
        containment_id: a measure of it that stands and that the policy lets outlast it.
        reason: why; sealed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right`` or ``measure_not_yours``; logged.
        AlreadyDecided: ``measure_ended`` or ``measure_kept``.
        InvalidValue: ``measure_not_kept``, field ``measure``; ``reason_missing``, field ``note``; ``text_too_long``.
        NotFound: there is no such measure on this incident; logged.
        StepUpNeeded: password and second factor first.
    """
    action = Action.CONTAINMENT_KEPT
    one = _to_move(parts, person, incident_id, containment_id, action, reason, now)
    if not parts.policy.containment.measures[one.measure].outlasts:
        raise InvalidValue("measure_not_kept", field="measure")
    with refusals_logged(parts, person, action, now), unit_of_work(parts.database) as work:
        incidents.matter(work.connection, incident_id, locked=True)
        if not containments.keep(work.connection, containment_id, person.account_id, now):
            raise AlreadyDecided("measure_kept")
        aim = _aim_of(work.connection, one)
        _enter(parts, work, person, one, aim, action, reason, now, rehearsed=int(one.rehearsed))
        work.commit()
    return replace(one, kept_by=person.account_id, kept_at=now)


def _to_move(
    parts: Parts, person: Person, incident_id: bytes, containment_id: bytes, action: Action, reason: str, now: datetime
) -> Containment:
    """Return a measure that stands and that this person may end or keep, with a reason."""
    incidents.officer(parts, person, action, now, incident_id)
    require_fresh(parts, person, now)
    if not incidents.checked_note(reason):
        raise InvalidValue("reason_missing", field="note")
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        one = acts.one_of(connection, incident_id, containment_id)
    acts.require_measure(parts, person, one.measure, action, now, incident_id)
    if not one.is_standing:
        raise AlreadyDecided("measure_ended")
    return one


def _aim_of(connection: Connection, one: Containment) -> Aim:
    account = people.by_ids(connection, [one.target]).get(one.target) if one.measure.of_an_account else None
    return Aim(one.measure, one.target, account)


def _enter(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    one: Containment,
    aim: Aim,
    action: Action,
    note: str,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - counts
) -> None:
    """Write an act into the log and the incident's timeline; a customer is named by id, and nothing of it opened."""
    told: dict[str, Any] = {"account": aim.work_number} if aim.work_number else {}
    is_customer = one.measure is Measure.REVOKE_GRANTS and aim.account is None
    event = parts.event(
        now,
        person.actor(),
        action,
        Outcome.DONE,
        rule=parts.policy.containment.measures[one.measure].id,
        opened=(Opened(one.target, RecordClass.CUSTOMER.value, ()),) if is_customer else (),
        incident=one.incident_id.hex(),
        containment=one.containment_id.hex(),
        measure=one.measure.value,
        **told,
        **facts,
    )
    incidents.enter(parts, work, one.incident_id, event, note)
