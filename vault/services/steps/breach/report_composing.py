"""Steps that compose the closing report of an incident out of its rows, section by section."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.breach.containment import Containment
from vault.domain.breach.incident_clocks import Clock, ClockEnd
from vault.domain.breach.incident_reports import Standing
from vault.domain.breach.incidents import Incident, IncidentState
from vault.domain.breach.misuse import MisuseRecord
from vault.domain.log import Action, micros_text
from vault.domain.log_tree import inclusion_proof, leaf_hash
from vault.services.steps.breach import noticing
from vault.services.steps.breach.incidents import NOTE, effective
from vault.services.steps.breach.radius_asides import aside_of
from vault.services.steps.parts import Parts
from vault.storage import log_entries, log_exports, people, vault_state
from vault.storage.breach import (
    breach_notices,
    containments,
    drill_customers,
    drills,
    further_reports,
    incidents,
    misuse,
    notice_recipients,
    radius,
)
from vault.storage.breach.breach_notices import Campaign, Waiver
from vault.storage.breach.incidents import TimelineEntry
from vault.storage.breach.radius import FrozenRadius
from vault.storage.log_tiles import TileReader

Document = dict[str, Any]

_WAIVER_ASKED = "asked"
"""How the event says that somebody wants to notify nobody; what they typed lies with it."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What every section is made of."""

    parts: Parts
    connection: Connection
    store: KeyStore
    incident: Incident
    entries: Sequence[TimelineEntry]
    places: Mapping[bytes, int | None]
    numbers: Mapping[bytes, str]
    more: Mapping[bytes, int]

    def number(self, account_id: bytes | None) -> str:
        """Return somebody's work number; empty for nobody."""
        return "" if account_id is None else self.numbers.get(account_id, account_id.hex())

    def note(self, entry: TimelineEntry) -> str:
        """Return what somebody typed with a line of the timeline."""
        if entry.sealed_note is None:
            return ""
        return self.store.open_person(entry.event_id, NOTE, entry.sealed_note).disclose()


def compose(parts: Parts, connection: Connection, incident: Incident, standing: Standing, now: datetime) -> Document:
    """Compose the report of an incident; each line of the timeline names its event, and its place if it has one.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        incident: the incident.
        standing: whether it is a draft.
        now: UTC.

    Raises:
        IntegrityError: something that was sealed does not belong where it stands.
    """
    entries = incidents.entries_of(connection, incident.incident_id)
    places = {one.event_id: log_entries.place_of(connection, one.event_id) for one in entries}
    # What happened at the same moment stands in the order of the log; what has no place yet comes last.
    entries.sort(key=lambda one: (one.at, places[one.event_id] is None, places[one.event_id] or 0))
    measures = containments.of_incident(connection, incident.incident_id)
    campaigns = breach_notices.of_incident(connection, incident.incident_id)
    waiver = breach_notices.waiver(connection, incident.incident_id)
    proven = [one for one in misuse.of_incident(connection, incident.incident_id) if one.withdrawn_at is None]
    concerned = {incident.closing_by, incident.closed_by}
    concerned |= {who for one in measures for who in (one.target, one.taken_by, one.ended_by, one.kept_by)}
    concerned |= {who for one in campaigns for who in (one.prepared_by, one.released_by)}
    concerned |= {who for one in proven for who in (one.account_id, one.drafted_by, one.signed_by)}
    concerned |= {waiver.asked_by, waiver.confirmed_by} if waiver else set()
    accounts = people.by_ids(connection, [one for one in concerned if one])
    numbers = {key: account.work_number for key, account in accounts.items()}
    further = further_reports.of_incident(connection, incident.incident_id)
    more = {line_id: one.count for line_id, one in further.items()}
    look = _Look(parts, connection, parts.keys.current(connection), incident, entries, places, numbers, more)
    state = vault_state.read(connection)
    document = {
        "standing": standing.value,
        "drawn_at": micros_text(now),
        "origin": state.origin if state else "",
        "company": {"zh": parts.policy.company.zh, "en": parts.policy.company.en, "zone": parts.policy.company.zone},
        "policy": parts.policy.digest,
        "incident": _facts(look),
        "awareness": _awareness(look),
        "clocks": _clocks(look, effective(connection, now)),
        "radii": _radii(look),
        "measures": [_measure(look, one) for one in reversed(measures)],
        "notices": [_campaign(look, one) for one in reversed(campaigns)],
        "no_notices": None if waiver is None else _waiver(look, waiver),
        "misuse": [_misuse(look, one) for one in proven],
        "lessons": _lessons(look),
        "timeline": [_line(look, one) for one in entries],
    }
    if incident.drill:
        document["drill"] = _drill(look)
    return document | {"people": _people(look, document)}


