"""Drills and closing reports at the terminal: begun, listed, scored with an exit code, and taken home."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests import drilling
from tests.destroying import APPROVER, PROPOSER
from tests.test_cli_incident import AGENT, act, sqlite_world, templates, world
from tests.test_cli_retention import run, told
from vault.domain.breach.incidents import Verdict
from vault.verify_log import main

__all__ = ["sqlite_world", "templates", "world"]

BY = (PROPOSER, APPROVER)


def closed(world):
    """Begin a drill, find no breach, and close it; return its id."""
    drill = drilling.begun(world, who=PROPOSER)
    drilling.activated(world, drill, BY)
    drilling.incident_response.assess(world.parts, world.person(PROPOSER), drill, Verdict.NO_BREACH, "x", world.now)
    drilling.closed(world, drill, BY)
    return drill.hex()


def test_an_officer_or_the_operator_begins_one_and_others_do_not(world):
    made = act(world, "drill", "begin", "--kind", "loss")
    assert (made["state"], made["customers"], made["month"]) == ("reported", 12, None)
    assert told("incident", "show", made["incident"])["drill"] is True
    assert "[drill_still_open]" in told("incident", "drill", "begin", code=1)
    assert "[no_right]" in act(world, "drill", "begin", who=AGENT, code=1)
    text = run("incident", "drill", "list").stdout
    assert made["incident"] in text
    assert "drill under way" in text


def test_a_score_ends_with_one_while_a_drill_is_not_over_or_was_too_slow(world):
    drill = drilling.begun(world, who=PROPOSER).hex()
    assert json.loads(run("incident", "drill", "score", drill[:8], "--json", code=1).stdout)["passed"] is None
    assert "[incident]" in told("incident", "drill", "score", "00000000", code=1)
    world.tamper("DELETE FROM drill_customers")
    slow = closed(world)
    scored = json.loads(run("incident", "drill", "score", slow, "--json", code=1).stdout)
    assert (scored["passed"], [one["passed"] for one in scored["lines"]]) == (False, [True, False, False])
    assert "too slow" in run("incident", "drill", "score", slow, code=1).stdout


def test_a_drill_that_was_fast_enough_ends_with_zero(world):
    drill = drilling.held(world, BY).hex()
    scored = told("incident", "drill", "score", drill)
    assert scored["passed"] is True
    (listed,) = told("incident", "drill", "list")["drills"]
    assert listed == scored
    assert {"month": scored["month"], "state": "held"} in told("incident", "drill", "list")["months"]


def test_a_report_is_a_draft_first_and_then_taken_home_and_judged_alone(world, tmp_path):
    drill = drilling.begun(world, who=PROPOSER).hex()
    assert told("incident", "report", drill)["report"]["standing"] == "draft"
    world.tamper("DELETE FROM drill_customers")
    over = closed(world)
    shown = told("incident", "report", over)
    assert shown["report"]["standing"] == "fixed"
    folder, file = tmp_path / "report", tmp_path / "report.zip"
    assert told("incident", "report", over, str(folder))["out"] == str(folder)
    assert f"Written to {file}" in run("incident", "report", over, str(file)).stdout
    assert "[file_exists]" in told("incident", "report", over, str(folder), code=2)
    pin = (world.config.checkpoint_dir / "checkpoint.pin").read_text().strip()
    proof = ["--proof", str(folder / "report.tlog-proof")]
    assert main([str(folder / "report.json"), "--key", pin, *proof]) == 0
    assert json.loads((folder / "report.json").read_text("utf-8"))["incident"]["id"] == over
    assert oct((folder / "report.json").stat().st_mode & 0o777) == "0o600"
    with zipfile.ZipFile(file) as zipped:
        assert zipped.read("report.json") == (folder / "report.json").read_bytes()


def test_what_it_says_to_people_names_clocks_and_proofs(world):
    over = closed(world)
    text = run("incident", "report", over).stdout
    assert "Start the emergency plan: in time" in text
    assert "with a proof into the log" in text
    assert "SHA-256 " in text


@pytest.mark.parametrize("words", [("drill", "list"), ("drill", "begin", "--help"), ("report", "--help")])
def test_each_command_tells_what_it_does(world, words):
    assert run("incident", *words).stdout
