"""Whether ledger and database agree: what is erased is gone, and what is gone is in the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from vault.domain.ledger import LedgerHead
from vault.services.steps.hold_agreement import apart
from vault.services.steps.parts import Parts
from vault.services.steps.remembering import remember
from vault.storage import erasure


@dataclass(frozen=True, slots=True)
class LedgerVerdict:
    """What comparing ledger and database has found.

    Args:
        head: of the ledger, read from beginning to end in every copy.
        living: records that are there although the ledger says they are erased: a restored database.
        unsaid: tombstones that the ledger does not know of; the next run of their plan adds them.
        holds: legal holds of which one knows and the other does not; the next run, or the next night, evens them out.
    """

    head: LedgerHead
    living: int
    unsaid: int
    holds: int


def judge(parts: Parts) -> LedgerVerdict:
    """Compare ledger and database.

    Raises:
        VaultSealed: the ledger is damaged, or its copies differ.
        StorageUnavailable: it cannot be read.
    """
    head = parts.ledger.check()
    living = known = 0
    with parts.database.read() as connection:
        buried = erasure.count_buried(connection)  # first: what is destroyed meanwhile stands in the ledger already

    def compare(ids: tuple[bytes, ...]) -> None:
        """Count which of some records are there, and which are remembered as destroyed."""
        nonlocal living, known
        with parts.database.read() as connection:  # one for each batch: none is open for long
            living += len(erasure.living(connection, ids))
            known += len(erasure.buried(connection, ids))

    remembered = remember(parts.ledger, erased=compare)
    return LedgerVerdict(head, living, max(0, buried - known), apart(parts, remembered.holds).count)
