"""Rules of access: roles, purposes, what is seen of a field, and how much of it in an hour and a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from vault.domain.ids import Role
from vault.domain.rules.shape import STRICT


class View(StrEnum):
    """What a role sees of a field."""

    HIDDEN = "hidden"
    MASKED = "masked"
    REVEAL = "reveal"
    PLAIN = "plain"


class Right(StrEnum):
    """What a role may do at all; scope and purpose narrow it further."""

    LOOKUP = "lookup"
    REVEAL = "reveal"
    ASK = "ask"
    ACCOUNTS = "accounts"
    LOG_READ = "log_read"
    LOG_VERIFY = "log_verify"
    COMPLIANCE = "compliance"
    DECIDE = "decide"
    SHARE = "share"
    HAND_OVER = "hand_over"
    SUPERVISE = "supervise"
    BREAK_GLASS = "break_glass"
    APPROVE_BREAK_GLASS = "approve_break_glass"
    REVIEW_BREAK_GLASS = "review_break_glass"
    RETENTION = "retention"
    DESTROY = "destroy"
    INCIDENT_VIEW = "incident_view"
    INCIDENT = "incident"


class Scope(StrEnum):
    """Which customers a role may look up (product.md, scope rule)."""

    NONE = "none"
    OWN_AND_POOL = "own_and_pool"
    OPEN_COMPLAINTS = "open_complaints"
    TEAM_AND_OUTLET_POOL = "team_and_outlet_pool"


class PurposeKind(StrEnum):
    """Whether a purpose is for people to choose, for the system's own acts, or refused by name."""

    CHOICE = "choice"
    INTERNAL = "internal"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """One role: its names, rights, scope, the purposes it may choose, and whether it must have a second factor."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    zh: str
    en: str
    scope: Scope
    rights: frozenset[Right] = frozenset()
    purposes: Sequence[str] = ()
    second_factor: bool = False


@dataclass(frozen=True, slots=True)
class PurposePolicy:
    """One purpose of the closed list (UL-01, UL-02)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    zh: str
    en: str
    kind: PurposeKind


SCOPE_RULES: Mapping[Scope, tuple[str, ...]] = {
    Scope.NONE: (),
    Scope.OWN_AND_POOL: ("scope.owner", "scope.pool_case", "scope.grant"),
    Scope.OPEN_COMPLAINTS: ("scope.open_complaint", "scope.grant"),
    Scope.TEAM_AND_OUTLET_POOL: (
        "scope.team",
        "scope.outlet_without_team_supervisor",
        "scope.outlet_pool",
        "scope.grant",
    ),
}
"""The rules by which a scope lets somebody in; :func:`vault.domain.access.customer_scope` decides."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many look-ups and reveals a person of a role has in an hour and in a day."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    lookups_hour: int
    lookups_day: int
    reveals_hour: int
    reveals_day: int


_HIGHEST_ALARM = 51
"""More than 50 records taken by one person are for the police (UL-04): a company may look sooner, not later."""


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """Limits that bite: distinct customers revealed by one person in a window, and quotas by role (UL-04).

    Args:
        id: of the rule.
        clause: where it comes from.
        window_hours: how far back distinct customers are counted.
        warn_customers: the distinct customer that warns.
        alarm_customers: the distinct customer that raises the alarm, and from which on it is a task for the police.
        slow_seconds: after the alarm, one further customer in so many seconds.
        misses_hour: look-ups in an hour that showed nothing, from which on the supervisors are told.
        asks_hour: so often one person may ask for access in an hour.
        searches_hour: so often one person may search the log by a number in an hour.
        keep_days: how long what was counted is kept.
        quotas: by role; a role without one may neither look up nor reveal.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    window_hours: int
    warn_customers: int
    alarm_customers: int
    slow_seconds: int
    misses_hour: int
    asks_hour: int
    searches_hour: int
    keep_days: int
    quotas: Mapping[Role, Quota]

    def window(self) -> timedelta:
        """Return how far back distinct customers are counted."""
        return timedelta(hours=self.window_hours)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together, and an alarm that would come too late."""
        if self.alarm_customers > _HIGHEST_ALARM:
            yield "alarm_too_high", f"{self.id}: {self.alarm_customers}"
        if not (0 < self.warn_customers < self.alarm_customers and self.window_hours > 0 and self.slow_seconds > 0):
            yield "limits_impossible", self.id
        # Quotas look back a day, and so must what is kept.
        if self.keep_days * 24 <= max(self.window_hours, 24) or self.misses_hour <= 0:
            yield "limits_impossible", self.id
        if self.asks_hour <= 0 or self.searches_hour <= 0:
            yield "limits_impossible", self.id
        for role, quota in self.quotas.items():
            if not (0 < quota.lookups_hour <= quota.lookups_day and 0 < quota.reveals_hour <= quota.reveals_day):
                yield "limits_impossible", f"{self.id}.{role.value}"
