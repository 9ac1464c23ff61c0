"""Deadlines of an incident across real processes: run at once, killed while they mail, under a moved clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.mailbox import SENDER, Mailbox, with_mail
from tests.simulator import World
from vault.config import ROOT
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.services.breach import incident_reminders, incident_response, incidents
from vault.services.steps.breach.incidents import Opening

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
OFFICER, DUTY = "KF2012", "duty@example.com"
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def environ(world: World, box: Mailbox) -> dict[str, str]:
    """Return what a process needs to work on a world and to mail to a mailbox."""
    return {
        **os.environ,
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(world.config.data_dir),
        "DATAVAULT_DATABASE_URL": world.place.url,
        "DATAVAULT_MIGRATOR_URL": world.place.owner_url,
        "DATAVAULT_LANG": "en",
        "DATAVAULT_SMTP_URL": box.url,
        "DATAVAULT_MAIL_FROM": SENDER,
        "DATAVAULT_ROLE_MAIL": f"imd={DUTY}",
    }


def run_due(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vault", "run-due", "--json"]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE)


def ended(child: subprocess.Popen[bytes]) -> dict[str, str]:
    """Wait for a run, and return what became of each job."""
    out, _ = child.communicate(timeout=90)
    return {one["job"]: one["outcome"] for one in json.loads(out)}


def opened(world: World, aware_at: datetime, now: datetime) -> bytes:
    opening = Opening(IncidentKind.LEAK, AwareSource.REPORT, aware_at)
    return incidents.open_one(world.parts, world.person(OFFICER), opening, now)


def marks(world: World, incident_id: bytes) -> list[int]:
    """Return the marks of the clock of two hours that were told to the officers."""
    found = incident_reminders.listed(world.parts, world.person(OFFICER), incident_id, world.now)
    return [one.mark for one in found if (one.clock_id, one.role.value) == ("activate", "imd")]


def missed(world: World) -> list[str]:
    found = world.events("incident.clock_missed")
    return [one["at"] for one in found if one["facts"]["clock"] == "activate"]


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with Mailbox() as server:
        yield server


@pytest.mark.slow
def test_processes_that_run_at_once_across_the_deadline_escalate_once(world: World, box: Mailbox) -> None:
    now = datetime.now(UTC)
    incident_id = opened(world, now - 2 * HOUR - SECOND, now)
    for _ in range(2):
        children = [run_due(environ(world, box)) for _ in range(3)]
        ran = Counter(ended(child)["incidents"] for child in children)
        assert set(ran) <= {"done", "taken"}
    assert marks(world, incident_id) == [100]
    assert len(missed(world)) == 1
    assert Counter(letter["Message-ID"] for letter in box.letters(DUTY)).most_common(1)[0][1] == 1
    assert len(box.got) == 2  # one for each clock that is missed


@contextmanager
def child_of(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    child = run_due(environment)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_mails_loses_no_reminder_and_no_letter(
    sqlite_world: World, box: Mailbox
) -> None:
    box.keeps_silent, box.takes_silently = lambda _: True, False
    now = datetime.now(UTC)
    incident_id = opened(sqlite_world, now - HOUR, now)
    with child_of(environ(sqlite_world, box)):
        until = time.monotonic() + 60
        while not box.asked:
            assert time.monotonic() < until, "nobody mails"
            time.sleep(0.05)
    assert (marks(sqlite_world, incident_id), box.got) == ([50], [])
    box.keeps_silent = lambda _: False
    incident_reminders.tend(with_mail(sqlite_world.parts, box, imd=DUTY), datetime.now(UTC) + 3 * MINUTE)
    assert marks(sqlite_world, incident_id) == [50]
    (letter,) = [one for one in box.letters(DUTY) if "Start the emergency plan" in one["Subject"]]
    assert letter["Auto-Submitted"] == "auto-generated"


@pytest.mark.clock
def test_under_a_moved_system_clock_the_deadline_falls_at_its_second_and_never_rises_again(
    sqlite_world: World, box: Mailbox
) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    incident_id = opened(sqlite_world, begun, begun)

    def run_at(moment: datetime) -> None:
        at = moment.strftime("%Y-%m-%d %H:%M:%S")
        frozen = {"LD_PRELOAD": LIBRARY, "NO_FAKE_STAT": "1", "FAKETIME": at, "TZ": "UTC"}
        child = run_due(environ(sqlite_world, box) | frozen | {"FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        assert ended(child)["incidents"] in {"done", "taken"}

    edge = begun + 2 * HOUR
    steps = (
        (edge - 25 * MINUTE, [50], 0),
        (edge - SECOND, [50, 80], 0),
        (edge + MINUTE, [50, 80, 100], 1),
        (begun, [50, 80, 100], 1),
        (edge + 2 * MINUTE, [50, 80, 100], 1),
        (edge + HOUR, [50, 80, 100, 101], 1),
        (edge + 30 * DAY, [50, 80, 100, 101, 100 + 30 * 24], 1),
        (edge + 2 * HOUR, [50, 80, 100, 101, 100 + 30 * 24, 102], 1),
    )
    for moment, told, recorded in steps:
        run_at(moment)
        assert (sorted(marks(sqlite_world, incident_id)), len(missed(sqlite_world))) == (sorted(told), recorded), moment
    officer = sqlite_world.person(OFFICER)
    incident_response.activate(sqlite_world.parts, officer, incident_id, "先启动", edge + 2 * HOUR + MINUTE)
    one = incidents.shown(sqlite_world.parts, officer, incident_id, edge + 2 * HOUR + MINUTE)
    assert {each.clock_id: each.state(one.now).value for each in one.clocks}["activate"] == "late"
    letters = [letter for letter in box.letters(DUTY) if "Start the emergency plan" in letter["Subject"]]
    assert len({letter["Message-ID"] for letter in letters}) == len(letters) == 6
