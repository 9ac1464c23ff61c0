"""The timetable: when, which call; no rules. Deadlines live in stored state, so a missed run is only late.

Every process and node may run it: each run is claimed in the database first, so that it happens once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as wall_clock

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from vault.domain.breach.containment import Doing
from vault.domain.log import Actor
from vault.domain.policy import Policy
from vault.errors import VaultError, VaultSealed
from vault.services import (
    certificates,
    clock,
    cohorts,
    destruction,
    holds,
    inbox,
    limits,
    log,
    orphans,
    pruning,
    requests_erasing,
    requests_reminding,
    retention,
    sealing,
    sessions,
)
from vault.services.breach import (
    drills,
    incident_notes,
    incident_reminders,
    incident_report,
    notice_files,
    notice_sending,
    signals,
)
from vault.services.steps.breach.containing import hindrance
from vault.services.steps.keys import make_cohorts_ahead
from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound_database
from vault.storage import job_runs

_LOOK_SECONDS = 2.0
_ASK_AGAIN_SECONDS = 300.0
"""A run that was killed or failed is given again after a while: somebody must ask for it."""
_AT_ONCE = 4
_LOOK = "look"


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the timetable.

    Args:
        name: stable name of its claims.
        every: seconds between runs.
        call: what is done.
        rests: not while the vault is read-only: it destroys or forgets what may be evidence.
        at: for a run each day, the time of the company's zone at which it is due, as the policy says it.
    """

    name: str
    every: int
    call: Callable[[Parts, datetime], object]
    rests: bool = False
    at: Callable[[Policy], str] | None = None

    def slot(self, now: datetime, policy: Policy) -> int:
        """Return when the present run was due, in seconds since 1970."""
        if self.at is None:
            return int(now.timestamp()) // self.every * self.every
        day, due_at = now.astimezone(policy.zone).date(), wall_clock.fromisoformat(self.at(policy))
        due = datetime.combine(day, due_at, policy.zone)
        if due > now:
            due = datetime.combine(day - timedelta(days=1), due_at, policy.zone)
        return int(due.timestamp())


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one due run.

    Args:
        job: its name.
        outcome: done, failed, taken: another process has it, or resting: the vault is read-only.
        reason: why it failed or rests, a reason id.
        late: it comes after its time, or makes up for runs that were missed or killed.
        missed: how many runs before it nobody did; they are made up for once.
    """

    job: str
    outcome: str
    reason: str = ""
    late: bool = False
    missed: int = 0


def _cohorts(parts: Parts, now: datetime) -> object:
    system = Actor("system", "system", node=parts.node)
    return make_cohorts_ahead(parts.database, parts.keys, parts.policy, system, now)


def _drills(parts: Parts, now: datetime) -> object:
    drills.tend(parts, now)
    return incident_report.tend(parts, now)


def _retention(parts: Parts, now: datetime) -> object:
    holds.nag(parts, now)
    return retention.tend(parts, now)


def _notices(parts: Parts, now: datetime) -> None:
    try:
        notice_sending.tend(parts, now)
    finally:
        notice_files.sweep(parts, now)  # last: an outbox that cannot be written to keeps no letter back


TIMETABLE = (
    Job("clock", 60, clock.tend),
    Job("checkpoint", 60, log.settle),
    Job("incidents", 60, incident_reminders.tend),
    Job("notices", 60, _notices),
    Job("sessions", 300, sessions.sweep),
    Job("cohorts", 3600, _cohorts),
    Job("limits", 3600, limits.sweep),
    Job("inbox", 600, inbox.tend),
    Job("asking", 600, requests_reminding.tend),
    # Before the signals: what is found opens its incident at once.
    Job("log_check", 86400, log.check, at=lambda policy: policy.log.verify_at),
    Job("signals", 60, signals.tend),
    Job("prune", 86400, pruning.prune, rests=True),
    # Looked at often: whether tonight has its draft is decided by the drafts there are.
    Job("retention", 600, _retention, rests=True),
    Job("destruction", 60, destruction.tend, rests=True),
    Job("requests", 3600, requests_erasing.sweep, rests=True),
    Job("cohort_close", 3600, cohorts.tend, rests=True),
    # Behind both: what was carried out or closed is certified, and what could not be proven then is tried again.
    Job("certificates", 600, certificates.tend),
    # A drill is scored before the report of its incident is fixed, which tells the score.
    Job("drills", 600, _drills),
    Job("incident_notes", 86400, incident_notes.tend, rests=True),
    Job("orphans", 86400, orphans.report),
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
    return [_run(parts, job, now) for job in jobs]


def _run(parts: Parts, job: Job, now: datetime) -> Ran:
    claim = None
    begun = time.monotonic()
    try:
        refuse_rewound_database(parts)  # on what a database has forgotten nothing may be decided, nor destroyed
        if job.rests and (frozen := _frozen(parts)):
            return Ran(job.name, "resting", frozen)
        claim = job_runs.claim(parts.database, job.name, job.slot(now, parts.policy), job.every, now, parts.node)
        if claim is None:
            return Ran(job.name, "taken")
        job.call(parts, now)
        job_runs.finish(parts.database, claim, now + timedelta(seconds=time.monotonic() - begun))
    except VaultError as error:
        outcome, reason = "failed", error.reason
        if isinstance(error, VaultSealed):
            sealing.tell(parts, error, now)
    else:
        outcome, reason = "done", ""
    if claim is None:
        return Ran(job.name, outcome, reason)
    return Ran(job.name, outcome, reason, claim.late, claim.missed)


def _frozen(parts: Parts) -> str:
    with parts.database.read() as connection:
        return hindrance(connection, Doing.BUSINESS)


class Timetable:
    """Runs what is due in threads of this process, from the moment it is made until it is shut down.

    Every few seconds the scheduler lets it look at the clock. A job that takes long keeps no other waiting, and never
    runs twice here at once.

    Args:
        parts: the vault's parts.
        report: told of every run that was done or failed.
        jobs: the lines.
        clock: gives the time, UTC.
    """

    def __init__(
        self,
        parts: Parts,
        report: Callable[[Ran], None],
        jobs: Sequence[Job] = TIMETABLE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._parts, self._report, self._jobs, self._clock = parts, report, jobs, clock
        self._asked: dict[str, tuple[int, float]] = {}
        self._busy: set[str] = set()
        self._scheduler = BackgroundScheduler(
            executors={_LOOK: ThreadPoolExecutor(1), "default": ThreadPoolExecutor(_AT_ONCE)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._scheduler.add_job(
            self._look, "interval", seconds=_LOOK_SECONDS, id=_LOOK, executor=_LOOK, next_run_time=datetime.now(UTC)
        )
        self._scheduler.start()
        self._stop = threading.Event()
        self._pacer = threading.Thread(target=self._keep_pace, name="timetable", daemon=True)
        self._pacer.start()

    def shutdown(self) -> None:
        """Begin nothing more, and wait for what runs."""
        self._stop.set()
        self._pacer.join()
        self._scheduler.shutdown()

    def _keep_pace(self) -> None:
        """Let the scheduler go on at once after the clock was set back; it would sleep until the old time comes."""
        while not self._stop.wait(_LOOK_SECONDS):
            now = datetime.now(UTC)
            look = self._scheduler.get_job(_LOOK)
            if look.next_run_time > now + timedelta(seconds=2 * _LOOK_SECONDS):
                look.modify(next_run_time=now)

    def _look(self) -> None:
        now, pace = self._clock(), time.monotonic()
        for job in self._jobs:
            slot, (asked_slot, asked_at) = job.slot(now, self._parts.policy), self._asked.get(job.name, (-1, 0.0))
            if job.name in self._busy or (slot == asked_slot and pace - asked_at < _ASK_AGAIN_SECONDS):
                continue
            self._asked[job.name] = slot, pace
            self._busy.add(job.name)
            self._scheduler.add_job(self._one, args=(job,))

    def _one(self, job: Job) -> None:
        try:
            ran = _run(self._parts, job, self._clock())
            if ran.outcome not in ("taken", "resting"):
                self._report(ran)
        except Exception:  # what nobody foresaw is told by the process's log, and the next run comes in its time
            logging.getLogger(__name__).exception("unexpected")
        finally:
            self._busy.discard(job.name)
