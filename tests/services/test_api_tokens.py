"""Service accounts and their tokens: limited to purposes, expiring, stored hashed, ended at once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.services.staff_at_work import ADMIN, column, in_use
from tests.simulator import NOW
from vault import bootstrap
from vault.domain.ids import Role
from vault.errors import AccessRefused, InvalidValue, NotFound, SignInRefused, StepUpNeeded
from vault.services import accounts, api_tokens, lookup, offboarding, people, viewing

AGENT, PROGRAM, SOURCE = "KF2001", "BOT01", "203.0.113.9"


@pytest.fixture
def staffed(world):
    in_use(world, ADMIN, AGENT)
    program(world)
    return world


@pytest.fixture
def alone(sqlite_world):
    in_use(sqlite_world, ADMIN, AGENT)
    program(sqlite_world)
    return sqlite_world


def program(world, number=PROGRAM, role="agent", name="查件机器人", outlet="NJ-GL-01", by=None):
    admin = by or world.person(ADMIN)
    return api_tokens.make_service_account(world.parts, admin, number, name, role, outlet, world.now)


def token_for(world, purposes=("query",), days=30, number=PROGRAM, by=ADMIN):
    return api_tokens.make_token(world.parts, world.person(by), number, purposes, days, world.now)


def who(world, token, now=None):
    return api_tokens.person_of(world.parts, token, SOURCE, now or world.now)


def lines(world, number=PROGRAM):
    return api_tokens.list_tokens(world.parts, world.person(ADMIN), number, world.now)


# -- the account -------------------------------------------------------------------------------------------------


def test_a_service_account_has_no_way_to_sign_in(alone):
    assert (column(alone, PROGRAM, "kind"), column(alone, PROGRAM, "password")) == ("service", None)
    with pytest.raises(SignInRefused):
        alone.sign_in(PROGRAM, "")
    with pytest.raises(NotFound):
        people.invite(alone.parts, bootstrap.operator(alone.config), PROGRAM, alone.now)
    with pytest.raises(SignInRefused):
        people.activate(alone.parts, PROGRAM, "", "seven green umbrellas in line", SOURCE, alone.now)
    for act in (accounts.reset, accounts.invite):
        with pytest.raises(InvalidValue, match="act_not_possible"):
            act(alone.parts, alone.person(ADMIN), PROGRAM, alone.now)
    event = alone.events("people.service_account")[-1]
    assert event["facts"] == {"account": PROGRAM, "account_role": "agent"}
    assert "查件机器人" not in str(alone.events())
    assert "查件机器人".encode() not in column(alone, PROGRAM, "sealed_name")


@pytest.mark.parametrize(
    ("given", "reason", "field"),
    [
        ({"number": PROGRAM}, "work_number_taken", "work_number"),
        ({"number": AGENT.lower()}, "work_number_taken", "work_number"),
        ({"number": "two words"}, "not_a_work_number", "work_number"),
        ({"number": ""}, "not_a_work_number", "work_number"),
        ({"name": " \u3000 "}, "value_missing", "name"),
        ({"name": "x" * 65}, "text_too_long", "name"),
        ({"role": "admin"}, "role_not_for_programs", "role"),
        ({"role": "auditor"}, "role_not_for_programs", "role"),
        ({"role": "robot"}, "not_on_list", "role"),
        ({"outlet": "南京 1"}, "not_a_code", "outlet"),
    ],
)
def test_a_service_account_that_cannot_be_is_not_made(alone, given, reason, field):
    before = alone.count("accounts")
    with pytest.raises(InvalidValue) as raised:
        program(alone, **({"number": "BOT02"} | given))
    assert (raised.value.reason, raised.value.facts["field"]) == (reason, field)
    assert alone.count("accounts") == before
    assert alone.events()[-1]["rule"] == reason


def test_only_an_administrator_who_proved_it_makes_programs_and_tokens(alone):
    before = alone.count("accounts"), alone.count("api_tokens")
    with pytest.raises(AccessRefused):
        program(alone, "BOT02", by=alone.person(AGENT))
    with pytest.raises(AccessRefused):
        token_for(alone, by=AGENT)
    with pytest.raises(AccessRefused):
        api_tokens.list_tokens(alone.parts, alone.person(AGENT), PROGRAM, alone.now)
    stale = replace(alone.person(ADMIN), proved_at=NOW - timedelta(minutes=6))
    with pytest.raises(StepUpNeeded):
        program(alone, "BOT02", by=stale)
    with pytest.raises(StepUpNeeded):
        api_tokens.make_token(alone.parts, stale, PROGRAM, ["query"], 1, NOW)
    assert (alone.count("accounts"), alone.count("api_tokens")) == before


def test_the_roles_offered_for_programs_are_those_that_look_up(alone):
    assert api_tokens.roles_for_programs(alone.parts) == [Role.AGENT, Role.COMPLAINT_SPECIALIST]


# -- a token -----------------------------------------------------------------------------------------------------


def test_a_token_stands_for_its_program_and_is_never_a_fresh_proof(staffed):
    made = token_for(staffed, ("query", "delivery"))
    person = who(staffed, made.token)
    assert (person.work_number, person.role, person.purposes) == (PROGRAM, Role.AGENT, {"query", "delivery"})
    assert (person.proved_at, person.must, person.session_id) == (None, None, made.token_id)


def test_a_token_is_stored_as_a_digest_and_never_logged_or_listed(staffed):
    made = token_for(staffed)
    stored = str(staffed.rows("SELECT * FROM api_tokens")) + str(staffed.events()) + str(lines(staffed))
    assert made.token.startswith("dvt_")
    assert len(made.token) == 47
    assert made.token not in stored
    assert made.token.removeprefix("dvt_") not in stored
    (event,) = staffed.events("people.token_made")
    assert event["facts"] == {"account": PROGRAM, "token": made.token_id.hex(), "purposes": "query"}


def test_a_token_looks_up_for_its_purposes_only(staffed):
    row = staffed.customer()
    person = who(staffed, token_for(staffed).token)
    answer = lookup.look_up(staffed.parts, person, row["phone"], "query", staffed.now)
    assert len(answer.cards) == 1
    with pytest.raises(AccessRefused) as raised:
        lookup.look_up(staffed.parts, person, row["phone"], "delivery", staffed.now)
    assert raised.value.reason == "purpose_not_yours"
    event = staffed.events("record.lookup", "refused")[-1]
    assert (event["actor"], event["session"]) == (PROGRAM, person.session_id.hex())
    assert viewing.view(staffed.parts, person, answer.case_id, answer.cards[0].record_id, staffed.now)


def test_a_token_ends_at_its_second_and_a_clock_set_back_does_not_revive_it(staffed):
    token = token_for(staffed, days=1).token
    end = staffed.now + timedelta(days=1)
    assert who(staffed, token, end - timedelta(microseconds=1)) is not None
    assert who(staffed, token, end) is None
    assert who(staffed, token, end - timedelta(hours=1)) is None
    assert lines(staffed)[0].ended_at == end


@pytest.mark.parametrize("act", [accounts.lock, accounts.suspend])
def test_tokens_of_a_program_that_is_stopped_open_nothing(staffed, act):
    token = token_for(staffed).token
    act(staffed.parts, staffed.person(ADMIN), PROGRAM, staffed.now)
    assert who(staffed, token) is None
    with pytest.raises(InvalidValue):
        token_for(staffed)
    accounts.unlock(staffed.parts, staffed.person(ADMIN), PROGRAM, staffed.now)
    assert column(staffed, PROGRAM, "state") == "active"
    assert who(staffed, token) is not None


def test_tokens_of_a_program_that_left_are_ended_for_good(staffed):
    token = token_for(staffed).token
    done = offboarding.leave(staffed.parts, staffed.person(ADMIN), PROGRAM, "", staffed.now)
    assert done.held.tokens == 1
    assert who(staffed, token) is None
    assert lines(staffed)[0].ended_at == staffed.now


def test_a_token_is_ended_at_once_and_once(staffed):
    made, other = token_for(staffed), token_for(staffed)
    admin = staffed.person(ADMIN)
    api_tokens.end_token(staffed.parts, admin, PROGRAM, made.token_id, staffed.now)
    assert (who(staffed, made.token), who(staffed, other.token) is None) == (None, False)
    for number, token_id in ((PROGRAM, made.token_id), (AGENT, other.token_id), (PROGRAM, b"\0" * 16)):
        with pytest.raises(NotFound):
            api_tokens.end_token(staffed.parts, admin, number, token_id, staffed.now)
    assert who(staffed, other.token) is not None
    assert staffed.events("people.token_ended")[0]["facts"] == {"account": PROGRAM, "token": made.token_id.hex()}


def test_use_is_noted_at_most_once_a_minute(staffed):
    token = token_for(staffed).token
    seen = []
    for seconds in (0, 59, 60):
        who(staffed, token, staffed.now + timedelta(seconds=seconds))
        seen.append(lines(staffed)[0].seen_at - staffed.now)
    assert [one.total_seconds() for one in seen] == [0, 0, 60]


@pytest.mark.parametrize("typed", ["", "dvt_", "dvt_" + "A" * 43, "x" * 2000])
def test_what_is_no_token_is_nobody(alone, typed):
    token_for(alone)
    assert who(alone, typed) is None


@pytest.mark.parametrize(
    ("purposes", "days", "field"),
    [
        ((), 30, "purposes"),
        (("advertising",), 30, "purposes"),
        (("query", "retention"), 30, "purposes"),
        (("query",), 0, "days"),
        (("query",), 91, "days"),
        (("query",), -1, "days"),
    ],
)
def test_a_token_beyond_its_role_or_the_policy_is_not_made(alone, purposes, days, field):
    with pytest.raises(InvalidValue) as raised:
        token_for(alone, purposes, days)
    assert raised.value.facts["field"] == field
    assert alone.count("api_tokens") == 0


def test_people_have_no_tokens(alone):
    with pytest.raises(InvalidValue, match="act_not_possible"):
        token_for(alone, number=AGENT)


def test_a_program_keeps_the_rule_of_its_role_when_it_gets_another_one(alone):
    token = token_for(alone, ("query", "pickup")).token
    admin = alone.person(ADMIN)
    accounts.change_place(alone.parts, admin, PROGRAM, "complaint_specialist", "NJ-GL-01", "", alone.now)
    with pytest.raises(AccessRefused):
        lookup.look_up(alone.parts, who(alone, token), "13912345678", "pickup", alone.now)
    with pytest.raises(InvalidValue, match="role_not_for_programs"):
        accounts.change_place(alone.parts, admin, PROGRAM, "admin", "NJ-GL-01", "", alone.now)
