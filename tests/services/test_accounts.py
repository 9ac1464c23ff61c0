"""What an administrator does to somebody else's account, and what nobody does."""

import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.services.staff_at_work import ADMIN, SECOND_ADMIN, column, in_use, with_second_factor
from tests.simulator import NOW, PASSWORD, staff_row
from tests.worlds import copied, gone
from vault.domain.accounts import Act, led_to
from vault.domain.ids import Role
from vault.domain.people import AccountState
from vault.errors import AccessRefused, InvalidValue, NotFound, SignInRefused, StepUpNeeded, VaultError
from vault.services import accounts, people, sessions

AGENT, OTHER, SUPERVISOR, SOURCE = "KF2001", "KF2002", "KF2009", "203.0.113.9"
NEW = "seven green umbrellas in line"
ACTS = {
    "reset": ("people.reset", accounts.reset),
    "suspend": ("people.suspended", accounts.suspend),
    "lock": ("people.locked", accounts.lock),
    "unlock": ("people.unlocked", accounts.unlock),
    "invite": ("people.invite", accounts.invite),
}


def run(world, act, work_number=AGENT, by=ADMIN, now=None):
    return ACTS[act][1](world.parts, world.person(by), work_number, now or world.now)


def refused(world, walk, error):
    """Return the event of a walk that is refused; it names the reason that the walk ends in."""
    before = len(world.events())
    with pytest.raises(error) as raised:
        walk()
    event = world.events()[before]
    assert (event["outcome"], event["rule"]) == ("refused", raised.value.reason)
    return event


@pytest.fixture
def staffed(world):
    in_use(world, ADMIN)
    world.activate(AGENT)
    return world


@pytest.fixture
def alone(sqlite_world):
    in_use(sqlite_world, ADMIN)
    sqlite_world.activate(AGENT)
    return sqlite_world


def works(world, token, now=None):
    return sessions.person_of(world.parts, token, SOURCE, now or world.now) is not None


# -- stopping and bringing back ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("act", "state"), [("suspend", "suspended"), ("lock", "locked")])
def test_a_stopped_account_opens_nothing_from_that_moment_and_can_be_brought_back(staffed, act, state):
    token = staffed.sign_in(AGENT).token
    assert works(staffed, token)
    run(staffed, act)
    assert column(staffed, AGENT, "state") == state
    assert not works(staffed, token)
    with pytest.raises(SignInRefused):
        staffed.sign_in(AGENT)
    run(staffed, "unlock")
    assert not works(staffed, token)
    assert staffed.sign_in(AGENT).person.work_number == AGENT
    event = staffed.events(ACTS[act][0])[-1]
    assert (event["actor"], event["facts"]) == (ADMIN, {"account": AGENT, "ended": 1})


def test_a_one_time_secret_ends_when_the_account_is_stopped(alone):
    secret = run(alone, "invite", OTHER)
    run(alone, "lock", OTHER)
    run(alone, "unlock", OTHER)
    assert column(alone, OTHER, "state") == "invited"
    with pytest.raises(SignInRefused):
        people.activate(alone.parts, OTHER, secret, NEW, SOURCE, alone.now)


def test_wrong_passwords_lock_nobody_out(alone):
    for _ in range(12):
        with pytest.raises(SignInRefused):
            alone.sign_in(AGENT, "wrong")
    assert column(alone, AGENT, "state") == "active"
    assert sessions.sign_in(alone.parts, AGENT, PASSWORD, "198.51.100.7", alone.now).person.work_number == AGENT


# -- the reset ---------------------------------------------------------------------------------------------------


