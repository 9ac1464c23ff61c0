"""Drills as they were held: which incidents are drills, and what each was scored, written once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Select, case, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.breach.breach_notices import OUTSTANDING, CampaignState
from vault.domain.breach.drills import Line, Measure
from vault.domain.breach.incidents import IncidentState
from vault.storage.tables import (
    drill_customers,
    drill_scores,
    incident_radii,
    incidents,
    notice_campaigns,
    notice_recipients,
    vault_state,
)

_incident, _score = incidents.c, drill_scores.c
_WITH_CUSTOMERS = exists().where(drill_customers.c.incident_id == _incident.incident_id)
"""An incident that only tests a signal is marked as a drill too, and has no customers: no drill of a month."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a drill was scored.

    Args:
        incident_id: the drill.
        month: first day of the company's month it was held in.
        scored_at: UTC.
        passed: whether everything was done in time.
        lines: what was measured.
        event_id: the event that the log holds of it.
    """

    incident_id: bytes
    month: date
    scored_at: datetime
    passed: bool
    lines: tuple[Line, ...]
    event_id: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """One drill.

    Args:
        incident_id: its incident.
        state: how far it has come.
        aware_at: from when it is measured, UTC.
        opened_at: UTC.
        opened_by: actor.
        score: None before it is closed.
    """

    incident_id: bytes
    state: IncidentState
    aware_at: datetime
    opened_at: datetime
    opened_by: str
    score: Score | None


def record(connection: Connection, score: Score) -> bool:
    """Write what a drill was scored; it is never changed.

    Returns:
        Whether this call wrote it: of two at once, one does.
    """
    put = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = put(drill_scores).values(
        incident_id=score.incident_id,
        month=score.month,
        scored_at=score.scored_at,
        passed=score.passed,
        lines=json.dumps([[one.measure.value, one.seconds, one.target] for one in score.lines]),
        event_id=score.event_id,
    )
    made = row.on_conflict_do_nothing().returning(_score.incident_id)
    return connection.execute(made).first() is not None


def newest(connection: Connection, limit: int) -> list[Held]:
    """List drills, newest first."""
    return _held(connection, _drills().limit(limit))


def since(connection: Connection, at: datetime) -> list[Held]:
    """List the drills that were opened since a moment, newest first."""
    return _held(connection, _drills().where(_incident.opened_at >= at))


def one(connection: Connection, incident_id: bytes) -> Held | None:
    """Return a drill; None of what is none."""
    return next(iter(_held(connection, _drills().where(_incident.incident_id == incident_id))), None)


def unscored(connection: Connection) -> list[bytes]:
    """Return the drills that are closed and were not scored yet."""
    query = _drills().where(_incident.state == IncidentState.CLOSED.value, _score.incident_id.is_(None))
    return [row.incident_id for row in connection.execute(query)]


def under_way(connection: Connection) -> bool:
    """Return whether a drill is not closed yet; of two who ask at once in a writing transaction, one waits."""
    connection.execute(select(vault_state.c.singleton).with_for_update())
    return (
        connection.execute(_drills().where(_incident.state != IncidentState.CLOSED.value).limit(1)).first() is not None
    )


def listed_at(connection: Connection, incident_id: bytes) -> datetime | None:
    """Return when the list of an incident's affected customers was first frozen."""
    query = select(func.min(incident_radii.c.drawn_at)).where(incident_radii.c.incident_id == incident_id)
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def notified_at(connection: Connection, incident_id: bytes) -> datetime | None:
    """Return when the last customer of an incident was notified or known to be out of reach; None while one is not."""
    campaign, recipient = notice_campaigns.c, notice_recipients.c
    outstanding = case((recipient.state.in_([one.value for one in OUTSTANDING]), 1), else_=0)
    query = (
        select(func.count(), func.sum(outstanding), func.max(recipient.settled_at))
        .select_from(notice_campaigns.join(notice_recipients, campaign.campaign_id == recipient.campaign_id))
        .where(campaign.incident_id == incident_id, campaign.state == CampaignState.RELEASED.value)
    )
    count, left, last = connection.execute(query).one()
    return last if count and not left else None


def _drills() -> Select[tuple[object, ...]]:
    columns = (_incident.incident_id, _incident.state, _incident.aware_since, _incident.opened_at, _incident.opened_by)
    scores = (_score.month, _score.scored_at, _score.passed, _score.lines, _score.event_id)
    joined = incidents.outerjoin(drill_scores, _score.incident_id == _incident.incident_id)
    return (
        select(*columns, *scores)
        .select_from(joined)
        .where(_incident.drill.is_(True), _WITH_CUSTOMERS)
        .order_by(_incident.opened_at.desc(), _incident.incident_id)
    )


def _held(connection: Connection, query: Select[tuple[object, ...]]) -> list[Held]:
    found = []
    for row in connection.execute(query):
        score = None
        if row.scored_at is not None:
            measured = tuple(Line(Measure(name), seconds, target) for name, seconds, target in json.loads(row.lines))
            score = Score(row.incident_id, row.month, row.scored_at, row.passed, measured, row.event_id)
        state = IncidentState(row.state)
        found.append(Held(row.incident_id, state, row.aware_since, row.opened_at, row.opened_by, score))
    return found
