"""Making a backup: the database as it is at one moment, the rules in force, and a signed manifest; never a key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from vault.crypto.key_store_copies import Copy
from vault.domain.backups import CHECKPOINT, KEYS, MANIFEST, NOTE, Manifest, signed_text
from vault.domain.ids import new_id
from vault.errors import SetupError, VaultSealed
from vault.services.steps.parts import Parts
from vault.services.steps.signing import key_chain, signer
from vault.storage import backups, log, vault_state
from vault.storage.backup_engine import BackupEngine, Told
from vault.storage.backup_folder import contents, new_folder, put, take_copy, writing


@dataclass(frozen=True, slots=True)
class Sources:
    """What a backup is taken from beside the vault's own parts.

    Args:
        engine: the database's engine.
        policies: the folder of the rules.
    """

    engine: BackupEngine
    policies: Path


def make(
    parts: Parts, sources: Sources, place: Path, keys_place: Path | None, now: datetime, told: Told
) -> tuple[Manifest, bytes]:
    """Make a backup in a new folder, complete or not at all, while the vault works on.

    Args:
        parts: the vault's parts; their log was settled a moment ago.
        sources: where the rest comes from.
        place: the new folder.
        keys_place: another new folder that gets a copy of the keys and the ledger; None for none.
        now: UTC.
        told: told how far the copying has come.

    Returns:
        The manifest, and its SHA-256.

    Raises:
        SetupError: ``backup_place_taken``, ``backup_place_unusable``, ``keys_beside_backup``, or a tool is missing.
        StorageError: the disk is full, say; nothing is left behind.
    """
    if keys_place is not None:
        _refuse_together(place, keys_place)
    engine, head = sources.engine, parts.ledger.head()  # before the snapshot: what it counts has been committed
    with new_folder(place) as folder:
        with engine.snapshot() as connection:
            state = vault_state.read(connection)
            if state is None:
                raise VaultSealed("no_vault_here")
            needs, rows = backups.needs(connection), backups.rows(connection)
            size, waiting = log.size(connection), log.waiting(connection)
            schema, version = backups.schema_of(connection), engine.version(connection)
            note = backups.last_checkpoint(connection)
            engine.copy(connection, folder / engine.file, told)
        with parts.database.read() as connection:
            key, keys = signer(parts, connection), key_chain(parts, connection).statements
        for path in sorted(sources.policies.rglob("*.toml")):
            put(folder, f"policies/{path.relative_to(sources.policies).as_posix()}", path.read_bytes())
        put(folder, CHECKPOINT, note.encode())
        if keys:
            put(folder, KEYS, "".join(f"{one.note}\n" for one in keys).encode())
        manifest = Manifest(
            backup_id=new_id(),
            vault_id=state.vault_id,
            origin=state.origin,
            pin=key.verifier_key(),
            engine=engine.name,
            engine_version=version,
            schema=schema,
            made_at=now,
            log_size=size,
            waiting=waiting,
            ledger=head,
            key_store_version=state.key_store_version,
            policy=parts.policy.digest,
            cohorts=needs,
            rows=rows,
            files=contents(folder),
        )
        digest = sha256(manifest.written()).digest()
        put(folder, MANIFEST, manifest.written())
        put(folder, NOTE, key.sign(signed_text(state.origin, digest)).encode())
        if keys_place is not None:
            _copy_keys(parts, keys_place)
    return manifest, digest


def _refuse_together(place: Path, keys_place: Path) -> None:
    """Refuse to put keys where the data goes: whoever carries the one away would carry the other too."""
    one, other = place.resolve(), keys_place.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise SetupError("keys_beside_backup", path=str(keys_place))


def _copy_keys(parts: Parts, keys_place: Path) -> None:
    with new_folder(keys_place) as folder, writing(keys_place):
        parts.keys.files.copy_out(Copy(folder / "store" / "keystore", folder / "epoch" / "epoch"))
        parts.ledger.head()  # evens out what a killed writer left
        take_copy(parts.ledger.copies[0], folder / "store" / "ledger")
