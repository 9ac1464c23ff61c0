"""The blast radius at the terminal, as an officer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER
from tests.simulator import NOW
from tests.terminal import stand_at
from tests.test_cli_retention import as_officer, run, told
from tests.worlds import sqlite_world, templates

__all__ = ["sqlite_world", "templates"]

AGENT = "KF2001"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault where an agent has looked three customers up and revealed one phone, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = max(datetime.now(UTC) - timedelta(minutes=1), NOW)
    for number in (PROPOSER, APPROVER, AGENT):
        sqlite_world.activate(number)
    sqlite_world.rows_of = [sqlite_world.customer() for _ in range(3)]
    found = [sqlite_world.look_up(AGENT, row["phone"]) for row in sqlite_world.rows_of]
    sqlite_world.ids = [one.cards[0].record_id.hex() for one in found]
    sqlite_world.verify_caller(AGENT, found[0].case_id, found[0].cards[0].record_id)
    sqlite_world.reveal(AGENT, found[0].case_id, found[0].cards[0].record_id, "phone")
    return sqlite_world


@pytest.fixture
def incident(world):
    return told("incident", "open", "--kind", "misuse")["id"]


def drawn(world, incident, *words, who=PROPOSER, code=0):
    return told("incident", "radius", incident, *words, "--as", who, typed=as_officer(world, who), code=code)


def test_it_tells_whom_somebody_saw_and_nothing_of_them(world, incident):
    done = drawn(world, incident[:6], "--person", AGENT, "--list")
    assert (done["incident"], done["customers"], done["clear"], done["records"]) == (incident, 3, 1, 3)
    assert done["scope"] == {"person": AGENT}
    assert done["frozen"] is None
    assert (len(done["checkpoint"]["root"]), done["destroyed_since"]) == (64, 0)
    kinds = {one["kind"]: one for one in done["by_kind"]}
    assert (kinds["other"]["clear"], kinds["other"]["masked"], kinds["other"]["threshold"]) == (1, 2, 2_500)
    assert sorted(one["record"] for one in done["list"]) == sorted(world.ids)
    assert all(row["phone"] not in str(done) for row in world.rows_of)


def test_a_list_of_records_and_a_time_narrow_it(world, incident, tmp_path):
    file = tmp_path / "ids.txt"
    file.write_text(f"{world.ids[0].upper()}\r\n\r\n{world.ids[1]}\n", encoding="utf-8-sig")
    assert drawn(world, incident, "--person", AGENT, "--records", str(file))["customers"] == 2
    until = (world.now - timedelta(seconds=1)).isoformat()
    assert drawn(world, incident, "--person", AGENT, "--to", until)["customers"] == 0
    file.write_text("13800138000\n", encoding="utf-8")
    refused = drawn(world, incident, "--records", str(file), code=1)
    assert "[wrong_form]" in refused
    assert "13800138000" not in refused


def test_what_is_frozen_stays_and_is_told_in_words_too(world, incident):
    frozen = drawn(world, incident, "--all", "--freeze", "--list")
    assert frozen["possible"]
    assert len(frozen["frozen"]["digest"]) == 64
    assert len(frozen["list"]) == 3
    entries = told("incident", "show", incident)["timeline"]
    assert [one["action"] for one in entries].count("incident.radius_frozen") == 1
    typed = as_officer(world, PROPOSER)
    said = run("incident", "radius", incident, "--person", AGENT, "--freeze", "--as", PROPOSER, typed=typed).stdout
    assert "3 customers, 1 of them in clear; 3 records" in said
    assert "Frozen: " in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "scope_empty"),
        (["--all", "--person", AGENT], "scope_mixed"),
        (["--person", "KF0000"], "nobody_of_that_name"),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "span_empty"),
        (["--cohort", "zz"], "wrong_form"),
        (["--backup", "0" * 32], "not_on_list"),
        (["--drill"], "scope_of_drill"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(world, incident, words, reason):
    assert f"[{reason}]" in drawn(world, incident, *words, code=1)


def act(world, command, *words, who=PROPOSER, code=0):
    return told("incident", command, *words, "--as", who, typed=as_officer(world, who), code=code)


def test_two_officers_set_aside_what_was_frozen_by_mistake(world, incident):
    assert act(world, "radii", incident) == {"radii": []}
    radius = drawn(world, incident, "--person", AGENT, "--freeze")["frozen"]["radius"]
    named = (incident[:6], radius[:6])
    assert "[reason_missing]" in act(world, "radius-aside", *named, code=1)
    asked = act(world, "radius-aside", *named, "--note", "all by mistake")
    assert asked == {"radius": radius, "set_aside": False}
    (one,) = act(world, "radii", incident, who=APPROVER)["radii"]
    assert (one["radius"], one["aside_asked_by"], one["aside_reason"]) == (radius, PROPOSER, "all by mistake")
    confirm = ("radius-aside", *named, "--confirm", one["aside_digest"])
    assert "[own_radius]" in act(world, *confirm, code=1)
    assert act(world, *confirm, who=APPROVER) == {"radius": radius, "set_aside": True}
    assert "[radius_set_aside]" in act(world, *confirm, who=APPROVER, code=1)
    said = run("incident", "radii", incident, "--as", PROPOSER, typed=as_officer(world, PROPOSER)).stdout
    assert f"set aside: confirmed by {APPROVER}" in said
    assert "[radius]" in act(world, "radius-aside", incident, "abcde", "--note", "x", code=1)


def test_agents_are_refused_and_no_incident_is_guessed(world, incident):
    assert "[no_right]" in told(
        "incident", "radius", incident, "--all", "--as", AGENT, typed="correct horse battery staple\n", code=1
    )
    assert "[incident]" in drawn(world, "ffffff", "--all", code=1)


def test_a_drill_lists_its_made_up_customers(world):
    drill = told("incident", "drill", "begin")["incident"]
    assert drawn(world, drill, "--drill", "--freeze")["customers"] > 0
