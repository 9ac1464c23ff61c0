"""Seeing a record again within its case, with what hangs on it; and revealing one field.

Both decide anew from the metadata of this moment: an owner, a role or an expiry that changed since the
look-up takes effect at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.access import GRANT_RULE
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.plaintext import Plaintext
from vault.domain.records import LinkRole
from vault.domain.rules.access import Right, View
from vault.errors import AccessRefused
from vault.services.steps import caller, limits, scope
from vault.services.steps.admission import case_of, may_use
from vault.services.steps.breach.containing import refuse_frozen_program
from vault.services.steps.cards import OTHER_PARTY_RULE, Card, Viewer, glimpse
from vault.services.steps.opening import announced, check, open_record, reporting
from vault.services.steps.parts import Parts
from vault.storage import grants, records
from vault.storage.cases import Case
from vault.storage.grants import Holder
from vault.storage.records import StoredRecord

_RELATED = 20
"""How many linked records a page lists at most, newest first."""


@dataclass(frozen=True, slots=True)
class ViewAnswer:
    """A record and what hangs on it, masked.

    Args:
        case: the case it is seen in.
        subject: the record itself.
        related: parties of a shipment, or shipments and service records of a customer.
        until: when it ends, where a grant lets it be seen.
    """

    case: Case
    subject: Card
    related: tuple[Card, ...]
    until: datetime | None = None


def view(parts: Parts, person: Person, case_id: bytes, record_id: bytes, now: datetime) -> ViewAnswer:
    """Show a record of an open case again, masked.

    Args:
        parts: the vault's parts.
        person: who asks.
        case_id: their case.
        record_id: the record.
        now: UTC.

    Raises:
        AccessRefused: the role may not look up any more; a program while exports are frozen (logged).
        NotFound: the case or the record is not there, or not theirs.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: something does not fit; logged, nothing shown.
    """
    with parts.database.read() as connection:
        refuse_frozen_program(parts, connection, person, Action.RECORD_VIEW, now)
        case = case_of(connection, person, case_id)
        may_use(parts, person, Right.LOOKUP, case.purpose, now)
        store = parts.keys.current(connection)
        subject, rules = scope.within_case(connection, parts, person, store, case, record_id, Action.RECORD_VIEW, now)
        with reporting(parts, person.actor(), {record_id: subject}, now):
            found = {record_id: subject} | _related(connection, store, subject, rules, now)
        wraps = records.wraps(connection, (one.meta for one in found.values()))
        by_grant = [key for key, its_rule in rules.items() if its_rule == GRANT_RULE]
        holder = Holder(person.account_id, case.purpose, case_id)
        until = by_grant and grants.live_until(connection, holder, by_grant, now)
    rule = next(iter(rules.values()))
    roles = scope.parties_of(subject.meta)
    viewer = Viewer(person.role, case.purpose)
    shown = {}
    for key, one in found.items():
        part = roles.get(key, one.meta.record_class.value)
        is_other = one.meta.record_class is RecordClass.CUSTOMER and key not in rules
        its_rule = OTHER_PARTY_RULE if is_other else rule
        shown[key] = glimpse(parts.policy, viewer, one, part, its_rule, rules)
    receipt = parts.log_writer.write(
        parts.event(
            now,
            person.actor(),
            Action.RECORD_VIEW,
            Outcome.GRANTED,
            purpose=case.purpose,
            case=case_id,
            rule=rule,
            opened=tuple(one.announced() for one in shown.values()),
        )
    )
    with reporting(parts, person.actor(), found, now):
        cards = {key: one.card(store, receipt, wraps.get(key)) for key, one in shown.items()}
    return ViewAnswer(case, cards.pop(record_id), tuple(cards.values()), until or None)


def reveal(
    parts: Parts, person: Person, case_id: bytes, record_id: bytes, field: str, ordinal: int, now: datetime
) -> Plaintext:
    """Reveal one field of a record in scope, logged durably before the answer leaves.

    Args:
        parts: the vault's parts.
        person: who asks.
        case_id: their case; its purpose is the purpose of the reveal.
        record_id: the record.
        field: field name.
        ordinal: which of several values.
        now: UTC.

    Returns:
        The value.

    Raises:
        AccessRefused: the role may not reveal this field, the caller has not proved who they are, or too much was
            revealed lately, or reveals are frozen (logged).
        NotFound: case, record or value are not there, or not theirs.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: something does not fit; logged, nothing shown.
    """
    with parts.database.read() as connection:
        refuse_frozen_program(parts, connection, person, Action.REVEAL, now)
        case = case_of(connection, person, case_id)
        may_use(parts, person, Right.REVEAL, case.purpose, now)
        store = parts.keys.current(connection)
        subject, rules = scope.within_case(connection, parts, person, store, case, record_id, Action.REVEAL, now)
        wraps = records.wraps(connection, [subject.meta])
    caller.require(parts, person, case, rules, subject, field, now)
    place = next((ref for ref in subject.meta.fields if (ref.field, ref.ordinal) == (field, ordinal)), None)
    part, rule = subject.meta.record_class.value, next(iter(rules.values()))
    views = glimpse(parts.policy, Viewer(person.role, case.purpose), subject, part, rule, rules).views
    if place is None or views.get(field) is not View.REVEAL:
        parts.log_writer.write(
            parts.event(
                now,
                person.actor(),
                Action.REVEAL,
                Outcome.REFUSED,
                purpose=case.purpose,
                case=case_id,
                rule="field_not_revealed",
                opened=(announced(subject, ()),),
            )
        )
        raise AccessRefused("field_not_revealed")
    one_value = StoredRecord(subject.meta, subject.mac, {place: subject.sealed[place]})
    event = parts.event(
        now,
        person.actor(),
        Action.REVEAL,
        Outcome.GRANTED,
        purpose=case.purpose,
        case=case_id,
        rule=rule,
        opened=(announced(subject, {field}),),
    )
    receipt = limits.write_reveal(parts, person, event, limits.customer_of(subject.meta, rules), now)
    with reporting(parts, person.actor(), {record_id: subject}, now):
        return open_record(store, receipt, one_value, wraps.get(record_id), {field})[place]


def _related(
    connection: Connection, store: KeyStore, subject: StoredRecord, rules: Mapping[bytes, str], now: datetime
) -> dict[bytes, StoredRecord]:
    """Load what hangs on a record: a customer's shipments and services, a shipment's or service's parties.

    What hangs on nobody who is in scope is left out: a service may name a shipment between strangers.
    """
    meta = subject.meta
    if meta.record_class is not RecordClass.CUSTOMER:
        ids = list(scope.parties_of(meta))
        if (shipment := meta.linked(LinkRole.SHIPMENT)) is not None:
            ids.append(shipment)
    else:
        ids = []
        for role in (LinkRole.SENDER, LinkRole.RECIPIENT, LinkRole.CUSTOMER):
            ids += records.linked_to(connection, role, meta.record_id, _RELATED)
    stored = records.load_as_stored(connection, ids)
    related = {
        key: stored[key]
        for key in ids
        if key in stored
        and (key in scope.parties_of(meta) or rules.keys() & scope.parties_of(stored[key].meta).keys())
        and scope.findable(connection, store, stored[key].meta, now)
    }
    for one in related.values():
        check(store, one)
    return related
