from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services import test_limits
from vault import bootstrap
from vault.domain.breach.incidents import IncidentState, Verdict
from vault.domain.breach.signals import Found
from vault.domain.ids import Role
from vault.domain.log import Action, Actor, Outcome
from vault.domain.rules.signals import SignalName
from vault.errors import AccessRefused, NotFound, SignInRefused
from vault.services import limits, log, log_search, sessions
from vault.services.breach import incident_response, signals
from vault.services.steps.breach.signals import raise_signal
from vault.storage import log_watch, notifications
from vault.storage.breach import incident_signals, incidents
from vault.storage.engine import Database
from vault.storage.unit_of_work import unit_of_work

AGENT, COLLEAGUE, SUPERVISOR, OTHER_SUPERVISOR = "KF2001", "KF2002", "KF2009", "KF2010"
OFFICER, SECOND_OFFICER, AUDITOR, ADMIN = "KF2012", "KF2013", "KF2014", "ADMIN01"
ABSENT = "13999999999"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
SYSTEM = Actor("system", "system", node="test")


class Desk(test_limits.Desk):
    """An agent with many customers of their own, one case, and nobody looking."""

    def reveal(self, which):
        try:
            super().reveal(which)
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
        return sorted(incident_signals.newest(connection, 50), key=lambda one: (one.raised_at, one.found.count))


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
    assert {event.hex() for event in alarmed.found.events} == set(shown[:50])
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
    desk.person = world.person(AGENT)
    for which in range(5):
        desk.reveal(which)
    assert [one.found.name.value for one in raised(world)] == ["reveals_warned", "reveals_alarmed"]
    assert {"signal_raised", "incident_opened"}.isdisjoint(notices(world, AGENT))
    assert "incident_opened" in notices(world, SUPERVISOR)
    for mine in raised(world):
        with pytest.raises(NotFound):
            signals.one(world.parts, world.person(AGENT), mine.evidence_id)


def test_who_is_told_of_an_alarm_is_for_the_policy_to_say(world):
    desk = Desk(world, 8).limited()
    rule(world, SignalName.REVEALS_ALARMED, told=(Role.AUDITOR,))
    for which in range(6):
        desk.reveal(which)
    assert notices(world, AUDITOR) == ["signal_raised"]
    assert [one.found.count for one in raised(world)] == [3, 5]


# -- probing ----------------------------------------------------------------------------------------------------------


def miss(world, times):
    for _ in range(times):
        world.look_up(AGENT, ABSENT)


def refusals(world, times, who=AGENT):
    for _ in range(times):
        with pytest.raises(AccessRefused):
            log_search.find(world.parts, world.person(who), ABSENT, world.now)


def test_refusals_and_misses_in_series_open_one_incident_of_misuse(world):
    rule(world, SignalName.PROBING, count=6)
    miss(world, 3)
    refusals(world, 2)
    assert signals.tend(world.parts, world.now) == 0
    refusals(world, 1)
    assert signals.tend(world.parts, world.now) == 1
    ((one, clocks),) = opened(world)
    (found,) = raised(world)
    assert (one.kind.value, found.found.name, found.found.count) == ("misuse", SignalName.PROBING, 6)
    assert (found.work_number, len(found.found.events)) == (AGENT, 6)
    assert "police" not in clocks
    assert signals.tend(world.parts, world.now) == 0


def test_what_was_told_is_not_counted_again_and_a_new_series_joins_the_incident(world):
    rule(world, SignalName.PROBING, count=4)
    refusals(world, 4)
    assert signals.tend(world.parts, world.now) == 1
    world.now += SECOND
    refusals(world, 3)
    assert signals.tend(world.parts, world.now) == 0
    refusals(world, 1)
    assert signals.tend(world.parts, world.now) == 1
    assert len(opened(world)) == 1
    assert [one.found.count for one in raised(world)] == [4, 4]


