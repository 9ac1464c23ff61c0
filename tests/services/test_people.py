from datetime import timedelta

import pytest

from tests.simulator import NOW, PASSWORD, staff_row
from vault import bootstrap
from vault.domain.people import AccountState
from vault.errors import AccessRefused, InvalidValue, NotFound, SignInRefused
from vault.services import people

AGENT, ADMIN, SOURCE = "KF2001", "ADMIN01", "203.0.113.9"
ONE_ANSWER = "sign_in_refused: sign_in_refused"


def invited(world, work_number=AGENT):
    return people.invite(world.parts, bootstrap.operator(world.config), work_number, world.now)


def activate(world, secret, work_number=AGENT, password=PASSWORD):
    people.activate(world.parts, work_number, secret, password, SOURCE, world.now)


def refused(walk):
    with pytest.raises(SignInRefused) as raised:
        walk()
    return str(raised.value)


def state(world, work_number=AGENT):
    return world.rows("SELECT state FROM accounts WHERE work_number = :n", n=work_number)[0][0]


def set_state(world, state, work_number=AGENT):
    world.tamper("UPDATE accounts SET state = :s WHERE work_number = :n", s=state, n=work_number)


# -- invitations -------------------------------------------------------------------------------------------------


def test_an_imported_account_is_invited_and_signs_in_after_its_activation(world):
    assert state(world) == "invited"
    activate(world, invited(world))
    assert state(world) == "active"
    signed_in = world.sign_in(AGENT)
    assert signed_in.person.work_number == AGENT
    assert [one["action"] for one in world.events()[-3:]] == ["people.invite", "people.activate", "people.sign_in"]


def test_a_secret_works_once_and_for_a_day_and_only_the_latest(sqlite_world):
    first = invited(sqlite_world)
    second = invited(sqlite_world)
    assert refused(lambda: activate(sqlite_world, first)) == ONE_ANSWER
    sqlite_world.now = NOW + timedelta(hours=24)
    assert refused(lambda: activate(sqlite_world, second)) == ONE_ANSWER
    sqlite_world.now -= timedelta(microseconds=1)
    activate(sqlite_world, second)
    assert refused(lambda: activate(sqlite_world, second)) == ONE_ANSWER
    assert [one["outcome"] for one in sqlite_world.events("people.activate")] == [
        "refused",
        "refused",
        "done",
        "refused",
    ]


def test_a_secret_is_not_stored_and_not_logged(sqlite_world):
    secret = invited(sqlite_world)
    dump = str(sqlite_world.rows("SELECT * FROM accounts")) + str(sqlite_world.events())
    assert secret not in dump
    activate(sqlite_world, secret)
    assert PASSWORD not in str(sqlite_world.rows("SELECT * FROM accounts")) + str(sqlite_world.events())


def test_the_secret_of_one_account_does_not_activate_another(sqlite_world):
    secret = invited(sqlite_world)
    invited(sqlite_world, "KF2002")
    assert refused(lambda: activate(sqlite_world, secret, "KF2002")) == ONE_ANSWER


def test_a_failed_activation_says_the_same_for_every_cause(sqlite_world):
    secret = invited(sqlite_world)
    said = {
        refused(lambda: activate(sqlite_world, "wrong")),
        refused(lambda: activate(sqlite_world, secret, "KF9999")),
        refused(lambda: activate(sqlite_world, secret, "' OR 1=1")),
        refused(lambda: activate(sqlite_world, "wrong", "KF2002")),
    }
    assert said == {ONE_ANSWER}
    assert {one["actor"] for one in sqlite_world.events("people.activate")} == {AGENT, "KF2002", "unknown"}


@pytest.mark.parametrize("state", ["suspended", "left", "locked"])
def test_an_account_that_is_not_in_use_is_not_activated(sqlite_world, state):
    secret = invited(sqlite_world)
    set_state(sqlite_world, state)
    assert refused(lambda: activate(sqlite_world, secret)) == ONE_ANSWER


def test_nobody_invites_who_has_left_or_never_was(sqlite_world):
    set_state(sqlite_world, "left")
    for number in (AGENT, "KF9999", "", "KF2001' --"):
        with pytest.raises(NotFound):
            invited(sqlite_world, number)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "password_too_short"),
        ("x" * 257, "password_too_long"),
        ("passwordpassword", "password_too_easy"),
        ("KF2001-kf2001-KF2001", "password_too_easy"),
        ("快递客服快递客服快递客服", "password_too_easy"),
        ("datavault-courier-kefu", "password_too_easy"),
    ],
)
def test_a_bad_password_is_refused_before_the_secret_is_used(sqlite_world, password, reason):
    secret = invited(sqlite_world)
    with pytest.raises(InvalidValue) as raised:
        activate(sqlite_world, secret, password=password)
    assert raised.value.reason == reason
    activate(sqlite_world, secret)


# -- accounts ----------------------------------------------------------------------------------------------------


def test_an_administrator_lists_accounts_with_names_and_it_is_logged(world):
    listed = people.list_accounts(world.parts, world.person(ADMIN), NOW)
    assert [one.work_number for one in listed] == sorted(one.work_number for one in listed)
    assert next(one.name for one in listed if one.work_number == "KF2009") == "慕容汐棠"
    assert world.events("people.list")[-1]["actor"] == ADMIN


@pytest.mark.parametrize("work_number", [AGENT, "KF2009", "KF2014", "KF2012"])
def test_nobody_else_lists_accounts(sqlite_world, work_number):
    with pytest.raises(AccessRefused):
        people.list_accounts(sqlite_world.parts, sqlite_world.person(work_number), NOW)


def test_an_administrator_lists_those_in_one_state_and_sees_one_account(sqlite_world):
    set_state(sqlite_world, "suspended")
    admin = sqlite_world.person(ADMIN)
    listed = people.list_accounts(sqlite_world.parts, admin, NOW, AccountState.SUSPENDED)
    assert [one.work_number for one in listed] == [AGENT]
    found = people.one_account(sqlite_world.parts, admin, " kf2001 ", NOW)
    assert found == listed[0]
    assert sqlite_world.events("people.list")[-1]["facts"] == {"account": AGENT}
    for number in ("KF9999", ""):
        with pytest.raises(NotFound):
            people.one_account(sqlite_world.parts, admin, number, NOW)
    with pytest.raises(AccessRefused):
        people.one_account(sqlite_world.parts, sqlite_world.person(AGENT), AGENT, NOW)
    assert sqlite_world.events("people.list", "refused")[-1]["actor"] == AGENT


def test_accounts_that_share_a_name_are_marked_as_one_human(sqlite_world):
    sqlite_world.staff(staff_row("KF3001") | {"name": "窦 然可"})
    listed = people.list_accounts(sqlite_world.parts, sqlite_world.person(ADMIN), NOW)
    assert {one.work_number for one in listed if one.same_name} == {AGENT, "KF3001"}


def test_names_of_staff_are_sealed(sqlite_world):
    assert "慕容汐棠".encode() not in b"".join(row[0] for row in sqlite_world.rows("SELECT sealed_name FROM accounts"))