def test_a_reset_ends_the_old_password_at_once_and_lets_only_its_person_choose_the_next(staffed):
    token = staffed.sign_in(AGENT).token
    secret = run(staffed, "reset")
    assert not works(staffed, token)
    assert (column(staffed, AGENT, "state"), column(staffed, AGENT, "password")) == ("invited", None)
    with pytest.raises(SignInRefused):
        staffed.sign_in(AGENT)
    people.activate(staffed.parts, AGENT, secret, NEW, SOURCE, staffed.now)
    assert staffed.sign_in(AGENT, NEW).person.work_number == AGENT
    (event,) = staffed.events("people.reset")
    assert (event["actor"], event["facts"]) == (ADMIN, {"account": AGENT, "ended": 1})
    assert secret not in str(staffed.events())
    told = staffed.rows(
        "SELECT n.kind FROM notifications n JOIN accounts a USING (account_id) WHERE work_number = 'KF2001'"
    )
    assert told == [("account_reset",)]


def test_the_password_that_was_reset_is_not_chosen_again(alone):
    secret = run(alone, "reset")
    with pytest.raises(InvalidValue, match="password_used_before"):
        people.activate(alone.parts, AGENT, secret, PASSWORD, SOURCE, alone.now)


def test_each_reset_is_told_anew(alone):
    for _ in range(2):
        secret = run(alone, "reset")
        people.activate(alone.parts, AGENT, secret, NEW + str(_), SOURCE, alone.now)
        alone.now += timedelta(days=2)
    assert alone.rows("SELECT count(*) FROM notifications WHERE kind = 'account_reset'") == [(2,)]


def test_a_locked_account_is_reset_without_being_opened(alone):
    run(alone, "lock")
    secret = run(alone, "reset")
    assert column(alone, AGENT, "state") == "locked"
    with pytest.raises(SignInRefused):
        people.activate(alone.parts, AGENT, secret, NEW, SOURCE, alone.now)
    run(alone, "unlock")
    assert column(alone, AGENT, "state") == "invited"
    people.activate(alone.parts, AGENT, secret, NEW, SOURCE, alone.now)


def test_whoever_kept_the_secret_cannot_take_over_an_account_with_a_second_factor(staffed):
    app = with_second_factor(staffed, AGENT)
    secret = run(staffed, "reset")
    for code in ("", "000000", app.at(staffed.now - timedelta(minutes=5))):
        with pytest.raises(SignInRefused):
            people.activate(staffed.parts, AGENT, secret, NEW, SOURCE, staffed.now, code=code)
    assert column(staffed, AGENT, "state") == "invited"
    people.activate(staffed.parts, AGENT, secret, NEW, SOURCE, staffed.now, code=app.at(staffed.now))
    assert column(staffed, AGENT, "state") == "active"


def test_codes_at_activation_cannot_be_tried_out(alone):
    app = with_second_factor(alone, AGENT)
    secret = run(alone, "reset")
    for attempt in range(10):
        with pytest.raises(SignInRefused):
            people.activate(alone.parts, AGENT, secret, NEW, f"203.0.113.{attempt}", alone.now, code="000000")
    with pytest.raises(SignInRefused):
        people.activate(alone.parts, AGENT, secret, NEW, SOURCE, alone.now, code=app.at(alone.now))


# -- another role ------------------------------------------------------------------------------------------------


def test_a_lowered_role_acts_on_the_next_request_of_a_live_session(staffed):
    staffed.activate(SUPERVISOR)
    token = staffed.sign_in(SUPERVISOR).token
    assert sessions.person_of(staffed.parts, token, SOURCE, staffed.now).role is Role.SUPERVISOR
    accounts.change_place(staffed.parts, staffed.person(ADMIN), SUPERVISOR, "agent", "XM-SM-01", "T2", staffed.now)
    now = sessions.person_of(staffed.parts, token, SOURCE, staffed.now)
    assert (now.role, now.outlet, now.team) == (Role.AGENT, "XM-SM-01", "T2")
    facts = staffed.events("people.role_changed")[-1]["facts"]
    places = {"from_outlet": "NJ-GL-01", "from_team": "T1", "to_outlet": "XM-SM-01", "to_team": "T2"}
    assert facts == {"account": SUPERVISOR, "account_role": "supervisor", "to": "agent", "ended": 0} | places


