"""What the rules come to: for a role and a purpose, field by field, how each is seen, through which mask and why.

Made by the same functions that decide each look-up, so that it says what happens and not what was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vault.domain.access import other_party_fields, visible_fields
from vault.domain.destruction import PURPOSE
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.masks import mask
from vault.domain.policy import Policy
from vault.domain.rules.access import SCOPE_RULES, PurposeKind, Quota, Right, View
from vault.domain.samples import sample
from vault.errors import AccessRefused

_RECORDS = (RecordClass.CUSTOMER, RecordClass.SHIPMENT, RecordClass.SERVICE_RECORD)
_PARTIES = ("sender", "recipient")
OTHER_PARTY = "other_party"


@dataclass(frozen=True, slots=True)
class Line:
    """One field as somebody sees it.

    Args:
        part: empty for a record in scope by itself; ``sender`` or ``recipient`` of a shipment in scope; or
            ``other_party``, one who is not.
        record_class: class of the record.
        field: field name.
        view: how it is seen.
        mask: id of the mask before it; empty where it is hidden or plain.
        example: what is seen of a made-up value.
        rules: places in the policy that decide; none where nothing is said.
    """

    part: str
    record_class: RecordClass
    field: str
    view: View
    mask: str = ""
    example: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a role may see for a purpose.

    Args:
        role: the role.
        purpose: the purpose.
        may_choose: whether the role looks up, and may choose the purpose.
        in_plans: whether it sees the fields in the sample of a plan of destruction; if neither, it sees nothing.
        scope_rules: the rules by which a customer may be in scope.
        verified_first: those of them under which nothing is revealed before the caller has proved who they are.
        rights: what the role may do at all.
        quota: look-ups and reveals in an hour and a day.
        lines: field by field.
    """

    role: Role
    purpose: str
    may_choose: bool
    in_plans: bool
    scope_rules: tuple[str, ...]
    verified_first: tuple[str, ...]
    rights: tuple[Right, ...]
    quota: Quota | None
    lines: tuple[Line, ...]


def explain(policy: Policy, role: Role, purpose: str) -> Explanation:
    """Explain what a role sees for a purpose.

    Args:
        policy: the rules in force.
        role: who looks.
        purpose: one of the policy's purposes.

    Raises:
        AccessRefused: ``purpose_forbidden``; customer data is never used for it (UL-02).
    """
    if policy.purposes[purpose].kind is PurposeKind.FORBIDDEN:
        raise AccessRefused("purpose_forbidden", purpose=purpose)
    rule = policy.roles[role]
    may = Right.LOOKUP in rule.rights and purpose in rule.purposes
    in_plans = Right.RETENTION in rule.rights and purpose == PURPOSE
    scopes = SCOPE_RULES[rule.scope]
    return Explanation(
        role=role,
        purpose=purpose,
        may_choose=may,
        in_plans=in_plans,
        scope_rules=scopes,
        verified_first=tuple(one for one in scopes if one in policy.verification.required_by),
        rights=tuple(sorted(rule.rights)),
        quota=policy.limits.quotas.get(role),
        lines=(*_whole(policy, role, purpose, may=may or in_plans), *_of_parties(policy, role, purpose, may=may)),
    )


def _whole(policy: Policy, role: Role, purpose: str, *, may: bool) -> Iterator[Line]:
    for record_class in _RECORDS:
        names = FIELDS[record_class]
        views = visible_fields(policy, role, purpose, record_class, names) if may else {}
        for name in names:
            view = views.get(name, View.HIDDEN)
            rules = policy.views.reasons(record_class, name, role, purpose) if may else ()
            yield _line(policy, "", record_class, name, view, rules)


def _of_parties(policy: Policy, role: Role, purpose: str, *, may: bool) -> Iterator[Line]:
    if not may:
        return
    customer = RecordClass.CUSTOMER
    for part in _PARTIES:
        for name, view in visible_fields(policy, role, purpose, customer, FIELDS[customer], part).items():
            yield _line(policy, part, customer, name, view, policy.views.reasons(customer, name, role, purpose))
    seen = {name for part in _PARTIES for name in other_party_fields(policy, part, FIELDS[customer])}
    for name in FIELDS[customer]:
        if name in seen:
            mask_id = policy.masks.other_party[name]
            example = mask(mask_id, sample(customer, name)[0])
            yield Line(OTHER_PARTY, customer, name, View.MASKED, mask_id, example, (f"masks.other_party.{name}",))


def _line(policy: Policy, part: str, record_class: RecordClass, name: str, view: View, rules: tuple[str, ...]) -> Line:
    made_up = sample(record_class, name)
    if view in {View.HIDDEN, View.PLAIN}:
        return Line(
            part, record_class, name, view, example=made_up[0] if made_up and view is View.PLAIN else "", rules=rules
        )
    mask_id = policy.masks.of(record_class, name)
    return Line(part, record_class, name, view, mask_id, mask(mask_id, made_up[0]) if made_up else "", rules)
