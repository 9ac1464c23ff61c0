"""The board of incidents: what is open, what runs out first, and whose turn it is (BR-01).

It costs a fixed number of questions however many incidents there are, lists the most urgent ones first and page by
page, and shows no customer. What is about its reader is left out; for that the names of colleagues are compared, and
nothing else that is sealed is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.incident_clocks import Clock, ClockState
from vault.domain.breach.incident_tasks import Task, tasks_of
from vault.domain.breach.incidents import Incident
from vault.domain.breach.signals import Evidence
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.domain.rules.incidents import ACTIVATE
from vault.services.steps.breach import concerned
from vault.services.steps.breach import incidents as steps
from vault.services.steps.parts import Parts
from vault.storage.breach import incident_board, incident_signals, incidents
from vault.storage.breach.incident_board import Progress

__all__ = ["Board", "Line", "Progress", "Urgent", "board", "most_urgent"]

_OPEN = 100
_SIGNALS = 20
_CLOSED = 20
_TASKS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One incident that is not closed.

    Args:
        incident: the incident.
        urgent: of the clocks that somebody must still meet the one to start the plan, else the one that runs out
            first; None when there is none.
        others: its other clocks, the one due first first.
        progress: of its notices; None before they are released.
    """

    incident: Incident
    urgent: Clock | None
    others: Sequence[Clock]
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Board:
    """All incidents at one moment.

    Args:
        moment: the time that the clocks are judged by, UTC.
        open: a page of incidents that are not closed, the most urgent first.
        open_count: how many such incidents there are.
        page: which page, from 1.
        pages: how many there are, one at least.
        drills: rehearsals that are not closed, kept apart; of many the most urgent.
        drill_count: how many there are.
        yours: what the viewer's role has to do, the most urgent first; what is real comes before every drill.
        theirs: what others have to do, in the same order; of each list the first ones.
        missed: how many clocks of real incidents are missed and still to be met.
        closed: a page of closed ones, newest first, drills among them.
        more: whether there are older ones.
        closed_count: how many real ones are closed.
        signals: of late, newest first; tests of signals left out.
    """

    moment: datetime
    open: Sequence[Line]
    open_count: int
    page: int
    pages: int
    drills: Sequence[Line]
    drill_count: int
    yours: Sequence[Task]
    theirs: Sequence[Task]
    missed: int
    closed: Sequence[Incident]
    more: bool
    closed_count: int
    signals: Sequence[Evidence]


@dataclass(frozen=True, slots=True)
class Urgent:
    """The clock that runs out first, with its incident, and the time it is judged by."""

    incident: Incident
    clock: Clock
    moment: datetime


def board(parts: Parts, person: Person, now: datetime, before: bytes | None = None, page: int = 1) -> Board:
    """Return the board of incidents.

    Args:
        parts: the vault's parts.
        person: who looks; their role decides which tasks are theirs.
        now: UTC.
        before: the last closed incident of the page before.
        page: of the open incidents, from 1; beyond the last one, the last one.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is no incident ``before``.
    """
    steps.viewer(parts, person, now, None)
    with parts.database.read() as connection:
        moment = steps.effective(connection, now)
        last = None if before is None else steps.matter(connection, before)
        own = concerned.own_ones(parts, connection, person)
        closed = incidents.closed_ones(connection, _CLOSED + 1, last, own)
        opened = [one for one in incidents.open_ones(connection) if one.incident_id not in own]
        clocks = incidents.clocks_of_open_ones(connection)
        ranked = sorted(opened, key=lambda one: _by_urgency(one, clocks.get(one.incident_id, [])))
        real, drills = [one for one in ranked if not one.drill], [one for one in ranked if one.drill]
        pages = max(1, -(-len(real) // _OPEN))
        page = min(max(1, page), pages)
        listed = real[(page - 1) * _OPEN : page * _OPEN] + drills[:_OPEN]
        progress = incident_board.progress_of(connection, [one.incident_id for one in listed])
        signals = concerned.not_about(parts, connection, person, incident_signals.newest(connection, _SIGNALS))
        closed_count = incident_board.closed_count(connection)
    lines = [_line(one, clocks.get(one.incident_id, []), progress.get(one.incident_id)) for one in listed]
    officers = frozenset(role for role in parts.policy.roles if parts.policy.allows(role, Right.INCIDENT))
    tasks = sorted(
        (
            task
            for one in opened
            for task in tasks_of(one, clocks.get(one.incident_id, []), parts.policy.incidents, officers)
        ),
        key=_task_order,
    )
    return Board(
        moment=moment,
        open=[line for line in lines if not line.incident.drill],
        open_count=len(real),
        page=page,
        pages=pages,
        drills=[line for line in lines if line.incident.drill],
        drill_count=len(drills),
        yours=[task for task in tasks if person.role in task.roles][:_TASKS],
        theirs=[task for task in tasks if person.role not in task.roles][:_TASKS],
        missed=sum(
            clock.is_open and clock.state(moment) is ClockState.MISSED
            for one in real
            for clock in clocks.get(one.incident_id, [])
        ),
        closed=closed[:_CLOSED],
        more=len(closed) > _CLOSED,
        closed_count=closed_count,
        signals=[one for one in signals if not one.tested],
    )


def most_urgent(parts: Parts, person: Person, now: datetime) -> Urgent | None:
    """Return the clock of a real incident that runs out first, for a page's head; None when nothing runs.

    Args:
        parts: the vault's parts.
        person: who looks; whoever may not read incidents is shown none.
        now: UTC.
    """
    if not parts.policy.allows(person.role, Right.INCIDENT_VIEW):
        return None
    with parts.database.read() as connection:
        found = incidents.due_first(connection)
        if found is not None and (own := concerned.own_ones(parts, connection, person)):
            found = incidents.due_first(connection, own)
        if found is None:
            return None
        moment = steps.effective(connection, now)
    return Urgent(*found, moment)


def _line(one: Incident, clocks: Sequence[Clock], progress: Progress | None) -> Line:
    urgent = _urgent(clocks)
    return Line(one, urgent, [clock for clock in clocks if clock is not urgent], progress)


def _urgent(clocks: Iterable[Clock]) -> Clock | None:
    # The two hours of BR-01 stand first until the plan is started, whatever else runs out before.
    running = (clock for clock in clocks if clock.is_open)
    return min(running, key=lambda clock: (clock.clock_id != ACTIVATE, clock.due_at), default=None)


def _by_urgency(one: Incident, clocks: Sequence[Clock]) -> tuple[bool, datetime]:
    urgent = _urgent(clocks)
    return urgent is None, urgent.due_at if urgent else one.opened_at


def _task_order(task: Task) -> tuple[bool, bool, datetime]:
    return task.incident.drill, task.clock is None, task.clock.due_at if task.clock else task.incident.opened_at
