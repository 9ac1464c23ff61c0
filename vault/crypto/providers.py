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
from vault.crypto.private_files import (
    create_private,
    drop_successor,
    is_being_replaced,
    read_private,
    retire_private,
    successor,
)
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

    def begin(self) -> RootKey:
        """Make the successor of the root key beside it and return it."""

    def begun(self) -> bool:
        """Return whether a replacement was begun and has not ended."""

    def next_key(self) -> RootKey:
        """Return the successor that was begun, or refuse with the reason."""

    def finish(self) -> None:
        """Put the successor in the root key's place and erase what was there; safe to repeat."""

    def abandon(self) -> None:
        """Erase a successor that nothing is sealed under, if there is one."""


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
        return _read_key(self._path)

    def begin(self) -> RootKey:
        """Write a new random key beside the one in force.

        Raises:
            KeyStoreError: ``key_exists``, ``key_too_open`` or ``key_unwritable``.
        """
        FileProvider(successor(self._path)).create()
        return self.next_key()

    def begun(self) -> bool:
        """Return whether a successor lies beside the key, or an old key that is not yet erased."""
        return is_being_replaced(self._path)

    def next_key(self) -> RootKey:
        """Read the successor.

        Raises:
            KeyStoreError: as :meth:`root_key`; a process may have been killed while writing it.
        """
        return _read_key(successor(self._path))

    def finish(self) -> None:
        """Put the successor in force.

        Raises:
            KeyStoreError: ``key_unwritable``.
        """
        retire_private(self._path, "key")

    def abandon(self) -> None:
        """Erase the successor.

        Raises:
            KeyStoreError: ``key_unwritable``.
        """
        drop_successor(self._path, "key")


def _read_key(path: Path) -> RootKey:
    text = read_private(path, "key", _KEY_FILE_BYTES).removesuffix(b"\n")
    if len(text) != 2 * KEY_BYTES:
        raise KeyStoreError("key_wrong_length" if text else "key_empty", path=str(path))
    if not _KEY.fullmatch(text):
        raise KeyStoreError("key_not_hexadecimal", path=str(path))
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
        read_new: the same for the passphrase that is to take its place; None asks in the same way.
    """

    name = "passphrase"

    def __init__(
        self, path: Path, read_passphrase: Callable[[], str], read_new: Callable[[], str] | None = None
    ) -> None:
        self._path = path
        self._read = read_passphrase
        self._read_new = read_new or read_passphrase
        self._key: RootKey | None = None
        self._next: RootKey | None = None

    def create(self) -> None:
        """Ask for a new passphrase twice and write a new salt.

        Raises:
            KeyStoreError: ``passphrase_empty``, ``passphrase_not_text``, ``passphrase_too_short`` or
                ``passphrases_differ`` (nothing is written); ``key_exists``, ``key_too_open`` or ``key_unwritable``.
        """
        self._key = _new(self._path, self._read)

    def root_key(self) -> RootKey:
        """Ask for the passphrase and derive the key; later calls return the same one.

        A wrong passphrase gives a wrong key: it is the key store that refuses it (``key_wrong``).

        Raises:
            KeyStoreError: ``key_missing``, ``key_empty``, ``key_too_open``, ``key_unreadable``, ``key_wrong_length``,
                ``key_parameters_malformed``, ``key_parameters_out_of_bounds``, ``passphrase_empty`` or
                ``passphrase_not_text``.
        """
        if self._key is None:
            self._key = _derived(self._path, self._read)
        return self._key

    def begin(self) -> RootKey:
        """Ask for the new passphrase twice and write a new salt beside the one in force.

        Raises:
            KeyStoreError: as :meth:`create`.
        """
        self._next = _new(successor(self._path), self._read_new)
        return self._next

    def begun(self) -> bool:
        """Return whether a new salt lies beside the one in force, or an old one that is not yet erased."""
        return is_being_replaced(self._path)

    def next_key(self) -> RootKey:
        """Ask for the new passphrase and derive the successor; later calls return the same one.

        Raises:
            KeyStoreError: as :meth:`root_key`.
        """
        if self._next is None:
            self._next = _derived(successor(self._path), self._read_new)
        return self._next

    def finish(self) -> None:
        """Put the new salt in force.

        Raises:
            KeyStoreError: ``key_unwritable``.
        """
        retire_private(self._path, "key")
        self._key, self._next = self._next or self._key, None

    def abandon(self) -> None:
        """Erase the new salt.

        Raises:
            KeyStoreError: ``key_unwritable``.
        """
        drop_successor(self._path, "key")
        self._next = None


def _derived(path: Path, read: Callable[[], str]) -> RootKey:
    salt, cost = _parameters(path)
    return RootKey(stretch(_passphrase(read).encode(), salt, cost))


def _new(path: Path, read: Callable[[], str]) -> RootKey:
    passphrase = _passphrase(read)
    if len(passphrase) < PASSPHRASE_CHARACTERS:
        raise KeyStoreError("passphrase_too_short", least=PASSPHRASE_CHARACTERS)
    if passphrase != _passphrase(read):
        raise KeyStoreError("passphrases_differ")
    salt = secrets.token_bytes(_SALT_BYTES)
    written = base64.b64encode(salt).rstrip(b"=").decode()
    line = f"$argon2id$v=19$m={COST.memory},t={COST.iterations},p={COST.lanes}${written}\n"
    create_private(path, "key", line.encode())
    return RootKey(stretch(passphrase.encode(), salt, COST))


def _passphrase(read: Callable[[], str]) -> str:
    # SP 800-63B-4: the same characters typed on another keyboard must give the same bytes.
    passphrase = unicodedata.normalize("NFKC", read())
    if not passphrase.strip():
        raise KeyStoreError("passphrase_empty")
    if not passphrase.isprintable():
        # Also refuses what a terminal with another encoding hands over, which has no UTF-8 form.
        raise KeyStoreError("passphrase_not_text")
    return passphrase


def _parameters(path: Path) -> tuple[bytes, Cost]:
    text = read_private(path, "key", _PARAMETER_FILE_BYTES).decode("ascii", "replace")
    match = _PARAMETERS.fullmatch(text)
    if match is None:
        raise KeyStoreError("key_parameters_malformed", path=str(path))
    memory, iterations, lanes = (int(match[at]) for at in (1, 2, 3))
    if not (
        LEAST.memory <= memory <= MOST.memory
        and LEAST.iterations <= iterations <= MOST.iterations
        and LEAST.lanes <= lanes <= MOST.lanes
    ):
        raise KeyStoreError("key_parameters_out_of_bounds", path=str(path))
    return base64.b64decode(match[4] + "=="), Cost(memory, iterations, lanes)
