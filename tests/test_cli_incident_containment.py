"""Containing an incident at the terminal: counted first, in force at once everywhere, ended with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests import codes
from tests.simulator import PASSWORD, customer_row, write_file
from tests.terminal import stand_at
from tests.worlds import sqlite_world, templates
from vault.cli import main
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.breach.radius import RadiusScope
from vault.domain.people import AccountState
from vault.services.breach import incidents, radius
from vault.services.steps.breach.incidents import Opening
from vault.storage import people

__all__ = ["sqlite_world", "templates"]

AGENT, OFFICER = "KF2001", "KF2012"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault in the environment of a command, with an agent and an officer."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(minutes=1)
    for number in (AGENT, OFFICER):
        sqlite_world.activate(number)
    return sqlite_world


def opened(world, *, drill=False):
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, drill=drill)
    return incidents.open_one(world.parts, world.person(OFFICER), opening, world.now)


def run(world, *words, number=OFFICER, code=0):
    with world.parts.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET totp_step = NULL")  # each code is good once
        connection.commit()
    typed = f"{PASSWORD}\n{codes.code_of(world.parts, number, datetime.now(UTC))}\n"
    done = CliRunner().invoke(main, [*words, "--as", number], input=typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


def contained(world, incident, *words, **options):
    return run(world, "incident", "contain", incident.hex()[:12], *words, **options)


def told(world, incident, *words):
    return json.loads(contained(world, incident, *words, "--json").stdout)


def state(world, number):
    with world.parts.database.read() as connection:
        return people.by_work_number(connection, number).state


def test_an_account_is_counted_suspended_and_brought_back(world):
    incident = opened(world)
    world.sign_in(AGENT)
    assert "1 sessions that end" in contained(world, incident, "suspend_account", "--target", AGENT, "--dry-run").stdout
    assert state(world, AGENT) is AccountState.ACTIVE
    one = told(world, incident, "suspend_account", "--target", AGENT)
    assert (one["measure"], one["affected"], one["standing"]) == ("suspend_account", 1, True)
    assert state(world, AGENT) is AccountState.SUSPENDED
    assert (
        "[reason_missing]" in contained(world, incident, "suspend_account", "--target", AGENT, "--end", code=1).stderr
    )
    ended = ("suspend_account", "--target", AGENT, "--end", "--note", "not needed any more")
    assert told(world, incident, *ended)["standing"] is False
    assert state(world, AGENT) is AccountState.ACTIVE
    assert "[measure]" in contained(world, incident, *ended, code=1).stderr


def test_a_freeze_of_one_process_stops_an_import_of_another(world, tmp_path):
    incident, row = opened(world), customer_row()
    file = write_file(tmp_path / "customers.csv", "customer", [row])
    contained(world, incident, "freeze_imports")
    done = CliRunner().invoke(main, ["import", "customers", str(file)])
    assert (done.exit_code, "[imports_frozen]" in done.stderr) == (1, True)
    listed = run(world, "incident", "measures", incident.hex()).stdout
    assert "Freeze imports" in listed
    assert "Nothing is imported for now." in listed
    contained(world, incident, "freeze_imports", "--end", "--note", "over")
    assert CliRunner().invoke(main, ["import", "customers", str(file)]).exit_code == 0


def test_evidence_is_held_to_the_last_record_and_again_goes_on(world):
    rows = [customer_row() for _ in range(3)]
    world.customers(*rows)
    for row in rows:
        world.look_up(AGENT, row["phone"])
    world.settle()
    incident = opened(world)
    radius.freeze(world.parts, world.person(OFFICER), incident, RadiusScope(person=AGENT), world.now)
    assert told(world, incident, "hold_evidence", "--dry-run")["records"] == 3
    told(world, incident, "hold_evidence")
    assert world.rows("SELECT count(*) FROM records WHERE held") == [(3,)]
    assert "[measure_stands]" in contained(world, incident, "hold_evidence", code=1).stderr
    assert told(world, incident, "hold_evidence", "--keep", "--note", "police")["kept_at"]
    told(world, incident, "hold_evidence", "--end", "--note", "over")
    assert world.rows("SELECT count(*) FROM records WHERE held") == [(0,)]


def test_who_is_no_officer_contains_nothing(world):
    incident = opened(world)
    assert "[no_right]" in contained(world, incident, "read_only", number=AGENT, code=1).stderr
    assert "[no_right]" in run(world, "incident", "measures", incident.hex(), number=AGENT, code=1).stderr


def test_what_cannot_be_is_a_fault_of_usage_or_refused(world):
    incident = opened(world)
    contained(world, incident, "melt_down", code=2)
    assert "[not_for_this_measure]" in contained(world, incident, "read_only", "--target", AGENT, code=1).stderr
    assert "[own_account]" in contained(world, incident, "end_sessions", "--target", OFFICER, code=1).stderr
    run(world, "incident", "contain", "abcdef", "read_only", code=1)


def test_jobs_that_destroy_say_that_they_rest(world):
    incident = opened(world)
    contained(world, incident, "read_only")
    done = CliRunner().invoke(main, ["run-due", "--json"])
    assert done.exit_code == 0, done.output
    resting = {one["job"]: one["reason"] for one in json.loads(done.stdout) if one["outcome"] == "resting"}
    assert resting.get("destruction") == "read_only"


def test_in_a_drill_it_says_that_it_is_rehearsed(world):
    incident = opened(world, drill=True)
    assert "rehearsed" in contained(world, incident, "read_only").stdout
    assert told(world, incident, "read_only", "--end", "--note", "over")["rehearsed"] is True
