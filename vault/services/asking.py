"""Asking for access where a look-up showed nothing, and how one's own requests stand.

What exists and what does not take the same steps, are logged alike and answered alike, on the same beat.
"""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.breach.containment import Doing
from vault.domain.identifiers import IdentifierKind, identify
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.rules.access import Right
from vault.errors import NotFound
from vault.services.steps import finding, limits
from vault.services.steps.admission import case_of, may_use
from vault.services.steps.asked import AskedRequest, as_asked
from vault.services.steps.attempts import until_stored
from vault.services.steps.beat import wait_for_the_beat
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.deciders import deciders_by_owner
from vault.services.steps.opening import report, reporting
from vault.services.steps.parts import Parts
from vault.services.steps.request_records import sealed
from vault.storage import notifications, record_writes, requests, vault_state
from vault.storage.requests import NewRequest
from vault.storage.unit_of_work import unit_of_work


@stopped_by_freeze(Doing.BUSINESS, Action.ASK)
def ask(parts: Parts, person: Person, case_id: bytes, typed: str, now: datetime) -> bytes:
    """Ask for access to what a look-up did not show, whether it exists or not.

    The identifier is sealed in a day cohort of class ``request`` for those who may decide. Asking the same again in the
    same case, while nobody has answered, is the same request.

    Args:
        parts: the vault's parts.
        person: who asks.
        case_id: the case of the look-up.
        typed: the identifier again, as typed.
        now: UTC.

    Returns:
        The request's id.

    Raises:
        AccessRefused: the role may not ask, or has asked too often within the hour (``quota_asks``).
        InvalidValue: what was typed is no identifier.
        NotFound: the case is not theirs.
        IntegrityError: the name of somebody on whom the choice of deciders rests does not fit; logged, nothing stored.
    """
    started = time.monotonic()
    with parts.database.read() as connection:
        case = case_of(connection, person, case_id)
    may_use(parts, person, Right.ASK, case.purpose, now)
    kind, number = identify(typed, parts.policy.carriers)
    limits.count_ask(parts, person, case.purpose, case_id, now)
    request_id = until_stored(lambda: _attempt(parts, person, case_id, kind, number, now))
    wait_for_the_beat(started)
    return request_id


def mine(parts: Parts, person: Person, request_id: bytes, now: datetime) -> AskedRequest:
    """Return how a request of a person's own case stands.

    Raises:
        NotFound: it is not there, or its case is not theirs.
    """
    with parts.database.read() as connection:
        found = requests.one(connection, request_id)
        if found is None or found.held_by != person.account_id:
            raise NotFound("request")
        return as_asked(connection, parts.policy, [found], now)[0]


def _attempt(parts: Parts, person: Person, case_id: bytes, kind: IdentifierKind, number: str, now: datetime) -> bytes:
    with parts.database.read() as connection:
        targets = _targets(connection, parts, person, kind, number, now)
    with unit_of_work(parts.database) as work:
        case = case_of(work.connection, person, case_id)
        store = parts.keys.current(work.connection)
        same = f"{case_id.hex()} {number}"
        # Of two who ask the same at once, the second finds the request of the first.
        record_writes.lock_identities(work.connection, [store.lock_tag("request", same)])
        asked_after = now - parts.policy.grants.answer()
        request_id = requests.open_one(work.connection, case_id, _tags(store, parts, kind, same, now), asked_after)
        if request_id is None:
            new = sealed(parts, person, store, "identifier", number, now)
            request_id = new.meta.record_id
            vault_state.require_open(work.connection, {new.meta.cohort_id}, store.version)
            record_writes.store(work.connection, [new])
            tag = store.keys_of(new.meta.cohort_id).tag(kind, same)
            requests.add(work.connection, NewRequest(request_id, case_id, person.account_id, kind, now, tag, targets))
            notifications.add(work.connection, targets, NoticeKind.ACCESS_ASKED, request_id, now)
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


def _targets(
    connection: Connection, parts: Parts, person: Person, kind: IdentifierKind, number: str, now: datetime
) -> frozenset[bytes]:
    """Return who may decide: found or absent, the choice takes the same steps."""
    store = parts.keys.current(connection)
    behind = finding.behind(connection, store, kind, number, now)
    # Whoever would decide on what does not fit is asked, and told of it; who asks learns nothing.
    if behind.damaged:
        report(parts, person.actor(), behind.those_damaged(), now)
    with reporting(parts, person.actor(), {}, now):
        owners = {one.meta.owner for one in behind.customers.values()} or {None}
        by_owner = deciders_by_owner(connection, parts.policy, store, {person.account_id}, person.account_id, owners)
    return frozenset().union(*by_owner.values())


def _tags(store: KeyStore, parts: Parts, kind: IdentifierKind, same: str, now: datetime) -> list[bytes]:
    """Return the tags under which the same question of a case may stand; each dies with its day cohort."""
    today = now.astimezone(parts.policy.zone).date()
    return [
        store.keys_of(one.key_id).tag(kind, same)
        for one in store.cohorts()
        if one.record_class is RecordClass.REQUEST and one.end_on >= today
    ]
