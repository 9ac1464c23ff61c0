"""Letters that were handed out to be posted, and files to be picked up: what is known of their customers since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, update

from vault.domain.breach.breach_notices import Channel, RecipientState
from vault.storage.tables import notice_recipients

_column = notice_recipients.c
_HANDED_OUT = (
    _column.channel == Channel.LETTER.value,
    _column.state == RecipientState.WAITING.value,
    _column.worker.is_not(None),
)


def hand_out_again(connection: Connection, campaign_id: bytes, worker: bytes, limit: int, now: datetime) -> list[bytes]:
    """Hand out letters once more that are not said to be posted, the earliest first; returns whose they are.

    Args:
        connection: inside a writing transaction.
        campaign_id: the campaign.
        worker: random id of the page.
        limit: how many at the most.
        now: UTC.
    """
    mine = (_column.campaign_id == campaign_id, *_HANDED_OUT)
    some = select(_column.record_id).where(*mine).order_by(_column.claimed_at, _column.record_id).limit(limit)
    found = list(connection.execute(some.with_for_update(skip_locked=True)).scalars())
    if found:
        query = update(notice_recipients).where(*mine, _column.record_id.in_(found))
        connection.execute(query.values(worker=worker, claimed_at=now))
    return found


def handed_out(connection: Connection, campaign_id: bytes) -> int:
    """Return how many letters were printed and are not said to be posted."""
    query = select(func.count()).where(_column.campaign_id == campaign_id, *_HANDED_OUT)
    return int(connection.execute(query).scalar_one())


def handed_out_ids(connection: Connection, campaign_id: bytes) -> list[bytes]:
    """Return whose letters were printed and are not said to be posted, the earliest first."""
    query = select(_column.record_id).where(_column.campaign_id == campaign_id, *_HANDED_OUT)
    return list(connection.execute(query.order_by(_column.claimed_at, _column.record_id)).scalars())


def lost_with_file(connection: Connection, campaign_id: bytes, made_at: datetime, reason: str, now: datetime) -> int:
    """Call those in doubt whose file was removed and never said to be picked up; returns how many.

    Args:
        connection: inside a writing transaction.
        campaign_id: the campaign.
        made_at: of the file: when its customers were called told.
        reason: why they are in doubt.
        now: UTC.
    """
    query = update(notice_recipients).where(
        _column.campaign_id == campaign_id,
        _column.channel == Channel.FILE.value,
        _column.state == RecipientState.SENT.value,
        _column.settled_at == made_at,
    )
    values = {"state": RecipientState.UNKNOWN.value, "reason": reason, "settled_at": now}
    return connection.execute(query.values(**values)).rowcount
