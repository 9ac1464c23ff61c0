"""Rules of the daily work: the company, entering records, notices, cases, grants and hand-overs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from vault.domain.retention import Keep
from vault.domain.rules.shape import STRICT, Named


@dataclass(frozen=True, slots=True)
class CompanyPolicy:
    """The company: the time zone of its dates, its name on notices, and the work number of its privacy officer."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    zone: str
    zh: str
    en: str
    privacy_officer: str


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long a class is kept: years or days, and how many cohorts exist ahead of need."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    cohorts_ahead: int
    keep_years: int = 0
    keep_days: int = 0

    def keep(self) -> Keep:
        """Return the period as the calendar rule takes it."""
        return Keep(years=self.keep_years, days=self.keep_days)


@dataclass(frozen=True, slots=True)
class EntryPolicy:
    """Entering records: the limit after which an entry is late (CE-02)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    limit_minutes: int

    def limit(self) -> timedelta:
        """Return the limit as a span."""
        return timedelta(minutes=self.limit_minutes)


@dataclass(frozen=True, slots=True)
class NoticePolicy(Named):
    """One version of what customers are told when their data is collected (CE-01)."""


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """Open cases: from which age they are amber, how far back a service may lie, and why they may just be closed."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    amber_minutes: int
    backdate_hours: int
    reasons: Mapping[str, Named]

    def amber(self) -> timedelta:
        """Return the age from which an open case is amber."""
        return timedelta(minutes=self.amber_minutes)

    def backdate(self) -> timedelta:
        """Return how long before its case was opened a service may have ended."""
        return timedelta(hours=self.backdate_hours)


@dataclass(frozen=True, slots=True)
class GrantPolicy:
    """Asking for access and granting it: for how long, and why it may be refused (AC-02, SC-06).

    Args:
        id: of the rule.
        clause: where it comes from.
        minutes: for how long access may be granted to who asked; the first is offered first.
        share_hours: for how long a customer may be shared with a colleague; the first is offered first.
        answer_hours: a request that nobody has answered by then is over.
        refusals: reasons to refuse; the asker is not told which.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    minutes: Sequence[int]
    share_hours: Sequence[int]
    answer_hours: int
    refusals: Mapping[str, Named]

    def answer(self) -> timedelta:
        """Return for how long a request can be answered."""
        return timedelta(hours=self.answer_hours)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together."""
        if not self.minutes or not self.share_hours or min(*self.minutes, *self.share_hours, self.answer_hours) <= 0:
            yield "limit_not_positive", self.id
        if not self.refusals:
            yield "no_reason", self.id


@dataclass(frozen=True, slots=True)
class HandoverPolicy:
    """Handing cases over at the end of a shift (SH-01 to SH-04)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    most_note: int
    refusals: Mapping[str, Named]

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together."""
        if self.most_note <= 0:
            yield "limit_not_positive", self.id
        if not self.refusals:
            yield "no_reason", self.id
