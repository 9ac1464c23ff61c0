"""Steps at the head of every walk: the role's right and purpose, and whose case it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import PurposeKind, Right
from vault.errors import AccessRefused, NotFound, StepUpNeeded
from vault.services.steps.limits import refuse_forbidden
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import is_fresh
from vault.storage import cases
from vault.storage.cases import Case

_ACTIONS = {
    Right.LOOKUP: Action.LOOKUP,
    Right.REVEAL: Action.REVEAL,
    Right.ASK: Action.ASK,
    Right.SHARE: Action.SHARED,
    Right.BREAK_GLASS: Action.BREAK_GLASS_ASKED,
}


def may_use(parts: Parts, person: Person, right: Right, purpose: str, now: datetime) -> None:
    """Let a person go on only with a right and a purpose of their role; a refusal is logged.

    A forbidden purpose is also a signal to their supervisors (:func:`vault.services.steps.limits.refuse_forbidden`).

    Raises:
        AccessRefused: no such right (``no_right``), a forbidden purpose (``purpose_forbidden``, UL-02) or one
            that is not theirs to choose (``purpose_not_yours``).
    """
    role = parts.policy.roles[person.role]
    rule = ""
    known = parts.policy.purposes.get(purpose)
    if right not in role.rights:
        rule = "no_right"
    elif known is not None and known.kind is PurposeKind.FORBIDDEN:
        rule = "purpose_forbidden"
    elif purpose not in role.purposes or (person.purposes is not None and purpose not in person.purposes):
        rule = "purpose_not_yours"
    if rule:
        named = purpose if known else ""  # a word outside the closed list does not enter the log
        refusal = parts.event(now, person.actor(), _ACTIONS[right], Outcome.REFUSED, purpose=named, rule=rule)
        if rule == "purpose_forbidden":
            refuse_forbidden(parts, person, refusal, now)
        else:
            parts.log_writer.write(refusal)
        raise AccessRefused(rule)


def require_fresh(parts: Parts, person: Person, now: datetime) -> None:
    """Let a person go on only if password and second factor were given a moment ago (ASVS 7.5.3).

    Raises:
        StepUpNeeded: they were not.
    """
    if not is_fresh(parts.policy.sessions, person, now):
        raise StepUpNeeded


def refuse_program(parts: Parts, person: Person, action: Action, case: Case, now: datetime) -> None:
    """Refuse a program what takes a person who served somebody; the refusal is logged.

    Args:
        parts: the vault's parts.
        person: who asks.
        action: what they want to do, for the log.
        case: their case.
        now: UTC.

    Raises:
        AccessRefused: ``not_for_programs``.
    """
    if person.purposes is None:
        return
    rule = "not_for_programs"
    refusal = parts.event(
        now, person.actor(), action, Outcome.REFUSED, purpose=case.purpose, case=case.case_id, rule=rule
    )
    parts.log_writer.write(refusal)
    raise AccessRefused(rule)


def case_of(connection: Connection, person: Person, case_id: bytes) -> Case:
    """Return a person's own open case.

    Raises:
        NotFound: not there, not theirs, or closed: one answer.
    """
    case = cases.case(connection, case_id)
    if case is None or case.held_by != person.account_id or case.closed_at is not None:
        raise NotFound("case")
    return case
