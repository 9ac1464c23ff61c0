"""Password hashing: Argon2id from ``cryptography``, as PHC strings (RFC 9106)."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from vault.domain.passwords import exact

_KIBIBYTES = 19_456  # with two passes and one lane: OWASP's first choice for log-ins
_PASSES, _LANES = 2, 1
_TODAY = f"$argon2id$v=19$m={_KIBIBYTES},t={_PASSES},p={_LANES}$"


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


def is_of_today(phc: str) -> bool:
    """Return whether a hash was made with the parameters in use now; another one is replaced at the next sign-in."""
    return phc.startswith(_TODAY)


def waste_time(password: str) -> None:
    """Do the work of one verification without an account, so that unknown and wrong take equally long."""
    _argon2id(bytes(16)).derive(_bytes(password))


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_KIBIBYTES)


def _bytes(password: str) -> bytes:
    return exact(password).encode()
