"""The company's rules as values: what the files in ``policies/`` say, and where they contradict each other.

Each rule carries its id and the clause it comes from, so that a decision can name the rule and the
compliance page the clause. The shapes here are the shapes of the files; an unknown key is refused on loading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from zoneinfo import ZoneInfo

from vault.domain.cohorts import CohortRule
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.retention import Keep
from vault.domain.waybills import WaybillPattern

_STRICT = {"extra": "forbid", "strict": True, "frozen": True}
_NOTICE_VERSION = re.compile("[a-z][a-z0-9-]{0,39}")
_CLOSE_REASON = re.compile("[a-z][a-z_]{0,39}")
_BEST_SCORE = 4
"""The highest score of zxcvbn."""


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
    """One role: its names, rights, scope and the purposes it may choose."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    zh: str
    en: str
    scope: Scope
    rights: frozenset[Right] = frozenset()
    purposes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PurposePolicy:
    """One purpose of the closed list (UL-01, UL-02)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    zh: str
    en: str
    kind: PurposeKind


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long a class is kept: years or days, and how many cohorts exist ahead of need."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

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

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    limit_minutes: int

    def limit(self) -> timedelta:
        """Return the limit as a span."""
        return timedelta(minutes=self.limit_minutes)


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """How failed sign-ins are slowed down: for an account from one source, and for a source."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    free_failures: int
    free_source_failures: int
    first_seconds: int
    most_seconds: int
    forget_minutes: int


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """One version of what customers are told when their data is collected (CE-01)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class CloseReason:
    """One reason for which a case may be closed without a service record."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """Open cases: from which age they are amber, how far back a service may lie, and why they may just be closed."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    amber_minutes: int
    backdate_hours: int
    reasons: Mapping[str, CloseReason]

    def amber(self) -> timedelta:
        """Return the age from which an open case is amber."""
        return timedelta(minutes=self.amber_minutes)

    def backdate(self) -> timedelta:
        """Return how long before its case was opened a service may have ended."""
        return timedelta(hours=self.backdate_hours)


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives: without use, and at all; and how failed sign-ins are slowed down."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    idle_minutes: int
    absolute_hours: int
    invite_hours: int
    reveal_seconds: int
    keep_ended_days: int
    throttle: ThrottlePolicy


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a password must be (AC-04)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    max_age_days: int
    remind_days: int
    min_age_hours: int
    history: int
    min_length: int
    max_length: int
    min_score: int
    min_edits: int
    company_words: Sequence[str]

    def is_possible(self) -> bool:
        """Return whether a person can meet the rule, and an account live by it."""
        return (
            self.max_age_days > 0
            and 0 <= self.remind_days < self.max_age_days
            and 0 <= self.min_age_hours < self.max_age_days * 24
            and self.history >= 1
            and 1 <= self.min_edits <= self.min_length <= self.max_length
            and 0 <= self.min_score <= _BEST_SCORE
        )


