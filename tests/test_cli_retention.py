"""Retention at the terminal: an operator drafts and looks, officers sign, and no number stands on a command line."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests import codes
from tests.destroying import APPROVER, PROPOSER, old_customer, old_service, old_shipment
from tests.simulator import PASSWORD
from tests.terminal import stand_at
from tests.worlds import sqlite_world, templates
from vault.cli import main
from vault.config import ROOT

__all__ = ["sqlite_world", "templates"]

AGENT = "KF2001"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault with three customers, a shipment and a service past their time, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(minutes=1)
    for number in (PROPOSER, APPROVER, AGENT):
        sqlite_world.activate(number)
    rows = [old_customer() for _ in range(3)]
    sqlite_world.customers(*rows)
    sqlite_world.shipments(old_shipment(rows[0], rows[1]))
    sqlite_world.services(old_service(rows[2]))
    sqlite_world.old = rows
    return sqlite_world


def run(*words, typed="", code=0):
    done = CliRunner().invoke(main, list(words), input=typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


def told(*words, typed="", code=0):
    done = run(*words, "--json", typed=typed, code=code)
    return json.loads(done.stdout) if code == 0 else done.stderr


def as_officer(world, number):
    """Return what somebody types to sign in; each code is good for one command."""
    with world.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET totp_step = NULL")
        connection.commit()
    code = codes.code_of(world.parts, number, datetime.now(UTC))
    return f"{PASSWORD}\n{code}\n" if code else f"{PASSWORD}\n"


def day(days):
    """Return the date so many days from today."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def record(world, record_class="customer"):
    return world.rows("SELECT record_id FROM records WHERE record_class = :c", c=record_class)[0][0].hex()


# -- plans ---------------------------------------------------------------------------------------------------------


def test_a_local_operator_leaves_a_draft_and_sees_numbers_only(world):
    made = told("retention", "propose")
    assert made["due"] == {"service_record": 1, "shipment": 1, "customer": 3, "id_copy": 0}
    assert (made["held"], made["state"], made["dry_run"]) == (0, "draft", False)
    assert len(made["plan"]) == 32
    assert len(made["digest"]) == 64
    assert datetime.fromisoformat(made["oldest"]) < datetime.fromisoformat(made["as_of"])
    shown = told("retention", "show")
    assert {name: shown[name] for name in ("plan", "digest", "due", "held", "oldest")} == {
        name: made[name] for name in ("plan", "digest", "due", "held", "oldest")
    }
    assert shown["sample"] == []
    assert shown["records"]["customer"] == {"due": 3}
    assert set(shown["horizon"]["within"]) == {"30", "60", "90"}
    actors = {one["actor"] for one in world.events() if one["action"].startswith(("destruction", "retention"))}
    assert len(actors) == 1
    assert actors.pop().startswith("operator:")


def test_one_officer_proposes_another_approves_and_a_third_look_shows_it(world):
    made = told("retention", "propose", "--as", PROPOSER, typed=as_officer(world, PROPOSER))
    assert made["state"] == "proposed"
    own = told("retention", "approve", made["plan"], "--as", PROPOSER, typed=as_officer(world, PROPOSER), code=1)
    assert "[own_plan]" in own
    approved = told("retention", "approve", made["plan"], "--as", APPROVER, typed=as_officer(world, APPROVER))
    assert approved["state"] == "approved"
    assert datetime.fromisoformat(approved["starts_at"]) > datetime.now(UTC) + timedelta(minutes=59)
    shown = told("retention", "show", made["plan"], "--as", PROPOSER, typed=as_officer(world, PROPOSER))
    assert (shown["proposed_by"], shown["approved_by"], shown["state"]) == (PROPOSER, APPROVER, "approved")
    assert {one["class"] for one in shown["sample"]} == {"customer", "shipment", "service_record"}
    masked = json.dumps(shown["sample"], ensure_ascii=False)
    assert all(row["phone"] not in masked and row["name"] not in masked for row in world.old)
    stopped = told("retention", "stop", made["plan"], "--as", PROPOSER, typed=as_officer(world, PROPOSER))
    assert stopped == {"plan": made["plan"], "state": "stopped"}


