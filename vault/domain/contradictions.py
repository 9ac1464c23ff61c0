"""Where the company's rules contradict each other: no vault opens with rules that cannot stand together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.policy import Policy
from vault.domain.rules.access import SCOPE_RULES, PurposeKind, Right, Scope, View
from vault.domain.rules.signals import SignalName
from vault.domain.rules.views import DEFAULT, PURPOSES, Entry

_NOTICE_VERSION = re.compile("[a-z][a-z0-9-]{0,39}")
_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_WHO = {role.value for role in Role} | {DEFAULT, PURPOSES}


def contradictions(policy: Policy) -> Iterator[tuple[str, str]]:
    """Find what cannot stand together.

    Yields:
        (reason id, place) for each finding, in reading order.
    """
    yield from _role_findings(policy)
    yield from _view_findings(policy)
    yield from _retention_findings(policy)
    yield from _destruction_findings(policy)
    yield from _case_findings(policy)
    yield from _list_findings(policy)
    yield from _incident_findings(policy)
    yield from policy.breach_notices.findings(policy.views)
    for part in (
        policy.masks,
        policy.sessions,
        policy.grants,
        policy.handovers,
        policy.verification,
        policy.break_glass,
        policy.destruction,
        policy.drills,
        policy.incidents,
        policy.limits,
        policy.log,
        policy.signals,
    ):
        yield from part.findings()
    yield from policy.containment.findings(policy.roles)
    yield from _containment_findings(policy)
    yield from _signal_findings(policy)
    scopes = {rule for rules in SCOPE_RULES.values() for rule in rules}
    for rule in policy.verification.required_by:
        if rule not in scopes:  # it would ask nobody, and nothing would say so
            yield "unknown_scope_rule", f"{policy.verification.id}.{rule}"
    if not policy.company.privacy_officer.strip():
        yield "privacy_officer_missing", "company"
    if not policy.passwords.is_possible():
        yield "password_rule_impossible", policy.passwords.id


def _incident_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    if not any(Right.INCIDENT in rule.rights for rule in policy.roles.values()):
        yield "nobody_responds", policy.incidents.id
    for clock in policy.incidents.clocks.values():
        if not all(Right.INCIDENT_VIEW in policy.roles[role].rights for role in clock.who):
            yield "nobody_responds", clock.id


def _signal_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    probing = policy.signals.signals.get(SignalName.PROBING)
    if probing is not None and probing.count <= policy.limits.misses_hour:  # an incident before the warning
        yield "signal_impossible", probing.id


def _retention_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    for record_class in RecordClass:
        rule = policy.retention.get(record_class)
        if rule is None:
            yield "retention_missing", record_class.value
        else:
            yield from rule.findings(record_class)


def _destruction_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    for role, rule in policy.roles.items():
        destroys = Right.DESTROY in rule.rights
        if destroys and role is not Role.IMD:
            yield "destroys_besides_imd", f"{role.value}.{Right.DESTROY.value}"
        elif destroys and not rule.second_factor:
            yield "destroys_without_second_factor", role.value
        elif role is Role.IMD and not destroys:
            yield "nobody_destroys", role.value


def _containment_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    rule, known = policy.containment, policy.destruction
    if rule.hold_reason not in known.reasons or rule.hold_release not in known.releases:
        yield "no_reason", rule.id


def _case_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    if policy.entry.limit_minutes <= 0:
        yield "limit_not_positive", policy.entry.id
    if not 0 < policy.cases.amber_minutes < policy.entry.limit_minutes:
        yield "amber_not_before_limit", policy.cases.id
    if policy.cases.backdate_hours <= 0:
        yield "limit_not_positive", policy.cases.id
    if not policy.cases.reasons:
        yield "no_close_reason", policy.cases.id


def _list_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    if not policy.notices:
        yield "no_notice_version", "notices"
    for version, notice in policy.notices.items():
        if not (notice.zh.strip() and notice.en.strip()):
            yield "notice_without_text", version
    lists = (
        (_NOTICE_VERSION, policy.notices),
        (_NAME, policy.cases.reasons),
        (_NAME, policy.grants.refusals),
        (_NAME, policy.handovers.refusals),
        (_NAME, policy.verification.questions),
        (_NAME, policy.verification.refusals),
        (_NAME, policy.break_glass.profiles),
        (_NAME, policy.break_glass.reasons),
        (_NAME, policy.break_glass.votes),
        (_NAME, policy.break_glass.findings_of_review),
        (_NAME, policy.destruction.reasons),
        (_NAME, policy.destruction.releases),
    )
    for pattern, names in lists:
        for name in names:
            if not pattern.fullmatch(name):
                yield "name_not_usable", name


def _role_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    for role in Role:
        rule = policy.roles.get(role)
        if rule is None:
            yield "role_missing", role.value
            continue
        for purpose in rule.purposes:
            known = policy.purposes.get(purpose)
            if known is None:
                yield "unknown_purpose", f"{role.value}.{purpose}"
            elif known.kind is not PurposeKind.CHOICE:
                yield "purpose_not_to_choose", f"{role.value}.{purpose}"
        if Right.LOOKUP in rule.rights and (rule.scope is Scope.NONE or not rule.purposes):
            yield "lookup_without_scope_or_purpose", role.value
        if Right.ACCOUNTS in rule.rights and Right.LOOKUP in rule.rights:
            yield "administrator_reads_customers", role.value
    for forbidden in ("advertising", "third_party_sale"):
        purpose_rule = policy.purposes.get(forbidden)
        if purpose_rule is None or purpose_rule.kind is not PurposeKind.FORBIDDEN:
            yield "must_stay_forbidden", forbidden


def _view_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    for record_class, field, who, entry in policy.views.every_entry():
        place = f"{record_class.value}.{field}"
        if field not in FIELDS[record_class]:
            yield "unknown_field", place
            continue
        if who not in _WHO:
            yield "unknown_role", f"{place}.{who}"
        if who == PURPOSES and isinstance(entry, View):
            yield "purposes_need_a_table", place
        is_personal = FIELDS[record_class][field].mask != "plain"
        for purpose, view in _by_purpose(entry).items():
            here = f"{place}.{who}.{purpose}" if purpose else f"{place}.{who}"
            yield from _purpose_findings(policy, here, purpose, may_be_default=who != PURPOSES)
            if view is View.PLAIN and is_personal and who != PURPOSES:
                yield "personal_field_in_plain", here
            elif view in {View.MASKED, View.REVEAL} and not is_personal:
                yield "nothing_to_mask", here


def _purpose_findings(policy: Policy, place: str, purpose: str, *, may_be_default: bool) -> Iterator[tuple[str, str]]:
    known = policy.purposes.get(purpose)
    if known is not None:
        if known.kind is PurposeKind.FORBIDDEN:
            yield "purpose_not_to_choose", place
    elif purpose and not (may_be_default and purpose == DEFAULT):
        yield "unknown_purpose", place


def _by_purpose(entry: Entry) -> Mapping[str, View]:
    return {"": entry} if isinstance(entry, View) else entry
