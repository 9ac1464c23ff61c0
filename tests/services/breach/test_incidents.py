"""Incidents from the report to the closing: who may, in which order, by when, and what the log keeps of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.simulator import staff_row
from vault.domain.breach.containment import Measure
from vault.domain.breach.incident_clocks import ClockState
from vault.domain.breach.incidents import AwareSource, IncidentKind, IncidentState, Verdict
from vault.domain.log import Actor
from vault.errors import AccessRefused, AlreadyDecided, NotFound, StepUpNeeded, VaultError
from vault.services import clock as clocks
from vault.services import inbox
from vault.services.breach import containment, incident_response, incidents, notice_waiver
from vault.services.steps.breach.incidents import Opening

AGENT, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR = "KF2001", "KF2010", "KF2012", "KF2013", "KF2014"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NOTE = "客户 13800138000 来电说"


@pytest.fixture
def vault(world):
    for number in (AGENT, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR):
        world.activate(number)
    return world


def opened(world, who=AGENT, kind="leak", at=None, **said):
    opening = Opening(IncidentKind(kind), AwareSource.REPORT, **said)
    return incidents.open_one(world.parts, world.person(who), opening, at or world.now)


def shown(world, incident_id, at=None, who=OFFICER):
    return incidents.shown(world.parts, world.person(who), incident_id, at or world.now)


def clock(world, incident_id, name, at=None):
    one = shown(world, incident_id, at)
    return next(each.state(one.now) for each in one.clocks if each.clock_id == name)


def activated(world, incident_id, at=None, who=OFFICER):
    incident_response.activate(world.parts, world.person(who), incident_id, "先启动", at or world.now)


def assessed(world, incident_id, verdict=Verdict.BREACH, at=None):
    incident_response.assess(world.parts, world.person(OFFICER), incident_id, verdict, "看过日志", at or world.now)


def advanced(world, incident_id, *states):
    for state in states:
        if state == "notified":
            notice_waiver.ask(world.parts, world.person(OFFICER), incident_id, "无人受影响", world.now)
            notice_waiver.confirm(world.parts, world.person(COLLEAGUE), incident_id, world.now)
        incident_response.advance(
            world.parts, world.person(OFFICER), incident_id, IncidentState(state), "做完", world.now
        )


def finished(world, incident_id, name, reason="", at=None, who=OFFICER):
    incident_response.finish_clock(world.parts, world.person(who), incident_id, name, reason, at or world.now)


def refused(call, *arguments, **options):
    with pytest.raises(VaultError) as raised:
        call(*arguments, **options)
    return raised.value.reason


def done_but_closing(world):
    incident_id = opened(world)
    activated(world, incident_id)
    assessed(world, incident_id)
    advanced(world, incident_id, "contained", "repaired", "notified")
    finished(world, incident_id, "postal")
    return incident_id


# -- opening -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, OFFICER, AUDITOR])
def test_anybody_may_open_one_and_its_officers_are_told(vault, who):
    incident_id = opened(vault, who)
    assert shown(vault, incident_id).incident.opened_by == who
    told = {number for number in (OFFICER, COLLEAGUE, SUPERVISOR) if notices(vault, number) == ["incident_opened"]}
    assert told == {OFFICER, COLLEAGUE, SUPERVISOR}
    assert notices(vault, AGENT) == []


def notices(world, number):
    return [one.kind.value for one in inbox.listed(world.parts, world.person(number))]


def test_the_operator_and_the_vault_itself_open_one_too(vault):
    for name, role in (("operator:root", "operator"), ("system", "system")):
        opening = Opening(IncidentKind.LOSS, AwareSource.OPERATOR)
        incident_id = incidents.open_one(vault.parts, Actor(name, role), opening, vault.now)
        assert shown(vault, incident_id).incident.opened_by == name


def test_two_hours_run_from_when_it_was_noticed_not_from_when_it_was_typed(vault):
    incident_id = opened(vault, aware_at=vault.now - HOUR)
    one = shown(vault, incident_id)
    (due,) = (each.due_at for each in one.clocks if each.clock_id == "activate")
    assert due == vault.now + HOUR
    assert one.incident.aware_at == vault.now - HOUR


def test_nobody_notices_what_has_not_happened(vault):
    assert refused(opened, vault, aware_at=vault.now + SECOND) == "date_in_future"
    assert vault.count("incidents") == 0


def test_what_somebody_types_is_sealed_and_in_no_event(vault):
    incident_id = opened(vault, note=NOTE)
    assert list(shown(vault, incident_id).notes.values()) == [NOTE]
    assert "138001" not in json.dumps(vault.events(), ensure_ascii=False)
    assert not any(b"138001" in (row[0] or b"") for row in vault.rows("SELECT sealed_note FROM incident_entries"))


def test_a_note_too_long_opens_nothing(vault):
    assert refused(opened, vault, note="x" * 4001) == "text_too_long"
    assert vault.count("incidents") == 0


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("leak", {"activate", "postal", "report"}),
        ("system_failure", {"activate", "technical", "network", "report"}),
        ("surge", {"activate", "surge_plan", "surge_complaints", "report"}),
    ],
)
def test_each_kind_has_its_clocks(vault, kind, names):
    assert {one.clock_id for one in shown(vault, opened(vault, kind=kind)).clocks} == names


def test_it_is_opened_and_activated_while_the_log_writer_takes_nothing(vault):
    # Reads earn their receipt there; an incident is a change and carries its own event.
    vault.parts.log_writer.close()
    incident_id = opened(vault)
    activated(vault, incident_id)
    assert vault.rows("SELECT state FROM incidents") == [("activated",)]


# -- the steps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "state"), [(-SECOND, ClockState.MET), (timedelta(0), ClockState.MET), (SECOND, ClockState.LATE)]
)
def test_one_officer_activates_alone_and_two_hours_are_two_hours(vault, late, state):
    incident_id = opened(vault)
    at = vault.now + 2 * HOUR + late
    activated(vault, incident_id, at)
    assert clock(vault, incident_id, "activate", at) is state
    done = [one["facts"]["late"] for one in vault.events("incident.clock_done")]
    assert done == [int(state is ClockState.LATE)]


def test_an_activation_needs_a_reason(vault):
    incident_id = opened(vault)
    call = incident_response.activate, vault.parts, vault.person(OFFICER), incident_id, "  ", vault.now
    assert refused(*call) == "reason_missing"
    assert shown(vault, incident_id).incident.state is IncidentState.REPORTED


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR])
def test_who_is_no_officer_activates_nothing_and_that_is_logged(vault, who):
    incident_id = opened(vault)
    with pytest.raises(AccessRefused):
        activated(vault, incident_id, who=who)
    assert [one["actor"] for one in vault.events("incident.step", "refused")] == [who]


def test_an_agent_sees_no_incident_but_their_own_report(vault):
    theirs, other = opened(vault), opened(vault, OFFICER)
    assert refused(shown, vault, theirs, who=AGENT) == "no_right"
    assert incidents.mine(vault.parts, vault.person(AGENT), theirs).state is IncidentState.REPORTED
    with pytest.raises(NotFound):
        incidents.mine(vault.parts, vault.person(AGENT), other)


@pytest.mark.parametrize("wanted", ["contained", "repaired", "notified"])
def test_a_step_without_its_predecessor_is_refused(vault, wanted):
    incident_id = opened(vault)
    activated(vault, incident_id)
    assert refused(advanced, vault, incident_id, wanted) == "incident_out_of_order"


def test_nobody_jumps_to_the_end(vault):
    incident_id = opened(vault)
    for state in ("closed", "activated", "reported"):
        assert refused(advanced, vault, incident_id, state) == "incident_out_of_order"


def test_two_who_activate_at_once_activate_once(vault):
    incident_id = opened(vault)
    people = [vault.person(OFFICER), vault.person(COLLEAGUE)]

    def activate(person):
        try:
            incident_response.activate(vault.parts, person, incident_id, "启动", vault.now)
        except AlreadyDecided as error:
            return error.reason
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(activate, people)) == ["done", "incident_is_there"]
    assert len(vault.events("incident.clock_done")) == 1


def test_repair_starts_the_hour_of_those_who_wait(vault):
    incident_id = opened(vault, kind="system_failure")
    activated(vault, incident_id)
    assessed(vault, incident_id)
    advanced(vault, incident_id, "contained", "repaired")
    assert clock(vault, incident_id, "waiting") is ClockState.RUNNING
    assert "incident_task" in notices(vault, SUPERVISOR)


# -- clocks --------------------------------------------------------------------------------------------------------


def test_what_is_late_needs_a_reason_and_stays_late(vault):
    incident_id, late = opened(vault, kind="loss"), vault.now + 5 * timedelta(minutes=1) + SECOND
    assert refused(finished, vault, incident_id, "technical", at=late) == "late_reason_missing"
    finished(vault, incident_id, "technical", "电话占线", late)
    assert clock(vault, incident_id, "technical", late) is ClockState.LATE
    assert shown(vault, incident_id, late).reasons == {"technical": "电话占线"}
    assert refused(finished, vault, incident_id, "technical", "再来", late) == "clock_done"


def test_a_supervisor_calls_the_technical_department_and_does_nothing_else(vault):
    incident_id = opened(vault, kind="loss")
    finished(vault, incident_id, "technical", who=SUPERVISOR)
    assert refused(finished, vault, incident_id, "postal", who=SUPERVISOR) == "clock_not_yours"
    assert [one["rule"] for one in vault.events("incident.clock_done", "refused")] == ["clock_not_yours"]


def test_a_clock_of_a_step_is_not_for_people_to_end(vault):
    assert refused(finished, vault, opened(vault), "activate") == "clock_ends_with_step"


def test_a_clock_set_back_revives_nothing(vault):
    incident_id = opened(vault)
    clocks.tend(vault.parts, vault.now)
    clocks.tend(vault.parts, vault.now + 3 * HOUR)
    assert clock(vault, incident_id, "activate", vault.now) is ClockState.MISSED
    activated(vault, incident_id, vault.now + HOUR)
    assert clock(vault, incident_id, "activate", vault.now) is ClockState.LATE


def test_a_jump_that_nobody_confirmed_misses_nothing_for_ever(vault):
    incident_id = opened(vault)
    clocks.tend(vault.parts, vault.now)
    clocks.tend(vault.parts, vault.now + timedelta(days=30))
    activated(vault, incident_id, vault.now + HOUR)
    assert clock(vault, incident_id, "activate", vault.now + HOUR) is ClockState.MET


def test_an_earlier_awareness_brings_deadlines_forward_and_a_later_one_changes_none(vault):
    incident_id = opened(vault)
    for minutes, moved in ((-30, True), (-10, False)):
        at = vault.now + timedelta(minutes=minutes)
        said = incident_response.correct_awareness(
            vault.parts, vault.person(OFFICER), incident_id, at, "查过", vault.now
        )
        assert said is moved
    one = shown(vault, incident_id)
    assert one.incident.aware_at == vault.now
    assert one.incident.aware_since == vault.now - timedelta(minutes=30)
    assert one.clocks[0].due_at == vault.now + timedelta(minutes=30)  # 60 minutes to the postal administration
    assert len(vault.events("incident.aware_corrected")) == 2


def test_an_earlier_awareness_makes_late_what_was_in_time(vault):
    incident_id = opened(vault)
    activated(vault, incident_id, vault.now + HOUR)
    before = vault.now - 2 * HOUR
    incident_response.correct_awareness(
        vault.parts, vault.person(OFFICER), incident_id, before, "查过", vault.now + HOUR
    )
    assert clock(vault, incident_id, "activate", vault.now + HOUR) is ClockState.LATE


def test_without_a_breach_nothing_is_left_to_do_but_the_closing(vault):
    incident_id = opened(vault)
    activated(vault, incident_id)
    assessed(vault, incident_id, Verdict.NO_BREACH)
    one = shown(vault, incident_id)
    assert {each.clock_id: each.state(one.now).value for each in one.clocks} == {
        "activate": "met",
        "postal": "dropped",
        "report": "running",
    }
    assert one.missing == []


# -- closing -------------------------------------------------------------------------------------------------------


def closing(world, incident_id, who=OFFICER, at=None):
    incident_response.ask_closing(world.parts, world.person(who), incident_id, "教训", at or world.now)


def closed(world, incident_id, who=COLLEAGUE, at=None, **options):
    incident_response.close(world.parts, world.person(who), incident_id, "看过", at or world.now, **options)


def test_one_asks_and_another_closes(vault):
    incident_id = done_but_closing(vault)
    closing(vault, incident_id)
    assert refused(closed, vault, incident_id, OFFICER) == "own_request"
    closed(vault, incident_id)
    one = shown(vault, incident_id)
    assert one.incident.is_closed
    assert {each.state(one.now) for each in one.clocks} == {ClockState.MET}
    assert refused(closed, vault, incident_id) == "incident_closed"
    assert vault.verify().holds


def test_an_incident_is_not_closed_by_two_accounts_of_one_human(vault):
    vault.staff(staff_row("KF2099", "imd") | {"name": name_of(vault, OFFICER)})
    vault.activate("KF2099")
    incident_id = done_but_closing(vault)
    closing(vault, incident_id)
    assert refused(closed, vault, incident_id, "KF2099") == "own_request"


def name_of(world, number):
    account_id, sealed = world.rows(f"SELECT account_id, sealed_name FROM accounts WHERE work_number = '{number}'")[0]
    with world.parts.database.read() as connection:
        return world.parts.keys.current(connection).open_person(account_id, "name", sealed).disclose()


def test_an_incomplete_incident_is_not_closed(vault):
    incident_id = opened(vault)
    assert refused(closing, vault, incident_id) == "incident_out_of_order"
    activated(vault, incident_id)
    assessed(vault, incident_id)
    advanced(vault, incident_id, "contained", "repaired", "notified")
    assert shown(vault, incident_id).missing == ["clocks"]
    assert refused(closing, vault, incident_id) == "tasks_open"


def test_customers_are_told_or_two_officers_say_why_not(vault):
    incident_id = opened(vault)
    activated(vault, incident_id)
    assessed(vault, incident_id)
    advanced(vault, incident_id, "contained", "repaired")
    call = (
        incident_response.advance,
        vault.parts,
        vault.person(OFFICER),
        incident_id,
        IncidentState.NOTIFIED,
        "做完",
        vault.now,
    )
    assert refused(*call) == "notices_outstanding"
    notice_waiver.ask(vault.parts, vault.person(OFFICER), incident_id, "无人受影响", vault.now)
    assert refused(*call) == "notices_outstanding"
    notice_waiver.confirm(vault.parts, vault.person(COLLEAGUE), incident_id, vault.now)
    incident_response.advance(*call[1:])
    assert shown(vault, incident_id).missing == ["clocks"]


def test_a_measure_that_stands_keeps_an_incident_open(vault):
    incident_id = done_but_closing(vault)
    containment.take(vault.parts, vault.person(OFFICER), incident_id, Measure.FREEZE_REVEALS, "", "先停", vault.now)
    assert shown(vault, incident_id).missing == ["measures"]
    assert refused(closing, vault, incident_id) == "measures_stand"


def test_a_closing_that_nobody_asked_for_is_refused(vault):
    assert refused(closed, vault, done_but_closing(vault)) == "closing_not_asked"


def test_who_does_not_agree_sends_it_back(vault):
    incident_id = done_but_closing(vault)
    closing(vault, incident_id)
    assert refused(closing, vault, incident_id, COLLEAGUE) == "closing_asked"
    closed(vault, incident_id, agree=False)
    closing(vault, incident_id, COLLEAGUE)
    closed(vault, incident_id, OFFICER)
    assert [one["facts"]["to"] for one in vault.events("incident.closing")] == [
        "asked",
        "sent_back",
        "asked",
        "closed",
    ]


def test_closing_needs_password_and_second_factor_of_a_moment_ago(vault):
    incident_id = done_but_closing(vault)
    with pytest.raises(StepUpNeeded):
        closing(vault, incident_id, at=vault.now + 3 * HOUR)


def test_nothing_more_is_done_about_a_closed_one(vault):
    incident_id = done_but_closing(vault)
    closing(vault, incident_id)
    closed(vault, incident_id)
    person = vault.person(OFFICER)
    calls = (
        lambda: activated(vault, incident_id),
        lambda: finished(vault, incident_id, "postal", "x"),
        lambda: incident_response.correct_awareness(vault.parts, person, incident_id, vault.now, "x", vault.now),
        lambda: closing(vault, incident_id),
    )
    assert {refused(call) for call in calls} == {"incident_closed"}


# -- lists ---------------------------------------------------------------------------------------------------------


def test_open_ones_come_first_and_closed_ones_by_page(vault):
    first, second = done_but_closing(vault), opened(vault)
    closing(vault, first)
    closed(vault, first)
    found, more = incidents.listed(vault.parts, vault.person(AUDITOR), vault.now)
    assert [one.incident.incident_id for one in found] == [second, first]
    assert not more
    rest, _ = incidents.listed(vault.parts, vault.person(AUDITOR), vault.now, first)
    assert rest == []


@pytest.mark.parametrize("typed", ["", "12345", "g" * 6, "0" * 33, "ffffff", "%%%%%%"])
def test_what_begins_no_incidents_id_finds_none(vault, typed):
    opened(vault)
    with pytest.raises(NotFound):
        incidents.found(vault.parts, typed)


def test_six_digits_find_one(vault):
    incident_id = opened(vault)
    assert incidents.found(vault.parts, f" {incident_id.hex()[:6].upper()} ") == incident_id


def test_every_line_of_the_timeline_is_an_event_of_the_log(vault):
    incident_id = done_but_closing(vault)
    events = {one["id"]: one for one in vault.events()}
    for entry in shown(vault, incident_id).entries:
        event = events[entry.event_id.hex()]
        assert (event["action"], event["facts"]) == (entry.action, entry.facts)
        assert event["facts"]["incident"] == incident_id.hex()