@pytest.mark.parametrize(("late", "count"), [(HOUR, 1), (HOUR + SECOND, 0)])
def test_a_series_counts_within_its_window_to_the_second(world, late, count):
    rule(world, SignalName.PROBING, count=4)
    refusals(world, 2)
    world.now += late
    refusals(world, 2)
    assert signals.tend(world.parts, world.now) == count


def test_two_people_who_are_refused_a_little_are_no_signal(world):
    rule(world, SignalName.PROBING, count=4)
    refusals(world, 3)
    refusals(world, 3, who=COLLEAGUE)
    assert signals.tend(world.parts, world.now) == 0
    assert opened(world) == []


# -- one night of one person ------------------------------------------------------------------------------------------


def night(world):
    """An agent who goes for many customers; the fifth is an alarm, and the fourth refusal is probing."""
    desk = Desk(world, 10).limited()
    rule(world, SignalName.PROBING, count=4)
    return desk


def alarm(desk, start=0):
    desk.person = desk.world.person(AGENT)
    for which in range(start, start + 5):
        desk.reveal(which)


def probe(world, who=AGENT):
    refusals(world, 4, who=who)
    return signals.tend(world.parts, world.now)


def lines(world, incident_id):
    rows = world.rows("SELECT action FROM incident_entries WHERE incident_id = :i", i=incident_id)
    return [action for (action,) in rows].count("incident.signal")


@pytest.mark.parametrize("first", ["alarm", "probing"])
def test_the_alarm_and_the_probing_of_one_night_are_one_incident(world, first):
    desk = night(world)
    if first == "alarm":
        alarm(desk)
        ((one, clocks),) = opened(world)
    else:
        assert probe(world) == 1
        ((one, clocks),) = opened(world)
        assert "police" not in clocks
    with world.parts.database.read() as connection:
        before = incidents.clocks_of(connection, [one.incident_id])[one.incident_id]
    world.now += HOUR
    if first == "alarm":
        assert probe(world) == 1
    else:
        alarm(desk)
    ((after, clocks),) = opened(world)
    assert after == one
    assert clocks == ["activate", "police", "postal", "report"]
    with world.parts.database.read() as connection:
        now = incidents.clocks_of(connection, [one.incident_id])[one.incident_id]
    assert [clock for clock in now if clock in before] == before
    joined = [each.found.name.value for each in raised(world) if each.incident_id == one.incident_id]
    assert sorted(joined) == ["probing", "reveals_alarmed"]
    assert lines(world, one.incident_id) == 2
    assert notices(world, OFFICER).count("incident_opened") == 1
    assert notices(world, OFFICER).count("incident_task") == 1


def test_an_alarm_and_probing_at_the_same_moment_open_one_incident(world):
    desk = night(world)
    desk.person = world.person(AGENT)
    for which in range(4):
        desk.reveal(which)
    refusals(world, 4)
    signals.log.order(world.parts.database)
    other = replace(world.parts, database=Database(world.place.url))
    with ThreadPoolExecutor(2) as pool:
        looking = pool.submit(signals.tend, other, world.now)
        assert (pool.submit(desk.reveal, 4).result(), looking.result()) == ("limit_alarm", 1)
    other.database.dispose()
    ((one, _),) = opened(world)
    assert lines(world, one.incident_id) == 2


def test_another_persons_signal_opens_an_incident_of_its_own(world):
    alarm(night(world))
    assert probe(world, COLLEAGUE) == 1
    assert len(opened(world)) == 2


