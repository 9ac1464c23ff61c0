"""A record's metadata: everything a decision may rest on, and the bytes its MAC is made over.

Contents live apart, sealed field by field. The metadata is readable in the database, so it carries a MAC
under its cohort's metadata key and is checked at every decision (architecture, mechanism 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from vault.domain.encoding import prefixed
from vault.domain.ids import RecordClass
from vault.domain.retention import is_restricted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return an aware time as whole microseconds since 1970-01-01T00:00:00Z, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC time that lies ``micros`` microseconds after 1970-01-01T00:00:00Z."""
    return _EPOCH + timedelta(microseconds=micros)


class RecordState(StrEnum):
    """Whether a record's subject is still being worked on; only service records are ever ``open``."""

    SETTLED = "settled"
    OPEN = "open"


class LinkRole(StrEnum):
    """What the linked record is to this one."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    CUSTOMER = "customer"
    SHIPMENT = "shipment"


class FieldRef(NamedTuple):
    """One stored field value: its name, its ordinal among several, and how often it has been replaced."""

    field: str
    ordinal: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class RecordMeta:
    """The metadata of one record.

    Args:
        record_id: 16 random bytes.
        record_class: its class.
        cohort_id: the random id of the cohort key that wraps its data key.
        owner: account id of the agent who owns the customer (归属客服), or who handles the service record.
        outlet: the outlet's code.
        kind: for service records: consultation, complaint, callback or rating; else empty.
        state: open while a consultation or complaint is being handled.
        held: under legal hold.
        activity_at: last activity, sign-off or service end, from which the expiry is computed.
        expires_at: the second from which the record is restricted; None while open.
        links: linked records as (role, record id), sorted.
        fields: the current field values, sorted.
    """

    record_id: bytes
    record_class: RecordClass
    cohort_id: bytes
    owner: bytes | None
    outlet: str
    kind: str
    state: RecordState
    held: bool
    activity_at: datetime
    expires_at: datetime | None
    links: tuple[tuple[LinkRole, bytes], ...] = ()
    fields: tuple[FieldRef, ...] = ()

    def mac_input(self, vault_id: bytes) -> bytes:
        """Return the bytes that the metadata MAC covers (docs/formats.md, "Metadata MAC")."""
        # In four pieces, two of them cached: pieces of a length-prefixed list join to the whole list.
        expires = b"%d" % to_micros(self.expires_at) if self.expires_at else b""
        links = b"" if not self.links else prefixed([part for role, to in self.links for part in (role.encode(), to)])
        return (
            _mac_head(vault_id, self.cohort_id, self.record_class)
            + prefixed((self.record_id, self.owner or b""))
            + _mac_words(self.outlet, self.kind, self.state, self.held)
            + prefixed((b"%d" % to_micros(self.activity_at), expires, links, field_list_bytes(self.fields)))
        )

    def restricted(self, now: datetime) -> bool:
        """Return whether the record is past its expiry: nobody may find or open it, also where a hold keeps it."""
        return is_restricted(self.expires_at, now)

    def linked(self, role: LinkRole) -> bytes | None:
        """Return the id of the record linked in this role, if there is one."""
        return next((record_id for link_role, record_id in self.links if link_role is role), None)

    def with_activity(self, at: datetime, expires_at: datetime) -> RecordMeta:
        """Return the metadata after later activity; the cohort stays, because its end date is a lower bound."""
        return replace(self, activity_at=at, expires_at=expires_at)

    def with_owner(self, owner: bytes | None) -> RecordMeta:
        """Return the metadata after the record was given to another owner, or to the pool (None)."""
        return replace(self, owner=owner)

    def with_fields(self, fields: tuple[FieldRef, ...]) -> RecordMeta:
        """Return the same metadata over another list of current field values."""
        return replace(self, fields=fields)


@lru_cache(maxsize=512)
def field_list_bytes(fields: tuple[FieldRef, ...]) -> bytes:
    """Encode a list of field references; cached, because most records of a class hold the same list."""
    return prefixed(
        [part for ref in fields for part in (ref.field.encode(), b"%d" % ref.ordinal, b"%d" % ref.generation)]
    )


@lru_cache(maxsize=512)
def _mac_head(vault_id: bytes, cohort_id: bytes, record_class: RecordClass) -> bytes:
    return prefixed((b"datavault/meta/1", vault_id, cohort_id, record_class.encode()))


@lru_cache(maxsize=4096)
def _mac_words(outlet: str, kind: str, state: RecordState, held: bool) -> bytes:  # noqa: FBT001 - a cache key, not a switch
    return prefixed((outlet.encode(), kind.encode(), state.encode(), b"1" if held else b"0"))
