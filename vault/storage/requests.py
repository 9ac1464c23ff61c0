"""Requests for access: who asked in which case, who may decide, and what was decided. No identifier is here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, exists, insert, or_, select, update

from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import Role, new_id
from vault.domain.people import AccountState
from vault.domain.requests import RequestState
from vault.storage.people import ACCOUNT, Account, account_of
from vault.storage.tables import access_requests, accounts, cases, request_targets

_REQUEST = access_requests.c
_PADDED = 4


@dataclass(frozen=True, slots=True)
class Request:
    """One request for access, with what is known of its case.

    Args:
        request_id: random id, also of the record of class ``request`` that holds the identifier.
        case_id: the case in which it was asked.
        purpose: of the case.
        asked_by: who asked.
        held_by: who holds the case now, and with it the request.
        kind: kind of the identifier.
        asked_at: when, UTC.
        state: as stored.
        leads_to: the record to go on with once it is granted.
    """

    request_id: bytes
    case_id: bytes
    purpose: str
    asked_by: bytes
    held_by: bytes
    kind: IdentifierKind
    asked_at: datetime
    state: RequestState
    leads_to: bytes | None


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request about to be stored.

    Args:
        request_id: id of the record that holds the identifier.
        case_id: the case.
        asked_by: who asks.
        kind: kind of the identifier.
        asked_at: UTC.
        sought: keyed tag of case and identifier, by which the same question is known again.
        targets: who may decide.
    """

    request_id: bytes
    case_id: bytes
    asked_by: bytes
    kind: IdentifierKind
    asked_at: datetime
    sought: bytes
    targets: Collection[bytes]


@dataclass(frozen=True, slots=True)
class TargetedRequest:
    """One request as those who may decide it know it at first: who asks and why, nothing of what was typed."""

    request: Request
    work_number: str
    role: Role
    outlet: str


_COLUMNS = (
    _REQUEST.request_id,
    _REQUEST.case_id,
    cases.c.purpose,
    _REQUEST.asked_by,
    cases.c.held_by,
    _REQUEST.identifier_kind,
    _REQUEST.asked_at,
    _REQUEST.state,
    _REQUEST.leads_to,
)
_ASKED_ALREADY = select(request_targets.c.account_id).where(request_targets.c.request_id == bindparam("request_id"))
_SELECT = select(*_COLUMNS).join(cases, cases.c.case_id == _REQUEST.case_id)
_TARGETED = (
    _SELECT.add_columns(accounts.c.work_number, accounts.c.role, accounts.c.outlet)
    .join(request_targets, request_targets.c.request_id == _REQUEST.request_id)
    .join(accounts, accounts.c.account_id == cases.c.held_by)
)


def _request(row: Row[*tuple[Any, ...]]) -> Request:
    return Request(
        row.request_id,
        row.case_id,
        row.purpose,
        row.asked_by,
        row.held_by,
        IdentifierKind(row.identifier_kind),
        row.asked_at,
        RequestState(row.state),
        row.leads_to,
    )


def add(connection: Connection, new: NewRequest) -> None:
    """Store a request with who may decide it."""
    connection.execute(
        insert(access_requests).values(
            request_id=new.request_id,
            case_id=new.case_id,
            asked_by=new.asked_by,
            identifier_kind=new.kind.value,
            asked_at=new.asked_at,
            state=RequestState.ASKED.value,
            sought=new.sought,
        )
    )
    if new.targets:
        rows = [{"request_id": new.request_id, "account_id": one} for one in sorted(new.targets)]
        connection.execute(insert(request_targets), rows)


def open_one(connection: Connection, case_id: bytes, sought: Iterable[bytes], asked_after: datetime) -> bytes | None:
    """Return a request of a case that asked the same and still waits for its answer."""
    query = select(_REQUEST.request_id).where(
        _REQUEST.case_id == case_id,
        _REQUEST.sought.in_(list(sought)),
        _REQUEST.state == RequestState.ASKED.value,
        _REQUEST.asked_at > asked_after,
    )
    found: bytes | None = connection.execute(query.limit(1)).scalar()
    return found


def one(connection: Connection, request_id: bytes) -> Request | None:
    """Return one request."""
    row = connection.execute(_SELECT.where(_REQUEST.request_id == request_id)).first()
    return None if row is None else _request(row)


def of_case_holder(connection: Connection, account_id: bytes, limit: int) -> list[Request]:
    """List the requests of the cases a person holds, newest first."""
    query = _SELECT.where(cases.c.held_by == account_id).order_by(_REQUEST.asked_at.desc()).limit(limit)
    return [_request(row) for row in connection.execute(query)]


def for_target(connection: Connection, request_id: bytes, account_id: bytes) -> TargetedRequest | None:
    """Return one request as somebody who was asked to decide it may know it; None when they were not asked."""
    row = connection.execute(_TARGETED.where(*_targets(account_id), _REQUEST.request_id == request_id)).first()
    return None if row is None else _targeted(row)


