"""How a request stands at a moment."""

from datetime import UTC, datetime, timedelta

import pytest

from vault.domain.requests import RequestState, state_at

ASKED, ANSWER, TICK = datetime(2026, 11, 20, 3, tzinfo=UTC), timedelta(hours=12), timedelta(microseconds=1)


def test_a_request_waits_until_the_very_moment_its_time_is_over():
    assert state_at(RequestState.ASKED, ASKED, ANSWER, ASKED + ANSWER - TICK) is RequestState.ASKED
    assert state_at(RequestState.ASKED, ASKED, ANSWER, ASKED + ANSWER) is RequestState.ENDED


@pytest.mark.parametrize("state", [RequestState.GRANTED, RequestState.REFUSED, RequestState.ENDED])
def test_what_is_decided_stays_decided(state):
    assert state_at(state, ASKED, ANSWER, ASKED + timedelta(days=9)) is state
