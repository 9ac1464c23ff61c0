"""Who gets a notice and what became of it: one row for each customer, each moved on by conditional updates alone.

A run sets some customers aside for itself, then claims each one singly right before its message goes out and says
what became of it right after. Killed in between it leaves one customer in doubt, not a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from vault.domain.breach.breach_notices import CallOutcome, Channel, RecipientState
from vault.storage.breach.notice_runs import INTERRUPTED
from vault.storage.lists import rows_in
from vault.storage.tables import notice_calls, notice_recipients

_column = notice_recipients.c
_COLUMNS = (
    _column.record_id,
    _column.channel,
    _column.state,
    _column.key,
    _column.tries,
    _column.calls,
    _column.next_try_at,
    _column.settled_at,
    _column.reason,
    _column.shown_to,
)
_TOLD = (
    "SELECT r.record_id FROM notice_recipients r JOIN notice_campaigns c ON c.campaign_id = r.campaign_id"
    " WHERE c.incident_id = ? AND c.state = 'released' AND r.state <> 'unreachable' AND r.record_id"
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One customer of a campaign.

    Args:
        record_id: the customer.
        channel: how they are reached, None without a contact.
        state: what became of it.
        key: names the message, the same for every try.
        tries: how often it was tried.
        calls: how often somebody called in vain.
        next_try_at: before this it is not tried.
        settled_at: when its state became what it is.
        reason: why it failed or is in doubt.
        shown_to: account that was last shown their number.
    """

    record_id: bytes
    channel: Channel | None
    state: RecipientState
    key: bytes
    tries: int = 0
    calls: int = 0
    next_try_at: datetime | None = None
    settled_at: datetime | None = None
    reason: str = ""
    shown_to: bytes | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one message.

    Args:
        state: what is known of the customer now.
        reason: why it failed or is in doubt.
        settled_at: when, None for one that is tried again.
        next_try_at: before this it is not tried again.
    """

    state: RecipientState
    reason: str
    settled_at: datetime | None
    next_try_at: datetime | None = None


# Made once: both run for each message, and putting one together takes longer than the database takes.
_MINE = (
    _column.campaign_id == bindparam("of_campaign"),
    _column.record_id == bindparam("of_record"),
    _column.worker == bindparam("of_worker"),
)
_CLAIM = (
    update(notice_recipients)
    .where(*_MINE, _column.state == RecipientState.WAITING.value)
    .values(state=RecipientState.SENDING.value, tries=_column.tries + 1, claimed_at=bindparam("at"))
)
_SETTLE = (
    update(notice_recipients)
    .where(*_MINE, or_(*(_column.state == one.value for one in (RecipientState.SENDING, RecipientState.UNKNOWN))))
    .values(
        state=bindparam("to_state"),
        reason=bindparam("to_reason"),
        settled_at=bindparam("to_settled"),
        next_try_at=bindparam("to_next"),
        worker=bindparam("to_worker"),
        claimed_at=None,
    )
)


def add(connection: Connection, campaign_id: bytes, new: Sequence[Recipient]) -> None:
    """Insert customers of a campaign."""
    if new:
        connection.execute(
            insert(notice_recipients),
            [
                {
                    "campaign_id": campaign_id,
                    "record_id": one.record_id,
                    "channel": one.channel.value if one.channel else "",
                    "state": one.state.value,
                    "key": one.key,
                    "tries": 0,
                    "calls": 0,
                    "next_try_at": one.next_try_at,
                    "settled_at": one.settled_at,
                    "reason": one.reason,
                }
                for one in new
            ],
        )


def drop(connection: Connection, campaign_id: bytes, limit: int) -> int:
    """Remove some customers of a campaign that was replaced; returns how many."""
    some = select(_column.record_id).where(_column.campaign_id == campaign_id).limit(limit)
    ids = list(connection.execute(some).scalars())
    if ids:
        query = delete(notice_recipients).where(_column.campaign_id == campaign_id, _column.record_id.in_(ids))
        connection.execute(query)
    return len(ids)


def told_before(connection: Connection, incident_id: bytes, record_ids: Sequence[bytes]) -> set[bytes]:
    """Return which of these customers a released campaign of the same incident has already.

    Whom it could not reach is not told: another channel may reach them.
    """
    return {row[0] for row in rows_in(connection, _TOLD, list(record_ids), (incident_id,))} if record_ids else set()


def one(connection: Connection, campaign_id: bytes, record_id: bytes) -> Recipient | None:
    """Return one customer of a campaign."""
    query = select(*_COLUMNS).where(_column.campaign_id == campaign_id, _column.record_id == record_id)
    row = connection.execute(query).first()
    return None if row is None else _recipient(row)


def page(
    connection: Connection,
    campaign_id: bytes,
    after: bytes,
    limit: int,
    states: Iterable[RecipientState] = (),
) -> list[Recipient]:
    """List customers of a campaign by id.

    Args:
        connection: an open connection.
        campaign_id: the campaign.
        after: id of the last one that is known; empty for the beginning.
        limit: how many at the most.
        states: only these; empty for all.
    """
    query = select(*_COLUMNS).where(_column.campaign_id == campaign_id, _column.record_id > after)
    wanted = [state.value for state in states]
    if wanted:
        query = query.where(_column.state.in_(wanted))
    return [_recipient(row) for row in connection.execute(query.order_by(_column.record_id).limit(limit))]


def to_call(connection: Connection, campaign_id: bytes, after: bytes, limit: int) -> list[Recipient]:
    """List who must be called: who is reached by telephone alone, and whose message failed or is in doubt."""
    query = select(*_COLUMNS).where(_column.campaign_id == campaign_id, _column.record_id > after, _on_call_list())
    return [_recipient(row) for row in connection.execute(query.order_by(_column.record_id).limit(limit))]


def counts(connection: Connection, campaign_id: bytes) -> dict[tuple[str, RecipientState], int]:
    """Return how many customers by channel and state."""
    query = (
        select(_column.channel, _column.state, func.count())
        .where(_column.campaign_id == campaign_id)
        .group_by(_column.channel, _column.state)
    )
    return {(row[0], RecipientState(row[1])): row[2] for row in connection.execute(query)}


def states_of(connection: Connection, campaign_ids: Iterable[bytes]) -> dict[bytes, dict[RecipientState, int]]:
    """Return how many customers by state, of some campaigns at once."""
    found: dict[bytes, dict[RecipientState, int]] = {}
    query = (
        select(_column.campaign_id, _column.state, func.count())
        .where(_column.campaign_id.in_(list(campaign_ids)))
        .group_by(_column.campaign_id, _column.state)
    )
    for campaign_id, state, count in connection.execute(query):
        found.setdefault(campaign_id, {})[RecipientState(state)] = count
    return found


# -- sending -----------------------------------------------------------------------------------------------------


def set_aside(
    connection: Connection,
    campaign_id: bytes,
    channel: Channel,
    worker: bytes,
    limit: int,
    now: datetime,
    stale: datetime | None,
) -> list[Recipient]:
    """Set some waiting customers aside for one run; nobody else takes them while it lives.

    Args:
        connection: inside a writing transaction.
        campaign_id: the campaign.
        channel: how they are reached.
        worker: random id of the run.
        limit: how many at the most.
        now: UTC.
        stale: what was set aside before this is anybody's again; None: never.
    """
    nobodys = _column.worker.is_(None)
    free = nobodys if stale is None else or_(nobodys, _column.claimed_at < stale)
    waits = (_column.state == RecipientState.WAITING.value, _column.next_try_at <= now)
    mine = (_column.campaign_id == campaign_id, _column.channel == channel.value)
    some = select(*_COLUMNS).where(*mine, *waits, free).order_by(_column.record_id).limit(limit)
    found = [_recipient(row) for row in connection.execute(some.with_for_update(skip_locked=True))]
    if found:
        query = update(notice_recipients).where(*mine, _column.record_id.in_([each.record_id for each in found]))
        connection.execute(query.values(worker=worker, claimed_at=now))
    return found


def claim(connection: Connection, campaign_id: bytes, record_id: bytes, worker: bytes, now: datetime) -> bool:
    """Claim one customer right before the message goes out; returns False if somebody else has them by now."""
    told = {"of_campaign": campaign_id, "of_record": record_id, "of_worker": worker, "at": now}
    return connection.execute(_CLAIM, told).rowcount == 1


def settle(connection: Connection, campaign_id: bytes, record_id: bytes, worker: bytes, values: Settled) -> bool:
    """Say what became of a message this run sent, also when the answer comes after it was taken for lost.

    What is settled bears the run's id until the timeline has its line (:mod:`vault.storage.breach.notice_runs`).
    """
    told = {
        "of_campaign": campaign_id,
        "of_record": record_id,
        "of_worker": worker,
        "to_state": values.state.value,
        "to_reason": values.reason,
        "to_settled": values.settled_at,
        "to_next": values.next_try_at,
        "to_worker": None if values.settled_at is None else worker,
    }
    return connection.execute(_SETTLE, told).rowcount == 1


def claim_all(connection: Connection, campaign_id: bytes, worker: bytes, now: datetime) -> int:
    """Claim everybody whom a run has set aside, for one file that goes out as a whole; returns how many."""
    query = update(notice_recipients).where(
        _column.campaign_id == campaign_id,
        _column.state == RecipientState.WAITING.value,
        _column.worker == worker,
    )
    values = {"state": RecipientState.SENDING.value, "tries": _column.tries + 1, "claimed_at": now}
    return connection.execute(query.values(**values)).rowcount


def settle_all(connection: Connection, campaign_id: bytes, worker: bytes, values: Mapping[str, Any]) -> int:
    """Say of everybody whom a run has claimed what became of them; returns how many."""
    query = update(notice_recipients).where(
        _column.campaign_id == campaign_id,
        _column.state.in_([RecipientState.SENDING.value, RecipientState.UNKNOWN.value]),
        _column.worker == worker,
    )
    return connection.execute(query.values(**values)).rowcount


def put_back(connection: Connection, campaign_id: bytes, worker: bytes) -> None:
    """Let go of what a run had set aside and has not claimed."""
    query = update(notice_recipients).where(
        _column.campaign_id == campaign_id,
        _column.state == RecipientState.WAITING.value,
        _column.worker == worker,
    )
    connection.execute(query.values(worker=None, claimed_at=None))


def doubt(connection: Connection, campaign_id: bytes, stale: datetime, now: datetime) -> int:
    """Call messages in doubt whose run was not heard of since; returns how many."""
    query = update(notice_recipients).where(
        _column.campaign_id == campaign_id,
        _column.state == RecipientState.SENDING.value,
        _column.claimed_at < stale,
    )
    values = {"state": RecipientState.UNKNOWN.value, "settled_at": now, "reason": INTERRUPTED, "next_try_at": None}
    return connection.execute(query.values(**values)).rowcount


def move(
    connection: Connection,
    campaign_id: bytes,
    record_id: bytes,
    of: Iterable[RecipientState],
    values: Mapping[str, Any],
    **still: Any,  # noqa: ANN401 - values of columns
) -> bool:
    """Set columns of a customer who is still in one of some states, and has certain values; returns whether they do."""
    query = update(notice_recipients).where(
        _column.campaign_id == campaign_id,
        _column.record_id == record_id,
        _column.state.in_([state.value for state in of]),
        *(_column[name] == value for name, value in still.items()),
    )
    return connection.execute(query.values(**values)).rowcount == 1


# -- calls -------------------------------------------------------------------------------------------------------


def is_on_call_list(recipient: Recipient) -> bool:
    """Return whether somebody must call this customer; the same rule as :func:`to_call`."""
    by_telephone = recipient.channel is Channel.CALL and recipient.state is RecipientState.WAITING
    return by_telephone or recipient.state in (RecipientState.FAILED, RecipientState.UNKNOWN)


def note_shown(connection: Connection, campaign_id: bytes, record_id: bytes, account_id: bytes) -> None:
    """Note who was shown a customer's number last: they alone say how the call went."""
    query = update(notice_recipients).where(_column.campaign_id == campaign_id, _column.record_id == record_id)
    connection.execute(query.values(shown_to=account_id))


def add_call(
    connection: Connection, call_id: bytes, campaign_id: bytes, record_id: bytes, by: bytes, at: datetime,
    outcome: CallOutcome,
) -> None:  # fmt: skip
    """Insert a call."""
    connection.execute(
        insert(notice_calls).values(
            call_id=call_id, campaign_id=campaign_id, record_id=record_id, called_by=by, at=at, outcome=outcome.value
        )
    )


def _on_call_list() -> Any:  # noqa: ANN401 - a condition of SQLAlchemy's
    by_telephone = (_column.channel == Channel.CALL.value) & (_column.state == RecipientState.WAITING.value)
    return by_telephone | _column.state.in_([RecipientState.FAILED.value, RecipientState.UNKNOWN.value])


def _recipient(row: Row[*tuple[Any, ...]]) -> Recipient:
    return Recipient(row[0], Channel(row[1]) if row[1] else None, RecipientState(row[2]), *row[3:])