def test_another_role_in_the_same_place_names_no_place_in_the_log(alone):
    accounts.change_place(alone.parts, alone.person(ADMIN), AGENT, "complaint_specialist", "NJ-GL-01", "T1", alone.now)
    facts = alone.events("people.role_changed")[-1]["facts"]
    assert facts == {"account": AGENT, "account_role": "agent", "to": "complaint_specialist", "ended": 0}


def test_an_administrator_lowered_a_moment_ago_does_nothing_more(alone):
    alone.staff(staff_row(SECOND_ADMIN, "admin"))
    in_use(alone, SECOND_ADMIN)
    stale = alone.person(SECOND_ADMIN)
    accounts.change_place(alone.parts, alone.person(ADMIN), SECOND_ADMIN, "agent", "NJ-GL-01", "", alone.now)
    event = refused(alone, lambda: accounts.suspend(alone.parts, stale, AGENT, alone.now), AccessRefused)
    assert event["rule"] == "no_right"
    assert column(alone, AGENT, "state") == "active"


@pytest.mark.parametrize(
    ("role", "outlet", "team", "reason"),
    [
        ("owner", "NJ-GL-01", "", "not_on_list"),
        ("", "NJ-GL-01", "", "not_on_list"),
        ("agent", "南京", "", "not_a_code"),
        ("agent", "NJ-GL-01", "x" * 33, "not_a_code"),
    ],
)
def test_no_other_words_become_a_role_or_a_place(alone, role, outlet, team, reason):
    admin = alone.person(ADMIN)
    change = partial(accounts.change_place, alone.parts, admin, AGENT, role, outlet, team, alone.now)
    assert refused(alone, change, InvalidValue)["rule"] == reason


def test_a_change_that_changes_nothing_is_no_event(alone):
    before = len(alone.events())
    accounts.change_place(alone.parts, alone.person(ADMIN), AGENT, "agent", "NJ-GL-01", "T1", alone.now)
    assert len(alone.events()) == before


# -- who may ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("by", [AGENT, "KF2012", "KF2014"])
def test_nobody_without_the_right_does_anything_to_an_account(alone, act, by):
    in_use(alone, by)
    event = refused(alone, lambda: run(alone, act, OTHER, by), AccessRefused)
    assert event["rule"] == "no_right"
    assert (event["actor"], event["facts"]) == (by, {"account": OTHER})


@pytest.mark.parametrize("act", ACTS)
def test_nobody_does_anything_to_their_own_account(alone, act):
    assert refused(alone, lambda: run(alone, act, ADMIN), AccessRefused)["rule"] == "own_account"
    assert refused(alone, lambda: run(alone, act, " admin01 "), AccessRefused)["rule"] == "own_account"
    change = partial(accounts.change_place, alone.parts, alone.person(ADMIN), ADMIN, "agent", "", "", alone.now)
    assert refused(alone, change, AccessRefused)["rule"] == "own_account"


@pytest.mark.parametrize("act", ACTS)
def test_every_act_asks_for_a_fresh_proof(alone, act):
    person = alone.person(ADMIN)
    for proved_at in (None, NOW - timedelta(minutes=5, microseconds=1), NOW + timedelta(seconds=1)):
        stale = replace(person, proved_at=proved_at)
        with pytest.raises(StepUpNeeded):
            ACTS[act][1](alone.parts, stale, AGENT, NOW)
    assert column(alone, AGENT, "state") == "active"


@pytest.mark.parametrize("number", ["KF9999", "", "KF2001' --", "x" * 400])
def test_what_is_no_account_is_not_found_and_not_logged(alone, number):
    event = refused(alone, lambda: run(alone, "lock", number), NotFound)
    assert event["rule"] == "account"
    assert event["facts"] == {}


def test_an_act_that_the_state_does_not_allow_is_refused(alone):
    for act in ("invite", "unlock"):
        assert refused(alone, lambda act=act: run(alone, act), InvalidValue)["rule"] == "act_not_possible"
    run(alone, "lock")
    for act in ("lock", "suspend", "invite"):
        assert refused(alone, lambda act=act: run(alone, act), InvalidValue)["rule"] == "act_not_possible"


