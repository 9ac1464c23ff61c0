"""Putting records under another cohort: row, wrap and index rows of each change together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, update

from vault.domain.identifiers import IdentifierKind
from vault.domain.records import RecordMeta
from vault.errors import StorageError
from vault.storage.bulk import insert_rows
from vault.storage.tables import record_index, records, wrapped_keys


@dataclass(frozen=True, slots=True)
class Move:
    """One record about to move.

    Args:
        meta: its metadata, with the cohort it moves to.
        mac: over it, under that cohort.
        wrapped: its data key under that cohort.
        tags: its index rows under that cohort as (kind, ordinal, tag).
        leaves: key id of the cohort it leaves.
        revision: the revision the move starts from.
    """

    meta: RecordMeta
    mac: bytes
    wrapped: bytes
    tags: Sequence[tuple[IdentifierKind, int, bytes]]
    leaves: bytes
    revision: int


def move(connection: Connection, moves: Sequence[Move]) -> None:
    """Move records; nothing of them stays behind under the cohorts they leave.

    Args:
        connection: inside a writing transaction that holds the cohorts they move to open.
        moves: the records.

    Raises:
        StorageError: ``changed_meanwhile``: somebody changed, moved or destroyed one of them since it was read.
    """
    for one in moves:
        _move_row(connection, one)
        record_id = one.meta.record_id
        wrap = wrapped_keys.c
        gone = delete(wrapped_keys).where(wrap.cohort_id == one.leaves, wrap.record_id == record_id)
        if connection.execute(gone).rowcount != 1:
            raise StorageError("changed_meanwhile")
        connection.execute(delete(record_index).where(record_index.c.record_id == record_id))
    insert_rows(connection, wrapped_keys, [(one.meta.cohort_id, one.meta.record_id, one.wrapped) for one in moves])
    rows = [(tag, one.meta.record_id, kind.value, ordinal) for one in moves for kind, ordinal, tag in one.tags]
    insert_rows(connection, record_index, rows)


def _move_row(connection: Connection, one: Move) -> None:
    column, then = records.c, one.revision + 1
    moving = update(records).where(
        column.record_id == one.meta.record_id, column.revision == one.revision, column.cohort_id == one.leaves
    )
    # No value changes: as its import left it, if it was.
    imported = case((column.import_revision == one.revision, then), else_=column.import_revision)
    values = {"cohort_id": one.meta.cohort_id, "mac": one.mac, "revision": then, "import_revision": imported}
    if connection.execute(moving.values(**values)).rowcount != 1:
        raise StorageError("changed_meanwhile")
