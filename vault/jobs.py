"""The timetable: when, which call; no rules. Deadlines live in stored state, so a missed run is only late.

Every node may run it: each run is claimed in the database first, so that it happens once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from vault.domain.log import Actor
from vault.errors import VaultError
from vault.services import inbox, limits, log, sessions
from vault.services.steps.keys import make_cohorts_ahead
from vault.services.steps.parts import Parts
from vault.storage import job_runs


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the timetable.

    Args:
        name: stable name of its claims.
        every: seconds between runs.
        call: what is done.
    """

    name: str
    every: int
    call: Callable[[Parts, datetime], object]


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one due run: done, failed with a reason, or taken by another process."""

    job: str
    outcome: str
    reason: str = ""


def _cohorts(parts: Parts, now: datetime) -> object:
    system = Actor("system", "system", node=parts.node)
    return make_cohorts_ahead(parts.database, parts.keys, parts.policy, system, now)


TIMETABLE = (
    Job("checkpoint", 60, log.settle),
    Job("sessions", 300, sessions.sweep),
    Job("cohorts", 3600, _cohorts),
    Job("limits", 3600, limits.sweep),
    Job("inbox", 600, inbox.tend),
)


def run_due(parts: Parts, now: datetime, jobs: Iterable[Job] = TIMETABLE) -> list[Ran]:
    """Do at once everything the timetable would do now, missed runs included.

    Args:
        parts: the vault's parts.
        now: UTC.
        jobs: which lines of the timetable.

    Returns:
        One line for each job; a failing job does not keep the others from running.
    """
    results = []
    for job in jobs:
        slot = int(now.timestamp()) // job.every * job.every
        try:
            if not job_runs.claim(parts.database, job.name, slot, now):
                results.append(Ran(job.name, "taken"))
                continue
            job.call(parts, now)
            job_runs.finish(parts.database, job.name, slot, now)
        except VaultError as error:
            results.append(Ran(job.name, "failed", error.reason))
        else:
            results.append(Ran(job.name, "done"))
    return results


def start_timetable(parts: Parts, report: Callable[[Ran], None]) -> BackgroundScheduler:
    """Start the timetable in a thread of this process.

    Args:
        parts: the vault's parts.
        report: told of every run that was done or failed.

    Returns:
        The scheduler; stop it with ``shutdown()``.
    """
    # One thread: jobs are short, and on SQLite they would only wait for each other's writing turn.
    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )

    def run(job: Job) -> None:
        for ran in run_due(parts, datetime.now(UTC), (job,)):
            if ran.outcome != "taken":
                report(ran)

    for job in TIMETABLE:
        scheduler.add_job(run, "interval", seconds=job.every, args=(job,), id=job.name, next_run_time=datetime.now(UTC))
    scheduler.start()
    return scheduler
