"""Whether a caller has proved to be the customer: the step before a value is revealed (CE-10, AC-08)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.errors import AccessRefused
from vault.services.steps.opening import announced
from vault.services.steps.parts import Parts
from vault.storage import break_glass, caller_checks
from vault.storage.cases import Case
from vault.storage.records import StoredRecord


def requires(policy: Policy, rule: str) -> bool:
    """Return whether nothing of a customer in scope by a rule is revealed before the caller has proved who they are."""
    return rule in policy.verification.required_by


def is_verified(connection: Connection, policy: Policy, case_id: bytes, customer_ids: Collection[bytes]) -> bool:
    """Return whether the caller of a case has proved to be one of some customers, and was not refused as them.

    Args:
        connection: an open connection.
        policy: the rules in force; what was asked before a question left the policy counts no more.
        case_id: the case.
        customer_ids: the customers.
    """
    known = policy.verification.questions.keys()
    proofs = caller_checks.proofs(connection, case_id, customer_ids)
    return any(
        not proof.refused and len(proof.matched & known) >= policy.verification.needed for proof in proofs.values()
    )


def require(
    parts: Parts, person: Person, case: Case, rules: Mapping[bytes, str], subject: StoredRecord, now: datetime
) -> None:
    """Let a reveal go on only if the policy asks no proof of the caller, or the caller has given it.

    A refused caller ends every reveal about that customer in the case. Access in an emergency stands in for the
    proof: there may be no caller.

    Args:
        parts: the vault's parts.
        person: who reveals.
        case: their case.
        rules: the customers who bring the record into scope, each with its rule.
        subject: the record.
        now: UTC.

    Raises:
        AccessRefused: ``caller_not_verified`` or ``caller_refused``; logged.
    """
    with parts.database.read() as connection:
        proofs = caller_checks.proofs(connection, case.case_id, rules)
        heard = [one for one in rules if not proofs[one].refused]
        if any(not requires(parts.policy, rules[one]) for one in heard):
            return
        if is_verified(connection, parts.policy, case.case_id, heard):
            return
        if break_glass.opens(connection, case.case_id, person.account_id, heard, now):
            return
    rule = "caller_not_verified" if heard else "caller_refused"
    parts.log_writer.write(
        parts.event(
            now,
            person.actor(),
            Action.REVEAL,
            Outcome.REFUSED,
            purpose=case.purpose,
            case=case.case_id,
            rule=rule,
            opened=(announced(subject, ()),),
        )
    )
    raise AccessRefused(rule)
