"""Where the rules are weaker than they look, and where they say what never applies; ``policy check`` tells both."""

from __future__ import annotations

from collections.abc import Iterator

from vault.domain.breach.breach_notices import BREACH_NOTICE
from vault.domain.caller import answers
from vault.domain.destruction import PURPOSE
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.masks import mask
from vault.domain.policy import Policy
from vault.domain.rules.access import Right, View
from vault.domain.rules.views import DEFAULT, PURPOSES
from vault.domain.samples import sample

_APART = (Right.LOG_READ, Right.LOG_VERIFY, Right.REVIEW_BREAK_GLASS, Right.DESTROY, Right.INCIDENT)
"""Rights of those who watch over reading or destroy, and so may not read (accounts are their own finding)."""

_NEEDS_LOOKUP = (Right.REVEAL, Right.ASK, Right.SHARE, Right.HAND_OVER, Right.BREAK_GLASS)
_OF_NO_DAILY_WORK = ("source_number", "email")
"""The company's own number of a record, and what only notices of a breach go to: hidden, they make no role harmless."""

_OPENS = {View.REVEAL, View.PLAIN}


def weakness_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    """Find rules that hold together and protect less than they must; no vault opens with them.

    Yields:
        (reason id, place): roles that see all, a question whose answer a mask shows, duties that must lie apart.
    """
    for role, rule in policy.roles.items():
        if Right.LOOKUP not in rule.rights:
            continue
        for right in _APART:
            if right in rule.rights:
                yield "duties_not_separate", f"{role.value}.{right.value}"
        personal = [
            (record_class, name)
            for record_class in (RecordClass.CUSTOMER, RecordClass.SHIPMENT, RecordClass.SERVICE_RECORD)
            for name, field in FIELDS[record_class].items()
            if field.mask != "plain" and name not in _OF_NO_DAILY_WORK
        ]
        if all(policy.view(*field, role, purpose) in _OPENS for field in personal for purpose in rule.purposes):
            yield "role_sees_all", role.value
        yield from _question_findings(policy, role)


def unused_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    """Find what is said and never applies: it does no harm, but somebody believes that it does something.

    Yields:
        (reason id, place): entries no request can reach, rights nobody can use, questions without an answer.
    """
    yield from _unreachable_view_findings(policy)
    for role, rule in policy.roles.items():
        looks_up = Right.LOOKUP in rule.rights
        for right in _unusable(policy, role):
            yield "right_never_used", f"{role.value}.{right.value}"
        if looks_up and role not in policy.limits.quotas:
            yield "quota_missing", role.value
        elif not looks_up and role in policy.limits.quotas:
            yield "quota_never_used", f"{policy.limits.id}.{role.value}"
    for question in policy.verification.questions.values():
        values = [value for field in question.fields for value in sample(_class_of(field), field)]
        if not any(answers(question.compares, value) for value in values):
            yield "question_never_answered", question.id


def _question_findings(policy: Policy, role: Role) -> Iterator[tuple[str, str]]:
    """Find questions whose answer a role can read on a card before anything is revealed."""
    for question in policy.verification.questions.values():
        telling = {field for field in question.fields if _tells(policy, question.compares, field)}
        shown = [
            (field, policy.view(_class_of(field), field, role, purpose))
            for field in question.fields
            for purpose in policy.roles[role].purposes
        ]
        if any(view is View.PLAIN or (view is not View.HIDDEN and field in telling) for field, view in shown):
            yield "question_answered_by_mask", f"{question.id}.{role.value}"


def _tells(policy: Policy, compares: str, field: str) -> bool:
    record_class = _class_of(field)
    kinds = {policy.masks.of(record_class, field)}
    if record_class is RecordClass.CUSTOMER and field in policy.masks.other_party:
        kinds.add(policy.masks.other_party[field])
    return any(
        answer in "".join(mask(kind, value).split()).upper()
        for kind in kinds
        for value in sample(record_class, field)
        for answer in answers(compares, value)
    )


def _class_of(field: str) -> RecordClass:
    return RecordClass.CUSTOMER if field in FIELDS[RecordClass.CUSTOMER] else RecordClass.SHIPMENT


def _unreachable_view_findings(policy: Policy) -> Iterator[tuple[str, str]]:
    chosen = {role.value: set(rule.purposes) for role, rule in policy.roles.items() if Right.LOOKUP in rule.rights}
    for role, rule in policy.roles.items():
        if Right.RETENTION in rule.rights:  # the sample of a plan is masked by what is said for this purpose
            chosen.setdefault(role.value, set()).add(PURPOSE)
        if Right.INCIDENT in rule.rights:  # what a notice to customers may open is said for this purpose
            chosen.setdefault(role.value, set()).add(BREACH_NOTICE)
    everything = set().union(*chosen.values())
    for record_class, field, who, entry in policy.views.every_entry():
        place = f"{record_class.value}.{field}.{who}"
        if who not in chosen and who not in {DEFAULT, PURPOSES}:
            yield "view_never_used", place
        elif not isinstance(entry, View):
            for purpose in entry.keys() - chosen.get(who, everything) - {DEFAULT}:
                yield "purpose_never_chosen", f"{place}.{purpose}"


def _unusable(policy: Policy, role: Role) -> Iterator[Right]:
    rights = policy.roles[role].rights
    if Right.LOOKUP not in rights:
        yield from (right for right in _NEEDS_LOOKUP if right in rights)
    elif Right.REVEAL in rights and not any(
        policy.view(record_class, name, role, purpose) is View.REVEAL
        for record_class, fields in FIELDS.items()
        for name in fields
        for purpose in policy.roles[role].purposes
    ):
        yield Right.REVEAL
    if Right.DESTROY in rights and Right.RETENTION not in rights:
        yield Right.DESTROY
    if Right.INCIDENT in rights and Right.INCIDENT_VIEW not in rights:
        yield Right.INCIDENT
    profiles = policy.break_glass.profiles.values()
    if Right.BREAK_GLASS in rights and Right.LOOKUP in rights and not any(role in one.roles for one in profiles):
        yield Right.BREAK_GLASS
    if Right.APPROVE_BREAK_GLASS in rights and not any(role in one.approvers for one in profiles):
        yield Right.APPROVE_BREAK_GLASS
