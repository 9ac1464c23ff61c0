"""The form that shares a customer with a colleague: what it offers on the page of a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vault.domain.ids import RecordClass
from vault.domain.rules.access import PurposeKind, Right
from vault.services.sharing import SHAREABLE
from vault.services.viewing import ViewAnswer
from vault.web.gate import parts, person
from vault.web.presenting import purpose_name


def share_form(answer: ViewAnswer, filled: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the form shows; None where the customer is not the person's own to share.

    Args:
        answer: the record the page shows.
        filled: what was typed, and ``errors`` by field, when it was refused.
    """
    policy, subject = parts().policy, answer.subject
    is_mine = subject.record_class is RecordClass.CUSTOMER and subject.rule in SHAREABLE
    if not (is_mine and policy.allows(person().role, Right.SHARE)):
        return None
    purposes = [one for one, rule in policy.purposes.items() if rule.kind is PurposeKind.CHOICE]
    return {
        "case": answer.case.case_id,
        "record": subject.record_id,
        "purposes": [{"key": one, "name": purpose_name(one)} for one in purposes],
        "purpose": answer.case.purpose,
        "hours": policy.grants.share_hours,
        "errors": {},
        **filled,
    }
