"""Signed notes with Ed25519 (C2SP signed-note): how checkpoints and certificates are signed and checked.

Layout of a note: the text, ending in a newline; an empty line; then one line per signature,
``— <key name> base64(key id || signature)``. The key id is the first four bytes of
SHA-256(key name || 0x0A || 0x01 || public key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vault.errors import IntegrityError, InvalidValue, KeyStoreError

LONGEST_NOTE: Final = 256 * 1024  # characters; room for 16 post-quantum signatures of 5 kB, which verifiers must accept
_ED25519: Final = b"\x01"
_PUBLIC_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_UNSIGNABLE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # controls; what UTF-8 cannot write
_SIGNATURE_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_KEY_NAME: Final = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")


class NoteSigner:
    """Signs notes with one named key; the key bytes cannot be read back from it.

    Args:
        private_key: 32 raw bytes (RFC 8032).
        name: the key's name, not empty, without spaces and plus signs; for a log, its origin.

    Raises:
        KeyStoreError: ``signing_key_length``.
        InvalidValue: ``key_name``.
    """

    __slots__ = ("_key", "_key_id", "_name", "_public")

    def __init__(self, private_key: bytes, name: str) -> None:
        if not _KEY_NAME.fullmatch(name):
            raise InvalidValue("key_name", field="name")
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(private_key)
        except ValueError:
            raise KeyStoreError("signing_key_length") from None
        self._name = name
        self._public = self._key.public_key().public_bytes_raw()
        self._key_id = _key_id(name, self._public)

    @classmethod
    def fresh(cls) -> bytes:
        """Return a new random private key, 32 raw bytes, for the key store to keep."""
        return Ed25519PrivateKey.generate().private_bytes_raw()

    def __repr__(self) -> str:
        """Name the key by what is public of it."""
        return f"NoteSigner({self._name}+{self._key_id.hex()})"

    def sign(self, text: str) -> str:
        """Return the note: the text and one signature line (C2SP signed-note, "Format").

        Args:
            text: ends in a newline and holds no other control character.

        Returns:
            The whole note.

        Raises:
            InvalidValue: ``note_text``.
        """
        if not text.endswith("\n") or _UNSIGNABLE.search(text):
            raise InvalidValue("note_text", field="text")
        return f"{text}\n{self._line(text)}"

    def cosign(self, note: str) -> str:
        """Return a note with one more signature line, of this key (C2SP signed-note: "signed by one or more keys").

        Args:
            note: the whole note, signed by other keys.

        Raises:
            IntegrityError: ``note_too_long`` or ``note_malformed``.
        """
        text, _ = _split(note)
        return f"{note}{self._line(text)}"

    def _line(self, text: str) -> str:
        signature = self._key.sign(text.encode())
        return f"— {self._name} {base64.b64encode(self._key_id + signature).decode()}\n"

    def public_key(self) -> bytes:
        """Return the public key, 32 raw bytes."""
        return self._public

    def verifier_key(self) -> str:
        """Return the public key to pin: ``name+key id in hex+base64(0x01 || public key)``."""
        return verifier_key(self._name, self._public)


class NoteVerifier:
    """Checks notes against one pinned public key; made by :meth:`parse`.

    Args:
        name: the key's name.
        public_key: 32 raw bytes (RFC 8032).
    """

    __slots__ = ("_key", "_key_id", "_name")

    def __init__(self, name: str, public_key: bytes) -> None:
        self._name = name
        self._key_id = _key_id(name, public_key)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    @classmethod
    def parse(cls, vkey: str) -> NoteVerifier:
        """Read a verifier key as :meth:`NoteSigner.verifier_key` writes it.

        Args:
            vkey: ``name+key id in hex+base64(0x01 || public key)``.

        Returns:
            The verifier.

        Raises:
            IntegrityError: ``verifier_key_malformed``, ``verifier_key_algorithm`` or ``verifier_key_id``.
        """
        # A key name holds no plus sign, base64 may: so only the first two separate.
        name, key_id, encoded = (*vkey.split("+", 2), "", "")[:3]
        key = _decode(encoded)
        if not _KEY_NAME.fullmatch(name) or not key:
            raise IntegrityError("verifier_key_malformed")
        if not key.startswith(_ED25519) or len(key) != len(_ED25519) + _PUBLIC_BYTES:
            raise IntegrityError("verifier_key_algorithm")
        public_key = key[len(_ED25519) :]
        if key_id != _key_id(name, public_key).hex():
            raise IntegrityError("verifier_key_id")
        return cls(name, public_key)

    def verify(self, note: str) -> str:
        """Return the text of a note that our key signed (C2SP signed-note, "Signatures").

        Signatures of other keys are ignored, even those that share our key's name or its id.

        Args:
            note: the whole note, at most 256 Ki characters.

        Returns:
            The text, with its final newline.

        Raises:
            IntegrityError: ``note_too_long``, ``note_malformed``, ``note_not_signed_by_key`` or
                ``note_signature_wrong`` (one wrong signature of our key is enough).
        """
        text, lines = _split(note)
        ours = [signed[_KEY_ID_BYTES:] for name, signed in lines if (name, signed[:4]) == (self._name, self._key_id)]
        if not ours:
            raise IntegrityError("note_not_signed_by_key")
        try:
            for signature in ours:
                self._key.verify(signature, text.encode())
        except InvalidSignature:
            raise IntegrityError("note_signature_wrong") from None
        return text


def verifier_key(name: str, public_key: bytes) -> str:
    """Return a public key as it is pinned: ``name+key id in hex+base64(0x01 || public key)``.

    Args:
        name: the key's name; for a log, its origin.
        public_key: 32 raw bytes (RFC 8032).
    """
    return f"{name}+{_key_id(name, public_key).hex()}+{base64.b64encode(_ED25519 + public_key).decode()}"


def key_id(verifier: str) -> str:
    """Return the id in a verifier key, eight hexadecimal digits: how a key is named where its name is known."""
    return verifier.split("+", 2)[1]


def _key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes that, with the name, identify a key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:_KEY_ID_BYTES]


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Split a note at its last empty line into the text and (key name, key id || signature) of each signature."""
    if len(note) > LONGEST_NOTE:
        raise IntegrityError("note_too_long")
    text, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n") or _UNSIGNABLE.search(note):
        raise IntegrityError("note_malformed")
    return text + "\n", [_signature(line) for line in tail[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes]:
    """Read one signature line."""
    parts = _SIGNATURE_LINE.fullmatch(line)
    signed = _decode(parts[2]) if parts else None
    if parts is None or signed is None or len(signed) <= _KEY_ID_BYTES:
        raise IntegrityError("note_malformed")
    return parts[1], signed


def _decode(text: str) -> bytes | None:
    """Decode RFC 4648 section 4, refusing every spelling but the one that encoding gives."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None
