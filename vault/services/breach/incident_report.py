"""Closing reports: a draft while an incident is open, fixed once it is closed, taken home with their proof (BR-03).

What was fixed is named by an event of the log through its SHA-256; so the single-file verifier judges it anywhere, and
by the proofs inside each line of the timeline leads into the same log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vault import verify_log
from vault.domain.breach.incident_reports import STEM, Standing, statement_bytes, statement_digest
from vault.domain.breach.incidents import Incident
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_proofs import SUFFIX
from vault.domain.people import Person
from vault.errors import IntegrityError, VaultError
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.drill_scoring import score
from vault.services.steps.breach.report_composing import compose, prove
from vault.services.steps.entry_proof import proven_entry
from vault.services.steps.log_bundle import whole_bundle
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage.breach import drills, incident_reports
from vault.storage.breach.incident_reports import FixedReport
from vault.storage.unit_of_work import unit_of_work

_SEALED = "report"
_EVENT_FILE = "event.json"


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it is shown.

    Args:
        incident: what it is about.
        document: what it says.
        statement: its canonical bytes.
        digest: SHA-256 of them, hexadecimal.
        fixed: the row; None of a draft.
    """

    incident: Incident
    document: Mapping[str, Any]
    statement: bytes
    digest: str
    fixed: FixedReport | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A report as files.

    Args:
        report: it.
        files: content by name.
    """

    report: Report
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ZippedReport:
    """The files as one to be sent.

    Args:
        name: for the file.
        pieces: the ZIP, to be taken once.
    """

    name: str
    pieces: Iterator[bytes]


def show(parts: Parts, who: Person | Actor, incident_id: bytes, now: datetime) -> Report:
    """Show the report of an incident, once that is durable in the log; of one that was just closed, it is fixed first.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        incident_id: the incident.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        IntegrityError: ``report_changed``: it is not what its event names.
        LogUnavailable: the view could not be logged; nothing is shown.
        NotFound: there is none.
        VaultSealed: the log cannot be signed.
    """
    return _seen(parts, who, incident_id, Action.INCIDENT_VIEW, now)


def take(parts: Parts, who: Person | Actor, incident_id: bytes, now: datetime) -> Taken:
    """Give out a report: a fixed one with its proof, its event and the verifier; that it was taken is an event first.

    Args:
        parts: the vault's parts.
        who: somebody who may read incidents, or the local operator.
        incident_id: the incident.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        IntegrityError: ``report_changed``: it is not what its event names.
        LogUnavailable: the event could not be made durable; nothing is given out.
        NotFound: there is none.
        VaultSealed: the log cannot be signed.
    """
    report = _seen(parts, who, incident_id, Action.INCIDENT_REPORT_TAKEN, now)
    if report.fixed is None:
        return Taken(report, {f"{STEM}-draft.json": report.statement})
    found = proven_entry(parts, report.fixed.event_id, settle(parts, now))
    if found is None:
        raise IntegrityError("report_changed")
    files = {
        f"{STEM}.json": report.statement,
        f"{STEM}{SUFFIX}": found.of_statement().text().encode(),
        _EVENT_FILE: found.canonical,
        "verify_log.py": Path(verify_log.__file__).read_bytes(),
    }
    return Taken(report, files)


def zipped(parts: Parts, taken: Taken, now: datetime) -> ZippedReport:
    """Return the files of a report as one.

    Args:
        parts: the vault's parts.
        taken: the files.
        now: UTC, the time that they are given.
    """
    pieces = whole_bundle(taken.files, now.astimezone(parts.policy.zone))
    return ZippedReport(f"incident-report-{taken.report.incident.incident_id.hex()}.zip", pieces)


def tend(parts: Parts, now: datetime) -> int:
    """Fix the reports of incidents that were closed; what is stored decides, so none is missed.

    Returns:
        How many were fixed.

    Raises:
        VaultError: one could not be fixed; the others were.
    """
    fixed = 0
    with parts.database.read() as connection:
        waiting = incident_reports.unfixed(connection)
    fault: VaultError | None = None
    for incident_id in waiting:
        try:
            fixed += _fix(parts, incident_id, now)
        except VaultError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    return fixed


def _seen(parts: Parts, who: Person | Actor, incident_id: bytes, action: Action, now: datetime) -> Report:
    if isinstance(who, Person):
        steps.viewer(parts, who, now, incident_id)
    actor = who.actor() if isinstance(who, Person) else who
    with parts.database.read() as connection:
        incident = steps.matter(connection, incident_id)
        there = incident_reports.one(connection, incident_id)
    if incident.is_closed and there is None:
        _fix(parts, incident_id, now)
    parts.log_writer.write(parts.event(now, actor, action, Outcome.GRANTED, incident=incident_id.hex()))
    if not incident.is_closed:
        return _draft(parts, incident, now)
    with parts.database.read() as connection:
        fixed = incident_reports.one(connection, incident_id)
        if fixed is None:
            raise IntegrityError("report_changed")
        store = parts.keys.current(connection)
    statement = store.open_person(incident_id, _SEALED, fixed.sealed_statement).disclose().encode()
    if statement_digest(statement) != fixed.digest or _named_by(parts, fixed, now) != fixed.digest:
        raise IntegrityError("report_changed")
    return Report(incident, json.loads(statement), statement, fixed.digest, fixed)


def _draft(parts: Parts, incident: Incident, now: datetime) -> Report:
    size = settle(parts, now)
    with parts.database.read() as connection:
        document = compose(parts, connection, incident, Standing.DRAFT, now)
    document = prove(parts, document, size)
    statement = statement_bytes(document)
    return Report(incident, document, statement, statement_digest(statement), None)


def _fix(parts: Parts, incident_id: bytes, now: datetime) -> bool:
    """Fix the report of a closed incident, a drill's with its score; returns whether this call did it."""
    with parts.database.read() as connection:
        drill = drills.one(connection, incident_id)
    if drill is not None and drill.score is None:
        with unit_of_work(parts.database) as work:
            score(parts, work, drill, now)
            work.commit()
    size = settle(parts, now)
    with parts.database.read() as connection:
        incident = steps.matter(connection, incident_id)
        document = compose(parts, connection, incident, Standing.FIXED, now)
    statement = statement_bytes(prove(parts, document, size))
    digest = statement_digest(statement)
    system = Actor("system", "system", node=parts.node)
    event = parts.event(
        now, system, Action.INCIDENT_REPORT_FIXED, Outcome.DONE, incident=incident_id.hex(), statement=digest
    )
    with unit_of_work(parts.database) as work:
        sealed = parts.keys.current(work.connection).seal_person(incident_id, _SEALED, statement.decode())
        report = FixedReport(incident_id, now, digest, event.event_id, sealed)
        if not incident_reports.fix(work.connection, report):
            return False
        steps.enter(parts, work, incident_id, event)
        work.commit()
    return True


def _named_by(parts: Parts, fixed: FixedReport, now: datetime) -> str:
    """Return the SHA-256 that the log's event names as the statement; empty where it names none."""
    found = proven_entry(parts, fixed.event_id, settle(parts, now))
    if found is None:
        return ""
    try:
        return str(json.loads(found.canonical)["facts"]["statement"])
    except (ValueError, KeyError, TypeError):
        return ""
