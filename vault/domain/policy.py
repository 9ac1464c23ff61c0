"""The company's rules as values: what the files in ``policies/`` say, and where they contradict each other.

Each rule carries its id and the clause it comes from, so that a decision can name the rule and the
compliance page the clause. The shapes of the files stand in :mod:`vault.domain.rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from vault.domain.cohorts import CohortRule
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.rules.access import LimitPolicy, PurposeKind, PurposePolicy, Right, RolePolicy, Scope, View
from vault.domain.rules.emergency import BreakGlassPolicy, VerificationPolicy
from vault.domain.rules.people import PasswordPolicy, SessionPolicy
from vault.domain.rules.service import (
    CasePolicy,
    CompanyPolicy,
    EntryPolicy,
    GrantPolicy,
    HandoverPolicy,
    NoticePolicy,
    RetentionPolicy,
)
from vault.domain.waybills import WaybillPattern

_NOTICE_VERSION = re.compile("[a-z][a-z0-9-]{0,39}")
_NAME = re.compile("[a-z][a-z0-9_]{0,39}")


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
        grants: asking for access and granting it.
        handovers: handing cases over.
        verification: proving who calls.
        break_glass: access in an emergency.
        limits: how much a person may read.
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
    grants: GrantPolicy
    handovers: HandoverPolicy
    verification: VerificationPolicy
    break_glass: BreakGlassPolicy
    limits: LimitPolicy
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
        for part in (self.sessions, self.grants, self.handovers, self.verification, self.break_glass, self.limits):
            yield from part.findings()
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
        lists = (
            (_NOTICE_VERSION, self.notices),
            (_NAME, self.cases.reasons),
            (_NAME, self.grants.refusals),
            (_NAME, self.handovers.refusals),
            (_NAME, self.verification.questions),
            (_NAME, self.verification.refusals),
            (_NAME, self.break_glass.profiles),
            (_NAME, self.break_glass.reasons),
            (_NAME, self.break_glass.votes),
            (_NAME, self.break_glass.findings_of_review),
        )
        for pattern, names in lists:
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
