"""Gap statements: which there are, whether one opens a database that went back in time, and growing its tree again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from vault.crypto.signing import NoteVerifier
from vault.domain.log_gaps import GapStatement
from vault.domain.log_tree import Frontier
from vault.errors import IntegrityError, InvalidValue, StorageError
from vault.services.steps.parts import Parts
from vault.services.steps.signing import signer
from vault.storage import log, log_gaps
from vault.storage.log_files import SignedState

BATCH = 4096
"""Events whose hashes are read in one go."""


@dataclass(frozen=True, slots=True)
class AcceptedGap:
    """A gap statement about what the signer remembers, found true of the database.

    Args:
        statement: what it says.
        note: as it was signed.
        frontier: the tree of what was kept, grown again from the events.
        last_leaf: the last of them.
    """

    statement: GapStatement
    note: str
    frontier: Frontier
    last_leaf: bytes


def declared(parts: Parts, connection: Connection) -> list[str]:
    """Return every gap statement, the first accepted first, of the database and of the file beside the checkpoint.

    Neither need hold all: a database that went back twice has lost the first one, and each host keeps its own file.
    """
    outside = parts.log_files.gaps()
    notes = dict.fromkeys([*outside, *log_gaps.notes(connection)])
    return sorted(notes, key=_accepted_line)


def _accepted_line(note: str) -> str:
    """Return the line of a note that says when; RFC 3339 in UTC sorts as text."""
    return next((line for line in note.split("\n") if line.startswith("accepted ")), "")


def accepted(parts: Parts, connection: Connection, before: SignedState) -> AcceptedGap | None:
    """Return the statement by which the operator accepted the loss of exactly what the signer remembers.

    It counts only with our key's signature, and only if the database really begins with what it says was kept.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        before: what the signer remembers.

    Returns:
        The gap with the tree of what was kept; None where there is no such statement.
    """
    lost = before.frontier
    note = log_gaps.note_of(connection, lost.size, lost.root())
    if note is None:
        return None
    try:
        statement = GapStatement.parse(NoteVerifier.parse(signer(parts, connection).verifier_key()).verify(note))
    except (IntegrityError, InvalidValue):
        return None
    if (statement.lost.size, statement.lost.root) != (lost.size, lost.root()):
        return None
    frontier = Frontier()
    try:
        last_leaf = grow(connection, frontier, b"", statement.kept.size)
    except StorageError:
        return None
    if frontier.root() != statement.kept.root:
        return None
    return AcceptedGap(statement, note, frontier, last_leaf)


def grow(connection: Connection, frontier: Frontier, last_leaf: bytes, stop: int) -> bytes:
    """Grow a tree by the events up to a size, their hashes computed anew.

    Args:
        connection: an open connection.
        frontier: the tree; it grows from where it stands.
        last_leaf: its last leaf.
        stop: the size it shall have.

    Returns:
        The last leaf now.

    Raises:
        StorageError: ``log_has_gap``: an event is missing.
    """
    while frontier.size < stop:
        start, end = frontier.size, min(frontier.size + BATCH, stop)
        leaves = log.leaf_hashes(connection, start, end)
        if len(leaves) != end - start:
            raise StorageError("log_has_gap", index=start)
        frontier.extend(leaves)
        last_leaf = leaves[-1]
    return last_leaf
