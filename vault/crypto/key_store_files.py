"""The key store on disk: two or more registered copies, one writer, no history.

Each copy is a store file and, in another folder, its own epoch file. A write stages the new content beside every
copy, then puts the copies in force one by one, then reads them all back: so a full or missing disk changes
nothing, and a process killed in between leaves copies at most one version apart, which the next start evens
out to the newer. **Every registered copy must be readable at every load**: a vault that starts without one of its
copies would run for months on the last one. A lost copy is replaced by both files of a good one, or taken out
of the settings (ops/runbooks).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from vault.crypto.key_store import KeyStore
from vault.crypto.key_store_format import (
    EPOCH_FILE_BYTES,
    LONGEST_STORE_BYTES,
    epoch_secret,
    fresh_epoch_file,
    open_store,
    seal_store,
)
from vault.crypto.private_files import (
    FILE_MODE,
    create_private,
    make_private_folder,
    publish_private,
    read_private,
    stage_private,
)
from vault.crypto.providers import RootKey, RootKeyProvider
from vault.domain.cohorts import Cohort
from vault.domain.ids import RecordClass
from vault.errors import KeyStoreError

LEAST_COPIES = 2
LOCK_WAIT_SECONDS = 20.0
"""Longer than a writer waits for a busy database while it holds the lock."""
_LOCK_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Copy:
    """One registered copy.

    Args:
        store: the store file.
        epoch: its epoch file, in another folder.
    """

    store: Path
    epoch: Path


class KeyStoreFiles:
    """The registered copies of one key store.

    Args:
        copies: at least two, each path named once; the first is the one that is read when all are equal.
        lock_path: a file on a local disk, the same for all processes of the host; made when missing.
        provider: where the root key comes from.

    Raises:
        KeyStoreError: ``too_few_copies``, ``copies_share_a_file`` or ``epoch_secret_beside_key_store``.
    """

    def __init__(self, copies: Sequence[Copy], lock_path: Path, provider: RootKeyProvider) -> None:
        # Resolved once: replacing a link would move the copy away from the disk it was put on.
        self._copies = tuple(Copy(copy.store.resolve(), copy.epoch.resolve()) for copy in copies)
        if len(self._copies) < LEAST_COPIES:
            raise KeyStoreError("too_few_copies", least=LEAST_COPIES)
        if len(set(self._paths())) < 2 * len(self._copies):
            raise KeyStoreError("copies_share_a_file")
        for copy in self._copies:
            if copy.store.parent == copy.epoch.parent:
                raise KeyStoreError("epoch_secret_beside_key_store", path=str(copy.epoch))
        self._lock_path = lock_path
        self._provider = provider

    def exists(self) -> bool:
        """Return whether any file of any copy is there, so that no new root key may be made."""
        return self._first_existing() is not None

    def create(self, vault_id: bytes) -> KeyStore:
        """Write the first version to every copy; folders get mode 0700, files 0600.

        Args:
            vault_id: 16 random bytes.

        Returns:
            The new store, without cohorts.

        Raises:
            KeyStoreError: ``key_store_exists`` if any file of any copy is there, or what the provider and the
                folders refuse.
        """
        with self._locked():
            existing = self._first_existing()
            if existing is not None:
                raise KeyStoreError("key_store_exists", path=str(existing))
            root_key = self._provider.root_key()
            store = KeyStore.fresh(vault_id)
            for copy in self._copies:
                create_private(copy.epoch, "epoch_secret", fresh_epoch_file())
                sealed = seal_store(store, root_key, _read_epoch(copy))
                create_private(copy.store, "key_store", sealed)
            self._confirm(root_key, store)
        return store

    def load(self) -> KeyStore:
        """Read every copy.

        Returns:
            What all copies hold. If a crash left one of them a version behind, the newer has won and the older
            has been written again.

        Raises:
            KeyStoreError: ``key_…``, ``key_store_…`` or ``epoch_secret_…`` with the path of the file that is
                missing, empty, damaged, too open or of another vault; ``key_wrong`` if no copy opens;
                ``copies_differ`` if they are further apart; ``key_store_busy``.
        """
        root_key = self._provider.root_key()
        stores = self._read(root_key)
        if all(store.same_as(stores[0]) for store in stores):
            return stores[0]
        # Either a writer is between its copies, and done once we hold the lock, or one was killed there.
        with self._locked():
            return self._settled(root_key)

    def make_cohorts(
        self, wanted: Iterable[tuple[RecordClass, date]], confirm: Callable[[KeyStore], None] | None = None
    ) -> tuple[KeyStore, list[Cohort]]:
        """Make the cohorts that are missing; processes that meet here take turns.

        A new cohort is returned only after every copy has been read back and holds it.

        Args:
            wanted: (class, end date) pairs that must exist.
            confirm: called with the store in force while the lock is held, whether anything was added or not:
                the place to set a version mirrored elsewhere forward. If it raises, the files stay as written
                and the next call confirms them.

        Returns:
            The store in force and the cohorts added by this call.

        Raises:
            KeyStoreError: as :meth:`load`; ``key_store_unwritable`` if a copy cannot be written.
        """
        root_key = self._provider.root_key()
        with self._locked():
            store, added = self._settled(root_key).with_cohorts(wanted)
            if added:
                self._write(root_key, store, self._copies)
            if confirm is not None:
                confirm(store)
        return store, added

    def _paths(self) -> list[Path]:
        return [path for copy in self._copies for path in (copy.store, copy.epoch)]

    def _first_existing(self) -> Path | None:
        return next((path for path in self._paths() if path.exists()), None)

    def _read(self, root_key: RootKey) -> list[KeyStore]:
        stores: list[KeyStore] = []
        refused: list[Path] = []
        for copy in self._copies:
            data = read_private(copy.store, "key_store", LONGEST_STORE_BYTES)
            epoch = _read_epoch(copy)
            try:
                stores.append(open_store(data, root_key, epoch))
            except KeyStoreError as error:
                if error.reason != "key_wrong":
                    raise KeyStoreError(error.reason, path=str(copy.store)) from None
                refused.append(copy.store)
        if not stores:
            raise KeyStoreError("key_wrong", path=str(refused[0]))
        if refused:
            # The root key is right, since it opens another copy.
            raise KeyStoreError("key_store_damaged", path=str(refused[0]))
        for copy, store in zip(self._copies, stores, strict=True):
            if store.vault_id != stores[0].vault_id:
                raise KeyStoreError("key_store_other_vault", path=str(copy.store))
        return stores

    def _settled(self, root_key: RootKey) -> KeyStore:
        """Read every copy and even out what a killed writer left; the caller holds the lock."""
        stores = self._read(root_key)
        newest = max(stores, key=lambda store: store.version)
        behind = []
        for copy, store in zip(self._copies, stores, strict=True):
            if store.same_as(newest):
                continue
            if not newest.succeeds(store):
                raise KeyStoreError("copies_differ", path=str(copy.store))
            behind.append(copy)
        if behind:
            self._write(root_key, newest, behind)
        return newest

    def _write(self, root_key: RootKey, store: KeyStore, copies: Iterable[Copy]) -> None:
        staged = [
            (stage_private(copy.store, "key_store", seal_store(store, root_key, _read_epoch(copy))), copy.store)
            for copy in copies
        ]
        for new, path in staged:
            publish_private(new, path, "key_store")
        self._confirm(root_key, store)

    def _confirm(self, root_key: RootKey, written: KeyStore) -> None:
        for copy, store in zip(self._copies, self._read(root_key), strict=True):
            if not store.same_as(written):
                raise KeyStoreError("copies_differ", path=str(copy.store))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_private_folder(self._lock_path.parent, "key_store_lock")
        try:
            handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError:
            raise KeyStoreError("key_store_lock_unwritable", path=str(self._lock_path)) from None
        try:
            deadline = time.monotonic() + LOCK_WAIT_SECONDS
            # The kernel frees the lock with its process, however that ends; a bounded wait needs polling.
            while not _try_lock(handle):
                if time.monotonic() > deadline:
                    raise KeyStoreError("key_store_busy", path=str(self._lock_path))
                time.sleep(_LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_epoch(copy: Copy) -> bytes:
    try:
        return epoch_secret(read_private(copy.epoch, "epoch_secret", EPOCH_FILE_BYTES))
    except KeyStoreError as error:
        raise KeyStoreError(error.reason, **{"path": str(copy.epoch), **error.facts}) from None
