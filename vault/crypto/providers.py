"""Where the root key comes from: a file or a passphrase today, a hardware module later.

The root key never leaves this module. It seals the key store by way of :meth:`RootKey.cipher`, which a PKCS#11
module can do inside itself (CKM_HKDF_DERIVE with the epoch secret as salt).

Key file: 64 hexadecimal digits and a newline, so that it can be kept on paper.
Passphrase file: one line, a PHC string without the hash, ``$argon2id$v=19$m=65536,t=3,p=4$<salt>`` with the salt
in Base64 without padding; m is in KiB.
"""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from vault.crypto.masked import Masked
from vault.crypto.private_files import create_private, read_private
from vault.crypto.suites import KEY_BYTES, Aead, Suite
from vault.errors import KeyStoreError

PASSPHRASE_CHARACTERS = 15
"""Least length of a new passphrase (NIST SP 800-63B-4: 15 where a password is the only factor)."""

_SALT_BYTES = 16
_KEY_FILE_BYTES = 2 * KEY_BYTES + 1
_PARAMETER_FILE_BYTES = 200
_PARAMETERS = re.compile(r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\n?")
_KEY = re.compile(rb"[0-9a-fA-F]{64}")


class RootKey(Masked):
    """The root key at work; its bytes are not given out.

    Args:
        secret: 32 uniformly random bytes.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def cipher(self, suite: Suite, epoch_secret: bytes, info: bytes) -> Aead:
        """Make the cipher that needs both this key and the epoch secret.

        Args:
            suite: the suite of what is sealed.
            epoch_secret: 32 random bytes kept apart from what is sealed.
            info: what the cipher is for.

        Returns:
            The suite's cipher under HKDF(root key, salt = epoch secret, info).
        """
        return suite.aead(suite.derive_salted(self._secret, epoch_secret, info))


class RootKeyProvider(Protocol):
    """A place that holds the root key."""

    @property
    def name(self) -> str:
        """The provider's id in the settings."""

    def create(self) -> None:
        """Make a new root key; refuse if anything is there already."""

    def root_key(self) -> RootKey:
        """Return the root key, or refuse with the reason."""


class FileProvider:
    """A root key in a file of mode 0600.

    Args:
        path: the key file; keep it off the disk that holds the database's backups.
    """

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Write a new random key.

        Raises:
            KeyStoreError: ``key_exists``, ``key_too_open`` or ``key_unwritable``.
        """
        create_private(self._path, "key", secrets.token_hex(KEY_BYTES).encode() + b"\n")

    def root_key(self) -> RootKey:
        """Read the key, each time anew.

        Raises:
            KeyStoreError: ``key_missing``, ``key_empty``, ``key_too_open``, ``key_unreadable``, ``key_wrong_length``
                or ``key_not_hexadecimal``.
        """
        text = read_private(self._path, "key", _KEY_FILE_BYTES).removesuffix(b"\n")
        if len(text) != 2 * KEY_BYTES:
            raise KeyStoreError("key_wrong_length" if text else "key_empty", path=str(self._path))
        if not _KEY.fullmatch(text):
            raise KeyStoreError("key_not_hexadecimal", path=str(self._path))
        return RootKey(bytes.fromhex(text.decode()))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at a passphrase costs (Argon2id, RFC 9106).

    Args:
        memory: KiB.
        iterations: passes over the memory.
        lanes: threads.
    """

    memory: int
    iterations: int
    lanes: int


COST = Cost(memory=64 * 1024, iterations=3, lanes=4)
"""RFC 9106 §4, second recommended option; 0.15 to 0.25 s on two cores, once for each process."""
LEAST = Cost(memory=19 * 1024, iterations=1, lanes=1)
MOST = Cost(memory=1024 * 1024, iterations=16, lanes=16)
"""Bounds of what is read from a file: below them a guess is cheap, above them a start hangs."""


def stretch(passphrase: bytes, salt: bytes, cost: Cost) -> bytes:
    """Turn a passphrase into 32 bytes (Argon2id version 1.3, RFC 9106)."""
    return Argon2id(
        salt=salt, length=KEY_BYTES, iterations=cost.iterations, lanes=cost.lanes, memory_cost=cost.memory
    ).derive(passphrase)


class PassphraseProvider:
    """A root key made from a passphrase, which is asked for once in a process.

    Args:
        path: the file with salt and cost; not secret, but lost with it is the key.
        read_passphrase: returns what the operator typed, without the end of the line.
    """

    name = "passphrase"

    def __init__(self, path: Path, read_passphrase: Callable[[], str]) -> None:
        self._path = path
        self._read = read_passphrase
        self._key: RootKey | None = None

    def create(self) -> None:
        """Ask for a new passphrase twice and write a new salt.

        Raises:
            KeyStoreError: ``passphrase_empty``, ``passphrase_not_text``, ``passphrase_too_short`` or
                ``passphrases_differ`` (nothing is written); ``key_exists``, ``key_too_open`` or ``key_unwritable``.
        """
        passphrase = self._passphrase()
        if len(passphrase) < PASSPHRASE_CHARACTERS:
            raise KeyStoreError("passphrase_too_short", least=PASSPHRASE_CHARACTERS)
        if passphrase != self._passphrase():
            raise KeyStoreError("passphrases_differ")
        salt = secrets.token_bytes(_SALT_BYTES)
        written = base64.b64encode(salt).rstrip(b"=").decode()
        line = f"$argon2id$v=19$m={COST.memory},t={COST.iterations},p={COST.lanes}${written}\n"
        create_private(self._path, "key", line.encode())
        self._key = RootKey(stretch(passphrase.encode(), salt, COST))

    def root_key(self) -> RootKey:
        """Ask for the passphrase and derive the key; later calls return the same one.

        A wrong passphrase gives a wrong key: it is the key store that refuses it (``key_wrong``).

        Raises:
            KeyStoreError: ``key_missing``, ``key_empty``, ``key_too_open``, ``key_unreadable``, ``key_wrong_length``,
                ``key_parameters_malformed``, ``key_parameters_out_of_bounds``, ``passphrase_empty`` or
                ``passphrase_not_text``.
        """
        if self._key is None:
            salt, cost = self._parameters()
            self._key = RootKey(stretch(self._passphrase().encode(), salt, cost))
        return self._key

    def _passphrase(self) -> str:
        # SP 800-63B-4: the same characters typed on another keyboard must give the same bytes.
        passphrase = unicodedata.normalize("NFKC", self._read())
        if not passphrase.strip():
            raise KeyStoreError("passphrase_empty")
        if not passphrase.isprintable():
            # Also refuses what a terminal with another encoding hands over, which has no UTF-8 form.
            raise KeyStoreError("passphrase_not_text")
        return passphrase

    def _parameters(self) -> tuple[bytes, Cost]:
        text = read_private(self._path, "key", _PARAMETER_FILE_BYTES).decode("ascii", "replace")
        match = _PARAMETERS.fullmatch(text)
        if match is None:
            raise KeyStoreError("key_parameters_malformed", path=str(self._path))
        memory, iterations, lanes = (int(match[at]) for at in (1, 2, 3))
        if not (
            LEAST.memory <= memory <= MOST.memory
            and LEAST.iterations <= iterations <= MOST.iterations
            and LEAST.lanes <= lanes <= MOST.lanes
        ):
            raise KeyStoreError("key_parameters_out_of_bounds", path=str(self._path))
        return base64.b64decode(match[4] + "=="), Cost(memory, iterations, lanes)
