"""Every customer of a frozen radius is told before an incident is called notified, or two set the radius aside."""

import json
from datetime import timedelta

import pytest

from tests import breach
from tests.breach import OFFICER, SECOND
from vault.domain.breach.incidents import IncidentState, Verdict
from vault.domain.ids import RecordClass
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound, StepUpNeeded
from vault.services.breach import breach_notices, incident_report, incident_response, radius_aside
from vault.services.steps.breach import noticing

WHY = "误选了全部客户"


def outstanding(world, incident_id):
    with world.parts.database.read() as connection:
        return noticing.outstanding(connection, incident_id)


def aside(world, incident, radius, who=SECOND, why=WHY, at=None):
    radius_aside.set_aside(world.parts, world.person(who), incident, radius, why, at or world.now)


@pytest.fixture
def matter(world):
    """An incident whose notices went to one customer of three; with its radii, the large one and the small one."""
    breach.customers(world, 3)
    incident, ids = breach.opened(world), breach.ids_of(world)
    large, small = breach.frozen(world, incident, ids), breach.frozen(world, incident, ids[:1])
    campaign = breach.prepared(world, incident, small)
    breach.release(world, incident, campaign)
    world.tamper("UPDATE notice_recipients SET state = 'sent' WHERE campaign_id = :one", one=campaign)
    return incident, large, small


def test_customers_of_a_radius_without_a_notice_keep_an_incident_from_being_notified(world, matter):
    incident, large, _ = matter
    assert outstanding(world, incident) == 2
    officer = world.person(OFFICER)
    incident_response.activate(world.parts, officer, incident, "启动", world.now)
    incident_response.assess(world.parts, officer, incident, Verdict.BREACH, "看过日志", world.now)
    for state in (IncidentState.CONTAINED, IncidentState.REPAIRED):
        incident_response.advance(world.parts, officer, incident, state, "做完", world.now)
    with pytest.raises(InvalidValue, match="notices_outstanding"):
        incident_response.advance(world.parts, officer, incident, IncidentState.NOTIFIED, "做完", world.now)
    rest = breach.prepared(world, incident, large)
    assert breach.states(world, rest) == {"waiting": 2}
    breach.release(world, incident, rest)
    world.tamper("UPDATE notice_recipients SET state = 'sent' WHERE campaign_id = :one", one=rest)
    incident_response.advance(world.parts, officer, incident, IncidentState.NOTIFIED, "做完", world.now)
    breach.customers(world, 1)
    breach.frozen(world, incident, breach.ids_of(world))
    assert outstanding(world, incident) == 1  # a radius that is frozen later counts too


def test_radii_of_other_incidents_and_records_without_customers_count_nothing(sqlite_world):
    world = sqlite_world
    incident, _ = breach.released(world, 1)
    other = breach.opened(world)
    breach.customers(world, 2)
    breach.frozen(world, other, breach.ids_of(world))
    unlinked = breach.frozen(world, incident, [bytes(15) + b"\1"])
    world.tamper(
        "UPDATE radius_customers SET record_class = :kind WHERE radius_id = :one",
        kind=RecordClass.SHIPMENT.value,
        one=unlinked,
    )
    assert (outstanding(world, incident), outstanding(world, other)) == (1, 3)


def test_another_officer_sets_a_radius_aside_and_the_report_says_so(world, matter):
    incident, large, _ = matter
    aside(world, incident, large)
    assert outstanding(world, incident) == 0
    (event,) = world.events("incident.radius_set_aside")
    assert (event["outcome"], event["facts"]["count"]) == ("done", 3)
    assert WHY not in json.dumps(world.events(), ensure_ascii=False)
    radii = breach_notices.radii(world.parts, world.person(OFFICER), incident, world.now)
    assert large not in [one.radius_id for one in radii]
    with pytest.raises(NotFound):
        breach.prepared(world, incident, large)
    with pytest.raises(AlreadyDecided, match="radius_set_aside"):
        aside(world, incident, large)
    told = incident_report.show(world.parts, world.person(OFFICER), incident, world.now).document
    said = {one["radius"]: one["set_aside"] for one in told["radii"]}
    assert (said[large.hex()]["by"], said[large.hex()]["reason"]) == (SECOND, WHY)
    assert sum(one is None for one in said.values()) == 1


def test_who_froze_it_does_not_set_it_aside_nor_does_somebody_of_the_same_name(world, matter):
    incident, large, _ = matter
    with pytest.raises(AccessRefused, match="own_radius"):
        aside(world, incident, large, OFFICER)
    world.staff({"work_number": "KF2099", "name": "上官 雨", "role": "imd", "outlet": "NJ-GL-01", "team": ""})
    with pytest.raises(AccessRefused, match="own_radius"):
        aside(world, incident, large, "KF2099")
    assert len(world.events("incident.radius_set_aside", "refused")) == 2
    assert outstanding(world, incident) == 2


def test_setting_aside_needs_a_reason_a_fresh_sign_in_and_an_open_incident(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident, other = breach.opened(world), breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    with pytest.raises(InvalidValue, match="reason_missing"):
        aside(world, incident, radius, why="  ")
    with pytest.raises(StepUpNeeded):
        aside(world, incident, radius, at=world.now + timedelta(hours=1))
    for matter, drawn in ((other, radius), (incident, bytes(16)), (bytes(16), radius)):
        with pytest.raises(NotFound):
            aside(world, matter, drawn)
    for who in ("KF2001", "KF2011", "ADMIN01"):
        with pytest.raises(AccessRefused, match="no_right"):
            aside(world, incident, radius, who)
    world.tamper("UPDATE incidents SET state = 'closed' WHERE incident_id = :one", one=incident)
    with pytest.raises(AlreadyDecided, match="incident_closed"):
        aside(world, incident, radius)


def test_notices_of_a_radius_that_was_set_aside_are_not_released(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    campaign = breach.prepared(world, incident, radius)
    aside(world, incident, radius)
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        breach.release(world, incident, campaign)
