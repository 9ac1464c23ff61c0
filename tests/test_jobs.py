import multiprocessing
import os
import signal
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from tests.simulator import NOW, World
from tests.worlds import company, postgresql_world, sqlite_world, templates, world
from vault import jobs
from vault.errors import StorageUnavailable
from vault.storage import job_runs

__all__ = ["company", "postgresql_world", "sqlite_world", "templates", "world"]

DAY = 86400


def outcomes(ran):
    return {one.job: one.outcome for one in ran}


def test_everything_that_is_due_is_done_once(world):
    world.customer()
    assert outcomes(jobs.run_due(world.parts, NOW)) == {job.name: "done" for job in jobs.TIMETABLE}
    assert set(outcomes(jobs.run_due(world.parts, NOW)).values()) == {"taken"}
    soon = outcomes(jobs.run_due(world.parts, NOW + timedelta(seconds=60)))
    assert soon == {job.name: "done" if job.every == 60 else "taken" for job in jobs.TIMETABLE}
    assert world.count("log_inbox") == 0
    assert world.verify().report.unsigned_tail == 0


def test_a_job_that_fails_does_not_keep_the_others_from_running(world):
    def fail(_parts, _now):
        raise StorageUnavailable("database_busy")

    done = []
    timetable = (jobs.Job("a", 10, fail), jobs.Job("b", 10, lambda *args: done.append(args)))
    ran = jobs.run_due(world.parts, NOW, timetable)
    assert [(one.outcome, one.reason) for one in ran] == [("failed", "database_busy"), ("done", "")]
    assert len(done) == 1
    assert world.rows("SELECT job FROM job_runs WHERE finished_at IS NULL") == [("a",)]


def test_runs_that_were_missed_are_made_up_for_once_and_say_so(world):
    done = []
    timetable = (jobs.Job("a", 60, lambda _parts, now: done.append(now)),)
    jobs.run_due(world.parts, NOW, timetable)
    (ran,) = jobs.run_due(world.parts, NOW + timedelta(minutes=10), timetable)
    assert (ran.outcome, ran.late, ran.missed, len(done)) == ("done", True, 9, 2)
    (ran,) = jobs.run_due(world.parts, NOW + timedelta(minutes=11), timetable)
    assert (ran.late, ran.missed) == (False, 0)


def test_a_job_that_failed_is_tried_again_the_same_day(world):
    tries = []

    def fail_once(_parts, now):
        tries.append(now)
        if len(tries) == 1:
            raise StorageUnavailable("database_busy")

    timetable = (jobs.Job("a", DAY, fail_once),)
    later = NOW + job_runs.KILLED_AFTER
    ran = [jobs.run_due(world.parts, now, timetable)[0] for now in (NOW, NOW + timedelta(minutes=1), later, later)]
    assert [(one.outcome, one.late) for one in ran] == [
        ("failed", False), ("taken", False), ("done", True), ("taken", False),
    ]  # fmt: skip


def test_cohorts_are_made_ahead_when_a_month_begins_and_only_once(world):
    before = world.count("cohorts")
    world.now = NOW + timedelta(days=40)
    jobs.run_due(world.parts, world.now)
    assert world.count("cohorts") > before
    made = world.count("cohorts")
    jobs.run_due(world.parts, world.now + timedelta(hours=1))
    assert world.count("cohorts") == made
    world.customer()


def test_a_clock_that_was_far_ahead_for_a_while_does_not_stop_the_timetable(world):
    jobs.run_due(world.parts, NOW + timedelta(days=400))
    assert outcomes(jobs.run_due(world.parts, NOW))["checkpoint"] == "done"
    assert outcomes(jobs.run_due(world.parts, NOW))["checkpoint"] == "taken"


@pytest.mark.parametrize("job", jobs.TIMETABLE, ids=lambda job: job.name)
def test_each_line_of_the_timetable_may_run_twice(sqlite_world, job):
    for _ in range(2):
        job.call(sqlite_world.parts, NOW)
    assert sqlite_world.verify().holds


# -- several processes -------------------------------------------------------------------------------------------


