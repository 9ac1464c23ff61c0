"""Certificates of destruction: issued once a plan is carried out, made final by the close of its cohorts, taken home.

The fourth of a destruction's walks. A certificate is a statement and a ``.tlog-proof``: the event that names the
statement by its SHA-256 is in the signed log. The single-file verifier judges the pair, on a machine that knows nothing
of the vault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from vault import verify_log
from vault.domain.certificates import statement_digest
from vault.domain.destruction import PURPOSE, CertificateKind, PlanState
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_proofs import SUFFIX
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import AlreadyDecided, IntegrityError, NotFound, VaultError
from vault.services.steps import plans
from vault.services.steps.certifying import certify_plan, final_on, finalise
from vault.services.steps.entry_proof import proven_entry
from vault.services.steps.log_bundle import whole_bundle
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage import certificate_waits, certificates, cohorts, log, log_entries
from vault.storage.certificates import Certificate
from vault.storage.unit_of_work import unit_of_work

STEM = "certificate"
"""The files of a certificate are called so, with what tells them apart."""

EVENT_FILE = "event.json"
_LISTED = 100
_LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finality:
    """Whether what was destroyed under one cohort key is out of reach of every registered copy.

    Args:
        cohort_id: the key's id.
        record_class: the cohort's class.
        end_on: its last day.
        count: how many of the plan's records.
        final_at: when the key was gone from every copy; None while it is there.
        final_from: the first day on which it may be.
        certificate_id: of the certificate that says so; None before.
    """

    cohort_id: bytes
    record_class: RecordClass
    end_on: date
    count: int
    final_at: datetime | None
    final_from: date
    certificate_id: bytes | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate as it is shown.

    Args:
        certificate: the row.
        document: the statement, read.
        digest: SHA-256 of the statement, hexadecimal.
        finality: of a plan's certificate: by cohort; empty for a cohort's.
    """

    certificate: Certificate
    document: Mapping[str, Any]
    digest: str
    finality: tuple[Finality, ...]

    @property
    def is_final(self) -> bool:
        """Whether every registered copy of every key concerned is gone."""
        return all(one.final_at is not None for one in self.finality)


