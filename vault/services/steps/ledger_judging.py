"""Whether ledger and database agree: what is erased is gone, and what is gone is in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from vault.domain.ledger import EntryKind, LedgerHead
from vault.services.steps.parts import Parts
from vault.storage import erasure


@dataclass(frozen=True, slots=True)
class LedgerVerdict:
    """What comparing ledger and database has found.

    Args:
        head: of the ledger, read from beginning to end in every copy.
        living: records that are there although the ledger says they are erased: a restored database.
        unsaid: tombstones that the ledger does not know of; the next run of their plan adds them.
    """

    head: LedgerHead
    living: int
    unsaid: int


def judge(parts: Parts) -> LedgerVerdict:
    """Compare ledger and database.

    Raises:
        VaultSealed: the ledger is damaged, or its copies differ.
        StorageUnavailable: it cannot be read.
    """
    head = parts.ledger.check()
    living = known = 0
    with parts.database.read() as connection:
        for entry in parts.ledger.entries():
            if entry.kind is EntryKind.ERASED:
                living += len(erasure.living(connection, entry.ids))
                known += len(erasure.buried(connection, entry.ids))
        return LedgerVerdict(head, living, max(0, erasure.count_buried(connection) - known))
