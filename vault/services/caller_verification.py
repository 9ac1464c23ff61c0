"""Proving who calls: questions whose answers are compared and never shown, and refusing a caller (CE-10, AC-08).

A try is counted, then logged, then the values are opened and compared; the answer is match or no match, whichever
value it was and whether there was one at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain import caller
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Event, Opened, Outcome, Receipt
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import LinkRole
from vault.domain.rules.access import Right
from vault.domain.rules.emergency import Question
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services.steps import scope
from vault.services.steps.admission import case_of, may_use, refuse_program
from vault.services.steps.caller import proofs, requires
from vault.services.steps.opening import announced, check, open_record, reporting
from vault.services.steps.parts import Parts
from vault.storage import caller_checks, records
from vault.storage.caller_checks import NO_MATCH, REFUSED, Wrong
from vault.storage.cases import Case
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import unit_of_work

_DAY = timedelta(hours=24)
_RECENT = 5
"""Of how many of a customer's newest shipments the item may be named."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands as one customer in a case.

    Args:
        customer: the customer.
        required: nothing of theirs is revealed before the caller has proved to be them.
        verified: the caller has.
        refused: the caller was refused.
        askable: questions that may be asked: none about a number of a kind that was typed in the case.
        matched: those of them answered rightly of late.
        counted: how many of these count towards the proof; weak ones do not.
        needed: how many must.
        tries_left: wrong answers that are still taken.
    """

    customer: bytes
    required: bool
    verified: bool
    refused: bool
    askable: frozenset[str]
    matched: frozenset[str]
    counted: int
    needed: int
    tries_left: int


@dataclass(frozen=True, slots=True)
class _Try:
    """One answer that is about to be compared: who asks which question about whom, in which case."""

    parts: Parts
    person: Person
    case: Case
    customer: StoredRecord
    rule: str
    question: str
    now: datetime

    def event(self, outcome: Outcome, rule: str, opened: tuple[Opened, ...] = ()) -> Event:
        """Make an event of it, which names the customer if nothing is opened."""
        return self.parts.event(
            self.now,
            self.person.actor(),
            Action.CALLER_CHECKED,
            outcome,
            purpose=self.case.purpose,
            case=self.case.case_id,
            rule=rule,
            opened=opened or (announced(self.customer, ()),),
            question=self.question,
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """What one answer has come to.

    Args:
        match: it was right.
        verified: the caller has now proved to be the customer.
        tries_left: wrong answers that are still taken.
    """

    match: bool
    verified: bool
    tries_left: int


def standings(parts: Parts, case_id: bytes, rules: Mapping[bytes, str], now: datetime) -> dict[bytes, Standing]:
    """Return how the caller of a case stands as each of some customers; nothing is opened.

    Args:
        parts: the vault's parts.
        case_id: a case decided to be the person's own.
        rules: customers decided to be in its scope, each with its rule.
        now: UTC.
    """
    with parts.database.read() as connection:
        return {one: _standing(connection, parts.policy, case_id, one, rule, now) for one, rule in rules.items()}


def standing(parts: Parts, person: Person, case_id: bytes, customer_id: bytes, now: datetime) -> Standing:
    """Return how the caller of a person's open case stands as a customer.

    Raises:
        AccessRefused: the role may not look up for the case's purpose.
        NotFound: case or customer are not there, or not theirs.
    """
    with parts.database.read() as connection:
        _, _, _, rule = _customer(connection, parts, person, case_id, customer_id, now)
        return _standing(connection, parts.policy, case_id, customer_id, rule, now)


def check_answer(
    parts: Parts, person: Person, case_id: bytes, customer_id: bytes, question: str, answer: str, now: datetime
) -> Checked:
    """Compare a caller's answer with what the vault holds of the customer they say to be.

    Args:
        parts: the vault's parts.
        person: who asks the caller.
        case_id: their open case.
        customer_id: a customer in scope within it.
        question: one of the policy's questions.
        answer: as typed; it goes nowhere but into the comparison.
        now: UTC.

    Returns:
        Match or no match: a value that is not there is no match.

    Raises:
        AccessRefused: the role may not look up, the caller was refused in this case before, or it is a program that
            asks.
        InvalidValue: no such question, an answer that can be none, a question about what was typed in the case (none
            of these costs a try), or no tries are left.
        NotFound: case or customer are not there, or not theirs.
        LogUnavailable: the try could not be made durable; nothing was opened.
        IntegrityError: something does not fit; logged, and the try counts as wrong.
    """
    asked = parts.policy.verification.questions.get(question)
    if asked is None:
        raise InvalidValue("not_on_list", field="question")
    told = caller.normal(asked.compares, answer)
    with parts.database.read() as connection:
        case, store, customer, rule = _customer(connection, parts, person, case_id, customer_id, now)
        with reporting(parts, person.actor(), {customer_id: customer}, now):
            holders = _holders(connection, store, asked, customer, now)
        wraps = records.wraps(connection, (one.meta for one in holders.values()))
    wanted = set(asked.fields)
    opened = tuple(announced(one, wanted & {ref.field for ref in one.meta.fields}) for one in holders.values())
    tried = _Try(parts, person, case, customer, rule, question, now)
    # 1. Counted as wrong and logged, in one transaction, before anything is opened.
    check_id, receipt = _count(tried, opened)
    # 2. Opened and compared: every value, so that the duration does not tell which one it was.
    found = []
    with reporting(parts, person.actor(), holders, now):
        for (key, one), of_it in zip(holders.items(), opened, strict=True):
            values = open_record(store, receipt, one, wraps.get(key), of_it.fields)
            found += [caller.matches(asked.compares, told, value) for value in values.values()]
    # 3. What it came to, in the log too; on a crash before it the try stays wrong.
    match = any(found)
    with unit_of_work(parts.database) as work:
        if match:
            caller_checks.match(work.connection, check_id)
        after = _standing(work.connection, parts.policy, case_id, customer_id, rule, now)
        work.announce(tried.event(Outcome.DONE if match else Outcome.MISS, rule))
        work.commit()
    return Checked(match, after.verified, after.tries_left)


def refuse_caller(parts: Parts, person: Person, case_id: bytes, customer_id: bytes, reason: str, now: datetime) -> None:
    """Record that a caller is not the customer: from now on nothing of them is revealed in this case (AC-08, AC-09).

    Args:
        parts: the vault's parts.
        person: who refuses the caller.
        case_id: their open case.
        customer_id: the customer the caller said to be.
        reason: one of the policy's refusals.
        now: UTC.

    Raises:
        AccessRefused: the role may not look up for the case's purpose, or it is a program, which hears no caller.
        InvalidValue: no such reason.
        NotFound: case or customer are not there, or not theirs.
    """
    if reason not in parts.policy.verification.refusals:
        raise InvalidValue("not_on_list", field="reason")
    with parts.database.read() as connection:
        case, _, customer, rule = _customer(connection, parts, person, case_id, customer_id, now)
        refuse_program(parts, person, Action.CALLER_REFUSED, case, now)
    with unit_of_work(parts.database) as work:
        case_of(work.connection, person, case_id)
        row = _row(person, case_id, customer_id, now)
        caller_checks.add(work.connection, row | {"check_id": new_id(), "outcome": REFUSED, "reason": reason})
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.CALLER_REFUSED,
                Outcome.DONE,
                purpose=case.purpose,
                case=case_id,
                rule=rule,
                opened=(announced(customer, ()),),
                reason=reason,
            )
        )
        work.commit()


def _count(tried: _Try, opened: tuple[Opened, ...]) -> tuple[bytes, Receipt]:
    """Count a try as a wrong one and announce what it will open.

    Returns:
        The try's id, and the receipt to open by.

    Raises:
        AccessRefused: the caller was refused before, or it is a program that asks (logged).
        InvalidValue: the question is not to be asked here, or no tries are left (logged).
    """
    check_id, case_id, customer_id = new_id(), tried.case.case_id, tried.customer.meta.record_id
    with unit_of_work(tried.parts.database) as work:
        case_of(work.connection, tried.person, case_id)
        caller_checks.lock(work.connection, customer_id)
        here = _standing(work.connection, tried.parts.policy, case_id, customer_id, tried.rule, tried.now)
        refusal = _why_not(tried.person, here, tried.question)
        if not refusal:
            row = _row(tried.person, case_id, customer_id, tried.now)
            row |= {"check_id": check_id, "question": tried.question, "outcome": NO_MATCH}
            caller_checks.add(work.connection, row)
        work.announce(
            tried.event(Outcome.REFUSED, refusal) if refusal else tried.event(Outcome.GRANTED, tried.rule, opened)
        )
        (receipt,) = work.commit()
    if refusal in {"not_for_programs", "caller_refused"}:
        raise AccessRefused(refusal)
    if refusal:
        raise InvalidValue(refusal, field="question" if refusal == "answer_was_typed" else "answer")
    return check_id, receipt


def _row(person: Person, case_id: bytes, customer_id: bytes, now: datetime) -> dict[str, object]:
    return {
        "case_id": case_id,
        "record_id": customer_id,
        "account_id": person.account_id,
        "question": "",
        "reason": "",
        "at": now,
    }


def _standing(
    connection: Connection, policy: Policy, case_id: bytes, customer_id: bytes, rule: str, now: datetime
) -> Standing:
    proof = proofs(connection, policy, case_id, [customer_id], now)[customer_id]
    wrong = caller_checks.wrong(connection, case_id, customer_id, now - _DAY)
    return Standing(
        customer_id,
        requires(policy, rule),
        proof.verified,
        proof.refused,
        proof.askable,
        proof.matched,
        proof.counted,
        policy.verification.needed,
        _left(policy, wrong),
    )


def _why_not(person: Person, here: Standing, question: str) -> str:
    """Return the reason why an answer is not compared, or an empty string."""
    if person.purposes is not None:  # a program has no caller on the line
        return "not_for_programs"
    if here.refused:
        return "caller_refused"
    if question not in here.askable:
        return "answer_was_typed"
    return "" if here.tries_left else "caller_tries_used_up"


def _left(policy: Policy, wrong: Wrong) -> int:
    rule = policy.verification
    return max(0, min(rule.tries - wrong.here, rule.day_tries - wrong.lately))


def _customer(
    connection: Connection, parts: Parts, person: Person, case_id: bytes, customer_id: bytes, now: datetime
) -> tuple[Case, KeyStore, StoredRecord, str]:
    """Return a person's open case, the key store, and a customer in scope within the case with the rule."""
    case = case_of(connection, person, case_id)
    may_use(parts, person, Right.LOOKUP, case.purpose, now)
    store = parts.keys.current(connection)
    found, rules = scope.within_case(connection, parts, person, store, case, customer_id, Action.CALLER_CHECKED, now)
    if found.meta.record_class is not RecordClass.CUSTOMER:
        raise NotFound("record")
    return case, store, found, rules[customer_id]


def _holders(
    connection: Connection, store: KeyStore, asked: Question, customer: StoredRecord, now: datetime
) -> dict[bytes, StoredRecord]:
    """Return the records that hold the answer: the customer, or the newest shipments to and from them.

    Raises:
        IntegrityError: a shipment's metadata was edited behind the vault's back.
    """
    if set(asked.fields) <= FIELDS[RecordClass.CUSTOMER].keys():
        return {customer.meta.record_id: customer}
    ids: list[bytes] = []
    for role in (LinkRole.SENDER, LinkRole.RECIPIENT):
        ids += records.linked_to(connection, role, customer.meta.record_id, _RECENT)
    found = records.load(connection, ids)
    for one in found.values():
        check(store, one)
    newest = sorted(found.items(), key=lambda item: item[1].meta.activity_at, reverse=True)
    return dict([item for item in newest if scope.findable(connection, store, item[1].meta, now)][:_RECENT])
