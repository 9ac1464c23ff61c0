"""Settling the log: durable events get their places, and a checkpoint over them is signed.

The signer remembers outside the database what it signed last, and signs only extensions of that.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_tree import Frontier
from vault.errors import VaultSealed
from vault.services.steps.parts import Parts
from vault.storage import log, vault_state
from vault.storage.log_files import SignedState
from vault.storage.unit_of_work import unit_of_work

_BATCH = 4096


def settle(parts: Parts, now: datetime) -> int:
    """Put waiting events in order and sign a checkpoint over them; safe to repeat, single on a host.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        The size of the log.

    Raises:
        VaultSealed: the database went back in time or its history was rewritten; nothing was signed.
    """
    log.order(parts.database)
    return _sign(parts, now)


def _sign(parts: Parts, now: datetime) -> int:
    files = parts.log_files
    with files.locked():
        before = files.signed()
        with parts.database.read() as connection:
            state = vault_state.read(connection)
            if state is None:
                raise VaultSealed("no_vault_here")
            size = log.size(connection)
            frontier = Frontier() if before is None else before.frontier.copy()
            _refuse_rewound(connection, before, size)
            last_leaf = b"" if before is None else before.last_leaf
            for start in range(frontier.size, size, _BATCH):
                leaves = log.leaf_hashes(connection, start, min(start + _BATCH, size))
                frontier.extend(leaves)
                last_leaf = leaves[-1]
            signer = parts.keys.current(connection).signer(state.origin)
        if size == 0:
            return 0
        if before is None or size > before.frontier.size or not files.checkpoint.exists():
            note = signer.sign(Checkpoint(state.origin, size, frontier.root()).body())
            # Memory first, synced, then the checkpoint: nobody ever sees a checkpoint the signer forgot.
            files.remember(SignedState(frontier, last_leaf, note))
        else:
            note = before.note
        with unit_of_work(parts.database) as work:
            log.add_checkpoint(work.connection, size, note, now)
            work.commit()
        parts.anchors.deliver(note, size, now)
        return size


def refuse_rewound(parts: Parts) -> None:
    """Refuse to work on a database that is older than what was signed, or that holds another history.

    Raises:
        VaultSealed: ``database_rewound``, ``history_rewritten``, or ``signer_memory_unreadable`` where the database
            was signed and nothing outside it remembers what.
    """
    before = parts.log_files.signed()
    with parts.database.read() as connection:
        _refuse_rewound(connection, before, log.size(connection))


def _refuse_rewound(connection: Connection, before: SignedState | None, size: int) -> None:
    if before is None:
        if log.was_signed(connection):  # signing from the beginning again would bless whatever is there now
            raise VaultSealed("signer_memory_unreadable", path="signer.json")
        return
    signed = before.frontier.size
    if size < signed:
        raise VaultSealed("database_rewound", signed=signed, found=size)
    if log.leaf_hashes(connection, signed - 1, signed) != [before.last_leaf]:
        raise VaultSealed("history_rewritten", signed=signed)
