"""The key store on disk: two or more registered copies, one writer, no history.

Each copy is a store file and, in another folder, its own epoch file. A write stages the new content beside every
copy, then puts the copies in force one by one, then reads them all back: so a full or missing disk changes
nothing, and a process killed in between leaves copies at most one version apart, which the next start evens
out to the newer. **Every registered copy must be readable at every load**: a vault that starts without one of its
copies would run for months on the last one, and a key that is destroyed must be gone from all of them. A lost copy is
replaced by both files of a good one, or taken out of the settings (ops/runbooks).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from vault.crypto.key_store import KeyStore
from vault.crypto.key_store_copies import Copies, Copy, CopyState
from vault.crypto.private_files import FILE_MODE, make_private_folder
from vault.crypto.providers import RootKeyProvider
from vault.domain.cohorts import Cohort
from vault.domain.ids import RecordClass
from vault.errors import KeyStoreError

LEAST_COPIES = 2
LOCK_WAIT_SECONDS = 20.0
"""Longer than a writer waits for a busy database while it holds the lock."""
_LOCK_POLL_SECONDS = 0.02


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
        resolved = tuple(Copy(copy.store.resolve(), copy.epoch.resolve()) for copy in copies)
        self._paths = [path for copy in resolved for path in (copy.store, copy.epoch)]
        if len(resolved) < LEAST_COPIES:
            raise KeyStoreError("too_few_copies", least=LEAST_COPIES)
        if len(set(self._paths)) < len(self._paths):
            raise KeyStoreError("copies_share_a_file")
        for copy in resolved:
            if copy.store.parent == copy.epoch.parent:
                raise KeyStoreError("epoch_secret_beside_key_store", path=str(copy.epoch))
        self._copies = Copies(resolved, provider)
        self._lock_path = lock_path

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
            return self._copies.create(vault_id)

    def load(self) -> KeyStore:
        """Read every copy.

        Returns:
            What all copies hold. If a crash left one of them a version behind, the newer has won and the older
            has been written again; a renewal of secrets that was begun is finished or dropped.

        Raises:
            KeyStoreError: ``key_…``, ``key_store_…`` or ``epoch_secret_…`` with the path of the file that is
                missing, empty, damaged, too open or of another vault; ``key_wrong`` if no copy opens;
                ``copies_differ`` if they are further apart; ``root_rotation_unfinished``; ``key_store_busy``.
        """
        try:
            store = self._copies.agreed()
        except KeyStoreError:
            # A writer may be between two files that belong together; whoever holds the lock sees them as they are.
            if not self._lock_path.exists():
                raise
            store = None
        if store is not None:
            return store
        with self._locked():
            return self._copies.settled()

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
        with self._locked():
            store, added = self._copies.settled().with_cohorts(wanted)
            if added:
                self._copies.write(store)
            if confirm is not None:
                confirm(store)
        return store, added

    def destroy_cohorts(
        self, key_ids: Iterable[bytes], confirm: Callable[[KeyStore], None] | None = None
    ) -> tuple[KeyStore, list[Cohort]]:
        """Destroy the keys of cohorts in every copy, and with them what any earlier state of the files could open.

        Every copy is sealed without them under a new epoch secret and read back before the old secrets are erased.
        A copy that cannot be reached stops this before anything is written: a key is gone from all copies or none.

        Args:
            key_ids: the cohorts; ones whose key is gone already are passed over.
            confirm: as in :meth:`make_cohorts`, called when the old secrets are erased.

        Returns:
            The store in force and the cohorts whose keys this call destroyed.

        Raises:
            KeyStoreError: as :meth:`load`; ``key_store_unwritable`` or ``epoch_secret_unwritable``: the next call, or
                the next start, finishes what was begun or drops it.
        """
        with self._locked():
            store, gone = self._copies.settled().without_cohorts(key_ids)
            if gone:
                self._copies.renew(store)
            if confirm is not None:
                confirm(store)
        return store, gone

    def begin_signing_key(self, confirm: Callable[[KeyStore], None] | None = None) -> KeyStore:
        """Write the signing key that is to follow into every copy, beside the one in force.

        Args:
            confirm: as in :meth:`make_cohorts`.

        Returns:
            The store in force; one that has such a key already is left as it is.

        Raises:
            KeyStoreError: as :meth:`make_cohorts`.
        """
        with self._locked():
            store = self._copies.settled()
            coming = store.with_next_signing()
            if coming is not store:
                self._copies.write(coming)
            if confirm is not None:
                confirm(coming)
        return coming

    def finish_signing_key(self, confirm: Callable[[KeyStore], None] | None = None) -> KeyStore:
        """Put the signing key that is to follow in force, and erase the old one from every copy.

        The copies are sealed under new epoch secrets, as when cohorts are destroyed: an earlier state of the files does
        not give the old key back.

        Args:
            confirm: as in :meth:`make_cohorts`.

        Returns:
            The store in force.

        Raises:
            KeyStoreError: as :meth:`destroy_cohorts`.
        """
        with self._locked():
            store = self._copies.settled()
            done = store.without_old_signing()
            if done is not store:
                self._copies.renew(done)
            if confirm is not None:
                confirm(done)
        return done

    def replace_root_key(self) -> KeyStore:
        """Seal every copy under a new root key and new epoch secrets, and erase the old ones.

        Returns:
            The store in force; its content and version are as before.

        Raises:
            KeyStoreError: as :meth:`destroy_cohorts`, or what the provider refuses.
        """
        with self._locked():
            store = self._copies.settled()
            self._copies.renew(store, new_root=True)
        return store

    def copy_out(self, place: Copy) -> None:
        """Write a copy that is not registered: no destruction of keys ever reaches it.

        Args:
            place: where to; nothing may lie there.

        Raises:
            KeyStoreError: as :meth:`load`; ``key_store_exists``, ``epoch_secret_exists``, or they cannot be written.
        """
        with self._locked():
            self._copies.settled()
            self._copies.copy_out(place)

    def states(self) -> list[CopyState]:
        """Look at each copy by itself, without repairing anything."""
        return self._copies.states()

    def _first_existing(self) -> Path | None:
        return next((path for path in self._paths if path.exists()), None)

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