def test_an_alteration_of_the_log_is_no_part_of_what_a_person_did(world):
    alarm(night(world))
    write(world, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    assert signals.tend(world.parts, world.now) == 1
    assert sorted(one.kind.value for one, _ in opened(world)) == ["alteration", "misuse"]


def test_a_signal_of_another_kind_about_the_same_person_has_clocks_of_its_own(world):
    alarm(night(world))
    rules = world.parts.policy.signals.signals
    leak = replace(rules[SignalName.COMPLETENESS], count=4, window_minutes=60)
    rule(world, SignalName.PROBING, kind=leak.kind)
    assert probe(world) == 1
    assert sorted(one.kind.value for one, _ in opened(world)) == ["leak", "misuse"]


@pytest.mark.parametrize(("late", "count"), [(timedelta(0), 1), (SECOND, 2)])
def test_a_day_after_its_opening_an_incident_takes_no_further_signal_of_a_person(world, late, count):
    alarm(night(world))
    world.now += world.parts.policy.signals.join() + late
    assert probe(world) == 1
    assert len(opened(world)) == count


def test_an_alarm_weeks_after_an_incident_was_repaired_opens_one_of_its_own_with_clocks(world):
    alarm(night(world))
    ((first, _),) = opened(world)
    officer = world.person(OFFICER)
    incident_response.activate(world.parts, officer, first.incident_id, "x", world.now)
    incident_response.assess(world.parts, officer, first.incident_id, Verdict.BREACH, "x", world.now)
    for state in (IncidentState.CONTAINED, IncidentState.REPAIRED):
        incident_response.advance(world.parts, officer, first.incident_id, state, "x", world.now)
    world.now += timedelta(days=25)
    found = Found(SignalName.REVEALS_ALARMED, 51, 51, world.now, world.now, world.person(AGENT).account_id)
    with unit_of_work(world.parts.database) as work:
        again = raise_signal(world.parts, work, found, world.now)
        work.commit()
    assert again.opened
    (_, (second, clocks)) = opened(world)
    assert (second.incident_id, clocks) == (again.incident_id, ["activate", "police", "postal", "report"])


@pytest.mark.parametrize(
    "done", ["state = 'closed', closed_at = opened_at", "verdict = 'no_breach'", "closing_by = :officer"]
)
def test_what_officers_are_done_with_takes_no_further_signal(world, done):
    alarm(night(world))
    officer = {"officer": world.person(OFFICER).account_id} if ":officer" in done else {}
    world.tamper(f"UPDATE incidents SET {done}", **officer)
    assert probe(world) == 1
    assert len(opened(world)) == 2


# -- what happened while nobody looked --------------------------------------------------------------------------------


@pytest.mark.parametrize("away", [HOUR + SECOND, timedelta(days=3), timedelta(days=400)])
def test_probing_while_no_timetable_ran_is_found_afterwards(world, away):
    rule(world, SignalName.PROBING, count=4)
    assert signals.tend(world.parts, world.now) == 0
    world.now += HOUR
    refusals(world, 4)
    world.now += away
    assert signals.tend(world.parts, world.now) == 1
    (found,) = raised(world)
    assert (found.found.count, found.found.until, found.raised_at) == (4, world.now - away, world.now)
    assert signals.tend(world.parts, world.now) == 0


def test_probing_before_the_first_look_of_all_is_found(world):
    rule(world, SignalName.PROBING, count=4)
    refusals(world, 4)
    world.now += timedelta(days=6)
    assert signals.tend(world.parts, world.now) == 1


def test_refusals_far_apart_are_no_series_however_long_nobody_looked(world):
    rule(world, SignalName.PROBING, count=4)
    signals.tend(world.parts, world.now)
    for _ in range(4):
        refusals(world, 3)
        world.now += 2 * HOUR
    assert signals.tend(world.parts, world.now) == 0


def test_two_series_while_nobody_looked_are_one_signal_with_both(world):
    rule(world, SignalName.PROBING, count=4)
    signals.tend(world.parts, world.now)
    for times in (5, 2, 4):  # the two of the middle stand alone
        refusals(world, times)
        world.now += 2 * HOUR
    assert signals.tend(world.parts, world.now) == 1
    (found,) = raised(world)
    assert (found.found.count, len(found.found.events)) == (9, 9)
    assert found.found.until - found.found.since == 4 * HOUR


def test_a_storm_while_no_timetable_ran_is_found_afterwards(world):
    rule(world, SignalName.SIGN_IN_STORM, count=6)
    signals.tend(world.parts, world.now)
    fail_to_sign_in(world, 6, number="KF0000")
    world.now += 5 * HOUR
    fail_to_sign_in(world, 1, number="KF0000", source="198.51.100.9")
    assert signals.tend(world.parts, world.now) == 1
    (found,) = raised(world)
    assert (found.found.source, found.found.count) == ("198.51.100.7", 6)
    assert signals.tend(world.parts, world.now) == 0


def test_a_series_of_which_half_was_looked_at_is_whole(world):
    rule(world, SignalName.PROBING, count=4)
    refusals(world, 2)
    assert signals.tend(world.parts, world.now) == 0
    world.now += HOUR / 2
    refusals(world, 2)
    world.now += timedelta(days=2)
    assert signals.tend(world.parts, world.now) == 1


def test_a_clock_that_was_set_back_hides_no_series(world):
    rule(world, SignalName.PROBING, count=4)
    assert probe(world) == 1
    world.now -= timedelta(days=3)
    assert signals.tend(world.parts, world.now) == 0
    assert probe(world) == 1


def test_a_long_series_is_read_in_batches(world, monkeypatch):
    monkeypatch.setattr(log_watch, "_BATCH", 3)
    rule(world, SignalName.PROBING, count=4)
    rule(world, SignalName.SIGN_IN_STORM, count=4)
    refusals(world, 8)  # all at the same moment: their places tell them apart
    fail_to_sign_in(world, 7)
    assert signals.tend(world.parts, world.now) == 2
    assert {one.found.name.value: one.found.count for one in raised(world)} == {"probing": 8, "sign_in_storm": 7}


# -- sign-ins ---------------------------------------------------------------------------------------------------------


def fail_to_sign_in(world, times, source="198.51.100.7", number=AGENT):
    for _ in range(times):
        with pytest.raises(SignInRefused):
            sessions.sign_in(world.parts, number, "wrong", source, world.now)


def test_a_storm_of_failed_sign_ins_is_told_and_blames_nobody(world):
    rule(world, SignalName.SIGN_IN_STORM, count=7)
    rule(world, SignalName.PROBING, count=7)
    fail_to_sign_in(world, 4)
    fail_to_sign_in(world, 2, number="KF0000")
    assert signals.tend(world.parts, world.now) == 0
    fail_to_sign_in(world, 1, number=COLLEAGUE)
    assert signals.tend(world.parts, world.now) == 1
    (found,) = raised(world)
    assert (found.found.name, found.found.count, found.found.source) == (SignalName.SIGN_IN_STORM, 7, "198.51.100.7")
    assert (found.work_number, found.incident_id) == ("", None)
    assert notices(world, OFFICER) == notices(world, ADMIN) == ["signal_raised"]
    assert opened(world) == []
    assert signals.tend(world.parts, world.now) == 0
    world.now += HOUR + SECOND
    assert signals.tend(world.parts, world.now) == 0


def test_one_account_attacked_from_many_sources_is_a_storm_of_that_account(world):
    rule(world, SignalName.SIGN_IN_STORM, count=6)
    for source in range(6):
        fail_to_sign_in(world, 1, source=f"198.51.100.{source}")
    assert signals.tend(world.parts, world.now) == 1
    (found,) = raised(world)
    assert (found.work_number, found.found.source, found.found.count) == (AGENT, "", 6)


def test_a_storm_opens_an_incident_where_the_policy_says_so(world):
    rules = world.parts.policy.signals.signals
    alarm = rules[SignalName.REVEALS_ALARMED]
    rule(world, SignalName.SIGN_IN_STORM, count=3, severity=alarm.severity, kind=alarm.kind)
    fail_to_sign_in(world, 3, number="KF0000")
    fail_to_sign_in(world, 3, number="KF0000", source="2001:db8::1")
    assert signals.tend(world.parts, world.now) == 2
    assert len(opened(world)) == 1
    assert {one.found.source for one in raised(world)} == {"198.51.100.7", "2001:db8::/64"}


# -- single events ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "outcome", "name", "kind"),
    [
        (Action.LOG_VERIFY, Outcome.FAILED, "log_verification", "alteration"),
        (Action.LOG_GAP_ACCEPTED, Outcome.DONE, "log_verification", "alteration"),
        (Action.INTEGRITY_FAILURE, Outcome.FAILED, "record_integrity", "alteration"),
        (Action.LOG_COUNTED, Outcome.FAILED, "completeness", "leak"),
    ],
)
def test_an_event_that_is_a_signal_opens_one_incident_and_the_next_ones_join_it(world, action, outcome, name, kind):
    first = write(world, action, outcome)
    assert signals.tend(world.parts, world.now) == 1
    assert signals.tend(world.parts, world.now) == 0
    world.now += SECOND
    more = [write(world, action, outcome) for _ in range(2)]
    assert signals.tend(world.parts, world.now) == 1
    ((one, _),) = opened(world)
    assert one.kind.value == kind
    assert [(each.found.name.value, each.found.count, each.found.events) for each in raised(world)] == [
        (name, 1, (first.event_id,)),
        (name, 2, tuple(each.event_id for each in more)),
    ]
    assert {each.incident_id for each in raised(world)} == {one.incident_id}