def in_another_process(world, call):
    """Run something in a child with a vault of its own; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            call(World(world.config, world.place))
        except BaseException:  # noqa: BLE001 - the child must not go on as a second test run
            os._exit(3)
        os._exit(0)
    return child


def ended(child):
    return os.waitpid(child, 0)[1]


def test_two_processes_that_run_what_is_due_at_once_do_it_once(world, tmp_path):
    tally, barrier = tmp_path / "tally", multiprocessing.get_context("fork").Barrier(2)

    def call(_parts, _now):
        with tally.open("a") as file:
            file.write("x")

    timetable = [jobs.Job(f"job {number}", 60, call) for number in range(20)]

    def both(other):
        barrier.wait(20)
        for minutes in (0, 1):
            jobs.run_due(other.parts, NOW + timedelta(minutes=minutes), timetable)

    children = [in_another_process(world, both) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    assert len(tally.read_text()) == 2 * len(timetable)
    assert world.count("job_runs") == 2 * len(timetable)


def test_a_run_that_was_killed_half_way_is_taken_up_again_and_says_it_is_late(world):
    def die(_parts, _now):
        os.kill(os.getpid(), signal.SIGKILL)

    done = []
    child = in_another_process(world, lambda other: jobs.run_due(other.parts, NOW, [jobs.Job("a", DAY, die)]))
    assert ended(child) == signal.SIGKILL
    timetable = [jobs.Job("a", DAY, lambda _parts, now: done.append(now))]
    (soon,) = jobs.run_due(world.parts, NOW + timedelta(minutes=1), timetable)
    (later,) = jobs.run_due(world.parts, NOW + job_runs.KILLED_AFTER, timetable)
    assert (soon.outcome, later.outcome, later.late, len(done)) == ("taken", "done", True, 1)


# -- by itself ---------------------------------------------------------------------------------------------------


@contextmanager
def running(world, timetable, clock, report=lambda ran: None):
    made = jobs.Timetable(world.parts, report, timetable, clock)
    try:
        yield made
    finally:
        made.shutdown()


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(jobs, "_LOOK_SECONDS", 0.02)


@pytest.mark.usefixtures("fast")
def test_the_timetable_runs_by_itself_and_stops(sqlite_world):
    ran = []
    with running(sqlite_world, jobs.TIMETABLE, lambda: NOW, ran.append):
        wait_for(lambda: len(ran) == len(jobs.TIMETABLE))
    assert {one.job: one.reason for one in ran if one.outcome != "done"} == {}
    assert {one.job for one in ran} == {job.name for job in jobs.TIMETABLE}
    assert "timetable" not in {thread.name for thread in threading.enumerate()}


class Clock:
    """A clock that is set, as somebody sets the host's."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("jump", [timedelta(days=-3), timedelta(days=3), timedelta(days=-400)], ids=str)
def test_a_clock_that_is_set_back_or_forward_does_not_stop_the_timetable(sqlite_world, jump):
    clock, done = Clock(), []
    timetable = (jobs.Job("a", 60, lambda _parts, now: done.append(now)),)
    with running(sqlite_world, timetable, clock):
        wait_for(lambda: done == [NOW])
        clock.now += jump
        wait_for(lambda: len(done) == 2)
        clock.now += timedelta(minutes=1)
        wait_for(lambda: len(done) == 3)
    assert done == [NOW, NOW + jump, clock.now]


@pytest.mark.usefixtures("fast")
def test_a_job_that_takes_long_keeps_no_other_waiting_and_runs_once_at_a_time(sqlite_world):
    clock, go, slow, quick = Clock(), threading.Event(), [], []

    def take_long(_parts, now):
        slow.append(now)
        go.wait(10)

    timetable = (jobs.Job("slow", 60, take_long), jobs.Job("quick", 60, lambda _parts, now: quick.append(now)))
    with running(sqlite_world, timetable, clock):
        for number in (1, 2, 3):
            wait_for(lambda number=number: len(quick) == number)
            clock.now += timedelta(minutes=1)
        assert len(slow) == 1
        go.set()
        wait_for(lambda: len(slow) == 2)


@pytest.mark.usefixtures("fast")
def test_an_error_nobody_foresaw_ends_one_run_and_not_the_timetable(sqlite_world, caplog):
    clock, done = Clock(), []

    def stumble(_parts, now):
        done.append(now)
        raise ZeroDivisionError

    with running(sqlite_world, (jobs.Job("a", 60, stumble),), clock):
        wait_for(lambda: len(done) == 1)
        clock.now += timedelta(minutes=1)
        wait_for(lambda: len(done) == 2)
    assert {record.exc_info[0] for record in caplog.records if record.exc_info} == {ZeroDivisionError}


@pytest.mark.usefixtures("fast")
def test_a_run_that_failed_is_asked_for_again_without_a_restart(sqlite_world, monkeypatch):
    monkeypatch.setattr(jobs, "_ASK_AGAIN_SECONDS", 0.05)
    clock, tries = Clock(), []

    def fail_once(_parts, now):
        tries.append(now)
        if len(tries) == 1:
            raise StorageUnavailable("database_busy")

    ran = []
    with running(sqlite_world, (jobs.Job("a", DAY, fail_once),), clock, ran.append):
        wait_for(lambda: len(tries) == 1)
        clock.now += job_runs.KILLED_AFTER
        wait_for(lambda: len(ran) == 2)
    assert [(one.outcome, one.late) for one in ran] == [("failed", False), ("done", True)]
