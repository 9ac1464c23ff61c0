"""The key store opened: every key of one vault, as a view that never changes.

A change makes a new store with the next version; only :mod:`vault.crypto.key_store_files` writes one down.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from vault.crypto.cohort_keys import CohortKeys
from vault.crypto.masked import Masked
from vault.crypto.people_keys import PeopleKeys
from vault.crypto.signing import NoteSigner
from vault.crypto.suites import AES_256_GCM, KEY_BYTES, suite_of
from vault.domain.cohorts import Cohort
from vault.domain.encoding import prefixed
from vault.domain.ids import RecordClass, new_id
from vault.domain.plaintext import Plaintext
from vault.errors import KeyStoreError

_LOCK_TAG_BYTES = 8
_FINGERPRINT_BYTES = 8


@dataclass(frozen=True, slots=True, repr=False)
class CohortSecret(Masked):
    """One cohort with its secret.

    Args:
        cohort: key id, class and end date.
        suite: number of its cipher suite.
        secret: 32 random bytes.
    """

    cohort: Cohort
    suite: int
    secret: bytes


@dataclass(frozen=True, slots=True, repr=False)
class VaultKeys(Masked):
    """The keys outside the cohorts, 32 bytes each.

    Args:
        people: seals what is kept of the staff.
        lock: tags values for the uniqueness lock.
        signing: Ed25519 private key of checkpoints and certificates.
        web: signs cookies and forms.
        next_signing: the one that is to follow ``signing``; empty while none is.
    """

    people: bytes
    lock: bytes
    signing: bytes
    web: bytes
    next_signing: bytes = b""

    @classmethod
    def fresh(cls) -> VaultKeys:
        """Return new random keys, for a new vault."""
        return cls(
            people=secrets.token_bytes(KEY_BYTES),
            lock=secrets.token_bytes(KEY_BYTES),
            signing=NoteSigner.fresh(),
            web=secrets.token_bytes(KEY_BYTES),
        )


class KeyStore(Masked):
    """All keys of one vault at one version.

    Args:
        vault_id: 16 random bytes, the vault the keys belong to.
        version: how many times the store has been written, from 1.
        vault_keys: the keys outside the cohorts.
        cohort_secrets: the cohorts, in any order.
    """

    __slots__ = ("_by_class", "_lock", "_people", "_secrets", "_vault_keys", "_working", "vault_id", "version")

    def __init__(
        self, vault_id: bytes, version: int, vault_keys: VaultKeys, cohort_secrets: Iterable[CohortSecret]
    ) -> None:
        self.vault_id = vault_id
        self.version = version
        self._vault_keys = vault_keys
        ordered = sorted(cohort_secrets, key=lambda one: (one.cohort.record_class, one.cohort.end_on))
        self._secrets = {one.cohort.key_id: one for one in ordered}
        self._people = PeopleKeys(vault_id, AES_256_GCM, vault_keys.people)
        self._lock = AES_256_GCM.prf(AES_256_GCM.derive(vault_keys.lock, prefixed((b"datavault/lock/1", vault_id))))
        self._working: dict[bytes, CohortKeys] = {}
        self._by_class: dict[RecordClass, tuple[CohortKeys, ...]] = {}

    def __repr__(self) -> str:
        return f"KeyStore({self.vault_id.hex()}, version {self.version}, ***)"

    @classmethod
    def fresh(cls, vault_id: bytes) -> KeyStore:
        """Return the first store of a new vault: version 1, new keys, no cohorts."""
        return cls(vault_id, 1, VaultKeys.fresh(), ())

    # -- cohorts -------------------------------------------------------------------------------------------------

    def cohorts(self) -> tuple[Cohort, ...]:
        """Return the cohorts, by class and end date."""
        return tuple(one.cohort for one in self._secrets.values())

    def keys_of(self, key_id: bytes) -> CohortKeys:
        """Return the keys of one cohort.

        Raises:
            KeyStoreError: ``unknown_cohort``: it was destroyed, or this store is older than the database.
        """
        # Two threads may both derive the same keys; either result is right.
        keys = self._working.get(key_id)
        if keys is None:
            one = self._secrets.get(key_id)
            if one is None:
                raise KeyStoreError("unknown_cohort", key_id=key_id.hex())
            keys = CohortKeys(self.vault_id, key_id, one.cohort.record_class, suite_of(one.suite), one.secret)
            self._working[key_id] = keys
        return keys

    def class_keys(self, record_class: RecordClass) -> tuple[CohortKeys, ...]:
        """Return the keys of all cohorts of a class, by end date."""
        keys = self._by_class.get(record_class)
        if keys is None:
            keys = tuple(self.keys_of(one.key_id) for one in self.cohorts() if one.record_class is record_class)
            self._by_class[record_class] = keys
        return keys

    def with_cohorts(self, wanted: Iterable[tuple[RecordClass, date]]) -> tuple[KeyStore, list[Cohort]]:
        """Add what is missing.

        Args:
            wanted: (class, end date) pairs, repeated or not.

        Returns:
            The store of the next version and the cohorts added; this very store if nothing is missing.
        """
        there = {(one.record_class, one.end_on) for one in self.cohorts()}
        missing = [pair for pair in dict.fromkeys(wanted) if pair not in there]
        if not missing:
            return self, []
        added = [
            CohortSecret(Cohort(new_id(), record_class, end_on), AES_256_GCM.number, secrets.token_bytes(KEY_BYTES))
            for record_class, end_on in missing
        ]
        store = KeyStore(self.vault_id, self.version + 1, self._vault_keys, [*self._secrets.values(), *added])
        return store, [one.cohort for one in added]

    def without_cohorts(self, key_ids: Iterable[bytes]) -> tuple[KeyStore, list[Cohort]]:
        """Leave cohorts out: nothing sealed under them can be opened with the store that is returned.

        Args:
            key_ids: the cohorts; ones that are not there are passed over.

        Returns:
            The store of the next version and the cohorts left out; this very store if none of them is there.
        """
        doomed = set(key_ids)
        kept = [one for key_id, one in self._secrets.items() if key_id not in doomed]
        gone = [one.cohort for key_id, one in self._secrets.items() if key_id in doomed]
        return (KeyStore(self.vault_id, self.version + 1, self._vault_keys, kept), gone) if gone else (self, [])

    # -- vault keys ----------------------------------------------------------------------------------------------

    def lock_tag(self, kind: str, value: str) -> int:
        """Return a number that stands for a value while it is being entered.

        Args:
            kind: identifier kind.
            value: normalised value.

        Returns:
            A signed 64-bit integer, as ``pg_advisory_xact_lock`` takes it: 64 bits of an HMAC under the lock key.
        """
        keyed = self._lock.copy()
        keyed.update(prefixed((kind.encode(), value.encode())))
        return int.from_bytes(keyed.finalize()[:_LOCK_TAG_BYTES], "big", signed=True)

    def seal_person(self, account_id: bytes, field: str, value: str) -> bytes:
        """Seal a personal field of an account under the people key."""
        return self._people.seal(account_id, field, value)

    def open_person(self, account_id: bytes, field: str, sealed: bytes) -> Plaintext:
        """Open a personal field of an account.

        Raises:
            IntegrityError: it was not sealed for this very field; one reason for every cause.
        """
        return self._people.open(account_id, field, sealed)

    def signer(self, origin: str) -> NoteSigner:
        """Return the signer of this vault's notes.

        Args:
            origin: the key's name; for the log, its origin.
        """
        return NoteSigner(self._vault_keys.signing, origin)

    def next_signer(self, origin: str) -> NoteSigner | None:
        """Return the signer that is to follow; None while no signing key is being replaced."""
        coming = self._vault_keys.next_signing
        return NoteSigner(coming, origin) if coming else None

    def with_next_signing(self) -> KeyStore:
        """Add a signing key that is to follow the one in force.

        Returns:
            The store of the next version; this very store if one is there already.
        """
        if self._vault_keys.next_signing:
            return self
        return self._with_keys(replace(self._vault_keys, next_signing=NoteSigner.fresh()))

    def without_old_signing(self) -> KeyStore:
        """Put the signing key that is to follow in force, and leave the old one out.

        Returns:
            The store of the next version; this very store if none is to follow.
        """
        coming = self._vault_keys.next_signing
        return self._with_keys(replace(self._vault_keys, signing=coming, next_signing=b"")) if coming else self

    def _with_keys(self, keys: VaultKeys) -> KeyStore:
        return KeyStore(self.vault_id, self.version + 1, keys, self._secrets.values())

    def web_secret(self) -> str:
        """Return the secret with which the front door signs cookies and forms, as hexadecimal digits.

        The one value derived from a key that leaves this room, because the web framework signs by itself. It
        opens nothing: sessions live in the database, and no other key can be computed from it.
        """
        return AES_256_GCM.derive(self._vault_keys.web, prefixed((b"datavault/web/1", self.vault_id))).hex()

    # -- identity ------------------------------------------------------------------------------------------------

    def check_against(self, vault_id: bytes, version: int) -> None:
        """Refuse to work on a database that this store does not belong to.

        Args:
            vault_id: as the database has it.
            version: the key store version mirrored in the database.

        Raises:
            KeyStoreError: ``key_store_other_vault``, or ``key_store_older`` if the database has seen a later one.
        """
        if vault_id != self.vault_id:
            raise KeyStoreError("key_store_other_vault")
        if version > self.version:
            raise KeyStoreError("key_store_older", version=self.version, expected=version)

    def succeeds(self, older: KeyStore) -> bool:
        """Return whether this store is ``older`` after one write, as a crash leaves the two apart.

        A write adds cohorts, leaves cohorts out, or takes a step in replacing the signing key; never two of these.
        """
        before, after = older._secrets.items(), self._secrets.items()
        if self.version != older.version + 1:
            return False
        if self._vault_keys != older._vault_keys:
            return before == after and _signing_follows(self._vault_keys, older._vault_keys)
        return before <= after or after <= before

    def same_as(self, other: KeyStore) -> bool:
        """Return whether both hold the same keys at the same version."""
        return (self.vault_id, self.version, self._vault_keys, self._secrets) == (
            other.vault_id,
            other.version,
            other._vault_keys,
            other._secrets,
        )

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits, equal on two nodes exactly if their stores are; safe to show."""
        keys = self._vault_keys
        parts = [keys.people, keys.signing, keys.web, b"%d" % self.version]
        parts += [keys.next_signing] if keys.next_signing else []
        for one in self._secrets.values():
            cohort = one.cohort
            parts += [cohort.key_id, cohort.record_class.encode(), cohort.end_on.isoformat().encode(), one.secret]
        whole = AES_256_GCM.prf(keys.lock)
        whole.update(prefixed((b"datavault/fingerprint/1", self.vault_id, *parts)))
        return whole.finalize()[:_FINGERPRINT_BYTES].hex()

    def contents(self) -> tuple[VaultKeys, tuple[CohortSecret, ...]]:
        """Return the keys themselves, for the writer of the key-store file only."""
        return self._vault_keys, tuple(self._secrets.values())


def _signing_follows(keys: VaultKeys, older: VaultKeys) -> bool:
    """Return whether keys are others by one step in replacing the signing key: the next one added, or put in force."""
    if older.next_signing:
        return keys == replace(older, signing=older.next_signing, next_signing=b"")
    return keys == replace(older, next_signing=keys.next_signing)
