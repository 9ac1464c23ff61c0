"""Emergency drills: one a month, on made-up customers, down the path of a real incident, and scored (EM-09)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from vault.domain.breach.drills import GuideStep, Line, Month
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.log import Action, Actor
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AlreadyDecided, NotFound
from vault.services.steps.breach import drill_customers, drill_months
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.drill_scoring import measured, score
from vault.services.steps.breach.incidents import Opening
from vault.services.steps.parts import Parts
from vault.storage import notifications
from vault.storage.breach import drill_customers as customers_of
from vault.storage.breach import drills, incidents
from vault.storage.breach.drills import Held
from vault.storage.unit_of_work import unit_of_work

_LISTED = 60
_ORDER = list(IncidentState)
_REACHED = {
    GuideStep.ACTIVATE: IncidentState.ACTIVATED,
    GuideStep.ASSESS: IncidentState.ASSESSED,
    GuideStep.CONTAIN: IncidentState.CONTAINED,
    GuideStep.REPAIR: IncidentState.REPAIRED,
    GuideStep.NOTIFY: IncidentState.NOTIFIED,
    GuideStep.CLOSE: IncidentState.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Card:
    """One drill and how it was done.

    Args:
        drill: the drill.
        lines: what was measured: what its score says once it is closed, as far as it has come before.
    """

    drill: Held
    lines: Sequence[Line]

    @property
    def is_over(self) -> bool:
        """Whether its score stands."""
        return self.drill.score is not None


@dataclass(frozen=True, slots=True)
class Guide:
    """Where a drill stands, and what comes next.

    Args:
        card: the drill as far as it has come.
        incident: its incident.
        customers: how many made-up customers it has.
        done: the steps that are done.
        next: the first one that is not; None when all are.
    """

    card: Card
    incident: Incident
    customers: int
    done: frozenset[GuideStep]
    next: GuideStep | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Drills as a whole.

    Args:
        months: the present month first, as far back as the rule says.
        cards: the newest drill first.
        due: whether this month's drill is still to be begun, and its day of reminding has come.
    """

    months: Sequence[Month]
    cards: Sequence[Card]
    due: bool


def begin(parts: Parts, who: Person | Actor, kind: IncidentKind, now: datetime) -> bytes:
    """Begin a drill: an incident that is marked as one for ever, with customers who do not exist.

    Args:
        parts: the vault's parts.
        who: an officer, or the local operator.
        kind: what is rehearsed.
        now: UTC.

    Returns:
        The incident's id.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``drill_still_open``: one after the other.
    """
    if isinstance(who, Person):
        steps.officer(parts, who, Action.INCIDENT_OPENED, now, None)
    actor = who.actor() if isinstance(who, Person) else who
    source = AwareSource.REPORT if isinstance(who, Person) else AwareSource.OPERATOR
    with unit_of_work(parts.database) as work:
        if drills.under_way(work.connection):
            raise AlreadyDecided("drill_still_open")
        incident_id = steps.open_incident(parts, work, actor, Opening(kind, source, drill=True), now)
        drill_customers.make(parts, work.connection, incident_id)
        work.commit()
    return incident_id


def overview(parts: Parts, who: Person | Actor, now: datetime) -> Overview:
    """List the drills, and the months that had theirs.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
    """
    if isinstance(who, Person):
        steps.viewer(parts, who, now, None)
    with parts.database.read() as connection:
        held = drills.newest(connection, _LISTED)
        cards = [_card(parts, connection, one) for one in held]
        at = steps.effective(connection, now)
        told = drill_months.listed(parts.policy, connection, at)
    return Overview(told, cards, drill_months.due(parts.policy, told, at) is not None)


def guided(parts: Parts, who: Person | Actor, incident_id: bytes, now: datetime) -> Guide:
    """Tell where a drill stands and what comes next; one that was closed a moment ago is scored first.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        incident_id: the drill.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        NotFound: there is none, or it is no drill.
    """
    if isinstance(who, Person):
        steps.viewer(parts, who, now, incident_id)
    with parts.database.read() as connection:
        drill = drills.one(connection, incident_id)
        at = steps.effective(connection, now)
    if drill is None:
        raise NotFound("incident")
    drill = _scored(parts, drill, at)
    with parts.database.read() as connection:
        incident = steps.matter(connection, incident_id)
        customers = customers_of.count(connection, incident_id)
        card = _card(parts, connection, drill)
        done = _done(incident, is_listed=drills.listed_at(connection, incident_id) is not None)
    return Guide(card, incident, customers, done, next((one for one in GuideStep if one not in done), None))


def tend(parts: Parts, now: datetime) -> int:
    """Score drills that were closed, and remind officers of a drill that is still to be held, or was missed.

    What is stored decides: nobody is told twice, and a run that was missed is only late.

    Returns:
        How many drills were scored.
    """
    scored = 0
    with parts.database.read() as connection:
        closed = [drills.one(connection, one) for one in drills.unscored(connection)]
        at = steps.effective(connection, now)
        told = drill_months.listed(parts.policy, connection, at)
    for one in filter(None, closed):
        scored += _scored(parts, one, at) is not one
    missed, due = drill_months.missed_last(told), drill_months.due(parts.policy, told, at)
    if due is not None:
        _tell(parts, NoticeKind.DRILL_DUE, due, at)
    if missed is not None:
        _tell(parts, NoticeKind.DRILL_MISSED, missed, at)
    return scored


def _scored(parts: Parts, drill: Held, at: datetime) -> Held:
    """Return a drill with its score, which is written down now if it is closed and has none; else as it is."""
    if drill.state is not IncidentState.CLOSED or drill.score is not None:
        return drill
    with unit_of_work(parts.database) as work:
        score(parts, work, drill, at)
        found = drills.one(work.connection, drill.incident_id)
        work.commit()
    return found or drill


def _card(parts: Parts, connection: Connection, drill: Held) -> Card:
    return Card(drill, drill.score.lines if drill.score else measured(parts, connection, drill))


def _done(incident: Incident, *, is_listed: bool) -> frozenset[GuideStep]:
    """Return the steps that are done; without a breach there is nothing to do between assessing and closing."""
    place = _ORDER.index(incident.state)
    done = {step for step, state in _REACHED.items() if place >= _ORDER.index(state)}
    if is_listed or incident.verdict is Verdict.NO_BREACH:
        done.add(GuideStep.LIST)
    if incident.verdict is Verdict.NO_BREACH:
        done |= {GuideStep.CONTAIN, GuideStep.REPAIR, GuideStep.NOTIFY}
    return frozenset(done)


def _tell(parts: Parts, kind: NoticeKind, month: date, at: datetime) -> None:
    """Tell officers something about a month, each once."""
    officers = [role for role in parts.policy.roles if parts.policy.allows(role, Right.INCIDENT)]
    with unit_of_work(parts.database) as work:
        # The month stands for itself: the same reminder of the same month is not written again.
        about = month.toordinal().to_bytes(16, "big")
        notifications.add(work.connection, incidents.people_of(work.connection, officers), kind, about, at)
        work.commit()
