import time
from datetime import timedelta

import pytest

from tests.simulator import NOW
from tests.worlds import company, postgresql_world, sqlite_world, templates, world
from vault import jobs
from vault.errors import StorageUnavailable

__all__ = ["company", "postgresql_world", "sqlite_world", "templates", "world"]


def outcomes(ran):
    return {one.job: one.outcome for one in ran}


def test_everything_that_is_due_is_done_once(world):
    world.customer()
    assert outcomes(jobs.run_due(world.parts, NOW)) == {job.name: "done" for job in jobs.TIMETABLE}
    assert world.count("log_inbox") == 0
    assert world.verify().report.unsigned_tail == 0
    assert set(outcomes(jobs.run_due(world.parts, NOW)).values()) == {"taken"}
    soon = outcomes(jobs.run_due(world.parts, NOW + timedelta(seconds=60)))
    assert soon == {job.name: "done" if job.every == 60 else "taken" for job in jobs.TIMETABLE}


def test_a_job_that_fails_does_not_keep_the_others_from_running(world):
    def fail(_parts, _now):
        raise StorageUnavailable("database_busy")

    done = []
    timetable = (jobs.Job("a", 10, fail), jobs.Job("b", 10, lambda *args: done.append(args)))
    ran = jobs.run_due(world.parts, NOW, timetable)
    assert [(one.outcome, one.reason) for one in ran] == [("failed", "database_busy"), ("done", "")]
    assert len(done) == 1
    assert world.rows("SELECT job FROM job_runs WHERE finished_at IS NULL") == [("a",)]


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


def test_the_timetable_runs_by_itself_and_stops(sqlite_world):
    ran = []
    timetable = jobs.start_timetable(sqlite_world.parts, ran.append)
    deadline = time.monotonic() + 10
    while len(ran) < len(jobs.TIMETABLE) and time.monotonic() < deadline:
        time.sleep(0.02)
    timetable.shutdown()
    assert {one.job for one in ran if one.outcome == "done"} == {job.name for job in jobs.TIMETABLE}


@pytest.mark.parametrize("job", jobs.TIMETABLE, ids=lambda job: job.name)
def test_each_line_of_the_timetable_may_run_twice(sqlite_world, job):
    job.call(sqlite_world.parts, NOW)
    job.call(sqlite_world.parts, NOW)
