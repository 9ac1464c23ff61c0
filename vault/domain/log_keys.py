"""The line by which the log's signing key names its successor, in a checkpoint that both of them sign.

A checkpoint with such a line is a *key statement*: the last word of the key that is replaced. It says where the log
stood, so that nothing longer is believed of that key, whoever may have copied it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vault.domain.log import micros_text
from vault.errors import InvalidValue

PUBLIC_BYTES: Final = 32
"""Of an Ed25519 public key (RFC 8032)."""

_KEY: Final = r"[A-Za-z0-9+/]{44}"  # of 33 bytes
_LINE: Final = re.compile(
    rf"key-change ([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}Z) ({_KEY}) ({_KEY})"
)
_ED25519: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Which key follows which, and since when.

    Attributes:
        at: when, UTC.
        old: public key that is replaced, 32 bytes.
        new: public key that follows, 32 bytes.
    """

    at: datetime
    old: bytes
    new: bytes

    def __post_init__(self) -> None:
        """Refuse what names no two keys.

        Raises:
            InvalidValue: ``key_change``.
        """
        if {len(self.old), len(self.new)} != {PUBLIC_BYTES} or self.old == self.new or self.at.tzinfo is None:
            raise InvalidValue("key_change", field="body")

    def line(self) -> str:
        """Return the extension line of the checkpoint, without a newline (docs/formats.md, "Key statement")."""
        old, new = (base64.b64encode(_ED25519 + one).decode() for one in (self.old, self.new))
        return f"key-change {micros_text(self.at)} {old} {new}"

    @classmethod
    def read(cls, line: str) -> KeyChange | None:
        """Read an extension line of a checkpoint; None where it says something else.

        Args:
            line: without its newline.

        Raises:
            InvalidValue: ``key_change``: it names no two Ed25519 keys, or no time.
        """
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        old, new = (base64.b64decode(one) for one in (found[2], found[3]))  # 44 digits stand for 33 bytes, one way only
        try:
            at = datetime.fromisoformat(found[1]).astimezone(UTC)
        except ValueError:
            raise InvalidValue("key_change", field="body") from None
        if not old.startswith(_ED25519) or not new.startswith(_ED25519):
            raise InvalidValue("key_change", field="body")
        return cls(at, old[len(_ED25519) :], new[len(_ED25519) :])
