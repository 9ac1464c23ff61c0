"""After a reset somebody else than who did it says that the person came back themselves; nothing else opens before."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests import codes
from tests.colleagues import at_once, notices
from tests.services.staff_at_work import ADMIN, SECOND_ADMIN, column, in_use, with_second_factor
from tests.simulator import NOW, PASSWORD, staff_row
from vault import bootstrap
from vault.domain.people import Must
from vault.domain.rules.people import Confirmer
from vault.errors import AccessRefused, InvalidValue, NotFound, StepUpNeeded, VaultError
from vault.services import accounts, people, returns, second_factor, sessions
from vault.storage import notifications

AGENT, COLLEAGUE, SUPERVISOR, OF_ANOTHER, OFFICER, AUDITOR = "KF2001", "KF2002", "KF2009", "KF2010", "KF2012", "KF2014"
NEW, SOURCE = "seven green umbrellas in line", "203.0.113.9"


@pytest.fixture
def staffed(world):
    """Everybody is at work; there is a second administrator, of another name."""
    world.staff(staff_row(SECOND_ADMIN, "admin") | {"name": "李管理"})
    in_use(world, ADMIN, SECOND_ADMIN, COLLEAGUE, SUPERVISOR, OF_ANOTHER, OFFICER, AUDITOR)
    world.activate(AGENT)
    return world


@pytest.fixture
def alone(sqlite_world):
    sqlite_world.staff(staff_row(SECOND_ADMIN, "admin") | {"name": "李管理"})
    in_use(sqlite_world, ADMIN, SECOND_ADMIN, COLLEAGUE, SUPERVISOR, OF_ANOTHER, OFFICER, AUDITOR)
    sqlite_world.activate(AGENT)
    return sqlite_world


def reset(world, whose=AGENT, by=ADMIN):
    return accounts.reset(world.parts, world.person(by), whose, world.now)


def come_back(world, secret, whose=AGENT, password=NEW):
    people.activate(world.parts, whose, secret, password, SOURCE, world.now)
    return world.sign_in(whose, password)


def confirm(world, by, whose=AGENT):
    returns.confirm(world.parts, world.person(by), whose, world.now)


def must(world, token):
    return sessions.person_of(world.parts, token, SOURCE, world.now).must


def listed(world, who):
    return returns.listed(world.parts, world.person(who), world.now)


def reason(error, walk):
    with pytest.raises(error) as raised:
        walk()
    return raised.value.reason


def with_policy(world, *named):
    policy = world.parts.policy
    passwords = replace(policy.passwords, reset_needs_confirmation_by=named)
    world.parts = replace(world.parts, policy=replace(policy, passwords=passwords))


def renamed(world, whose, name):
    person = world.person(whose)
    with world.parts.database.read() as connection:
        sealed = world.parts.keys.current(connection).seal_person(person.account_id, "name", name)
    world.tamper("UPDATE accounts SET sealed_name = :s WHERE work_number = :n", s=sealed, n=whose)


# -- telling -----------------------------------------------------------------------------------------------------


def test_a_reset_is_told_at_once_to_supervisors_the_other_administrators_and_the_officer(staffed):
    reset(staffed)
    assert notices(staffed, "colleague_reset") == [SECOND_ADMIN, SUPERVISOR, OFFICER]
    assert notices(staffed, "account_reset") == [AGENT]
    for who in (SECOND_ADMIN, SUPERVISOR, OFFICER):
        (line,) = listed(staffed, who).resets
        assert (line.work_number, line.kind, line.by, line.confirmed_at) == (AGENT, "password", ADMIN, None)


def test_a_second_factor_that_is_taken_off_is_told_alike(staffed):
    with_second_factor(staffed, AGENT)
    second_factor.reset(staffed.parts, staffed.person(ADMIN), AGENT, staffed.now)
    assert notices(staffed, "colleague_reset") == [SECOND_ADMIN, SUPERVISOR, OFFICER]
    (line,) = listed(staffed, SUPERVISOR).resets
    assert (line.kind, line.by) == ("second_factor", ADMIN)


def test_each_reset_is_told_anew(alone):
    with_second_factor(alone, AGENT)
    reset(alone)
    second_factor.reset(alone.parts, alone.person(ADMIN), AGENT, alone.now)
    assert notices(alone, "colleague_reset").count(SUPERVISOR) == 2


def test_ones_own_second_factor_taken_off_is_nobodys_reset(alone):
    with_second_factor(alone, AGENT)
    second_factor.drop_own(alone.parts, alone.person(AGENT), alone.now)
    assert notices(alone, "colleague_reset") == []
    assert alone.count("account_resets") == 0


def test_an_account_that_nobody_has_used_yet_has_nothing_to_come_back_to(alone):
    accounts.lock(alone.parts, alone.person(ADMIN), "KF2003", alone.now)
    secret = reset(alone, "KF2003")
    accounts.unlock(alone.parts, alone.person(ADMIN), "KF2003", alone.now)
    assert come_back(alone, secret, "KF2003").person.must is None
    assert notices(alone, "colleague_reset") == []


def test_a_secret_that_the_operator_makes_for_an_account_in_use_is_told_to_its_owner_and_those_who_watch(staffed):
    secret = people.invite(staffed.parts, bootstrap.operator(staffed.config), AGENT, staffed.now)
    assert notices(staffed, "account_reset") == [AGENT]
    assert notices(staffed, "colleague_reset") == [ADMIN, SECOND_ADMIN, SUPERVISOR, OFFICER]
    (line,) = listed(staffed, ADMIN).resets
    assert (line.work_number, line.kind, line.by) == (AGENT, "secret", "")
    assert secret not in str(staffed.events())
    # Nothing was taken away: who knows the password goes on, and nobody waits.
    assert staffed.sign_in(AGENT).person.must is None
    assert listed(staffed, SUPERVISOR).waiting == ()


def test_a_secret_for_a_new_account_is_told_to_nobody(alone):
    people.invite(alone.parts, bootstrap.operator(alone.config), "KF2003", alone.now)
    assert alone.rows("SELECT count(*) FROM notifications") == [(0,)]


# -- coming back -------------------------------------------------------------------------------------------------


def test_who_was_reset_does_nothing_before_the_supervisor_has_confirmed(staffed):
    secret = reset(staffed)
    token = come_back(staffed, secret).token
    assert must(staffed, token) is Must.CONFIRMATION
    assert staffed.events("people.sign_in")[-1]["rule"] == "must_be_confirmed"
    assert notices(staffed, "return_waits") == [SUPERVISOR]
    staffed.now += timedelta(days=3)  # waiting ends by no clock
    token = staffed.sign_in(AGENT, NEW).token
    assert must(staffed, token) is Must.CONFIRMATION
    confirm(staffed, SUPERVISOR)
    assert must(staffed, token) is None
    (event,) = staffed.events("people.return_confirmed")
    assert (event["actor"], event["outcome"], event["facts"]) == (SUPERVISOR, "done", {"account": AGENT, "count": 1})
    assert notices(staffed, "return_confirmed") == [AGENT]
    (line,) = listed(staffed, ADMIN).resets
    assert (line.confirmed_by, line.confirmed_at) == (SUPERVISOR, staffed.now)
    assert reason(InvalidValue, lambda: confirm(staffed, SUPERVISOR)) == "act_not_possible"


def test_one_who_resets_password_and_second_factor_cannot_take_the_account_over_alone(staffed):
    with_second_factor(staffed, AGENT)
    secret = reset(staffed)
    second_factor.reset(staffed.parts, staffed.person(ADMIN), AGENT, staffed.now)
    thief = come_back(staffed, secret, password="a thief's very own words")
    codes.enrol(staffed.parts, thief.person, staffed.now)
    assert must(staffed, thief.token) is Must.CONFIRMATION
    assert reason(AccessRefused, lambda: confirm(staffed, ADMIN)) == "own_reset"
    assert must(staffed, thief.token) is Must.CONFIRMATION


def test_a_role_that_needs_a_second_factor_sets_it_up_and_then_waits(staffed):
    staffed.activate(OF_ANOTHER)
    second_factor.reset(staffed.parts, staffed.person(ADMIN), OF_ANOTHER, staffed.now)
    back = staffed.sign_in(OF_ANOTHER)
    assert back.person.must is Must.ENROL
    # No other supervisor is of that team or outlet: other administrators and the officer confirm.
    assert reason(InvalidValue, lambda: confirm(staffed, OFFICER, OF_ANOTHER)) == "not_back_yet"
    codes.enrol(staffed.parts, back.person, staffed.now)
    assert must(staffed, back.token) is Must.CONFIRMATION
    assert notices(staffed, "return_waits") == [SECOND_ADMIN, OFFICER]
    confirm(staffed, OFFICER, OF_ANOTHER)
    assert must(staffed, back.token) is None


def test_nobody_confirms_before_the_person_is_back(alone):
    secret = reset(alone)
    assert reason(InvalidValue, lambda: confirm(alone, SUPERVISOR)) == "not_back_yet"
    assert listed(alone, SUPERVISOR).waiting == (returns.Waiting(AGENT, NOW, is_back=False, mine=True),)
    come_back(alone, secret)
    assert listed(alone, SUPERVISOR).waiting == (returns.Waiting(AGENT, NOW, is_back=True, mine=True),)
    assert listed(alone, SECOND_ADMIN).waiting == (returns.Waiting(AGENT, NOW, is_back=True, mine=False),)
    confirm(alone, SUPERVISOR)
    assert listed(alone, SUPERVISOR).waiting == ()


def test_a_second_reset_after_the_return_is_confirmed_anew(alone):
    come_back(alone, reset(alone))
    confirm(alone, SUPERVISOR)
    alone.now += timedelta(days=2)
    back = come_back(alone, reset(alone), password="nine paper boats on a lake")
    assert must(alone, back.token) is Must.CONFIRMATION
    assert notices(alone, "return_waits") == [SUPERVISOR, SUPERVISOR]


def test_a_locked_account_that_was_reset_and_brought_back_waits_too(alone):
    accounts.lock(alone.parts, alone.person(ADMIN), AGENT, alone.now)
    secret = reset(alone)
    accounts.unlock(alone.parts, alone.person(ADMIN), AGENT, alone.now)
    assert must(alone, come_back(alone, secret).token) is Must.CONFIRMATION


# -- who confirms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "error", "why"),
    [
        (ADMIN, AccessRefused, "own_reset"),
        (SECOND_ADMIN, AccessRefused, "others_confirm"),
        (OFFICER, AccessRefused, "others_confirm"),
        (COLLEAGUE, NotFound, "account"),
        (OF_ANOTHER, NotFound, "account"),
        (AUDITOR, NotFound, "account"),
        (AGENT, NotFound, "account"),
    ],
)
def test_where_a_supervisor_is_there_nobody_else_confirms_and_who_tries_is_logged(staffed, who, error, why):
    come_back(staffed, reset(staffed))
    assert reason(error, lambda: confirm(staffed, who)) == why
    event = staffed.events("people.return_confirmed")[-1]
    assert (event["actor"], event["outcome"], event["rule"]) == (who, "refused", why)
    assert column(staffed, AGENT, "state") == "active"
    assert listed(staffed, SUPERVISOR).waiting[0].mine


@pytest.mark.parametrize("number", ["KF9999", "", "KF2001' --"])
def test_what_is_no_account_and_what_is_not_ones_own_to_know_are_one_answer(alone, number):
    come_back(alone, reset(alone))
    said = set()
    for typed, who in ((number, SUPERVISOR), (AGENT, OF_ANOTHER), (AGENT, AUDITOR)):
        with pytest.raises(NotFound) as raised:
            confirm(alone, who, typed)
        said.add(str(raised.value))
    assert len(said) == 1


def test_without_a_supervisor_at_work_another_administrator_confirms_and_never_who_reset_it(staffed):
    staffed.tamper("UPDATE accounts SET state = 'suspended' WHERE role = 'supervisor'")
    back = come_back(staffed, reset(staffed))
    assert notices(staffed, "return_waits") == [SECOND_ADMIN, OFFICER]
    assert reason(AccessRefused, lambda: confirm(staffed, ADMIN)) == "own_reset"
    confirm(staffed, SECOND_ADMIN)
    assert must(staffed, back.token) is None


def test_all_who_had_a_hand_in_it_are_out_also_who_made_a_further_secret(staffed):
    staffed.tamper("UPDATE accounts SET state = 'suspended' WHERE role = 'supervisor'")
    reset(staffed)
    secret = accounts.invite(staffed.parts, staffed.person(SECOND_ADMIN), AGENT, staffed.now)
    come_back(staffed, secret)
    for who in (ADMIN, SECOND_ADMIN):
        assert reason(AccessRefused, lambda who=who: confirm(staffed, who)) == "own_reset"
    confirm(staffed, OFFICER)
    assert staffed.events("people.return_confirmed")[-1]["facts"]["count"] == 2


@pytest.mark.parametrize("whose", [AGENT, ADMIN])
def test_a_supervisor_who_bears_the_name_of_who_came_back_or_who_reset_it_is_out(alone, whose):
    renamed(alone, SUPERVISOR, "赵 一同")
    renamed(alone, whose, "赵一同")
    come_back(alone, reset(alone))
    assert reason(AccessRefused, lambda: confirm(alone, SUPERVISOR)) == "others_confirm"
    confirm(alone, SECOND_ADMIN)


def test_where_nobody_else_is_there_the_account_stays_shut(alone):
    alone.tamper(
        "UPDATE accounts SET state = 'suspended' WHERE role IN ('supervisor', 'imd') OR work_number = :n",
        n=SECOND_ADMIN,
    )
    back = come_back(alone, reset(alone))
    for who in (ADMIN, SUPERVISOR, OFFICER, SECOND_ADMIN):
        with pytest.raises(AccessRefused):
            confirm(alone, who)
    assert must(alone, back.token) is Must.CONFIRMATION


def test_whoever_confirms_has_proved_a_moment_ago_who_they_are(alone):
    come_back(alone, reset(alone))
    person = alone.person(SUPERVISOR)
    for proved_at in (None, NOW - timedelta(minutes=5, microseconds=1), NOW + timedelta(seconds=1)):
        with pytest.raises(StepUpNeeded):
            returns.confirm(alone.parts, replace(person, proved_at=proved_at), AGENT, NOW)


def test_whoever_was_locked_a_moment_ago_confirms_nothing(alone):
    come_back(alone, reset(alone))
    stale = alone.person(SUPERVISOR)
    alone.tamper("UPDATE accounts SET state = 'locked' WHERE work_number = :n", n=SUPERVISOR)
    with pytest.raises(AccessRefused, match="no_right"):
        returns.confirm(alone.parts, stale, AGENT, alone.now)


def test_of_many_who_confirm_at_once_one_counts(staffed):
    staffed.tamper("UPDATE accounts SET state = 'suspended' WHERE role = 'supervisor'")
    come_back(staffed, reset(staffed))
    done = at_once([lambda who=who: confirm(staffed, who) for who in (SECOND_ADMIN, OFFICER)] * 3)
    assert done == ["done"] + ["invalid_value"] * 5
    assert len(staffed.events("people.return_confirmed", "done")) == 1


def test_a_reset_at_the_moment_of_the_confirmation_is_not_confirmed_with_it(staffed):
    with_second_factor(staffed, AGENT)
    second_factor.reset(staffed.parts, staffed.person(ADMIN), AGENT, staffed.now)
    by, other = staffed.person(SUPERVISOR), staffed.person(ADMIN)

    def confirmed():
        returns.confirm(staffed.parts, by, AGENT, staffed.now)

    def reset_again():
        accounts.reset(staffed.parts, other, AGENT, staffed.now)

    results = at_once([confirmed, reset_again])
    assert results in (["done", "done"], ["done", "invalid_value"])
    waiting = staffed.rows("SELECT kind FROM account_resets WHERE confirmed_at IS NULL ORDER BY kind")
    assert waiting in ([("password",)], [("password",), ("second_factor",)])


# -- the policy --------------------------------------------------------------------------------------------------


def test_with_nobody_named_in_the_policy_only_grave_roles_wait(alone):
    with_policy(alone)
    assert come_back(alone, reset(alone)).person.must is None
    assert reason(InvalidValue, lambda: confirm(alone, SUPERVISOR)) == "act_not_possible"
    assert listed(alone, SUPERVISOR).waiting == ()
    reset(alone, OF_ANOTHER)
    assert [one.work_number for one in listed(alone, ADMIN).waiting] == [OF_ANOTHER]
    # A reset is not got around by another role for a while: what was not confirmed counts in the graver one.
    accounts.change_place(alone.parts, alone.person(ADMIN), AGENT, "supervisor", "NJ-GL-01", "T9", alone.now)
    back = alone.sign_in(AGENT, NEW)
    codes.enrol(alone.parts, back.person, alone.now)
    assert must(alone, back.token) is Must.CONFIRMATION


def test_the_policy_may_name_administrators(alone):
    with_policy(alone, Confirmer.SUPERVISOR, Confirmer.ADMIN)
    come_back(alone, reset(alone))
    assert reason(AccessRefused, lambda: confirm(alone, OFFICER)) == "others_confirm"
    confirm(alone, SECOND_ADMIN)


# -- the list ----------------------------------------------------------------------------------------------------


def test_a_supervisor_sees_resets_of_their_own_people_alone_and_others_none(staffed):
    in_use(staffed, "KF2003", "KF2004")
    for whose in (AGENT, "KF2003", "KF2004"):
        reset(staffed, whose)
    assert {one.work_number for one in listed(staffed, SUPERVISOR).resets} == {AGENT, "KF2003"}
    assert {one.work_number for one in listed(staffed, OF_ANOTHER).resets} == {"KF2004"}
    assert len(listed(staffed, OFFICER).resets) == 3
    for who in (AGENT, COLLEAGUE, AUDITOR):
        with pytest.raises(VaultError, match="no_right"):
            listed(staffed, who)
    assert staffed.events("people.list", "refused")[-1]["actor"] == AUDITOR


def test_resets_leave_the_list_after_their_days_unless_somebody_waits(alone):
    come_back(alone, reset(alone))
    alone.now += timedelta(days=returns.LISTED_DAYS)
    assert len(listed(alone, SUPERVISOR).resets) == 1
    confirm(alone, SUPERVISOR)
    assert listed(alone, SUPERVISOR).resets == ()
    alone.now -= timedelta(microseconds=1)
    assert len(listed(alone, SUPERVISOR).resets) == 1


def test_who_has_left_is_waited_for_by_nobody(alone):
    reset(alone)
    alone.tamper("UPDATE accounts SET state = 'left' WHERE work_number = :n", n=AGENT)
    assert listed(alone, ADMIN).waiting == ()


def test_no_secret_and_no_name_is_in_events_or_lists(staffed):
    secret = reset(staffed)
    come_back(staffed, secret)
    confirm(staffed, SUPERVISOR)
    with staffed.parts.database.read() as connection:
        told = notifications.listed(connection, staffed.person(SUPERVISOR).account_id, 50)
    said = str(staffed.events()) + str(listed(staffed, SUPERVISOR)) + str(told)
    for hidden in (secret, NEW, PASSWORD, "窦然可"):
        assert hidden not in said
