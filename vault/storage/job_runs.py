"""Claims on the timetable: each run of a job has one row, and whoever writes it is the one who runs it.

That row is the whole election: no process has to be chosen first, and one that is killed takes nothing with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from vault.errors import StorageError
from vault.storage.engine import Database
from vault.storage.tables import job_runs
from vault.storage.unit_of_work import unit_of_work

KILLED_AFTER = timedelta(minutes=30)
"""A run that began so long ago and is not finished was killed, or failed: somebody takes it up again."""
STANDS_STILL_AFTER = timedelta(minutes=10)
"""Some job is due each minute: when none has begun for so long, no timetable runs anywhere."""
KEPT = 200
"""So many runs of each job are kept."""

_CLOCKS_DIFFER = timedelta(minutes=10)
"""By how much the clocks of two nodes may differ; a claim from further ahead was made by a wrong clock."""
_ON_TIME = timedelta(minutes=5)
_NODE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Claim:
    """One run that is ours.

    Args:
        job: the job's name.
        slot: when it was due, seconds since 1970.
        missed: how many runs before it nobody did; this one makes up for all of them.
        late: it comes after its time, or makes up for runs that were missed or killed.
    """

    job: str
    slot: int
    missed: int
    late: bool


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of one job.

    Args:
        job: the job's name.
        started_at: when it was last claimed, UTC.
        finished_at: when it was done; None while it runs, or when it was killed or failed.
        late: it made up for others.
    """

    job: str
    started_at: datetime
    finished_at: datetime | None
    late: bool


def claim(database: Database, job: str, slot: int, every: int, now: datetime, node: str) -> Claim | None:
    """Claim the present run of a job.

    Args:
        database: where claims are kept.
        job: the job's name.
        slot: when its present run was due, seconds since 1970.
        every: seconds between its runs.
        now: UTC.
        node: whose clock it is.

    Returns:
        The claim; None when another process has this run or a later one. A claim made while the clock was far ahead
        does not count, or nothing would run until that time comes; one that was not finished in time is given again.
    """
    mine = {"started_at": now, "node": node[:_NODE_LENGTH]}
    try:
        with unit_of_work(database) as work:
            if _take_up(work.connection, job, slot, now, mine):
                work.commit()
                return Claim(job, slot, missed=0, late=True)
            if _is_taken(work.connection, job, slot, now):
                return None
            missed, late = _before(work.connection, job, slot, every)
            late = late or (missed is not None and now - datetime.fromtimestamp(slot, UTC) > _ON_TIME)
            work.connection.execute(insert(job_runs).values(job=job, slot=slot, late=late, **mine))
            work.commit()
    except StorageError as error:
        if error.reason == "conflict":  # another one wrote the row a moment ago
            return None
        raise
    return Claim(job, slot, missed or 0, late)


def finish(database: Database, claimed: Claim, now: datetime) -> None:
    """Note that a run is done, and forget runs of long ago and of a clock that was far ahead."""
    of_job = job_runs.c.job == claimed.job
    with unit_of_work(database) as work:
        done = update(job_runs).where(of_job, job_runs.c.slot == claimed.slot).values(finished_at=now)
        work.connection.execute(done)
        last = select(job_runs.c.slot).where(of_job, job_runs.c.slot <= claimed.slot)
        oldest = work.connection.scalar(last.order_by(job_runs.c.slot.desc()).offset(KEPT - 1).limit(1))
        work.connection.execute(
            delete(job_runs).where(
                of_job, or_(job_runs.c.slot < (oldest or 0), job_runs.c.slot > _reach(claimed.slot, now))
            )
        )
        work.commit()


def last_runs(connection: Connection) -> list[LastRun]:
    """Return the last run of each job, by name."""
    newest = select(job_runs.c.job, func.max(job_runs.c.slot).label("slot")).group_by(job_runs.c.job).subquery()
    columns = job_runs.c.job, job_runs.c.started_at, job_runs.c.finished_at, job_runs.c.late
    query = select(*columns).join(newest, (job_runs.c.job == newest.c.job) & (job_runs.c.slot == newest.c.slot))
    return [LastRun(*row) for row in connection.execute(query.order_by(job_runs.c.job))]


def late_since(connection: Connection, since: datetime) -> int:
    """Return how many runs since some time were late."""
    counted = select(func.count()).where(job_runs.c.late.is_(True), job_runs.c.started_at >= since)
    return connection.scalar(counted) or 0


def _reach(slot: int, now: datetime) -> int:
    """Return the last slot that a clock which is not far ahead can have claimed."""
    return max(slot, int((now + _CLOCKS_DIFFER).timestamp()))


def _take_up(connection: Connection, job: str, slot: int, now: datetime, mine: dict[str, object]) -> bool:
    killed = or_(job_runs.c.started_at <= now - KILLED_AFTER, job_runs.c.started_at > now + _CLOCKS_DIFFER)
    again = update(job_runs).where(
        job_runs.c.job == job, job_runs.c.slot == slot, job_runs.c.finished_at.is_(None), killed
    )
    return connection.execute(again.values(late=True, **mine)).rowcount == 1


def _is_taken(connection: Connection, job: str, slot: int, now: datetime) -> bool:
    taken = select(job_runs.c.slot).where(
        job_runs.c.job == job, job_runs.c.slot >= slot, job_runs.c.slot <= _reach(slot, now)
    )
    return connection.execute(taken.limit(1)).first() is not None


def _before(connection: Connection, job: str, slot: int, every: int) -> tuple[int | None, bool]:
    """Return how many runs before a slot nobody did, None for the first of all, and whether this one makes up."""
    last = select(job_runs.c.slot, job_runs.c.finished_at).where(job_runs.c.job == job, job_runs.c.slot < slot)
    row = connection.execute(last.order_by(job_runs.c.slot.desc()).limit(1)).first()
    if row is None:
        return None, False
    missed = max(0, (slot - row.slot) // every - 1)
    return missed, bool(missed) or row.finished_at is None
