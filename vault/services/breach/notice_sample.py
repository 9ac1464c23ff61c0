"""One notice as a customer will get it, to be looked at before it is released: a logged opening of one contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vault.domain.breach.breach_notices import Channel, Letter, RecipientState
from vault.domain.ids import RecordClass
from vault.domain.log import Action
from vault.domain.masks import mask
from vault.domain.people import Person
from vault.errors import AlreadyDecided
from vault.services.steps.breach import incidents as steps
from vault.services.steps.breach import notice_disclosing, noticing
from vault.services.steps.parts import Parts
from vault.storage.breach import notice_recipients


@dataclass(frozen=True, slots=True)
class Sample:
    """One notice.

    Args:
        channel: how it goes out.
        field: which contact is used.
        contact: it, masked.
        said: by language.
    """

    channel: Channel
    field: str
    contact: str
    said: Mapping[str, Letter]


def sample(parts: Parts, person: Person, incident_id: bytes, campaign_id: bytes, now: datetime) -> Sample | None:
    """Open one customer who waits, and show what they will be told and, masked, where; None when nobody waits.

    Raises:
        AccessRefused: ``no_right``; logged.
        AlreadyDecided: ``incident_closed``.
        LogUnavailable: it could not be logged; nothing was opened.
        NotFound: there is no such campaign.
    """
    steps.officer(parts, person, Action.NOTICE_CONTACTS, now, incident_id)
    with parts.database.read() as connection:
        incident = steps.matter(connection, incident_id)
        campaign = noticing.campaign_of(connection, incident_id, campaign_id)
        if incident.is_closed:
            raise AlreadyDecided("incident_closed")
        texts = noticing.texts_of(parts.keys.current(connection), campaign)
        page = notice_recipients.page(connection, campaign_id, b"", 1, [RecipientState.WAITING])
    if not page or page[0].channel is None:
        return None
    record_id, channel = page[0].record_id, page[0].channel
    done = notice_disclosing.disclose(parts, person.actor(), campaign, {record_id: channel}, now)
    contact = done.contacts.get(record_id)
    if contact is None:
        return None
    name = noticing.masked_name(parts.policy, contact.name.disclose() if contact.name else "")
    said = noticing.written(parts.policy, incident, texts, name, campaign.released_at or now)
    shown = mask(parts.policy.masks.of(RecordClass.CUSTOMER, contact.field), contact.address.disclose())
    return Sample(channel, contact.field, shown, said)
