"""Whether this process could serve somebody right now, and the few numbers that monitoring watches."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import insert, text

from vault.errors import StorageError, VaultError
from vault.services.steps.parts import Parts
from vault.services.steps.settling import refuse_rewound_database
from vault.storage import job_runs, log, log_checks, schema
from vault.storage.tables import log_inbox
from vault.storage.unit_of_work import unit_of_work

VERIFIED_WITHIN: Final = timedelta(days=2)
"""The log is verified each night; when it was not for so long, somebody must look why."""


@dataclass(frozen=True, slots=True)
class LogReadings:
    """How the log stands.

    Args:
        size: events with a place in the log.
        checkpoint_age_seconds: since the last checkpoint outside the database was signed; None before the first.
        verified_age_seconds: since the whole log was last verified; None before the first time.
        verified: it held then; None before the first time.
    """

    size: int
    checkpoint_age_seconds: float | None
    verified_age_seconds: float | None
    verified: bool | None


def fault(parts: Parts) -> str | None:
    """Find the first thing that keeps this process from serving.

    Args:
        parts: the vault's parts.

    Returns:
        A reason id, or None when database, schema and keys fit, nothing that was signed is gone, and an event could
        be written: the writing is tried for real and rolled back, so it leaves nothing behind.
    """
    try:
        parts.database.check()
        with parts.database.read() as connection:
            if connection.execute(text("SELECT version_num FROM alembic_version")).scalar() != _schema_head():
                return "schema_not_current"
            parts.keys.current(connection)
        refuse_rewound_database(parts)
    except VaultError as error:
        return error.reason
    try:
        with unit_of_work(parts.database) as work:
            work.connection.execute(insert(log_inbox).values(canonical=b"{}"))
    except StorageError:
        return "log_not_writable"
    return None


def warning(parts: Parts, now: datetime) -> str | None:
    """Find what somebody should look at although this process serves.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        A word: the log does not verify or was not verified, a place elsewhere got no checkpoint, or no timetable runs
        any more. None when all is well.
    """
    with parts.database.read() as connection:
        checked = log_checks.last_check(connection)
        last = max((run.started_at for run in job_runs.last_runs(connection)), default=now)
    if checked is not None and (not checked.holds or now - checked.at > VERIFIED_WITHIN):
        return "log_not_verified"
    if any(one.fault for one in parts.anchors.standing()):
        return "anchor_unreachable"
    return "timetable_stands_still" if now - last > job_runs.STANDS_STILL_AFTER else None


def log_readings(parts: Parts, now: datetime) -> LogReadings:
    """Read how the log stands.

    Args:
        parts: the vault's parts.
        now: UTC.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    with parts.database.read() as connection:
        size, checked = log.size(connection), log_checks.last_check(connection)
    age = None
    with suppress(FileNotFoundError):
        age = max(0.0, now.timestamp() - parts.log_files.checkpoint.stat().st_mtime)
    if checked is None:
        return LogReadings(size, age, None, None)
    return LogReadings(size, age, max(0.0, (now - checked.at).total_seconds()), checked.holds)


@cache
def _schema_head() -> str:
    return schema.head()
