"""Reminding of requests for access that nobody has answered: once each, when half of their time is over.

Who may decide is worked out anew then, from the identifier itself: a colleague who has come to own the customer since,
or to supervise their team, is asked too. Whoever asked learns nothing of it.
"""

from __future__ import annotations

from datetime import datetime

from vault.domain.log import Action, Actor, Event, Opened, Outcome
from vault.domain.notices import NoticeKind
from vault.domain.records import FieldRef
from vault.errors import IntegrityError
from vault.services.steps import finding
from vault.services.steps.deciders import deciders_by_owner
from vault.services.steps.opening import announced, check, open_record, report, reporting
from vault.services.steps.parts import Parts
from vault.storage import notifications, records, requests
from vault.storage.requests import Request
from vault.storage.unit_of_work import unit_of_work

_AT_ONCE = 200
_IDENTIFIER = FieldRef("identifier")


def tend(parts: Parts, now: datetime) -> int:
    """Remind those who may decide of each request that has waited for half of its time; the timetable does it.

    Args:
        parts: the vault's parts.
        now: UTC.

    Returns:
        How many requests were reminded of.

    Raises:
        LogUnavailable: an opening could not be logged; the next run goes on.
    """
    answer = parts.policy.grants.answer()
    with parts.database.read() as connection:
        due = requests.to_remind(connection, now - answer, now - answer / 2, _AT_ONCE)
    return sum(_remind(parts, one, now) for one in due)


def _remind(parts: Parts, request: Request, now: datetime) -> bool:
    try:
        able = _able(parts, request, now)
    except IntegrityError:  # logged; nobody else could work it out either
        able = frozenset()
    with unit_of_work(parts.database) as work:
        if not requests.remind(work.connection, request.request_id, able, now):
            return False
        notifications.add(work.connection, able, NoticeKind.ACCESS_WAITS, request.request_id, now)
        work.announce(_event(parts, request, now, Outcome.DONE, count=len(able)))
        work.commit()
    return True


def _able(parts: Parts, request: Request, now: datetime) -> frozenset[bytes]:
    """Return who may decide by now: the identifier is opened for it, and the log says so first.

    Raises:
        IntegrityError: the request does not fit, or a name on which the choice rests; logged.
    """
    request_id, actor = request.request_id, _system(parts)
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        stored = records.load_as_stored(connection, [request_id])
        wraps = records.wraps(connection, (one.meta for one in stored.values()))
    if request_id not in stored:  # its days are over
        return frozenset()
    sealed = stored[request_id]
    with reporting(parts, actor, stored, now):
        check(store, sealed)
        opened = (announced(sealed, {_IDENTIFIER.field}),)
        receipt = parts.log_writer.write(_event(parts, request, now, Outcome.GRANTED, opened))
        values = open_record(store, receipt, sealed, wraps.get(request_id), {_IDENTIFIER.field})
    with parts.database.read() as connection:
        behind = finding.behind(connection, store, request.kind, values[_IDENTIFIER].disclose(), now)
        if behind.damaged:
            report(parts, actor, behind.those_damaged(), now)
        owners = {one.meta.owner for one in behind.customers.values()} or {None}
        askers = {request.asked_by, request.held_by}
        with reporting(parts, actor, {}, now):
            by_owner = deciders_by_owner(connection, parts.policy, store, askers, request.held_by, owners)
    return frozenset().union(*by_owner.values())


def _system(parts: Parts) -> Actor:
    return Actor("system", "system", node=parts.node)


def _event(
    parts: Parts, request: Request, now: datetime, outcome: Outcome, opened: tuple[Opened, ...] = (), **facts: int
) -> Event:
    return parts.event(
        now,
        _system(parts),
        Action.REQUEST_REMINDED,
        outcome,
        purpose=request.purpose,
        case=request.case_id,
        rule="",
        opened=opened,
        request=request.request_id.hex(),
        **facts,
    )
