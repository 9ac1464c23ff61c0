"""A step of every walk that gives out one entry of the log with its proof."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vault.domain.log_proofs import LogProof, extra_data
from vault.domain.log_tree import inclusion_proof
from vault.services.steps.parts import Parts
from vault.services.steps.signing import key_chain
from vault.storage import log_entries, log_exports
from vault.storage.log_tiles import TileReader


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """One entry of the log and what proves it.

    Attributes:
        canonical: the event, exactly the bytes that are hashed.
        size: entries of the log that the proof's checkpoint signs.
        proof: place, path and checkpoint.
        keys: the key statements that belong to the checkpoint.
    """

    canonical: bytes
    size: int
    proof: LogProof
    keys: tuple[str, ...]

    def of_statement(self) -> LogProof:
        """Return the proof of a statement that the entry names: it carries the entry."""
        return replace(self.proof, extra=extra_data(self.canonical, self.keys))


def proven_entry(parts: Parts, entry: bytes | int, size: int) -> ProvenEntry | None:
    """Return an entry with its proof under the checkpoint of a size.

    Args:
        parts: the vault's parts.
        entry: the event's id, or its place.
        size: a signed size of the log (:func:`vault.services.steps.settling.settle` returns the newest).

    Returns:
        The entry; None where there is none, or where it has no place below that size yet.
    """
    with parts.database.read() as connection:
        place = log_entries.place_of(connection, entry) if isinstance(entry, bytes) else entry
        if place is None or place >= size:
            return None
        canonical, note = log_entries.at_place(connection, place), log_exports.note(connection, size)
        if canonical is None or note is None:
            return None
        tiles = TileReader(parts.database, connection)
        tiles.prepare(place, size)
        path = inclusion_proof(place, size, tiles.node)
        keys = tuple(one.note for one in key_chain(parts, connection).statements)
    return ProvenEntry(canonical, size, LogProof(place, tuple(path), note, extra_data(b"", keys)), keys)
