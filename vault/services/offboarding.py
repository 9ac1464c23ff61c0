"""Off-boarding: one act and one transaction after which a person holds nothing and their work is somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from vault.domain.breach.containment import Doing
from vault.domain.destruction import PURPOSE
from vault.domain.ledger import Entry, EntryKind
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right, Scope
from vault.errors import InvalidValue, NotFound
from vault.services.steps.account_acts import logging_refusals, require_accounts, taken
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.opening import announced, reporting
from vault.services.steps.parting import AT_ONCE, LEFT, end_access, given
from vault.services.steps.parts import Parts
from vault.storage import cases, leaving, notifications, paper, people, record_writes, records
from vault.storage.leaving import Held
from vault.storage.people import PERSON, Account
from vault.storage.records import StoredRecord
from vault.storage.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class Leaving:
    """What off-boarding ends and hands on.

    Args:
        work_number: who leaves.
        successor: work number of who takes over, empty for nobody.
        held: what ends (sessions, tokens, grants, requests) and what is handed on (cases, customers, services, boxes
            of paper).
        hindrance: id of the reason why it cannot be done now; empty when nothing stands in the way.
    """

    work_number: str
    successor: str
    held: Held
    hindrance: str

    def counts(self) -> dict[str, int]:
        """Return how much of each kind there is, by name."""
        return asdict(self.held)

    def told(self) -> dict[str, Any]:
        """Return it as programs read it."""
        return {
            "work_number": self.work_number,
            "successor": self.successor or None,
            "hindrance": self.hindrance or None,
            **self.counts(),
        }


def plan(parts: Parts, person: Person, work_number: str, successor: str, now: datetime) -> Leaving:
    """Say what off-boarding would end and hand on, and whether anything stands in its way; nothing is changed.

    Raises:
        AccessRefused: no right to accounts.
        NotFound: no account has this work number, or its person has left.
    """
    with logging_refusals(parts, person, Action.PEOPLE_LIST, work_number, now):
        require_accounts(parts, person)
        with parts.database.read() as connection:
            account = people.by_work_number(connection, normal_work_number(work_number))
            if account is None or account.state is AccountState.LEFT:
                raise NotFound("account")
            heir = people.by_work_number(connection, normal_work_number(successor)) if successor else None
            held = leaving.held(connection, account.account_id)
            purposes = {purpose for _, purpose in leaving.open_cases(connection, account.account_id)}
    hindrance = _leaving_fault(parts, account, heir, held, purposes, is_named=bool(successor))
    parts.log_writer.write(
        parts.event(now, person.actor(), Action.PEOPLE_LIST, Outcome.GRANTED, account=account.work_number)
    )
    return Leaving(account.work_number, heir.work_number if heir else "", held, hindrance)


@stopped_by_freeze(Doing.BUSINESS, Action.LEFT)
def leave(parts: Parts, person: Person, work_number: str, successor: str, now: datetime) -> Leaving:
    """Off-board somebody, all at once or not at all (AC-06); nothing leads back.

    Sessions and tokens end, what they were granted ends with them, and so do their unanswered requests. Open cases,
    open services, owned customers and boxes of paper go to the successor; without one, customers go to the pool. What
    they granted to others belongs to the others' cases and ends with these.

    Args:
        parts: the vault's parts.
        person: the administrator.
        work_number: who leaves.
        successor: work number of an active colleague who takes over, or empty.
        now: UTC.

    Returns:
        What was ended and handed on.

    Raises:
        AccessRefused: no right to accounts, or one's own.
        StepUpNeeded: password and second factor were not given a moment ago.
        InvalidValue: a hand-over is open (``handovers_open``), or work is left that nobody takes over
            (``successor_needed``, ``successor_not_possible``).
        NotFound: no account has this work number, or its person has left.
        IntegrityError: a record to hand on was edited behind the vault's back; nothing is changed.
        StorageError: ``changed_meanwhile``: somebody changed such a record at this very moment; nothing is changed.
    """
    at_hand: dict[bytes, StoredRecord] = {}
    with (
        logging_refusals(parts, person, Action.LEFT, work_number, now),
        reporting(parts, person.actor(), at_hand, now),
        unit_of_work(parts.database) as work,
    ):
        both = taken(parts, work, person, work_number, now, other=successor)
        account, heir = both.account, both.other
        if account.state is AccountState.LEFT:
            raise NotFound("account")
        to: dict[str, Any] = {} if heir is None else {"to": heir.work_number}
        held = leaving.held(work.connection, account.account_id)
        open_cases = leaving.open_cases(work.connection, account.account_id)
        purposes = {purpose for _, purpose in open_cases}
        fault = _leaving_fault(parts, account, heir, held, purposes, is_named=bool(successor))
        if fault:
            raise InvalidValue(fault, field="successor")
        end_access(work.connection, account, now)
        if heir is not None:
            _hand_on_cases(parts, work, person, account, heir, open_cases, now)
            _hand_on_boxes(parts, work, person, account, heir, now)
        _hand_on_records(parts, work, person, account, heir, at_hand, now)
        people.change(work.connection, account.account_id, LEFT)
        if heir is not None and (held.cases or held.customers or held.services):
            told = [heir.account_id]
            notifications.add(work.connection, told, NoticeKind.CASE_RECEIVED, account.account_id, now)
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.LEFT,
                Outcome.DONE,
                account=account.work_number,
                cases=held.cases,
                count=held.customers + held.services,
                ended=held.sessions + held.tokens + held.grants + held.requests,
                **to,
            )
        )
        # Before the commit: a restore may take away an account too many, and never gives one back.
        parts.ledger.append([Entry(EntryKind.ACCOUNT_LEFT, now, account.account_id)])
        work.commit()
    return Leaving(account.work_number, heir.work_number if heir else "", held, "")


def _leaving_fault(
    parts: Parts, account: Account, heir: Account | None, held: Held, purposes: set[str], *, is_named: bool
) -> str:
    """Return the reason why somebody cannot leave now, or an empty string."""
    if held.handovers:
        return "handovers_open"
    if not is_named:
        return "successor_needed" if held.cases or held.services or held.boxes else ""
    if heir is None or heir.account_id == account.account_id:
        return "successor_not_possible"
    role, former = parts.policy.roles[heir.role], parts.policy.roles[account.role]
    works_here = heir.state is AccountState.ACTIVE and heir.kind == PERSON
    # Anybody can keep a box; whoever takes over cases or customers must be able to look them up.
    only_boxes = held.boxes and not (held.cases or held.customers or held.services)
    works_here = works_here and (bool(only_boxes) or Right.LOOKUP in role.rights)
    # A complaint that was passed to a specialist is seen by specialists alone.
    sees_it = not held.services or former.scope is not Scope.OPEN_COMPLAINTS or role.scope is former.scope
    return "" if works_here and sees_it and purposes.issubset(role.purposes) else "successor_not_possible"


def _hand_on_cases(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    account: Account,
    heir: Account,
    open_cases: Sequence[tuple[bytes, str]],
    now: datetime,
) -> None:
    for case_id, purpose in open_cases:
        if not cases.move(work.connection, case_id, account.account_id, heir.account_id):
            continue  # closed at this very moment
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.CASE_MOVED,
                Outcome.DONE,
                purpose=purpose,
                case=case_id,
                account=account.work_number,
                to=heir.work_number,
            )
        )


def _hand_on_boxes(
    parts: Parts, work: UnitOfWork, person: Person, account: Account, heir: Account, now: datetime
) -> None:
    boxes = paper.kept_by(work.connection, account.account_id)
    for box in boxes:
        if not paper.hand_on(work.connection, box.box_id, account.account_id, heir.account_id):
            continue  # handed on, or gone, at this very moment
        facts: dict[str, Any] = {"box": box.box_id.hex(), "record_class": box.record_class.value}
        facts |= {"account": account.work_number, "to": heir.work_number}
        work.announce(parts.event(now, person.actor(), Action.PAPER_HANDED_ON, Outcome.DONE, purpose=PURPOSE, **facts))
    if boxes:
        notifications.add(work.connection, [heir.account_id], NoticeKind.BOX_RECEIVED, account.account_id, now)


def _hand_on_records(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    account: Account,
    heir: Account | None,
    at_hand: dict[bytes, StoredRecord],
    now: datetime,
) -> None:
    """Give customers and open services another owner: the metadata MAC is made anew, nothing is opened."""
    store = parts.keys.current(work.connection)
    ids = leaving.records_to_hand_on(work.connection, account.account_id)
    facts: dict[str, Any] = {"account": account.work_number} | ({"to": heir.work_number} if heir else {})
    for start in range(0, len(ids), AT_ONCE):
        at_hand.clear()
        at_hand.update(records.load(work.connection, ids[start : start + AT_ONCE]))
        changes = [given(store, one, heir, now) for one in at_hand.values()]
        record_writes.give(work.connection, changes)
        named = tuple(announced(one, ()) for one in at_hand.values())
        event = parts.event(now, person.actor(), Action.OWNER_CHANGED, Outcome.DONE, opened=named, **facts)
        work.announce(event)
