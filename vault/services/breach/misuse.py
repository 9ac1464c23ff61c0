"""The record of proven misuse (UL-03): drafted by one officer from the log, signed by another human, then fixed.

Who it is about neither drafts, signs nor reads it. What is counted, the log says; what is held against somebody, people
say, and that is sealed.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NoReturn

from sqlalchemy import Connection

from vault.domain.breach.misuse import (
    REFERENCE,
    REFERENCE_LENGTH,
    STATEMENT,
    STATEMENT_LENGTH,
    MisuseRecord,
    evidence_text,
)
from vault.domain.clocks import in_utc
from vault.domain.ids import new_id
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.admission import require_fresh
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach.concerned import others
from vault.services.steps.breach.police import open_police_task
from vault.services.steps.breach.radius import Distinct, distinct_of
from vault.services.steps.humans import same_human
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage import notifications, people
from vault.storage.breach import incident_signals, misuse, radius
from vault.storage.breach.incidents import people_of
from vault.storage.people import Account
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_SHUT = (AccountState.LOCKED, AccountState.SUSPENDED, AccountState.LEFT)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an officer writes down.

    Args:
        work_number: who did it, as typed.
        statement: what is held against them; sealed.
        contract_ended: their employment was ended.
        loss_claimed: the company's loss was claimed from them.
        police_reference: reference number of the police, or empty; sealed.
        since: from when on their reading is counted; None from the first signal about them, or a day before anybody
            was aware.
        until: until when; None for now.
    """

    work_number: str
    statement: str
    contract_ended: bool = False
    loss_claimed: bool = False
    police_reference: str = ""
    since: datetime | None = None
    until: datetime | None = None


def draft(parts: Parts, person: Person, incident_id: bytes, written: Draft, now: datetime) -> bytes:
    """Draft the record of an incident about one person, or draft it again while nobody has signed it.

    How many records they were shown comes from the log, settled first; whether their account is shut, from the account.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident, not closed, no drill.
        written: what the officer writes down.
        now: UTC.

    Returns:
        The record's id.

    Raises:
        AccessRefused: ``no_right``, or ``own_account``: it is about themselves, or a human of their name; logged.
        AlreadyDecided: ``misuse_signed``, or ``incident_closed``.
        InvalidValue: ``reason_missing``, ``text_too_long``, ``span_empty``, ``misuse_in_drill``; ``field`` names it.
        NotFound: there is no such incident or account.
        VaultSealed: the log is not what was signed.
    """
    steps.officer(parts, person, Action.MISUSE_DRAFTED, now, incident_id)
    statement = _checked(written.statement, STATEMENT, STATEMENT_LENGTH)
    if not statement:
        raise InvalidValue("reason_missing", field=STATEMENT)
    reference = _checked(written.police_reference, REFERENCE, REFERENCE_LENGTH)
    with parts.database.read() as connection:
        if steps.matter(connection, incident_id).drill:
            raise InvalidValue("misuse_in_drill", field="incident")
        accused = _account(connection, written.work_number)
        since, until = _span(parts, connection, incident_id, accused, written, now)
    settle(parts, now)
    with parts.database.read() as connection:
        found = _shown_to(parts, connection, accused.work_number, since, until)
        evidence = _evidence(parts, connection, incident_id, accused, since, until, found)
    with unit_of_work(parts.database) as work:
        one = steps.open_matter(work.connection, incident_id)
        _refuse_same(parts, work, person, accused, incident_id, now)
        before = misuse.about(work.connection, incident_id, accused.account_id)
        if before is not None and before.signed_at is not None:
            raise AlreadyDecided("misuse_signed")
        misuse_id = new_id() if before is None else before.misuse_id
        seal = parts.keys.current(work.connection).seal_person
        record = MisuseRecord(
            misuse_id,
            incident_id,
            accused.account_id,
            found.records_clear,
            evidence,
            accused.state in _SHUT,
            written.contract_ended,
            written.loss_claimed,
            seal(misuse_id, REFERENCE, reference) if reference else None,
            seal(misuse_id, STATEMENT, statement),
            person.account_id,
            now,
        )
        if before is None:
            misuse.draft(work.connection, record)
        elif not misuse.draft_again(work.connection, record):
            raise AlreadyDecided("misuse_signed")
        event = parts.event(
            now,
            person.actor(),
            Action.MISUSE_DRAFTED,
            Outcome.DONE,
            incident=incident_id.hex(),
            misuse=misuse_id.hex(),
            account=accused.work_number,
            count=record.distinct_records,
            digest=record.digest.hex(),
        )
        steps.enter(parts, work, incident_id, event)
        roles = [role for role, rule in parts.policy.roles.items() if Right.INCIDENT in rule.rights]
        told = others(parts, work.connection, people_of(work.connection, roles), incident_id)
        told = [one for one in told if one != person.account_id]
        notifications.add(work.connection, told, NoticeKind.MISUSE_DRAFTED, misuse_id, now)
        open_police_task(parts, work, one, record.distinct_records, steps.effective(work.connection, now))
        work.commit()
    return misuse_id


