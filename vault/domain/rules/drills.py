"""Rules of emergency drills: one a month, and how fast the response is to be (EM-09, BR-01, BR-03)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from vault.domain.rules.shape import STRICT

_MOST_CUSTOMERS = 500
_LAST_DAY = 28
_LONGEST_ACTIVATION = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class DrillPolicy:
    """Emergency drills (EM-09).

    Args:
        id: of the rule.
        clause: where it comes from.
        customers: made-up customers in each drill.
        remind_from_day: day of the month from which officers are reminded of a drill that is still to be held.
        months_shown: how many months back the vault tells of drills.
        activate_seconds: from awareness until the emergency plan is activated, at most.
        list_seconds: from awareness until the affected customers are listed, at most.
        notify_seconds: from awareness until they were notified, at most.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    customers: int
    remind_from_day: int
    months_shown: int
    activate_seconds: int
    list_seconds: int
    notify_seconds: int

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together; a drill may be stricter than the two hours of BR-01, never laxer."""
        times = (self.activate_seconds, self.list_seconds, self.notify_seconds)
        if min(times) <= 0 or self.months_shown <= 0:
            yield "limit_not_positive", self.id
        if not 1 <= self.customers <= _MOST_CUSTOMERS:
            yield "drill_size_impossible", self.id
        if not 1 <= self.remind_from_day <= _LAST_DAY:
            yield "drill_day_impossible", self.id
        if timedelta(seconds=self.activate_seconds) > _LONGEST_ACTIVATION or list(times) != sorted(times):
            yield "drill_targets_impossible", self.id
