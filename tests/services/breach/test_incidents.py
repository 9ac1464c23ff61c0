"""Incidents from the report to the closing: who may, in which order, by when, and what the log keeps of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests import breach
from tests.simulator import staff_row
from vault.domain.breach.containment import Measure
from vault.domain.breach.incident_clocks import ClockState
from vault.domain.breach.incidents import AwareSource, IncidentKind, IncidentState, Verdict
from vault.domain.log import Actor
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound, StepUpNeeded, VaultError
from vault.services import clock as clocks
from vault.services import inbox
from vault.services.breach import containment, incident_response, incidents, notice_waiver
from vault.services.steps.breach.incidents import Opening

AGENT, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR = "KF2001", "KF2010", "KF2012", "KF2013", "KF2014"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NOTE = "客户 13800138000 来电说"


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
            breach.confirm_waiver(world, incident_id, COLLEAGUE)
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
def test_anybody_may_open_one_and_its_officers_are_told(world, who):
    incident_id = opened(world, who)
    assert shown(world, incident_id).incident.opened_by == who
    told = {number for number in (OFFICER, COLLEAGUE, SUPERVISOR) if notices(world, number) == ["incident_opened"]}
    assert told == {OFFICER, COLLEAGUE, SUPERVISOR}
    assert notices(world, AGENT) == []


def notices(world, number):
    return [one.kind.value for one in inbox.listed(world.parts, world.person(number))]


@pytest.mark.parametrize("letter", ["\x1b", "\x07", "\x00", "\u202e", "\u2028", "\r", "\ud800"])
def test_a_note_holds_nothing_that_moves_a_cursor_or_turns_words_round(sqlite_world, letter):
    world = sqlite_world
    with pytest.raises(InvalidValue, match="control_character") as refused_:
        opened(world, note=f"x{letter}y")
    assert refused_.value.facts == {"field": "note"}
    incident_id = opened(world, note=" two\r\nlines ")
    assert list(shown(world, incident_id).notes.values()) == ["two\nlines"]
    with pytest.raises(InvalidValue, match="control_character"):
        incident_response.activate(world.parts, world.person(OFFICER), incident_id, f"x{letter}y", world.now)


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR])
def test_a_rehearsal_is_for_officers_to_begin_and_a_refusal_is_logged(world, who):
    assert refused(opened, world, who, drill=True) == "no_right"
    (event,) = world.events("incident.opened", "refused")
    assert (event["actor"], event["rule"]) == (who, "no_right")
    assert world.count("incidents") == 0
    assert shown(world, opened(world, OFFICER, drill=True)).incident.drill


def test_the_operator_and_the_vault_itself_open_one_too(world):
    for name, role in (("operator:root", "operator"), ("system", "system")):
        opening = Opening(IncidentKind.LOSS, AwareSource.OPERATOR)
        incident_id = incidents.open_one(world.parts, Actor(name, role), opening, world.now)
        assert shown(world, incident_id).incident.opened_by == name


def test_two_hours_run_from_when_it_was_noticed_not_from_when_it_was_typed(world):
    incident_id = opened(world, aware_at=world.now - HOUR)
    one = shown(world, incident_id)
    (due,) = (each.due_at for each in one.clocks if each.clock_id == "activate")
    assert due == world.now + HOUR
    assert one.incident.aware_at == world.now - HOUR


def test_nobody_notices_what_has_not_happened(world):
    assert refused(opened, world, aware_at=world.now + SECOND) == "date_in_future"
    assert world.count("incidents") == 0


def test_what_somebody_types_is_sealed_and_in_no_event(world):
    incident_id = opened(world, note=NOTE)
    assert list(shown(world, incident_id).notes.values()) == [NOTE]
    assert "138001" not in json.dumps(world.events(), ensure_ascii=False)
    assert not any(b"138001" in (row[0] or b"") for row in world.rows("SELECT sealed_note FROM incident_entries"))


def test_a_note_too_long_opens_nothing(world):
    assert refused(opened, world, note="x" * 4001) == "text_too_long"
    assert world.count("incidents") == 0


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("leak", {"activate", "postal", "report"}),
        ("system_failure", {"activate", "technical", "network", "report"}),
        ("surge", {"activate", "surge_plan", "surge_complaints", "report"}),
    ],
)
def test_each_kind_has_its_clocks(world, kind, names):
    assert {one.clock_id for one in shown(world, opened(world, kind=kind)).clocks} == names


def test_it_is_opened_and_activated_while_the_log_writer_takes_nothing(world):
    # Reads earn their receipt there; an incident is a change and carries its own event.
    world.parts.log_writer.close()
    incident_id = opened(world)
    activated(world, incident_id)
    assert world.rows("SELECT state FROM incidents") == [("activated",)]


# -- the steps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "state"), [(-SECOND, ClockState.MET), (timedelta(0), ClockState.MET), (SECOND, ClockState.LATE)]
)
def test_one_officer_activates_alone_and_two_hours_are_two_hours(world, late, state):
    incident_id = opened(world)
    at = world.now + 2 * HOUR + late
    activated(world, incident_id, at)
    assert clock(world, incident_id, "activate", at) is state
    done = [one["facts"]["late"] for one in world.events("incident.clock_done")]
    assert done == [int(state is ClockState.LATE)]


def test_an_activation_needs_a_reason(world):
    incident_id = opened(world)
    call = incident_response.activate, world.parts, world.person(OFFICER), incident_id, "  ", world.now
    assert refused(*call) == "reason_missing"
    assert shown(world, incident_id).incident.state is IncidentState.REPORTED


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR])
def test_who_is_no_officer_activates_nothing_and_that_is_logged(world, who):
    incident_id = opened(world)
    with pytest.raises(AccessRefused):
        activated(world, incident_id, who=who)
    assert [one["actor"] for one in world.events("incident.step", "refused")] == [who]


def test_an_agent_sees_no_incident_but_their_own_report(world):
    theirs, other = opened(world), opened(world, OFFICER)
    assert refused(shown, world, theirs, who=AGENT) == "no_right"
    assert incidents.mine(world.parts, world.person(AGENT), theirs).state is IncidentState.REPORTED
    with pytest.raises(NotFound):
        incidents.mine(world.parts, world.person(AGENT), other)


@pytest.mark.parametrize("wanted", ["contained", "repaired", "notified"])
def test_a_step_without_its_predecessor_is_refused(world, wanted):
    incident_id = opened(world)
    activated(world, incident_id)
    assert refused(advanced, world, incident_id, wanted) == "incident_out_of_order"


def test_nobody_jumps_to_the_end(world):
    incident_id = opened(world)
    for state in ("closed", "activated", "reported"):
        assert refused(advanced, world, incident_id, state) == "incident_out_of_order"


def test_two_who_activate_at_once_activate_once(world):
    incident_id = opened(world)
    people = [world.person(OFFICER), world.person(COLLEAGUE)]

    def activate(person):
        try:
            incident_response.activate(world.parts, person, incident_id, "启动", world.now)
        except AlreadyDecided as error:
            return error.reason
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(activate, people)) == ["done", "incident_is_there"]
    assert len(world.events("incident.clock_done")) == 1


def test_repair_starts_the_hour_of_those_who_wait(world):
    incident_id = opened(world, kind="system_failure")
    activated(world, incident_id)
    assessed(world, incident_id)
    advanced(world, incident_id, "contained", "repaired")
    assert clock(world, incident_id, "waiting") is ClockState.RUNNING
    assert "incident_task" in notices(world, SUPERVISOR)


# -- clocks --------------------------------------------------------------------------------------------------------


def test_what_is_late_needs_a_reason_and_stays_late(world):
    incident_id, late = opened(world, kind="loss"), world.now + 5 * timedelta(minutes=1) + SECOND
    assert refused(finished, world, incident_id, "technical", at=late) == "late_reason_missing"
    finished(world, incident_id, "technical", "电话占线", late)
    assert clock(world, incident_id, "technical", late) is ClockState.LATE
    assert shown(world, incident_id, late).reasons == {"technical": "电话占线"}
    assert refused(finished, world, incident_id, "technical", "再来", late) == "clock_done"


def test_a_supervisor_calls_the_technical_department_and_does_nothing_else(world):
    incident_id = opened(world, kind="loss")
    finished(world, incident_id, "technical", who=SUPERVISOR)
    assert refused(finished, world, incident_id, "postal", who=SUPERVISOR) == "clock_not_yours"
    assert [one["rule"] for one in world.events("incident.clock_done", "refused")] == ["clock_not_yours"]


def test_a_clock_of_a_step_is_not_for_people_to_end(world):
    assert refused(finished, world, opened(world), "activate") == "clock_ends_with_step"


def test_a_clock_set_back_revives_nothing(world):
    incident_id = opened(world)
    clocks.tend(world.parts, world.now)
    clocks.tend(world.parts, world.now + 3 * HOUR)
    assert clock(world, incident_id, "activate", world.now) is ClockState.MISSED
    activated(world, incident_id, world.now + HOUR)
    assert clock(world, incident_id, "activate", world.now) is ClockState.LATE


def test_a_jump_that_nobody_confirmed_misses_nothing_for_ever(world):
    incident_id = opened(world)
    clocks.tend(world.parts, world.now)
    clocks.tend(world.parts, world.now + timedelta(days=30))
    activated(world, incident_id, world.now + HOUR)
    assert clock(world, incident_id, "activate", world.now + HOUR) is ClockState.MET


def test_an_earlier_awareness_brings_deadlines_forward_and_a_later_one_changes_none(world):
    incident_id = opened(world)
    for minutes, moved in ((-30, True), (-10, False)):
        at = world.now + timedelta(minutes=minutes)
        said = incident_response.correct_awareness(
            world.parts, world.person(OFFICER), incident_id, at, "查过", world.now
        )
        assert said is moved
    one = shown(world, incident_id)
    assert one.incident.aware_at == world.now
    assert one.incident.aware_since == world.now - timedelta(minutes=30)
    assert one.clocks[0].due_at == world.now + timedelta(minutes=30)  # 60 minutes to the postal administration
    assert len(world.events("incident.aware_corrected")) == 2


def test_an_earlier_awareness_makes_late_what_was_in_time(world):
    incident_id = opened(world)
    activated(world, incident_id, world.now + HOUR)
    before = world.now - 2 * HOUR
    incident_response.correct_awareness(
        world.parts, world.person(OFFICER), incident_id, before, "查过", world.now + HOUR
    )
    assert clock(world, incident_id, "activate", world.now + HOUR) is ClockState.LATE


def test_without_a_breach_clocks_run_on_until_two_have_said_so(world):
    incident_id = opened(world)
    activated(world, incident_id)
    assessed(world, incident_id, Verdict.NO_BREACH)
    assert shown(world, incident_id).missing == []
    assert clock(world, incident_id, "postal") is ClockState.RUNNING
    closing(world, incident_id)
    assert clock(world, incident_id, "postal", world.now + HOUR + SECOND) is ClockState.MISSED
    closed(world, incident_id)
    one = shown(world, incident_id)
    assert {each.clock_id: each.state(one.now).value for each in one.clocks} == {
        "activate": "met",
        "postal": "dropped",
        "report": "met",
    }


def test_what_one_took_for_none_another_answers_as_a_breach_and_no_deadline_moved(world):
    incident_id = opened(world)
    activated(world, incident_id)
    assessed(world, incident_id, Verdict.NO_BREACH)
    due = [each.due_at for each in shown(world, incident_id).clocks]
    closing(world, incident_id)
    person = world.person(COLLEAGUE)
    incident_response.assess(world.parts, person, incident_id, Verdict.BREACH, "日志另有说法", world.now)
    one = shown(world, incident_id)
    assert (one.incident.verdict, one.incident.closing_by) == (Verdict.BREACH, None)
    assert [each.due_at for each in one.clocks] == due
    assert refused(closed, world, incident_id) == "closing_not_asked"
    advanced(world, incident_id, "contained")
    assert refused(assessed, world, incident_id, Verdict.NO_BREACH) == "incident_is_there"


@pytest.mark.parametrize(("days", "reason"), [(31, None), (32, "aware_too_long_ago")])
def test_a_report_reaches_back_a_month_and_no_further(world, days, reason):
    at = world.now - timedelta(days=days)
    if reason:
        assert refused(opened, world, aware_at=at) == reason
        assert world.count("incidents") == 0
    else:
        assert shown(world, opened(world, aware_at=at)).incident.aware_at == at


def test_an_officer_corrects_it_to_a_year_back_and_not_to_the_year_one(world):
    incident_id, person = opened(world), world.person(OFFICER)
    call = incident_response.correct_awareness
    assert call(world.parts, person, incident_id, world.now - timedelta(days=366), "查过", world.now)
    long_ago = world.now.replace(year=1)
    assert refused(call, world.parts, person, incident_id, long_ago, "查过", world.now) == "aware_too_long_ago"


# -- closing -------------------------------------------------------------------------------------------------------


def closing(world, incident_id, who=OFFICER, at=None):
    incident_response.ask_closing(world.parts, world.person(who), incident_id, "教训", at or world.now)


def closed(world, incident_id, who=COLLEAGUE, at=None, **options):
    incident_response.close(world.parts, world.person(who), incident_id, "看过", at or world.now, **options)


def test_one_asks_and_another_closes(world):
    incident_id = done_but_closing(world)
    closing(world, incident_id)
    assert refused(closed, world, incident_id, OFFICER) == "own_request"
    closed(world, incident_id)
    one = shown(world, incident_id)
    assert one.incident.is_closed
    assert {each.state(one.now) for each in one.clocks} == {ClockState.MET}
    assert refused(closed, world, incident_id) == "incident_closed"
    assert world.verify().holds


def test_an_incident_is_not_closed_by_two_accounts_of_one_human(world):
    world.staff(staff_row("KF2099", "imd") | {"name": name_of(world, OFFICER)})
    world.activate("KF2099")
    incident_id = done_but_closing(world)
    closing(world, incident_id)
    assert refused(closed, world, incident_id, "KF2099") == "own_request"


def name_of(world, number):
    account_id, sealed = world.rows(f"SELECT account_id, sealed_name FROM accounts WHERE work_number = '{number}'")[0]
    with world.parts.database.read() as connection:
        return world.parts.keys.current(connection).open_person(account_id, "name", sealed).disclose()


def test_an_incomplete_incident_is_not_closed(world):
    incident_id = opened(world)
    assert refused(closing, world, incident_id) == "incident_out_of_order"
    activated(world, incident_id)
    assessed(world, incident_id)
    advanced(world, incident_id, "contained", "repaired", "notified")
    assert shown(world, incident_id).missing == ["clocks"]
    assert refused(closing, world, incident_id) == "tasks_open"


def test_customers_are_told_or_two_officers_say_why_not(world):
    incident_id = opened(world)
    activated(world, incident_id)
    assessed(world, incident_id)
    advanced(world, incident_id, "contained", "repaired")
    call = (
        incident_response.advance,
        world.parts,
        world.person(OFFICER),
        incident_id,
        IncidentState.NOTIFIED,
        "做完",
        world.now,
    )
    assert refused(*call) == "notices_outstanding"
    notice_waiver.ask(world.parts, world.person(OFFICER), incident_id, "无人受影响", world.now)
    assert refused(*call) == "notices_outstanding"
    breach.confirm_waiver(world, incident_id)
    incident_response.advance(*call[1:])
    assert shown(world, incident_id).missing == ["clocks"]


def test_a_measure_that_stands_keeps_an_incident_open(world):
    incident_id = done_but_closing(world)
    containment.take(world.parts, world.person(OFFICER), incident_id, Measure.FREEZE_REVEALS, "", "先停", world.now)
    assert shown(world, incident_id).missing == ["measures"]
    assert refused(closing, world, incident_id) == "measures_stand"


def test_a_closing_that_nobody_asked_for_is_refused(world):
    assert refused(closed, world, done_but_closing(world)) == "closing_not_asked"


def test_who_does_not_agree_sends_it_back(world):
    incident_id = done_but_closing(world)
    closing(world, incident_id)
    assert refused(closing, world, incident_id, COLLEAGUE) == "closing_asked"
    closed(world, incident_id, agree=False)
    closing(world, incident_id, COLLEAGUE)
    closed(world, incident_id, OFFICER)
    assert [one["facts"]["to"] for one in world.events("incident.closing")] == [
        "asked",
        "sent_back",
        "asked",
        "closed",
    ]


def test_closing_needs_password_and_second_factor_of_a_moment_ago(world):
    incident_id = done_but_closing(world)
    with pytest.raises(StepUpNeeded):
        closing(world, incident_id, at=world.now + 3 * HOUR)


def test_nothing_more_is_done_about_a_closed_one(world):
    incident_id = done_but_closing(world)
    closing(world, incident_id)
    closed(world, incident_id)
    person = world.person(OFFICER)
    calls = (
        lambda: activated(world, incident_id),
        lambda: finished(world, incident_id, "postal", "x"),
        lambda: incident_response.correct_awareness(world.parts, person, incident_id, world.now, "x", world.now),
        lambda: closing(world, incident_id),
    )
    assert {refused(call) for call in calls} == {"incident_closed"}


# -- lists ---------------------------------------------------------------------------------------------------------


def paged(world, limit, **options):
    """List page by page, and return the pages' ids."""
    pages, end = [], ""
    while end or not pages:
        found, end = incidents.listed(world.parts, world.person(AUDITOR), world.now, end, limit, **options)
        pages.append([one.incident.incident_id for one in found])
        assert all(one.clocks for one in found)
    return pages


