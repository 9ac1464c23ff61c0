"""Deciding on a request for access: seeing what it leads to, granting it for a time, or refusing it.

Only who may decide learns whether there is such a record. That they were asked, and may decide still, is worked out
anew at each of the three acts; the identifier is opened for it each time, and the log says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from vault.domain.breach.containment import Doing
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened, Outcome
from vault.domain.masks import mask
from vault.domain.notices import NoticeKind
from vault.domain.people import Person
from vault.domain.requests import GrantKind
from vault.errors import AlreadyDecided, InvalidValue, NotFound
from vault.services.steps import scope
from vault.services.steps.breach.containing import stopped_by_freeze
from vault.services.steps.cards import Card, Glimpse
from vault.services.steps.examining import Examined, event_of, examine, masked, open_shown, rules_of
from vault.services.steps.opening import check, reporting
from vault.services.steps.parts import Parts
from vault.storage import cases, grants, notifications, records, requests
from vault.storage.requests import Request, TargetedRequest
from vault.storage.unit_of_work import UnitOfWork, unit_of_work

_LISTED = 200


@dataclass(frozen=True, slots=True)
class ToDecide:
    """A request as whoever decides it sees it.

    Args:
        asked: the request, and who asks.
        number: what was asked for, masked.
        cards: what it leads to, masked: the match first; none when there is no such record.
        choose: several customers share the number: one of them is to be chosen.
    """

    asked: TargetedRequest
    number: str
    cards: tuple[Card, ...]
    choose: bool


def waiting(parts: Parts, person: Person, now: datetime) -> list[TargetedRequest]:
    """List the requests that wait for a person's decision, the oldest first: who asks and why; nothing is opened."""
    with parts.database.read() as connection:
        return requests.waiting_for(connection, person.account_id, now - parts.policy.grants.answer(), _LISTED)


def see(parts: Parts, person: Person, request_id: bytes, now: datetime) -> ToDecide:
    """Show whoever may decide a request what it leads to: masked cards, or that there is no such record.

    Args:
        parts: the vault's parts.
        person: who decides.
        request_id: a request that waits for them.
        now: UTC.

    Raises:
        NotFound: they were not asked, or may not decide any more; logged.
        AlreadyDecided: somebody has decided it, or it is over.
        LogUnavailable: the event could not be made durable; nothing was opened.
        IntegrityError: something does not fit; logged, nothing shown.
    """
    found = examine(parts, person, request_id, now)
    shown = masked(parts, person, found)
    cards = open_shown(parts, person, found, shown, now)
    choose = found.request.kind is not IdentifierKind.WAYBILL and len(cards) > 1
    return ToDecide(found.asked, mask(found.request.kind.value, found.number), cards, choose)


