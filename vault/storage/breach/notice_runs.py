"""What each run of notices did: a settled customer bears the run's id until it is written into the timeline.

So every customer is told of in one line of it, also where the run was killed before it could say anything.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, literal, select, update

from vault.domain.breach.breach_notices import Channel, RecipientState
from vault.storage.tables import notice_recipients

INTERRUPTED = "interrupted"
"""Why somebody is in doubt whose message a run was sending when it was last heard of; told of when that is found."""

_column = notice_recipients.c
_UNTOLD = (_column.worker.is_not(None), _column.settled_at.is_not(None))
_BY_THE_VAULT = (Channel.MAIL.value, Channel.SINK.value)


def left_over(campaign_id: ColumnElement[bytes]) -> ColumnElement[bool]:
    """Return the condition that somebody of a campaign is settled and in no line of the timeline yet."""
    return select(literal(1)).where(_column.campaign_id == campaign_id, *_own()).exists()


def cut_short(connection: Connection, campaign_id: bytes, stale: datetime) -> list[bytes]:
    """List the runs that have not said what they did, and were not heard of since a moment.

    Args:
        connection: an open connection.
        campaign_id: the campaign.
        stale: UTC.
    """
    query = (
        select(_column.worker)
        .where(_column.campaign_id == campaign_id, *_own())
        .group_by(_column.worker)
        .having(func.max(_column.settled_at) < stale)
    )
    return [one for one in connection.execute(query).scalars() if not _lives(connection, campaign_id, one, stale)]


def take_stock(connection: Connection, campaign_id: bytes, worker: bytes, most: int) -> Counter[RecipientState]:
    """Count what a run has settled, and let go of it, so that nobody counts it again.

    Args:
        connection: inside a writing transaction.
        campaign_id: the campaign.
        worker: id of the run.
        most: how many customers at the most; fewer are returned where there are no more.
    """
    mine = (_column.campaign_id == campaign_id, _column.worker == worker, *_UNTOLD, _column.reason != INTERRUPTED)
    stock: Counter[RecipientState] = Counter()
    for state in list(connection.execute(select(_column.state).where(*mine).distinct()).scalars()):
        these = (*mine, _column.state == state)
        some = select(_column.record_id).where(*these).limit(most - stock.total())
        let_go = update(notice_recipients).where(*these, _column.record_id.in_(some.scalar_subquery()))
        stock[RecipientState(state)] = connection.execute(let_go.values(worker=None)).rowcount
    return stock


def _own() -> tuple[ColumnElement[bool], ...]:
    return (*_UNTOLD, _column.reason != INTERRUPTED, _column.channel.in_(_BY_THE_VAULT))


def _lives(connection: Connection, campaign_id: bytes, worker: bytes, stale: datetime) -> bool:
    mine = (_column.campaign_id == campaign_id, _column.worker == worker)
    query = select(literal(1)).where(*mine, _column.claimed_at >= stale).limit(1)
    return connection.execute(query).first() is not None
