"""Steps to setting a frozen radius aside: what was asked, so that whoever confirms it confirms just that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from vault.crypto.key_store import KeyStore
from vault.domain.log import micros_text
from vault.storage.breach.radius import FrozenRadius

REASON = "reason"
"""Name under which it is sealed with the people key why a radius is to be set aside."""


@dataclass(frozen=True, slots=True)
class Aside:
    """What was asked of a radius.

    Args:
        reason: why it was frozen by mistake, as it was typed.
        digest: of reason, who asked and when; in hexadecimal digits. Empty where one person did it alone.
    """

    reason: str
    digest: str


def aside_of(store: KeyStore, one: FrozenRadius) -> Aside | None:
    """Return what was asked of a radius; None where nobody said that it was frozen by mistake.

    Args:
        store: the key store in force.
        one: a frozen radius.

    Raises:
        IntegrityError: the reason was not sealed for this radius.
    """
    if one.sealed_reason is None:
        return None
    reason = store.open_person(one.radius_id, REASON, one.sealed_reason).disclose()
    if one.aside_asked_at is None:
        return Aside(reason, "")
    asked = [one.radius_id.hex(), one.aside_asked_by, micros_text(one.aside_asked_at), reason]
    digest = hashlib.sha256(json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
    return Aside(reason, digest)
