"""Every customer of a frozen radius is told before an incident is called notified, or two set the radius aside."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from tests import breach
from tests.breach import OFFICER, SECOND
from vault.domain.breach.incidents import IncidentState, Verdict
from vault.domain.ids import RecordClass
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound, StepUpNeeded
from vault.services.breach import breach_notices, incident_drafts, incident_report, incident_response, radius_aside
from vault.services.breach.radius import found as radii_found
from vault.services.breach.radius import reach
from vault.services.steps.breach import noticing

WHY = "误选了全部客户"


def outstanding(world, incident_id):
    with world.parts.database.read() as connection:
        return noticing.outstanding(connection, incident_id)


def ask(world, incident, radius, who=OFFICER, why=WHY):
    radius_aside.ask(world.parts, world.person(who), incident, radius, why, world.now)


def read(world, incident, radius, who=SECOND):
    """Return the digest that another officer reads on the page."""
    found = reach(world.parts, world.person(who), incident, radius, b"", 0, world.now)
    return found.aside_of(radius).digest


def confirm(world, incident, radius, who=SECOND, digest=None, at=None):
    typed = read(world, incident, radius) if digest is None else digest
    radius_aside.confirm(world.parts, world.person(who), incident, radius, typed, at or world.now)


def aside(world, incident, radius):
    ask(world, incident, radius)
    confirm(world, incident, radius)


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


def test_two_officers_set_a_radius_aside_and_the_report_names_both(world, matter):
    incident, large, _ = matter
    ask(world, incident, large)
    told = incident_report.show(world.parts, world.person(OFFICER), incident, world.now).document
    assert [one["set_aside"] for one in told["radii"]] == [None, None]  # one alone takes nobody out
    assert outstanding(world, incident) == 2
    confirm(world, incident, large)
    assert outstanding(world, incident) == 0
    events = world.events("incident.radius_set_aside")
    assert [(one["actor"], one["outcome"], one["facts"]["mode"], one["facts"]["count"]) for one in events] == [
        (OFFICER, "done", "asked", 3),
        (SECOND, "done", "confirmed", 3),
    ]
    assert WHY not in json.dumps(world.events(), ensure_ascii=False)
    radii = breach_notices.radii(world.parts, world.person(OFFICER), incident, world.now)
    assert large not in [one.radius_id for one in radii]
    with pytest.raises(NotFound):
        breach.prepared(world, incident, large)
    for again in (ask, confirm):
        with pytest.raises(AlreadyDecided, match="radius_set_aside"):
            again(world, incident, large)
    told = incident_report.show(world.parts, world.person(OFFICER), incident, world.now).document
    said = {one["radius"]: one["set_aside"] for one in told["radii"]}
    assert sum(one is None for one in said.values()) == 1
    of_it = said[large.hex()]
    assert (of_it["asked_by"], of_it["confirmed_by"], of_it["reason"]) == (OFFICER, SECOND, WHY)
    assert of_it["asked_at"]
    assert of_it["confirmed_at"]


def test_an_officer_sets_nothing_aside_alone_nor_under_another_account(world, matter):
    incident, large, _ = matter
    ask(world, incident, large, SECOND)  # a colleague's radius
    with pytest.raises(AccessRefused, match="own_radius"):
        confirm(world, incident, large, SECOND)
    world.staff({"work_number": "KF2099", "name": "上官 雨", "role": "imd", "outlet": "NJ-GL-01", "team": ""})
    ask(world, incident, large, OFFICER)
    with pytest.raises(AccessRefused, match="own_radius"):
        confirm(world, incident, large, "KF2099")
    refused = world.events("incident.radius_set_aside", "refused")
    assert [(one["actor"], one["rule"]) for one in refused] == [(SECOND, "own_radius"), ("KF2099", "own_radius")]
    assert outstanding(world, incident) == 2
    confirm(world, incident, large, SECOND)
    assert outstanding(world, incident) == 0


def test_what_is_confirmed_is_what_was_read(world, matter):
    incident, large, _ = matter
    with pytest.raises(NotFound):
        confirm(world, incident, large, digest="0" * 64)  # nobody has asked
    ask(world, incident, large)
    before = read(world, incident, large)
    for wrong in ("", "0" * 64, before[:-1]):
        with pytest.raises(InvalidValue, match="notice_digest_differs"):
            confirm(world, incident, large, digest=wrong)
    ask(world, incident, large, why="另一个理由")
    with pytest.raises(InvalidValue, match="notice_digest_differs"):
        confirm(world, incident, large, digest=before)
    assert outstanding(world, incident) == 2
    confirm(world, incident, large, digest=f" {read(world, incident, large).upper()} ")
    assert outstanding(world, incident) == 0


def test_two_who_confirm_at_once_set_it_aside_once(world, matter):
    incident, large, _ = matter
    world.staff({"work_number": "KF2098", "name": "第三人", "role": "imd", "outlet": "NJ-GL-01", "team": ""})
    ask(world, incident, large)
    digest, start = read(world, incident, large), Barrier(2)

    def one(who):
        start.wait()
        try:
            confirm(world, incident, large, who, digest)
        except AlreadyDecided as error:
            return error.reason
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, (SECOND, "KF2098"))) == ["done", "radius_set_aside"]
    assert [one["facts"]["mode"] for one in world.events("incident.radius_set_aside", "done")] == ["asked", "confirmed"]


def test_setting_aside_needs_a_reason_a_fresh_sign_in_and_an_open_incident(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident, other = breach.opened(world), breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    with pytest.raises(InvalidValue, match="reason_missing"):
        ask(world, incident, radius, why="  ")
    with pytest.raises(InvalidValue, match="text_too_long"):
        ask(world, incident, radius, why="长" * 4001)
    ask(world, incident, radius)
    digest = read(world, incident, radius)
    with pytest.raises(StepUpNeeded):
        confirm(world, incident, radius, at=world.now + timedelta(hours=1))
    for matter, drawn in ((other, radius), (incident, bytes(16)), (bytes(16), radius)):
        for act in (ask, lambda *at: confirm(*at, digest=digest)):
            with pytest.raises(NotFound):
                act(world, matter, drawn)
    for who in ("KF2001", "KF2011", "ADMIN01"):
        for act in (ask, lambda *at: confirm(*at, digest=digest)):
            with pytest.raises(AccessRefused, match="no_right"):
                act(world, incident, radius, who)
    world.tamper("UPDATE incidents SET state = 'closed' WHERE incident_id = :one", one=incident)
    for act in (ask, lambda *at: confirm(*at, digest=digest)):
        with pytest.raises(AlreadyDecided, match="incident_closed"):
            act(world, incident, radius)


def test_drafts_for_the_authority_count_no_radius_that_was_set_aside(sqlite_world):
    world = sqlite_world
    breach.customers(world, 3)
    incident, ids = breach.opened(world), breach.ids_of(world)
    breach.frozen(world, incident, ids[:1])
    world.now += timedelta(seconds=1)
    mistaken = breach.frozen(world, incident, ids)
    before = incident_drafts.draft(world.parts, world.person(OFFICER), incident, world.now).counts
    aside(world, incident, mistaken)
    after = incident_drafts.draft(world.parts, world.person(OFFICER), incident, world.now).counts
    assert (before.customers, after.customers) == (3, 1)


def test_a_radius_is_named_by_the_first_digits_of_its_id(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident, other = breach.opened(world), breach.opened(world)
    one, two = (breach.frozen(world, incident, breach.ids_of(world)) for _ in range(2))
    assert radii_found(world.parts, incident, f" {one.hex()[:6].upper()} ") == one
    for typed in (one.hex()[:5], "", "zzzzzz", one.hex() + "0", "000000"):
        with pytest.raises(NotFound, match="radius"):
            radii_found(world.parts, incident, typed)
    with pytest.raises(NotFound, match="radius"):
        radii_found(world.parts, other, one.hex()[:6])  # of another incident
    twin = one[:3] + two[3:]
    for table in ("radius_customers", "incident_radii"):
        world.tamper(f"UPDATE {table} SET radius_id = :twin WHERE radius_id = :two", twin=twin, two=two)
    with pytest.raises(NotFound, match="radius"):
        radii_found(world.parts, incident, one.hex()[:6])
    assert radii_found(world.parts, incident, one.hex()) == one


def test_notices_of_a_radius_that_was_set_aside_are_not_released(sqlite_world):
    world = sqlite_world
    breach.customers(world, 1)
    incident = breach.opened(world)
    radius = breach.frozen(world, incident, breach.ids_of(world))
    campaign = breach.prepared(world, incident, radius)
    aside(world, incident, radius)
    with pytest.raises(AlreadyDecided, match="notice_moved_on"):
        breach.release(world, incident, campaign)
