"""Incidents at the terminal: the operator opens and reads one, people do everything else under their own number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER
from tests.terminal import stand_at
from tests.test_cli_retention import as_officer, run, told
from tests.worlds import sqlite_world, templates
from vault.cli.output import one_line
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services.breach import incidents
from vault.services.steps.breach.incidents import Opening

__all__ = ["sqlite_world", "templates"]

AGENT = "KF2001"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault with two officers and an agent, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(minutes=1)
    for number in (PROPOSER, APPROVER, AGENT):
        sqlite_world.activate(number)
    return sqlite_world


def opened(*more, code=0):
    return told("incident", "open", "--kind", "leak", *more, code=code)


def test_a_note_is_one_line_whatever_it_holds():
    forged = "x\n  2026-11-20 12:00  KF2012  closed\x1b]0;owned\x07\x1b[2J\u202e\u2028y\u3000z"
    line = one_line(forged)
    assert line == "x 2026-11-20 12:00 KF2012 closed ]0;owned [2J y z"
    assert one_line("客户 Zoë, 3 kg") == "客户 Zoë, 3 kg"


def test_the_timeline_at_the_terminal_has_a_line_for_each_entry_only(world):
    note = "x\n  2026-11-20 12:00  KF2012  closed"
    one = opened("--note", note)["id"]
    text = run("incident", "show", one).stdout
    assert "x 2026-11-20 12:00 KF2012 closed" in text
    assert "\n  2026-11-20 12:00" not in text
    assert told("incident", "show", one)["timeline"][0]["note"] == note


def act(world, *words, who=PROPOSER, code=0):
    return told("incident", *words, "--as", who, typed=as_officer(world, who), code=code)


def clocks(shown):
    return {one["id"]: one["state"] for one in shown["clocks"]}


def test_the_operator_opens_one_and_reads_when_the_two_hours_end(world):
    aware_at = (datetime.now(UTC) - timedelta(minutes=30)).replace(microsecond=0)
    made = opened("--aware-at", aware_at.isoformat(), "--drill")
    assert (made["kind"], made["drill"], made["state"], made["aware_source"]) == ("leak", True, "reported", "operator")
    assert datetime.fromisoformat(made["aware_at"]) == aware_at
    due = {one["id"]: datetime.fromisoformat(one["due"]) for one in made["clocks"]}
    assert due["activate"] == aware_at + timedelta(hours=2)
    assert clocks(made) == {"activate": "running", "postal": "running", "report": "running"}
    assert [one["id"] for one in told("incident", "list")["incidents"]] == [made["id"]]


def test_people_take_it_from_the_report_to_the_closing(world):
    one = opened("--note", "call of 13800138000")["id"]
    assert act(world, "activate", one[:8], "--note", "at once")["state"] == "activated"
    assert act(world, "assess", one, "--verdict", "breach", "--note", "log read")["verdict"] == "breach"
    for state in ("contained", "repaired"):
        assert act(world, "step", one, state, "--note", "done")["state"] == state
    assert "[notices_outstanding]" in act(world, "step", one, "notified", "--note", "done", code=1)
    asked = act(world, "notify", "none", one, "--note", "nobody was reached")
    assert asked["no_notice_reason"] == "nobody was reached"
    assert "[notice_digest_differs]" in act(world, "notify", "none", one, "--confirm", "0" * 64, who=APPROVER, code=1)
    act(world, "notify", "none", one, "--confirm", asked["no_notice_digest"], who=APPROVER)
    assert act(world, "step", one, "notified", "--note", "nobody to tell")["state"] == "notified"
    assert "[tasks_open]" in act(world, "close", one, "--note", "learnt", code=1)
    assert clocks(act(world, "done", one, "postal"))["postal"] == "met"
    assert act(world, "close", one, "--note", "learnt")["state"] == "notified"
    assert "[own_request]" in act(world, "close", one, "--note", "fine", code=1)
    assert act(world, "close", one, "--note", "fine", who=APPROVER)["state"] == "closed"
    assert told("incident", "list") == {"incidents": [], "more": False}
    assert len(told("incident", "list", "--closed")["incidents"]) == 1
    lines = run("incident", "show", one).stdout.splitlines()
    assert [line.split("  ")[2:] for line in lines if "Closing of" in line] == [
        [PROPOSER, "Closing of an incident", "Asked to be closed", "learnt"],
        [APPROVER, "Closing of an incident", f"Asked for by {PROPOSER}", "Closed", "fine"],
    ]
    shown = told("incident", "show", one)
    assert shown["timeline"][0]["note"] == "call of 13800138000"
    assert "13800138000" not in str(world.events())


def test_open_ones_are_listed_up_to_a_limit_or_all_of_them(world):
    ids = [opened()["id"] for _ in range(3)]
    assert [one["id"] for one in told("incident", "list")["incidents"]] == ids
    some = told("incident", "list", "--limit", "2")
    assert ([one["id"] for one in some["incidents"]], some["more"]) == (ids[:2], True)
    every = told("incident", "list", "--limit", "1", "--all")
    assert ([one["id"] for one in every["incidents"]], every["more"]) == (ids, False)
    assert "There are more" in run("incident", "list", "--limit", "2").stderr
    assert "There are more" not in run("incident", "list", "--all").stderr
    for wrong in ("0", "-1", "x", "1001"):
        run("incident", "list", "--limit", wrong, code=2)


def test_who_is_no_officer_reports_and_does_nothing_else(world):
    made = act(world, "open", "--kind", "loss", who=AGENT)
    assert made["kind"] == "loss"
    assert "[no_right]" in act(world, "activate", made["id"], "--note", "x", who=AGENT, code=1)
    assert "[no_right]" in act(world, "show", made["id"], who=AGENT, code=1)


def test_reports_that_are_counted_on_a_line_are_shown_with_it(world):
    opening = Opening(IncidentKind.LOSS, AwareSource.REPORT, note="again")
    most, who = world.parts.policy.incidents.reports_hour, world.person(AGENT)
    one = [incidents.open_one(world.parts, who, opening, world.now) for _ in range(2 * most + 3)][-1]
    shown = told("incident", "show", one.hex())
    assert (shown["timeline"][-1]["more"], shown["timeline"][-1]["more_notes"]) == (3, "again\nagain\nagain")
    assert "and 3 more reports of the same person  again" in run("incident", "show", one.hex()).output


def test_an_earlier_awareness_brings_the_end_forward(world):
    one = opened()["id"]
    at = (datetime.now(UTC) - timedelta(hours=3)).isoformat()
    assert clocks(act(world, "aware", one, "--at", at, "--note", "seen on the phone"))["activate"] == "missed"
    assert "[late_reason_missing]" in act(world, "done", one, "postal", code=1)
    assert clocks(act(world, "done", one, "postal", "--note", "nobody there"))["postal"] == "late"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("open", "--kind", "fire"), 2, "fire"),
        (("open",), 2, "--kind"),
        (("open", "--kind", "leak", "--aware-at", "2099-01-01"), 1, "[date_in_future]"),
        (("open", "--kind", "leak", "--aware-at", "yesterday"), 1, "[wrong_form]"),
        (("open", "--kind", "leak", "--aware-at", "0001-01-01"), 1, "[impossible_date]"),
        (("open", "--kind", "leak", "--aware-at", "2001-01-01"), 1, "[aware_too_long_ago]"),
        (("show", "123"), 1, "[incident]"),
        (("activate", "0" * 32), 2, "--as"),
        (("step", "0" * 32, "closed", "--as", PROPOSER), 2, "closed"),
    ],
)
def test_what_cannot_be_is_refused_with_its_exit_code(world, words, code, says):
    result = run("incident", *words, code=code)
    assert says in result.output + result.stderr
    assert world.count("incidents") == 0


def test_the_terminal_tells_it_in_the_company_s_time(world, monkeypatch):
    monkeypatch.setenv("DATAVAULT_LANG", "zh-CN")
    aware_at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    opened("--aware-at", aware_at.isoformat())
    said = run("incident", "list").output
    due = (aware_at + timedelta(hours=10)).strftime("%Y-%m-%d %H:%M:%S")  # two hours, in China
    assert f"启动应急方案: {due}  已逾期" in said
    assert "信息泄露" in said
