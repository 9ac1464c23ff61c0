"""Commands about accounts: given under one's own work number, with the limits of the front door."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from tests.services.staff_at_work import ADMIN, column, in_use, with_second_factor
from tests.simulator import PASSWORD
from tests.terminal import stand_at
from tests.worlds import sqlite_world, templates
from vault.cli import main
from vault.services import people

__all__ = ["sqlite_world", "templates"]

AGENT, HEIR, SUPERVISOR, NEW = "KF2001", "KF2002", "KF2009", "seven green umbrellas in line"


@pytest.fixture
def desk(sqlite_world, monkeypatch):
    """A vault with an administrator at the command line, and how they run a command."""
    world = sqlite_world
    world.now = datetime.now(UTC)
    world.activate(ADMIN)
    in_use(world, AGENT, HEIR)
    app = with_second_factor(world, ADMIN)
    stand_at(world.config.data_dir, monkeypatch)

    def run(*arguments, code=0, password=PASSWORD, by=ADMIN, app=app):
        world.close()
        world.tamper("UPDATE accounts SET totp_step = NULL")  # each command is given in a time step of its own
        typed = f"{password}\n{app.now()}\n"
        result = CliRunner().invoke(main, ["user", *arguments, "--as", by], input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        world.restart()
        return result

    return world, run


def test_an_administrator_suspends_locks_and_brings_back(desk):
    world, run = desk
    assert "suspended" in run("suspend", AGENT).stdout
    assert json.loads(run("lock", AGENT.lower(), "--json").stdout) == {"work_number": AGENT, "state": "locked"}
    assert "active" in run("unlock", AGENT).stdout
    assert "act_not_possible" in run("unlock", AGENT, code=1).stderr
    assert [one["actor"] for one in world.events("people.locked")] == [ADMIN]
    assert world.rows("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(0,)]


def test_a_reset_prints_the_secret_once(desk):
    world, run = desk
    told = json.loads(run("reset", AGENT, "--json").stdout)
    assert told["work_number"] == AGENT
    assert len(told["secret"]) >= 22
    assert column(world, AGENT, "state") == "invited"
    assert told["secret"] not in str(world.events())


def test_a_supervisor_confirms_a_return_at_the_command_line(desk):
    world, run = desk
    secret = json.loads(run("reset", AGENT, "--json").stdout)["secret"]
    assert "own_reset" in run("confirm-return", AGENT, code=1).stderr
    world.now = datetime.now(UTC)
    people.activate(world.parts, AGENT, secret, NEW, "203.0.113.9", world.now)
    world.activate(SUPERVISOR)
    app = with_second_factor(world, SUPERVISOR)
    waits = run("suspend", HEIR, password=NEW, by=AGENT, code=1)
    assert "must_be_confirmed" in waits.stderr
    told = json.loads(run("confirm-return", AGENT.lower(), "--json", by=SUPERVISOR, app=app).stdout)
    assert told == {"work_number": AGENT, "confirmed_by": SUPERVISOR}
    assert "no_right" in run("suspend", HEIR, password=NEW, by=AGENT, code=1).stderr
    assert "act_not_possible" in run("confirm-return", AGENT, by=SUPERVISOR, app=app, code=1).stderr
    assert [one["actor"] for one in world.events("people.return_confirmed", "done")] == [SUPERVISOR]
    assert secret not in str(world.events())


def test_leaving_is_told_before_it_is_done_and_done_once(desk):
    world, run = desk
    world.now = datetime.now(UTC)
    world.look_up(AGENT, "13999999999")
    foretold = run("leave", AGENT, "--dry-run", "--json", code=1)
    assert json.loads(foretold.stdout)["hindrance"] == "successor_needed"
    assert "successor_needed" in run("leave", AGENT, code=1).stderr
    foretold = json.loads(run("leave", AGENT, "--successor", HEIR, "--dry-run", "--json").stdout)
    assert (foretold["dry_run"], foretold["cases"], foretold["hindrance"]) == (True, 1, None)
    assert column(world, AGENT, "state") == "active"
    assert "1 open cases, handed on" in run("leave", AGENT, "--successor", HEIR).stdout
    assert column(world, AGENT, "state") == "left"
    assert "account" in run("leave", AGENT, code=1).stderr


def test_who_is_no_administrator_or_does_not_know_the_password_does_nothing(desk):
    world, run = desk
    assert "sign_in_refused" in run("lock", AGENT, password="wrong", code=1).stderr
    world.activate(HEIR)
    assert "no_right" in run("suspend", AGENT, by=HEIR, code=1).stderr
    assert "own_account" in run("lock", ADMIN, code=1).stderr
    assert column(world, AGENT, "state") == "active"
    assert world.verify().holds


def test_nobody_acts_without_saying_who_they_are(desk):
    _, _ = desk
    for command in ("suspend", "lock", "unlock", "reset", "leave"):
        result = CliRunner().invoke(main, ["user", command, AGENT])
        assert result.exit_code == 2
        assert "--as" in result.stderr
