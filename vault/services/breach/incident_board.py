"""The board of incidents: what is open, what runs out first, and whose turn it is (BR-01).

It costs a fixed number of questions however many incidents there are, opens nothing sealed and shows no customer.
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
from vault.services.steps.breach import incidents as steps
from vault.services.steps.parts import Parts
from vault.storage.breach import incident_board, incident_signals, incidents
from vault.storage.breach.incident_board import Progress

__all__ = ["Board", "Line", "Progress", "Urgent", "board", "most_urgent"]

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
        open: incidents that are not closed, the most urgent first.
        drills: rehearsals that are not closed, kept apart.
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
    drills: Sequence[Line]
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


def board(parts: Parts, person: Person, now: datetime, before: bytes | None = None) -> Board:
    """Return the board of incidents.

    Args:
        parts: the vault's parts.
        person: who looks; their role decides which tasks are theirs.
        now: UTC.
        before: the last closed incident of the page before.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is no incident ``before``.
    """
    steps.viewer(parts, person, now)
    with parts.database.read() as connection:
        moment = steps.effective(connection, now)
        last = None if before is None else steps.matter(connection, before)
        closed = incidents.closed_ones(connection, _CLOSED + 1, last)
        opened = incidents.open_ones(connection)
        ids = [one.incident_id for one in opened]
        clocks = incidents.clocks_of(connection, ids)
        progress = incident_board.progress_of(connection, ids)
        signals = incident_signals.newest(connection, _SIGNALS)
        closed_count = incident_board.closed_count(connection)
    lines = sorted(
        (_line(one, clocks[one.incident_id], progress.get(one.incident_id)) for one in opened), key=_by_urgency
    )
    officers = frozenset(role for role in parts.policy.roles if parts.policy.allows(role, Right.INCIDENT))
    tasks = sorted(
        (task for one in opened for task in tasks_of(one, clocks[one.incident_id], parts.policy.incidents, officers)),
        key=_task_order,
    )
    real = [line for line in lines if not line.incident.drill]
    return Board(
        moment=moment,
        open=real,
        drills=[line for line in lines if line.incident.drill],
        yours=[task for task in tasks if person.role in task.roles][:_TASKS],
        theirs=[task for task in tasks if person.role not in task.roles][:_TASKS],
        missed=sum(
            clock.is_open and clock.state(moment) is ClockState.MISSED
            for line in real
            for clock in clocks[line.incident.incident_id]
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
        real = [one for one in incidents.open_ones(connection) if not one.drill]
        if not real:
            return None
        clocks = incidents.clocks_of(connection, [one.incident_id for one in real])
        moment = steps.effective(connection, now)
    running = [(clock.due_at, one, clock) for one in real for clock in _open(clocks[one.incident_id])]
    if not running:
        return None
    _, one, clock = min(running, key=lambda found: found[0])
    return Urgent(one, clock, moment)


def _line(one: Incident, clocks: Sequence[Clock], progress: Progress | None) -> Line:
    # The two hours of BR-01 stand first until the plan is started, whatever else runs out before.
    urgent = min(_open(clocks), key=lambda clock: (clock.clock_id != ACTIVATE, clock.due_at), default=None)
    return Line(one, urgent, [clock for clock in clocks if clock is not urgent], progress)


def _open(clocks: Iterable[Clock]) -> list[Clock]:
    return [clock for clock in clocks if clock.is_open]


def _by_urgency(line: Line) -> tuple[bool, datetime]:
    return line.urgent is None, line.urgent.due_at if line.urgent else line.incident.opened_at


def _task_order(task: Task) -> tuple[bool, bool, datetime]:
    return task.incident.drill, task.clock is None, task.clock.due_at if task.clock else task.incident.opened_at
