"""A person's own cases, closing one, and asking for access where a look-up showed nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from vault.crypto.key_store import KeyStore
from vault.domain.clocks import Light, light
from vault.domain.cohorts import home_of
from vault.domain.identifiers import identify
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.records import FieldRef, RecordMeta, RecordState
from vault.domain.retention import expires_at
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services.steps.admission import case_of, may_use
from vault.services.steps.closing import close_case
from vault.services.steps.parts import Parts
from vault.storage import cases, record_writes, records, vault_state
from vault.storage.cases import AskedRequest, Case
from vault.storage.record_writes import NewRecord
from vault.storage.records import LateEntry
from vault.storage.tables import access_requests
from vault.storage.unit_of_work import unit_of_work

_LISTED = 200


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One open case on the board.

    Args:
        case: the case.
        clock: how it stands against the time to enter its record.
        record_id: the record to go on from, None when its look-up showed nothing.
    """

    case: Case
    clock: Light
    record_id: bytes | None


@dataclass(frozen=True, slots=True)
class CaseBoard:
    """A person's work: open cases, closed ones, requests for access, and records they entered late."""

    still_open: tuple[OpenCase, ...]
    closed: tuple[Case, ...]
    requests: tuple[AskedRequest, ...]
    late: tuple[LateEntry, ...]


def my_cases(parts: Parts, person: Person) -> tuple[list[Case], list[AskedRequest]]:
    """List a person's own cases, open ones first, and requests, newest first; both hold ids and times only."""
    with parts.database.read() as connection:
        return (
            cases.held_by(connection, person.account_id, _LISTED),
            cases.asked_by(connection, person.account_id, _LISTED),
        )


def board(parts: Parts, person: Person, now: datetime) -> CaseBoard:
    """Return a person's case board: ids, words and times only, nothing of a customer."""
    opened, asked = my_cases(parts, person)
    still_open = tuple(one for one in opened if one.closed_at is None)
    with parts.database.read() as connection:
        leading = cases.leading_records(connection, [one.case_id for one in still_open])
        late = records.late_entries(connection, person.account_id, now, _LISTED)
    return CaseBoard(
        still_open=tuple(
            OpenCase(one, clock_of(parts.policy, one, now), leading.get(one.case_id)) for one in still_open
        ),
        closed=tuple(one for one in opened if one.closed_at is not None),
        requests=tuple(asked),
        late=tuple(late),
    )


def clock_of(policy: Policy, case: Case, now: datetime) -> Light:
    """Return how an open case stands against the time to enter its record (CE-02)."""
    return light(case.opened_at, now, policy.cases.amber(), policy.entry.limit())


def close(parts: Parts, person: Person, case_id: bytes, reason: str, now: datetime) -> None:
    """Close a person's own case without a service record.

    Args:
        parts: the vault's parts.
        person: who closes.
        case_id: their case.
        reason: one of the policy's reasons.
        now: UTC.

    Raises:
        InvalidValue: the reason is not on the policy's list.
        NotFound: the case is not theirs, or closed already.
    """
    if reason not in parts.policy.cases.reasons:
        raise InvalidValue("not_on_list", field="reason")
    with unit_of_work(parts.database) as work:
        close_case(parts, work, person, case_of(work.connection, person, case_id), reason, now)
        work.commit()


def ask(parts: Parts, person: Person, case_id: bytes, typed: str, now: datetime) -> bytes:
    """Record a request for access to what a look-up did not show, whether it exists or not.

    The identifier is sealed in a day cohort of class ``request``, for the approver who will be asked.

    Args:
        parts: the vault's parts.
        person: who asks.
        case_id: the case of the look-up.
        typed: the identifier again, as typed.
        now: UTC.

    Returns:
        The request's id.

    Raises:
        AccessRefused: the role may not ask.
        InvalidValue: what was typed is no identifier.
        NotFound: the case is not theirs.
    """
    with parts.database.read() as connection:
        case = case_of(connection, person, case_id)
    may_use(parts, person, Right.ASK, case.purpose, now)
    kind, number = identify(typed, parts.policy.carriers)
    with unit_of_work(parts.database) as work:
        case = case_of(work.connection, person, case_id)
        store = parts.keys.current(work.connection)
        new = _sealed_identifier(parts, person, store, number, now)
        request_id = new.meta.record_id
        vault_state.require_open(work.connection, {new.meta.cohort_id}, store.version)
        record_writes.store(work.connection, [new])
        work.connection.execute(
            insert(access_requests).values(
                request_id=request_id,
                case_id=case_id,
                asked_by=person.account_id,
                identifier_kind=kind.value,
                asked_at=now,
                state="asked",
            )
        )
        work.announce(
            parts.event(
                now,
                person.actor(),
                Action.ASK,
                Outcome.DONE,
                purpose=case.purpose,
                case=case_id,
                identifier=kind.value,
                request=request_id.hex(),
            )
        )
        work.commit()
    return request_id


def _sealed_identifier(parts: Parts, person: Person, store: KeyStore, number: str, now: datetime) -> NewRecord:
    """Seal a typed identifier as a record of class ``request``, which lives in a day cohort."""
    zone, place = parts.policy.zone, FieldRef("identifier")
    expiry = expires_at(now, parts.policy.retention[RecordClass.REQUEST].keep(), zone)
    cohort = home_of(store.cohorts(), RecordClass.REQUEST, expiry, now.astimezone(zone).date(), zone)
    keys = store.keys_of(cohort.key_id)
    meta = RecordMeta(
        record_id=new_id(),
        record_class=RecordClass.REQUEST,
        cohort_id=cohort.key_id,
        owner=person.account_id,
        outlet=person.outlet,
        kind="",
        state=RecordState.SETTLED,
        held=False,
        activity_at=now,
        expires_at=expiry,
        fields=(place,),
    )
    wrapped, sealed = keys.seal(meta.record_id, [(place, number)])
    return NewRecord(meta, keys.mac(meta), wrapped, sealed, (), entered_at=now, imported=False)
