"""Drills from their beginning to their score, on the walks of a real incident; nobody real is ever concerned."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests import drilling
from tests.drilling import AGENT, AUDITOR, COLLEAGUE, OFFICER, SUPERVISOR, activated, begun, held, listed
from tests.simulator import NOW
from vault.domain.breach.drills import DOMAIN, GuideStep, Measure, MonthState
from vault.domain.breach.incidents import AwareSource, IncidentKind, IncidentState, Verdict
from vault.domain.log import Actor
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services import inbox
from vault.services.breach import drills, incident_response, incidents
from vault.services.steps.breach.incidents import Opening, open_incident
from vault.storage.unit_of_work import unit_of_work

SECOND = timedelta(seconds=1)


def overview(world, who=OFFICER):
    return drills.overview(world.parts, world.person(who), world.now)


def guided(world, drill, who=OFFICER):
    return drills.guided(world.parts, world.person(who), drill, world.now)


def states(world):
    return {one.first.isoformat()[:7]: one.state for one in overview(world).months}


def notices(world, number):
    return [one.kind.value for one in inbox.listed(world.parts, world.person(number))]


def test_a_whole_drill_is_scored_by_its_own_timeline(world):
    drill = held(world)
    assert drills.tend(world.parts, world.now) == 1
    (card,) = overview(world).cards
    assert card.drill.incident_id == drill
    took = {one.measure: one.seconds for one in card.lines}
    sending = took.pop(Measure.NOTIFY)
    assert took == {Measure.ACTIVATE: 600, Measure.LIST: 1200}
    assert 1800 <= sending < 1830  # how long the sending itself took is added
    assert card.drill.score.passed
    assert states(world) == {"2026-11": MonthState.HELD}
    (event,) = world.events("drill.scored")
    assert event["facts"] == {
        "incident": drill.hex(), "month": "2026-11", "passed": 1,
        "to_activate": 600, "to_list": 1200, "to_notify": sending,
    }  # fmt: skip
    assert event["actor"] == "system"
    world.settle()
    assert world.verify().holds


def test_a_score_is_written_once_however_often_and_from_wherever_it_is_asked_for(world):
    drill = held(world)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: drills.tend(world.parts, world.now), range(4)))
    guided(world, drill)
    assert world.count("drill_scores") == len(world.events("drill.scored")) == 1


def test_one_that_was_closed_a_moment_ago_is_scored_when_it_is_looked_at(world):
    drill = held(world)
    assert guided(world, drill).card.is_over
    assert world.count("drill_scores") == 1


def test_a_drill_concerns_nobody_real_and_changes_nothing(company):
    world = company
    for number in (OFFICER, COLLEAGUE):
        world.activate(number)
    before = {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("records", "record_fields")}
    opened = len(world.events("notice.contacts_opened"))
    drill = held(world)
    after = {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in before}
    assert after == before
    made_up = {row[0] for row in world.rows("SELECT record_id FROM drill_customers")}
    concerned = {row[0] for row in world.rows("SELECT record_id FROM radius_customers")}
    notified = {row[0] for row in world.rows("SELECT record_id FROM notice_recipients")}
    assert concerned == notified == made_up
    assert not made_up & {row[0] for row in world.rows("SELECT record_id FROM records")}
    assert len(made_up) == world.parts.policy.drills.customers
    assert [bool(row[0]) for row in world.rows("SELECT rehearsed FROM containments")] == [True]
    assert {row[0] for row in world.rows("SELECT channel FROM notice_recipients")} == {"sink"}
    for event in world.events("notice.contacts_opened")[opened:]:
        assert {one["id"] for one in event["records"]} <= {one.hex() for one in made_up}
    assert guided(world, drill).customers == len(made_up)


def test_a_drill_cannot_reach_for_real_customers_nor_anything_else_for_a_drills(world):
    drill = begun(world)
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT)
    real = incidents.open_one(world.parts, world.person(OFFICER), opening, world.now)
    with pytest.raises(InvalidValue, match="scope_of_drill"):
        listed(world, real)
    scope = drilling.RadiusScope(person=AGENT)
    with pytest.raises(InvalidValue, match="scope_of_drill"):
        drilling.radius.freeze(world.parts, world.person(OFFICER), drill, scope, world.now)
    with pytest.raises(NotFound):
        guided(world, real)


def test_what_is_sealed_of_a_made_up_customer_says_that_it_is_made_up_and_is_sealed(world):
    begun(world)
    for (sealed,) in world.rows("SELECT sealed_fields FROM drill_customers"):
        assert DOMAIN.encode() not in bytes(sealed)


def test_a_slow_drill_is_scored_as_too_slow_and_still_counts_for_its_month(world):
    drill = begun(world)
    world.now += timedelta(seconds=world.parts.policy.drills.activate_seconds) + SECOND
    activated(world, drill)
    incident_response.assess(world.parts, world.person(OFFICER), drill, Verdict.BREACH, "演练", world.now)
    frozen = drilling.listed(world, drill)
    drilling.advanced(world, drill, IncidentState.CONTAINED, IncidentState.REPAIRED)
    drilling.notified(world, drill, frozen)
    drilling.advanced(world, drill, IncidentState.NOTIFIED)
    drilling.closed(world, drill)
    card = guided(world, drill).card
    assert not card.drill.score.passed
    assert not card.lines[0].passed
    assert states(world)["2026-11"] is MonthState.HELD


def test_a_drill_that_was_called_off_fails_every_measure_and_leaves_its_month_waiting(world):
    drill = begun(world)
    activated(world, drill)
    incident_response.assess(world.parts, world.person(OFFICER), drill, Verdict.NO_BREACH, "演练", world.now)
    drilling.closed(world, drill)
    assert [one.seconds for one in guided(world, drill).card.lines][1:] == [None, None]
    assert states(world)["2026-11"] is MonthState.WAITING
    assert world.events("drill.scored")[0]["facts"]["passed"] == 0


def test_awareness_that_is_corrected_to_earlier_makes_the_drill_slower(world):
    drill = begun(world)
    world.now += timedelta(minutes=10)
    activated(world, drill)
    earlier = NOW - timedelta(minutes=30)
    incident_response.correct_awareness(world.parts, world.person(OFFICER), drill, earlier, "看日志", world.now)
    assert guided(world, drill).card.lines[0].seconds == 2400


def test_a_guide_leads_from_step_to_step(world):
    drill = begun(world)
    assert guided(world, drill).next is GuideStep.ACTIVATE
    activated(world, drill)
    assert guided(world, drill).next is GuideStep.ASSESS
    incident_response.assess(world.parts, world.person(OFFICER), drill, Verdict.BREACH, "演练", world.now)
    assert guided(world, drill).next is GuideStep.LIST
    frozen = listed(world, drill)
    assert guided(world, drill).next is GuideStep.CONTAIN
    drilling.advanced(world, drill, IncidentState.CONTAINED)
    assert guided(world, drill).next is GuideStep.REPAIR
    drilling.advanced(world, drill, IncidentState.REPAIRED)
    assert guided(world, drill).next is GuideStep.NOTIFY
    drilling.notified(world, drill, frozen)
    drilling.advanced(world, drill, IncidentState.NOTIFIED)
    assert guided(world, drill).next is GuideStep.CLOSE
    drilling.closed(world, drill)
    assert guided(world, drill).next is None


def test_without_a_breach_the_guide_leads_straight_to_closing(world):
    drill = begun(world)
    activated(world, drill)
    incident_response.assess(world.parts, world.person(OFFICER), drill, Verdict.NO_BREACH, "演练", world.now)
    assert guided(world, drill).next is GuideStep.CLOSE


# -- beginning one ---------------------------------------------------------------------------------------------------


def test_one_drill_after_the_other(world):
    begun(world)
    with pytest.raises(AlreadyDecided, match="drill_still_open"):
        begun(world)
    assert world.count("incidents") == 1


def test_two_who_begin_one_at_once_begin_one(world):
    def begin(number):
        try:
            return begun(world, who=number)
        except AlreadyDecided:
            return None

    with ThreadPoolExecutor(4) as pool:
        made = [one for one in pool.map(begin, [OFFICER, COLLEAGUE] * 2) if one]
    assert len(made) == world.count("incidents") == 1


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR])
def test_officers_begin_drills_and_others_are_refused_and_logged(world, who):
    with pytest.raises(AccessRefused):
        begun(world, who=who)
    refused = world.events("incident.opened", "refused")[-1]
    assert (refused["actor"], refused["rule"]) == (who, "no_right")
    assert world.count("incidents") == 0


def test_the_operator_begins_one_and_it_is_a_drill_as_well_when_it_is_opened_as_an_incident(world):
    operator = Actor("operator:root", "operator")
    drill = drills.begin(world.parts, operator, IncidentKind.LOSS, world.now)
    opening = Opening(IncidentKind.LEAK, AwareSource.OPERATOR, drill=True)
    other = incidents.open_one(world.parts, operator, opening, world.now)
    assert {one.drill.incident_id for one in overview(world).cards} == {drill, other}


def test_who_may_not_read_incidents_sees_no_drills(world):
    drill = begun(world)
    for call in (lambda: overview(world, AGENT), lambda: guided(world, drill, AGENT)):
        with pytest.raises(AccessRefused):
            call()
    assert {one["rule"] for one in world.events("incident.viewed", "refused")} == {"no_right"}
    assert guided(world, drill, AUDITOR).customers == world.parts.policy.drills.customers
    with pytest.raises(NotFound):
        guided(world, bytes(16))


# -- month by month --------------------------------------------------------------------------------------------------


def test_the_month_in_which_the_vault_was_set_up_is_reminded_of_but_never_missed(world):
    assert states(world) == {"2026-11": MonthState.WAITING}
    drills.tend(world.parts, world.now)
    assert notices(world, OFFICER) == ["drill_due"]
    world.now += timedelta(days=30)
    assert states(world) == {"2026-12": MonthState.WAITING}


def test_officers_are_reminded_once_a_month_from_its_day_on(world):
    rule, zone = world.parts.policy.drills, world.parts.policy.zone
    day = world.now.astimezone(zone).replace(month=12, day=rule.remind_from_day, hour=0, minute=0)
    world.now = day.astimezone(NOW.tzinfo) - SECOND
    drills.tend(world.parts, world.now)
    assert not overview(world).due
    assert notices(world, OFFICER) == []
    world.now += SECOND
    assert overview(world).due
    for _ in range(3):
        drills.tend(world.parts, world.now)
        world.now += timedelta(hours=1)
    assert notices(world, OFFICER) == notices(world, COLLEAGUE) == ["drill_due"]
    assert notices(world, AGENT) == notices(world, AUDITOR) == []


def test_nobody_is_reminded_once_a_drill_was_begun(world):
    begun(world)
    drills.tend(world.parts, world.now)
    assert not overview(world).due
    assert "drill_due" not in notices(world, OFFICER)
    assert states(world)["2026-11"] is MonthState.BEGUN


def test_a_month_without_a_drill_is_missed_from_the_companys_midnight_on_and_told_once(world):
    zone = world.parts.policy.zone
    midnight = world.now.astimezone(zone).replace(year=2027, month=1, day=1, hour=0, minute=0).astimezone(NOW.tzinfo)
    world.now = midnight - SECOND
    assert states(world) == {"2026-12": MonthState.WAITING}
    world.now = midnight
    assert states(world) == {"2027-01": MonthState.WAITING, "2026-12": MonthState.MISSED}
    for _ in range(2):
        drills.tend(world.parts, world.now)
    assert notices(world, OFFICER) == ["drill_missed"]
    held(world)
    drills.tend(world.parts, world.now)
    assert states(world) == {"2027-01": MonthState.HELD, "2026-12": MonthState.MISSED}


def test_a_test_of_a_signal_is_no_drill_of_a_month(world):
    opening = Opening(IncidentKind.MISUSE, AwareSource.SIGNAL, drill=True)
    with unit_of_work(world.parts.database) as work:
        open_incident(world.parts, work, Actor("system", "system"), opening, world.now)
        work.commit()
    assert overview(world).cards == []
    assert states(world)["2026-11"] is MonthState.WAITING
