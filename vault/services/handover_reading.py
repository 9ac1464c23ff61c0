"""What a person sees of hand-overs: their own, given and offered, and one with its note opened for the log to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.clocks import Light, light
from vault.domain.ids import Role
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.plaintext import Plaintext
from vault.domain.rules.access import Right
from vault.errors import NotFound
from vault.services.steps.opening import announced, check, open_record, reporting
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import cases, handovers, records, supervision
from vault.storage.cases import Case
from vault.storage.handovers import Handover
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import unit_of_work

__all__ = ["Colleague", "Handover", "HandoverBoard", "HandoverSheet", "board", "sheet"]

_LISTED = 200


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody to whom cases can be handed over."""

    work_number: str
    role: Role
    outlet: str
    team: str


@dataclass(frozen=True, slots=True)
class HandoverBoard:
    """A person's hand-overs.

    Args:
        mine: open cases that are not offered to anybody yet, oldest first, each with its clock.
        colleagues: who could take them, the own team first.
        offered_to_me: hand-overs that wait for this person's answer.
        others: given ones and answered ones, open ones first, newest first.
    """

    mine: tuple[tuple[Case, Light], ...]
    colleagues: tuple[Colleague, ...]
    offered_to_me: tuple[Handover, ...]
    others: tuple[Handover, ...]


@dataclass(frozen=True, slots=True)
class HandoverSheet:
    """One hand-over in full.

    Args:
        handover: who, to whom, when and what became of it.
        cases: its cases as they stand now, each with its clock; None for a closed one.
        note: the note; None when it is no longer kept.
    """

    handover: Handover
    cases: tuple[tuple[Case, Light | None], ...]
    note: Plaintext | None


def board(parts: Parts, person: Person, now: datetime) -> HandoverBoard:
    """Return a person's hand-overs and what they could hand over: ids, words and times only."""
    with parts.database.read() as connection:
        held = [one for one in cases.held_by(connection, person.account_id, _LISTED) if one.closed_at is None]
        given = handovers.offered_by(connection, person.account_id)
        listed = handovers.of_person(connection, person.account_id, _LISTED)
        colleagues = _colleagues(parts, connection, person)
    waiting = tuple(one for one in listed if one.is_open and one.to_account == person.account_id)
    mine = [one for one in reversed(held) if one.case_id not in given]
    return HandoverBoard(
        mine=tuple((one, _clock(parts, one, now)) for one in mine),
        colleagues=colleagues,
        offered_to_me=waiting,
        others=tuple(one for one in listed if one not in waiting),
    )


def sheet(parts: Parts, person: Person, handover_id: bytes, now: datetime) -> HandoverSheet:
    """Show one hand-over to one of its two people; opening the note is logged first, and noted as read (SH-02).

    Args:
        parts: the vault's parts.
        person: who asks.
        handover_id: the hand-over.
        now: UTC.

    Raises:
        NotFound: it is not there, or this person is neither of the two.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: the note does not fit; logged, nothing shown.
    """
    action = Action.HANDOVER_VIEW
    with refusals_logged(parts, person, action, now), parts.database.read() as connection:
        handover = handovers.one(connection, handover_id)
        if handover is None or person.account_id not in (handover.from_account, handover.to_account):
            raise NotFound("handover")
        store = parts.keys.current(connection)
        given = handovers.cases_of(connection, [handover_id])[handover_id]
        found = records.load(connection, [handover_id])
        with reporting(parts, person.actor(), found, now):
            for one in found.values():
                check(store, one)
        kept: StoredRecord | None = found.get(handover_id)
        if kept is not None and kept.meta.restricted(now):
            kept = None
        wraps = records.wraps(connection, [kept.meta]) if kept else {}
    event = parts.event(
        now,
        person.actor(),
        action,
        Outcome.GRANTED,
        opened=(announced(kept, {"note"}),) if kept else (),
        handover=handover_id.hex(),
    )
    with unit_of_work(parts.database) as work:
        if person.account_id == handover.to_account and handover.is_open:
            handovers.mark_read(work.connection, handover_id, now)
        work.announce(event)
        (receipt,) = work.commit()
    note = None
    if kept is not None:
        with reporting(parts, person.actor(), found, now):
            opened = open_record(store, receipt, kept, wraps.get(handover_id), {"note"})
        note = next(iter(opened.values()), None)
    states = tuple((one, None if one.closed_at else _clock(parts, one, now)) for one in given)
    return HandoverSheet(handover, states, note)


def _colleagues(parts: Parts, connection: Connection, person: Person) -> tuple[Colleague, ...]:
    roles = [role for role in parts.policy.roles if parts.policy.allows(role, Right.HAND_OVER)]
    able = supervision.active_of(connection, roles, person.account_id)

    def nearness(one: Colleague) -> tuple[bool, bool, str]:
        """Order the own team first, then the own outlet, then everybody else."""
        return one.outlet != person.outlet, one.team != person.team, one.work_number

    return tuple(sorted((Colleague(*row) for row in able), key=nearness))


def _clock(parts: Parts, case: Case, now: datetime) -> Light:
    return light(case.opened_at, now, parts.policy.cases.amber(), parts.policy.entry.limit())
