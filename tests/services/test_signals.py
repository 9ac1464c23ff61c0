import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulator import customer_row
from vault import bootstrap
from vault.domain.ids import Role
from vault.domain.log import Action, Actor, Outcome
from vault.domain.rules.signals import SignalName
from vault.errors import AccessRefused, NotFound, SignInRefused
from vault.services import limits, log, log_search, sessions, signals, viewing
from vault.storage import incident_signals, incidents, notifications

AGENT, COLLEAGUE, SUPERVISOR, OTHER_SUPERVISOR = "KF2001", "KF2002", "KF2009", "KF2010"
OFFICER, SECOND_OFFICER, AUDITOR, ADMIN = "KF2012", "KF2013", "KF2014", "ADMIN01"
ABSENT = "13999999999"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
SYSTEM = Actor("system", "system", node="test")


class Desk:
    """An agent with many customers of their own, one case, and nobody looking."""

    def __init__(self, world, customers):
        self.world = world
        rows = [customer_row(owner=AGENT) for _ in range(customers)]
        world.customers(*rows)
        answer = world.look_up(AGENT, rows[0]["phone"])
        self.case_id, first = answer.case_id, answer.cards[0].record_id
        others = world.rows("SELECT record_id FROM records WHERE record_class = 'customer'")
        self.customers = [first, *(row[0] for row in others if row[0] != first)]
        self.person = world.person(AGENT)

    def limited(self, **changes):
        policy = self.world.parts.policy
        few = {"warn_customers": 3, "alarm_customers": 5} | changes
        self.world.parts = replace(self.world.parts, policy=replace(policy, limits=replace(policy.limits, **few)))
        return self

    def reveal(self, which):
        try:
            viewing.reveal(
                self.world.parts, self.person, self.case_id, self.customers[which], "phone", 0, self.world.now
            )
        except AccessRefused as refused:
            return refused.reason
        return "shown"


def rule(world, name, **changes):
    """Change the rule of one signal."""
    policy = world.parts.policy
    rules = dict(policy.signals.signals)
    rules[name] = replace(rules[name], **changes)
    world.parts = replace(world.parts, policy=replace(policy, signals=replace(policy.signals, signals=rules)))


def opened(world):
    """Return the incidents there are: kind, drill, state, source, and the names of their clocks."""
    with world.parts.database.read() as connection:
        found = [*incidents.open_ones(connection), *incidents.closed_ones(connection, 50)]
        clocks = incidents.clocks_of(connection, [one.incident_id for one in found])
    return [
        (one, sorted(clock.clock_id for clock in clocks[one.incident_id]))
        for one in sorted(found, key=lambda one: one.opened_at)
    ]


def raised(world):
    with world.parts.database.read() as connection:
        return list(reversed(incident_signals.newest(connection, 50)))


def notices(world, number):
    with world.parts.database.read() as connection:
        listed = notifications.listed(connection, world.person(number).account_id, 100)
    return [one.kind.value for one in listed]


def write(world, action, outcome, actor=SYSTEM, **facts):
    event = world.parts.event(world.now, actor, action, outcome, **facts)
    world.parts.log_writer.write(event)
    return event


# -- reading ----------------------------------------------------------------------------------------------------------


def test_the_night_in_which_one_agent_reveals_sixty_customers(world):
    desk = Desk(world, 60)
    world.now = world.now.replace(hour=16)  # midnight in Shanghai
    desk.person = world.person(AGENT)
    answers = []
    for which in range(60):
        answers.append(desk.reveal(which))
        if answers[-1] == "limit_alarm":
            world.now += timedelta(seconds=600)
            answers.append(desk.reveal(which))
        if which == 24:
            assert notices(world, OFFICER).count("signal_raised") == 1
            assert not opened(world)
    assert answers.count("shown") == 60
    ((one, clocks),) = opened(world)
    assert (one.kind.value, one.aware_source.value, one.opened_by, one.drill) == ("misuse", "signal", "system", False)
    assert clocks == ["activate", "police", "postal", "report"]
    warned, alarmed = raised(world)
    assert [(each.found.name.value, each.found.count, each.found.threshold) for each in (warned, alarmed)] == [
        ("reveals_warned", 25, 25),
        ("reveals_alarmed", 51, 51),
    ]
    assert (alarmed.work_number, alarmed.incident_id, warned.incident_id) == (AGENT, one.incident_id, None)
    shown = [event["id"] for event in world.events("record.reveal", "granted")]
    assert [event.hex() for event in alarmed.found.events] == shown[:50]
    for officer in (OFFICER, SECOND_OFFICER):
        assert sorted(notices(world, officer)) == ["incident_opened", "incident_task", "signal_raised"]
    assert notices(world, AGENT) == []


