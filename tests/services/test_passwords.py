"""The password's life: fifteen days, a change that is a change, and no way back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from zxcvbn import matching

from tests.simulator import NOW, PASSWORD
from vault.errors import InvalidValue, SignInRefused
from vault.services import passwords, people, sessions

AGENT, ADMIN, SOURCE, HOME = "KF2001", "ADMIN01", "203.0.113.9", "198.51.100.7"
AGE, TICK, DAY = timedelta(days=15), timedelta(microseconds=1), timedelta(days=1)
NEW = "seven green umbrellas in line"
DISTINCT = ("amber", "cobalt", "violet", "orchid", "meadow", "glacier", "harbour", "thunder", "walnut", "lantern")
MORE = ("pebble", "compass", "saffron", "willow")


def phrase(serial):
    """Return a password that is like no other of its kind."""
    words = DISTINCT + MORE
    return f"{words[serial]} {words[-serial - 1]} {words[(serial * 3 + 5) % len(words)]} {serial * 7919}"


@pytest.fixture
def active(world):
    world.activate(AGENT)
    return world


@pytest.fixture
def alone(sqlite_world):
    sqlite_world.activate(AGENT)
    return sqlite_world


def person(world, token):
    return sessions.person_of(world.parts, token, SOURCE, world.now)


def sign_in(world, password=PASSWORD, source=SOURCE):
    return sessions.sign_in(world.parts, AGENT, password, source, world.now)


def change(world, new=NEW, current=PASSWORD, source=SOURCE):
    who = sessions.sign_in(world.parts, AGENT, current, source, world.now).person
    return passwords.change(world.parts, who, current, new, world.now)


def refused(walk):
    with pytest.raises(InvalidValue) as raised:
        walk()
    return raised.value.reason


def stored(world, column="password"):
    return world.rows(f"SELECT {column} FROM accounts WHERE work_number = :n", n=AGENT)[0][0]


# -- the edge ----------------------------------------------------------------------------------------------------


def test_until_the_last_microsecond_of_fifteen_days_everything_works(active):
    active.now = NOW + AGE - TICK
    signed_in = sign_in(active)
    assert not signed_in.person.must_change
    assert not person(active, signed_in.token).must_change
    assert stored(active, "password_expired_at") is None


def test_from_fifteen_days_on_only_the_change_is_left_and_a_new_sign_in_too(active):
    active.now = NOW + AGE - TICK
    older = sign_in(active)
    active.now += TICK
    assert person(active, older.token).must_change
    newer = sign_in(active)
    assert newer.person.must_change
    assert active.events("people.sign_in")[-1]["rule"] == "password_expired"
    fresh = passwords.change(active.parts, newer.person, PASSWORD, NEW, active.now)
    assert not fresh.person.must_change
    assert not person(active, fresh.token).must_change
    assert person(active, older.token) is None


@pytest.mark.parametrize("seen_by", ["request", "sign_in", "sweep"])
def test_a_clock_set_back_revives_nothing_once_it_was_seen(active, seen_by):
    active.now = NOW + AGE - timedelta(minutes=1)
    token = sign_in(active).token
    active.now = NOW + AGE
    {
        "request": lambda: person(active, token),
        "sign_in": lambda: sign_in(active),
        "sweep": lambda: sessions.sweep(active.parts, active.now),
    }[seen_by]()
    active.now = NOW + timedelta(days=1)
    assert person(active, token).must_change
    assert sign_in(active).person.must_change
    fresh = change(active)
    assert not fresh.person.must_change
    assert stored(active, "password_expired_at") is None


def test_the_sweep_notes_no_password_that_is_young(active):
    sessions.sweep(active.parts, NOW + AGE - TICK)
    assert stored(active, "password_expired_at") is None


def test_a_new_activation_ends_the_age_of_a_password_too(alone):
    alone.now = NOW + AGE
    assert sign_in(alone).person.must_change
    alone.activate(AGENT, NEW)
    assert not sign_in(alone, NEW).person.must_change


def test_the_administrator_sees_which_passwords_are_past_their_age(alone):
    def listed(at):
        lines = people.list_accounts(alone.parts, alone.person(ADMIN), at)
        return next(one.must_change for one in lines if one.work_number == AGENT)

    assert not listed(NOW + AGE - TICK)
    assert listed(NOW + AGE)


# -- the change --------------------------------------------------------------------------------------------------


def test_a_change_ends_every_session_and_goes_on_with_a_token_nobody_knew(active):
    others = [sign_in(active), sign_in(active, source=HOME)]
    active.now += DAY
    mine = sign_in(active)
    fresh = passwords.change(active.parts, mine.person, PASSWORD, NEW, active.now)
    assert [person(active, one.token) for one in (*others, mine)] == [None, None, None]
    assert person(active, fresh.token).work_number == AGENT
    assert fresh.token != mine.token
    assert fresh.person.session_id != mine.person.session_id
    with pytest.raises(SignInRefused):
        sign_in(active)
    sign_in(active, NEW)
    assert active.events("people.password_changed")[-1]["facts"] == {"ended": 3}


def test_without_the_current_password_nothing_changes(active):
    active.now += DAY
    who = sign_in(active).person
    before = stored(active)
    wrong = "not the current one at all"
    assert refused(lambda: passwords.change(active.parts, who, wrong, NEW, active.now)) == "current_password_wrong"
    assert stored(active) == before
    event = active.events("people.password_refused")[-1]
    assert (event["actor"], event["rule"]) == (AGENT, "current_password_wrong")
    assert wrong not in str(active.events())


def test_who_stole_a_session_cannot_try_passwords_without_end(alone):
    alone.now += DAY
    who = sign_in(alone).person
    for _ in range(alone.parts.policy.sessions.throttle.free_failures):
        refused(lambda: passwords.change(alone.parts, who, "wrong wrong wrong", NEW, alone.now))
    assert refused(lambda: passwords.change(alone.parts, who, PASSWORD, NEW, alone.now)) == "current_password_wrong"
    sign_in(alone, source=HOME)  # its owner elsewhere is not slowed down
    alone.now += timedelta(minutes=1)
    passwords.change(alone.parts, who, PASSWORD, NEW, alone.now)


def test_within_a_day_of_the_last_change_there_is_no_other(active):
    active.now = NOW + DAY - TICK
    assert refused(lambda: change(active)) == "password_changed_lately"
    active.now += TICK
    change(active)


@pytest.mark.parametrize(
    "near",
    [
        PASSWORD + "!",
        "1" + PASSWORD,
        PASSWORD.upper(),
        PASSWORD.title(),
        PASSWORD[:-4],
        "".join(chr(ord(letter) + 0xFEE0) if letter > " " else letter for letter in PASSWORD),
        PASSWORD.replace("o", "0").replace("e", "3"),
        PASSWORD.replace("horse", "mouse"),
    ],
)
def test_a_password_that_is_nearly_the_current_one_is_refused(alone, near):
    alone.now += DAY
    assert refused(lambda: change(alone, near)) == "password_nearly_the_same"


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("short words", "password_too_short"),
        ("长" * 257, "password_too_long"),
        ("qwertyuiop123456", "password_too_easy"),
        ("KF2001KF2001KF2001", "password_too_easy"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "password_too_easy"),
        ("courier datavault express", "password_too_easy"),
    ],
)
def test_a_password_that_is_no_good_is_refused_with_its_reason(alone, new, reason):
    alone.now += DAY
    assert refused(lambda: change(alone, new)) == reason
    assert alone.events("people.password_refused")[-1]["rule"] == reason
    sign_in(alone)


def test_the_own_name_makes_a_password_easy(alone):
    work_number = "KF2009"
    alone.activate(work_number)
    alone.now += DAY
    who = sessions.sign_in(alone.parts, work_number, PASSWORD, SOURCE, alone.now).person
    named = "慕容汐棠" * 3
    assert refused(lambda: passwords.change(alone.parts, who, PASSWORD, named, alone.now)) == "password_too_easy"


def test_what_one_person_is_called_is_not_remembered_for_the_next(alone):
    alone.activate("KF2009", "慕容汐棠 at the seaside, late")
    assert matching.RANKED_DICTIONARIES["user_inputs"] == {}


def test_a_password_counts_whole_and_as_typed_up_to_256_characters(alone):
    alone.now += DAY
    long = (phrase(0) + " " + phrase(1) + " ") * 6
    long = " " + long[:254] + "é"
    assert len(long) == 256
    change(alone, long)
    for other in (long[:-1], long.strip(), long.upper(), long + " "):
        with pytest.raises(SignInRefused):
            sign_in(alone, other)
        alone.now += timedelta(minutes=20)
    sign_in(alone, long)
    sign_in(alone, long[:-1] + "e\N{COMBINING ACUTE ACCENT}")  # the same letter, typed elsewhere (NFC)


# -- earlier passwords -------------------------------------------------------------------------------------------


def test_none_of_the_last_few_comes_back_and_the_one_before_may(active):
    most = 4
    policy = active.parts.policy
    rules = replace(policy, passwords=replace(policy.passwords, history=most))
    active.parts = replace(active.parts, policy=rules)
    used = [PASSWORD]
    for serial in range(most):
        active.now += DAY
        for old in used[-3:-1]:
            assert refused(lambda old=old: change(active, old, used[-1])) == "password_used_before"
        change(active, phrase(serial), used[-1])
        used.append(phrase(serial))
    active.now += DAY
    assert refused(lambda: change(active, used[1], used[-1])) == "password_used_before"
    change(active, used[0], used[-1])
    assert active.count("password_history") == most - 1


def test_an_activation_asks_the_history_too(alone):
    alone.now += DAY
    change(alone)
    for old in (PASSWORD, NEW):
        assert refused(lambda old=old: alone.activate(AGENT, old)) == "password_used_before"
    alone.activate(AGENT, phrase(3))


def test_no_password_is_stored_or_logged(alone):
    alone.now += DAY
    change(alone)
    kept = str(alone.rows("SELECT * FROM accounts")) + str(alone.rows("SELECT * FROM password_history"))
    for password in (PASSWORD, NEW):
        assert password not in kept + str(alone.events())


# -- hashes ------------------------------------------------------------------------------------------------------


def test_a_hash_made_with_lesser_parameters_is_replaced_at_the_next_sign_in(active, full_hashes):
    weak = Argon2id(salt=bytes(16), length=32, iterations=1, lanes=1, memory_cost=64)
    phc = weak.derive_phc_encoded(PASSWORD.encode())
    active.tamper("UPDATE accounts SET password = :p WHERE work_number = :n", p=phc, n=AGENT)
    with pytest.raises(SignInRefused):
        sign_in(active, "not the password")
    assert stored(active) == phc
    sign_in(active)
    renewed = stored(active)
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (
        stored(active, "password_changed_at") == active.rows("SELECT created_at FROM sessions")[0][0]
    )  # the age goes on from the activation
    sign_in(active)
    assert stored(active) == renewed
