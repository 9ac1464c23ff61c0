"""Proving that what a plan destroyed is gone: from the engine, from what opens records, and on SQLite from its files.

Each check leaves its result. One that fails raises, so that nothing is certified; one that this vault cannot make says
so, and the certificate repeats it.
"""

from __future__ import annotations

import time

from vault.crypto.cohort_keys import LAYOUT
from vault.crypto.suites import SUITES
from vault.domain.certificates import Check, Checked, Result
from vault.domain.destruction import ORDER
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ledger import EntryKind
from vault.errors import IntegrityError, StorageError, StorageUnavailable
from vault.services.steps.parts import Parts
from vault.storage import destruction, erasure, records, residue, wal

_HEADS = tuple(bytes((LAYOUT, number)) for number in SUITES)
_NAMES = frozenset(name for one in ORDER for name in FIELDS[one]) | frozenset(IdentifierKind)
_ASKED = 20
_PATIENCE_SECONDS, _PAUSE_SECONDS = 3.0, 0.05


def prove_erased(parts: Parts, plan_id: bytes) -> tuple[Checked, ...]:
    """Look for everything that a plan has destroyed.

    Args:
        parts: the vault's parts.
        plan_id: a plan that was carried out.

    Returns:
        The checks that were made, and those that this vault cannot make.

    Raises:
        IntegrityError: ``residue_found``: something that was destroyed is still there.
        StorageError: ``sqlite_setting``: the database does not overwrite what it deletes.
        StorageUnavailable: ``wal_busy``: readers were in the way each time; or the database does not answer.
        VaultSealed: the ledger is damaged.
    """
    checked = [_rows_gone(parts, plan_id), _opening_fails(parts, plan_id), _tombstones(parts, plan_id)]
    checked.append(_ledger(parts, plan_id))
    if not parts.database.is_sqlite:
        cleaned = residue.vacuum(parts.database)
        checked.append(
            Checked(Check.VACUUMED) if cleaned else Checked(Check.VACUUMED, Result.NOT_RUN, {"why": "no_right"})
        )
        return tuple(checked)
    if not residue.deletes_securely(parts.database):
        raise StorageError("sqlite_setting", setting="secure_delete", wanted=1)
    checked.append(Checked(Check.SECURE_DELETE))
    _truncate(parts)
    checked.append(Checked(Check.WAL_TRUNCATED))
    checked += _reread(parts, plan_id)
    return tuple(checked)


def _rows_gone(parts: Parts, plan_id: bytes) -> Checked:
    with parts.database.read() as connection:
        left = residue.rows_left(connection, plan_id)
    if any(left.values()):
        raise IntegrityError("residue_found", check=Check.ROWS_GONE.value, count=sum(left.values()))
    return Checked(Check.ROWS_GONE)


def _opening_fails(parts: Parts, plan_id: bytes) -> Checked:
    """Ask for some of the records as everything that opens records does."""
    with parts.database.read() as connection:
        chosen = destruction.sample(connection, plan_id, _ASKED)
        gone = erasure.buried(connection, chosen)
        found = records.load(connection, gone) if gone else {}
    if found:
        raise IntegrityError("residue_found", check=Check.OPENING_FAILS.value, count=len(found))
    return Checked(Check.OPENING_FAILS, facts={"tried": len(gone)})


def _tombstones(parts: Parts, plan_id: bytes) -> Checked:
    with parts.database.read() as connection:
        missing = residue.tombstones_missing(connection, plan_id)
    if missing:
        raise IntegrityError("residue_found", check=Check.TOMBSTONES.value, count=missing)
    return Checked(Check.TOMBSTONES)


def _ledger(parts: Parts, plan_id: bytes) -> Checked:
    """Every record that is gone must stand in the ledger, else a restore would bring it back."""
    with parts.database.read() as connection:
        missing = set(residue.destroyed_ids(connection, plan_id))
    count = len(missing)
    for entry in parts.ledger.entries():
        if entry.kind is EntryKind.ERASED:
            missing.difference_update(entry.ids)
    if missing:
        raise IntegrityError("residue_found", check=Check.LEDGER.value, count=len(missing))
    return Checked(Check.LEDGER, facts={"entries": count})


def _truncate(parts: Parts) -> None:
    """Cut the write-ahead log to nothing, or prove nothing; another who is at it answers at once that it is busy."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while not wal.truncate(parts.database):
        if time.monotonic() >= until:
            raise StorageUnavailable("wal_busy")
        time.sleep(_PAUSE_SECONDS)


def _reread(parts: Parts, plan_id: bytes) -> tuple[Checked, Checked]:
    with parts.database.read() as connection:
        wraps = residue.wrap_digests(connection, plan_id)
        gone = set(residue.destroyed_ids(connection, plan_id))
    sought = residue.Sought(wraps, _HEADS, gone, _NAMES)
    seen = residue.reread(parts.database, sought)
    if seen.wraps or seen.rows:
        # SQLite overwrites what it deletes, but not the copies it leaves behind when it moves rows between pages.
        residue.rewrite(parts.database)
        _truncate(parts)
        seen = residue.reread(parts.database, sought)
    for check, found in ((Check.RAW_REREAD, seen.wraps), (Check.RAW_ROWS, seen.rows)):
        if found:
            raise IntegrityError("residue_found", check=check.value, count=found)
    return (
        Checked(Check.RAW_REREAD, facts={"bytes": seen.bytes_read, "keys": len(wraps)}),
        Checked(Check.RAW_ROWS, facts={"records": len(gone)}),
    )
