"""A drill walked through by two officers, on the walks that a real incident takes."""

from __future__ import annotations

from datetime import timedelta

from tests.simulator import World
from vault.domain.containment import Measure
from vault.domain.incidents import IncidentKind, IncidentState, Verdict
from vault.domain.radius import RadiusScope
from vault.services import breach_notices, containment, drills, incidents, notice_sending, radius
from vault.services.breach_notices import Wish

OFFICER, COLLEAGUE, SUPERVISOR, AUDITOR, AGENT = "KF2012", "KF2013", "KF2010", "KF2014", "KF2001"
STEP = timedelta(minutes=10)
LESSONS = "名单应在启动后立即固定"
TEXTS = {
    language: {name: f"{language} {name}" for name in ("cause", "harm", "measures", "advice")}
    for language in ("zh", "en")
}


def begun(world: World, kind: IncidentKind = IncidentKind.LEAK, who: str = OFFICER) -> bytes:
    """Begin a drill."""
    return drills.begin(world.parts, world.person(who), kind, world.now)


def activated(world: World, drill: bytes) -> None:
    """Start the emergency plan of a drill."""
    incidents.activate(world.parts, world.person(OFFICER), drill, "演练", world.now)


def listed(world: World, drill: bytes) -> bytes:
    """Freeze the list of a drill's customers; return the radius."""
    drawn = radius.freeze(world.parts, world.person(OFFICER), drill, RadiusScope(drill=True), world.now)
    assert drawn.radius_id is not None
    return drawn.radius_id


def notified(world: World, drill: bytes, frozen: bytes) -> None:
    """Prepare notices, let a colleague release them, and send them."""
    template = next(iter(world.parts.policy.breach_notices.templates))
    wish = Wish(frozen, template, (), TEXTS)
    campaign = breach_notices.prepare(world.parts, world.person(OFFICER), drill, wish, world.now)
    (told,) = breach_notices.standing(world.parts, world.person(COLLEAGUE), drill, world.now).campaigns
    digest = told.campaign.digest.hex()
    breach_notices.release(world.parts, world.person(COLLEAGUE), drill, campaign, digest, world.now)
    notice_sending.run(world.parts, world.person(OFFICER), drill, world.now)


def closed(world: World, drill: bytes) -> None:
    """Say that a drill's remaining tasks are done, and close it by two."""
    for one in incidents.shown(world.parts, world.person(OFFICER), drill, world.now).clocks:
        rule = world.parts.policy.incidents.clocks[one.clock_id]
        if one.is_open and rule.ends.value == "said":
            incidents.finish_clock(world.parts, world.person(OFFICER), drill, one.clock_id, "演练", world.now)
    incidents.ask_closing(world.parts, world.person(OFFICER), drill, LESSONS, world.now)
    incidents.close(world.parts, world.person(COLLEAGUE), drill, "已核对", world.now)


def held(world: World) -> bytes:
    """Hold a whole drill, ten minutes from step to step; return its incident."""
    drill = begun(world)
    world.now += STEP
    activated(world, drill)
    world.now += STEP
    incidents.assess(world.parts, world.person(OFFICER), drill, Verdict.BREACH, "演练", world.now)
    frozen = listed(world, drill)
    containment.take(world.parts, world.person(OFFICER), drill, Measure.FREEZE_REVEALS, "", "演练", world.now)
    advanced(world, drill, IncidentState.CONTAINED, IncidentState.REPAIRED)
    world.now += STEP
    notified(world, drill, frozen)
    advanced(world, drill, IncidentState.NOTIFIED)
    world.now += STEP
    ended(world, drill)
    closed(world, drill)
    return drill


def advanced(world: World, drill: bytes, *states: IncidentState) -> None:
    """Take steps, one after the other."""
    for state in states:
        incidents.advance(world.parts, world.person(OFFICER), drill, state, "演练", world.now)


def ended(world: World, drill: bytes) -> None:
    """End the measures that stand."""
    for one in world.rows("SELECT containment_id FROM containments WHERE ended_at IS NULL"):
        containment.end(world.parts, world.person(OFFICER), drill, one[0], "演练结束", world.now)
