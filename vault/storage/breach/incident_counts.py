"""Counting how the response to breaches stands, drills aside: states, clocks and notices; nothing of a customer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from vault.domain.breach.breach_notices import REACHED, CampaignState, RecipientState
from vault.domain.breach.incidents import IncidentState, Verdict
from vault.domain.log import Action
from vault.storage.compliance import Tally
from vault.storage.tables import (
    incident_clocks,
    incident_entries,
    incidents,
    notice_campaigns,
    notice_recipients,
    notice_waivers,
)

_incident, _clock, _entry = incidents.c, incident_clocks.c, incident_entries.c
_campaign, _recipient = notice_campaigns.c, notice_recipients.c
_REAL = _incident.drill.is_(False)
_STUCK = (RecipientState.UNKNOWN, RecipientState.FAILED)


def opened(connection: Connection, since: datetime) -> int:
    """Return how many incidents were opened since a moment."""
    return _count(connection, _REAL, _incident.opened_at >= since)


def standing_in(connection: Connection, *states: IncidentState, aware_before: datetime | None = None) -> Tally:
    """Return how many incidents stand in one of these states, and since when somebody was aware of the oldest.

    Args:
        connection: an open connection.
        states: not closed; one that was called no breach is not counted.
        aware_before: only those of which somebody was aware so early, UTC.
    """
    words = [one.value for one in states]
    query = select(func.count(), func.min(_incident.aware_since)).where(
        _REAL, _incident.verdict != Verdict.NO_BREACH.value, _incident.state.in_(words)
    )
    if aware_before is not None:
        query = query.where(_incident.aware_since < aware_before)
    return Tally(*connection.execute(query).one())


def reached(connection: Connection, state: IncidentState, since: datetime) -> int:
    """Return how many incidents took a step since a moment."""
    took = exists().where(
        _entry.incident_id == _incident.incident_id,
        _entry.action == Action.INCIDENT_STEP.value,
        _entry.at >= since,
        _entry.facts.like(f'%"to": "{state.value}"%'),
    )
    return _count(connection, _REAL, took)


def clocks_met(connection: Connection, clock_id: str, since: datetime) -> int:
    """Return how many clocks of a kind were due since a moment and done in time."""
    met = and_(_clock.done_at.is_not(None), _clock.missed_at.is_(None), _clock.done_at <= _clock.due_at)
    count, _ = connection.execute(_clocks(clock_id, _clock.due_at >= since, met)).one()
    return int(count)


def clocks_missed(connection: Connection, clock_id: str, since: datetime, now: datetime) -> Tally:
    """Return the clocks of a kind that were missed since a moment, and those that are missed and still not done.

    Args:
        connection: an open connection.
        clock_id: of the policy.
        since: from which due clocks of the past are counted, UTC.
        now: UTC.
    """
    is_open = and_(_clock.done_at.is_(None), _clock.dropped_at.is_(None))
    late = or_(_clock.missed_at.is_not(None), _clock.done_at > _clock.due_at)
    missed = or_(and_(is_open, _clock.due_at < now), and_(late, _clock.due_at >= since))
    return Tally(*connection.execute(_clocks(clock_id, missed)).one())


def customers_told(connection: Connection, since: datetime) -> int:
    """Return how many customers a notice reached since a moment."""
    return _recipients(connection, _recipient.state.in_([one.value for one in REACHED]), since).count


def customers_stuck(connection: Connection) -> Tally:
    """Return the customers whose notice failed or is in doubt: somebody must decide on them."""
    return _recipients(connection, _recipient.state.in_([one.value for one in _STUCK]), None)


def waived(connection: Connection) -> int:
    """Return for how many incidents two people decided to notify nobody."""
    confirmed = exists().where(
        notice_waivers.c.incident_id == _incident.incident_id, notice_waivers.c.confirmed_at.is_not(None)
    )
    return _count(connection, _REAL, confirmed)


def _recipients(connection: Connection, condition: ColumnElement[bool], since: datetime | None) -> Tally:
    joined = notice_recipients.join(notice_campaigns, _campaign.campaign_id == _recipient.campaign_id)
    joined = joined.join(incidents, _incident.incident_id == _campaign.incident_id)
    query = (
        select(func.count(), func.min(_recipient.settled_at))
        .select_from(joined)
        .where(_REAL, _campaign.state == CampaignState.RELEASED.value, condition)
    )
    if since is not None:
        query = query.where(_recipient.settled_at >= since)
    return Tally(*connection.execute(query).one())


def _clocks(clock_id: str, *conditions: ColumnElement[bool]) -> Select[int, datetime]:
    joined = incident_clocks.join(incidents, _incident.incident_id == _clock.incident_id)
    query = select(func.count(), func.min(_clock.due_at)).select_from(joined)
    return query.where(_REAL, _clock.clock_id == clock_id, *conditions)


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(incidents).where(*conditions)
    return int(connection.execute(query).scalar_one())
