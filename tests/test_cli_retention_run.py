"""Carrying out a plan at the terminal: as an officer, with progress, paused by Ctrl-C, and never by an operator."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from tests.destroying import APPROVER, PROPOSER, approved, is_whole, old_customer
from tests.simulator import NOW
from tests.terminal import stand_at
from tests.test_cli_retention import AGENT, as_officer, run, told
from tests.worlds import sqlite_world, templates
from vault.services import clock

__all__ = ["sqlite_world", "templates"]

RECORDS, MORE = 5, 500
MOST_OF_A_BATCH = 100


@pytest.fixture
def world(sqlite_world, monkeypatch):
    """A vault with customers past their time and an approved plan over them, in the environment of a command."""
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    sqlite_world.now = datetime.now(UTC) - timedelta(hours=2)
    for number in (PROPOSER, APPROVER, AGENT):
        sqlite_world.activate(number)
    sqlite_world.customers(*(old_customer() for _ in range(RECORDS)))
    sqlite_world.plan = approved(sqlite_world).hex()
    return sqlite_world


def officer(world, *words, number=APPROVER, code=0):
    return told(*words, "--as", number, typed=as_officer(world, number), code=code)


def test_an_officer_carries_a_plan_out(world):
    done = officer(world, "retention", "execute", world.plan)
    assert done == {"plan": world.plan, "state": "done", "tried": RECORDS, "records": {"destroyed": RECORDS}}
    assert world.count("records") == 0
    assert world.rows("SELECT executed_by FROM destruction_plans") == [(APPROVER,)]
    assert world.verify().holds
    is_whole(world)


def test_what_it_says_to_people_names_plan_state_and_numbers(world):
    done = run("retention", "execute", world.plan, "--as", APPROVER, typed=as_officer(world, APPROVER))
    assert f"Plan {world.plan}: done" in done.stdout
    assert f"destroyed: {RECORDS}" in done.stdout


def test_an_operator_and_an_agent_carry_nothing_out(world):
    run("retention", "execute", world.plan, code=2)
    assert "[no_right]" in officer(world, "retention", "execute", world.plan, number=AGENT, code=1)
    for number, code in (("0" * 32, 1), ("12", 2), ("'; DROP TABLE records", 2)):
        run("retention", "execute", number, "--as", APPROVER, typed=as_officer(world, APPROVER), code=code)
    assert world.count("tombstones") == 0


def test_what_failed_ends_the_command_with_1_and_can_be_given_up(world):
    ((damaged,),) = world.rows("SELECT record_id FROM records LIMIT 1")
    world.tamper("UPDATE records SET outlet = 'XX' WHERE record_id = :r", r=damaged)
    lines = as_officer(world, APPROVER)
    done = run("retention", "execute", world.plan, "--as", APPROVER, typed=lines, code=1)
    assert "could not be destroyed: 1" in done.stdout
    assert "give-up" in done.stdout
    given = officer(world, "retention", "give-up", world.plan)
    assert given == {"plan": world.plan, "state": "done", "given_up": 1}
    assert "[nothing_failed]" in officer(world, "retention", "give-up", world.plan, code=1)


def test_the_date_is_confirmed_by_writing_it_down(world):
    clock.tend(world.parts, NOW - timedelta(days=400))
    assert "[clock_jumped]" in officer(world, "retention", "execute", world.plan, code=1)
    today = datetime.now(UTC).astimezone(world.parts.policy.zone).date()
    wrong = str(today - timedelta(days=1))
    assert "[date_differs]" in officer(world, "retention", "confirm-date", wrong, code=1)
    assert officer(world, "retention", "confirm-date", str(today)) == {"confirmed": str(today)}
    assert officer(world, "retention", "execute", world.plan)["state"] == "done"
    assert "[clock_not_jumped]" in officer(world, "retention", "confirm-date", str(today), code=1)
    run("retention", "confirm-date", "yesterday", "--as", APPROVER, code=2)


def everything(terminal):
    """Return what was written to a terminal whose other end is closed."""
    found = b""
    with suppress(OSError):  # how a terminal says that this is all
        while piece := terminal.read(1 << 16):
            found += piece
    return found.decode(errors="replace")


@pytest.mark.slow
def test_ctrl_c_pauses_and_another_run_goes_on_after_resuming(world):
    world.customers(*(old_customer() for _ in range(MORE)))
    world.plan = approved(world).hex()
    world.tamper("UPDATE destruction_plans SET starts_at = 1 WHERE state = 'approved'")
    command = [sys.executable, "-m", "vault", "retention", "execute", world.plan, "--as", APPROVER]
    terminal, its_end = pty.openpty()  # on which progress is shown
    with (
        os.fdopen(terminal, "rb", buffering=0) as shown,
        subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=its_end) as child,
        ThreadPoolExecutor(1) as pool,
    ):
        os.close(its_end)
        reading = pool.submit(everything, shown)  # a terminal that nobody reads fills up, and the run waits for it
        child.stdin.write(as_officer(world, APPROVER))
        child.stdin.close()
        deadline = time.monotonic() + 60
        while world.count("tombstones") <= MOST_OF_A_BATCH and time.monotonic() < deadline:
            time.sleep(0.002)
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=50) == 0
        progress = reading.result()
        lines = child.stdout.read()
    assert f"/{RECORDS + MORE}" in progress
    assert f"Plan {world.plan}: paused" in lines
    gone = world.count("tombstones")
    assert MOST_OF_A_BATCH < gone < RECORDS + MORE
    assert f"destroyed: {gone}" in lines
    assert "[plan_paused]" in officer(world, "retention", "execute", world.plan, code=1)
    assert officer(world, "retention", "resume", world.plan)["state"] == "running"
    assert officer(world, "retention", "pause", world.plan)["state"] == "paused"
    assert "[plan_moved_on]" in officer(world, "retention", "pause", world.plan, code=1)
    officer(world, "retention", "resume", world.plan)
    assert officer(world, "retention", "execute", world.plan)["state"] == "done"
    assert world.count("records") == 0
