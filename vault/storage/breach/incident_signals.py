"""Signals that were raised, with their evidence, and the turn of each: what it counted last, and what it opened."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.breach.incidents import IncidentKind
from vault.domain.breach.signals import Evidence, Found
from vault.domain.ids import Role
from vault.domain.rules.signals import SignalName
from vault.storage.tables import accounts, disclosures, incident_signals, notifications, signal_turns


@dataclass(frozen=True, slots=True)
class Turn:
    """What one signal about one subject has seen, or what signals about one person have opened.

    Args:
        told_until: how far was looked, UTC.
        leaf_index: events in so many places of the log were told, and are counted no more.
        incident_id: the incident that it opened last; None before the first.
    """

    told_until: datetime
    leaf_index: int
    incident_id: bytes | None


def turn(connection: Connection, name: SignalName | IncidentKind, subject: str) -> Turn | None:
    """Return what a signal has seen; None before it was ever looked at."""
    column = signal_turns.c
    query = select(column.told_until, column.leaf_index, column.incident_id)
    row = connection.execute(query.where(column.signal == name.value, column.subject == subject)).first()
    return None if row is None else Turn(*row)


def take_turn(connection: Connection, name: SignalName | IncidentKind, subject: str, begin: datetime) -> Turn:
    """Return the same, and let nobody else raise this signal about this subject until the transaction ends.

    Args:
        connection: inside a writing transaction.
        name: the signal, or the kind of incident that signals about one person open together.
        subject: account in hexadecimal, source of addresses, or empty.
        begin: how far was looked when a turn is made here, UTC.
    """
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = make(signal_turns).values(signal=name.value, subject=subject, told_until=begin, leaf_index=0)
    # An update that changes nothing locks a row that is there, in the same step that makes one that is not.
    there = row.on_conflict_do_update(index_elements=["signal", "subject"], set_={"subject": subject})
    column = signal_turns.c
    found = connection.execute(there.returning(column.told_until, column.leaf_index, column.incident_id))
    return Turn(*found.one())


def set_turn(connection: Connection, name: SignalName | IncidentKind, subject: str, **values: object) -> None:
    """Change what a signal has seen: columns of :class:`Turn`."""
    column = signal_turns.c
    query = update(signal_turns).where(column.signal == name.value, column.subject == subject)
    connection.execute(query.values(**values))


def add(connection: Connection, evidence: Evidence) -> None:
    """Insert a signal that was raised."""
    found = evidence.found
    connection.execute(
        insert(incident_signals).values(
            evidence_id=evidence.evidence_id,
            signal=found.name.value,
            account_id=found.account_id,
            source=found.source,
            count=found.count,
            threshold=found.threshold,
            since=found.since,
            until=found.until,
            events=json.dumps([one.hex() for one in found.events]),
            incident_id=evidence.incident_id,
            tested=evidence.tested,
            raised_at=evidence.raised_at,
            signal_id=found.signal_id,
        )
    )


def of_incident(connection: Connection, incident_id: bytes) -> list[Evidence]:
    """List the signals that opened or joined an incident, the first first."""
    query = _every().where(incident_signals.c.incident_id == incident_id)
    query = query.order_by(incident_signals.c.raised_at, incident_signals.c.evidence_id)
    return [_evidence(row) for row in connection.execute(query)]


def newest(connection: Connection, limit: int) -> list[Evidence]:
    """List the signals raised last, the newest first."""
    query = _every().order_by(incident_signals.c.raised_at.desc(), incident_signals.c.evidence_id).limit(limit)
    return [_evidence(row) for row in connection.execute(query)]


def one(connection: Connection, evidence_id: bytes) -> Evidence | None:
    """Return one signal that was raised."""
    row = connection.execute(_every().where(incident_signals.c.evidence_id == evidence_id)).first()
    return None if row is None else _evidence(row)


def was_told(connection: Connection, account_id: bytes, evidence_id: bytes) -> bool:
    """Return whether a person has a notice about a signal."""
    column = notifications.c
    query = select(func.count()).where(column.account_id == account_id, column.about == evidence_id)
    return bool(connection.execute(query).scalar_one())


def forget(connection: Connection, before: datetime) -> int:
    """Remove signals raised before a moment that belong to no incident; returns how many."""
    column = incident_signals.c
    old = delete(incident_signals).where(column.raised_at < before, column.incident_id.is_(None))
    return connection.execute(old).rowcount


def told(connection: Connection, about: Collection[bytes]) -> dict[Role, int]:
    """Return how many people of each role have a notice about something in their inbox.

    Args:
        connection: an open connection.
        about: ids of what the notices are about.
    """
    query = (
        select(accounts.c.role, func.count(accounts.c.account_id.distinct()))
        .join_from(notifications, accounts, accounts.c.account_id == notifications.c.account_id)
        .where(notifications.c.about.in_(list(about)))
        .group_by(accounts.c.role)
    )
    return {Role(role): count for role, count in connection.execute(query)}


def read_by(
    connection: Connection, account_id: bytes, kind: str, since: datetime, limit: int
) -> tuple[datetime | None, tuple[bytes, ...]]:
    """Return since when somebody has read, and the events of it: the newest, oldest first.

    Args:
        connection: an open connection.
        account_id: whose reading.
        kind: reveal or miss, as :mod:`vault.storage.disclosures` has it.
        since: UTC, not included.
        limit: so many events at most.
    """
    column = disclosures.c
    asked = (column.account_id == account_id, column.kind == kind, column.at > since)
    first: datetime | None = connection.execute(select(func.min(column.at)).where(*asked)).scalar_one()
    query = select(column.disclosure_id).where(*asked).order_by(column.at.desc(), column.disclosure_id).limit(limit)
    return first, tuple(reversed(connection.execute(query).scalars().all()))


def _every() -> Select[Any]:
    column = incident_signals.c
    return select(
        column.evidence_id,
        column.signal,
        column.account_id,
        column.source,
        column.count,
        column.threshold,
        column.since,
        column.until,
        column.events,
        column.incident_id,
        column.tested,
        column.raised_at,
        column.signal_id,
        accounts.c.work_number,
    ).outerjoin_from(incident_signals, accounts, accounts.c.account_id == column.account_id)


def _evidence(row: Sequence[Any]) -> Evidence:
    evidence_id, signal, *found, events, incident_id, tested, raised_at, signal_id, work_number = row
    account_id, source, count, threshold, since, until = found
    ids: Sequence[str] = json.loads(events)
    whole = Found(
        SignalName(signal),
        count,
        threshold,
        since,
        until,
        account_id,
        source,
        tuple(map(bytes.fromhex, ids)),
        signal_id,
    )
    return Evidence(evidence_id, whole, work_number or "", incident_id, tested, raised_at)
