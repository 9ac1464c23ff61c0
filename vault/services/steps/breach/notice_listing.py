"""Steps of listing whom notices go to: one row for each customer of a frozen radius, by the way that reaches them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vault.domain.breach.breach_notices import CONTACTS, Channel, RecipientState
from vault.domain.breach.radius import Affected
from vault.domain.ids import RecordClass, new_id
from vault.errors import InvalidValue, NotFound
from vault.services.steps.breach.notice_contacts import way
from vault.services.steps.parts import Parts
from vault.storage.breach import contacts, notice_recipients, radius
from vault.storage.breach.breach_notices import Campaign
from vault.storage.breach.notice_recipients import Recipient
from vault.storage.unit_of_work import unit_of_work

_BATCH = 500
_SETTLED_AT_ONCE = (RecipientState.UNREACHABLE, RecipientState.UNREACHABLE_DESTROYED)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of the customers of a campaign, of any of them, as ``class.field``.

    Args:
        clear: in clear.
        masked: masked; of another customer it may have been in clear.
    """

    clear: set[str] = field(default_factory=set)
    masked: set[str] = field(default_factory=set)


def list_recipients(parts: Parts, draft: Campaign, now: datetime, *, post_if_leaked: bool) -> Seen:
    """Write one row for each customer of the radius, batch by batch, each in a transaction of its own.

    Args:
        parts: the vault's parts.
        draft: a campaign that is not ready yet, so that nobody releases half of it.
        now: UTC.
        post_if_leaked: a contact that was shown in clear is not used where another one or a letter reaches them.

    Returns:
        What was seen of them.

    Raises:
        InvalidValue: ``nobody_to_tell``, field ``radius``.
    """
    after, seen, listed = b"", Seen(), 0
    if draft.radius_id is None:
        raise NotFound("radius")
    while True:
        with parts.database.read() as connection:
            page = radius.customers(connection, draft.radius_id, after, _BATCH)
            ids = [one.record_id for one in page]
            told = notice_recipients.told_before(connection, draft.incident_id, ids)
            # A drill's customers are in no table of ours but their own.
            there = set(ids) if Channel.SINK in draft.channels else contacts.customers_left(connection, ids)
            had = contacts.present(connection, ids, draft.contacts_at)
        if not page:
            break
        after = page[-1].record_id
        new = [
            _recipient(draft, one, had.get(one.record_id, set()), now, there, post_if_leaked=post_if_leaked)
            for one in page
            if one.record_id not in told
        ]
        for one in page:
            if one.record_id not in told:
                seen.clear.update(one.clear)
                seen.masked.update(one.masked)
        listed += len(new)
        with unit_of_work(parts.database) as work:
            notice_recipients.add(work.connection, draft.campaign_id, new)
            work.commit()
    if not listed:
        raise InvalidValue("nobody_to_tell", field="radius")
    return seen


def _recipient(
    draft: Campaign, one: Affected, had: set[str], now: datetime, there: set[bytes], *, post_if_leaked: bool
) -> Recipient:
    gone = one.destroyed or one.record_id not in there or one.record_class is not RecordClass.CUSTOMER
    channel = None if gone else _channel(draft, one, had, post_if_leaked=post_if_leaked)
    state = RecipientState.WAITING
    if channel is None:
        state = RecipientState.UNREACHABLE_DESTROYED if gone else RecipientState.UNREACHABLE
    settled = now if state in _SETTLED_AT_ONCE else None
    return Recipient(one.record_id, channel, state, new_id(), next_try_at=None if settled else now, settled_at=settled)


def _channel(draft: Campaign, one: Affected, had: set[str], *, post_if_leaked: bool) -> Channel | None:
    if Channel.SINK in draft.channels:
        return Channel.SINK
    first = way(had, draft.channels)
    if not post_if_leaked or Channel.LETTER not in draft.channels:
        return first
    # Whoever got hold of an address may write there too: another way first, the letter if there is none.
    safe = [each for each in draft.channels if each is Channel.LETTER or not _leaked(each, one)]
    return way(had, safe) or first


def _leaked(channel: Channel, one: Affected) -> bool:
    return any(f"customer.{name}" in one.clear for name in CONTACTS[channel])
