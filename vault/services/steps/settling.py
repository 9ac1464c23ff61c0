"""Settling the log: durable events get their places, and a checkpoint over them is signed.

The signer remembers outside the database what it signed last, and signs only extensions of that: or, where the
operator has accepted a loss by a signed statement, extensions of what was kept.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_tree import Frontier
from vault.errors import VaultSealed
from vault.services.steps.gaps import AcceptedGap, accepted, grow
from vault.services.steps.parts import Parts
from vault.services.steps.signing import key_chain, signer
from vault.storage import log, vault_state
from vault.storage.log_files import SignedState
from vault.storage.unit_of_work import unit_of_work


def settle(parts: Parts, now: datetime) -> int:
    """Put waiting events in order and sign a checkpoint over them; safe to repeat, single on a host.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        The size of the log.

    Raises:
        VaultSealed: the database went back in time or its history was rewritten; nothing was signed.
        StorageError: ``log_has_gap``: an event is missing; nothing was signed.
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
            gap = _refuse_rewound(parts, connection, before, size)
            frontier, last_leaf = _where_to_go_on(before, gap)
            last_leaf = grow(connection, frontier, last_leaf, size)
            key, chain = signer(parts, connection), key_chain(parts, connection)
        if size == 0:
            return 0
        if gap is not None:  # before the memory forgets what was lost
            files.declare(gap.note)
        if before is None or gap is not None or size > before.frontier.size:
            head = parts.ledger.head()
            _refuse_older_ledger(parts, before)
            note = key.sign(Checkpoint(state.origin, size, frontier.root(), head).body())
            # Memory first, synced, then the checkpoint: nobody ever sees a checkpoint the signer forgot.
            files.remember(SignedState(frontier, last_leaf, note))
        else:
            note = before.note
            files.publish(note)
        with unit_of_work(parts.database) as work:
            log.add_checkpoint(work.connection, size, note, now)
            work.commit()
        for one in chain.statements:  # of another host, say: here it outlives the database
            files.declare_key(one.note)
        parts.anchors.deliver(note, size, now, files.gaps(), files.keys())
        return size


def _where_to_go_on(before: SignedState | None, gap: AcceptedGap | None) -> tuple[Frontier, bytes]:
    """Return the tree to sign an extension of, and its last leaf."""
    if gap is not None:
        return gap.frontier, gap.last_leaf
    return (Frontier(), b"") if before is None else (before.frontier.copy(), before.last_leaf)


def refuse_rewound(parts: Parts) -> None:
    """Refuse to work on a database that is older than what was signed, or that holds another history.

    Raises:
        VaultSealed: ``database_rewound``, ``history_rewritten``, or ``signer_memory_unreadable`` where the database
            was signed and nothing outside it remembers what; ``ledger_older``; ``signing_key_replaced``.
    """
    _refuse_older_ledger(parts, parts.log_files.signed())
    refuse_rewound_database(parts)
    with parts.database.read() as connection:
        signer(parts, connection)


def refuse_rewound_database(parts: Parts) -> None:
    """Refuse what :func:`refuse_rewound` refuses, the ledger aside: that is quick enough to ask again and again.

    Raises:
        VaultSealed: ``database_rewound``, ``history_rewritten`` or ``signer_memory_unreadable``.
    """
    with parts.database.read() as connection:
        refuse_rewound_connection(parts, connection)


def refuse_rewound_connection(parts: Parts, connection: Connection) -> None:
    """Refuse the same of the database behind a connection on which nothing was asked yet."""
    before = parts.log_files.signed()  # first: what is signed meanwhile makes the database longer, never shorter
    _refuse_rewound(parts, connection, before, log.size(connection))


def _refuse_older_ledger(parts: Parts, before: SignedState | None) -> None:
    """Refuse a ledger that forgot what a signed checkpoint names: a restore would bring back what was destroyed.

    Raises:
        VaultSealed: ``ledger_older``, or what is wrong with the ledger itself.
    """
    signed = None if before is None else Checkpoint.parse(before.note.partition("\n\n")[0] + "\n").ledger
    if signed is not None and not parts.ledger.extends(signed):
        raise VaultSealed("ledger_older", signed=signed.count, found=parts.ledger.head().count)


def _refuse_rewound(parts: Parts, connection: Connection, before: SignedState | None, size: int) -> AcceptedGap | None:
    """Return None where all is well, or the statement by which the operator accepted that it is not."""
    if before is None:
        if log.was_signed(connection):  # signing from the beginning again would bless whatever is there now
            raise VaultSealed("signer_memory_unreadable", path="signer.json")
        return None
    fault = rewound(connection, before, size)
    if fault is None:
        return None
    gap = accepted(parts, connection, before)
    if gap is None:
        raise fault
    return gap


def rewound(connection: Connection, before: SignedState, size: int) -> VaultSealed | None:
    """Return what is wrong with a database that does not hold what was signed; None where it does.

    Args:
        connection: an open connection.
        before: what the signer remembers.
        size: events in order.
    """
    signed = before.frontier.size
    if size < signed:
        return VaultSealed("database_rewound", signed=signed, found=size)
    if log.leaf_hashes(connection, signed - 1, signed) != [before.last_leaf]:
        return VaultSealed("history_rewritten", signed=signed)
    return None
