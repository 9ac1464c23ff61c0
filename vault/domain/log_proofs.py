"""The text of a proof that one entry is in the log (C2SP tlog-proof): its place, its path, and a signed checkpoint.

A proof is one file, so that it can lie beside what it proves for as long as that is kept. It says nothing by itself:
who judges it needs the entry's bytes and a public key obtained elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vault.domain.log_checkpoints import LARGEST_SIZE
from vault.domain.log_tree import HASH_BYTES
from vault.errors import InvalidValue

SUFFIX: Final = ".tlog-proof"
"""The end of such a file's name, as the format asks for it."""

MOST_HASHES: Final = LARGEST_SIZE.bit_length()
_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_EXTRA, _INDEX = "extra ", "index "
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_ENTRY_ID: Final = re.compile(r"[0-9a-f]{32}")
_MOST_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class LogProof:
    """A proof of one entry (C2SP tlog-proof, "Format").

    Attributes:
        index: place of the entry, from 0.
        path: its inclusion proof (RFC 6962 section 2.1.1), from the sibling up; 32 bytes each.
        checkpoint: the signed note, as the log gave it out.
        extra: what else belongs to it; nothing vouches for that. Empty for none.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what could not be read back.

        Raises:
            InvalidValue: ``proof_index``, ``proof_path`` or ``proof_checkpoint``.
        """
        if not 0 <= self.index < LARGEST_SIZE:
            raise InvalidValue("proof_index", field="index")
        if len(self.path) > MOST_HASHES or any(len(one) != HASH_BYTES for one in self.path):
            raise InvalidValue("proof_path", field="path")
        if not self.checkpoint.endswith("\n") or "\n\n" not in self.checkpoint or self.checkpoint.startswith("\n"):
            raise InvalidValue("proof_checkpoint", field="checkpoint")

    def text(self) -> str:
        """Return the file's content."""
        extra = [_EXTRA + _base64(self.extra)] if self.extra else []
        lines = [_FIRST_LINE, *extra, f"{_INDEX}{self.index}", *map(_base64, self.path)]
        return "\n".join(lines) + f"\n\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> LogProof:
        """Read a proof; whether it proves anything is not looked at.

        Args:
            text: the file's content.

        Returns:
            The proof.

        Raises:
            InvalidValue: ``proof_lines``, ``proof_base64``, ``proof_index``, ``proof_path`` or ``proof_checkpoint``.
        """
        head, _, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != _FIRST_LINE:
            raise InvalidValue("proof_lines", field="text")
        extra = b""
        if lines and lines[0].startswith(_EXTRA):
            extra = _decoded(lines.pop(0).removeprefix(_EXTRA))
        if not lines or not lines[0].startswith(_INDEX):
            raise InvalidValue("proof_lines", field="text")
        index = lines.pop(0).removeprefix(_INDEX)
        if not _DECIMAL.fullmatch(index):
            raise InvalidValue("proof_index", field="index")
        if len(lines) > MOST_HASHES:
            raise InvalidValue("proof_path", field="path")
        return cls(int(index), tuple(map(_decoded, lines)), checkpoint, extra)


def extra_data(event: bytes, keys: Sequence[str]) -> bytes:
    """Return what belongs to a proof beside place and path; nothing where nothing does.

    Args:
        event: canonical bytes of the event, where it names what is proved instead of being it; or nothing.
        keys: the key statements that connect the checkpoint's key with those before it, oldest first.
    """
    return event + b"".join(f"\n{one}".encode() for one in keys)


def entry_named(text: str) -> bytes | int:
    """Read which entry of the log somebody means.

    Args:
        text: the event's id, 32 hexadecimal digits, or the entry's place, in decimal from 0.

    Returns:
        The id as bytes, or the place.

    Raises:
        InvalidValue: ``wrong_form``.
    """
    given = text.strip().lower()
    if _ENTRY_ID.fullmatch(given):
        return bytes.fromhex(given)
    if given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS:
        return int(given)
    raise InvalidValue("wrong_form", field="entry")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: str) -> bytes:
    """Decode RFC 4648 section 4, refusing nothing at all and every spelling but the one that encoding gives."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _base64(data) != text:
        raise InvalidValue("proof_base64", field="text")
    return data
