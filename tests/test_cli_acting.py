"""Commands under one's own work number: the same doors, the same limits, and no session left behind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests import codes
from tests.simulator import PASSWORD
from tests.terminal import stand_at
from tests.worlds import sqlite_world, templates
from vault import bootstrap
from vault.cli import main
from vault.services import second_factor, sessions

__all__ = ["sqlite_world", "templates"]

AGENT, SUPERVISOR = "KF2001", "KF2009"


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault with an agent and a supervisor, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(minutes=1)
    sqlite_world.activate(AGENT)
    sqlite_world.activate(SUPERVISOR)
    return sqlite_world


def whoami(work_number, *lines, code=0):
    typed = "".join(f"{line}\n" for line in lines)
    result = CliRunner().invoke(main, ["whoami", "--as", work_number, "--json"], input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if code == 0 else result.stderr


def code_of(world, work_number):
    return codes.code_of(world.parts, work_number, datetime.now(UTC))


def living(world):
    return world.rows("SELECT count(*) FROM sessions WHERE ended_at IS NULL")[0][0]


def test_a_password_is_enough_without_a_second_factor_and_the_session_ends_with_the_command(world):
    before = living(world)
    assert whoami("kf2001", PASSWORD)["role"] == "agent"
    assert living(world) == before
    assert [one["action"] for one in world.events()[-2:]] == ["people.sign_in", "people.sign_out"]
    assert world.events()[-2]["source"] == "local"


def test_with_a_second_factor_the_code_is_asked_for_too(world):
    before = living(world)
    assert whoami(SUPERVISOR, PASSWORD, code_of(world, SUPERVISOR))["role"] == "supervisor"
    assert living(world) == before


@pytest.mark.parametrize(
    ("work_number", "lines"),
    [
        (AGENT, ("not the password",)),
        ("KF0000", (PASSWORD,)),
        ("", (PASSWORD,)),
        (SUPERVISOR, (PASSWORD, "not a code")),
        (SUPERVISOR, (PASSWORD, "")),
    ],
)
def test_whatever_is_wrong_has_one_answer_and_leaves_no_session(world, work_number, lines):
    before = living(world)
    assert "[sign_in_refused]" in whoami(work_number, *lines, code=1)
    assert living(world) == before


@pytest.mark.parametrize("lines", [(), (PASSWORD,)])
def test_input_that_ends_too_early_is_refused(world, lines):
    before = living(world)
    assert "[not_signed_in]" in whoami(SUPERVISOR, *lines, code=1)
    assert living(world) == before


def test_past_fifteen_days_the_command_says_to_change_the_password(world):
    world.tamper("UPDATE accounts SET password_expired_at = password_changed_at")
    before = living(world)
    said = whoami(AGENT, PASSWORD, code=1)
    assert "[password_expired]" in said
    assert "Change it" in said
    assert living(world) == before
    assert "[password_expired]" in whoami(SUPERVISOR, PASSWORD, code_of(world, SUPERVISOR), code=1)


def test_without_the_second_factor_that_the_role_needs_nothing_works(world):
    second_factor.drop_own(world.parts, world.sign_in(SUPERVISOR).person, world.now)
    assert "[must_enrol]" in whoami(SUPERVISOR, PASSWORD, code=1)


def test_a_session_token_is_taken_for_its_own_person_only_and_stays_open(world, monkeypatch):
    token = world.sign_in(AGENT).token
    monkeypatch.setenv("DATAVAULT_TOKEN", token)
    assert whoami(AGENT)["work_number"] == AGENT
    assert sessions.person_of(world.parts, token, "local", world.now) is not None
    assert "[not_signed_in]" in whoami(SUPERVISOR, code=1)
    world.tamper("UPDATE accounts SET password_expired_at = password_changed_at")
    assert "[password_expired]" in whoami(AGENT, code=1)
    monkeypatch.setenv("DATAVAULT_TOKEN", "x" * 43)
    assert "[not_signed_in]" in whoami(AGENT, code=1)


def test_a_token_that_owes_the_code_does_nothing(world, monkeypatch):
    signed_in = sessions.sign_in(world.parts, SUPERVISOR, PASSWORD, "local", datetime.now(UTC))
    monkeypatch.setenv("DATAVAULT_TOKEN", signed_in.token)
    assert "[must_code]" in whoami(SUPERVISOR, code=1)


def test_nothing_typed_is_printed_or_logged(world):
    code = code_of(world, SUPERVISOR)
    result = CliRunner().invoke(main, ["whoami", "--as", SUPERVISOR], input=f"{PASSWORD}\n{code}\n")
    assert result.exit_code == 0
    for secret in (PASSWORD, code):
        assert secret not in result.output + str(world.events())
    assert SUPERVISOR in result.stdout
    assert bootstrap.FIRST_ADMIN not in result.stdout
