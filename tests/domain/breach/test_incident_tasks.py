"""Whose turn it is: one next step, and each clock that somebody must say is done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vault.config import ROOT
from vault.domain.breach.incident_clocks import Clock
from vault.domain.breach.incident_tasks import Act, next_act, tasks_of
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState, Verdict
from vault.domain.ids import Role
from vault.storage.policy_files import load_policy

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
POLICY = load_policy(ROOT / "policies").incidents
OFFICERS = frozenset({Role.IMD})
ONE = Incident(
    b"i" * 16, IncidentKind.SYSTEM_FAILURE, False, IncidentState.REPORTED, AT, AT, AwareSource.REPORT, "KF2001", AT
)


def clock(name, **changes):
    return Clock(name, AT, AT + timedelta(hours=1), **changes)


def tasks(one, *clocks):
    return [
        (task.act, task.clock and task.clock.clock_id, task.roles) for task in tasks_of(one, clocks, POLICY, OFFICERS)
    ]


@pytest.mark.parametrize(
    ("state", "act"),
    [
        ("reported", Act.ACTIVATE),
        ("activated", Act.ASSESS),
        ("assessed", Act.CONTAIN),
        ("contained", Act.REPAIR),
        ("repaired", Act.NOTIFY),
        ("notified", Act.ASK_CLOSING),
        ("closed", None),
    ],
)
def test_each_state_waits_for_one_act(state, act):
    assert next_act(replace(ONE, state=IncidentState(state), verdict=Verdict.BREACH)) is act


def test_without_a_breach_it_waits_for_its_closing():
    one = replace(ONE, state=IncidentState.ASSESSED, verdict=Verdict.NO_BREACH)
    assert next_act(one) is Act.ASK_CLOSING


def test_once_its_closing_is_asked_for_it_waits_for_somebody_else():
    assert next_act(replace(ONE, state=IncidentState.NOTIFIED, closing_by=b"a" * 16)) is Act.CLOSE


def test_the_next_step_is_measured_by_the_clock_that_it_ends():
    assert tasks(ONE, clock("report"), clock("activate")) == [(Act.ACTIVATE, "activate", OFFICERS)]
    notified = replace(ONE, state=IncidentState.NOTIFIED)
    assert tasks(notified, clock("report")) == [(Act.ASK_CLOSING, "report", OFFICERS)]
    assert tasks(replace(ONE, state=IncidentState.ACTIVATED), clock("report")) == [(Act.ASSESS, None, OFFICERS)]


def test_a_clock_that_people_end_is_the_task_of_its_roles():
    assert tasks(ONE, clock("technical"))[1:] == [(Act.CLOCK, "technical", frozenset({Role.SUPERVISOR, Role.IMD}))]


def test_what_is_done_or_dropped_or_of_another_policy_is_nobodys_task():
    done, dropped = clock("technical", done_at=AT), clock("network", dropped_at=AT)
    assert len(tasks(ONE, done, dropped, clock("of_an_old_policy"))) == 1


def test_a_closed_incident_asks_for_nothing():
    assert tasks(replace(ONE, state=IncidentState.CLOSED), clock("technical")) == []
