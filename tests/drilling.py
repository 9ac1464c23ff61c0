"""A drill walked through by two officers, on the walks that a real incident takes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol

from vault.domain.breach.containment import Measure
from vault.domain.breach.incident_clocks import ClockEnd
from vault.domain.breach.incidents import IncidentKind, IncidentState, Verdict
from vault.domain.breach.radius import RadiusScope
from vault.domain.people import Person
from vault.services.breach import (
    breach_notices,
    containment,
    drills,
    incident_response,
    incidents,
    notice_sending,
    radius,
)
from vault.services.breach.breach_notices import Wish
from vault.services.steps.parts import Parts

OFFICER, COLLEAGUE, SUPERVISOR, AUDITOR, AGENT = "KF2012", "KF2013", "KF2010", "KF2014", "KF2001"
STEP = timedelta(minutes=10)
LESSONS = "名单应在启动后立即固定"
TEXTS = {
    language: {name: f"{language} {name}" for name in ("cause", "harm", "measures", "advice")}
    for language in ("zh", "en")
}


class Stage(Protocol):
    """Where a drill is held: a world, or whatever knows its people and what time it is there."""

    parts: Parts
    now: datetime

    def person(self, work_number: str) -> Person:
        """Return somebody as the gate knows them."""

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Read rows as somebody who holds the database."""


Two = tuple[str, str]
"""Who does most of it, and who releases and closes."""

BOTH: Two = (OFFICER, COLLEAGUE)


def begun(stage: Stage, kind: IncidentKind = IncidentKind.LEAK, who: str = OFFICER) -> bytes:
    """Begin a drill."""
    return drills.begin(stage.parts, stage.person(who), kind, stage.now)


def activated(stage: Stage, drill: bytes, by: Two = BOTH) -> None:
    """Start the emergency plan of a drill."""
    incident_response.activate(stage.parts, stage.person(by[0]), drill, "演练", stage.now)


def listed(stage: Stage, drill: bytes, by: Two = BOTH) -> bytes:
    """Freeze the list of a drill's customers; return the radius."""
    drawn = radius.freeze(stage.parts, stage.person(by[0]), drill, RadiusScope(drill=True), stage.now)
    assert drawn.radius_id is not None
    return drawn.radius_id


def notified(stage: Stage, drill: bytes, frozen: bytes, by: Two = BOTH) -> None:
    """Prepare notices, let a colleague release them, and send them."""
    template = next(iter(stage.parts.policy.breach_notices.templates))
    wish = Wish(frozen, template, (), TEXTS)
    campaign = breach_notices.prepare(stage.parts, stage.person(by[0]), drill, wish, stage.now)
    (told,) = breach_notices.standing(stage.parts, stage.person(by[1]), drill, stage.now).campaigns
    digest = told.campaign.digest.hex()
    breach_notices.release(stage.parts, stage.person(by[1]), drill, campaign, digest, stage.now)
    notice_sending.run(stage.parts, stage.person(by[0]), drill, stage.now)


def advanced(stage: Stage, drill: bytes, *states: IncidentState, by: Two = BOTH) -> None:
    """Take steps, one after the other."""
    for state in states:
        incident_response.advance(stage.parts, stage.person(by[0]), drill, state, "演练", stage.now)


def ended(stage: Stage, drill: bytes, by: Two = BOTH) -> None:
    """End the measures that stand."""
    standing = "SELECT containment_id FROM containments WHERE incident_id = :one AND ended_at IS NULL"
    for row in stage.rows(standing, one=drill):
        containment.end(stage.parts, stage.person(by[0]), drill, row[0], "演练结束", stage.now)


def closed(stage: Stage, drill: bytes, by: Two = BOTH) -> None:
    """Say that the remaining tasks are done, and close it by two."""
    for one in incidents.shown(stage.parts, stage.person(by[0]), drill, stage.now).clocks:
        rule = stage.parts.policy.incidents.clocks[one.clock_id]
        if one.is_open and rule.ends is ClockEnd.SAID:
            incident_response.finish_clock(stage.parts, stage.person(by[0]), drill, one.clock_id, "演练", stage.now)
    incident_response.ask_closing(stage.parts, stage.person(by[0]), drill, LESSONS, stage.now)
    incident_response.close(stage.parts, stage.person(by[1]), drill, "已核对", stage.now)


def held(stage: Stage, by: Two = BOTH) -> bytes:
    """Hold a whole drill, ten minutes from step to step; return its incident."""
    drill = begun(stage, who=by[0])
    stage.now += STEP
    activated(stage, drill, by)
    stage.now += STEP
    incident_response.assess(stage.parts, stage.person(by[0]), drill, Verdict.BREACH, "演练", stage.now)
    frozen = listed(stage, drill, by)
    containment.take(stage.parts, stage.person(by[0]), drill, Measure.FREEZE_REVEALS, "", "演练", stage.now)
    advanced(stage, drill, IncidentState.CONTAINED, IncidentState.REPAIRED, by=by)
    stage.now += STEP
    notified(stage, drill, frozen, by)
    advanced(stage, drill, IncidentState.NOTIFIED, by=by)
    stage.now += STEP
    ended(stage, drill, by)
    closed(stage, drill, by)
    return drill
