"""The command ``inbox``: one's own notices, behind the same sign-in as everything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner

from tests.simulator import PASSWORD, World
from tests.terminal import stand_at
from tests.worlds import sqlite_world, templates
from vault.cli import main
from vault.domain.ids import new_id
from vault.domain.notices import NoticeKind
from vault.storage import notifications
from vault.storage.unit_of_work import unit_of_work

__all__ = ["sqlite_world", "templates"]

AGENT, COLLEAGUE = "KF2001", "KF2002"

Run = Callable[..., Any]


@pytest.fixture
def run(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a vault where somebody has two notices and a colleague has one."""
    world = sqlite_world
    world.now = datetime.now(UTC)
    world.activate(AGENT)
    with unit_of_work(world.parts.database) as work:
        for who, kind in (
            (AGENT, NoticeKind.CASE_RECEIVED),
            (AGENT, NoticeKind.HANDOVER_OFFERED),
            (COLLEAGUE, NoticeKind.ACCESS_SHARED),
        ):
            notifications.add(work.connection, [world.person(who).account_id], kind, new_id(), world.now)
        work.commit()
    stand_at(world.config.data_dir, monkeypatch)

    def command(*options: str, who: str = AGENT, password: str = PASSWORD, code: int = 0) -> Any:
        world.close()
        result = CliRunner().invoke(main, ["inbox", "--as", who, *options], input=f"{password}\n")
        world.restart()
        assert result.exit_code == code, result.output
        return result

    return command


def test_it_lists_ones_own_notices_and_marks_the_new_ones(run: Run) -> None:
    lines = run().stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("* ") for line in lines)
    assert any("Cases are offered to you for hand-over" in line for line in lines)
    assert run("--seen").stdout.count("* ") == 2
    assert all(line.startswith("  ") for line in run().stdout.splitlines())


def test_it_speaks_to_programs(run: Run) -> None:
    told = json.loads(run("--json").stdout)
    assert {one["kind"] for one in told} == {"case_received", "handover_offered"}
    assert all(one["new"] and len(one["about"]) == 32 and one["at"].endswith("+00:00") for one in told)


def test_a_wrong_password_lists_nothing(run: Run) -> None:
    refused = run(password="wrong horse", code=1)
    assert refused.stdout == ""
    assert "sign_in_refused" in refused.stderr
