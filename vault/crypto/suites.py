"""The fixed registry of cipher suites; a suite is a property of a cohort and is never negotiated.

Suite 1 is AES-256-GCM with HMAC-SHA-256 and HKDF-SHA-256. Number 2 is kept for SM4-GCM with HMAC-SM3
(GB/T 32907, GB/T 32905). Every sealed value names its suite in its second byte and binds it as associated data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from vault.errors import IntegrityError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class Aead(Protocol):
    """Authenticated encryption with associated data; a nonce must never repeat under one key."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the clear bytes, or raise InvalidTag."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite.

    Args:
        number: the byte that stands in each sealed value.
        name: for status pages and certificates.
        aead: makes the cipher of a 32-byte key.
        prf: makes a keyed hash of a 32-byte key, ready to be copied for each value (half the time of ``hmac``).
    """

    number: int
    name: str
    aead: Callable[[bytes], Aead]
    prf: Callable[[bytes], HMAC]

    def derive(self, secret: bytes, info: bytes) -> bytes:
        """Derive a 32-byte key from a uniformly random secret (HKDF-Expand, RFC 5869 §2.3)."""
        return HKDFExpand(algorithm=hashes.SHA256(), length=KEY_BYTES, info=info).derive(secret)

    def derive_salted(self, secret: bytes, salt: bytes, info: bytes) -> bytes:
        """Derive a 32-byte key from two secrets, both of which are needed (HKDF, RFC 5869)."""
        return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(secret)


AES_256_GCM = Suite(
    number=1,
    name="AES-256-GCM+HMAC-SHA-256",
    aead=AESGCM,
    prf=lambda key: HMAC(key, hashes.SHA256()),
)

SUITES = {AES_256_GCM.number: AES_256_GCM}


def suite_of(number: int) -> Suite:
    """Return the suite with this number.

    Raises:
        IntegrityError: the number is not in the registry.
    """
    suite = SUITES.get(number)
    if suite is None:
        raise IntegrityError("unreadable")
    return suite