def waiting_for(connection: Connection, account_id: bytes, asked_after: datetime, limit: int) -> list[TargetedRequest]:
    """List the requests that wait for somebody's decision, the oldest first."""
    waits = (_REQUEST.asked_at > asked_after, _REQUEST.state == RequestState.ASKED.value, cases.c.closed_at.is_(None))
    query = _TARGETED.where(*_targets(account_id), *waits).order_by(_REQUEST.asked_at, _REQUEST.request_id).limit(limit)
    return [_targeted(row) for row in connection.execute(query)]


def to_remind(connection: Connection, asked_after: datetime, asked_until: datetime, limit: int) -> list[Request]:
    """List the requests asked within a span that still wait and were not reminded of, the oldest first."""
    waits = (_REQUEST.asked_at > asked_after, _REQUEST.state == RequestState.ASKED.value, cases.c.closed_at.is_(None))
    query = _SELECT.where(*waits, _REQUEST.asked_at <= asked_until, _REQUEST.reminded_at.is_(None))
    rows = connection.execute(query.order_by(_REQUEST.asked_at, _REQUEST.request_id).limit(limit))
    return [_request(row) for row in rows]


def remind(connection: Connection, request_id: bytes, targets: Collection[bytes], at: datetime) -> bool:
    """Note that a request is reminded of, and let some people decide it too; returns whether it still was to do."""
    still = update(access_requests).where(
        _REQUEST.request_id == request_id,
        _REQUEST.state == RequestState.ASKED.value,
        _REQUEST.reminded_at.is_(None),
    )
    if connection.execute(still.values(reminded_at=at)).rowcount != 1:
        return False
    known = set(connection.execute(_ASKED_ALREADY, {"request_id": request_id}).scalars())
    rows = [{"request_id": request_id, "account_id": one} for one in sorted(set(targets) - known)]
    if rows:
        connection.execute(insert(request_targets), rows)
    return True


def _targets(account_id: bytes) -> tuple[ColumnElement[bool], ...]:
    # Whoever holds the case by now asks for themselves.
    return request_targets.c.account_id == account_id, cases.c.held_by != account_id


def _targeted(row: Row[*tuple[Any, ...]]) -> TargetedRequest:
    return TargetedRequest(_request(row), row.work_number, Role(row.role), row.outlet)


def decide(
    connection: Connection,
    request_id: bytes,
    by: bytes,
    at: datetime,
    asked_after: datetime,
    *,
    reason: str = "",
    leads_to: bytes | None = None,
) -> bool:
    """Grant a waiting request, or refuse it for a reason.

    Args:
        connection: inside a writing transaction.
        request_id: the request.
        by: who decides.
        at: UTC.
        asked_after: what was asked at this moment or before it is over.
        reason: why it is refused; empty grants it.
        leads_to: the record to go on with.

    Returns:
        Whether it waited until now; of two who decide at once, one gets True.
    """
    waits = (
        _REQUEST.request_id == request_id,
        _REQUEST.state == RequestState.ASKED.value,
        _REQUEST.asked_at > asked_after,
        exists().where(cases.c.case_id == _REQUEST.case_id, cases.c.closed_at.is_(None)),
    )
    state = RequestState.REFUSED if reason else RequestState.GRANTED
    values = {"state": state.value, "decided_by": by, "decided_at": at, "reason": reason, "leads_to": leads_to}
    return connection.execute(update(access_requests).where(*waits).values(**values)).rowcount == 1


def end_with_case(connection: Connection, case_id: bytes, at: datetime) -> int:
    """End the requests of a case that nobody has decided; returns how many."""
    return _end(connection, at, _REQUEST.case_id == case_id)


def end_all_of(connection: Connection, account_id: bytes, at: datetime) -> int:
    """End the requests somebody made that nobody has decided; returns how many."""
    return _end(connection, at, _REQUEST.asked_by == account_id)


def _end(connection: Connection, at: datetime, which: ColumnElement[bool]) -> int:
    ended = update(access_requests).where(_REQUEST.state == RequestState.ASKED.value, which)
    return connection.execute(ended.values(state=RequestState.ENDED.value, decided_at=at)).rowcount


def who_could_decide(connection: Connection, others: Collection[bytes]) -> list[Account]:
    """Return the accounts a choice of deciders rests on: every supervisor at work, and others in any state.

    Args:
        connection: an open connection.
        others: who asks, and the owners of what is asked for.
    """
    # Filled up with ids of nobody: one owner, two or none are one and the same question.
    some = [*others, *(new_id() for _ in range(-len(others) % _PADDED))]
    supervises = (accounts.c.role == Role.SUPERVISOR.value) & (accounts.c.state == AccountState.ACTIVE.value)
    query = select(*ACCOUNT).where(or_(supervises, accounts.c.account_id.in_(some)))
    return [account_of(row) for row in connection.execute(query.order_by(accounts.c.work_number))]


def work_number_of(connection: Connection, account_id: bytes) -> str:
    """Return the work number of an account that is there."""
    query = select(accounts.c.work_number).where(accounts.c.account_id == account_id)
    return str(connection.execute(query).scalar_one())