@pytest.mark.parametrize(
    ("action", "outcome"),
    [(Action.LOG_VERIFY, Outcome.DONE), (Action.LOG_COUNTED, Outcome.DONE), (Action.LOG_GAP_ACCEPTED, Outcome.REFUSED)],
)
def test_an_event_that_ended_well_is_no_signal(world, action, outcome):
    write(world, action, outcome)
    assert signals.tend(world.parts, world.now) == 0


def test_a_log_that_somebody_changed_is_a_signal_once_it_is_verified(world):
    world.settle()
    world.tamper("UPDATE log_events SET canonical = canonical || :tail WHERE leaf_index = 1", tail=b" ")
    verdict = world.verify()
    assert not verdict.holds
    log.record_verification(world.parts, bootstrap.operator(world.config), verdict, world.now)
    assert signals.tend(world.parts, world.now) == 1
    ((one, _),) = opened(world)
    assert one.kind.value == "alteration"


def test_a_record_changed_behind_the_vault_opens_an_incident(world):
    row = world.customer(owner=AGENT)
    world.tamper("UPDATE records SET mac = :mac WHERE record_class = 'customer'", mac=b"x" * 32)
    with pytest.raises(Exception, match="unreadable"):
        world.look_up(AGENT, row["phone"])
    assert signals.tend(world.parts, world.now) == 1
    (found,) = raised(world)
    assert (found.found.name, found.work_number) == (SignalName.RECORD_INTEGRITY, "")


