"""The text of a gap statement: which part of the signed log was lost, and that the operator accepted it.

A database that went back in time lacks events that were signed. Nothing brings them back; what can be had is that the
loss is said aloud, signed, and never silent again. The text can be taken for no checkpoint: its first line is no log's
name, and its second no size.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vault.domain.log import micros_text
from vault.domain.log_checkpoints import Checkpoint
from vault.errors import InvalidValue

MARK: Final = "/gap/v1"
"""Ends the first line, behind the log's origin."""

_BODY: Final = re.compile(
    r"(?P<origin>[^\n]+)" + MARK + r"\nkept (?P<kept>\S+ \S+)\nlost (?P<lost>\S+ \S+)"
    r"\naccepted (?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)\nreason (?P<reason>[a-z_]+)\n"
)


class GapReason(StrEnum):
    """Why the database lacks what was signed, as the operator says."""

    RESTORED_BACKUP = "restored_backup"
    PROMOTED_STANDBY = "promoted_standby"
    LOST_DISK = "lost_disk"
    OTHER_HISTORY = "other_history"


@dataclass(frozen=True, slots=True)
class GapStatement:
    """What was lost, not yet signed.

    Attributes:
        kept: the state of the log that both histories begin with.
        lost: the state that was signed last, and that the database does not hold.
        accepted_at: when the operator accepted the loss, UTC.
        reason: why, as the operator says.
    """

    kept: Checkpoint
    lost: Checkpoint
    accepted_at: datetime
    reason: GapReason

    def __post_init__(self) -> None:
        """Refuse what states no loss of one log.

        Raises:
            InvalidValue: ``gap_statement``.
        """
        if self.kept.origin != self.lost.origin or not self.kept.size < self.lost.size:
            raise InvalidValue("gap_statement", field="body")

    def body(self) -> str:
        """Return the five lines that are signed (docs/formats.md, "Gap statement")."""
        return (
            f"{self.lost.origin}{MARK}\nkept {_state(self.kept)}\nlost {_state(self.lost)}\n"
            f"accepted {micros_text(self.accepted_at)}\nreason {self.reason}\n"
        )

    @classmethod
    def parse(cls, body: str) -> GapStatement:
        """Read the text of a note whose signature has been checked.

        Args:
            body: the five lines, each ended by a single newline.

        Returns:
            The statement.

        Raises:
            InvalidValue: ``gap_statement``, or what :meth:`Checkpoint.parse` finds wrong with one of the two states.
        """
        found = _BODY.fullmatch(body)
        if found is None:
            raise InvalidValue("gap_statement", field="body")
        kept, lost = (_parsed(found["origin"], found[name]) for name in ("kept", "lost"))
        try:
            at, reason = datetime.fromisoformat(found["at"]), GapReason(found["reason"])
        except ValueError:
            raise InvalidValue("gap_statement", field="body") from None
        return cls(kept, lost, at, reason)


def _state(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size} {base64.b64encode(checkpoint.root).decode()}"


def _parsed(origin: str, state: str) -> Checkpoint:
    return Checkpoint.parse("\n".join((origin, *state.split(" "), "")))
