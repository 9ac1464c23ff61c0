"""A supervisor gives an open case of somebody absent to another of their people (SH-06)."""

from __future__ import annotations

from datetime import datetime

from vault.domain.breach.containment import Doing
from vault.domain.log import Action
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.moving import Move, move_case, require_usable
from vault.services.steps.opening import reporting
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.storage import cases, notifications, people, supervision
from vault.storage.unit_of_work import unit_of_work

_RULE = "moved_by_supervisor"


@stopped_by_freeze(Doing.BUSINESS, Action.CASE_MOVED)
def reassign(parts: Parts, person: Person, case_id: bytes, to: str, now: datetime) -> None:
    """Move an open case from one of a supervisor's people to another.

    Args:
        parts: the vault's parts.
        person: the supervisor.
        case_id: the case.
        to: work number of who goes on with it, as typed.
        now: UTC.

    Raises:
        AccessRefused: the role does not supervise.
        InvalidValue: nobody who could take the case has this work number among their people.
        NotFound: the case is not there, closed, or not of their people.
        IntegrityError: a customer was edited behind the vault's back; nothing moves.
    """
    with (
        refusals_logged(parts, person, Action.CASE_MOVED, now),
        reporting(parts, person.actor(), {}, now),
        unit_of_work(parts.database) as work,
    ):
        if not parts.policy.allows(person.role, Right.SUPERVISE):
            raise AccessRefused("no_right")
        roles = [role for role in parts.policy.roles if parts.policy.allows(role, Right.HAND_OVER)]
        team = {one.account_id: one for one in supervision.supervised_by(work.connection, person, roles)}
        case = cases.case(work.connection, case_id)
        if case is None or case.closed_at is not None or case.held_by not in team:
            raise NotFound("case")
        giver = people.by_work_number(work.connection, team[case.held_by].work_number)
        taker = people.by_work_number(work.connection, normal_work_number(to))
        if giver is None or taker is None or taker.account_id not in team or taker.state is not AccountState.ACTIVE:
            raise InvalidValue("cannot_take_over", field="to")
        try:
            require_usable(parts, taker, [case])
        except AccessRefused:
            raise InvalidValue("cannot_take_over", field="to") from None
        store = parts.keys.current(work.connection)
        if giver.account_id != taker.account_id and not move_case(
            parts, work, store, Move(person, giver, taker, rule=_RULE), case, now
        ):
            raise NotFound("case")
        notifications.add(work.connection, [taker.account_id], NoticeKind.CASE_RECEIVED, case_id, now)
        work.commit()
