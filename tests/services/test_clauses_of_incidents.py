"""How the compliance report stands to breaches and drills: by stored times, and drills apart from what is real."""

from datetime import timedelta

import pytest

from tests import breach, drilling
from tests.drilling import COLLEAGUE, OFFICER, SUPERVISOR, held
from tests.services.test_compliance import answer, counted, report
from tests.simulator import NOW
from vault.domain.breach.breach_notices import Channel
from vault.domain.breach.incidents import AwareSource, IncidentKind, IncidentState, Verdict
from vault.domain.compliance import Standing
from vault.services.breach import drills, incident_response, incidents, notice_files, notice_letters
from vault.services.steps.breach.incidents import Opening

__all__ = ["report"]

SECOND = timedelta(seconds=1)


@pytest.fixture
def vault(world):
    for number in (OFFICER, COLLEAGUE, SUPERVISOR):
        world.activate(number)
    return world


def opened(world, kind=IncidentKind.LEAK, **said):
    opening = Opening(kind, AwareSource.REPORT, **said)
    return incidents.open_one(world.parts, world.person(OFFICER), opening, world.now)


def standing(report, clause):
    return answer(report(), clause).standing


def test_an_emergency_plan_that_is_not_started_is_an_exception_from_the_second_after_two_hours(vault, report):
    incident = opened(vault)
    vault.now += timedelta(hours=2)
    assert standing(report, "BR-01") is Standing.IN_LINE
    vault.now += SECOND
    found = answer(report(), "BR-01")
    assert (found.standing, found.oldest) == (Standing.EXCEPTION, NOW + timedelta(hours=2))
    drilling.activated(vault, incident)
    assert standing(report, "BR-01") is Standing.EXCEPTION  # late stays late
    vault.now = NOW + timedelta(hours=2, days=30)
    assert counted(report(), "BR-01", "activated_late") == 1
    vault.now += SECOND
    assert standing(report, "BR-01") is Standing.IN_LINE


def test_one_that_was_started_in_time_is_counted_and_no_exception(vault, report):
    drilling.activated(vault, opened(vault))
    drawn = report()
    assert counted(drawn, "BR-01", "incidents_opened") == 1
    assert counted(drawn, "BR-01", "activated_in_time") == 1
    assert answer(drawn, "BR-01").standing is Standing.IN_LINE


def test_drills_count_as_nothing_but_drills(vault, report):
    drill = drilling.begun(vault)
    vault.now += timedelta(hours=3)
    drawn = report()
    assert counted(drawn, "BR-01", "incidents_opened") == 0
    assert answer(drawn, "BR-01").standing is Standing.IN_LINE
    drilling.activated(vault, drill)
    assert counted(report(), "BR-01", "activated_late") == 0
    assert counted(report(), "BR-03", "breaches_not_told") == 0


def test_a_breach_waits_for_repair_and_its_customers_for_a_notice_until_both_are_done(vault, report):
    incident = opened(vault, IncidentKind.SYSTEM_FAILURE)
    drilling.activated(vault, incident)
    incident_response.assess(vault.parts, vault.person(OFFICER), incident, Verdict.BREACH, "x", vault.now)
    assert counted(report(), "BR-02", "waiting_for_repair") == 1
    assert counted(report(), "BR-03", "breaches_not_told") == 1
    drilling.advanced(vault, incident, IncidentState.CONTAINED, IncidentState.REPAIRED)
    assert counted(report(), "BR-02", "waiting_for_repair") == 0
    assert counted(report(), "BR-02", "repaired") == 1
    assert counted(report(), "BR-03", "breaches_not_told") == 1


def test_notices_that_failed_or_are_in_doubt_are_an_exception_until_somebody_decides(vault, report):
    held(vault)
    assert counted(report(), "BR-03", "customers_told") == 0  # a drill's are nobody
    vault.tamper("UPDATE incidents SET drill = false")
    assert counted(report(), "BR-03", "customers_told") == vault.parts.policy.drills.customers
    assert standing(report, "BR-03") is Standing.IN_LINE
    one = "(SELECT min(record_id) FROM notice_recipients)"
    for state in ("failed", "unknown"):
        vault.tamper(f"UPDATE notice_recipients SET state = :state WHERE record_id = {one}", state=state)
        assert counted(report(), "BR-03", "notices_stuck") == 1
        assert standing(report, "BR-03") is Standing.EXCEPTION


