from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.config import ROOT
from vault.domain.throttling import failures_now, is_throttled, source_of
from vault.storage.policy_files import load_policy

RULE = load_policy(ROOT / "policies").sessions.throttle
FREE = RULE.free_failures
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def delay(failures):
    """Return the seconds after which the next try counts, found by trying."""
    ends = [0, *(RULE.first_seconds << at for at in range(12)), RULE.most_seconds]
    return min(end for end in ends if not is_throttled(RULE, FREE, failures, NOW, NOW + timedelta(seconds=end)))


def test_the_delay_doubles_from_the_first_to_the_most():
    assert [delay(failures) for failures in range(FREE)] == [0] * FREE
    assert [delay(FREE + more) for more in range(4)] == [RULE.first_seconds << more for more in range(4)]
    assert delay(FREE + 50) == delay(10**9) == RULE.most_seconds


@given(st.integers(0, 10**6), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_no_delay_is_longer_than_the_most_and_more_failures_never_shorten_it(failures, later):
    throttled = is_throttled(RULE, FREE, failures, NOW, NOW + later)
    assert not (throttled and later >= timedelta(seconds=RULE.most_seconds))
    assert not throttled or is_throttled(RULE, FREE, failures + 1, NOW, NOW + later)


def test_all_is_forgotten_after_its_time_and_not_before():
    span = timedelta(minutes=RULE.forget_minutes)
    assert failures_now(RULE, 7, NOW, NOW + span - TICK) == 7
    assert failures_now(RULE, 7, NOW, NOW + span) == 0


def test_a_time_somewhat_ahead_counts_and_one_far_ahead_does_not():
    most = timedelta(seconds=RULE.most_seconds)
    assert failures_now(RULE, 7, NOW + most, NOW) == 7
    assert failures_now(RULE, 7, NOW + most + TICK, NOW) == 0


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("local", "local"),
        ("", ""),
    ],
)
def test_what_counts_as_one_source(address, source):
    assert source_of(address) == source
