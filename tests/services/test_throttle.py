"""Failed sign-ins slow down an account from one source; nobody can lock a colleague out."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.simulator import NOW, PASSWORD
from vault.errors import SignInRefused
from vault.services import sessions

AGENT, OTHER, SOURCE, HOME = "KF2001", "KF2002", "203.0.113.9", "198.51.100.7"
SECOND = timedelta(seconds=1)


@pytest.fixture
def active(world):
    world.activate(AGENT)
    return world


@pytest.fixture
def rule(world):
    """The policy's rule, with fewer failures free for a source so that the tests end sooner."""
    policy = world.parts.policy
    tight = replace(policy.sessions.throttle, free_source_failures=15)
    changed = replace(policy, sessions=replace(policy.sessions, throttle=tight))
    world.parts = replace(world.parts, policy=changed)
    return tight


def sign_in(world, password=PASSWORD, work_number=AGENT, source=SOURCE):
    return sessions.sign_in(world.parts, work_number, password, source, world.now)


def fail(world, times=1, work_number=AGENT, source=SOURCE):
    for _ in range(times):
        with pytest.raises(SignInRefused) as raised:
            sign_in(world, "not the password", work_number, source)
        assert str(raised.value) == "sign_in_refused: sign_in_refused"


def is_in(world, **given):
    try:
        sign_in(world, **given)
    except SignInRefused:
        return False
    return True


def test_a_few_failures_cost_nothing(active, rule):
    fail(active, rule.free_failures - 1)
    assert is_in(active)


def test_after_them_the_right_password_comes_too_soon_too_and_then_counts_again(active, rule):
    fail(active, rule.free_failures)
    assert not is_in(active)
    active.now += timedelta(seconds=rule.first_seconds) - timedelta(microseconds=1)
    assert not is_in(active)
    active.now += timedelta(microseconds=1)
    assert is_in(active)
    assert [one["actor"] for one in active.events("people.throttled")] == [AGENT, AGENT]


def test_each_failure_doubles_the_delay_up_to_the_most(active, rule):
    fail(active, rule.free_failures)
    delay = rule.first_seconds
    for _ in range(12):
        active.now += timedelta(seconds=delay) - timedelta(microseconds=1)
        assert not is_in(active)
        active.now += timedelta(microseconds=1)
        fail(active)
        delay = min(2 * delay, rule.most_seconds)
    assert delay == rule.most_seconds


def test_a_try_that_comes_too_soon_does_not_make_the_delay_longer(active, rule):
    fail(active, rule.free_failures)
    until = active.now + timedelta(seconds=rule.first_seconds)
    while active.now < until - SECOND:
        active.now += SECOND
        fail(active)
    active.now = until
    assert is_in(active)


def test_a_success_forgets_the_failures_of_the_account_from_here(active, rule):
    fail(active, rule.free_failures - 1)
    assert is_in(active)
    fail(active, rule.free_failures - 1)
    assert is_in(active)


def test_after_a_while_without_failures_all_are_forgotten(active, rule):
    fail(active, rule.free_failures)
    active.now += timedelta(minutes=rule.forget_minutes)
    fail(active, rule.free_failures - 1)
    assert is_in(active)


def test_nobody_locks_a_colleague_out_from_another_address(active, rule):
    fail(active, rule.free_failures * 4)
    assert not is_in(active)
    assert is_in(active, source=HOME)


def test_a_flood_from_an_address_leaves_other_addresses_alone(active, rule):
    for serial in range(rule.free_source_failures + 10):
        fail(active, work_number=f"KF8{serial:03d}")
    assert active.events("people.throttled")
    active.activate(OTHER)
    assert not is_in(active, work_number=OTHER)
    assert is_in(active, work_number=OTHER, source=HOME)


def test_a_flood_from_a_shared_address_leaves_those_alone_who_are_known_there(active, rule):
    assert is_in(active)
    for serial in range(rule.free_source_failures):
        fail(active, work_number=f"KF8{serial:03d}")
    assert is_in(active)


def test_an_unknown_number_is_slowed_down_exactly_as_a_known_one(active, rule):
    def actions(work_number, source):
        before = len(active.events())
        fail(active, rule.free_failures + 2, work_number, source)
        return [one["action"] for one in active.events()[before:]]

    known, unknown = actions(AGENT, SOURCE), actions("KF9999", HOME)
    assert known == unknown
    assert known[-2:] == ["people.throttled", "people.throttled"]


def test_what_was_typed_as_a_number_is_not_kept(active):
    fail(active, work_number="HUNTER2")
    kept = str(active.rows("SELECT * FROM sign_in_failures")) + str(active.events())
    assert "HUNTER2" not in kept
    assert active.count("sign_in_failures") == 2


def test_addresses_of_one_ipv6_network_are_one_source(active, rule):
    for serial in range(rule.free_failures):
        fail(active, source=f"2001:db8:1:2::{serial + 1:x}")
    assert not is_in(active, source="2001:db8:1:2:ffff::1")
    assert is_in(active, source="2001:db8:1:3::1")


def test_a_flood_makes_no_rows_once_its_source_is_slowed_down(active, rule):
    for serial in range(rule.free_source_failures):
        fail(active, work_number=f"KF8{serial:03d}")
    rows = active.count("sign_in_failures")
    for serial in range(20):
        fail(active, work_number=f"KF7{serial:03d}")
    assert active.count("sign_in_failures") == rows


def test_of_many_tries_at_once_none_goes_uncounted(active, rule):
    tries = rule.free_failures + 7
    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(lambda _: is_in(active, password="not the password"), range(tries)))
    assert len(active.events("people.throttled")) == 7
    (count,) = active.rows("SELECT failures FROM sign_in_failures WHERE who <> 0")[0]
    assert count == rule.free_failures


def test_successes_are_not_counted_against_a_source(active, rule):
    for _ in range(3):
        assert is_in(active)
    assert active.rows("SELECT failures FROM sign_in_failures") == [(0,)]


def test_the_sweep_forgets_what_counts_no_more(active, rule):
    fail(active)
    sessions.sweep(active.parts, NOW + timedelta(minutes=rule.forget_minutes) - timedelta(microseconds=1))
    assert active.count("sign_in_failures") == 2
    sessions.sweep(active.parts, NOW + timedelta(minutes=rule.forget_minutes))
    assert active.count("sign_in_failures") == 0


def test_a_failure_written_by_a_clock_far_ahead_slows_nobody_down(active, rule):
    active.now = NOW + timedelta(days=400)
    fail(active, rule.free_failures)
    active.now = NOW
    assert is_in(active)
