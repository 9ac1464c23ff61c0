"""Whether a caller has proved to be the customer: the step before a value is revealed (CE-10, AC-08)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.fields import FIELDS
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import RecordMeta
from vault.errors import AccessRefused
from vault.services.steps.opening import announced
from vault.services.steps.parts import Parts
from vault.storage import break_glass, caller_checks
from vault.storage.cases import Case
from vault.storage.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Proof:
    """What the caller of a case has proved about one customer by now.

    Args:
        askable: the questions that may be asked in the case.
        matched: those of them answered rightly of late.
        counted: how many of these count towards the proof.
        verified: the caller has proved to be the customer, and was not refused.
        refused: the caller was refused.
    """

    askable: frozenset[str]
    matched: frozenset[str]
    counted: int
    verified: bool
    refused: bool


def requires(policy: Policy, rule: str) -> bool:
    """Return whether nothing of a customer in scope by a rule is revealed before the caller has proved who they are."""
    return rule in policy.verification.required_by


def proofs(
    connection: Connection, policy: Policy, case_id: bytes, customer_ids: Collection[bytes], now: datetime
) -> dict[bytes, Proof]:
    """Return what the caller of a case has proved about each of some customers.

    Args:
        connection: an open connection.
        policy: the rules in force; what was asked before a question left the policy counts no more.
        case_id: the case; a question about a number of a kind that was typed in it proves nothing.
        customer_ids: the customers.
        now: UTC.
    """
    verification, typed = policy.verification, caller_checks.typed(connection, case_id)
    askable, proving = verification.askable(typed), verification.proving(typed)
    found = {}
    for customer_id, told in caller_checks.told(connection, case_id, customer_ids).items():
        until = verification.proved_until(told.matches, typed)
        matched = {name for at, name in told.matches if name in askable and now < at + verification.valid()}
        verified = until is not None and now < until and not told.refused
        found[customer_id] = Proof(askable, frozenset(matched), len(matched & proving), verified, told.refused)
    return found


def require(
    parts: Parts,
    person: Person,
    case: Case,
    rules: Mapping[bytes, str],
    subject: StoredRecord,
    field: str,
    now: datetime,
) -> None:
    """Let a reveal go on only if the policy asks no proof of the caller, or the caller has given it.

    A refused caller ends every reveal about that customer in the case. What tells of one customer of a shipment alone
    asks for the proof of that one. Access in an emergency stands in for the proof: there may be no caller.

    Args:
        parts: the vault's parts.
        person: who reveals.
        case: their case.
        rules: the customers who bring the record into scope, each with its rule.
        subject: the record.
        field: what they reveal, as they name it.
        now: UTC.

    Raises:
        AccessRefused: ``caller_not_verified`` or ``caller_refused``; logged.
    """
    concerned = _concerned(subject.meta, field, rules)
    with parts.database.read() as connection:
        found = proofs(connection, parts.policy, case.case_id, concerned, now)
        heard = [one for one in concerned if not found[one].refused]
        if any(not requires(parts.policy, rules[one]) or found[one].verified for one in heard):
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


def _concerned(meta: RecordMeta, field: str, in_scope: Collection[bytes]) -> Collection[bytes]:
    """Return whose proof a field asks for: the customer's whom it tells of, or that of any by whom it is in scope."""
    known = FIELDS[meta.record_class].get(field)
    one = meta.linked(known.tells_of) if known and known.tells_of else None
    # Of one who is not in scope the field is not revealed anyhow (steps/cards.py).
    return [one] if one is not None and one in in_scope else in_scope
