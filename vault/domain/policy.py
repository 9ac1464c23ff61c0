"""The company's rules as values: what the files in ``policies/`` say.

Each rule carries its id and the clause it comes from, so that a decision can name the rule and the
compliance page the clause. The shapes of the files stand in :mod:`vault.domain.rules`; where the rules contradict
each other is found by :mod:`vault.domain.contradictions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from vault.domain.cohorts import CohortRule
from vault.domain.ids import RecordClass, Role
from vault.domain.rules.access import LimitPolicy, PurposePolicy, Right, RolePolicy, View
from vault.domain.rules.breach_notices import BreachNoticePolicy
from vault.domain.rules.containment import ContainmentPolicy
from vault.domain.rules.destruction import DestructionPolicy
from vault.domain.rules.drills import DrillPolicy
from vault.domain.rules.emergency import BreakGlassPolicy, VerificationPolicy
from vault.domain.rules.incidents import IncidentPolicy
from vault.domain.rules.log import LogPolicy
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
from vault.domain.rules.signals import SignalPolicy
from vault.domain.rules.views import MaskPolicy, Views
from vault.domain.waybills import WaybillPattern


@dataclass(frozen=True, slots=True)
class Policy:
    """Every rule in force, with the digest that each log event carries.

    Args:
        digest: SHA-256 over the files (hex).
        company: names and time zone.
        roles: by role.
        purposes: by purpose id.
        views: what a role sees of each field for a purpose.
        masks: which mask stands before a masked value.
        retention: by class.
        destruction: plans to destroy what has expired, and legal holds.
        drills: emergency drills.
        entry: limits on entering.
        notices: by version; the first one is offered first.
        cases: the clock on open cases, and the reasons to close one.
        sessions: session limits.
        passwords: password rules.
        grants: asking for access and granting it.
        handovers: handing cases over.
        verification: proving who calls.
        break_glass: access in an emergency.
        incidents: the response to a breach, and its clocks.
        containment: what an officer does at once when something leaks.
        breach_notices: telling customers whom a breach concerns.
        limits: how much a person may read.
        log: how long the access log is kept, and the shift.
        signals: what the vault watches by itself, and what follows.
        carriers: waybill patterns.
    """

    digest: str
    company: CompanyPolicy
    roles: Mapping[Role, RolePolicy]
    purposes: Mapping[str, PurposePolicy]
    views: Views
    masks: MaskPolicy
    retention: Mapping[RecordClass, RetentionPolicy]
    destruction: DestructionPolicy
    drills: DrillPolicy
    entry: EntryPolicy
    notices: Mapping[str, NoticePolicy]
    cases: CasePolicy
    sessions: SessionPolicy
    passwords: PasswordPolicy
    grants: GrantPolicy
    handovers: HandoverPolicy
    verification: VerificationPolicy
    break_glass: BreakGlassPolicy
    incidents: IncidentPolicy
    containment: ContainmentPolicy
    breach_notices: BreachNoticePolicy
    limits: LimitPolicy
    log: LogPolicy
    signals: SignalPolicy
    carriers: Sequence[WaybillPattern]

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.zone)

    def view(self, record_class: RecordClass, field: str, role: Role, purpose: str) -> View:
        """Return what a role sees of a field for a purpose; what no rule names is hidden."""
        return self.views.of(record_class, field, role, purpose)

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