@stopped_by_freeze(Doing.BUSINESS, Action.GRANTED)
def grant(
    parts: Parts, person: Person, request_id: bytes, minutes: int, chosen: bytes | None, now: datetime
) -> datetime:
    """Grant what was asked for a time; it ends with the case in which it was asked.

    Args:
        parts: the vault's parts.
        person: who decides.
        request_id: a request that waits for them.
        minutes: for how long, one of the policy's choices.
        chosen: which of several customers with one number; None where there is one, or a shipment.
        now: UTC.

    Returns:
        When the access ends.

    Raises:
        InvalidValue: the time is not on the list, there is no such record, or one of several was not chosen.
        NotFound: they were not asked, or may not decide any more.
        AlreadyDecided: somebody has decided it, or it is over: of two who decide at once, one counts.
        LogUnavailable: the event could not be made durable; nothing was opened or granted.
        IntegrityError: something does not fit; logged, nothing granted.
    """
    if minutes not in parts.policy.grants.minutes:
        raise InvalidValue("not_on_list", field="minutes")
    found = examine(parts, person, request_id, now)
    request, customers = found.request, _chosen(found, chosen)
    wanted = [key for key in found.matches() if key in customers or request.kind is IdentifierKind.WAYBILL]
    # The records themselves must hold the identifier: index rows carry no MAC.
    sought = (request.kind, found.number)
    bare = {key: Glimpse(found.behind.matches[key], "match", "", {}, {}, sought) for key in wanted}
    open_shown(parts, person, found, bare, now)
    until = now + timedelta(minutes=minutes)
    with unit_of_work(parts.database) as work:
        case = cases.locked_open(work.connection, request.case_id)
        if case is None:
            raise AlreadyDecided
        with reporting(parts, person.actor(), {}, now):
            rules = _rules_again(parts, work, person, replace(request, held_by=case.held_by), customers, now)
        if rules.keys() != customers:
            raise NotFound("request")
        asked_after = now - parts.policy.grants.answer()
        if not requests.decide(work.connection, request_id, person.account_id, now, asked_after, leads_to=wanted[0]):
            raise AlreadyDecided
        holder = requests.work_number_of(work.connection, case.held_by)
        for customer in sorted(customers):
            grant_id = new_id()
            grants.add(
                work.connection,
                {
                    "grant_id": grant_id,
                    "kind": GrantKind.ASKED.value,
                    "account_id": case.held_by,
                    "record_id": customer,
                    "case_id": case.case_id,
                    "request_id": request_id,
                    "purpose": case.purpose,
                    "granted_by": person.account_id,
                    "granted_at": now,
                    "expires_at": until,
                },
            )
            facts: dict[str, str | int] = {"grant": grant_id.hex(), "minutes": minutes, "account": holder}
            # By id, with no field: the log shows who was given access to whom, and opens nothing.
            named = (Opened(customer, RecordClass.CUSTOMER.value, ()),)
            work.announce(
                event_of(parts, person, request, Action.GRANTED, Outcome.GRANTED, now, rules[customer], named, **facts)
            )
        cases.bind(work.connection, case.case_id, {*customers, *wanted})
        notifications.add(work.connection, [case.held_by], NoticeKind.ACCESS_GRANTED, request_id, now)
        work.commit()
    return until


@stopped_by_freeze(Doing.BUSINESS, Action.GRANT_REFUSED)
def refuse(parts: Parts, person: Person, request_id: bytes, reason: str, now: datetime) -> None:
    """Refuse what was asked; the asker learns that it was not granted, and neither why nor by whom.

    Args:
        parts: the vault's parts.
        person: who decides.
        request_id: a request that waits for them.
        reason: one of the policy's.
        now: UTC.

    Raises:
        InvalidValue: the reason is not on the list.
        NotFound: they were not asked, or may not decide any more.
        AlreadyDecided: somebody has decided it, or it is over.
        LogUnavailable: the event could not be made durable; nothing was opened or refused.
        IntegrityError: something does not fit; logged.
    """
    if reason not in parts.policy.grants.refusals:
        raise InvalidValue("not_on_list", field="reason")
    found = examine(parts, person, request_id, now)
    request = found.request
    with unit_of_work(parts.database) as work:
        asked_after = now - parts.policy.grants.answer()
        if not requests.decide(work.connection, request_id, person.account_id, now, asked_after, reason=reason):
            raise AlreadyDecided
        work.announce(event_of(parts, person, request, Action.GRANT_REFUSED, Outcome.REFUSED, now, reason=reason))
        notifications.add(work.connection, [request.held_by], NoticeKind.ACCESS_REFUSED, request_id, now)
        work.commit()


def _rules_again(
    parts: Parts, work: UnitOfWork, person: Person, request: Request, customers: Collection[bytes], now: datetime
) -> dict[bytes, str]:
    """Decide anew inside the writing transaction: an owner or a role may have changed a moment ago."""
    store = parts.keys.current(work.connection)
    found = records.load(work.connection, customers)
    for one in found.values():
        check(store, one)
    live = [one.meta for one in found.values() if scope.findable(work.connection, store, one.meta, now)]
    return rules_of(work.connection, parts, store, person, request, live)[0]


def _chosen(found: Examined, chosen: bytes | None) -> set[bytes]:
    """Return the customers to grant: those of the shipment, or the one with the number."""
    customers = set(found.rules)
    if not customers:
        raise InvalidValue("no_such_record", field="record")
    if found.request.kind is IdentifierKind.WAYBILL:
        return customers
    if chosen is None and len(customers) > 1:
        raise InvalidValue("choose_one", field="record")
    if chosen is not None and chosen not in customers:
        raise NotFound("record")
    return customers if chosen is None else {chosen}