def prove(parts: Parts, document: Document, size: int) -> Document:
    """Add to each line of the timeline its proof under the checkpoint of a size, and that checkpoint.

    Args:
        parts: the vault's parts.
        document: as composed.
        size: a signed size of the log.

    Returns:
        The document. A line's proof is its place, its leaf hash and the path from there up (RFC 6962 section 2.1.1),
        base64; one whose event has no place below that size keeps none.
    """
    with parts.database.read() as connection:
        tiles = TileReader(parts.database, connection)  # one for all lines: each tile is read once
        lines = [line | _proof(connection, tiles, line["event"], size) for line in document["timeline"]]
        note = log_exports.note(connection, size)
    return document | {"timeline": lines, "log": {"size": size, "checkpoint": note or ""}}


def _proof(connection: Connection, tiles: TileReader, event: str, size: int) -> Document:
    """Return what proves one line; nothing where its event has no place below the size."""
    place = log_entries.place_of(connection, bytes.fromhex(event))
    canonical = None if place is None or place >= size else log_entries.at_place(connection, place)
    if place is None or canonical is None:
        return {}
    leaf = base64.b64encode(leaf_hash(canonical)).decode()
    path = [base64.b64encode(one).decode() for one in inclusion_proof(place, size, tiles.node)]
    return {"index": place, "proof": {"index": place, "leaf": leaf, "path": path}}


def _facts(look: _Look) -> Document:
    one = look.incident
    return {
        "id": one.incident_id.hex(),
        "kind": one.kind.value,
        "drill": one.drill,
        "state": one.state.value,
        "verdict": one.verdict.value if one.verdict else "",
        "opened_at": micros_text(one.opened_at),
        "opened_by": one.opened_by,
        "aware_since": micros_text(one.aware_since),
        "closing_asked_by": look.number(one.closing_by),
        "closing_asked_at": _time(one.closing_at),
        "closed_by": look.number(one.closed_by),
        "closed_at": _time(one.closed_at),
    }


def _awareness(look: _Look) -> list[Document]:
    """List every time of awareness anybody said; the first one with its source, corrections behind it."""
    actions = (Action.INCIDENT_OPENED.value, Action.INCIDENT_REPORTED.value, Action.INCIDENT_AWARE.value)
    return [
        {
            "at": entry.facts["aware_at"],
            "source": str(entry.facts.get("source", "")),
            "said_by": entry.actor,
            "said_at": micros_text(entry.at),
            "event": entry.event_id.hex(),
        }
        for entry in look.entries
        if entry.action in actions and "aware_at" in entry.facts
    ]


def _clocks(look: _Look, at: datetime) -> list[Document]:
    told = []
    for clock in incidents.clocks_of(look.connection, [look.incident.incident_id])[look.incident.incident_id]:
        rule = look.parts.policy.incidents.clocks.get(clock.clock_id)
        told.append(
            {
                "clock": clock.clock_id,
                "zh": rule.zh if rule else "",
                "en": rule.en if rule else "",
                "clause": rule.clause if rule else "",
                "source": rule.source if rule else "",
                "started_at": micros_text(clock.started_at),
                "due_at": micros_text(clock.due_at),
                "done_at": _time(clock.done_at),
                "done_by": clock.done_by,
                "missed_at": _time(clock.missed_at),
                "state": clock.state(at).value,
                "reason": _reason(look, clock),
            }
        )
    return told


def _reason(look: _Look, clock: Clock) -> str:
    """Return why a clock was done late; where a step ended it, that is what was typed with the step."""
    if clock.sealed_reason is not None:
        return look.store.open_person(look.incident.incident_id, clock.clock_id, clock.sealed_reason).disclose()
    rule = look.parts.policy.incidents.clocks.get(clock.clock_id)
    if rule is None or rule.ends is ClockEnd.SAID or clock.done_at is None or not clock.was_missed(clock.done_at):
        return ""
    words = {ClockEnd.ACTIVATED: IncidentState.ACTIVATED.value, ClockEnd.CLOSED: IncidentState.CLOSED.value}
    return next((look.note(one) for one in look.entries if one.facts.get("to") == words[rule.ends]), "")


def _radii(look: _Look) -> list[Document]:
    return [
        {
            "radius": one.radius_id.hex(),
            "scope": dict(one.scope),
            "drawn_at": micros_text(one.drawn_at),
            "drawn_by": one.drawn_by,
            "counts": one.counts.as_json(),
            "digest": one.digest.hex(),
            "log": {"size": one.log_size, "root": base64.b64encode(one.log_root).decode()},
            "set_aside": _aside(look, one),
        }
        for one in reversed(radius.of_incident(look.connection, look.incident.incident_id))
    ]