def test_the_call_to_the_technical_department_is_late_after_five_minutes(vault, report):
    incident = opened(vault, IncidentKind.SYSTEM_FAILURE)
    vault.now += timedelta(minutes=5) + SECOND
    assert standing(report, "BR-05") is Standing.EXCEPTION
    incident_response.finish_clock(vault.parts, vault.person(SUPERVISOR), incident, "technical", "占线", vault.now)
    assert counted(report(), "BR-05", "technical_late") == 1
    other = opened(vault, IncidentKind.SYSTEM_FAILURE)
    incident_response.finish_clock(vault.parts, vault.person(SUPERVISOR), other, "technical", "", vault.now)
    assert counted(report(), "BR-05", "technical_in_time") == 1


def test_a_month_that_was_missed_is_an_exception_until_the_next_drill_is_scored(vault, report):
    assert standing(report, "EM-09") is Standing.IN_LINE
    zone = vault.parts.policy.zone
    midnight = vault.now.astimezone(zone).replace(year=2027, month=1, day=1, hour=0, minute=0).astimezone(NOW.tzinfo)
    vault.now = midnight - SECOND
    assert standing(report, "EM-09") is Standing.IN_LINE
    vault.now = midnight
    found = answer(report(), "EM-09")
    assert (found.standing, found.oldest) == (Standing.EXCEPTION, midnight)
    held(vault)
    assert standing(report, "EM-09") is Standing.EXCEPTION
    drills.tend(vault.parts, vault.now)
    assert standing(report, "EM-09") is Standing.IN_LINE
    assert (counted(report(), "EM-09", "drills_held"), counted(report(), "EM-09", "drills_missed")) == (1, 1)


def test_a_drill_that_was_called_off_at_once_is_no_drill_and_the_month_may_begin_another(vault, report):
    called_off = drilling.begun(vault)
    drilling.activated(vault, called_off)
    incident_response.assess(vault.parts, vault.person(OFFICER), called_off, Verdict.NO_BREACH, "x", vault.now)
    drilling.closed(vault, called_off)
    drills.tend(vault.parts, vault.now)
    assert counted(report(), "EM-09", "drills_held") == 0
    held(vault)
    drills.tend(vault.parts, vault.now)
    assert counted(report(), "EM-09", "drills_held") == 1


def test_a_breach_that_nobody_repairs_and_of_which_nobody_is_told_becomes_an_exception(vault, report):
    incident = opened(vault)
    patience = timedelta(hours=vault.parts.policy.incidents.answer_hours)
    vault.now += patience
    assert {standing(report, one) for one in ("BR-02", "BR-03")} == {Standing.IN_LINE}
    vault.now += SECOND
    drawn = report()
    for clause in ("BR-02", "BR-03"):
        found = answer(drawn, clause)
        assert (found.standing, found.oldest) == (Standing.EXCEPTION, NOW)
        assert counted(drawn, clause, "answered_late") == 1
    drilling.activated(vault, incident)
    incident_response.assess(vault.parts, vault.person(OFFICER), incident, Verdict.BREACH, "x", vault.now)
    drilling.advanced(vault, incident, IncidentState.CONTAINED, IncidentState.REPAIRED)
    assert standing(report, "BR-02") is Standing.IN_LINE
    assert standing(report, "BR-03") is Standing.EXCEPTION  # repaired, and still nobody was told


def test_one_that_was_no_breach_is_neither_repaired_nor_told_too_late(vault, report):
    incident = opened(vault)
    drilling.activated(vault, incident)
    incident_response.assess(vault.parts, vault.person(OFFICER), incident, Verdict.NO_BREACH, "x", vault.now)
    vault.now += timedelta(days=300)
    assert {standing(report, one) for one in ("BR-02", "BR-03")} == {Standing.IN_LINE}


def test_what_left_by_files_and_letters_of_notices_is_counted_where_the_report_says_that_nothing_leaves(vault, report):
    assert counted(report(), "SC-04", "notice_files") == counted(report(), "SC-04", "notice_letters") == 0
    officer = vault.person(OFFICER)
    incident, campaign = breach.released(vault, 2, (Channel.FILE,))
    notice_files.make(vault.parts, officer, incident, campaign, "csv", vault.now)
    incident, campaign = breach.released(vault, 2, (Channel.LETTER,))
    printed = notice_letters.printed(vault.parts, officer, incident, campaign, vault.now)
    notice_letters.all_posted(vault.parts, officer, incident, campaign, len(printed), vault.now)
    assert counted(report(), "SC-04", "notice_files") == counted(report(), "SC-04", "notice_letters") == 1
