"""A person's own cases, and asking for access where a look-up showed nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert

from vault.domain.cohorts import home_of
from vault.domain.identifiers import identify
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Outcome
from vault.domain.people import Person
from vault.domain.policy import Right
from vault.domain.records import FieldRef, RecordMeta, RecordState
from vault.domain.retention import expires_at
from vault.services.admission import case_of, may_use
from vault.services.parts import Parts
from vault.storage import cases, record_writes, vault_state
from vault.storage.cases import AskedRequest, Case
from vault.storage.record_writes import NewRecord
from vault.storage.tables import access_requests
from vault.storage.unit_of_work import unit_of_work

_LISTED = 50


def my_cases(parts: Parts, person: Person) -> tuple[list[Case], list[AskedRequest]]:
    """List a person's own cases and requests, newest first; both hold ids and times only."""
    with parts.database.read() as connection:
        return (
            cases.opened_by(connection, person.account_id, _LISTED),
            cases.asked_by(connection, person.account_id, _LISTED),
        )


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
    request_id, zone = new_id(), parts.policy.zone
    expiry = expires_at(now, parts.policy.retention[RecordClass.REQUEST].keep(), zone)
    with unit_of_work(parts.database) as work:
        case = case_of(work.connection, person, case_id)
        store = parts.keys.current(work.connection)
        cohort = home_of(store.cohorts(), RecordClass.REQUEST, expiry, now.astimezone(zone).date(), zone)
        vault_state.require_open(work.connection, {cohort.key_id}, store.version)
        keys, place = store.keys_of(cohort.key_id), FieldRef("identifier")
        meta = RecordMeta(
            record_id=request_id,
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
        wrapped, sealed = keys.seal(request_id, [(place, number)])
        new = NewRecord(meta, keys.mac(meta), wrapped, sealed, (), entered_at=now, imported=False)
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
