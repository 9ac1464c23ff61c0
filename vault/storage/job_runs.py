"""Claims on the timetable: each run of a job is claimed once, whichever process comes first."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert, or_, select, update

from vault.errors import StorageError
from vault.storage.engine import Database
from vault.storage.tables import job_runs
from vault.storage.unit_of_work import unit_of_work

_CLOCKS_DIFFER = timedelta(minutes=10)
"""By how much the clocks of two nodes may differ; a claim from further ahead was made by a wrong clock."""


def claim(database: Database, job: str, slot: int, now: datetime) -> bool:
    """Claim one run of a job.

    Args:
        database: where claims are kept.
        job: the job's name.
        slot: the run's due time in seconds since 1970.
        now: UTC.

    Returns:
        Whether the run is ours; False when another process has this or a later one. A claim made while the clock
        was far ahead does not count, or nothing would run until that time comes.
    """
    with unit_of_work(database) as work:
        outdated = or_(job_runs.c.slot < slot, job_runs.c.started_at > now + _CLOCKS_DIFFER)
        later = update(job_runs).where(job_runs.c.job == job, outdated)
        if work.connection.execute(later.values(slot=slot, started_at=now, finished_at=None)).rowcount == 1:
            work.commit()
            return True
        if work.connection.execute(select(job_runs.c.job).where(job_runs.c.job == job)).first() is not None:
            return False
    try:
        with unit_of_work(database) as work:
            work.connection.execute(insert(job_runs).values(job=job, slot=slot, started_at=now))
            work.commit()
    except StorageError as error:
        if error.reason == "conflict":
            return False
        raise
    return True


def finish(database: Database, job: str, slot: int, now: datetime) -> None:
    """Note that a claimed run is done."""
    with unit_of_work(database) as work:
        work.connection.execute(
            update(job_runs).where(job_runs.c.job == job, job_runs.c.slot == slot).values(finished_at=now)
        )
        work.commit()
