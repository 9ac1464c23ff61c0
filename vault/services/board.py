"""The supervisor's board: what concerns the people a supervisor answers for (AC-02, SH-03, SH-04, CE-02, UL-04).

The people are those of the supervisor's team and, of their outlet, those whose team has no supervisor: the rule of
a supervisor's scope. Everything on the board is an id, a work number, a word, a time or a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from vault.domain.clocks import Light, light
from vault.domain.log import Action, Outcome
from vault.domain.passwords import days_left, must_change
from vault.domain.people import AccountState, Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused
from vault.services.steps.parts import Parts
from vault.services.steps.refusing import refusals_logged
from vault.services.steps.tokens import idle_span
from vault.storage import board, disclosures, handovers, signals, supervision
from vault.storage.board import Elsewhere, HeldCase, LateLine, LiveGrant
from vault.storage.disclosures import Counts
from vault.storage.handovers import Handover
from vault.storage.signals import Signal
from vault.storage.supervision import Member

__all__ = ["Counts", "MemberLine", "TeamBoard", "TeamCase", "team_board"]

_LISTED = 200
LATE_DAYS = 30
"""So far back the board lists records that were entered late."""
REFUSED_DAYS = 7
"""So far back it lists hand-overs that were refused: they are reported upward (SH-03)."""


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One of the supervisor's people.

    Args:
        member: who.
        password_age: days since the password was chosen; None before the first one.
        password_left: days until it ends, once that is near; None while it is far off.
        password_expired: it is past its age.
        today: what they have read since midnight of the company's zone.
        window: what they have read within the window of the limits.
    """

    member: Member
    password_age: int | None
    password_left: int | None
    password_expired: bool
    today: Counts
    window: Counts


@dataclass(frozen=True, slots=True)
class TeamSignal:
    """One warning or alarm about reading that nobody has released, and about whom."""

    signal: Signal
    work_number: str


@dataclass(frozen=True, slots=True)
class TeamCase:
    """One open case of the team, and how it stands against the time to enter its record."""

    held: HeldCase
    clock: Light


@dataclass(frozen=True, slots=True)
class TeamBoard:
    """What a supervisor sees.

    Args:
        waiting_requests: requests for access that wait for this supervisor.
        waiting_emergencies: emergency requests that wait for approval; None for a supervisor who may not approve.
        signals: warnings and alarms about reading that nobody has released.
        elsewhere: accounts signed in from several addresses at this moment.
        people: the team, each with password age and counters.
        cases: the team's open cases, oldest first.
        grants: live grants that somebody of the team holds or gave.
        handovers: hand-overs of the team and the supervisor that wait for an answer, and those refused lately.
        late: service records entered late in the last 30 days.
    """

    waiting_requests: int
    waiting_emergencies: int | None
    signals: tuple[TeamSignal, ...]
    elsewhere: tuple[Elsewhere, ...]
    people: tuple[MemberLine, ...]
    cases: tuple[TeamCase, ...]
    grants: tuple[LiveGrant, ...]
    handovers: tuple[Handover, ...]
    late: tuple[LateLine, ...]


def team_board(parts: Parts, person: Person, now: datetime) -> TeamBoard:
    """Return the board of a supervisor; looking at it is logged.

    Args:
        parts: the vault's parts.
        person: the supervisor.
        now: UTC.

    Raises:
        AccessRefused: the role does not supervise.
        LogUnavailable: the event could not be made durable; nothing was read.
    """
    policy = parts.policy
    with refusals_logged(parts, person, Action.BOARD_VIEW, now):
        if not policy.allows(person.role, Right.SUPERVISE):
            raise AccessRefused("no_right")
    parts.log_writer.write(parts.event(now, person.actor(), Action.BOARD_VIEW, Outcome.GRANTED))
    roles = [role for role in policy.roles if policy.allows(role, Right.LOOKUP)]
    midnight = now.astimezone(policy.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    answer = timedelta(hours=policy.grants.answer_hours)
    emergency = timedelta(minutes=policy.break_glass.answer_minutes)
    with parts.database.read() as connection:
        members = supervision.supervised_by(connection, person, roles)
        numbers = {one.account_id: one.work_number for one in members}
        ids = list(numbers)
        today = disclosures.counts(connection, ids, midnight)
        window = disclosures.counts(connection, ids, now - policy.limits.window())
        approves = policy.allows(person.role, Right.APPROVE_BREAK_GLASS)
        return TeamBoard(
            waiting_requests=board.waiting_requests(connection, person.account_id, now - answer),
            waiting_emergencies=(
                board.waiting_emergencies(connection, person.account_id, now - emergency) if approves else None
            ),
            signals=tuple(TeamSignal(one, numbers[one.account_id]) for one in signals.open_of(connection, ids)),
            elsewhere=tuple(
                board.signed_in_elsewhere(connection, [*ids, person.account_id], now, now - idle_span(parts))
            ),
            people=tuple(
                _line(parts, one, today.get(one.account_id), window.get(one.account_id), now) for one in members
            ),
            cases=tuple(
                TeamCase(one, light(one.case.opened_at, now, policy.cases.amber(), policy.entry.limit()))
                for one in board.open_cases(connection, ids, _LISTED)
            ),
            grants=tuple(board.live_grants(connection, ids, now, _LISTED)),
            handovers=tuple(
                handovers.concerning(connection, [*ids, person.account_id], now - timedelta(days=REFUSED_DAYS), _LISTED)
            ),
            late=tuple(board.late_entries(connection, ids, now - timedelta(days=LATE_DAYS), now, _LISTED)),
        )


def _line(parts: Parts, member: Member, today: Counts | None, window: Counts | None, now: datetime) -> MemberLine:
    rule, changed_at = parts.policy.passwords, member.password_changed_at
    known = changed_at is not None and member.state is not AccountState.INVITED
    return MemberLine(
        member,
        password_age=(now - changed_at).days if known and changed_at else None,
        password_left=days_left(rule, changed_at, now) if known and changed_at else None,
        password_expired=bool(known and changed_at and must_change(rule, changed_at, member.password_expired_at, now)),
        today=today or Counts(),
        window=window or Counts(),
    )
