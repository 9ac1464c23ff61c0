"""Backups that the vault knows of, and what a snapshot of its database says that a manifest names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, text, update

from vault.domain.backups import CohortNeed
from vault.domain.ids import RecordClass
from vault.storage.tables import backups, cohorts, log_checkpoints, metadata, records


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    Args:
        backup_id: random id.
        made_at: its snapshot holds everything committed before, UTC.
        log_size: events in order in its snapshot.
        manifest_digest: SHA-256 of its manifest.
        verified_at: when it was last read back and held; None before.
        place: the folder it was put into.
    """

    backup_id: bytes
    made_at: datetime
    log_size: int
    manifest_digest: bytes
    verified_at: datetime | None
    place: str


_column = backups.c
_READ = select(
    _column.backup_id, _column.made_at, _column.log_size, _column.manifest_digest, _column.verified_at, _column.place
)


def add(connection: Connection, backup: Backup) -> None:
    """Store a backup, unless it is known."""
    if is_known(connection, backup.backup_id):
        return
    values = {
        "backup_id": backup.backup_id,
        "made_at": backup.made_at,
        "log_size": backup.log_size,
        "manifest_digest": backup.manifest_digest,
        "verified_at": backup.verified_at,
        "place": backup.place,
    }
    connection.execute(insert(backups).values(**values))


def is_known(connection: Connection, backup_id: bytes) -> bool:
    """Return whether the vault knows a backup."""
    return connection.execute(_READ.where(_column.backup_id == backup_id)).first() is not None


def listed(connection: Connection) -> list[Backup]:
    """Return every backup, newest first."""
    return [Backup(*row) for row in connection.execute(_READ.order_by(_column.made_at.desc(), _column.backup_id))]


def newest_verified(connection: Connection) -> datetime | None:
    """Return when the newest backup was made that was read back and held; None without one."""
    query = select(func.max(_column.made_at)).where(_column.verified_at.is_not(None))
    found: datetime | None = connection.execute(query).scalar()
    return found


def verified(connection: Connection, backup_id: bytes, manifest_digest: bytes, at: datetime) -> bool:
    """Note that a backup was read back and held; False if the vault does not know it."""
    known = update(backups).where(_column.backup_id == backup_id, _column.manifest_digest == manifest_digest)
    return connection.execute(known.values(verified_at=at)).rowcount == 1


# -- what a snapshot says --------------------------------------------------------------------------------------------


def needs(connection: Connection) -> tuple[CohortNeed, ...]:
    """Return the cohorts that records lie in, by class and last day."""
    count = func.count()
    query = (
        select(cohorts.c.cohort_id, cohorts.c.record_class, cohorts.c.end_on, count)
        .join(records, records.c.cohort_id == cohorts.c.cohort_id)
        .group_by(cohorts.c.cohort_id, cohorts.c.record_class, cohorts.c.end_on)
        .order_by(cohorts.c.record_class, cohorts.c.end_on)
    )
    return tuple(CohortNeed(row[0], RecordClass(row[1]), row[2], row[3]) for row in connection.execute(query))


def rows(connection: Connection) -> Mapping[str, int]:
    """Return how many rows each table of ours holds."""
    return {
        name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in metadata.tables.items()
    }


def last_checkpoint(connection: Connection) -> str:
    """Return the last signed checkpoint kept with the log; empty before the first."""
    column = log_checkpoints.c
    return str(connection.execute(select(column.note).order_by(column.size.desc()).limit(1)).scalar() or "")


def schema_of(connection: Connection) -> str:
    """Return the revision of the tables."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
