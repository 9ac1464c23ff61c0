"""Gathering what a scope decision rests on, for customers and for shipments (product.md, scope rule)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.access import CustomerFacts, customer_scope
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import LinkRole, RecordMeta
from vault.domain.rules.access import Scope
from vault.domain.service_records import was_passed_on
from vault.errors import IntegrityError, NotFound
from vault.services.steps.opening import check, report, reporting
from vault.services.steps.parts import Parts
from vault.storage import cases, grants, people, records
from vault.storage.cases import Case
from vault.storage.grants import Holder
from vault.storage.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Looked:
    """Records as they are stored, before anybody's scope is decided.

    Args:
        live: those that are not restricted.
        damaged: ids of those that do not fit, or live only by a service that does not. They open nothing for anybody:
            whoever would see them as they are stored gets an integrity error, and to all others they are not there.
    """

    live: Mapping[bytes, StoredRecord]
    damaged: frozenset[bytes]


def look_at(
    connection: Connection,
    store: KeyStore,
    found: Mapping[bytes, StoredRecord],
    now: datetime,
    expected: RecordClass | None = None,
) -> Looked:
    """Look at records as they are stored: which may be found, and which do not fit.

    Args:
        connection: an open connection.
        store: the key store in force.
        found: the records.
        now: UTC.
        expected: the class that those found by an identifier must have; a damaged one is taken for it.
    """
    live, damaged = {}, set()
    for key, stored in found.items():
        one = stored
        try:
            check(store, one)
        except IntegrityError:
            damaged.add(key)
            one = replace(one, meta=replace(one.meta, record_class=expected or one.meta.record_class))
        try:
            is_live = findable(connection, store, one.meta, now)
        except IntegrityError:
            damaged.add(key)
            is_live = True
        if is_live:
            live[key] = one
    return Looked(live, frozenset(damaged))


@dataclass(frozen=True, slots=True)
class CaseAtHand:
    """What a decision must know of the case it is made in.

    Args:
        case_id: the case; empty for one that the look-up at hand is about to open.
        purpose: of the case; a grant holds for its own purpose only.
        bound: records it is opened on from an exact identifier.
    """

    case_id: bytes
    purpose: str
    bound: Collection[bytes]


def rules_for(
    connection: Connection,
    store: KeyStore,
    policy: Policy,
    person: Person,
    customers: Mapping[bytes, StoredRecord],
    case: CaseAtHand,
    now: datetime,
) -> dict[bytes, str]:
    """Decide which customers are in a person's scope.

    Args:
        connection: an open connection.
        store: the key store in force, to check what a decision rests on.
        policy: the rules in force.
        person: who asks.
        customers: candidates as they are stored, looked at already.
        case: the case at hand.
        now: UTC.

    Returns:
        By customer id the rule that lets the person in; customers out of scope are absent.

    Raises:
        IntegrityError: a complaint that would let the person in was edited behind the vault's back.
    """
    scope = policy.roles[person.role].scope
    complaints: set[bytes | None] = set()
    owners = {}
    if scope is Scope.OPEN_COMPLAINTS:
        open_ones = _checked(connection, store, records.open_complaints(connection, person.account_id, customers))
        # Not by what somebody filed, or whoever files would choose for themselves whom they see, and for how long.
        complaints = {one.meta.linked(LinkRole.CUSTOMER) for one in open_ones if was_passed_on(one.meta)}
    elif scope is Scope.TEAM_AND_OUTLET_POOL:
        owners = people.owner_facts(connection, {one.meta.owner for one in customers.values() if one.meta.owner})
    granted = grants.live_customers(connection, Holder(person.account_id, case.purpose, case.case_id), customers, now)
    allowed = {}
    for customer_id, customer in customers.items():
        owner = customer.meta.owner
        facts = CustomerFacts(
            case_binds=customer_id in case.bound,
            open_complaint=customer_id in complaints,
            owner=owners.get(owner) if owner else None,
            granted=customer_id in granted,
        )
        rule = customer_scope(person, scope, customer.meta, facts)
        if rule is not None:
            allowed[customer_id] = rule
    return allowed


def within_case(
    connection: Connection,
    parts: Parts,
    person: Person,
    store: KeyStore,
    case: Case,
    record_id: bytes,
    action: Action,
    now: datetime,
) -> tuple[StoredRecord, dict[bytes, str]]:
    """Load a record and decide whether it is in scope within a case; a refusal and a miss are logged alike.

    Args:
        connection: an open connection.
        parts: the vault's parts.
        person: who asks.
        store: the key store in force.
        case: their open case.
        record_id: the record.
        action: what they want to do, for the log.
        now: UTC.

    Returns:
        The record and the customers that make it so, each with its rule.

    Raises:
        NotFound: it is not there, restricted, or not theirs; that something of it does not fit is logged.
        IntegrityError: something does not fit of what would be theirs; logged.
    """
    bound = cases.records_of(connection, case.case_id)
    found = records.load_as_stored(connection, [record_id])
    # As in a look-up, what is not there asks the same questions.
    parties = {linked for one in found.values() for linked in parties_of(one.meta)}
    everyone = found | records.load_as_stored(connection, parties or {new_id()})
    with reporting(parts, person.actor(), everyone, now):
        looked = look_at(connection, store, everyone, now)
        customers = {key: one for key, one in looked.live.items() if one.meta.record_class is RecordClass.CUSTOMER}
        at_hand = CaseAtHand(case.case_id, case.purpose, bound)
        rules = rules_for(connection, store, parts.policy, person, customers, at_hand, now)
        is_theirs = record_id in looked.live and bool(rules)
        # What the case was opened on, its person knows to be there.
        if looked.damaged and (is_theirs or record_id in bound):
            raise IntegrityError("unreadable")
    if is_theirs:
        return looked.live[record_id], rules
    if looked.damaged:
        report(parts, person.actor(), (everyone[key] for key in sorted(looked.damaged)), now)
    outcome = Outcome.REFUSED if found else Outcome.MISS
    parts.log_writer.write(parts.event(now, person.actor(), action, outcome, purpose=case.purpose, case=case.case_id))
    raise NotFound("record")


def findable(connection: Connection, store: KeyStore, meta: RecordMeta, now: datetime) -> bool:
    """Return whether a record is not restricted: within its period, or with a service still open on it.

    Raises:
        IntegrityError: the service that would hold it was edited behind the vault's back.
    """
    if not meta.restricted(now):
        return True
    service = records.open_service_on(connection, meta.record_id)
    return service is not None and bool(_checked(connection, store, [service]))


def _checked(connection: Connection, store: KeyStore, ids: Collection[bytes]) -> list[StoredRecord]:
    """Load the records that a decision rests on, their metadata checked."""
    found = list(records.load(connection, ids).values())
    for one in found:
        check(store, one)
    return found


def parties_of(meta: RecordMeta) -> dict[bytes, str]:
    """Return the customers a record hangs on, by id: what each is to it."""
    parties = {}
    for role in (LinkRole.RECIPIENT, LinkRole.SENDER, LinkRole.CUSTOMER):
        linked = meta.linked(role)
        if linked is not None:
            parties[linked] = role.value
    return parties
