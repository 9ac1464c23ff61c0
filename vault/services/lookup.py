"""The look-up: from a typed identifier to masked cards, with its evidence written before anything is opened.

The walk (architecture, "Two walks"): parse, find by blind index, decide from metadata, append the event and
wait for the receipt, open just what was announced, answer masked. A miss and a refusal take the same steps
without the opening, are logged alike and answered alike.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.access import visible_fields
from vault.domain.identifiers import IdentifierKind, identify
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened, Outcome, Receipt
from vault.domain.people import Person
from vault.domain.plaintext import Plaintext
from vault.domain.policy import Right
from vault.domain.records import FieldRef
from vault.errors import NotFound
from vault.services import scope
from vault.services.admission import case_of, may_use
from vault.services.cards import OTHER_PARTY, Card, card, fields_to_open, other_party
from vault.services.opening import announced, check, open_record, reporting
from vault.services.parts import Parts
from vault.storage import cases, records
from vault.storage.group_commit import Rows
from vault.storage.records import StoredRecord
from vault.storage.tables import case_records
from vault.storage.tables import cases as cases_table

ABSENT_ANSWER_SECONDS = 0.06
"""A look-up that shows nothing answers no sooner, so that its duration does not tell a refusal from a miss."""

_CLASS_OF = {
    IdentifierKind.PHONE: RecordClass.CUSTOMER,
    IdentifierKind.ID_NUMBER: RecordClass.CUSTOMER,
    IdentifierKind.WAYBILL: RecordClass.SHIPMENT,
}


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """What a look-up gives back.

    Args:
        case_id: the case it opened or continued.
        purpose: its purpose.
        kind: what was typed.
        cards: what was found in scope: the match first, then the parties of a shipment; empty when nothing is shown.
        choose: several customers share the number: the cards are to choose from.
    """

    case_id: bytes
    purpose: str
    kind: IdentifierKind
    cards: tuple[Card, ...] = ()
    choose: bool = False


@dataclass(slots=True)
class _Found:
    """What the finding and deciding steps leave for the opening."""

    store: KeyStore
    records: dict[bytes, StoredRecord] = field(default_factory=dict)
    wraps: dict[bytes, bytes] = field(default_factory=dict)
    rules: dict[bytes, str] = field(default_factory=dict)
    parts_of_answer: dict[bytes, str] = field(default_factory=dict)


def look_up(
    parts: Parts,
    person: Person,
    typed: str,
    purpose: str,
    now: datetime,
    case_id: bytes | None = None,
    chosen: bytes | None = None,
) -> LookupAnswer:
    """Look up an exact waybill number, phone number or ID number.

    Args:
        parts: the vault's parts.
        person: who asks.
        typed: what they typed; it goes nowhere but into a tag.
        purpose: purpose id, one the role may choose.
        now: UTC.
        case_id: a case of theirs to continue; None opens one.
        chosen: which of several customers with the same number is meant.

    Returns:
        Masked cards, or no card: not there and not yours are the same answer.

    Raises:
        AccessRefused: the role has no look-up, or not for this purpose.
        InvalidValue: what was typed is no such identifier.
        NotFound: the case to continue is not theirs, is closed, or has another purpose.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: something found does not fit; logged, nothing shown.
    """
    started = time.monotonic()
    # 1. The role may look up for this purpose.
    may_use(parts, person, Right.LOOKUP, purpose, now)
    # 2. Parse.
    kind, number = identify(typed, parts.policy.carriers)
    with parts.database.read() as connection:
        bound = _continued(connection, person, case_id, purpose)
        # 3. Find by blind index; 4. decide from metadata only.
        store = parts.keys.current(connection)
        candidates = _find(connection, store, kind, number)
        with reporting(parts, person.actor(), candidates, now):
            found = _decide(connection, parts, person, store, candidates, bound, now)
        if chosen is not None:
            _narrow(found, chosen)
        found.wraps = records.wraps(connection, (one.meta for one in found.records.values()))
    matches = [record_id for record_id, part in found.parts_of_answer.items() if part == "match"]
    choose = len(matches) > 1
    # 5. Append the event with the case, and wait until it is durable.
    case = case_id or new_id()
    opened = _to_open(parts, person, found)
    new_bound = [] if choose else [one for one in found.rules if one not in bound]
    receipt = parts.log_writer.write(
        parts.event(
            now,
            person.actor(),
            Action.LOOKUP,
            _outcome(candidates, matches),
            purpose=purpose,
            case=case,
            rule=found.rules.get(matches[0], "") if matches else "",
            opened=opened,
            identifier=kind.value,
        ),
        _case_rows(person, purpose, now, case, new_bound, is_new=case_id is None),
    )
    if not matches:
        time.sleep(max(0.0, started + ABSENT_ANSWER_SECONDS - time.monotonic()))
        return LookupAnswer(case, purpose, kind)
    # 6. Unwrap and open just these; 7. answer, masked.
    with reporting(parts, person.actor(), found.records, now):
        cards = _cards(parts, person, found, receipt, opened)
    return LookupAnswer(case, purpose, kind, cards, choose)


def _continued(connection: Connection, person: Person, case_id: bytes | None, purpose: str) -> frozenset[bytes]:
    """Return the records of the case to continue; an empty set for a new one."""
    if case_id is None:
        return frozenset()
    if case_of(connection, person, case_id).purpose != purpose:
        raise NotFound("case")
    return cases.records_of(connection, case_id)


def _find(connection: Connection, store: KeyStore, kind: IdentifierKind, number: str) -> dict[bytes, StoredRecord]:
    """Find records by one tag for each live cohort; a miss loads a decoy id, so that it asks the same questions."""
    tags = [keys.tag(kind, number) for keys in store.class_keys(_CLASS_OF[kind])]
    hits = records.ids_by_tag(connection, tags)
    ids = {record_id for some in hits.values() for record_id in some}
    return records.load(connection, ids or {new_id()})


def _decide(
    connection: Connection,
    parts: Parts,
    person: Person,
    store: KeyStore,
    candidates: Mapping[bytes, StoredRecord],
    bound: frozenset[bytes],
    now: datetime,
) -> _Found:
    """Check the candidates' metadata and keep those in scope, with the parties of a shipment."""
    found = _Found(store)
    links = {linked for one in candidates.values() for linked in scope.parties_of(one.meta)}
    parties = records.load(connection, links or {new_id()})
    for one in (*candidates.values(), *parties.values()):
        check(store, one)
    live = {key: one for key, one in candidates.items() if scope.findable(connection, one.meta, now)}
    customers = {**parties, **{key: one for key, one in live.items() if one.meta.record_class is RecordClass.CUSTOMER}}
    customers = {key: one for key, one in customers.items() if scope.findable(connection, one.meta, now)}
    # The identifier was exact: pool customers it leads to are bound by this very look-up.
    rules = scope.rules_for(connection, parts.policy, person, customers, bound | set(customers))
    for key, one in live.items():
        if one.meta.record_class is RecordClass.CUSTOMER:
            if key in rules:
                _keep(found, one, "match", rules[key])
        else:
            mine = {party: rules[party] for party in scope.parties_of(one.meta) if party in rules}
            if mine:
                _keep(found, one, "match", next(iter(mine.values())))
                for party, part in scope.parties_of(one.meta).items():
                    if party in customers:
                        _keep(found, customers[party], part, mine.get(party, ""))
    return found