def test_open_ones_come_first_and_closed_ones_behind_them_page_by_page(world):
    done = [done_but_closing(world), done_but_closing(world)]
    for one in done:
        closing(world, one)
        closed(world, one)
    ids = []
    for _ in range(3):
        world.now += timedelta(seconds=1)
        ids.append(opened(world))
    assert paged(world, 50)[0][:3] == ids
    assert set(paged(world, 50)[0][3:]) == set(done)
    whole = paged(world, 50)[0]
    assert paged(world, 2) == [whole[:2], whole[2:4], whole[4:]]
    assert paged(world, 5) == [whole]
    assert paged(world, 0) == [[one] for one in whole]
    assert paged(world, 2, closed=False) == [ids[:2], ids[2:]]
    assert paged(world, 3, closed=False) == [ids]


def test_nothing_is_left_out_where_the_last_of_a_page_is_closed_meanwhile(world):
    first = done_but_closing(world)
    world.now += timedelta(seconds=1)
    second = opened(world)
    found, end = incidents.listed(world.parts, world.person(AUDITOR), world.now, "", 1)
    assert [one.incident.incident_id for one in found] == [first]
    closing(world, first)
    closed(world, first)
    found, end = incidents.listed(world.parts, world.person(AUDITOR), world.now, end, 1)
    assert [one.incident.incident_id for one in found] == [second]
    found, end = incidents.listed(world.parts, world.person(AUDITOR), world.now, end)
    assert [one.incident.incident_id for one in found] == [first]
    assert not end


