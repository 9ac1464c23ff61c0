"""Restoring a backup: brought in closed, gone through with the ledger, and only then opened to the vault.

A restored database is a database of the past. What was destroyed since is destroyed again, what was held is held again,
who left stays left, nobody is signed in, and what the signed log lacks is said aloud. A mark on disk closes the vault
until all of it is done; a run that was killed is taken up where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vault.crypto.key_store import KeyStore
from vault.domain.backups import Manifest
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.errors import IntegrityError, InvalidValue, KeyStoreError, SetupError, StorageError, VaultSealed
from vault.services.steps.backup_judging import Judged, judge
from vault.services.steps.parts import Parts
from vault.services.steps.remembering import Progress, remember
from vault.services.steps.replaying import Parted, Replayed, lost, replay
from vault.services.steps.settling import rewound
from vault.services.steps.signing import key_chain
from vault.storage import backups, live_access, log
from vault.storage.backup_engine import BackupEngine, RestorePlace
from vault.storage.backups import Backup
from vault.storage.live_access import LiveAccess
from vault.storage.restore_marker import Mark, Phase, RestoreMarker
from vault.storage.unit_of_work import unit_of_work

__all__ = [
    "Outlook",
    "Parted",
    "Phase",
    "Replayed",
    "Restored",
    "Site",
    "apply",
    "begin",
    "catch_up",
    "finish",
    "give_up",
    "look",
]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a restore takes place.

    Args:
        engine: reads backups.
        place: where the database goes.
        marker: closes the vault meanwhile.
    """

    engine: BackupEngine
    place: RestorePlace
    marker: RestoreMarker

    @property
    def phase(self) -> Phase | None:
        """How far a restore has come; None while there is none."""
        mark = self.marker.read()
        return None if mark is None else mark.phase


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a restored database lacks, seen before anything is changed.

    Args:
        lost: by class, living records that no key opens any more: they lay in cohorts closed since.
        is_behind: the log was signed further than this database knows.
    """

    lost: dict[RecordClass, int]
    is_behind: bool

    @property
    def lost_records(self) -> int:
        """How many living records are lost."""
        return sum(self.lost.values())


@dataclass(frozen=True, slots=True)
class Restored:
    """What was applied.

    Args:
        replayed: of the ledger.
        live: what opened doors when the backup was made; all of it was ended.
    """

    replayed: Replayed
    live: LiveAccess


def begin(site: Site, folder: Path, pin: str, keys: Sequence[str] = (), *, replace: bool) -> Judged:
    """Judge a backup and bring its database in, closed; a restore that was begun is taken up.

    Args:
        site: where.
        folder: the backup.
        pin: public key of the log, of the key store in use.
        keys: the key statements beside the checkpoints: a backup may be older than that key.
        replace: a database that is there may be set aside.

    Returns:
        The backup, found whole.

    Raises:
        SetupError: ``place_holds_vault``, ``database_in_use``, ``another_restore``, ``not_a_backup``, or a tool is
            missing.
        StorageError: ``backup_refused``: it is not whole, not ours or altered; or it cannot be loaded.
    """
    # 1. Nothing that was altered gets near the vault.
    judged = judge(folder, site.engine, pin, keys)
    if judged.flaws:
        first = judged.flaws[0]
        raise StorageError("backup_refused", finding=first.kind, name=first.name)
    mark = site.marker.read()
    if mark is not None and mark.digest != judged.digest.hex():
        raise SetupError("another_restore", path=str(site.marker.path))
    if mark is not None and mark.phase is not Phase.LOADING:
        return judged
    # 2. The place is empty, or may be set aside, and nobody is at it.
    if mark is None and site.place.is_taken() and not (replace and site.place.may_replace):
        raise SetupError("place_holds_vault")
    site.place.require_unused()
    # 3. From here on every other command refuses.
    site.marker.write(Mark(judged.digest.hex(), Phase.LOADING))
    try:
        site.place.load(folder / site.engine.file, judged.manifest.files[site.engine.file])
    except (SetupError, StorageError):
        give_up(site)
        raise
    site.marker.write(Mark(judged.digest.hex(), Phase.LOADED))
    return judged


def give_up(site: Site) -> bool:
    """Take away what was brought in and the mark, as long as nothing has been applied; returns whether it could.

    What lay at the place before still lies there.
    """
    if site.phase not in (Phase.LOADING, Phase.LOADED):
        return False
    site.place.discard()
    site.marker.clear()
    return True


def look(parts: Parts, manifest: Manifest, outside: Sequence[Path] = ()) -> Outlook:
    """Compare a restored database with what was kept outside it; nothing is changed.

    Args:
        parts: the vault's parts, on the restored database.
        manifest: of the backup.
        outside: checkpoints that were sent elsewhere; those that are not there are passed over.

    Returns:
        What it lacks.

    Raises:
        KeyStoreError: ``key_store_older``: the key store holds keys that the ledger knows to be destroyed.
        VaultSealed: ``ledger_older``: the ledger is older than the backup or a checkpoint; ``checkpoints_older``: the
            folder of checkpoints is older than one elsewhere; ``signer_memory_unreadable``: it is gone;
            ``signing_key_replaced``: the key store is older than the last change of its signing key.
    """
    before = parts.log_files.signed()
    if before is None:
        raise VaultSealed("signer_memory_unreadable", path="signer.json")
    heads = [manifest.ledger, _read(before.note).ledger]
    with parts.database.read() as connection:
        chain = key_chain(parts, connection)
    for path in outside:
        try:
            sent = chain.checkpoint(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, IntegrityError, InvalidValue):
            continue  # it says nothing that our key signed
        if sent.size > before.frontier.size:
            raise VaultSealed("checkpoints_older", path=str(path))
        heads.append(sent.ledger)
    for head in heads:
        if head is not None and not parts.ledger.extends(head):
            raise VaultSealed("ledger_older", signed=head.count, found=parts.ledger.head().count)
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        is_behind = rewound(connection, before, log.size(connection)) is not None
    _refuse_older_keys(parts, store)
    return Outlook(lost(parts), is_behind)


def _refuse_older_keys(parts: Parts, store: KeyStore) -> None:
    undead = remember(parts.ledger).closed & {one.key_id for one in store.cohorts()}
    if undead:
        raise KeyStoreError("key_store_older", version=store.version, expected=store.version + 1)


def _read(note: str) -> Checkpoint:
    return Checkpoint.parse(note.partition("\n\n")[0].removesuffix("\n") + "\n")


def apply(
    parts: Parts,
    site: Site,
    actor: Actor,
    judged: Judged,
    outlook: Outlook,
    now: datetime,
    told: Progress,
    *,
    accept_loss: bool,
) -> Restored:
    """Apply everything that happened since the backup, and end what opened doors then; there is no way back.

    Args:
        parts: the vault's parts, on the restored database.
        site: where.
        actor: the local operator.
        judged: the backup.
        outlook: what :func:`look` found.
        now: UTC.
        told: told how far the ledger has been gone through.
        accept_loss: living records that nothing opens any more may be given up.

    Returns:
        What was done in this run.

    Raises:
        StorageError: ``records_lost``: without ``accept_loss``; else the next run goes on.
    """
    if outlook.lost and not accept_loss:
        raise StorageError("records_lost", count=outlook.lost_records)
    manifest = judged.manifest
    site.marker.write(Mark(judged.digest.hex(), Phase.REPLAYING))
    done = replay(parts, actor, now, told)
    with unit_of_work(parts.database) as work:
        live = live_access.count(work.connection)
        if not backups.is_known(work.connection, manifest.backup_id):
            live_access.end(work.connection, now)
            # In its own snapshot it was not known yet. It was just read back, and it held.
            row = Backup(manifest.backup_id, manifest.made_at, manifest.log_size, judged.digest, now, "")
            backups.add(work.connection, row)
            work.announce(
                parts.event(
                    now, actor, Action.BACKUP_RESTORED, Outcome.DONE,
                    backup=manifest.backup_id.hex(), digest=judged.digest.hex(), size=manifest.log_size,
                    destroyed=done.destroyed + done.decided, held=done.held, lost=done.lost, cohorts=done.cohorts,
                    ended=live.to_end, count=len(done.left),
                )
            )  # fmt: skip
        work.commit()
    return Restored(done, live)


def catch_up(parts: Parts, actor: Actor, now: datetime, told: Progress, *, accept_loss: bool) -> Replayed:
    """Apply the ledger to a database that went back in time in another way: a snapshot, or a standby that lagged.

    Args:
        parts: the vault's parts, on that database, which is still sealed.
        actor: the local operator.
        now: UTC.
        told: told how far the ledger has been gone through.
        accept_loss: living records that nothing opens any more may be given up.

    Returns:
        What was done in this run.

    Raises:
        KeyStoreError: ``key_store_older``.
        StorageError: ``records_lost``: without ``accept_loss``; nothing was changed.
        VaultSealed: the ledger is damaged.
    """
    with parts.database.read() as connection:
        _refuse_older_keys(parts, parts.keys.current(connection))
    missing = sum(lost(parts).values())
    if missing and not accept_loss:
        raise StorageError("records_lost", count=missing)
    return replay(parts, actor, now, told)


def finish(site: Site, folder: Path, now: datetime) -> Path | None:
    """Put the restored database in its place and open the vault; safe to repeat.

    Args:
        site: where; everything is applied and signed.
        folder: the backup.
        now: UTC.

    Returns:
        Where the database that was there before lies now; None where there was none.

    Raises:
        SetupError: ``database_in_use``: stop whoever is at it, and run the same command again.
        StorageError: the same command goes on.
    """
    mark = site.marker.read()
    if mark is None:
        return None
    site.marker.write(Mark(mark.digest, Phase.PLACING))
    aside = site.place.put_in_place(folder / site.engine.file, now)
    site.marker.clear()
    return aside