def _keep(found: _Found, one: StoredRecord, part: str, rule: str) -> None:
    found.records[one.meta.record_id] = one
    found.parts_of_answer[one.meta.record_id] = part
    if rule:
        found.rules[one.meta.record_id] = rule


def _narrow(found: _Found, chosen: bytes) -> None:
    """Keep only the chosen one of several; a choice that is not among them is a miss."""
    for record_id in list(found.records):
        if record_id != chosen:
            del found.records[record_id], found.parts_of_answer[record_id]
            found.rules.pop(record_id, None)


def _to_open(parts: Parts, person: Person, found: _Found) -> tuple[Opened, ...]:
    """List what will be opened, record by record, field by field."""
    opened = []
    for record_id, one in found.records.items():
        present = {ref.field for ref in one.meta.fields}
        if record_id in found.rules:
            views = visible_fields(parts.policy, person.role, one.meta.record_class, present)
            names = fields_to_open(one.meta.record_class, views)
        else:
            names = _other_party_fields(found.parts_of_answer[record_id], present)
        opened.append(announced(one, names))
    return tuple(opened)


def _other_party_fields(part: str, present: Iterable[str]) -> set[str]:
    address = "sender_address" if part == "sender" else "recipient_address"
    return {"name", address} & set(present) & set(OTHER_PARTY)


def _outcome(candidates: Mapping[bytes, StoredRecord], matches: Sequence[bytes]) -> Outcome:
    if matches:
        return Outcome.GRANTED
    return Outcome.REFUSED if candidates else Outcome.MISS


def _case_rows(
    person: Person, purpose: str, now: datetime, case: bytes, bound: Sequence[bytes], *, is_new: bool
) -> Rows:
    rows: dict[object, list[dict[str, object]]] = {}
    if is_new:
        rows[cases_table] = [
            {"case_id": case, "purpose": purpose, "opened_by": person.account_id, "opened_at": now, "closed_at": None}
        ]
    if bound:
        rows[case_records] = [{"case_id": case, "record_id": record_id} for record_id in bound]
    return rows  # type: ignore[return-value]  # keys are tables


def _cards(parts: Parts, person: Person, found: _Found, receipt: Receipt, opened: Sequence[Opened]) -> tuple[Card, ...]:
    cards = []
    for grant in opened:
        one = found.records[grant.record_id]
        values: dict[FieldRef, Plaintext] = open_record(
            found.store, receipt, one, found.wraps.get(grant.record_id), grant.fields
        )
        part = found.parts_of_answer[grant.record_id]
        if grant.record_id in found.rules:
            present = {ref.field for ref in one.meta.fields}
            views = visible_fields(parts.policy, person.role, one.meta.record_class, present)
            cards.append(card(one.meta, part, found.rules[grant.record_id], views, values))
        else:
            cards.append(other_party(one.meta, part, values))
    return tuple(cards)
