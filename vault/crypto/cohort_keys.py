"""One cohort's keys at work: sealing, opening, blind-index tags and metadata MACs.

Sealed value: ``layout(1) suite(1) nonce(12) ciphertext tag(16)``; a wrap is the same with a 32-byte data key
inside. Associated data is length-prefixed and binds every sealed value to its cell (docs/formats.md).
Nonces are random: a data key seals one record's fields and a wrap key one cohort's records, both far below
the 2^32 messages at which random 96-bit nonces grow unsafe (NIST SP 800-38D §8.3).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag

from vault.crypto.masked import Masked
from vault.crypto.opening_counts import COUNTS
from vault.crypto.suites import KEY_BYTES, NONCE_BYTES, TAG_BYTES, Aead, Suite
from vault.domain.encoding import prefixed
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass
from vault.domain.log import Receipt
from vault.domain.plaintext import Plaintext
from vault.domain.records import FieldRef, RecordMeta
from vault.errors import IntegrityError, InvalidValue, ReceiptError

LAYOUT = 1
INDEX_TAG_BYTES = 16
"""128 bits: two of a billion values share a tag with probability about 2^-69."""

_HEAD_BYTES = 2 + NONCE_BYTES
_SEAL_BYTES = KEY_BYTES + NONCE_BYTES
_WRAP_BYTES = _HEAD_BYTES + KEY_BYTES + TAG_BYTES


class _WrapKey(Masked):
    """The key over a cohort's data keys. The count hangs on the key itself: whoever unwraps, by any path, is counted.

    Args:
        aead: its cipher.
    """

    __slots__ = ("_decrypt", "encrypt")

    def __init__(self, aead: Aead) -> None:
        self.encrypt = aead.encrypt
        self._decrypt = aead.decrypt

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Return a data key, or raise InvalidTag."""
        COUNTS.unwrap()
        return self._decrypt(nonce, data, associated_data)