def sign(parts: Parts, person: Person, misuse_id: bytes, digest: str, now: datetime) -> None:
    """Sign a record, as another human than who drafted it; from then on it is fixed.

    Args:
        parts: the vault's parts.
        person: another officer, with password and second factor given a moment ago.
        misuse_id: the record.
        digest: of what they looked at, hexadecimal.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``, ``own_account`` or ``own_request``; logged.
        AlreadyDecided: ``misuse_signed``, ``misuse_withdrawn``, or ``incident_closed``.
        InvalidValue: ``digest_differs``, field ``digest``.
        NotFound: there is none.
        StepUpNeeded: password and second factor first.
    """
    steps.officer(parts, person, Action.MISUSE_SIGNED, now, _incident_of(parts, misuse_id))
    require_fresh(parts, person, now)
    with unit_of_work(parts.database) as work:
        record = _taken(work, misuse_id)
        concerned = people.by_ids(work.connection, [person.account_id, record.account_id, record.drafted_by])
        me, accused, drafter = (concerned[one] for one in (person.account_id, record.account_id, record.drafted_by))
        _refuse_same(parts, work, person, accused, record.incident_id, now, action=Action.MISUSE_SIGNED)
        if same_human(parts.keys.current(work.connection), me, drafter):
            _refuse(parts, work, person, Action.MISUSE_SIGNED, "own_request", record.incident_id, now)
        if record.signed_at is not None:
            raise AlreadyDecided("misuse_signed")
        if record.withdrawn_at is not None:
            raise AlreadyDecided("misuse_withdrawn")
        if not hmac.compare_digest(digest.strip().lower().encode(), record.digest.hex().encode()):
            raise InvalidValue("digest_differs", field="digest")
        if not misuse.sign(work.connection, misuse_id, record.digest, person.account_id, now):
            raise AlreadyDecided("misuse_signed")
        event = parts.event(
            now,
            person.actor(),
            Action.MISUSE_SIGNED,
            Outcome.DONE,
            incident=record.incident_id.hex(),
            misuse=misuse_id.hex(),
            account=accused.work_number,
            count=record.distinct_records,
            digest=record.digest.hex(),
        )
        steps.enter(parts, work, record.incident_id, event)
        work.commit()


def withdraw(parts: Parts, person: Person, misuse_id: bytes, note: str, now: datetime) -> None:
    """Take back a draft that nobody has signed: what it says was not proven; it may be drafted again.

    Args:
        parts: the vault's parts.
        person: an officer whom it is not about.
        misuse_id: the record.
        note: why; sealed.
        now: UTC.

    Raises:
        AccessRefused: ``no_right`` or ``own_account``; logged.
        AlreadyDecided: ``misuse_signed``, ``misuse_withdrawn`` or ``incident_closed``.
        InvalidValue: ``reason_missing`` or ``text_too_long``.
        NotFound: there is none.
    """
    steps.officer(parts, person, Action.MISUSE_WITHDRAWN, now, _incident_of(parts, misuse_id))
    if not steps.checked_note(note):
        raise InvalidValue("reason_missing", field="note")
    with unit_of_work(parts.database) as work:
        record = _taken(work, misuse_id)
        accused = people.by_ids(work.connection, [record.account_id])[record.account_id]
        _refuse_same(parts, work, person, accused, record.incident_id, now, action=Action.MISUSE_WITHDRAWN)
        if not misuse.withdraw(work.connection, misuse_id, now):
            raise AlreadyDecided("misuse_withdrawn" if record.signed_at is None else "misuse_signed")
        event = parts.event(
            now,
            person.actor(),
            Action.MISUSE_WITHDRAWN,
            Outcome.DONE,
            incident=record.incident_id.hex(),
            misuse=misuse_id.hex(),
            account=accused.work_number,
        )
        steps.enter(parts, work, record.incident_id, event, note)
        work.commit()