def _aside(look: _Look, one: FrozenRadius) -> Document | None:
    """Return who said and who confirmed that a radius was frozen by mistake, when and why; None while it stands."""
    asked = aside_of(look.store, one)
    if asked is None or one.stands:
        return None
    return {
        "reason": asked.reason,
        "asked_by": one.aside_asked_by,
        "asked_at": _time(one.aside_asked_at),
        "confirmed_by": one.set_aside_by,
        "confirmed_at": _time(one.set_aside_at),
    }


def _measure(look: _Look, one: Containment) -> Document:
    return {
        "measure": one.measure.value,
        "target": look.number(one.target) if one.target else "",
        "affected": one.affected,
        "rehearsed": one.rehearsed,
        "taken_by": look.number(one.taken_by),
        "taken_at": micros_text(one.taken_at),
        "ended_by": look.number(one.ended_by),
        "ended_at": _time(one.ended_at),
        "kept_by": look.number(one.kept_by),
        "kept_at": _time(one.kept_at),
    }


def _campaign(look: _Look, one: Campaign) -> Document:
    counts = sorted(notice_recipients.counts(look.connection, one.campaign_id).items())
    return {
        "campaign": one.campaign_id.hex(),
        "state": one.state.value,
        "template": one.template,
        "digest": one.digest.hex(),
        "texts": noticing.texts_of(look.store, one),
        "prepared_by": look.number(one.prepared_by),
        "prepared_at": micros_text(one.prepared_at),
        "released_by": look.number(one.released_by),
        "released_at": _time(one.released_at),
        "counts": [{"channel": way, "state": state.value, "count": count} for (way, state), count in counts],
    }


def _waiver(look: _Look, one: Waiver) -> Document:
    return {
        "reason": next((look.note(each) for each in reversed(look.entries) if _asks_for_waiver(each)), ""),
        "asked_by": look.number(one.asked_by),
        "asked_at": micros_text(one.asked_at),
        "confirmed_by": look.number(one.confirmed_by),
        "confirmed_at": _time(one.confirmed_at),
    }


def _asks_for_waiver(entry: TimelineEntry) -> bool:
    return entry.action == Action.NOTICE_WAIVED.value and entry.facts.get("mode") == _WAIVER_ASKED


def _misuse(look: _Look, one: MisuseRecord) -> Document:
    return {
        "person": look.number(one.account_id),
        "distinct_records": one.distinct_records,
        "evidence": one.evidence_digest.hex(),
        "account_frozen": one.account_frozen,
        "contract_ended": one.contract_ended,
        "loss_claimed": one.loss_claimed,
        "police": one.sealed_reference is not None,
        "digest": one.digest.hex(),
        "drafted_by": look.number(one.drafted_by),
        "drafted_at": micros_text(one.drafted_at),
        "signed_by": look.number(one.signed_by),
        "signed_at": _time(one.signed_at),
    }


def _lessons(look: _Look) -> list[Document]:
    """List what was written down as learnt, when closing was asked for and when it was agreed to or sent back."""
    return [
        {"to": entry.facts.get("to", ""), "by": entry.actor, "at": micros_text(entry.at), "text": look.note(entry)}
        for entry in look.entries
        if entry.action == Action.INCIDENT_CLOSING.value
    ]


def _line(look: _Look, entry: TimelineEntry) -> Document:
    return {
        "event": entry.event_id.hex(),
        "at": micros_text(entry.at),
        "by": entry.actor,
        "action": entry.action,
        "outcome": entry.outcome,
        "facts": {name: value for name, value in entry.facts.items() if name != "incident"},
        "more": look.more.get(entry.event_id, 0),
        "index": look.places[entry.event_id],
    }


def _drill(look: _Look) -> Document:
    held = drills.one(look.connection, look.incident.incident_id)
    score = held.score if held else None
    return {
        "customers": drill_customers.count(look.connection, look.incident.incident_id),
        "passed": score.passed if score else None,
        "lines": [
            {"measure": one.measure.value, "seconds": one.seconds, "target": one.target, "passed": one.passed}
            for one in (score.lines if score else ())
        ],
    }


def _people(look: _Look, document: Document) -> list[Document]:
    """List who took part, by work number, with the role they have now; programs and the vault itself are left out."""
    named = {entry.actor for entry in look.entries} | set(look.numbers.values())
    named |= {str(one["drawn_by"]) for one in document["radii"]}
    found = (people.by_work_number(look.connection, number) for number in sorted(named))
    return [{"work_number": one.work_number, "role": one.role.value} for one in found if one is not None]


def _time(at: datetime | None) -> str:
    return "" if at is None else micros_text(at)