@pytest.mark.parametrize("after", ["x" + "0" * 32, "o", "0" * 32, "o" + "0" * 31, "O" + "0" * 32, "o" + "0" * 33])
def test_a_place_that_is_none_is_refused(world, after):
    with pytest.raises(InvalidValue, match="wrong_form"):
        incidents.listed(world.parts, world.person(AUDITOR), world.now, after)


def test_a_page_behind_an_incident_that_is_not_there_is_not_there(world):
    for place in ("o", "c"):
        with pytest.raises(NotFound):
            incidents.listed(world.parts, world.person(AUDITOR), world.now, place + "0" * 32)


@pytest.mark.parametrize("typed", ["", "12345", "g" * 6, "0" * 33, "ffffff", "%%%%%%"])
def test_what_begins_no_incidents_id_finds_none(world, typed):
    opened(world)
    with pytest.raises(NotFound):
        incidents.found(world.parts, typed)


def test_six_digits_find_one(world):
    incident_id = opened(world)
    assert incidents.found(world.parts, f" {incident_id.hex()[:6].upper()} ") == incident_id


def test_every_line_of_the_timeline_is_an_event_of_the_log(world):
    incident_id = done_but_closing(world)
    events = {one["id"]: one for one in world.events()}
    for entry in shown(world, incident_id).entries:
        event = events[entry.event_id.hex()]
        assert (event["action"], event["facts"]) == (entry.action, entry.facts)
        assert event["facts"]["incident"] == incident_id.hex()
