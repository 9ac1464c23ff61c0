"""The call list of a breach: who must be called, one number at a time, ticked off; and what is done about doubts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from vault.domain.breach.breach_notices import CallOutcome, Channel, DoubtDecision, RecipientState
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Opened
from vault.domain.people import Person
from vault.domain.plaintext import Plaintext
from vault.errors import AlreadyDecided, InvalidValue, NotFound
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import notice_disclosing, noticing
from vault.services.steps.limits import write_call
from vault.services.steps.parts import Parts
from vault.storage.breach import notice_recipients
from vault.storage.breach.notice_recipients import Recipient
from vault.storage.unit_of_work import unit_of_work

PAGE = 50
_MOST_AT_ONCE = 1_000
_LISTED = (RecipientState.WAITING, RecipientState.FAILED, RecipientState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ToCall:
    """One customer to call, opened.

    Args:
        field: which of their contacts it is.
        number: it.
        name: theirs.
    """

    field: str
    number: Plaintext
    name: Plaintext | None


def listed(
    parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, now: datetime, after: bytes = b""
) -> Sequence[Recipient]:
    """List a page of customers who must be called, by random id: nothing is opened.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``notice_not_released``.
        NotFound: there is no such campaign.
    """
    notice_disclosing.caller(parts, person, incident_id, now)
    with parts.database.read() as connection:
        notice_disclosing.released(connection, incident_id, campaign_id)
        return notice_recipients.to_call(connection, campaign_id, after, PAGE)


def number(
    parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, record_id: bytes, now: datetime
) -> ToCall:
    """Show one customer's number, as it was when the incident happened, to who is about to call them.

    It counts as a reveal of theirs, for the warning and the alarm; no quota and no freeze of reveals stops it.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``notice_not_released``.
        LogUnavailable: it could not be logged; nothing was opened.
        NotFound: they are not on this list, or there is no number.
    """
    notice_disclosing.caller(parts, person, incident_id, now)
    with parts.database.read() as connection:
        campaign = notice_disclosing.released(connection, incident_id, campaign_id)
        recipient = notice_recipients.one(connection, campaign_id, record_id)
    if recipient is None or not notice_recipients.is_on_call_list(recipient):
        raise NotFound("record")
    channel = Channel.SINK if recipient.channel is Channel.SINK else Channel.CALL
    done = notice_disclosing.disclose(
        parts, person.actor(), campaign, {record_id: channel}, now, lambda event: write_call(parts, person, event, now)
    )
    with unit_of_work(parts.database) as work:
        notice_recipients.note_shown(work.connection, campaign_id, record_id, person.account_id)
        work.commit()
    contact = done.contacts.get(record_id)
    if contact is None:
        raise NotFound("record")
    return ToCall(contact.field, contact.address, contact.name)


def tick(
    parts: Parts,
    person: Person,
    incident_id: bytes,
    campaign_id: bytes,
    record_id: bytes,
    outcome: CallOutcome,
    now: datetime,
) -> RecipientState:
    """Say how a call went; who was not reached stays on the list until it was tried as often as the policy says.

    Args:
        parts: the vault's parts.
        person: who called.
        incident_id: the incident.
        campaign_id: the campaign.
        record_id: the customer.
        outcome: how it went.
        now: UTC.

    Returns:
        What is known of the customer now.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``notice_not_released``; ``notice_moved_on``: somebody else was faster.
        InvalidValue: ``number_not_shown``: of this notice, somebody else or nobody was shown the number last.
        NotFound: they are not on this list.
    """
    notice_disclosing.caller(parts, person, incident_id, now)
    with unit_of_work(parts.database) as work:
        campaign = notice_disclosing.released(work.connection, incident_id, campaign_id)
        recipient = notice_recipients.one(work.connection, campaign_id, record_id)
        if recipient is None:
            raise NotFound("record")
        if not notice_recipients.is_on_call_list(recipient):
            raise AlreadyDecided("notice_moved_on")
        if recipient.shown_to != person.account_id:
            raise InvalidValue("number_not_shown", field="outcome")
        state, values = _after(recipient, outcome, parts.policy.breach_notices.call_tries, now)
        if not notice_recipients.move(work.connection, campaign_id, record_id, _LISTED, values, calls=recipient.calls):
            raise AlreadyDecided("notice_moved_on")
        about = (Opened(record_id, RecordClass.CUSTOMER.value, ()),)
        event = noticing.event(
            parts, now, person.actor(), Action.NOTICE_CALLED, campaign, about, kind=outcome.value, to=state.value
        )
        notice_recipients.add_call(
            work.connection, event.event_id, campaign_id, record_id, person.account_id, now, outcome
        )
        # Not a line of the timeline each: thousands of calls would hide what was done. The log has them all.
        work.announce(event)
        work.commit()
    return state


def decide(
    parts: Parts,
    person: Person,
    incident_id: bytes,
    campaign_id: bytes,
    decision: DoubtDecision,
    now: datetime,
    record_id: bytes | None = None,
) -> int:
    """Decide on messages of which nobody knows whether they arrived: take them for arrived, or send them again.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        campaign_id: the campaign.
        decision: what is decided.
        now: UTC.
        record_id: one customer; None for up to 1,000 who are in doubt.

    Returns:
        Of how many it was decided.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``notice_not_released``; ``notice_moved_on``: nobody is in doubt any more.
        NotFound: there is no such campaign.
    """
    steps.officer(parts, person, Action.NOTICE_DECIDED, now, incident_id)
    values: dict[str, Any] = {"state": RecipientState.SENT.value, "reason": "decided", "settled_at": now}
    if decision is DoubtDecision.AGAIN:
        values = {"state": RecipientState.WAITING.value, "reason": "", "settled_at": None, "next_try_at": now}
    with unit_of_work(parts.database) as work:
        campaign = notice_disclosing.released(work.connection, incident_id, campaign_id)
        doubtful = [record_id] if record_id is not None else _doubtful(work.connection, campaign_id)
        moved = [
            one
            for one in doubtful
            if notice_recipients.move(
                work.connection, campaign_id, one, [RecipientState.UNKNOWN], values | {"worker": None}
            )
        ]
        if not moved:
            raise AlreadyDecided("notice_moved_on")
        about = tuple(Opened(one, RecordClass.CUSTOMER.value, ()) for one in moved)
        event = noticing.event(
            parts,
            now,
            person.actor(),
            Action.NOTICE_DECIDED,
            campaign,
            about,
            kind=decision.value,
            count=len(moved),
        )
        steps.enter(parts, work, incident_id, event)
        work.commit()
    return len(moved)


def _doubtful(connection: Connection, campaign_id: bytes) -> list[bytes]:
    page = notice_recipients.page(connection, campaign_id, b"", _MOST_AT_ONCE, [RecipientState.UNKNOWN])
    return [one.record_id for one in page]


def _after(
    recipient: Recipient, outcome: CallOutcome, most: int, now: datetime
) -> tuple[RecipientState, dict[str, Any]]:
    calls = recipient.calls + (outcome is CallOutcome.NOT_REACHED)
    if outcome is CallOutcome.REACHED:
        state, reason = RecipientState.CALLED, ""
    elif outcome is CallOutcome.WRONG_NUMBER or calls >= most:
        state, reason = RecipientState.UNREACHABLE, outcome.value
    else:
        return recipient.state, {"calls": calls}
    values = {"state": state.value, "calls": calls, "reason": reason, "settled_at": now, "next_try_at": None}
    return state, values | {"worker": None}  # whose doubt a run had left: the call has settled it, not the run