class CohortKeys(Masked):
    """The keys of one cohort, derived from its one secret; no key byte leaves this object.

    Args:
        vault_id: the vault the keys belong to.
        key_id: the cohort's random key id.
        record_class: the class whose records it holds.
        suite: the cohort's cipher suite.
        secret: 32 random bytes.
    """

    __slots__ = (
        "_cell",
        "_head",
        "_index",
        "_meta",
        "_suffix",
        "_vault_id",
        "_wrap",
        "_wrap_cell",
        "key_id",
        "record_class",
        "suite",
    )

    def __init__(self, vault_id: bytes, key_id: bytes, record_class: RecordClass, suite: Suite, secret: bytes) -> None:
        self.key_id = key_id
        self.record_class = record_class
        self.suite = suite
        self._vault_id = vault_id

        def key(use: str) -> bytes:
            """Derive this cohort's key for one use."""
            info = prefixed((b"datavault/cohort/1", vault_id, key_id, record_class.encode(), use.encode()))
            return suite.derive(secret, info)

        self._wrap = _WrapKey(suite.aead(key("wrap")))
        self._meta = suite.prf(key("meta"))
        self._index = {kind: suite.prf(key(f"index/{kind.value}")) for kind in IdentifierKind}
        self._head = bytes((LAYOUT, suite.number))
        # Associated data before and after the record id (`own`, with its length), the same for the whole cohort.
        self._cell = prefixed((b"datavault/field/1", vault_id, record_class.encode()))
        self._wrap_cell = prefixed((b"datavault/wrap/1", vault_id, key_id, record_class.encode()))
        self._suffix = prefixed((self._head,))

    def __repr__(self) -> str:
        return f"CohortKeys({self.record_class.value}, {self.key_id.hex()}, ***)"

    # -- sealing -------------------------------------------------------------------------------------------------

    def seal(self, record_id: bytes, values: Sequence[tuple[FieldRef, str]]) -> tuple[bytes, list[bytes]]:
        """Seal a new record under a fresh data key.

        Args:
            record_id: the record's id, made before.
            values: the field values in clear.

        Returns:
            The wrapped data key, and one sealed value for each field in the order given.

        Raises:
            InvalidValue: ``not_text``: a value has no UTF-8 form.
        """
        # One call to the kernel's generator for the data key and every nonce of the record.
        noise = os.urandom(_SEAL_BYTES + NONCE_BYTES * len(values))
        data_key, nonce, own = noise[:KEY_BYTES], noise[KEY_BYTES:_SEAL_BYTES], prefixed((record_id,))
        wrapped = self._head + nonce + self._wrap.encrypt(nonce, data_key, self._wrap_cell + own + self._suffix)
        return wrapped, self._seal_fields(data_key, own, values, noise[_SEAL_BYTES:])

    def seal_more(
        self, receipt: Receipt, record_id: bytes, wrapped: bytes, values: Sequence[tuple[FieldRef, str]]
    ) -> list[bytes]:
        """Seal changed values of an existing record under its own data key.

        Args:
            receipt: of the event that announced the change of these fields.
            record_id: the record.
            wrapped: its wrapped data key.
            values: the new values, each with its new generation.

        Returns:
            One sealed value for each field.

        Raises:
            ReceiptError: the receipt does not cover this.
            IntegrityError: the wrap does not belong here.
            InvalidValue: ``not_text``: a value has no UTF-8 form.
        """
        _take(receipt, record_id, values)
        own = prefixed((record_id,))
        data_key = self._unwrap(own, wrapped)
        return self._seal_fields(data_key, own, values, os.urandom(NONCE_BYTES * len(values)))

    def _seal_fields(
        self, data_key: bytes, own: bytes, values: Sequence[tuple[FieldRef, str]], nonces: bytes
    ) -> list[bytes]:
        encrypt, head, cell = self.suite.aead(data_key).encrypt, self._head, self._cell + own
        sealed, at = [], 0
        try:
            for ref, value in values:
                nonce = nonces[at : at + NONCE_BYTES]
                at += NONCE_BYTES
                sealed.append(head + nonce + encrypt(nonce, value.encode(), cell + _place(ref, head)))
        except UnicodeEncodeError:
            # A lone surrogate, as JSON can carry one. `from None`: the cause holds the whole value.
            raise InvalidValue("not_text", field=ref.field) from None
        return sealed

    # -- opening -------------------------------------------------------------------------------------------------

    def open(
        self, receipt: Receipt, record_id: bytes, wrapped: bytes, sealed: Sequence[tuple[FieldRef, bytes]]
    ) -> list[Plaintext]:
        """Open field values: the one door through which anything leaves the vault in clear.

        Args:
            receipt: of the durable event that announced this record and these fields.
            record_id: the record.
            wrapped: its wrapped data key.
            sealed: the sealed values with the place each claims to hold.

        Returns:
            The values in the order given.

        Raises:
            ReceiptError: the receipt does not cover this.
            IntegrityError: any byte is not what was sealed in this very cell; one reason for every cause.
        """
        _take(receipt, record_id, sealed)
        own = prefixed((record_id,))
        return self._opened(self._unwrap(own, wrapped), own, sealed)

    def move(
        self,
        receipt: Receipt,
        to: CohortKeys,
        record_id: bytes,
        wrapped: bytes,
        sealed: Sequence[tuple[FieldRef, bytes]],
    ) -> tuple[bytes, list[Plaintext]]:
        """Wrap a record's data key under another cohort, and open what is needed to index it there.

        The field values stay as they are sealed: their associated data does not name the cohort.

        Args:
            receipt: of the durable event that announced this record and these fields.
            to: the keys of the other cohort, of the same class and suite.
            record_id: the record.
            wrapped: its wrapped data key.
            sealed: sealed values of indexed fields, with the place each claims to hold.

        Returns:
            The new wrap, and the values in the order given.

        Raises:
            ReceiptError: the receipt does not cover this.
            IntegrityError: any byte is not what was sealed in this very cell, or the cohorts do not go together.
        """
        _take(receipt, record_id, sealed)
        if (to.record_class, to.suite) != (self.record_class, self.suite):
            raise IntegrityError("unreadable")
        own = prefixed((record_id,))
        data_key = self._unwrap(own, wrapped)
        return to._wrapped(own, data_key), self._opened(data_key, own, sealed)

    def _wrapped(self, own: bytes, data_key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return self._head + nonce + self._wrap.encrypt(nonce, data_key, self._wrap_cell + own + self._suffix)

    def _opened(self, data_key: bytes, own: bytes, sealed: Sequence[tuple[FieldRef, bytes]]) -> list[Plaintext]:
        decrypt, cell, head = self.suite.aead(data_key).decrypt, self._cell + own, self._head
        values = []
        try:
            for ref, blob in sealed:
                if blob[:2] != head:
                    raise IntegrityError("unreadable")
                nonce, rest = blob[2:_HEAD_BYTES], blob[_HEAD_BYTES:]
                # No local name for the clear bytes: a traceback that shows local variables must not hold them.
                values.append(Plaintext(decrypt(nonce, rest, cell + _place(ref, head)).decode()))
        except (InvalidTag, ValueError):
            # `from None`: the cause would tell an attacker which of several checks failed.
            raise IntegrityError("unreadable") from None
        return values

    def _unwrap(self, own: bytes, wrapped: bytes) -> bytes:
        if len(wrapped) != _WRAP_BYTES or wrapped[:2] != self._head:
            raise IntegrityError("unreadable")
        nonce, rest = wrapped[2:_HEAD_BYTES], wrapped[_HEAD_BYTES:]
        try:
            return self._wrap.decrypt(nonce, rest, self._wrap_cell + own + self._suffix)
        except InvalidTag:
            raise IntegrityError("unreadable") from None

    # -- finding and deciding ------------------------------------------------------------------------------------

    def tag(self, kind: IdentifierKind, value: str) -> bytes:
        """Return the blind-index tag of a normalised identifier: HMAC under this cohort's key for the kind."""
        keyed = self._index[kind].copy()
        keyed.update(value.encode())
        return keyed.finalize()[:INDEX_TAG_BYTES]

    def mac(self, meta: RecordMeta) -> bytes:
        """Return the MAC over a record's metadata."""
        keyed = self._meta.copy()
        keyed.update(meta.mac_input(self._vault_id))
        return keyed.finalize()

    def check(self, meta: RecordMeta, mac: bytes) -> None:
        """Refuse metadata that was edited behind the vault's back.

        Raises:
            IntegrityError: the MAC is not that of this metadata.
        """
        if not hmac.compare_digest(self.mac(meta), mac):
            raise IntegrityError("unreadable")


def _take(receipt: Receipt, record_id: bytes, cells: Iterable[tuple[FieldRef, object]]) -> None:
    """Use the receipt up; nothing else that can be asked the same question stands in for one."""
    if type(receipt) is not Receipt:
        raise ReceiptError("no_receipt")
    receipt.take(record_id, {ref.field for ref, _ in cells})
    COUNTS.receipt()  # only what it granted; apart from the count of unwraps, so that one without the other shows


@lru_cache(maxsize=4096)
def _place(ref: FieldRef, head: bytes) -> bytes:
    """Return the part of the associated data that names the cell within its record, the same for all records."""
    layout, suite = head[:1], head[1:]
    return prefixed((ref.field.encode(), b"%d" % ref.ordinal, b"%d" % ref.generation, suite, layout))