def _incident_of(parts: Parts, misuse_id: bytes) -> bytes | None:
    with parts.database.read() as connection:
        found = misuse.one(connection, misuse_id)
    return None if found is None else found.incident_id


def _taken(work: UnitOfWork, misuse_id: bytes) -> MisuseRecord:
    """Return a record that nobody else changes until the transaction ends, of an incident that is not closed.

    The incident is locked before the record, as a draft does it: of two at once none waits for the other for ever.
    """
    found = misuse.one(work.connection, misuse_id)
    if found is None:
        raise NotFound("misuse")
    steps.open_matter(work.connection, found.incident_id)
    record = misuse.one(work.connection, misuse_id, locked=True)
    return found if record is None else record


def _checked(text: str, field: str, most: int) -> str:
    text = text.strip()
    if len(text) > most:
        raise InvalidValue("text_too_long", field=field, most=most)
    return text


def _account(connection: Connection, typed: str) -> Account:
    account = people.by_work_number(connection, normal_work_number(typed))
    if account is None:
        raise NotFound("account")
    return account


def _span(
    parts: Parts, connection: Connection, incident_id: bytes, accused: Account, written: Draft, now: datetime
) -> tuple[datetime, datetime]:
    """Return the time within which somebody's reading is counted."""
    signals = incident_signals.of_incident(connection, incident_id)
    begun = [one.found.since for one in signals if one.found.account_id == accused.account_id]
    aware = steps.matter(connection, incident_id).aware_since
    since = (
        in_utc(written.since, "since") if written.since else min(begun, default=aware - parts.policy.limits.window())
    )
    until = in_utc(written.until, "until") if written.until else now
    if until <= since:
        raise InvalidValue("span_empty", field="until")
    return since, until


def _shown_to(parts: Parts, connection: Connection, number: str, since: datetime, until: datetime) -> Distinct:
    try:
        return distinct_of(parts, connection, number, since, until)
    except InvalidValue:  # the log has never heard of them
        return Distinct(0, 0, 0, 0)


def _evidence(
    parts: Parts,
    connection: Connection,
    incident_id: bytes,
    accused: Account,
    since: datetime,
    until: datetime,
    found: Distinct,
) -> str:
    signals = incident_signals.of_incident(connection, incident_id)
    about = [one for one in signals if one.found.account_id == accused.account_id]
    radii = [(one.radius_id, one.digest) for one in radius.of_incident(connection, incident_id)]
    signed = parts.log_files.signed()
    size, root = (0, b"") if signed is None else (signed.frontier.size, signed.frontier.root())
    return evidence_text(accused.work_number, since, until, asdict(found), about, radii, size, root)


def _refuse_same(
    parts: Parts,
    work: UnitOfWork,
    person: Person,
    accused: Account,
    incident_id: bytes,
    now: datetime,
    action: Action = Action.MISUSE_DRAFTED,
) -> None:
    """Let nobody write or sign a record about themselves, or about a human of their name."""
    me = people.by_ids(work.connection, [person.account_id])[person.account_id]
    if same_human(parts.keys.current(work.connection), me, accused):
        _refuse(parts, work, person, action, "own_account", incident_id, now)


def _refuse(
    parts: Parts, work: UnitOfWork, person: Person, action: Action, rule: str, incident_id: bytes, now: datetime
) -> NoReturn:
    event = parts.event(now, person.actor(), action, Outcome.REFUSED, rule=rule, incident=incident_id.hex())
    steps.enter(parts, work, incident_id, event)
    work.commit()
    raise AccessRefused(rule)
