"""Reading records of proven misuse: by officers with all they say, and counted by person and month (UL-03, UL-07)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vault.domain.breach.incidents import Incident
from vault.domain.breach.misuse import REFERENCE, STATEMENT, MisuseRecord
from vault.domain.breach.signals import Evidence
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, NotFound
from vault.services.steps.breach import incidents as steps
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import incident_signals, misuse

_LEAST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as its officers read it.

    Args:
        record: the record.
        work_number: who did it.
        statement: what is held against them.
        police_reference: reference number of the police, or empty.
        evidence: what the log says, as parsed.
        drafted_by: work number of the drafter.
        signed_by: work number of the signer, or empty.
        may_sign: whether the reader may sign it.
    """

    record: MisuseRecord
    work_number: str
    statement: str
    police_reference: str
    evidence: Mapping[str, Any]
    drafted_by: str
    signed_by: str
    may_sign: bool


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one incident.

    Args:
        incident: the incident.
        records: the first drafted first.
        signals: the signals of the incident, by which somebody may have come to notice.
    """

    incident: Incident
    records: Sequence[Shown]
    signals: Sequence[Evidence]


def shown(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> Records:
    """Open the records of an incident for an officer; the view is logged first.

    Args:
        parts: the vault's parts.
        person: an officer; a record about themselves is not among them.
        incident_id: the incident.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        IntegrityError: something that was sealed does not belong where it stands.
        LogUnavailable: the view could not be logged; nothing is shown.
        NotFound: there is no such incident.
    """
    steps.officer(parts, person, Action.MISUSE_VIEW, now, incident_id)
    with parts.database.read() as connection:
        one = steps.matter(connection, incident_id)
        records = misuse.of_incident(connection, incident_id)
        signals = incident_signals.of_incident(connection, incident_id)
        ids = {each for record in records for each in (record.account_id, record.drafted_by, record.signed_by) if each}
        accounts = people.by_ids(connection, ids | {person.account_id})
        store = parts.keys.current(connection)
    parts.log_writer.write(
        parts.event(now, person.actor(), Action.MISUSE_VIEW, Outcome.GRANTED, incident=incident_id.hex())
    )
    me = accounts[person.account_id]
    told = []
    for record in records:
        if same_human(store, me, accounts[record.account_id]):
            continue
        reference = record.sealed_reference
        signer = accounts.get(record.signed_by or b"")
        told.append(
            Shown(
                record,
                accounts[record.account_id].work_number,
                store.open_person(record.misuse_id, STATEMENT, record.sealed_statement).disclose(),
                store.open_person(record.misuse_id, REFERENCE, reference).disclose() if reference else "",
                json.loads(record.evidence),
                accounts[record.drafted_by].work_number,
                signer.work_number if signer else "",
                record.waits and not one.is_closed and not same_human(store, me, accounts[record.drafted_by]),
            )
        )
    return Records(one, told, [each for each in signals if each.found.account_id != person.account_id])


def per_month(parts: Parts, person: Person, now: datetime) -> list[tuple[str, str, int]]:
    """Count the signed records of each person by the month they were signed in, company zone, the newest first (UL-07).

    Args:
        parts: the vault's parts.
        person: somebody who reads the compliance report.
        now: UTC.

    Returns:
        Month, work number and number of each.

    Raises:
        AccessRefused: ``no_right``; logged.
    """
    if not parts.policy.allows(person.role, Right.COMPLIANCE):
        parts.log_writer.write(parts.event(now, person.actor(), Action.MISUSE_VIEW, Outcome.REFUSED, rule="no_right"))
        raise AccessRefused("no_right")
    with parts.database.read() as connection:
        signed = misuse.signed(connection)
        accounts = people.by_ids(connection, {account_id for account_id, _ in signed})
    zone = parts.policy.zone
    counted = Counter((at.astimezone(zone).strftime("%Y-%m"), accounts[who].work_number) for who, at in signed)
    by_number = sorted(counted.items(), key=lambda one: one[0][1])
    return [(*one, count) for one, count in sorted(by_number, key=lambda each: each[0][0], reverse=True)]


def found(parts: Parts, typed: str) -> bytes:
    """Return the record whose id begins with what somebody typed, at least six digits.

    Raises:
        NotFound: none does, or more than one.
    """
    prefix = typed.strip().lower()
    if not _LEAST_PREFIX <= len(prefix) <= 2 * 16 or not set(prefix) <= set("0123456789abcdef"):
        raise NotFound("misuse")
    with parts.database.read() as connection:
        ids = misuse.starting_with(connection, prefix)
    if len(ids) != 1:
        raise NotFound("misuse")
    return ids[0]


def incident_of(parts: Parts, misuse_id: bytes) -> bytes:
    """Return the incident that a record belongs to.

    Raises:
        NotFound: there is no such record.
    """
    with parts.database.read() as connection:
        record = misuse.one(connection, misuse_id)
    if record is None:
        raise NotFound("misuse")
    return record.incident_id
