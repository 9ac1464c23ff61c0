"""The two files that make up one copy of the key store (docs/formats.md, "Key store").

Store file::

    "DVKS"  layout(1)=1  suite(1)  vault id(16)  version(8, big-endian)  nonce(12)  ciphertext  tag(16)

The 30 bytes before the nonce are the associated data. The key is HKDF-SHA-256 (RFC 5869) of the root key, with
the epoch secret as salt and ``prefixed("datavault/keystore/1", vault id)`` as info. Inside lies canonical JSON
(RFC 8785), bytes as hexadecimal digits::

    {"cohorts":[{"class":"customer","end_on":"2028-11-30","id":"…16","secret":"…32","suite":1}, …],
     "keys":{"lock":"…32","people":"…32","signing":"…32","web":"…32"}}

While the signing key is being replaced, ``keys`` has a fifth name, ``next_signing``.

Epoch file: ``"DVEP"  layout(1)=1  secret(32)``. Both are needed, with the root key, to read anything; replacing
the epoch file makes every earlier state of the store unreadable, wherever a copy of it may lie.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
from datetime import date

from cryptography.exceptions import InvalidTag

from vault.crypto.key_store import CohortSecret, KeyStore, VaultKeys
from vault.crypto.providers import RootKey
from vault.crypto.suites import AES_256_GCM, KEY_BYTES, NONCE_BYTES, TAG_BYTES, Aead, Suite, suite_of
from vault.domain.cohorts import Cohort
from vault.domain.encoding import prefixed
from vault.domain.ids import RecordClass
from vault.errors import IntegrityError, KeyStoreError

LONGEST_STORE_BYTES = 8 * 1024 * 1024
"""Some 40,000 cohorts; the default policy has fewer than 200."""
EPOCH_FILE_BYTES = 4 + 1 + KEY_BYTES

_LAYOUT = 1
_EPOCH_HEAD = b"DVEP" + bytes((_LAYOUT,))
_STORE_MAGIC = b"DVKS"
_HEAD = struct.Struct(">4sBB16sQ")


def fresh_epoch_file() -> bytes:
    """Return the content of a new epoch file."""
    return _EPOCH_HEAD + secrets.token_bytes(KEY_BYTES)


def epoch_secret(data: bytes) -> bytes:
    """Return the secret in an epoch file.

    Raises:
        KeyStoreError: ``epoch_secret_damaged``.
    """
    if len(data) != EPOCH_FILE_BYTES or not data.startswith(_EPOCH_HEAD):
        raise KeyStoreError("epoch_secret_damaged")
    return data[len(_EPOCH_HEAD) :]


def seal_store(store: KeyStore, root_key: RootKey, epoch: bytes) -> bytes:
    """Return the content of a store file.

    Args:
        store: what to write.
        root_key: the root key.
        epoch: the epoch secret of this copy.
    """
    suite = AES_256_GCM
    head = _HEAD.pack(_STORE_MAGIC, _LAYOUT, suite.number, store.vault_id, store.version)
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + _cipher(suite, root_key, epoch, store.vault_id).encrypt(nonce, serialise(store), head)


def open_store(data: bytes, root_key: RootKey, epoch: bytes) -> KeyStore:
    """Read a store file.

    Args:
        data: its content.
        root_key: the root key.
        epoch: the epoch secret of this copy.

    Returns:
        The store.

    Raises:
        KeyStoreError: ``key_store_damaged`` if this is no store file; ``key_wrong`` if root key, epoch secret and
            file do not belong together, or a byte of the file has changed: these cannot be told apart.
    """
    if len(data) < _HEAD.size + NONCE_BYTES + TAG_BYTES:
        raise KeyStoreError("key_store_damaged")
    head, sealed = data[: _HEAD.size], data[_HEAD.size :]
    magic, layout, number, vault_id, version = _HEAD.unpack(head)
    if magic != _STORE_MAGIC or layout != _LAYOUT:
        raise KeyStoreError("key_store_damaged")
    try:
        cipher = _cipher(suite_of(number), root_key, epoch, vault_id)
        return parse(vault_id, version, cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], head))
    except InvalidTag:
        raise KeyStoreError("key_wrong") from None
    except IntegrityError:
        raise KeyStoreError("key_store_damaged") from None


def serialise(store: KeyStore) -> bytes:
    """Return the keys as canonical JSON (RFC 8785; strings and small integers only)."""
    keys, cohort_secrets = store.contents()
    body = {
        "cohorts": [
            {
                "class": one.cohort.record_class.value,
                "end_on": one.cohort.end_on.isoformat(),
                "id": one.cohort.key_id.hex(),
                "secret": one.secret.hex(),
                "suite": one.suite,
            }
            for one in cohort_secrets
        ],
        "keys": {
            "lock": keys.lock.hex(),
            "people": keys.people.hex(),
            "signing": keys.signing.hex(),
            "web": keys.web.hex(),
            **({"next_signing": keys.next_signing.hex()} if keys.next_signing else {}),
        },
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def parse(vault_id: bytes, version: int, data: bytes) -> KeyStore:
    """Read what :func:`serialise` wrote.

    Raises:
        KeyStoreError: ``key_store_damaged``: a later version of this program wrote something else.
    """
    try:
        body = json.loads(data)
        keys = VaultKeys(**{name: bytes.fromhex(value) for name, value in body["keys"].items()})
        cohort_secrets = [
            CohortSecret(
                Cohort(bytes.fromhex(one["id"]), RecordClass(one["class"]), date.fromisoformat(one["end_on"])),
                suite_of(one["suite"]).number,
                bytes.fromhex(one["secret"]),
            )
            for one in body["cohorts"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError, IntegrityError):
        # `from None`: the cause may hold a piece of the content.
        raise KeyStoreError("key_store_damaged") from None
    return KeyStore(vault_id, version, keys, cohort_secrets)


def _cipher(suite: Suite, root_key: RootKey, epoch: bytes, vault_id: bytes) -> Aead:
    return root_key.cipher(suite, epoch, prefixed((b"datavault/keystore/1", vault_id)))