@dataclass(frozen=True, slots=True)
class CompanyPolicy:
    """The company: the time zone of its dates and its name on notices."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    zone: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Every rule in force, with the digest that each log event carries.

    Args:
        digest: SHA-256 over the files (hex).
        company: names and time zone.
        roles: by role.
        purposes: by purpose id.
        views: what a role sees, by class, field, and role id or ``default``.
        retention: by class.
        entry: limits on entering.
        notices: by version; the first one is offered first.
        cases: the clock on open cases, and the reasons to close one.
        sessions: session limits.
        passwords: password rules.
        carriers: waybill patterns.
    """

    digest: str
    company: CompanyPolicy
    roles: Mapping[Role, RolePolicy]
    purposes: Mapping[str, PurposePolicy]
    views: Mapping[RecordClass, Mapping[str, Mapping[str, View]]]
    retention: Mapping[RecordClass, RetentionPolicy]
    entry: EntryPolicy
    notices: Mapping[str, NoticePolicy]
    cases: CasePolicy
    sessions: SessionPolicy
    passwords: PasswordPolicy
    carriers: Sequence[WaybillPattern]

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.zone)

    def view(self, record_class: RecordClass, field: str, role: Role) -> View:
        """Return what a role sees of a field; what no rule names is hidden."""
        rules = self.views.get(record_class, {}).get(field, {})
        return rules.get(role.value, rules.get("default", View.HIDDEN))

    def allows(self, role: Role, right: Right) -> bool:
        """Return whether a role has a right."""
        return right in self.roles[role].rights

    def cohort_rules(self) -> dict[RecordClass, CohortRule]:
        """Return how far ahead cohorts must exist: the period itself and what the policy adds."""
        rules = {}
        for record_class, rule in self.retention.items():
            if rule.keep_days:
                rules[record_class] = CohortRule(days=rule.keep_days + rule.cohorts_ahead)
            else:
                # One month more than the period: expiry falls on the midnight after its last day.
                rules[record_class] = CohortRule(months=rule.keep_years * 12 + 1 + rule.cohorts_ahead)
        return rules

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Find what cannot stand together.

        Yields:
            (reason id, place) for each finding, in reading order.
        """
        yield from self._role_findings()
        yield from self._view_findings()
        for record_class in RecordClass:
            rule = self.retention.get(record_class)
            if rule is None:
                yield "retention_missing", record_class.value
            elif bool(rule.keep_years) == bool(rule.keep_days) or rule.keep_years < 0 or rule.keep_days < 0:
                yield "retention_needs_years_or_days", rule.id
        if self.entry.limit_minutes <= 0:
            yield "limit_not_positive", self.entry.id
        yield from self._case_findings()
        if self.sessions.idle_minutes > self.sessions.absolute_hours * 60 or self.sessions.idle_minutes <= 0:
            yield "idle_longer_than_absolute", self.sessions.id
        throttle = self.sessions.throttle
        if not 0 < throttle.first_seconds <= throttle.most_seconds < throttle.forget_minutes * 60:
            yield "throttle_impossible", throttle.id
        if not 1 < throttle.free_failures <= throttle.free_source_failures:
            yield "throttle_impossible", throttle.id
        if not self.passwords.is_possible():
            yield "password_rule_impossible", self.passwords.id

    def _case_findings(self) -> Iterator[tuple[str, str]]:
        if not 0 < self.cases.amber_minutes < self.entry.limit_minutes:
            yield "amber_not_before_limit", self.cases.id
        if self.cases.backdate_hours <= 0:
            yield "limit_not_positive", self.cases.id
        if not self.cases.reasons:
            yield "no_close_reason", self.cases.id
        if not self.notices:
            yield "no_notice_version", "notices"
        for version, notice in self.notices.items():
            if not (notice.zh.strip() and notice.en.strip()):
                yield "notice_without_text", version
        for pattern, names in ((_NOTICE_VERSION, self.notices), (_CLOSE_REASON, self.cases.reasons)):
            for name in names:
                if not pattern.fullmatch(name):
                    yield "name_not_usable", name

    def _role_findings(self) -> Iterator[tuple[str, str]]:
        for role in Role:
            rule = self.roles.get(role)
            if rule is None:
                yield "role_missing", role.value
                continue
            for purpose in rule.purposes:
                known = self.purposes.get(purpose)
                if known is None:
                    yield "unknown_purpose", f"{role.value}.{purpose}"
                elif known.kind is not PurposeKind.CHOICE:
                    yield "purpose_not_to_choose", f"{role.value}.{purpose}"
            if Right.LOOKUP in rule.rights and (rule.scope is Scope.NONE or not rule.purposes):
                yield "lookup_without_scope_or_purpose", role.value
            if Right.ACCOUNTS in rule.rights and Right.LOOKUP in rule.rights:
                yield "administrator_reads_customers", role.value
        for forbidden in ("advertising", "third_party_sale"):
            purpose_rule = self.purposes.get(forbidden)
            if purpose_rule is None or purpose_rule.kind is not PurposeKind.FORBIDDEN:
                yield "must_stay_forbidden", forbidden

    def _view_findings(self) -> Iterator[tuple[str, str]]:
        names = {role.value for role in Role} | {"default"}
        for record_class, fields in self.views.items():
            for field, rules in fields.items():
                place = f"{record_class.value}.{field}"
                if field not in FIELDS[record_class]:
                    yield "unknown_field", place
                    continue
                for name, view in rules.items():
                    if name not in names:
                        yield "unknown_role", f"{place}.{name}"
                    elif view is View.PLAIN and FIELDS[record_class][field].mask != "plain":
                        yield "personal_field_in_plain", f"{place}.{name}"