def test_an_officer_proposes_the_draft_of_the_night(world):
    drafted = told("retention", "propose")
    proposed = told("retention", "propose", drafted["plan"], "--as", PROPOSER, typed=as_officer(world, PROPOSER))
    assert proposed == {"plan": drafted["plan"], "state": "proposed"}
    assert len(world.rows("SELECT plan_id FROM destruction_plans")) == 1


def test_people_read_the_same_in_words(world):
    out = run("retention", "propose").stdout
    for words in ("draft", "Customer: 3 due", "Shipment: 1 due", "another one approves it"):
        assert words in out
    plan = told("retention", "show")["plan"]
    out = run("retention", "propose", plan, "--as", PROPOSER, typed=as_officer(world, PROPOSER)).stdout
    assert "waits for a second officer" in out
    out = run("retention", "approve", plan, "--as", APPROVER, typed=as_officer(world, APPROVER)).stdout
    assert "until then any officer can stop it" in out
    out = run("retention", "show", plan, "--as", APPROVER, typed=as_officer(world, APPROVER)).stdout
    for words in ("Proposed by KF2012", "Approved by KF2013", "139********", "within 30 days"):
        assert words in out
    assert "王小明" not in out


def test_looking_only_stores_nothing_and_may_look_ahead(world):
    ahead = day(900)
    world.customer()
    made = told("retention", "propose", "--dry-run", "--as-of", ahead)
    assert (made["plan"], made["digest"], made["dry_run"], made["due"]["customer"]) == (None, None, True, 4)
    assert world.count("destruction_plans") == 0
    assert "[as_of_in_future]" in told("retention", "propose", "--as-of", ahead, code=1)
    assert "Dry run" in run("retention", "propose", "--dry-run").stdout


def test_a_day_is_its_beginning_in_the_companys_zone(world):
    world.customer(last_activity_at="2024-11-20 10:00:00")
    assert told("retention", "propose", "--as-of", "2026-11-20")["due"]["customer"] == 3
    made = told("retention", "propose", "--as-of", "2026-11-21")
    assert (made["due"]["customer"], made["as_of"]) == (4, "2026-11-20T16:00:00+00:00")
    assert told("retention", "propose", "--as-of", "2026-11-20T16:00:00Z")["due"]["customer"] == 4
    assert told("retention", "propose", "--as-of", "2026-11-20T15:59:59Z")["due"]["customer"] == 3


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("propose", "--as-of", "yesterday"), 1, "[wrong_form]"),
        (("propose", "--as-of", "2026-02-30"), 1, "[impossible_date]"),
        (("propose", "--as-of", "2026-11-20T10:00:00"), 1, "[no_time_zone]"),
        (("propose", "0" * 32), 2, "--as"),
        (("show",), 1, "[plan]"),
        (("show", "0" * 32), 1, "[plan]"),
        (("show", "0" * 31), 2, "PLAN"),
        (("show", "g" * 32), 2, "PLAN"),
        (("approve", "0" * 32), 2, "--as"),
        (("stop", "0" * 32), 2, "--as"),
        (("hold", "list"), 2, "--as"),
        (("hold", "place", "--reason", "dispute", "--source", "x", "--as", "KF2012"), 2, "--by-number"),
    ],
)
def test_bad_input_is_refused_in_one_line(world, words, code, reason):
    said = run("retention", *words, code=code).stderr
    assert reason in said
    assert "Traceback" not in said


def test_whoever_is_no_officer_does_nothing(world):
    plan = told("retention", "propose")["plan"]
    for words in (("propose", plan), ("approve", plan), ("stop", plan), ("show", plan), ("hold", "list")):
        said = told("retention", *words, "--as", AGENT, typed=as_officer(world, AGENT), code=1)
        assert "[no_right]" in said
    assert world.rows("SELECT state FROM destruction_plans") == [("draft",)]


# -- holds ---------------------------------------------------------------------------------------------------------


def place(world, *words, typed="", code=0):
    signing = as_officer(world, PROPOSER)
    more = ("--reason", "dispute", "--source", "LP-2026-17", "--as", PROPOSER)
    return told("retention", "hold", "place", *words, *more, typed=signing + typed, code=code)


