"""Signals across real processes: several that look at once open one incident, and a test of them disturbs none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tests.simulator import World
from vault.config import ROOT
from vault.domain.log import Action, Actor, Outcome

pytestmark = pytest.mark.slow


def environ(world: World) -> dict[str, str]:
    """Return what a process needs to work on a world."""
    return {
        **os.environ,
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(world.config.data_dir),
        "DATAVAULT_DATABASE_URL": world.place.url,
        "DATAVAULT_MIGRATOR_URL": world.place.owner_url,
        "DATAVAULT_LANG": "en",
    }


def run(world: World, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vault", *words, "--json"]
    return subprocess.Popen(command, env=environ(world), cwd=ROOT, stdout=subprocess.PIPE)


def fail_integrity(world: World) -> None:
    system = Actor("system", "system", node="test")
    event = world.parts.event(datetime.now(UTC), system, Action.INTEGRITY_FAILURE, Outcome.FAILED)
    world.parts.log_writer.write(event)


def test_processes_that_look_at_once_open_one_incident(world: World) -> None:
    for _ in range(2):
        fail_integrity(world)
    children = [run(world, "run-due") for _ in range(3)]
    ran = [{one["job"]: one["outcome"] for one in json.loads(child.communicate(timeout=90)[0])} for child in children]
    assert {one["signals"] for one in ran} <= {"done", "taken"}
    assert "done" in {one["signals"] for one in ran}
    assert world.count("incidents") == 1
    assert world.rows("SELECT signal, count FROM incident_signals") == [("record_integrity", 2)]


def test_a_test_of_signals_beside_the_timetable_leaves_real_ones_alone(world: World) -> None:
    fail_integrity(world)
    children = [run(world, "run-due"), run(world, "incident", "signal-test")]
    told = [json.loads(child.communicate(timeout=90)[0]) for child in children]
    assert all(one["came_through"] for one in told[1]["signals"])
    assert world.rows("SELECT count(*) FROM incidents WHERE state <> 'closed'") == [(1,)]