# -- the supervisor's emergency ----------------------------------------------------------------------------------


def test_a_supervisor_locks_their_own_people_and_nothing_more(staffed):
    in_use(staffed, SUPERVISOR)
    token = staffed.sign_in(AGENT).token
    run(staffed, "lock", AGENT, SUPERVISOR)
    assert not works(staffed, token)
    assert staffed.events("people.locked")[-1]["actor"] == SUPERVISOR
    for act in ("unlock", "suspend", "reset", "invite"):
        event = refused(staffed, lambda act=act: run(staffed, act, AGENT, SUPERVISOR), AccessRefused)
        assert event["rule"] == "no_right"


def test_of_others_a_supervisor_learns_not_even_that_they_are_there(alone):
    in_use(alone, SUPERVISOR)
    said = []
    for number in ("KF2004", "KF2010", ADMIN, "KF9999"):
        with pytest.raises(NotFound) as raised:
            run(alone, "lock", number, SUPERVISOR)
        said.append(str(raised.value))
    assert len(set(said)) == 1


# -- the whole life ----------------------------------------------------------------------------------------------


def test_of_two_administrators_who_lock_each_other_at_once_one_stays(staffed):
    staffed.staff(staff_row(SECOND_ADMIN, "admin"))
    in_use(staffed, SECOND_ADMIN)
    both = {ADMIN: SECOND_ADMIN, SECOND_ADMIN: ADMIN}
    people_now = {by: staffed.person(by) for by in both}
    start, results = threading.Barrier(2), []

    def lock(by):
        start.wait()
        try:
            accounts.lock(staffed.parts, people_now[by], both[by], staffed.now)
        except VaultError as refusal:
            results.append(refusal.reason)
        else:
            results.append("done")

    threads = [threading.Thread(target=lock, args=(by,)) for by in both]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(results) == ["done", "no_right"]
    assert sorted(column(staffed, one, "state") for one in both) == ["active", "locked"]


class Life(RuleBasedStateMachine):
    """Two administrators act on each other and on an agent; a table says what each account is at each moment."""

    world = None

    def __init__(self):
        super().__init__()
        self.state = {ADMIN: AccountState.ACTIVE, SECOND_ADMIN: AccountState.ACTIVE, AGENT: AccountState.ACTIVE}
        self.has_password = dict.fromkeys(self.state, True)
        in_use(self.world, *self.state)

    @rule(
        by=st.sampled_from([ADMIN, SECOND_ADMIN]),
        on=st.sampled_from([ADMIN, SECOND_ADMIN, AGENT]),
        act=st.sampled_from([Act.RESET, Act.SUSPEND, Act.LOCK, Act.UNLOCK, Act.INVITE]),
    )
    def act(self, by, on, act):
        following = led_to(self.state[on], act, can_sign_in=self.has_password[on])
        if self.state[by] is not AccountState.ACTIVE:
            expected = "no_right"
        elif by == on:
            expected = "own_account"
        elif following is None:
            expected = "act_not_possible"
        else:
            expected = "done"
            self.state[on] = following
            self.has_password[on] &= act is not Act.RESET
        met = "done"
        try:
            run(self.world, act.value, on, by)
        except VaultError as refusal:
            met = refusal.reason
        assert met == expected

    @invariant()
    def the_table_is_right_and_an_administrator_is_always_there(self):
        states = {number: AccountState(column(self.world, number, "state")) for number in self.state}
        assert states == self.state
        assert AccountState.ACTIVE in (states[ADMIN], states[SECOND_ADMIN])


def test_whatever_administrators_do_the_states_follow_the_table(templates, tmp_path):
    world = copied(templates("sqlite"), tmp_path / "vault")
    world.staff(staff_row(SECOND_ADMIN, "admin"))
    try:
        machine = type("LifeHere", (Life,), {"world": world})
        machine.TestCase.settings = settings(
            max_examples=12, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        )
        machine.TestCase().runTest()
    finally:
        gone(world)