@dataclass(frozen=True, slots=True)
class Rest:
    """What a certificate rests on.

    Args:
        index: place of its event in the log; None before it has one.
        checkpoint: the last signed checkpoint, if it is over that entry.
    """

    index: int | None
    checkpoint: Checkpoint | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A certificate as files.

    Args:
        shown: the certificate.
        index: place of its event in the log.
        size: entries of the log that the proof's checkpoint signs.
        files: content by name.
    """

    shown: Shown
    index: int
    size: int
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class ZippedCertificate:
    """The files as one to be sent.

    Args:
        name: for the file.
        pieces: the ZIP, to be taken once.
    """

    name: str
    pieces: Iterator[bytes]


def certify(parts: Parts, plan_id: bytes, actor: Actor, now: datetime) -> Certificate:
    """Certify what a plan destroyed; a plan that has its certificate keeps it.

    Args:
        parts: the vault's parts.
        plan_id: a plan that was carried out.
        actor: who certifies; nobody decides here, what was checked speaks.
        now: UTC.

    Raises:
        AlreadyDecided: ``plan_not_done``.
        IntegrityError: ``residue_found``: something that was destroyed is still there. Logged when it is new; that it
            is over is said by the event of the certificate.
        NotFound: there is no such plan.
        StorageUnavailable: ``wal_busy``: a reader kept the file from being cleaned; to be tried again.
    """
    with parts.database.read() as connection:
        plan = plans.one(connection, plan_id)
    if plan.state is not PlanState.DONE:
        raise AlreadyDecided("plan_not_done")
    try:
        return certify_plan(parts, plan, actor, now)
    except IntegrityError as error:
        _note(parts, plan_id, error, actor, now)
        raise
    except VaultError as error:
        with suppress(VaultError):  # a full disk, say: the first error is the one to tell
            _note(parts, plan_id, error, actor, now)
        raise


def _note(parts: Parts, plan_id: bytes, error: VaultError, actor: Actor, now: datetime) -> None:
    """Note why a plan could not be certified; the log is told of a finding when it begins, not at every try."""
    finding, count = str(error.facts.get("check", "")), int(error.facts.get("count", 0))
    with unit_of_work(parts.database) as work:
        is_new = certificate_waits.note(work.connection, plan_id, error.reason, finding, count, now)
        if is_new and isinstance(error, IntegrityError):
            facts: dict[str, Any] = {"reason": error.reason, "plan": plan_id.hex(), "count": count}
            facts |= {"check": finding} if finding else {}
            work.announce(parts.event(now, actor, Action.DESTRUCTION_CERTIFIED, Outcome.FAILED, **facts))
        work.commit()


def tend(parts: Parts, now: datetime) -> int:
    """Certify what was carried out or closed and has no certificate yet; what is stored decides, so nothing is missed.

    Where something was found that should be gone, it is looked for again after an hour: reading a large file whole
    every few minutes would help nobody.

    Returns:
        How many were issued.

    Raises:
        VaultError: one could not be issued; the others were.
    """
    system, issued = Actor("system", "system", node=parts.node), 0
    with parts.database.read() as connection:
        waiting, closed = certificates.plans_without(connection), certificates.cohorts_without(connection)
        rows = {row.cohort.key_id: row for row in cohorts.listed(connection)} if closed else {}
        tried = {one.plan_id: one.tried_at for one in certificate_waits.found(connection)}
    fault: VaultError | None = None
    for plan_id in waiting:
        if plan_id in tried and abs(now - tried[plan_id]) < _LOOK_AGAIN:
            continue
        try:
            certify(parts, plan_id, system, now)
            issued += 1
        except VaultError as error:
            fault = fault or error
    for key_id in closed:
        try:
            finalise(parts, rows[key_id], system, now)
            issued += 1
        except VaultError as error:
            fault = fault or error
    if fault is not None:
        raise fault
    return issued


def listed(parts: Parts, person: Person, now: datetime) -> list[Shown]:
    """List certificates, newest first; the look is logged.

    Raises:
        AccessRefused: no such right (logged).
        LogUnavailable: the event could not be made durable; nothing is shown.
    """
    plans.require(parts, person, Right.RETENTION, Action.RETENTION_VIEW, now)
    parts.log_writer.write(parts.event(now, person.actor(), Action.RETENTION_VIEW, Outcome.GRANTED, purpose=PURPOSE))
    with parts.database.read() as connection:
        found = certificates.newest(connection, _LISTED)
    return [_shown(parts, one) for one in found]


def show(parts: Parts, who: Person | Actor, which: bytes, now: datetime) -> Shown:
    """Show a certificate; the look is logged.

    Args:
        parts: the vault's parts.
        who: an officer or auditor, or the local operator.
        which: the certificate, or the plan or cohort that it is about.
        now: UTC.

    Raises:
        AccessRefused: no such right (logged).
        IntegrityError: ``certificate_changed``: the row is not what its event names.
        LogUnavailable: the event could not be made durable; nothing is shown.
        NotFound: there is no such certificate.
    """
    return _seen(parts, who, which, Action.RETENTION_VIEW, now)


def rests_on(parts: Parts, shown: Shown) -> Rest:
    """Say on what a certificate that was shown rests."""
    with parts.database.read() as connection:
        index = log_entries.place_of(connection, shown.certificate.event_id)
    signed = parts.log_files.signed()
    if index is None or signed is None:
        return Rest(index, None)
    checkpoint = Checkpoint.parse(signed.note.partition("\n\n")[0] + "\n")
    return Rest(index, checkpoint if index < checkpoint.size else None)


def take(parts: Parts, who: Person | Actor, which: bytes, now: datetime) -> Taken:
    """Give out a certificate with its proof, its event and the verifier; that it was taken is an event first.

    Args:
        parts: the vault's parts.
        who: an officer or auditor, or the local operator.
        which: the certificate, or the plan or cohort that it is about.
        now: UTC.

    Raises:
        AccessRefused: no such right (logged).
        IntegrityError: ``certificate_changed``: the row is not what the log names.
        LogUnavailable: the event could not be made durable; nothing is given out.
        NotFound: there is no such certificate.
        VaultSealed: the log cannot be signed.
    """
    shown = _seen(parts, who, which, Action.CERTIFICATE_TAKEN, now)
    found = proven_entry(parts, shown.certificate.event_id, settle(parts, now))
    if found is None:
        raise IntegrityError("certificate_changed")
    proof = found.of_statement().text().encode()
    files = {
        f"{STEM}.json": shown.certificate.statement,
        f"{STEM}{SUFFIX}": proof,
        EVENT_FILE: found.canonical,
        "verify_log.py": Path(verify_log.__file__).read_bytes(),
    }
    return Taken(shown, found.proof.index, found.size, files)


def zipped(parts: Parts, taken: Taken, now: datetime) -> ZippedCertificate:
    """Return the files of a certificate as one.

    Args:
        parts: the vault's parts.
        taken: the files.
        now: UTC, the time that they are given.
    """
    pieces = whole_bundle(taken.files, now.astimezone(parts.policy.zone))
    return ZippedCertificate(f"certificate-{taken.shown.certificate.certificate_id.hex()}.zip", pieces)


def _seen(parts: Parts, who: Person | Actor, which: bytes, action: Action, now: datetime) -> Shown:
    if isinstance(who, Person):
        plans.require(parts, who, Right.RETENTION, action, now)
    actor = who if isinstance(who, Actor) else who.actor()
    with parts.database.read() as connection:
        found = certificates.named(connection, which)
    if found is None:
        parts.log_writer.write(parts.event(now, actor, action, Outcome.MISS, purpose=PURPOSE))
        raise NotFound("certificate")
    named = found.certificate_id.hex()
    parts.log_writer.write(parts.event(now, actor, action, Outcome.GRANTED, purpose=PURPOSE, certificate=named))
    shown = _shown(parts, found)
    log.order(parts.database)
    with parts.database.read() as connection:
        place = log_entries.place_of(connection, found.event_id)
        canonical = None if place is None else log_entries.at_place(connection, place)
    if _named_by(canonical) != shown.digest:
        raise IntegrityError("certificate_changed")
    return shown


def _shown(parts: Parts, found: Certificate) -> Shown:
    try:
        document = dict(json.loads(found.statement))
    except (ValueError, TypeError):
        raise IntegrityError("certificate_changed") from None
    return Shown(found, document, statement_digest(found.statement), _finality(parts, found))


def _finality(parts: Parts, found: Certificate) -> tuple[Finality, ...]:
    if found.kind is not CertificateKind.ERASED:
        return ()
    told = []
    with parts.database.read() as connection:
        for one in certificates.resting(connection, found.about):
            about = certificates.about(connection, CertificateKind.FINAL, one.cohort_id)
            named = None if about is None else about.certificate_id
            told.append(
                Finality(
                    one.cohort_id,
                    one.record_class,
                    one.end_on,
                    one.count,
                    one.destroyed_at,
                    final_on(one.end_on),
                    named,
                )
            )
    return tuple(told)


def _named_by(canonical: bytes | None) -> str:
    """Return the SHA-256 that an event names as its statement; empty where it names none."""
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(canonical or b"")["facts"]["statement"])
    return ""
