"""Judging a backup by what lies in its folder and the pinned key: whole, ours, unaltered, and its log holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vault import verify_log
from vault.crypto.key_chain import KeyChain
from vault.crypto.key_store import KeyStore
from vault.domain.backups import CHECKPOINT, KEYS, MANIFEST, NOTE, CohortNeed, Manifest, signed_text
from vault.domain.ids import RecordClass
from vault.errors import IntegrityError, InvalidValue, SetupError, StorageError
from vault.storage.backup_engine import BackupEngine
from vault.storage.backup_folder import contents
from vault.storage.log_files import notes_of
from vault.verify_log import CannotJudge

_LARGEST_MANIFEST = 1 << 24
_OWN = frozenset({MANIFEST, NOTE})


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong with a backup.

    Args:
        kind: a reason id.
        name: of the file or table concerned; empty where none is.
        count: how many records or entries are concerned.
    """

    kind: str
    name: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """What judging a backup came to.

    Args:
        manifest: what it says of itself; believed only if there is no flaw.
        digest: SHA-256 of the manifest.
        flaws: what is wrong with it.
    """

    manifest: Manifest
    digest: bytes
    flaws: tuple[Flaw, ...]


def judge(folder: Path, engine: BackupEngine, pin: str, keys: Sequence[str] = (), *, deep: bool = False) -> Judged:
    """Judge a backup; nothing in it is changed.

    Args:
        folder: the backup.
        engine: of the kind of database that it should hold.
        pin: public key of the vault's log, obtained elsewhere.
        keys: key statements kept elsewhere, beside those that the backup brings along.
        deep: load it into a scratch database too.

    Returns:
        What came of it. A database is only opened once manifest, signature and files are found to fit.

    Raises:
        SetupError: ``not_a_backup``, ``backup_of_other_engine``, or a tool is missing.
        IntegrityError: the pin is no public key.
    """
    try:
        content = _small(folder / MANIFEST)
        manifest = Manifest.read(content)
    except (OSError, InvalidValue):
        raise SetupError("not_a_backup", path=str(folder)) from None
    if manifest.engine != engine.name:
        raise SetupError("backup_of_other_engine", engine=manifest.engine)
    digest = sha256(content).digest()
    statements = [*keys, *_own_keys(folder)]
    flaws = [*_signature_flaws(folder, manifest, digest, pin, statements), *_file_flaws(folder, manifest)]
    if not flaws:
        flaws = _database_flaws(folder, engine, manifest, pin, statements, deep=deep)
    return Judged(manifest, digest, tuple(flaws))


def keys_gone(store: KeyStore, manifest: Manifest) -> list[CohortNeed]:
    """Return the cohorts that a backup needs and the key store has no key of any more."""
    there = {one.key_id for one in store.cohorts()}
    return [one for one in manifest.cohorts if one.key_id not in there]


def keys_flaws(store: KeyStore, manifest: Manifest) -> list[Flaw]:
    """Return what the key store says of a backup: whose it is, and whether it can be opened."""
    if manifest.vault_id != store.vault_id:
        return [Flaw("backup_of_other_vault")]
    # What people typed for one another lives a week; no backup is the worse for its being gone.
    gone = [one for one in keys_gone(store, manifest) if one.record_class is not RecordClass.REQUEST]
    return [Flaw("backup_keys_gone", f"{one.record_class.value} {one.end_on}", one.records) for one in gone]


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST_MANIFEST + 1)
    if len(content) > _LARGEST_MANIFEST:
        raise InvalidValue("backup_manifest", field=MANIFEST)
    return content


def _own_keys(folder: Path) -> list[str]:
    """Return the key statements beside a backup; they prove themselves, so nothing is to be believed before."""
    try:
        return notes_of(_small(folder / KEYS).decode(errors="replace"))
    except (OSError, InvalidValue):
        return []


def _signature_flaws(
    folder: Path, manifest: Manifest, digest: bytes, pin: str, statements: Sequence[str]
) -> list[Flaw]:
    chain = KeyChain(pin, statements)
    try:
        text = chain.verify(_small(folder / NOTE).decode(), manifest.log_size)
    except (OSError, InvalidValue, IntegrityError, UnicodeDecodeError):
        return [Flaw("backup_not_signed", NOTE)]
    # The key's own name, not what the manifest says: both are signed, but only the pin was obtained elsewhere.
    origin = pin.partition("+")[0]
    fits = text == signed_text(origin, digest) and manifest.origin == origin and manifest.pin in chain.keys
    return [] if fits else [Flaw("backup_not_signed", MANIFEST)]


def _file_flaws(folder: Path, manifest: Manifest) -> list[Flaw]:
    try:
        found = contents(folder)
    except OSError:
        return [Flaw("backup_unreadable")]
    there = {name: facts for name, facts in found.items() if name not in _OWN}
    return [
        *(Flaw("backup_file_missing", name) for name in sorted(manifest.files.keys() - there.keys())),
        *(Flaw("backup_file_unknown", name) for name in sorted(there.keys() - manifest.files.keys())),
        *(Flaw("backup_differs", name) for name, one in manifest.files.items() if there.get(name, one) != one),
    ]


def _database_flaws(
    folder: Path, engine: BackupEngine, manifest: Manifest, pin: str, statements: Sequence[str], *, deep: bool
) -> list[Flaw]:
    file = folder / engine.file
    flaws = []
    try:
        with engine.contents(file) as found:
            tables = _row_flaws(manifest, found.rows)
            checkpoint = (folder / CHECKPOINT).read_text(encoding="utf-8", errors="replace")
            report = verify_log.verify(found.events, found.notes, checkpoint, pin, found.gaps, keys=statements)
        flaws = [*tables, *([Flaw("backup_log_broken", count=len(report.findings))] if report.findings else [])]
        if report.size != manifest.log_size:
            flaws.append(Flaw("backup_rows_differ", "log_events", report.size))
        if deep:
            flaws += _row_flaws(manifest, engine.try_out(file))
    except CannotJudge:
        flaws.append(Flaw("backup_log_broken"))
    except StorageError as error:
        flaws.append(Flaw(error.reason if error.reason == "backup_damaged" else "backup_not_loadable", engine.file))
    return flaws


def _row_flaws(manifest: Manifest, rows: Mapping[str, int]) -> list[Flaw]:
    there = ((name, number, rows.get(name, 0)) for name, number in manifest.rows.items())
    return [Flaw("backup_rows_differ", name, found) for name, number, found in there if found != number]
