"""Backups: made while the vault works, read back before anybody relies on them, and named when their time is over.

A backup never holds keys. What was destroyed after it was made is destroyed again when it is restored; once a
retention cohort is closed, nothing in any backup opens what lay in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from vault.domain.backups import MANIFEST
from vault.domain.log import Action, Actor, Outcome
from vault.errors import VaultError
from vault.services.steps.backup_judging import Flaw, Judged, judge, keys_flaws
from vault.services.steps.backup_making import Sources, make
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.services.steps.signing import key_statements
from vault.storage import backups
from vault.storage.backup_engine import BackupEngine
from vault.storage.backups import Backup
from vault.storage.unit_of_work import unit_of_work

__all__ = ["Flaw", "Judged", "Listed", "Made", "Sources", "create", "judge", "listed", "verify"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was just made.

    Args:
        backup_id: random id.
        place: its folder.
        log_size: events in order in it.
        cohorts: how many cohort keys it needs.
        size: bytes of its files.
        keys_place: where a copy of the keys was put; None without.
    """

    backup_id: bytes
    place: Path
    log_size: int
    cohorts: int
    size: int
    keys_place: Path | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A backup the vault knows, and how it stands.

    Args:
        backup: the row.
        is_there: it lies at its place, as far as this host can see.
        is_over: its time is over: whoever operates the vault deletes it.
    """

    backup: Backup
    is_there: bool
    is_over: bool


def create(
    parts: Parts, sources: Sources, actor: Actor, place: Path, keys_place: Path | None, now: datetime, told: Progress
) -> Made:
    """Make a backup, and let the vault know of it.

    Args:
        parts: the vault's parts.
        sources: where it is taken from.
        actor: the local operator.
        place: a new folder.
        keys_place: another new folder for a copy of the keys; None for none. Such a copy is registered nowhere: what is
            destroyed stays readable to whoever holds it, the root key and a backup, and no certificate covers it.
        now: UTC.
        told: told how far the copying has come.

    Returns:
        What was made.

    Raises:
        SetupError: the place cannot be used, or a tool is missing.
        StorageError: it could not be made; nothing is left behind.
    """
    mode = "data" if keys_place is None else "with_keys"
    settle(parts, now)
    try:
        manifest, digest = make(parts, sources, place, keys_place, now, told)
    except VaultError as error:
        failed = parts.event(now, actor, Action.BACKUP_CREATED, Outcome.FAILED, mode=mode, reason=error.reason)
        parts.log_writer.write(failed)
        raise
    with unit_of_work(parts.database) as work:
        known = Backup(manifest.backup_id, now, manifest.log_size, digest, None, str(place.absolute()))
        backups.add(work.connection, known)
        named: dict[str, Any] = {"backup": manifest.backup_id.hex(), "digest": digest.hex(), "size": manifest.log_size}
        work.announce(parts.event(now, actor, Action.BACKUP_CREATED, Outcome.DONE, mode=mode, **named))
        work.commit()
    size = sum(one.size for one in manifest.files.values())
    return Made(manifest.backup_id, place, manifest.log_size, len(manifest.cohorts), size, keys_place)


def verify(
    parts: Parts, engine: BackupEngine, actor: Actor, folder: Path, pin: str | None, now: datetime, *, deep: bool
) -> Judged:
    """Read a backup back and judge it, with the keys at hand; that it held is noted.

    Args:
        parts: the vault's parts.
        engine: of its database.
        actor: the local operator.
        folder: the backup.
        pin: public key of the log as somebody kept it; None for the one beside the checkpoints.
        now: UTC.
        deep: load it into a scratch database too.

    Returns:
        What came of it.

    Raises:
        SetupError: ``not_a_backup``, or a tool is missing.
        IntegrityError: the pin is no public key.
    """
    key = pin or parts.log_files.pin.read_text(encoding="ascii", errors="replace").strip()
    with parts.database.read() as connection:
        keys = key_statements(parts, connection)
    found = judge(folder, engine, key, keys, deep=deep)
    if not found.flaws:
        with parts.database.read() as connection:
            store = parts.keys.current(connection)
        found = Judged(found.manifest, found.digest, tuple(keys_flaws(store, found.manifest)))
    outcome = Outcome.FAILED if found.flaws else Outcome.DONE
    with unit_of_work(parts.database) as work:
        if not found.flaws:
            backups.verified(work.connection, found.manifest.backup_id, found.digest, now)
        named: dict[str, Any] = {
            "backup": found.manifest.backup_id.hex(),
            "digest": found.digest.hex(),
            "failed": len(found.flaws),
        }
        work.announce(parts.event(now, actor, Action.BACKUP_VERIFIED, outcome, **named))
        work.commit()
    return found


def listed(parts: Parts, now: datetime) -> list[Listed]:
    """List the backups that are kept, newest first, and those whose time is over and that still lie at their place.

    What lies on a disk that is not mounted cannot be seen; it is listed until its time is over.

    Args:
        parts: the vault's parts.
        now: UTC.
    """
    keep = parts.policy.destruction.backup()
    with parts.database.read() as connection:
        known = backups.listed(connection)
    all_of_them = [Listed(one, _lies_there(one), one.made_at + keep <= now) for one in known]
    return [one for one in all_of_them if one.is_there or not one.is_over]


def _lies_there(backup: Backup) -> bool:
    """Return whether this very backup is at its place, not a later one in a folder of that name."""
    try:
        return sha256((Path(backup.place) / MANIFEST).read_bytes()).digest() == backup.manifest_digest
    except OSError:
        return False
