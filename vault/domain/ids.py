"""Random ids, and the closed lists of names that the rest of the house speaks in.

Every id of a record, case, account, event or cohort key is 16 random bytes made before the row exists, so
that ciphertexts can be bound to it. Ids tell nothing about the thing they name.
"""

from __future__ import annotations

import secrets
from enum import StrEnum

ID_BYTES = 16


def new_id() -> bytes:
    """Return a fresh random id of 16 bytes."""
    return secrets.token_bytes(ID_BYTES)


class RecordClass(StrEnum):
    """What kinds of record the vault keeps (IM-01…IM-03, ID-01); ``request`` is internal and lives 7 days at most."""

    CUSTOMER = "customer"
    SHIPMENT = "shipment"
    SERVICE_RECORD = "service_record"
    ID_COPY = "id_copy"
    REQUEST = "request"


class Role(StrEnum):
    """Who a person is to the vault."""

    AGENT = "agent"
    COMPLAINT_SPECIALIST = "complaint_specialist"
    SUPERVISOR = "supervisor"
    QUALITY_INSPECTOR = "quality_inspector"
    IMD = "imd"
    AUDITOR = "auditor"
    ADMIN = "admin"
