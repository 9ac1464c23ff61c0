"""The signing keys of one log from first to last: which statements connect them, and how far each was in force.

A key statement is a checkpoint that names an old and a new key and that both have signed (docs/formats.md). Whoever
trusts one key of the chain can follow it to the others, forwards and backwards. Of a key that was replaced nothing is
believed beyond the size at which that was said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from vault.crypto.signing import NoteVerifier, verifier_key
from vault.domain.log_checkpoints import Checkpoint
from vault.errors import IntegrityError, InvalidValue


@dataclass(frozen=True, slots=True)
class KeyStatement:
    """A statement that both of its keys have signed; whether anybody trusts one of them is another question.

    Attributes:
        state: the checkpoint.
        at: when the key was replaced, UTC.
        old: verifier key that was replaced.
        new: verifier key that follows it.
        note: as it was signed.
    """

    state: Checkpoint
    at: datetime
    old: str
    new: str
    note: str


def read_statement(note: str) -> KeyStatement | None:
    """Read a key statement; None where it is none, or where one of its two signatures is missing or wrong."""
    try:
        state = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
        if state.change is None:
            return None
        old, new = (verifier_key(state.origin, one) for one in (state.change.old, state.change.new))
        for one in (old, new):
            NoteVerifier.parse(one).verify(note)
    except (InvalidValue, IntegrityError):
        return None
    return KeyStatement(state, state.change.at, old, new, note)


class KeyChain:
    """The keys that statements connect with one that is trusted.

    Attributes:
        statements: those that connect them.

    Args:
        pin: the verifier key that is trusted.
        notes: key statements, in any order; those that are not whole, or lead elsewhere, are passed over.

    Raises:
        IntegrityError: the pin is no verifier key.
    """

    def __init__(self, pin: str, notes: Iterable[str] = ()) -> None:
        self._verifiers = {pin: NoteVerifier.parse(pin)}
        self._ends: dict[str, int] = {}
        self.statements: list[KeyStatement] = []
        waiting = [one for one in map(read_statement, dict.fromkeys(notes)) if one is not None]
        found = True
        while found:
            found = False
            for one in waiting.copy():
                if not self._verifiers.keys().isdisjoint((one.old, one.new)):
                    waiting.remove(one)
                    found = True
                    self._add(one)

    def _add(self, one: KeyStatement) -> None:
        for key in (one.old, one.new):
            self._verifiers.setdefault(key, NoteVerifier.parse(key))
        self.statements.append(one)
        # The smaller of two sizes: only a fork has two, and what is refused is seen.
        self._ends[one.old] = min(one.state.size, self._ends.get(one.old, one.state.size))

    @property
    def keys(self) -> frozenset[str]:
        """Every verifier key of the chain."""
        return frozenset(self._verifiers)

    def verify(self, note: str, size: int | None = None) -> str:
        """Return the text of a note that a key of the chain has signed.

        Args:
            note: the whole note.
            size: of the log that it speaks of: a key replaced before counts no more. None for any.

        Raises:
            IntegrityError: as :meth:`NoteVerifier.verify`.
        """
        found = None
        for key, verifier in self._verifiers.items():
            try:
                text = verifier.verify(note)
            except IntegrityError as error:
                if error.reason != "note_not_signed_by_key":
                    raise
                continue
            if size is None or size <= self._ends.get(key, size):
                found = text
        if found is None:
            raise IntegrityError("note_not_signed_by_key")
        return found

    def checkpoint(self, note: str) -> Checkpoint:
        """Return a checkpoint signed by a key that was in force at its size.

        Raises:
            IntegrityError: as :meth:`verify`.
            InvalidValue: as :meth:`Checkpoint.parse`.
        """
        state = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
        self.verify(note, state.size)
        return state
