"""Rules of the daily work: the company, entering records, notices, cases, grants and hand-overs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from vault.domain.ids import RecordClass
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


class Starts(StrEnum):
    """From what on a class is kept."""

    LAST_ACTIVITY = "last_activity"
    SIGN_OFF = "sign_off"
    SERVICE_END = "service_end"
    MADE = "made"


STARTS: Mapping[RecordClass, Starts] = {
    RecordClass.CUSTOMER: Starts.LAST_ACTIVITY,
    RecordClass.SHIPMENT: Starts.SIGN_OFF,
    RecordClass.SERVICE_RECORD: Starts.SERVICE_END,
    RecordClass.ID_COPY: Starts.MADE,
    RecordClass.REQUEST: Starts.MADE,
}
"""From what on each class is kept by this program: a policy that says something else would not be followed."""


@dataclass(frozen=True, slots=True)
class PeriodLimit:
    """How long a class is kept at least, or at most: years or days, and the text that says so."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    source: str
    years: int = 0
    days: int = 0

    def keep(self) -> Keep:
        """Return the limit as the calendar rule takes a period."""
        return Keep(years=self.years, days=self.days)

    def __str__(self) -> str:
        """Return the limit as the file has it, with its source."""
        return f"{_spelled(self.years, self.days)}, {self.source}"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long a class is kept (RD-01, RD-02, ID-02).

    Args:
        id: of the rule.
        clause: where it comes from.
        starts: from what on.
        cohorts_ahead: how many cohorts exist beyond the period itself.
        keep_years: for so many years; give either this or ``keep_days``.
        keep_days: for so many days.
        floor: the shortest period the law allows, if it names one.
        ceiling: the longest period that is allowed, by law or by the company.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    starts: Starts
    cohorts_ahead: int
    keep_years: int = 0
    keep_days: int = 0
    floor: PeriodLimit | None = None
    ceiling: PeriodLimit | None = None

    def keep(self) -> Keep:
        """Return the period as the calendar rule takes it."""
        return Keep(years=self.keep_years, days=self.keep_days)

    def findings(self, record_class: RecordClass) -> Iterator[tuple[str, str]]:
        """Find what cannot stand together; the place names both sides and the source."""
        if self.cohorts_ahead <= 0:
            yield "limit_not_positive", self.id
        if self.starts is not STARTS[record_class]:
            yield "start_not_of_class", f"{self.id}: {self.starts.value} ≠ {STARTS[record_class].value}"
        possible = _is_period(self.keep_years, self.keep_days)
        if not possible:
            yield "retention_needs_years_or_days", self.id
        for name, limit in (("floor", self.floor), ("ceiling", self.ceiling)):
            if limit is None:
                continue
            if not _is_period(limit.years, limit.days):
                possible = False
                yield "retention_needs_years_or_days", f"{self.id}.{name}"
            if not limit.source.strip():
                yield "limit_without_source", f"{self.id}.{name}"
        if possible:
            yield from self._contradiction_findings()

    def _contradiction_findings(self) -> Iterator[tuple[str, str]]:
        floor, ceiling, kept = self.floor, self.ceiling, _spelled(self.keep_years, self.keep_days)
        if floor is not None and ceiling is not None and not floor.keep().is_within(ceiling.keep()):
            yield "ceiling_below_floor", f"{self.id}: {ceiling} < {floor}"
            return
        if floor is not None and not floor.keep().is_within(self.keep()):
            yield "retention_below_floor", f"{self.id}: {kept} < {floor}"
        if ceiling is not None and not self.keep().is_within(ceiling.keep()):
            yield "retention_above_ceiling", f"{self.id}: {kept} > {ceiling}"


def _is_period(years: int, days: int) -> bool:
    return min(years, days) == 0 < max(years, days)


def _spelled(years: int, days: int) -> str:
    return f"years = {years}" if years else f"days = {days}"


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
