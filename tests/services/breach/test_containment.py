"""Containing a breach: measures in force at the next request of every process, and only rehearsed in a drill."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER, approved, fill
from tests.simulator import customer_row, service_row, staff_row
from vault import bootstrap, jobs
from vault.domain.breach.containment import Measure
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.breach.radius import RadiusScope
from vault.domain.people import AccountState
from vault.errors import AccessRefused, AlreadyDecided, NotFound, SignInRefused, StepUpNeeded, VaultError
from vault.services import accounts, api_tokens, cases, destruction, holds, lookup, sessions, sharing, viewing
from vault.services.breach import containment, incident_response, incidents, radius
from vault.services.breach import containment_reading as reading
from vault.services.holds import Why
from vault.services.steps.breach import containing
from vault.services.steps.breach.incidents import Opening
from vault.storage import people
from vault.storage.engine import Database

AGENT, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR = "KF2001", "KF2010", "KF2012", "KF2013", "KF2014"
ADMIN = bootstrap.FIRST_ADMIN
SECOND = timedelta(seconds=1)
WHY = "张三 13800138000 说不再需要"
FREEZES = (Measure.FREEZE_REVEALS, Measure.FREEZE_EXPORTS, Measure.FREEZE_IMPORTS, Measure.READ_ONLY)


@pytest.fixture
def vault(world):
    for number in (AGENT, SUPERVISOR, OFFICER, COLLEAGUE, AUDITOR):
        world.activate(number)
    return world


def opened(world, who=AGENT, *, drill=False):
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, drill=drill)
    return incidents.open_one(world.parts, world.person(who), opening, world.now)


def taken(world, incident, measure, target="", who=OFFICER, note=""):
    return containment.take(world.parts, world.person(who), incident, Measure(measure), target, note, world.now)


def ended(world, incident, one, who=OFFICER, reason=WHY):
    return containment.end(world.parts, world.person(who), incident, one.containment_id, reason, world.now)


def previewed(world, incident, measure, target="", who=OFFICER):
    person = world.person(who)
    return reading.preview(world.parts, person, incident, Measure(measure), target, world.now).counts


def refused(call, *arguments, **options):
    with pytest.raises(VaultError) as raised:
        call(*arguments, **options)
    return raised.value.reason


def account(world, number):
    with world.parts.database.read() as connection:
        return people.by_work_number(connection, number)


def state(world, number):
    return account(world, number).state


def timeline(world, incident):
    entries = incidents.shown(world.parts, world.person(OFFICER), incident, world.now).entries
    return [(one.action, one.facts.get("measure")) for one in entries if one.action.startswith("containment.")]


def seen(world, who=AGENT, number=None):
    """Look a new pool customer up and let the caller prove who they are."""
    number = number or world.customer()["phone"]
    found = world.look_up(who, number)
    record = found.cards[0].record_id
    world.verify_caller(who, found.case_id, record)
    return found.case_id, record


def lent(world):
    """Lend the agent a customer of a colleague, by the colleague."""
    world.activate("KF2002")
    number = world.customer(owner="KF2002")["phone"]
    found = world.look_up("KF2002", number)
    record = found.cards[0].record_id
    giver = world.person("KF2002")
    return sharing.share(world.parts, giver, found.case_id, record, AGENT, "query", 8, world.now), record


# -- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [AGENT, SUPERVISOR, AUDITOR])
@pytest.mark.parametrize("measure", ["read_only", "suspend_account"])
def test_who_is_no_officer_contains_nothing_and_that_is_logged(vault, who, measure):
    incident = opened(vault)
    assert refused(taken, vault, incident, measure, "KF2002", who) == "no_right"
    last = vault.events("containment.taken")[-1]
    assert (last["actor"], last["outcome"], last["rule"]) == (who, "refused", "no_right")
    assert reading.frozen(vault.parts) == {}


def test_a_role_that_the_policy_does_not_name_takes_no_such_measure(vault):
    incident, rules = opened(vault), vault.parts.policy.containment
    fewer = dict(rules.measures) | {Measure.READ_ONLY: replace(rules.measures[Measure.READ_ONLY], who=frozenset())}
    policy = replace(vault.parts.policy, containment=replace(rules, measures=fewer))
    parts = replace(vault.parts, policy=policy)
    person = vault.person(OFFICER)
    assert refused(containment.take, parts, person, incident, Measure.READ_ONLY, "", "", vault.now) == (
        "measure_not_yours"
    )
    assert vault.events("containment.taken")[-1]["rule"] == "measure_not_yours"
    assert Measure.READ_ONLY not in reading.shown(parts, person, incident, vault.now).mine


def test_an_act_on_an_account_asks_who_does_it_once_more_and_a_freeze_does_not(vault):
    incident, stale = opened(vault), replace(vault.person(OFFICER), proved_at=None)
    with pytest.raises(StepUpNeeded):
        containment.take(vault.parts, stale, incident, Measure.SUSPEND_ACCOUNT, AGENT, "", vault.now)
    one = containment.take(vault.parts, stale, incident, Measure.READ_ONLY, "", "", vault.now)
    with pytest.raises(StepUpNeeded):
        containment.end(vault.parts, stale, incident, one.containment_id, WHY, vault.now)


def test_an_officer_does_nothing_to_themselves_nor_to_another_account_of_their_own(vault):
    vault.staff(staff_row("KF8001") | {"name": "上官雨"})
    incident = opened(vault)
    for measure in ("suspend_account", "end_sessions", "revoke_tokens", "revoke_grants"):
        for number in (OFFICER, "KF8001"):
            assert refused(taken, vault, incident, measure, number) == "own_account"
    assert vault.events("containment.taken")[-1]["rule"] == "own_account"
    assert state(vault, OFFICER) is AccountState.ACTIVE


def test_the_last_administrator_who_can_act_is_not_suspended(vault):
    vault.activate(ADMIN)
    incident = opened(vault)
    assert refused(taken, vault, incident, "suspend_account", ADMIN) == "last_administrator"
    vault.staff(staff_row("KF8001", "admin"))
    assert refused(taken, vault, incident, "suspend_account", ADMIN) == "last_administrator"  # one who never signed in
    vault.activate("KF8001")
    one = taken(vault, incident, "suspend_account", ADMIN)
    assert state(vault, ADMIN) is AccountState.SUSPENDED
    assert refused(taken, vault, incident, "suspend_account", "KF8001") == "last_administrator"
    ended(vault, incident, one)
    assert state(vault, ADMIN) is AccountState.ACTIVE


def test_of_two_officers_who_suspend_each_other_at_once_one_is_left(vault):
    incident = opened(vault)

    def suspend(pair):
        try:
            taken(vault, incident, "suspend_account", pair[1], pair[0])
        except (AccessRefused, SignInRefused, NotFound):  # suspended meanwhile; or the incident is about them by now
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        became = list(pool.map(suspend, [(OFFICER, COLLEAGUE), (COLLEAGUE, OFFICER)]))
    assert sorted(became) == ["done", "refused"]
    assert sorted((state(vault, OFFICER), state(vault, COLLEAGUE))) == ["active", "suspended"]


# -- single accounts -----------------------------------------------------------------------------------------------


def test_a_suspended_account_is_out_at_its_next_request_and_comes_back_when_the_measure_ends(vault):
    incident, token = opened(vault), vault.sign_in(AGENT).token
    assert previewed(vault, incident, "suspend_account", AGENT) == {"sessions": 1}
    one = taken(vault, incident, "suspend_account", AGENT, note=WHY)
    assert (one.affected, state(vault, AGENT)) == (1, AccountState.SUSPENDED)
    assert sessions.person_of(vault.parts, token, "203.0.113.9", vault.now) is None
    assert refused(vault.sign_in, AGENT) == "sign_in_refused"
    ended(vault, incident, one, COLLEAGUE)
    assert state(vault, AGENT) is AccountState.ACTIVE
    assert sessions.person_of(vault.parts, token, "203.0.113.9", vault.now) is None  # what was ended stays ended
    assert vault.sign_in(AGENT).token
    assert timeline(vault, incident) == [("containment.taken", one.measure), ("containment.ended", one.measure)]
    assert [event["facts"]["incident"] for event in vault.events("people.suspended")] == [incident.hex()]
    assert [event["actor"] for event in vault.events("people.unlocked")] == [COLLEAGUE]


def test_an_account_that_two_incidents_suspend_comes_back_with_the_second(vault):
    first, second = opened(vault), opened(vault)
    ones = [taken(vault, one, "suspend_account", AGENT) for one in (first, second)]
    ended(vault, first, ones[0])
    assert state(vault, AGENT) is AccountState.SUSPENDED
    ended(vault, second, ones[1])
    assert state(vault, AGENT) is AccountState.ACTIVE


def test_what_an_administrator_decided_about_an_account_is_left_alone(vault):
    vault.activate(ADMIN)
    incident, admin = opened(vault), vault.person(ADMIN)
    accounts.suspend(vault.parts, admin, AGENT, vault.now)
    assert refused(taken, vault, incident, "suspend_account", AGENT) == "act_not_possible"
    accounts.unlock(vault.parts, admin, AGENT, vault.now)
    one = taken(vault, incident, "suspend_account", AGENT)
    accounts.lock(vault.parts, admin, AGENT, vault.now)
    ended(vault, incident, one)
    assert state(vault, AGENT) is AccountState.LOCKED


def test_an_administrator_does_not_bring_back_whom_an_incident_suspends(vault):
    vault.activate(ADMIN)
    incident, admin = opened(vault), vault.person(ADMIN)
    one = taken(vault, incident, "suspend_account", AGENT)
    with pytest.raises(AccessRefused, match="incident_keeps_it") as raised:
        accounts.unlock(vault.parts, admin, AGENT, vault.now)
    assert raised.value.facts == {"incident": incident.hex()[:8].upper()}
    assert state(vault, AGENT) is AccountState.SUSPENDED
    assert vault.events("people.unlocked", "refused")[-1]["rule"] == "incident_keeps_it"
    accounts.lock(vault.parts, admin, AGENT, vault.now)  # what holds them more is not refused
    assert refused(accounts.unlock, vault.parts, admin, AGENT, vault.now) == "incident_keeps_it"
    ended(vault, incident, one)
    accounts.unlock(vault.parts, admin, AGENT, vault.now)
    assert state(vault, AGENT) is AccountState.ACTIVE


def test_a_rehearsed_suspension_keeps_nobody_from_coming_back(vault):
    vault.activate(ADMIN)
    taken(vault, opened(vault, OFFICER, drill=True), "suspend_account", AGENT)
    admin = vault.person(ADMIN)
    accounts.suspend(vault.parts, admin, AGENT, vault.now)
    accounts.unlock(vault.parts, admin, AGENT, vault.now)
    assert state(vault, AGENT) is AccountState.ACTIVE


def test_one_who_suspends_and_one_who_unlocks_at_once_leave_the_account_as_the_measure_says(vault):
    vault.activate(ADMIN)
    incident, admin = opened(vault), vault.person(ADMIN)
    other = opened(vault)
    taken(vault, other, "suspend_account", AGENT)

    def attempt(number):
        if number:
            return refused(accounts.unlock, vault.parts, admin, AGENT, vault.now)
        return taken(vault, incident, "suspend_account", AGENT).measure.value

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(attempt, range(2))) == ["suspend_account", "incident_keeps_it"]
    assert state(vault, AGENT) is AccountState.SUSPENDED


def test_sessions_of_one_person_end_and_nobody_elses(vault):
    incident = opened(vault)
    tokens = {number: [vault.sign_in(number).token for _ in range(2)] for number in (AGENT, SUPERVISOR)}
    assert previewed(vault, incident, "end_sessions", AGENT) == {"sessions": 2}
    one = taken(vault, incident, "end_sessions", AGENT.lower())
    living = {
        number: [bool(sessions.person_of(vault.parts, one, "203.0.113.9", vault.now)) for one in some]
        for number, some in tokens.items()
    }
    assert living == {AGENT: [False, False], SUPERVISOR: [True, True]}
    assert (one.affected, one.is_standing) == (2, False)
    assert refused(ended, vault, incident, one) == "measure_ended"
    assert vault.sign_in(AGENT).token


def test_tokens_of_a_program_and_those_somebody_made_are_revoked(vault):
    vault.activate(ADMIN)
    incident, admin = opened(vault), vault.person(ADMIN)
    tokens = []
    for number in ("PRG1", "PRG2"):
        api_tokens.make_service_account(vault.parts, admin, number, "接口", "agent", "NJ-GL-01", vault.now)
        tokens.append(api_tokens.make_token(vault.parts, admin, number, ["query"], 30, vault.now))

    def living():
        return [bool(api_tokens.person_of(vault.parts, one.token, "203.0.113.9", vault.now)) for one in tokens]

    assert previewed(vault, incident, "revoke_tokens", "PRG1") == {"tokens": 1}
    assert taken(vault, incident, "revoke_tokens", "PRG1").affected == 1
    assert living() == [False, True]
    assert previewed(vault, incident, "revoke_tokens", ADMIN) == {"tokens": 1}
    taken(vault, incident, "revoke_tokens", ADMIN)
    assert living() == [False, False]


@pytest.mark.parametrize("by", ["person", "giver", "customer"])
def test_grants_of_a_person_or_on_a_customer_are_revoked(vault, by):
    incident = opened(vault)
    _, record = lent(vault)
    target = {"person": AGENT, "giver": "KF2002", "customer": record.hex()}[by]
    assert previewed(vault, incident, "revoke_grants", target) == {"grants": 1}
    one = taken(vault, incident, "revoke_grants", target)
    assert (one.affected, one.is_standing) == (1, False)
    assert vault.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(0,)]
    event = vault.events("containment.taken")[-1]
    assert [each["id"] for each in event["records"]] == ([record.hex()] if by == "customer" else [])
    assert all(each["fields"] == [] for each in event["records"])


# -- freezes -------------------------------------------------------------------------------------------------------


def test_a_freeze_of_reveals_stops_the_next_one_and_no_look_up(vault):
    case, record = seen(vault)
    assert vault.reveal(AGENT, case, record, "name")
    incident = opened(vault)
    one = taken(vault, incident, "freeze_reveals")
    before = vault.count("disclosures")
    assert refused(vault.reveal, AGENT, case, record, "name") == "reveals_frozen"
    assert vault.count("disclosures") == before  # what was refused counts against nobody
    last = vault.events("record.reveal")[-1]
    assert (last["outcome"], last["rule"], last["records"][0]["fields"]) == ("refused", "reveals_frozen", [])
    assert vault.view(AGENT, case, record).subject.record_id == record
    assert vault.look_up(AGENT, vault.customer()["phone"]).cards
    ended(vault, incident, one)
    assert vault.reveal(AGENT, case, record, "name")


def test_a_freeze_of_imports_stops_the_next_import_whole(vault):
    incident = opened(vault)
    one, row = taken(vault, incident, "freeze_imports"), customer_row()
    before = vault.count("records")
    assert refused(vault.load_rows, "customer", [row]) == "imports_frozen"
    assert refused(vault.load_rows, "staff", [staff_row("KF8001")]) == "imports_frozen"
    assert vault.count("records") == before
    assert [event["rule"] for event in vault.events("import.batch", "refused")] == ["imports_frozen"]
    ended(vault, incident, one)
    assert vault.load_rows("customer", [row]).added == 1


def test_an_import_that_runs_already_stops_at_its_next_batch(vault):
    incident, rows = opened(vault), [customer_row() for _ in range(401)]
    before = vault.count("records")

    def freeze(_read, _size, at):
        if at == 200:
            taken(vault, incident, "freeze_imports")

    assert refused(vault.load_rows, "customer", rows, progress=freeze) == "imports_frozen"
    assert vault.count("records") == before + 200


def test_while_exports_are_frozen_programs_read_nothing_and_people_go_on(vault):
    number, incident = vault.customer()["phone"], opened(vault)
    one = taken(vault, incident, "freeze_exports")
    program = replace(vault.person(AGENT), purposes=frozenset({"query"}))

    def look_up(person):
        return len(lookup.look_up(vault.parts, person, number, "query", vault.now).cards)

    assert refused(look_up, program) == "exports_frozen"
    assert vault.events("record.lookup")[-1]["rule"] == "exports_frozen"
    assert look_up(vault.person(AGENT)) == 1
    ended(vault, incident, one)
    assert look_up(program) == 1


def test_in_read_only_mode_daily_work_stops_and_reading_goes_on(vault):
    case, record = seen(vault)
    incident = opened(vault)
    one = taken(vault, incident, "read_only")
    agent = vault.person(AGENT)
    assert refused(cases.close, vault.parts, agent, case, "caller_gone", vault.now) == "read_only"
    assert refused(vault.load_rows, "customer", [customer_row()]) == "read_only"
    assert vault.reveal(AGENT, case, record, "name")
    assert vault.look_up(AGENT, "13999999999").cards == ()
    last = vault.events("case.closed")[-1]
    assert (last["actor"], last["outcome"], last["rule"]) == (AGENT, "refused", "read_only")
    ended(vault, incident, one)
    reason = next(iter(vault.parts.policy.cases.reasons))
    cases.close(vault.parts, agent, case, reason, vault.now)


def test_what_destroys_or_forgets_rests_while_the_vault_is_read_only(vault):
    incident = opened(vault)
    one = taken(vault, incident, "read_only")
    ran = {each.job: each for each in jobs.run_due(vault.parts, vault.now)}
    rest = {name for name, each in ran.items() if each.outcome == "resting"}
    assert rest == {"prune", "retention", "destruction", "requests", "cohort_close", "incident_notes"}
    assert {ran[name].reason for name in rest} == {"read_only"}
    assert vault.count("destruction_plans") == 0
    ended(vault, incident, one)
    assert {each.outcome for each in jobs.run_due(vault.parts, vault.now) if each.job in rest} == {"done"}


def test_a_plan_that_is_carried_out_stops_at_its_next_batch(world, monkeypatch):
    monkeypatch.setattr("vault.services.destruction.BATCH", 2)
    fill(world, customers=4, shipments=0, services=0)
    plan_id = approved(world)
    incident = opened(world, PROPOSER)

    def freeze(settled, _of):
        if settled == 2:
            taken(world, incident, "read_only", who=PROPOSER)

    person = world.person(APPROVER)
    assert refused(destruction.execute, world.parts, person, plan_id, world.now, progress=freeze) == "read_only"
    assert world.count("tombstones") == 2
    one = reading.standing_one(world.parts, person, incident, Measure.READ_ONLY, "", world.now)
    assert refused(destruction.execute, world.parts, person, plan_id, world.now) == "read_only"
    ended(world, incident, one, PROPOSER)
    destruction.execute(world.parts, person, plan_id, world.now)
    assert world.count("tombstones") == 4


@pytest.mark.parametrize("measure", FREEZES)
def test_a_freeze_is_in_force_on_the_next_call_of_another_process(vault, measure):
    incident = opened(vault)
    with closing_database(vault) as elsewhere:
        with elsewhere.read() as connection:
            assert containing.in_force(connection) == {}
        one = taken(vault, incident, measure)
        with elsewhere.read() as connection:
            assert containing.in_force(connection) == {measure: vault.now}
        ended(vault, incident, one)
        with elsewhere.read() as connection:
            assert containing.in_force(connection) == {}


def test_what_one_process_froze_another_refuses_at_its_next_call_though_it_was_open_before(vault):
    case, record = seen(vault)
    incident, agent = opened(vault), vault.person(AGENT)
    with bootstrap.open_vault(vault.config) as other:
        assert viewing.reveal(other, agent, case, record, "name", 0, vault.now).disclose()
        frozen = [taken(vault, incident, measure) for measure in ("freeze_reveals", "read_only")]
        assert refused(viewing.reveal, other, agent, case, record, "name", 0, vault.now) == "reveals_frozen"
        assert refused(cases.close, other, agent, case, "caller_gone", vault.now) == "read_only"
        for one in frozen:
            containment.end(other, vault.person(OFFICER), incident, one.containment_id, WHY, vault.now)
        assert viewing.reveal(other, agent, case, record, "name", 0, vault.now).disclose()
    assert vault.reveal(AGENT, case, record, "name")


@contextmanager
def closing_database(world):
    database = Database(world.place.url)
    try:
        yield database
    finally:
        database.dispose()


def test_a_freeze_that_two_incidents_need_ends_with_the_second_and_tells_since_when(vault):
    first, second = opened(vault), opened(vault)
    one = taken(vault, first, "read_only")
    vault.now += SECOND
    other = taken(vault, second, "read_only")
    assert reading.frozen(vault.parts) == {Measure.READ_ONLY: one.taken_at}
    ended(vault, first, one)
    assert reading.frozen(vault.parts) == {Measure.READ_ONLY: other.taken_at}
    ended(vault, second, other)
    assert reading.frozen(vault.parts) == {}


def test_of_two_who_take_the_same_measure_at_once_one_does_and_ending_counts_once(vault):
    incident = opened(vault)

    def attempt(call):
        try:
            call()
        except AlreadyDecided as decided:
            return decided.reason
        return "done"

    with ThreadPoolExecutor(2) as pool:
        takers = [lambda who=who: taken(vault, incident, "read_only", who=who) for who in (OFFICER, COLLEAGUE)]
        assert sorted(pool.map(attempt, takers)) == ["done", "measure_stands"]
    one = reading.standing_one(vault.parts, vault.person(OFFICER), incident, Measure.READ_ONLY, "", vault.now)
    with ThreadPoolExecutor(2) as pool:
        enders = [lambda who=who: ended(vault, incident, one, who) for who in (OFFICER, COLLEAGUE)]
        assert sorted(pool.map(attempt, enders)) == ["done", "measure_ended"]
    assert len(vault.events("containment.ended", "done")) == 1


def test_incidents_are_opened_activated_and_contained_while_all_is_frozen_and_the_log_writer_takes_nothing(vault):
    first = opened(vault)
    for measure in FREEZES:
        taken(vault, first, measure)
    vault.parts.log_writer.close()
    second = opened(vault)
    officer = vault.person(OFFICER)
    incident_response.activate(vault.parts, officer, second, "先启动", vault.now)
    one = taken(vault, second, "freeze_reveals")
    taken(vault, second, "suspend_account", AGENT)
    ended(vault, second, one)
    assert len(vault.events("incident.step", "done")) == 1
    assert set(reading.frozen(vault.parts)) == set(FREEZES)


def test_nothing_that_was_typed_is_in_the_log_and_the_reason_is_sealed(vault):
    incident = opened(vault)
    one = taken(vault, incident, "freeze_exports", note=WHY)
    ended(vault, incident, one)
    assert "13800138000" not in json.dumps(vault.events(), ensure_ascii=False)
    shown = incidents.shown(vault.parts, vault.person(OFFICER), incident, vault.now)
    assert list(shown.notes.values()).count(WHY) == 2


def test_ending_needs_a_reason(vault):
    incident = opened(vault)
    one = taken(vault, incident, "read_only")
    assert refused(ended, vault, incident, one, reason="  ") == "reason_missing"
    assert set(reading.frozen(vault.parts)) == {Measure.READ_ONLY}


# -- what it is about ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "target", "reason"),
    [
        ("read_only", AGENT, "not_for_this_measure"),
        ("suspend_account", "", "value_missing"),
        ("suspend_account", "KF7777", "account"),
        ("suspend_account", "ab" * 16, "account"),
        ("revoke_grants", "ab" * 16, "record"),
        ("revoke_grants", "ab" * 15, "account"),
        ("hold_evidence", "", "radius_to_hold"),
        ("hold_evidence", "ab" * 16, "radius_to_hold"),
        ("hold_evidence", "nonsense", "radius_to_hold"),
    ],
)
def test_a_target_that_does_not_fit_changes_nothing(vault, measure, target, reason):
    incident = opened(vault)
    assert refused(taken, vault, incident, measure, target) == reason
    assert refused(previewed, vault, incident, measure, target) == reason
    assert vault.count("containments") == 0


def test_a_measure_is_ended_by_its_own_incident_only(vault):
    first, second = opened(vault), opened(vault)
    one = taken(vault, first, "read_only")
    with pytest.raises(NotFound):
        ended(vault, second, one)
    with pytest.raises(NotFound):
        taken(vault, bytes(16), "read_only")
    assert set(reading.frozen(vault.parts)) == {Measure.READ_ONLY}


def test_a_closed_incident_takes_no_measure_and_a_standing_one_is_told_to_whoever_closes(vault):
    incident = opened(vault)
    one, other = taken(vault, incident, "read_only"), taken(vault, incident, "suspend_account", AGENT)
    taken(vault, incident, "end_sessions", SUPERVISOR)

    def standing():
        with vault.parts.database.read() as connection:
            return {each.measure for each in containing.standing(connection, incident)}

    assert standing() == {one.measure, other.measure}
    officer = vault.person(OFFICER)
    assert refused(containment.keep, vault.parts, officer, incident, one.containment_id, WHY, vault.now) == (
        "measure_not_kept"
    )
    containment.keep(vault.parts, officer, incident, other.containment_id, WHY, vault.now)
    assert refused(containment.keep, vault.parts, officer, incident, other.containment_id, WHY, vault.now) == (
        "measure_kept"
    )
    assert standing() == {one.measure}
    ended(vault, incident, one)
    assert standing() == set()
    vault.tamper("UPDATE incidents SET state = 'closed'")
    assert refused(taken, vault, incident, "read_only") == "incident_closed"
    assert refused(previewed, vault, incident, "read_only") == "incident_closed"
    ended(vault, incident, other)  # what outlasts its incident is ended later
    assert state(vault, AGENT) is AccountState.ACTIVE


# -- holds on evidence ---------------------------------------------------------------------------------------------


def reached(world, count):
    """Let the agent see some customers, and freeze the radius of it."""
    rows = [customer_row() for _ in range(count)]
    world.customers(*rows)
    for row in rows:
        world.look_up(AGENT, row["phone"])
    world.settle()
    incident = opened(world)
    drawn = radius.freeze(world.parts, world.person(OFFICER), incident, RadiusScope(person=AGENT), world.now)
    return incident, drawn.radius_id


def test_the_records_of_a_radius_are_held_in_batches_and_released_again(vault, monkeypatch):
    monkeypatch.setattr("vault.services.steps.breach.evidence_holds.BATCH", 2)
    incident, radius_id = reached(vault, 5)
    officer = vault.person(OFFICER)
    assert previewed(vault, incident, "hold_evidence") == {"records": 5}
    one = taken(vault, incident, "hold_evidence", radius_id.hex())
    told = []
    done = containment.hold_on(
        vault.parts,
        officer,
        incident,
        one.containment_id,
        vault.now,
        progress=lambda *at: told.append(at),
        for_ever=True,
    )
    assert (done, told[-1]) == (True, (5, 5))
    assert vault.rows("SELECT count(*) FROM records WHERE held") == [(5,)]
    assert [event["facts"]["count"] for event in vault.events("containment.held")] == [5]
    assert containment.hold_on(vault.parts, officer, incident, one.containment_id, vault.now)
    assert vault.count("holds") == 5  # once more holds nothing twice
    ended(vault, incident, one)
    assert vault.rows("SELECT count(*) FROM records WHERE held") == [(0,)]
    assert refused(containment.hold_on, vault.parts, officer, incident, one.containment_id, vault.now) == (
        "measure_ended"
    )


def test_the_shipment_and_the_service_record_that_were_shown_are_held_too(vault, monkeypatch):
    monkeypatch.setattr("vault.services.steps.breach.evidence_holds.BATCH", 2)
    one, other, unseen = (vault.customer() for _ in range(3))
    parcel = vault.shipment(one, other)
    vault.shipment(unseen, unseen)
    for row in (one, unseen):
        vault.services(service_row(row))
    found = vault.look_up(AGENT, parcel["waybill"])
    sender = next(card.record_id for card in found.cards if card.part == "sender")
    vault.view(AGENT, found.case_id, sender)
    vault.now += timedelta(seconds=1)
    incident, officer = opened(vault), vault.person(OFFICER)
    drawn = radius.freeze(vault.parts, officer, incident, RadiusScope(person=AGENT), vault.now)
    assert drawn.counts.customers == 2
    assert previewed(vault, incident, "hold_evidence") == {"records": 4}
    taken_ = taken(vault, incident, "hold_evidence", drawn.radius_id.hex())
    assert containment.hold_on(vault.parts, officer, incident, taken_.containment_id, vault.now, for_ever=True)
    held = vault.rows("SELECT record_class, count(*) FROM records WHERE held GROUP BY record_class")
    assert sorted(held) == [("customer", 2), ("service_record", 1), ("shipment", 1)]
    shown = reading.shown(vault.parts, officer, incident, vault.now).taken[0]
    assert (shown.containment.affected, shown.to_hold, shown.is_unfinished) == (4, 4, False)
    ended(vault, incident, taken_)
    assert vault.rows("SELECT count(*) FROM records WHERE held") == [(0,)]


def test_holding_is_unfinished_until_the_last_shipment_whichever_id_comes_last(vault, monkeypatch):
    monkeypatch.setattr("vault.services.steps.breach.evidence_holds.BATCH", 1)
    sender, recipient = vault.customer(), vault.customer()
    case = None
    for _ in range(6):
        found = vault.look_up(AGENT, vault.shipment(sender, recipient)["waybill"], case_id=case)
        case = found.case_id
    vault.now += timedelta(seconds=1)
    incident, officer = opened(vault), vault.person(OFFICER)
    drawn = radius.freeze(vault.parts, officer, incident, RadiusScope(person=AGENT), vault.now)
    one = taken(vault, incident, "hold_evidence", drawn.radius_id.hex())

    class Killed(BaseException):
        pass

    def kill(_at, _of):
        raise Killed

    found = []
    for _ in range(20):
        shown = reading.shown(vault.parts, officer, incident, vault.now).taken[0]
        found.append((shown.is_unfinished, shown.containment.affected < shown.to_hold))
        if not shown.is_unfinished:
            break
        with suppress(Killed):
            containment.hold_on(vault.parts, officer, incident, one.containment_id, vault.now, progress=kill)
    assert found[-1] == (False, False)
    assert set(found[:-1]) == {(True, True)}
    assert len(found) == 9


def test_around_rows_the_customers_alone_are_evidence(sqlite_world):
    world = sqlite_world
    for number in (OFFICER, COLLEAGUE):
        world.activate(number)
    one = world.customer()
    world.shipment(one, one)
    world.now += timedelta(seconds=1)
    incident = opened(world, OFFICER)
    drawn = radius.freeze(world.parts, world.person(OFFICER), incident, RadiusScope(everything=True), world.now)
    assert drawn.counts.records == 2
    assert previewed(world, incident, "hold_evidence") == {"records": 1}


def test_a_hold_on_evidence_is_released_with_its_measure_alone(vault):
    incident, radius_id = reached(vault, 2)
    one = taken(vault, incident, "hold_evidence", radius_id.hex())
    person, release = vault.person(COLLEAGUE), min(vault.parts.policy.destruction.releases)
    containment.hold_on(vault.parts, person, incident, one.containment_id, vault.now)
    record, hold = vault.rows("SELECT record_id, hold_id FROM holds ORDER BY hold_id")[0]
    assert refused(holds.release, vault.parts, person, hold, release, vault.now) == "incident_keeps_it"
    assert vault.rows("SELECT count(*) FROM records WHERE held") == [(2,)]
    assert vault.events("hold.released", "refused")[-1]["rule"] == "incident_keeps_it"
    why = Why(min(vault.parts.policy.destruction.reasons), "法院函 1 号")
    (another,) = holds.place(vault.parts, person, record, why, vault.now).hold_ids
    holds.release(vault.parts, person, another, release, vault.now)  # one of the same record that is no measure's
    ended(vault, incident, one)
    assert vault.rows("SELECT count(*) FROM records WHERE held") == [(0,)]


def test_what_was_killed_half_way_goes_on_where_it_was(vault, monkeypatch):
    monkeypatch.setattr("vault.services.steps.breach.evidence_holds.BATCH", 2)
    incident, _ = reached(vault, 5)
    one = taken(vault, incident, "hold_evidence")
    person = vault.person(OFFICER)

    class Killed(BaseException):
        pass

    def kill(at, _of):
        if at == 2:
            raise Killed

    with pytest.raises(Killed):
        containment.hold_on(vault.parts, person, incident, one.containment_id, vault.now, progress=kill, for_ever=True)
    shown = reading.shown(vault.parts, person, incident, vault.now).taken[0]
    assert (shown.containment.affected, shown.to_hold, shown.is_unfinished) == (2, 5, True)
    vault.restart()
    assert containment.hold_on(vault.parts, person, incident, one.containment_id, vault.now, for_ever=True)
    assert vault.rows("SELECT count(*), count(DISTINCT record_id) FROM holds") == [(5, 5)]
    assert not reading.shown(vault.parts, person, incident, vault.now).taken[0].is_unfinished


def test_a_record_that_was_edited_behind_the_vaults_back_stops_no_hold_on_the_others(vault):
    incident, _ = reached(vault, 3)
    edited = vault.rows("SELECT record_id FROM records ORDER BY record_id LIMIT 1")[0][0]
    vault.tamper("UPDATE records SET outlet = 'XX-XX-01' WHERE record_id = :id", id=edited)
    one = taken(vault, incident, "hold_evidence")
    assert containment.hold_on(vault.parts, vault.person(OFFICER), incident, one.containment_id, vault.now)
    assert vault.count("holds") == 2
    failures = vault.events("record.integrity_failure")
    assert [each["records"][0]["id"] for each in failures] == [bytes(edited).hex()]


def test_another_incidents_radius_is_no_evidence_of_this_one(vault):
    _, radius_id = reached(vault, 1)
    assert refused(taken, vault, opened(vault), "hold_evidence", radius_id.hex()) == "radius_to_hold"


# -- drills --------------------------------------------------------------------------------------------------------


def test_in_a_drill_every_measure_is_rehearsed_and_changes_nothing(vault):
    token = vault.sign_in(AGENT).token
    _, record = lent(vault)
    incident = opened(vault, OFFICER, drill=True)
    ones = [taken(vault, incident, measure) for measure in FREEZES]
    for measure, target in (
        ("suspend_account", AGENT),
        ("end_sessions", AGENT),
        ("revoke_tokens", AGENT),
        ("revoke_grants", record.hex()),
    ):
        ones.append(taken(vault, incident, measure, target))
    assert all(one.rehearsed for one in ones)
    assert reading.frozen(vault.parts) == {}
    assert state(vault, AGENT) is AccountState.ACTIVE
    assert sessions.person_of(vault.parts, token, "203.0.113.9", vault.now) is not None
    assert vault.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(1,)]
    assert {event["facts"]["rehearsed"] for event in vault.events("containment.taken")} == {1}
    for one in ones:
        if one.is_standing:
            ended(vault, incident, one)
    assert vault.events("people.suspended") == vault.events("people.unlocked") == []
    with vault.parts.database.read() as connection:
        assert containing.standing(connection, incident) == []