def test_what_happened_while_nobody_looked_is_found_afterwards(world):
    assert signals.tend(world.parts, world.now) == 0
    write(world, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    world.now += timedelta(days=40)
    assert signals.tend(world.parts, world.now) == 1


def test_a_clock_that_was_set_back_hides_no_event(world):
    write(world, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    assert signals.tend(world.parts, world.now) == 1
    world.now -= timedelta(days=3)
    write(world, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    assert signals.tend(world.parts, world.now) == 1
    assert len(opened(world)) == 1


def test_of_several_processes_that_look_at_once_one_raises_it(world):
    rule(world, SignalName.PROBING, count=4)
    write(world, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    refusals(world, 4)
    signals.log.order(world.parts.database)
    others = [replace(world.parts, database=Database(world.place.url)) for _ in range(3)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda parts: signals.tend(parts, world.now), [world.parts, *others]))
    for parts in others:
        parts.database.dispose()
    assert sum(counts) == 2
    assert len(opened(world)) == 2


def test_what_led_to_no_incident_is_forgotten_with_the_limits_and_the_rest_stays(world):
    desk = Desk(world, 8).limited()
    for which in range(5):
        desk.reveal(which)
    world.now += timedelta(days=world.parts.policy.limits.keep_days) + SECOND
    signals.tend(world.parts, world.now)
    assert [one.found.name.value for one in raised(world)] == ["reveals_alarmed"]


# -- the test of signals ----------------------------------------------------------------------------------------------


def fire(world, *names):
    return signals.test(world.parts, bootstrap.operator(world.config), names or tuple(SignalName), world.now)


def test_every_signal_comes_through_as_a_drill_that_is_closed_at_once(world):
    tested = fire(world)
    assert [one.name for one in tested] == list(SignalName)
    assert all(one.came_through and one.told and one.seconds > 0 for one in tested)
    rules = world.parts.policy.signals.signals
    assert [one.incident_id is not None for one in tested] == [rules[one.name].kind is not None for one in tested]
    assert all(one.drill and one.is_closed for one, _ in opened(world))
    with world.parts.database.read() as connection:
        assert incidents.open_ones(connection) == []
        clocks = incidents.clocks_of(connection, [one.incident_id for one, _ in opened(world)])
    assert not any(clock.is_open for some in clocks.values() for clock in some)
    assert all(one.tested for one in raised(world))
    assert world.rows("SELECT count(*) FROM signals") == [(0,)]


def test_a_test_leaves_real_signals_their_own_incident(world):
    fire(world)
    write(world, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    assert signals.tend(world.parts, world.now) == 1
    with world.parts.database.read() as connection:
        (one,) = incidents.open_ones(connection)
    assert not one.drill
    fire(world, SignalName.RECORD_INTEGRITY)
    with world.parts.database.read() as connection:
        assert [one.incident_id] == [each.incident_id for each in incidents.open_ones(connection)]
        assert len(incident_signals.of_incident(connection, one.incident_id)) == 1


def test_a_signal_that_reaches_nobody_did_not_come_through(world):
    rule(world, SignalName.FORBIDDEN_PURPOSE, told=(Role.QUALITY_INSPECTOR,))
    world.tamper("UPDATE accounts SET state = 'left' WHERE role = 'quality_inspector'")
    (tested,) = fire(world, SignalName.FORBIDDEN_PURPOSE)
    assert (tested.came_through, dict(tested.told)) == (False, {})


# -- reading them -----------------------------------------------------------------------------------------------------


def test_evidence_is_for_those_who_read_incidents_and_a_refusal_is_logged(world):
    desk = Desk(world, 8).limited()
    for which in range(5):
        desk.reveal(which)
    ((one, _),) = opened(world)
    for who in (OFFICER, OTHER_SUPERVISOR, AUDITOR):
        (found,) = signals.evidence(world.parts, world.person(who), one.incident_id, world.now)
        assert found.found.count == 5
    with pytest.raises(AccessRefused):
        signals.evidence(world.parts, world.person(COLLEAGUE), one.incident_id, world.now)
    assert world.events("incident.viewed", "refused")[-1]["actor"] == COLLEAGUE
    with pytest.raises(NotFound):
        signals.evidence(world.parts, world.person(OFFICER), bytes(16), world.now)


def test_a_signal_is_shown_to_whoever_was_told_and_to_nobody_else(world):
    rule(world, SignalName.SIGN_IN_STORM, count=3)
    fail_to_sign_in(world, 3, number="KF0000")
    signals.tend(world.parts, world.now)
    (found,) = raised(world)
    for who in (ADMIN, OFFICER, AUDITOR):
        assert signals.one(world.parts, world.person(who), found.evidence_id) == found
    for who, evidence_id in ((AGENT, found.evidence_id), (OFFICER, bytes(16))):
        with pytest.raises(NotFound):
            signals.one(world.parts, world.person(who), evidence_id)


def test_events_of_signals_hold_ids_words_and_counts_only(world):
    desk = Desk(world, 8).limited()
    for which in range(5):
        desk.reveal(which)
    for event in world.events("incident.signal"):
        assert set(event["facts"]) <= {"signal", "count", "drill", "account", "incident"}
        assert event["actor"] == "system"


def test_whoever_is_told_of_a_test_is_not_told_of_an_incident(world):
    fire(world)
    for who in (OFFICER, SUPERVISOR):
        assert "signal_tested" in notices(world, who)
        assert {"incident_opened", "incident_task"}.isdisjoint(notices(world, who))
