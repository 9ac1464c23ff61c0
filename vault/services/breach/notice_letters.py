"""Letters of a breach: printed page by page, each page a disclosure of its own, and said to be posted afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.breach_notices import Channel, Letter, RecipientState
from vault.domain.ids import RecordClass, new_id
from vault.domain.log import Action, Opened
from vault.domain.people import Person
from vault.errors import AlreadyDecided, InvalidValue, VaultError
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import notice_disclosing, noticing
from vault.services.steps.breach.notice_contacts import INSTEAD
from vault.services.steps.parts import Parts
from vault.storage.breach import notice_papers, notice_recipients
from vault.storage.breach.breach_notices import Campaign
from vault.storage.unit_of_work import UnitOfWork, unit_of_work


@dataclass(frozen=True, slots=True)
class PrintedLetter:
    """One letter to print.

    Args:
        record_id: the customer.
        name: theirs, as the envelope needs it.
        address: theirs, when the incident happened.
        said: by language.
    """

    record_id: bytes
    name: str
    address: str
    said: Mapping[str, Letter]


def printed(
    parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, now: datetime, *, again: bool = False
) -> Sequence[PrintedLetter]:
    """Make the next page of letters, once the opening of their addresses is durable in the log.

    Each letter is handed out once, so that two officers who print at the same time post none twice. They stay on the
    list until :func:`posted` says that they went out; a page that got lost is made again by asking for it.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        campaign_id: a released campaign.
        now: UTC.
        again: make letters that were handed out and are not posted, the earliest first, instead of new ones.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_not_released``.
        LogUnavailable: it could not be logged; nothing was opened.
        NotFound: there is no such campaign.
    """
    steps.officer(parts, person, Action.NOTICE_POSTED, now, incident_id)
    with parts.database.read() as connection:
        incident = steps.matter(connection, incident_id)
        campaign = notice_disclosing.released(connection, incident_id, campaign_id)
        texts = noticing.texts_of(parts.keys.current(connection), campaign)
    worker = new_id()
    with unit_of_work(parts.database) as work:
        most = parts.policy.breach_notices.letters
        if again:
            page = notice_papers.hand_out_again(work.connection, campaign_id, worker, most, now)
        else:
            new = notice_recipients.set_aside(work.connection, campaign_id, Channel.LETTER, worker, most, now, None)
            page = [one.record_id for one in new]
        work.commit()
    if not page:
        return []
    wanted = dict.fromkeys(page, Channel.LETTER)
    try:
        done = notice_disclosing.disclose(parts, person.actor(), campaign, wanted, now)
    except VaultError:
        if not again:  # nobody has seen them
            with unit_of_work(parts.database) as work:
                notice_recipients.put_back(work.connection, campaign_id, worker)
                work.commit()
        raise
    _take_out(parts, campaign_id, done.missing, now)
    letters = []
    for record_id, contact in done.contacts.items():
        name = contact.name.disclose() if contact.name else ""
        masked = noticing.masked_name(parts.policy, name)
        said = noticing.written(parts.policy, incident, texts, masked, campaign.released_at or now)
        letters.append(PrintedLetter(record_id, name, contact.address.disclose(), said))
    return letters


def posted(
    parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, record_ids: Sequence[bytes], now: datetime
) -> int:
    """Say that letters went out that were printed; returns how many were still waiting for it.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_not_released``; ``notice_moved_on``: none of them was printed and
            still waits.
        InvalidValue: ``too_many_records``: more than one page.
        NotFound: there is no such campaign.
    """
    steps.officer(parts, person, Action.NOTICE_POSTED, now, incident_id)
    most = parts.policy.breach_notices.letters
    if len(record_ids) > most:
        raise InvalidValue("too_many_records", field="records", most=most)
    with unit_of_work(parts.database) as work:
        campaign = notice_disclosing.released(work.connection, incident_id, campaign_id)
        printed_ids = set(notice_papers.handed_out_ids(work.connection, campaign_id))
        ids = [one for one in record_ids if one in printed_ids]
        moved = _note_posted(parts, work, person, campaign, ids, now)
        if not moved:
            raise AlreadyDecided("notice_moved_on")
        work.commit()
    return moved


def all_posted(
    parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, printed_count: int, now: datetime
) -> int:
    """Say that all letters went out that were printed and not noted yet, whoever printed them; returns how many.

    Args:
        parts: the vault's parts.
        person: an officer.
        incident_id: the incident.
        campaign_id: a released campaign.
        printed_count: how many they are, as the officer read it: letters that were printed meanwhile are not in the
            post.
        now: UTC.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``; ``notice_not_released``; ``notice_moved_on``: they are others by now.
        NotFound: there is no such campaign.
    """
    steps.officer(parts, person, Action.NOTICE_POSTED, now, incident_id)
    most = parts.policy.breach_notices.letters
    with unit_of_work(parts.database) as work:
        campaign = notice_disclosing.released(work.connection, incident_id, campaign_id)
        ids = notice_papers.handed_out_ids(work.connection, campaign_id)
    if not ids or len(ids) != printed_count:
        raise AlreadyDecided("notice_moved_on")
    moved = 0
    for start in range(0, len(ids), most):  # page by page, so that nobody waits for a thousand letters
        with unit_of_work(parts.database) as work:
            moved += _note_posted(parts, work, person, campaign, ids[start : start + most], now)
            work.commit()
    return moved


def _note_posted(
    parts: Parts, work: UnitOfWork, person: Person, campaign: Campaign, record_ids: Sequence[bytes], now: datetime
) -> int:
    """Note the letters of a page that still wait for it as posted, with an event; returns how many."""
    values = {"state": RecipientState.POSTED.value, "settled_at": now, "next_try_at": None, "worker": None}
    moved = [
        one
        for one in dict.fromkeys(record_ids)
        if notice_recipients.move(
            work.connection, campaign.campaign_id, one, [RecipientState.WAITING], values, channel=Channel.LETTER.value
        )
    ]
    if moved:
        about = tuple(Opened(one, RecordClass.CUSTOMER.value, ()) for one in moved)
        event = noticing.event(parts, now, person.actor(), Action.NOTICE_POSTED, campaign, about, count=len(moved))
        steps.enter(parts, work, campaign.incident_id, event)
    return len(moved)


def _take_out(parts: Parts, campaign_id: bytes, missing: Mapping[bytes, str], now: datetime) -> None:
    """Take those off the list of letters of whom there is nothing to open any more."""
    if not missing:
        return
    with unit_of_work(parts.database) as work:
        for record_id, why in missing.items():
            values = {"state": INSTEAD[why].value, "reason": why, "settled_at": now, "next_try_at": None}
            notice_recipients.move(work.connection, campaign_id, record_id, [RecipientState.WAITING], values)
        work.commit()
