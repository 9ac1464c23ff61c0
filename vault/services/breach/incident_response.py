"""Answering an incident: activated by one officer, assessed, contained, repaired, notified, and closed by two."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vault.domain.breach.incident_clocks import ClockEnd, ClockStart
from vault.domain.breach.incidents import Incident, IncidentState, Verdict
from vault.domain.clocks import in_utc
from vault.domain.log import Action, Event, Outcome, micros_text
from vault.domain.people import Person
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import closing_incident
from vault.services.steps.breach import incidents as steps
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import incidents
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_STARTS = {IncidentState.ACTIVATED: ClockStart.ACTIVATED, IncidentState.REPAIRED: ClockStart.REPAIRED}


def activate(parts: Parts, person: Person, incident_id: bytes, reason: str, now: datetime) -> None:
    """Start the emergency plan: one officer alone, in one step, whatever is known so far (BR-01).

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: an incident that was reported.
        reason: why; it is also the reason if it is late.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: it is activated or closed.
        InvalidValue: ``reason_missing``; ``text_too_long``.
        NotFound: there is none.
    """
    _step(parts, person, incident_id, IncidentState.ACTIVATED, reason, now)


def assess(parts: Parts, person: Person, incident_id: bytes, verdict: Verdict, note: str, now: datetime) -> None:
    """Say what the incident is; without a breach there is nothing more to do than to close it, by two.

    Its clocks run on until then, and whoever sees it otherwise says so and it is answered as a breach.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: an incident that was activated; or assessed as none, if it is a breach after all.
        verdict: what was found.
        note: what it rests on.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: it is assessed or closed.
        InvalidValue: ``incident_out_of_order``; ``reason_missing``; ``text_too_long``.
        NotFound: there is none.
    """
    _step(parts, person, incident_id, IncidentState.ASSESSED, note, now, verdict=verdict)


def advance(parts: Parts, person: Person, incident_id: bytes, to: IncidentState, note: str, now: datetime) -> None:
    """Say that an incident is contained, repaired, or that everybody is notified; each demands the one before.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        to: the state.
        note: what was done.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: it is in that state or beyond it.
        InvalidValue: ``incident_out_of_order``; ``notices_outstanding``; ``reason_missing``; ``text_too_long``.
        NotFound: there is none.
    """
    if to not in (IncidentState.CONTAINED, IncidentState.REPAIRED, IncidentState.NOTIFIED):
        raise InvalidValue("incident_out_of_order", field="state")
    _step(parts, person, incident_id, to, note, now)


def _step(
    parts: Parts,
    person: Person,
    incident_id: bytes,
    to: IncidentState,
    note: str,
    now: datetime,
    *,
    verdict: Verdict | None = None,
) -> None:
    steps.officer(parts, person, Action.INCIDENT_STEP, now, incident_id)
    if not note.strip():
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        one = steps.matter(work.connection, incident_id, locked=True)
        if not (verdict is Verdict.BREACH and one.may_be_a_breach_after_all):
            one.refuse_unless_next(to)
        if to is IncidentState.NOTIFIED:
            closing_incident.refuse_unnotified(work.connection, one)
        at = steps.effective(work.connection, now)
        values: dict[str, Any] = {"state": to.value}
        if verdict:  # who asked for it to be closed asked for something else
            values |= {"verdict": verdict.value, "closing_by": None, "closing_at": None}
        if not incidents.move(work.connection, incident_id, one.state, values):
            raise AlreadyDecided("incident_is_there")
        said: dict[str, Any] = {"verdict": verdict.value} if verdict else {}
        event = parts.event(
            at,
            person.actor(),
            Action.INCIDENT_STEP,
            Outcome.DONE,
            rule=parts.policy.incidents.id,
            incident=incident_id.hex(),
            to=to.value,
            **said,
        )
        steps.enter(parts, work, incident_id, event, note)
        if to is IncidentState.ACTIVATED:
            steps.finish_clocks(parts, work, one, ClockEnd.ACTIVATED, person.actor(), at)
        if to in _STARTS:
            steps.start_clocks(parts, work, one, _STARTS[to], at, at)
        work.commit()


def correct_awareness(
    parts: Parts, person: Person, incident_id: bytes, aware_at: datetime, reason: str, now: datetime
) -> bool:
    """Add another time of awareness; the first one stays, and deadlines only ever come forward.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: an incident that is not closed.
        aware_at: when somebody noticed, aware.
        reason: how that is known; sealed.
        now: UTC.

    Returns:
        Whether deadlines came forward; a later time is written down and changes none.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``.
        InvalidValue: ``date_in_future`` or ``aware_too_long_ago``; ``reason_missing``; ``text_too_long``.
        NotFound: there is none.
    """
    steps.officer(parts, person, Action.INCIDENT_AWARE, now, incident_id)
    if not reason.strip():
        raise InvalidValue("reason_missing", field="note")
    aware_at = in_utc(aware_at, "aware_at")
    with unit_of_work(parts.database) as work:
        one = steps.open_matter(work.connection, incident_id)
        at = steps.effective(work.connection, now)
        steps.checked_awareness(aware_at, at, parts.policy.incidents.correction_back_days)
        sooner = aware_at < one.aware_since
        if sooner:
            incidents.move(work.connection, incident_id, one.state, {"aware_since": aware_at})
            _begin_sooner(parts, work, one, aware_at)
        event = parts.event(
            at,
            person.actor(),
            Action.INCIDENT_AWARE,
            Outcome.DONE,
            incident=incident_id.hex(),
            aware_at=micros_text(aware_at),
        )
        steps.enter(parts, work, incident_id, event, reason)
        work.commit()
    return sooner


def _begin_sooner(parts: Parts, work: UnitOfWork, one: Incident, aware_at: datetime) -> None:
    of_awareness = parts.policy.incidents.started_by(ClockStart.AWARE, one.kind)
    for clock in incidents.clocks_of(work.connection, [one.incident_id])[one.incident_id]:
        if clock.clock_id in of_awareness:
            incidents.begin_sooner(work.connection, one.incident_id, clock.begun(aware_at))


def finish_clock(parts: Parts, person: Person, incident_id: bytes, clock_id: str, reason: str, now: datetime) -> None:
    """Say that what a clock stands for is done; late, it needs a reason, and stays missed for ever.

    Args:
        parts: the vault's parts.
        person: somebody of a role that answers for it.
        incident_id: the incident.
        clock_id: of the policy; one that a step of the incident ends is not for people to end.
        reason: why it is late, or what was done; sealed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, or ``clock_not_yours``; logged.
        AlreadyDecided: ``clock_done`` or ``incident_closed``.
        InvalidValue: ``late_reason_missing``; ``clock_ends_with_step``; ``text_too_long``.
        NotFound: there is no such incident or clock.
    """
    steps.viewer(parts, person, now, incident_id)
    reason = steps.checked_note(reason)
    rule = parts.policy.incidents.clocks.get(clock_id)
    if rule is not None and person.role not in rule.who:
        not_theirs = "clock_not_yours"
        parts.log_writer.write(_refusal(parts, person, Action.INCIDENT_CLOCK_DONE, incident_id, not_theirs, now))
        raise AccessRefused(not_theirs)
    with unit_of_work(parts.database) as work:
        one = steps.open_matter(work.connection, incident_id)
        clocks = incidents.clocks_of(work.connection, [incident_id])[incident_id]
        clock = next((each for each in clocks if each.clock_id == clock_id), None)
        if clock is None or rule is None:
            raise NotFound("clock")
        if rule.ends is not ClockEnd.SAID:
            raise InvalidValue("clock_ends_with_step", field="clock")
        at = steps.effective(work.connection, now)
        if clock.is_open and clock.was_missed(at) and not reason:
            raise InvalidValue("late_reason_missing", field="note")
        steps.finish_clock(parts, work, one, clock, person.actor(), reason, at)
        work.commit()


def ask_closing(parts: Parts, person: Person, incident_id: bytes, lessons: str, now: datetime) -> None:
    """Ask for an incident to be closed: everything is done, and somebody else is to look at it.

    Args:
        parts: the vault's parts.
        person: an officer, with password and second factor given a moment ago.
        incident_id: the incident.
        lessons: what is learnt from it; sealed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``, or ``closing_asked``: somebody has asked.
        InvalidValue: ``incident_out_of_order``; what is missing;
            ``reason_missing``; ``text_too_long``.
        NotFound: there is none.
        StepUpNeeded: password and second factor first.
    """
    steps.officer(parts, person, Action.INCIDENT_CLOSING, now, incident_id)
    require_fresh(parts, person, now)
    if not lessons.strip():
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        one = steps.open_matter(work.connection, incident_id)
        if one.closing_by is not None:
            raise AlreadyDecided("closing_asked")
        at = steps.effective(work.connection, now)
        closing_incident.refuse_incomplete(work.connection, parts.policy.incidents, one)
        incidents.move(work.connection, incident_id, one.state, {"closing_by": person.account_id, "closing_at": at})
        event = parts.event(
            at, person.actor(), Action.INCIDENT_CLOSING, Outcome.DONE, incident=incident_id.hex(), to="asked"
        )
        steps.enter(parts, work, incident_id, event, lessons)
        work.commit()


def close(parts: Parts, person: Person, incident_id: bytes, note: str, now: datetime, *, agree: bool = True) -> None:
    """Close an incident that somebody else asked to be closed, or send it back to them.

    Args:
        parts: the vault's parts.
        person: another officer, another human, with password and second factor given a moment ago.
        incident_id: the incident.
        note: what was looked at; to send it back, why; also why the report is late.
        now: UTC.
        agree: whether it is closed.

    Raises:
        AccessRefused: ``no_right``, or ``own_request``: nobody closes alone; logged.
        AlreadyDecided: ``incident_closed``.
        InvalidValue: ``closing_not_asked``; what is missing; ``reason_missing``; ``text_too_long``.
        NotFound: there is none.
        StepUpNeeded: password and second factor first.
    """
    steps.officer(parts, person, Action.INCIDENT_CLOSING, now, incident_id)
    require_fresh(parts, person, now)
    if not note.strip():
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        one = steps.open_matter(work.connection, incident_id)
        if one.closing_by is None:
            raise InvalidValue("closing_not_asked", field="state")
        accounts = people.by_ids(work.connection, [person.account_id, one.closing_by])
        store = parts.keys.current(work.connection)
        if same_human(store, accounts[person.account_id], accounts[one.closing_by]):
            work.announce(_refusal(parts, person, Action.INCIDENT_CLOSING, incident_id, "own_request", now))
            work.commit()
            raise AccessRefused("own_request")
        at = steps.effective(work.connection, now)
        values: dict[str, object] = {"closing_by": None, "closing_at": None}
        if agree:
            closing_incident.refuse_incomplete(work.connection, parts.policy.incidents, one)
            values = {"state": IncidentState.CLOSED.value, "closed_by": person.account_id, "closed_at": at}
            steps.finish_clocks(parts, work, one, ClockEnd.CLOSED, person.actor(), at)
            if one.verdict is Verdict.NO_BREACH:  # not before two have said so
                steps.drop_clocks(parts, work, one, at)
        incidents.move(work.connection, incident_id, one.state, values)
        outcome = Outcome.DONE if agree else Outcome.REFUSED
        event = parts.event(
            at,
            person.actor(),
            Action.INCIDENT_CLOSING,
            outcome,
            incident=incident_id.hex(),
            to="closed" if agree else "sent_back",
            asked_by=accounts[one.closing_by].work_number,
        )
        steps.enter(parts, work, incident_id, event, note)
        work.commit()


def _refusal(parts: Parts, person: Person, action: Action, incident_id: bytes, rule: str, now: datetime) -> Event:
    return parts.event(now, person.actor(), action, Outcome.REFUSED, rule=rule, incident=incident_id.hex())
