"""The board: what runs out first, whose turn it is, drills apart; and it costs the same however many there are."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event as sql_event

from tests import breach
from vault.domain.breach.incident_tasks import Act
from vault.domain.breach.incidents import AwareSource, IncidentKind, Verdict
from vault.domain.breach.signals import Found
from vault.domain.log import Actor
from vault.domain.rules.signals import SignalName
from vault.errors import AccessRefused, NotFound
from vault.services.breach import incident_board, incident_reminders, incident_response, incidents
from vault.services.steps.breach import incidents as step
from vault.services.steps.breach.incidents import Opening
from vault.services.steps.breach.signals import raise_signal
from vault.storage.unit_of_work import unit_of_work

AGENT, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR = "KF2001", "KF2010", "KF2012", "KF2013", "KF2014"
HOUR = timedelta(hours=1)
OPENING = Opening(IncidentKind.LEAK, AwareSource.OPERATOR)


def opened(world, kind="leak", ago=timedelta(0), **said):
    opening = Opening(IncidentKind(kind), AwareSource.REPORT, world.now - ago, **said)
    who = OFFICER if opening.drill else AGENT
    return incidents.open_one(world.parts, world.person(who), opening, world.now)


def closed(world):
    incident_id = opened(world, "surge")
    incident_response.activate(world.parts, world.person(OFFICER), incident_id, "先启动", world.now)
    incident_response.assess(world.parts, world.person(OFFICER), incident_id, Verdict.NO_BREACH, "看过", world.now)
    incident_response.ask_closing(world.parts, world.person(OFFICER), incident_id, "无", world.now)
    incident_response.close(world.parts, world.person(COLLEAGUE), incident_id, "看过", world.now)
    return incident_id


def board(world, who=OFFICER, at=None, **more):
    return incident_board.board(world.parts, world.person(who), at or world.now, **more)


@contextmanager
def counted(world):
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    sql_event.listen(world.parts.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sql_event.remove(world.parts.database.engine, "before_cursor_execute", note)


def test_what_runs_out_first_stands_first(world):
    later, sooner = opened(world, ago=HOUR), opened(world, "surge", ago=timedelta(minutes=90))
    assert [line.incident.incident_id for line in board(world).open] == [sooner, later]


def test_the_two_hours_stand_large_until_the_plan_is_started(world):
    incident_id = opened(world, "system_failure")
    (line,) = board(world).open
    assert line.urgent.clock_id == "activate"
    assert [clock.clock_id for clock in line.others] == ["technical", "network", "report"]
    incident_response.activate(world.parts, world.person(OFFICER), incident_id, "先启动", world.now)
    (line,) = board(world).open
    assert line.urgent.clock_id == "technical"


def test_each_role_finds_its_own_tasks_first(world):
    opened(world, "system_failure")
    supervisors, officers, auditors = (board(world, who) for who in (SUPERVISOR, OFFICER, AUDITOR))
    assert [task.clock.clock_id for task in supervisors.yours] == ["technical"]
    assert [task.clock.clock_id for task in supervisors.theirs] == ["activate", "network"]
    assert [task.clock.clock_id for task in officers.yours] == ["technical", "activate", "network"]
    assert officers.theirs == []
    assert auditors.yours == []
    assert len(auditors.theirs) == 3


def test_a_task_without_a_deadline_comes_after_those_that_have_one(world):
    incident_id = opened(world, ago=timedelta(days=1))
    incident_response.activate(world.parts, world.person(OFFICER), incident_id, "先启动", world.now)
    opened(world)
    acts = [(task.act, task.clock and task.clock.clock_id) for task in board(world).yours]
    assert acts[0] == (Act.CLOCK, "postal")
    assert acts[-1] == (Act.ASSESS, None)


def test_a_drill_stands_apart_and_its_tasks_come_after_every_real_one(world):
    drill, real = opened(world, ago=HOUR, drill=True), opened(world)
    found = board(world)
    assert [line.incident.incident_id for line in found.open] == [real]
    assert [line.incident.incident_id for line in found.drills] == [drill]
    assert [task.incident.drill for task in found.yours] == [False, False, True, True]


def test_a_clock_counts_as_missed_a_second_after_its_end(world):
    opened(world)
    opened(world, drill=True)
    due = world.now + 2 * HOUR
    assert board(world, at=due).missed == 1  # the hour of the postal administration; drills do not count
    assert board(world, at=due + timedelta(seconds=1)).missed == 2


def test_closed_ones_come_by_page_newest_first_and_tell_whether_there_are_more(world, monkeypatch):
    monkeypatch.setattr(incident_board, "_CLOSED", 2)
    ids = []
    for _ in range(3):
        ids.append(closed(world))
        world.now += HOUR
    first = board(world)
    assert [one.incident_id for one in first.closed] == ids[:0:-1]
    assert (first.more, first.closed_count) == (True, 3)
    second = board(world, before=ids[1])
    assert [one.incident_id for one in second.closed] == ids[:1]
    assert second.more is False


def test_a_page_after_an_incident_that_is_not_there_is_not_there(world):
    with pytest.raises(NotFound):
        board(world, before=bytes(16))


def test_an_agent_gets_no_board_and_the_refusal_is_logged(world):
    with pytest.raises(AccessRefused):
        board(world, AGENT)
    assert world.events()[-1]["outcome"] == "refused"


def test_the_board_shows_signals_of_late_and_leaves_tests_out(world):
    for tested in (False, True):
        found = Found(SignalName.PROBING, 30, 20, world.now - HOUR, world.now, world.person(AGENT).account_id)
        with unit_of_work(world.parts.database) as work:
            raise_signal(world.parts, work, found, world.now, tested=tested)
            work.commit()
    (one,) = board(world).signals
    assert (one.found.name, one.work_number, one.found.count) == (SignalName.PROBING, AGENT, 30)


def test_released_notices_show_how_far_they_are_and_drafts_show_nothing(world):
    breach.customers(world, 3)
    incident_id = breach.opened(world)
    campaign = breach.prepared(world, incident_id, breach.frozen(world, incident_id, breach.ids_of(world)))
    assert board(world).open[0].progress is None
    breach.release(world, incident_id, campaign)
    assert (board(world).open[0].progress.settled, board(world).open[0].progress.total) == (0, 3)
    with world.parts.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE notice_recipients SET state = 'failed' WHERE record_id = (SELECT MIN(record_id) FROM"
            " notice_recipients)"
        )
        connection.commit()
    assert (board(world).open[0].progress.settled, board(world).open[0].progress.total) == (1, 3)


def test_of_many_open_ones_a_page_is_listed_the_most_urgent_first(world, monkeypatch):
    monkeypatch.setattr(incident_board, "_OPEN", 2)
    ids = [opened(world, ago=minutes * timedelta(minutes=1)) for minutes in (10, 40, 20, 50, 30)]
    drills = [opened(world, ago=minutes * timedelta(minutes=1), drill=True) for minutes in (5, 6, 7)]
    by_urgency = [ids[index] for index in (3, 1, 4, 2, 0)]
    for page, expected in ((1, by_urgency[:2]), (2, by_urgency[2:4]), (3, by_urgency[4:])):
        found = board(world, page=page)
        assert [line.incident.incident_id for line in found.open] == expected
        assert (found.page, found.pages, found.open_count, found.drill_count) == (page, 3, 5, 3)
        assert [line.incident.incident_id for line in found.drills] == [drills[2], drills[1]]
        # What is to be done is told of all of them.
        assert found.yours[0].incident.incident_id == by_urgency[0]
        assert len({task.incident.incident_id for task in found.yours}) == 8
        assert board(world, page=page, at=world.now + 3 * HOUR).missed == 10
    for beyond, page in ((4, 3), (10**30, 3), (0, 1), (-1, 1)):
        assert board(world, page=beyond).page == page
    assert (board(world, COLLEAGUE, page=1).pages, len(board(world).closed)) == (3, 0)


def test_what_looks_at_all_open_ones_binds_the_same_number_of_values_however_many_there_are(world):
    def all_of_them():
        board(world)
        incident_board.most_urgent(world.parts, world.person(OFFICER), world.now)
        incidents.listed(world.parts, world.person(OFFICER), world.now, "", 5)
        incident_reminders.tend(world.parts, world.now)

    def most_bound():
        bound = []

        def note(_connection, _cursor, statement, parameters, *_rest):
            if statement.startswith(("SELECT", "WITH")):
                bound.append(len(parameters))

        engine = world.parts.database.engine
        sql_event.listen(engine, "before_cursor_execute", note)
        try:
            all_of_them()
        finally:
            sql_event.remove(engine, "before_cursor_execute", note)
        return max(bound)

    opened(world)
    all_of_them()  # what is due of the first one
    few = most_bound()
    with unit_of_work(world.parts.database) as work:
        for _ in range(few + 30):
            step.open_incident(world.parts, work, Actor("operator:x", "operator"), OPENING, world.now)
        work.commit()
    assert len(board(world).open) == few + 31
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incident_board, "_OPEN", 5)
        assert most_bound() <= few + 5


def test_it_asks_the_database_the_same_number_of_times_however_many_there_are(world):
    opened(world)
    with counted(world) as few:
        board(world)
    for number in range(12):
        opened(world, "system_failure" if number % 2 else "surge", drill=number % 3 == 0)
    closed(world)
    with counted(world) as many:
        found = board(world)
    assert len(found.open) + len(found.drills) == 13
    assert len(many) == len(few)


def test_the_head_of_a_page_shows_the_most_urgent_clock_of_a_real_incident(world):
    def urgent(who):
        return incident_board.most_urgent(world.parts, world.person(who), world.now)

    opened(world, ago=HOUR, drill=True)
    assert urgent(OFFICER) is None
    incident_id = opened(world)
    found = urgent(SUPERVISOR)
    assert (found.incident.incident_id, found.clock.clock_id) == (incident_id, "postal")
    assert urgent(AGENT) is None
