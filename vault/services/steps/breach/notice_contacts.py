"""Steps to a customer's contact as it was when the incident happened: opened just before sending, never kept.

First what will be opened is gathered and checked, then one event discloses all of it, then its receipt opens it.
A customer whose row does not fit is told apart and never stops the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.breach.breach_notices import CONTACTS, NAME, Channel, RecipientState
from vault.domain.ids import RecordClass
from vault.domain.log import Opened, Receipt
from vault.domain.plaintext import Plaintext
from vault.domain.records import FieldRef
from vault.errors import IntegrityError
from vault.services.steps.breach import drill_customers
from vault.services.steps.opening import announced, check, open_record
from vault.services.steps.parts import Parts
from vault.storage import records
from vault.storage.breach import contacts
from vault.storage.breach.breach_notices import Campaign
from vault.storage.records import StoredRecord

DESTROYED, NO_CONTACT, UNREADABLE = "destroyed", "no_contact", "unreadable"
"""Why there is nothing to open."""

INSTEAD = {
    DESTROYED: RecipientState.UNREACHABLE_DESTROYED,
    NO_CONTACT: RecipientState.UNREACHABLE,
    UNREADABLE: RecipientState.FAILED,
}
"""What is known then of a customer."""


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach one customer.

    Args:
        field: which of their contacts it is.
        address: telephone number, e-mail or postal address.
        name: theirs.
    """

    field: str
    address: Plaintext
    name: Plaintext | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an event will disclose.

    Args:
        found: by record id, with nothing but the contact and the name; sealed.
        wraps: their wrapped data keys.
        missing: why there is nothing to open of the others, by record id.
        drill: the customers of a drill, who are made up and open without a receipt.
    """

    found: Mapping[bytes, StoredRecord]
    wraps: Mapping[bytes, bytes]
    missing: Mapping[bytes, str]
    drill: Mapping[bytes, Contact] = field(default_factory=dict)

    def announced(self) -> tuple[Opened, ...]:
        """Return what the event says."""
        return tuple(announced(one, {ref.field for ref in one.sealed}) for one in self.found.values())


def gather(
    parts: Parts, connection: Connection, store: KeyStore, campaign: Campaign, wanted: Mapping[bytes, Channel]
) -> Gathered:
    """Gather the sealed contacts of some customers, as they were at the campaign's moment.

    Args:
        parts: the vault's parts.
        connection: an open connection.
        store: the key store in force.
        campaign: the campaign.
        wanted: by record id the way to reach them.
    """
    made_up = [record_id for record_id, channel in wanted.items() if channel is Channel.SINK]
    drill = _of_drill(parts, connection, campaign, made_up) if made_up else {}
    real = [record_id for record_id, channel in wanted.items() if channel is not Channel.SINK]
    stored, then = records.load(connection, real), contacts.sealed(connection, real, campaign.contacts_at)
    found: dict[bytes, StoredRecord] = {}
    missing = {record_id: DESTROYED for record_id in made_up if record_id not in drill}
    for record_id in real:
        one = stored.get(record_id)
        if one is None or one.meta.record_class is not RecordClass.CUSTOMER:
            missing[record_id] = DESTROYED
            continue
        place = _place(then.get(record_id, {}), wanted[record_id])
        try:
            check(store, one)
        except IntegrityError:
            missing[record_id] = UNREADABLE
            continue
        if place is None:
            missing[record_id] = NO_CONTACT
            continue
        sealed = {ref: value for ref, value in one.sealed.items() if ref.field == NAME}
        sealed[place] = then[record_id][place]
        found[record_id] = StoredRecord(one.meta, one.mac, sealed)
    wraps = records.wraps(connection, [one.meta for one in found.values()])
    return Gathered(found, wraps, missing, drill)


def opened(store: KeyStore, receipt: Receipt, gathered: Gathered, record_id: bytes) -> Contact:
    """Open one gathered customer.

    Args:
        store: the key store in force.
        receipt: of the event that disclosed all that was gathered.
        gathered: it.
        record_id: one of those that were found.

    Raises:
        IntegrityError: something does not fit.
    """
    if record_id in gathered.drill:
        return gathered.drill[record_id]
    one = gathered.found[record_id]
    values = open_record(store, receipt, one, gathered.wraps.get(record_id), {ref.field for ref in one.sealed})
    name = next((value for ref, value in values.items() if ref.field == NAME), None)
    place = next(ref for ref in values if ref.field != NAME)
    return Contact(place.field, values[place], name)


def way(present: set[str], channels: Sequence[Channel]) -> Channel | None:
    """Return the first channel for which a customer has a contact; None where there is none."""
    return next((one for one in channels if present.intersection(CONTACTS.get(one, ()))), None)


def _place(then: Mapping[FieldRef, bytes], channel: Channel) -> FieldRef | None:
    """Return which value reaches somebody: the first field of the channel, and of several values the first."""
    for name in CONTACTS[channel]:
        places = sorted(ref for ref in then if ref.field == name)
        if places:
            return places[0]
    return None


def _of_drill(
    parts: Parts, connection: Connection, campaign: Campaign, record_ids: Sequence[bytes]
) -> dict[bytes, Contact]:
    found = drill_customers.opened(parts, connection, campaign.incident_id, record_ids)
    return {record_id: Contact("email", one["email"], one.get(NAME)) for record_id, one in found.items()}
