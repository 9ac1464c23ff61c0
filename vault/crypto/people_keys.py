"""The people key at work: what the vault must keep of its own staff, sealed for as long as they have an account.

Sealed value: the layout of :mod:`vault.crypto.cohort_keys`. Its associated data binds vault, account and field.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag

from vault.crypto.masked import Masked
from vault.crypto.suites import NONCE_BYTES, Suite
from vault.domain.encoding import prefixed
from vault.domain.plaintext import Plaintext
from vault.errors import IntegrityError

LAYOUT = 1
_HEAD_BYTES = 2 + NONCE_BYTES


class PeopleKeys(Masked):
    """Seals and opens the personal fields of accounts.

    Args:
        vault_id: the vault the key belongs to.
        suite: the cipher suite.
        secret: 32 random bytes.
    """

    __slots__ = ("_cipher", "_head", "_vault_id")

    def __init__(self, vault_id: bytes, suite: Suite, secret: bytes) -> None:
        self._vault_id = vault_id
        self._head = bytes((LAYOUT, suite.number))
        self._cipher = suite.aead(suite.derive(secret, prefixed((b"datavault/people/1", vault_id))))

    def seal(self, account_id: bytes, field: str, value: str) -> bytes:
        """Seal one field of one account."""
        nonce = os.urandom(NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, value.encode(), self._aad(account_id, field))

    def open(self, account_id: bytes, field: str, sealed: bytes) -> Plaintext:
        """Open one field of one account.

        Raises:
            IntegrityError: it was not sealed for this very field; one reason for every cause.
        """
        if sealed[:2] != self._head:
            raise IntegrityError("unreadable")
        nonce, rest = sealed[2:_HEAD_BYTES], sealed[_HEAD_BYTES:]
        try:
            return Plaintext(self._cipher.decrypt(nonce, rest, self._aad(account_id, field)).decode())
        except (InvalidTag, ValueError):
            raise IntegrityError("unreadable") from None

    def _aad(self, account_id: bytes, field: str) -> bytes:
        return prefixed((b"datavault/person/1", self._vault_id, account_id, field.encode(), self._head))
