"""The seven states of an incident and its clocks: every order of steps, every moment around a deadline."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.breach.incident_clocks import Clock, ClockState
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.ids import new_id
from vault.errors import AlreadyDecided, InvalidValue

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
DUE = START + timedelta(hours=2)
SECOND = timedelta(seconds=1)
ORDER = list(IncidentState)
MOMENTS = st.datetimes(datetime(2026, 11, 19), datetime(2026, 11, 22)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001


def incident(state, verdict=None):
    return Incident(
        new_id(), IncidentKind.LEAK, False, state, START, START, AwareSource.REPORT, "KF1001", START, verdict
    )  # fmt: skip


@given(st.sampled_from(ORDER), st.sampled_from(ORDER), st.sampled_from([None, *Verdict]))
def test_a_state_is_reached_from_the_one_before_it_and_no_other_way(state, wanted, verdict):
    one = incident(state, verdict)
    ends_here = state is IncidentState.ASSESSED and verdict is Verdict.NO_BREACH
    expected = IncidentState.CLOSED if ends_here else ORDER[min(ORDER.index(state) + 1, len(ORDER) - 1)]
    if wanted is expected and not one.is_closed:
        one.refuse_unless_next(wanted)
        return
    behind = one.is_closed or ORDER.index(wanted) <= ORDER.index(state)
    with pytest.raises(AlreadyDecided if behind else InvalidValue):
        one.refuse_unless_next(wanted)


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (START, ClockState.RUNNING),
        (DUE - SECOND, ClockState.RUNNING),
        (DUE, ClockState.RUNNING),
        (DUE + SECOND, ClockState.MISSED),
        (DUE + timedelta(microseconds=1), ClockState.MISSED),
    ],
)
def test_a_clock_is_missed_after_its_end_and_not_at_it(at, state):
    assert Clock("activate", START, DUE).state(at) is state


@pytest.mark.parametrize(
    ("done", "state"), [(DUE - SECOND, ClockState.MET), (DUE, ClockState.MET), (DUE + SECOND, ClockState.LATE)]
)
def test_what_is_done_at_the_end_is_in_time(done, state):
    assert Clock("activate", START, DUE, done_at=done).state(DUE + timedelta(days=9)) is state


@given(MOMENTS, MOMENTS)
def test_what_was_recorded_as_missed_stays_missed_wherever_the_clock_goes(now, done):
    missed = Clock("activate", START, DUE, missed_at=DUE + SECOND)
    assert missed.state(now) is ClockState.MISSED
    assert Clock("activate", START, DUE, done_at=done, missed_at=DUE + SECOND).state(now) is ClockState.LATE
    assert Clock("activate", START, DUE, dropped_at=done, missed_at=DUE + SECOND).state(now) is ClockState.MISSED


@given(MOMENTS.filter(lambda one: one <= START), st.none() | MOMENTS)
def test_an_earlier_awareness_brings_the_end_forward_by_as_much_and_never_forgives(sooner, done):
    clock = Clock("postal", START, DUE, done_at=done)
    moved = clock.begun(sooner)
    assert (moved.started_at, moved.due_at) == (sooner, DUE - (START - sooner))
    if done is not None:
        assert (moved.state(START) is ClockState.LATE) is (done > moved.due_at)


def test_people_say_eight_digits_of_an_id():
    one = incident(IncidentState.REPORTED)
    assert one.incident_id.hex().upper().startswith(one.short)
    assert len(one.short) == 8
