"""Steps of opening the contacts of a released campaign: who may, and one event for all that one act opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from vault.domain.breach.breach_notices import BREACH_NOTICE, CampaignState, Channel
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Event, Outcome, Receipt
from vault.domain.people import Person
from vault.domain.rules.access import Right, View
from vault.errors import AccessRefused, AlreadyDecided, IntegrityError
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import notice_contacts, noticing
from vault.services.steps.breach.notice_contacts import Contact
from vault.services.steps.parts import Parts
from vault.storage.breach.breach_notices import Campaign


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What one event opened.

    Args:
        event_id: the event.
        contacts: by record id.
        missing: why there is nothing to open of the others.
    """

    event_id: bytes
    contacts: Mapping[bytes, Contact]
    missing: Mapping[bytes, str]


def caller(parts: Parts, person: Person, incident_id: bytes, now: datetime) -> None:
    """Let only those call customers who may read incidents and whose role may see a telephone number for it.

    Raises:
        AccessRefused: ``no_right``; logged.
    """
    steps.viewer(parts, person, now, incident_id)
    view = parts.policy.view(RecordClass.CUSTOMER, "phone", person.role, BREACH_NOTICE)
    works = any(parts.policy.allows(person.role, right) for right in (Right.INCIDENT, Right.SUPERVISE))
    if view is not View.REVEAL or not works:
        refused = parts.event(
            now, person.actor(), Action.NOTICE_CONTACTS, Outcome.REFUSED, rule="no_right", incident=incident_id.hex()
        )
        parts.log_writer.write(refused)
        raise AccessRefused("no_right")


def released(connection: Connection, incident_id: bytes, campaign_id: bytes) -> Campaign:
    """Return a campaign of an open incident that two officers released.

    Raises:
        AlreadyDecided: ``incident_closed``; ``notice_not_released``.
        NotFound: there is none.
    """
    campaign = noticing.campaign_of(connection, incident_id, campaign_id)
    if steps.matter(connection, incident_id).is_closed:
        raise AlreadyDecided("incident_closed")
    if campaign.state is not CampaignState.RELEASED:
        raise AlreadyDecided("notice_not_released")
    return campaign


def disclose(
    parts: Parts,
    actor: Actor,
    campaign: Campaign,
    wanted: Mapping[bytes, Channel],
    now: datetime,
    write: Callable[[Event], Receipt] | None = None,
) -> Disclosed:
    """Open contacts, once the event that says so is durable.

    Args:
        parts: the vault's parts.
        actor: for whom.
        campaign: the campaign.
        wanted: by record id the way to reach them.
        now: UTC.
        write: makes the event durable and counts it as well; None where nothing is counted.

    Raises:
        LogUnavailable: the event could not be made durable; nothing was opened.
    """
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        gathered = notice_contacts.gather(parts, connection, store, campaign, wanted)
    opened, missing = gathered.announced(), dict(gathered.missing)
    channel = next(iter(wanted.values())).value if wanted else ""
    event = noticing.event(
        parts,
        now,
        actor,
        Action.NOTICE_CONTACTS,
        campaign,
        opened,
        Outcome.GRANTED,
        channel=channel,
        count=len(opened),
    )
    receipt = (write or parts.log_writer.write)(event)
    found: dict[bytes, Contact] = dict(gathered.drill)
    for record_id in gathered.found:
        try:
            found[record_id] = notice_contacts.opened(store, receipt, gathered, record_id)
        except IntegrityError:
            missing[record_id] = notice_contacts.UNREADABLE
    unreadable = tuple(one for one in opened if one.record_id in missing)
    if unreadable:
        failed = parts.event(
            now, actor, Action.INTEGRITY_FAILURE, Outcome.FAILED, opened=unreadable, reason="unreadable"
        )
        parts.log_writer.write(failed)
    return Disclosed(event.event_id, found, missing)
