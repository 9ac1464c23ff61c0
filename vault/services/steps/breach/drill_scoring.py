"""Scoring a drill by what its rows say: how long each thing took; once it is closed that is written down, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vault.domain.breach.drills import Line, Measure, lines, month_of, passed
from vault.domain.breach.incidents import IncidentState
from vault.domain.log import Action, Actor, Outcome
from vault.services.steps.breach.incidents import enter
from vault.services.steps.parts import Parts
from vault.storage.breach import drills, incidents
from vault.storage.breach.drills import Held, Score
from vault.storage.unit_of_work import UnitOfWork

_FACTS = {Measure.ACTIVATE: "to_activate", Measure.LIST: "to_list", Measure.NOTIFY: "to_notify"}


def measured(parts: Parts, connection: Connection, drill: Held) -> tuple[Line, ...]:
    """Measure a drill as far as it has come.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        drill: the drill.
    """
    done = {
        Measure.ACTIVATE: _activated_at(connection, drill.incident_id),
        Measure.LIST: drills.listed_at(connection, drill.incident_id),
        Measure.NOTIFY: drills.notified_at(connection, drill.incident_id),
    }
    return lines(parts.policy.drills, drill.aware_at, {one: at for one, at in done.items() if at is not None})


def score(parts: Parts, work: UnitOfWork, drill: Held, now: datetime) -> bool:
    """Write down what a closed drill was scored, with the event that says so; once.

    Args:
        parts: the vault's parts.
        work: the transaction it belongs to; its caller commits.
        drill: a drill that is closed.
        now: UTC.

    Returns:
        Whether this call did it.
    """
    found, month = measured(parts, work.connection, drill), month_of(drill.opened_at, parts.policy.zone)
    took: dict[str, Any] = {_FACTS[one.measure]: one.seconds for one in found if one.seconds is not None}
    event = parts.event(
        now,
        Actor("system", "system", node=parts.node),
        Action.DRILL_SCORED,
        Outcome.DONE,
        rule=parts.policy.drills.id,
        incident=drill.incident_id.hex(),
        month=f"{month:%Y-%m}",
        passed=int(passed(found)),
        **took,
    )
    if not drills.record(work.connection, Score(drill.incident_id, month, now, passed(found), found, event.event_id)):
        return False
    enter(parts, work, drill.incident_id, event)
    return True


def _activated_at(connection: Connection, incident_id: bytes) -> datetime | None:
    steps = (one for one in incidents.entries_of(connection, incident_id) if one.action == Action.INCIDENT_STEP.value)
    return next((one.at for one in steps if one.facts.get("to") == IncidentState.ACTIVATED.value), None)