def test_an_officer_places_lists_reviews_and_releases_a_hold(world):
    placed = place(world, record(world), "--review-on", day(70))
    assert (placed["class"], placed["held"]) == ("customer", 1)
    made = told("retention", "propose")
    assert (made["due"]["customer"], made["held"], made["held_why"]) == (2, 1, {"customer": {"hold": 1}})
    (listed,) = told("retention", "hold", "list", "--as", PROPOSER, typed=as_officer(world, PROPOSER))
    assert (listed["record"], listed["officer"], listed["source"]) == (record(world), PROPOSER, "LP-2026-17")
    assert (listed["reason"], listed["review_on"], listed["overdue"]) == ("dispute", day(70), False)
    signing = as_officer(world, APPROVER)
    words = ("retention", "hold", "review", listed["hold"], "--review-on", day(90), "--as", APPROVER)
    assert told(*words, typed=signing)["review_on"] == day(90)
    words = ("retention", "hold", "release", listed["hold"], "--reason", "settled", "--as", APPROVER)
    assert told(*words, typed=as_officer(world, APPROVER))["released"]
    assert told("retention", "propose")["due"]["customer"] == 3
    assert "[hold]" in told(*words, typed=as_officer(world, APPROVER), code=1)


def test_a_number_is_asked_for_and_said_nowhere(world):
    number = world.old[0]["phone"]
    placed = place(world, "--by-number", typed=f"{number}\n")
    assert (placed["class"], placed["held"]) == ("customer", 1)
    assert "[number_to_hold]" in place(world, "--by-number", typed="13999999999\n", code=1)
    assert "[value_missing]" in place(world, "--by-number", code=1)
    assert number not in json.dumps(world.events())


def test_holds_in_words(world):
    place(world, record(world))
    signing = as_officer(world, PROPOSER)
    out = run("retention", "hold", "list", "--as", PROPOSER, typed=signing).stdout
    for words in ("Dispute over a claim or complaint: LP-2026-17", PROPOSER, record(world)):
        assert words in out


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("0" * 32,), 1, "[record_to_hold]"),
        (("0" * 31,), 2, "RECORD"),
        (("--review-on", "2020-01-01"), 1, "[review_not_possible]"),
        (("--review-on", "soon"), 2, "YYYY-MM-DD"),
        (("--by-number",), 2, "RECORD"),
    ],
)
def test_bad_input_places_no_hold(world, words, code, reason):
    given = words if words[0].startswith("0") else (record(world), *words)
    assert reason in place(world, *given, code=code)
    assert world.count("holds") == 0


# -- another policy ------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    copied = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", copied)
    return copied


def shorten(folder):
    file = folder / "retention.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("keep_years = 2", "keep_years = 1", 1), encoding="utf-8")


def test_the_effect_of_another_policy_is_told_before_it_is_loaded(world, folder):
    world.customer(last_activity_at=f"{day(-400)} 10:00:00")
    world.customer(last_activity_at=f"{day(-2)} 10:00:00")
    shorten(folder)
    found = told("policy", "effect", str(folder))
    customers = found["classes"]["customer"]
    assert (customers["records"], customers["earlier"], customers["due_at_once"], customers["later"]) == (5, 5, 1, 0)
    assert found["new"] != found["in_force"] == world.parts.policy.digest
    assert found["classes"]["shipment"]["earlier"] == 0
    out = run("policy", "effect", str(folder)).stdout
    assert "Customer: of 5 records 5 would fall due earlier, 1 of them at once" in out
    assert told("retention", "propose", "--dry-run")["due"]["customer"] == 3  # nothing was changed


def test_rules_that_cannot_stand_have_no_effect_to_tell(world, folder):
    file = folder / "retention.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("keep_years = 2", "keep_years = 3", 1), encoding="utf-8")
    done = run("policy", "effect", str(folder), code=2)
    assert "[retention_above_ceiling]" in done.stderr
    assert "RD-01" in done.stderr
    assert run("policy", "effect", str(folder / "nowhere"), code=2)
