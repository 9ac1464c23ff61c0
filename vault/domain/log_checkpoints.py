"""The text of a checkpoint: who speaks, how long the log is, and its root (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from vault.domain.ledger import LedgerHead
from vault.domain.log_keys import KeyChange
from vault.domain.log_tree import HASH_BYTES
from vault.errors import InvalidValue

LARGEST_SIZE: Final = 2**63 - 1  # what both engines can count
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_UNSIGNABLE: Final = re.compile(r"[\x00-\x1f\ud800-\udfff]")  # controls; what UTF-8 cannot write
_OWN_LINES: Final = 3
_LEDGER: Final = re.compile(r"ledger (0|[1-9][0-9]{0,18}) ([A-Za-z0-9+/]{43}=)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's state at one moment, not yet signed (C2SP tlog-checkpoint, "Note text").

    Attributes:
        origin: the log's name; not empty, no control characters, writable as UTF-8.
        size: number of ordered events, 0 to 2**63 - 1.
        root: the RFC 6962 root over them, 32 bytes.
        ledger: how far the ledger of destruction had come, as an extension line says; None where none does. It is no
            part of the state of the log, so that two checkpoints of one state are equal.
        change: that the signing key is replaced at this state, as an extension line says; None in all but key
            statements. No part of the state either.
    """

    origin: str
    size: int
    root: bytes
    ledger: LedgerHead | None = field(default=None, compare=False)
    change: KeyChange | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse what could not be read back.

        Raises:
            InvalidValue: ``checkpoint_origin``, ``checkpoint_size`` or ``checkpoint_root``.
        """
        if not self.origin or _UNSIGNABLE.search(self.origin):
            raise InvalidValue("checkpoint_origin", field="origin")
        if not 0 <= self.size <= LARGEST_SIZE:
            raise InvalidValue("checkpoint_size", field="size")
        if len(self.root) != HASH_BYTES:
            raise InvalidValue("checkpoint_root", field="root")

    def body(self) -> str:
        """Return what is signed: three lines, and extension lines for the head of the ledger and a change of keys."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode()]
        if self.ledger is not None:
            lines.append(f"ledger {self.ledger.count} {base64.b64encode(self.ledger.digest).decode()}")
        if self.change is not None:
            lines.append(self.change.line())
        return "".join(f"{one}\n" for one in lines)

    @classmethod
    def parse(cls, body: str) -> Checkpoint:
        """Read the text of a note whose signature has been checked.

        Args:
            body: at least three lines, each ended by a single newline. Further lines are extensions, which the
                format allows others to write: they must not be empty; of these only our own is kept.

        Returns:
            The checkpoint.

        Raises:
            InvalidValue: ``checkpoint_lines``, ``checkpoint_origin``, ``checkpoint_size``, ``checkpoint_root`` or
                ``key_change``.
        """
        *lines, end = body.split("\n")
        if end or len(lines) < _OWN_LINES or not all(lines) or any(_UNSIGNABLE.search(line) for line in lines):
            raise InvalidValue("checkpoint_lines", field="body")
        origin, size, root = lines[:_OWN_LINES]
        if not _DECIMAL.fullmatch(size):
            raise InvalidValue("checkpoint_size", field="size")
        told = next(filter(None, map(_LEDGER.fullmatch, lines[_OWN_LINES:])), None)
        ledger = None if told is None else LedgerHead(int(told[1]), _canonical_base64(told[2]))
        change = next(filter(None, map(KeyChange.read, lines[_OWN_LINES:])), None)
        return cls(origin, int(size), _canonical_base64(root), ledger, change)


def _canonical_base64(text: str) -> bytes:
    """Decode RFC 4648 section 4, refusing every spelling but the one that encoding gives."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue("checkpoint_root", field="root") from None
    if base64.b64encode(data).decode() != text:
        raise InvalidValue("checkpoint_root", field="root")
    return data
