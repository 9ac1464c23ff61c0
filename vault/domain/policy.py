"""The company's rules as values: what the files in ``policies/`` say, and where they contradict each other.

Each rule carries its id and the clause it comes from, so that a decision can name the rule and the
compliance page the clause. The shapes here are the shapes of the files; an unknown key is refused on loading.
"""

from __future__ import annotations

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
class SessionPolicy:
    """How long a session lives: without use, and at all."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    idle_minutes: int
    absolute_hours: int
    invite_hours: int
    reveal_seconds: int


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a password must be (AC-04)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    id: str
    clause: str
    max_age_days: int
    min_length: int
    max_length: int


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
        if self.sessions.idle_minutes > self.sessions.absolute_hours * 60 or self.sessions.idle_minutes <= 0:
            yield "idle_longer_than_absolute", self.sessions.id
        if self.passwords.max_age_days <= 0 or self.passwords.min_length > self.passwords.max_length:
            yield "password_rule_impossible", self.passwords.id

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
