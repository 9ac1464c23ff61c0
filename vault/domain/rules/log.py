"""Rules of the access log: how long it is kept, when it is verified, and the shift by which readings are judged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from typing import ClassVar

from vault.domain.rules.shape import STRICT

LEAST_MONTHS = 6
"""No log may be kept for less: Cybersecurity Law art. 21 (3)."""

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """How the access log is kept and looked at.

    Args:
        id: of the rule.
        clause: where it comes from.
        keep_months: for how long events are kept; half a year is the least.
        shift_from: when the working day begins, ``HH:MM`` of the company's zone.
        shift_to: when it ends; before ``shift_from`` for a shift over midnight.
        verify_at: when the vault verifies the whole log each day, ``HH:MM`` of the company's zone.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    keep_months: int
    shift_from: str
    shift_to: str
    verify_at: str

    def in_shift(self, at: time) -> bool:
        """Return whether a time of the company's zone lies within the working day; its end does not."""
        start, end = time.fromisoformat(self.shift_from), time.fromisoformat(self.shift_to)
        if start < end:
            return start <= at < end
        return at >= start or at < end

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together, or keep less than the law wants."""
        if self.keep_months < LEAST_MONTHS:
            yield "log_kept_too_short", self.id
        times = (self.shift_from, self.shift_to)
        if not all(_TIME.fullmatch(one) for one in times) or self.shift_from == self.shift_to:
            yield "shift_impossible", self.id
        if not _TIME.fullmatch(self.verify_at):
            yield "verify_time_impossible", self.id
