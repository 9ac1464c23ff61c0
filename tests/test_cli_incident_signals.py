"""Signals and misuse records at the terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER
from tests.terminal import stand_at
from tests.test_cli_retention import as_officer, run, told
from tests.worlds import sqlite_world, templates
from vault.domain.log import Action, Actor, Outcome
from vault.services.breach import signals

__all__ = ["sqlite_world", "templates"]

AGENT, COLLEAGUE = "KF2001", "KF2002"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault with two officers and an agent, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(minutes=1)
    for number in (PROPOSER, APPROVER, AGENT):
        sqlite_world.activate(number)
    return sqlite_world


def act(world, *words, who=PROPOSER, code=0):
    return told("incident", *words, "--as", who, typed=as_officer(world, who), code=code)


def test_every_signal_is_tested_by_the_operator_and_says_whom_it_told(world):
    tested = told("incident", "signal-test")["signals"]
    assert {one["signal"] for one in tested} == set(world.parts.policy.signals.signals)
    assert all(one["came_through"] and one["told"] and one["seconds"] < 60 for one in tested)
    assert told("incident", "list")["incidents"] == []
    closed = told("incident", "list", "--closed")["incidents"]
    assert all(one["drill"] and one["state"] == "closed" for one in closed)
    assert {one["id"] for one in closed} == {one["incident"] for one in tested if one["incident"]}


def test_one_signal_is_tested_in_words(world):
    said = run("incident", "signal-test", "probing").stdout
    assert said.startswith("Probing: refusals and misses in series: came through; told:")
    assert "Information management 2" in said


def test_a_signal_that_nobody_hears_ends_with_one_and_an_unknown_one_with_two(world):
    world.tamper("UPDATE accounts SET state = 'left' WHERE role IN ('imd', 'admin')")
    assert "did not come through" in run("incident", "signal-test", "sign_in_storm", code=1).stdout
    run("incident", "signal-test", "made_up", code=2)


def test_the_signals_of_an_incident_are_shown_with_their_evidence(world):
    system = Actor("system", "system", node="test")
    event = world.parts.event(world.now, system, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    world.parts.log_writer.write(event)
    assert signals.tend(world.parts, world.now) == 1
    (incident,) = told("incident", "list")["incidents"]
    (shown,) = act(world, "signals", incident["id"][:8])["signals"]
    assert (shown["signal"], shown["count"], shown["events"]) == ("record_integrity", 1, [event.event_id.hex()])
    assert "[no_right]" in act(world, "signals", incident["id"], who=AGENT, code=1)


def test_one_officer_drafts_a_misuse_record_and_another_signs_it(world):
    incident = told("incident", "open", "--kind", "misuse")["id"]
    words = ("misuse", "draft", incident[:8], "--person", COLLEAGUE, "--statement", "外传客户电话", "--loss-claimed")
    made = act(world, *words)
    assert (made["account"], made["loss_claimed"], made["signed_by"]) == (COLLEAGUE, True, "")
    sign = ("misuse", "sign", made["id"][:8], "--digest", made["digest"])
    assert "[own_request]" in act(world, *sign, code=1)
    assert "[no_right]" in act(world, *sign, who=AGENT, code=1)
    assert "[digest_differs]" in act(world, *sign[:-1], "0" * 64, who=APPROVER, code=1)
    assert act(world, *sign, who=APPROVER) == {"id": made["id"], "signed": True}
    (shown,) = act(world, "misuse", "show", incident)["records"]
    assert (shown["signed_by"], shown["statement"], shown["digest"]) == (APPROVER, "外传客户电话", made["digest"])
    (month,) = act(world, "misuse", "list")["months"]
    assert (month["account"], month["count"]) == (COLLEAGUE, 1)
    said = run("incident", "misuse", "show", incident, "--as", PROPOSER, typed=as_officer(world, PROPOSER)).stdout
    assert "signed" in said


def test_a_span_that_cannot_be_and_a_person_who_is_not_there_are_refused(world):
    incident = told("incident", "open", "--kind", "leak")["id"]
    words = ("misuse", "draft", incident, "--statement", "x", "--person")
    assert "[account]" in act(world, *words, "KF0000", code=1)
    assert "[span_empty]" in act(world, *words, AGENT, "--counted", "2026-01-02", "2026-01-01", code=1)
    assert "[impossible_date]" in act(world, *words, AGENT, "--counted", "2026-13-01", "2026-01-01", code=1)
    assert "[misuse]" in act(world, "misuse", "sign", "abc", "--digest", "0", code=1)


def test_a_draft_is_taken_back_with_a_reason(world):
    incident = told("incident", "open", "--kind", "misuse")["id"]
    made = act(world, "misuse", "draft", incident, "--person", COLLEAGUE, "--statement", "x")
    assert "[reason_missing]" in act(world, "misuse", "withdraw", made["id"], code=1)
    assert act(world, "misuse", "withdraw", made["id"], "--note", "not proven")["withdrawn"]
    assert act(world, "misuse", "show", incident)["records"][0]["withdrawn_at"]