def test_an_alarm_after_a_release_joins_the_open_incident_and_opens_another_after_its_end(world):
    desk = Desk(world, 16).limited()
    for which in range(5):
        desk.reveal(which)
    ((first, _),) = opened(world)
    signal_id = world.rows("SELECT signal_id FROM signals WHERE kind = 'alarmed'")[0][0]

    def again(start):
        world.now += HOUR
        limits.release(world.parts, world.person(SUPERVISOR), signal_id, world.now)
        world.now += SECOND
        desk.person = world.person(AGENT)
        for which in range(start, start + 5):
            desk.reveal(which)

    again(5)
    assert [one.incident_id for one, _ in opened(world)] == [first.incident_id]
    joined = [one for one in raised(world) if one.found.name is SignalName.REVEALS_ALARMED]
    assert [one.incident_id for one in joined] == [first.incident_id] * 2
    lines = world.rows("SELECT action FROM incident_entries WHERE incident_id = :i", i=first.incident_id)
    assert [row[0] for row in lines].count("incident.signal") == 2
    assert notices(world, OFFICER).count("incident_opened") == 1
    assert notices(world, OFFICER).count("incident_task") == 1
    world.tamper("UPDATE incidents SET state = 'closed', closed_at = opened_at")
    signal_id = world.rows("SELECT signal_id FROM signals WHERE kind = 'alarmed' AND released_at IS NULL")[0][0]
    again(10)
    assert len(opened(world)) == 2


def test_many_reveals_at_the_same_moment_open_one_incident(world):
    desk = Desk(world, 14).limited()
    for which in range(4):
        desk.reveal(which)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(desk.reveal, range(4, 14)))
    assert len(opened(world)) == 1
    assert len(world.events("incident.signal")) == 2


def test_a_supervisor_who_reads_too_much_is_not_told_of_it(world):
    desk = Desk(world, 8).limited()
    world.tamper("UPDATE accounts SET role = 'supervisor' WHERE work_number = :n", n=AGENT)
    policy = world.parts.policy
    quotas = dict(policy.limits.quotas)
    desk.person = world.person(AGENT)
    world.parts = replace(world.parts, policy=replace(policy, limits=replace(policy.limits, quotas=quotas)))
    for which in range(3):
        desk.reveal(which)
    assert [one.found.name.value for one in raised(world)] == ["reveals_warned"]
    assert "signal_raised" not in notices(world, AGENT)
    (mine,) = raised(world)
    with pytest.raises(NotFound):
        signals.one(world.parts, world.person(AGENT), mine.evidence_id)


def test_a_policy_may_lower_probing_to_a_word_but_the_numbers_of_reading_stay(world):
    desk = Desk(world, 8).limited()
    rule(world, SignalName.REVEALS_ALARMED, told=(Role.AUDITOR,))
    for which in range(6):
        desk.reveal(which)
    assert notices(world, AUDITOR) == ["signal_raised"]
    assert [one.found.count for one in raised(world)] == [3, 5]


# -- probing ----------------------------------------------------------------------------------------------------------


def test_refusals_and_misses_in_series_open_one_incident_of_misuse(world):
    rule(world, SignalName.PROBING, count=6)
    for _ in range(3):
        world.look_up(AGENT, ABSENT)
    person = world.person(AGENT)
    for _ in range(2):
        with pytest.raises(AccessRefused):
            log_search.search(world.parts, person, log_search.Question(), now=world.now)
    assert signals.tend(world.parts, world.now) == 0
    with pytest.raises(AccessRefused):
        log_search.search(world.parts, person, log_search.Question(), now=world.now)
    assert signals.tend(world.parts, world.now) == 1
    ((one, _),) = opened(world)
    (found,) = raised(world)
    assert (one.kind.value, found.found.name, found.found.count) == ("misuse", SignalName.PROBING, 6)
    assert (found.work_number, len(found.found.events)) == (AGENT, 6)
    assert signals.tend(world.parts, world.now) == 0
