"""Password hashing: Argon2id from ``cryptography``, as PHC strings (RFC 9106)."""

from __future__ import annotations

import os
import unicodedata

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

_KIBIBYTES = 19_456  # with two passes and one lane: OWASP's first choice for log-ins


def hash_password(password: str) -> str:
    """Hash a password as typed (NFC, never truncated).

    Args:
        password: what the person typed.

    Returns:
        A PHC string that carries its own salt and cost.
    """
    return _argon2id(os.urandom(16)).derive_phc_encoded(_bytes(password))


def password_matches(password: str, phc: str) -> bool:
    """Return whether this is the password; takes as long as hashing it."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password), phc)
    except (InvalidKey, ValueError):
        return False
    return True


def waste_time(password: str) -> None:
    """Do the work of one verification without an account, so that unknown and wrong take equally long."""
    _argon2id(bytes(16)).derive(_bytes(password))


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=_KIBIBYTES)


def _bytes(password: str) -> bytes:
    # NFC, so that the same characters typed on another keyboard or system give the same bytes.
    return unicodedata.normalize("NFC", password).encode()
