"""The look-up: from a typed identifier to masked cards, with its evidence written before anything is opened.

The walk (architecture, "Two walks"): parse, find by blind index, decide from metadata, append the event and
wait for the receipt, open just what was announced, answer masked. A miss and a refusal take the same steps
without the opening, are logged alike and answered alike.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.identifiers import IdentifierKind, identify
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, IntegrityError, NotFound
from vault.services.steps import finding, limits, scope
from vault.services.steps.admission import case_of, may_use
from vault.services.steps.beat import wait_for_the_beat
from vault.services.steps.breach.containing import refuse_frozen_program
from vault.services.steps.cards import OTHER_PARTY_RULE, Card, Glimpse, Viewer, glimpse
from vault.services.steps.opening import report, reporting
from vault.services.steps.parts import Parts
from vault.storage import cases, records
from vault.storage.group_commit import Rows
from vault.storage.records import StoredRecord
from vault.storage.tables import case_lookups, case_records
from vault.storage.tables import cases as cases_table

MOST_CHOICES = 20
"""Customers with one number that are listed to choose from, latest activity first: a choice, not a directory."""


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, why and when; and the case to continue, None for a new one."""

    kind: IdentifierKind
    number: str
    purpose: str
    now: datetime
    case_id: bytes | None


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
        AccessRefused: the role has no look-up, or not for this purpose, or its quota is used up; a program while
            exports are frozen.
        InvalidValue: what was typed is no such identifier.
        NotFound: the case to continue is not theirs, is closed, or has another purpose.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: something that would be shown does not fit; logged, nothing shown. What does not fit and would
            not be shown is logged too, and looks as if it were not there.
    """
    started = time.monotonic()
    # 1. The role may look up for this purpose.
    may_use(parts, person, Right.LOOKUP, purpose, now)
    # 2. Parse.
    kind, number = identify(typed, parts.policy.carriers)
    asked = _Asked(kind, number, purpose, now, case_id)
    with parts.database.read() as connection:
        refuse_frozen_program(parts, connection, person, Action.LOOKUP, now)
        bound = _continued(connection, person, case_id, purpose)
        # 3. Find by blind index; 4. decide from metadata only.
        store = parts.keys.current(connection)
        candidates = finding.candidates(connection, store, kind, number)
        with reporting(parts, person.actor(), candidates, now):
            shown, damaged = _decide(connection, parts, person, store, candidates, bound, asked)
        if chosen is not None:  # one of several; a choice that is not among them, such as a party, is a miss
            shown = {key: one for key, one in shown.items() if key == chosen and one.part == "match"}
        wraps = records.wraps(connection, (one.found.meta for one in shown.values()))
    if damaged:
        report(parts, person.actor(), damaged, now)
    matches = [one for one in shown.values() if one.part == "match"]
    choose = len(matches) > 1
    # 5. Append the event with the case, and wait until it is durable.
    case = case_id or new_id()
    new = [key for key, one in shown.items() if one.rule != OTHER_PARTY_RULE and key not in bound and not choose]
    event = parts.event(
        now,
        person.actor(),
        Action.LOOKUP,
        _outcome(candidates, matches),
        purpose=purpose,
        case=case,
        rule=matches[0].rule if matches else "",
        opened=tuple(one.announced() for one in shown.values()),
        identifier=kind.value,
    )
    rows = _case_rows(person, asked, case, new, is_new=case_id is None)
    try:
        receipt = limits.write_look_up(parts, person, event, rows, now, found=bool(matches))
    except AccessRefused:
        wait_for_the_beat(started)  # the quota refuses last: neither may this tell what was found
        raise
    if not matches:
        limits.note_miss(parts, person, now)
        wait_for_the_beat(started)
        return LookupAnswer(case, purpose, kind)
    # 6. Unwrap and open just these; 7. answer, masked.
    with reporting(parts, person.actor(), candidates, now):
        cards = tuple(one.card(store, receipt, wraps.get(key)) for key, one in shown.items())
    return LookupAnswer(case, purpose, kind, cards, choose)


def _continued(connection: Connection, person: Person, case_id: bytes | None, purpose: str) -> frozenset[bytes]:
    """Return the records of the case to continue; an empty set for a new one."""
    if case_id is None:
        return frozenset()
    if case_of(connection, person, case_id).purpose != purpose:
        raise NotFound("case")
    return cases.records_of(connection, case_id)


def _decide(
    connection: Connection,
    parts: Parts,
    person: Person,
    store: KeyStore,
    candidates: Mapping[bytes, StoredRecord],
    bound: frozenset[bytes],
    asked: _Asked,
) -> tuple[dict[bytes, Glimpse], list[StoredRecord]]:
    """Keep of the candidates those in scope, with the parties of a shipment; and what does not fit and is not shown.

    Raises:
        IntegrityError: something that would be shown does not fit.
    """
    parties = finding.parties(connection, asked.kind, candidates)
    of_matches = scope.look_at(connection, store, candidates, asked.now, finding.CLASS_OF[asked.kind])
    of_parties = scope.look_at(connection, store, parties, asked.now, RecordClass.CUSTOMER)
    live, damaged = of_matches.live, of_matches.damaged | of_parties.damaged
    customers = {**of_parties.live, **live}
    customers = {key: one for key, one in customers.items() if one.meta.record_class is RecordClass.CUSTOMER}
    # The identifier was exact: pool customers it leads to are bound by this very look-up.
    at_hand = scope.CaseAtHand(asked.case_id or b"", asked.purpose, bound | set(customers))
    rules = scope.rules_for(connection, store, parts.policy, person, customers, at_hand, asked.now)
    shown: dict[bytes, Glimpse] = {}

    def keep(one: StoredRecord, part: str, rule: str, typed: str = "") -> None:
        """Let one record be shown, as its part and the rule say."""
        by = (asked.kind, asked.number) if part == "match" else None
        shown[one.meta.record_id] = glimpse(
            parts.policy, Viewer(person.role, asked.purpose), one, part, rule, rules, typed, by
        )

    latest = sorted(live.items(), key=lambda item: item[1].meta.activity_at, reverse=True)
    for key, one in latest:
        if one.meta.record_class is RecordClass.CUSTOMER:
            if key in rules and len(shown) < MOST_CHOICES:
                keep(one, "match", rules[key])
            continue
        roles = scope.parties_of(one.meta)
        mine = [rules[party] for party in roles if party in rules]
        if mine:
            keep(one, "match", mine[0], typed="waybill")
            for party, part in roles.items():
                if party in customers:
                    keep(customers[party], part, rules.get(party, OTHER_PARTY_RULE))
    if damaged & shown.keys():
        raise IntegrityError("unreadable")
    return shown, [one for key, one in {**parties, **candidates}.items() if key in damaged]


def _outcome(candidates: Mapping[bytes, StoredRecord], matches: Sequence[Glimpse]) -> Outcome:
    if matches:
        return Outcome.GRANTED
    return Outcome.REFUSED if candidates else Outcome.MISS


def _case_rows(person: Person, asked: _Asked, case: bytes, bound: Sequence[bytes], *, is_new: bool) -> Rows:
    rows: dict[object, list[dict[str, object]]] = {}
    if is_new:
        rows[cases_table] = [
            {
                "case_id": case,
                "purpose": asked.purpose,
                "opened_by": person.account_id,
                "opened_at": asked.now,
                "closed_at": None,
                "held_by": person.account_id,
            }
        ]
    # What was typed does not prove who calls (steps/caller.py).
    rows[case_lookups] = [{"case_id": case, "identifier_kind": asked.kind.value}]
    if bound:
        rows[case_records] = [{"case_id": case, "record_id": record_id} for record_id in bound]
    return rows  # type: ignore[return-value]  # keys are tables
