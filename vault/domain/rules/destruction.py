"""Rules of destroying what has expired: who signs, how long it can be stopped, and what stays in spite of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from vault.domain.rules.shape import STRICT, Named

_LEAST_COOLING = 1
_LONGEST_REVIEW = 24
_LONGEST_GRACE = 15
"""Days; two weekends and a long holiday. Nobody is to declare away what was left lying."""


@dataclass(frozen=True, slots=True)
class DestructionPolicy:
    """Destruction plans and legal holds (RD-03 to RD-05).

    Args:
        id: of the rule.
        clause: where it comes from.
        cooling_minutes: between the approval of a plan and its first destroyed record.
        approval_hours: an approved plan that was not begun by then needs a new approval.
        grace_days: so long a record that is due may wait for its plan to be signed and carried out before that counts
            as an exception (RD-01, RD-02); it is restricted all the while.
        sample: how many masked records are shown with a plan.
        horizon_days: what falls due within so many days is shown, ascending.
        clock_jump_days: after a longer jump of the clock nothing is destroyed before an officer has confirmed the date.
        backup_days: how long backups are kept, and so how long a certificate names them.
        backup_warn_days: after so many days without a verified backup the doctor warns.
        hold_review_months: after how long a hold is looked at again at the latest.
        hold_nag_days: so many days before its review the officer of a hold is told.
        reasons: why a record is held.
        releases: why a hold ends.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    cooling_minutes: int
    approval_hours: int
    grace_days: int
    sample: int
    horizon_days: Sequence[int]
    clock_jump_days: int
    backup_days: int
    backup_warn_days: int
    hold_review_months: int
    hold_nag_days: int
    reasons: Mapping[str, Named]
    releases: Mapping[str, Named]

    def cooling(self) -> timedelta:
        """Return how long an approved plan can still be stopped before anything is destroyed."""
        return timedelta(minutes=self.cooling_minutes)

    def approval(self) -> timedelta:
        """Return how long an approval holds."""
        return timedelta(hours=self.approval_hours)

    def grace(self) -> timedelta:
        """Return how long a record that is due may wait for its plan before that is an exception."""
        return timedelta(days=self.grace_days)

    def clock_jump(self) -> timedelta:
        """Return the jump of the clock from which an officer confirms the date."""
        return timedelta(days=self.clock_jump_days)

    def backup(self) -> timedelta:
        """Return how long a backup is kept."""
        return timedelta(days=self.backup_days)

    def backup_warning(self) -> timedelta:
        """Return the age of the newest verified backup from which the doctor warns."""
        return timedelta(days=self.backup_warn_days)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together."""
        numbers = (
            self.approval_hours, self.sample, self.clock_jump_days, self.backup_days, self.backup_warn_days,
            self.hold_review_months, self.hold_nag_days, self.grace_days, *self.horizon_days,
        )  # fmt: skip
        if self.cooling_minutes < _LEAST_COOLING or min(numbers) <= 0 or not self.horizon_days:
            yield "limit_not_positive", self.id
        if self.cooling() >= self.approval():
            yield "cooling_outlasts_approval", self.id
        if list(self.horizon_days) != sorted(set(self.horizon_days)):
            yield "horizon_not_ascending", self.id
        if self.hold_review_months > _LONGEST_REVIEW:
            yield "hold_review_too_far", self.id
        if self.grace_days > _LONGEST_GRACE:
            yield "grace_too_long", self.id
        if not self.reasons or not self.releases:
            yield "no_reason", self.id
