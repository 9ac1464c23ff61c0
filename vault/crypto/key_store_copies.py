"""The registered copies of the key store as files: read, evened out, written, and sealed anew under new secrets.

Sealing anew is how a key is destroyed: the epoch secret of each copy gets a successor beside it, every copy is sealed
under its successor and read back, and only then the old secrets are erased. What any earlier state of the files was
sealed under is then gone, wherever a copy of such a file may lie. The root key is replaced in the same way.

Killed anywhere, the next start finds out how far it came: while no copy is sealed under a successor, the successors are
dropped and nothing has happened; once one is, the others follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
    create_private,
    drop_successor,
    is_being_replaced,
    publish_private,
    read_private,
    retire_private,
    stage_private,
    successor,
)
from vault.crypto.providers import RootKey, RootKeyProvider
from vault.errors import KeyStoreError


@dataclass(frozen=True, slots=True)
class Copy:
    """One registered copy.

    Args:
        store: the store file.
        epoch: its epoch file, in another folder.
    """

    store: Path
    epoch: Path


@dataclass(frozen=True, slots=True)
class CopyState:
    """What one copy is like now.

    Args:
        path: its store file.
        version: the version it holds; 0 when it cannot be read.
        epoch_since: since when its epoch secret is in force, UTC; None when that file is not there.
        fault: why it cannot be read; empty when it can.
    """

    path: Path
    version: int
    epoch_since: datetime | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A copy that was read: what it holds, and whether it is sealed under a successor."""

    copy: Copy
    store: KeyStore
    next_root: bool
    next_epoch: bool


class Copies:
    """The copies; whoever changes any of them holds the lock of :mod:`vault.crypto.key_store_files`.

    Args:
        copies: their files.
        provider: where the root key comes from.
    """

    def __init__(self, copies: Sequence[Copy], provider: RootKeyProvider) -> None:
        self._copies = tuple(copies)
        self._provider = provider

    def create(self, vault_id: bytes) -> KeyStore:
        """Write the first version.

        Raises:
            KeyStoreError: what the provider and the folders refuse.
        """
        root_key = self._provider.root_key()
        store = KeyStore.fresh(vault_id)
        for copy in self._copies:
            create_private(copy.epoch, "epoch_secret", fresh_epoch_file())
            sealed = seal_store(store, root_key, _read_epoch(copy.epoch))
            create_private(copy.store, "key_store", sealed)
        self._confirm(store)
        return store

    def copy_out(self, place: Copy) -> None:
        """Write both files of the first copy elsewhere.

        Raises:
            KeyStoreError: they cannot be read or written.
        """
        first = self._copies[0]
        create_private(place.epoch, "epoch_secret", read_private(first.epoch, "epoch_secret", EPOCH_FILE_BYTES))
        create_private(place.store, "key_store", read_private(first.store, "key_store", LONGEST_STORE_BYTES))

    def agreed(self) -> KeyStore | None:
        """Return what all copies hold, or None if a writer is at work or was killed at it.

        Raises:
            KeyStoreError: as :meth:`settled`.
        """
        opened = self._read()
        if self._has_leftovers() or not all(one.store.same_as(opened[0].store) for one in opened):
            return None
        return opened[0].store

    def settled(self) -> KeyStore:
        """Read every copy, and finish or drop what a killed writer left.

        Raises:
            KeyStoreError: a file is missing, empty, damaged, too open or of another vault, with its path; ``key_wrong``
                if no copy opens; ``copies_differ`` if they are further apart than one write;
                ``root_rotation_unfinished`` if a copy is under a passphrase that was not given.
        """
        opened = self._read()
        newest = max(opened, key=lambda one: one.store.version).store
        behind = [one for one in opened if not one.store.same_as(newest)]
        for one in behind:
            if not newest.succeeds(one.store):
                raise KeyStoreError("copies_differ", path=str(one.copy.store))
        if any(one.next_root or one.next_epoch for one in opened):
            self._roll_forward(opened, newest)
            return newest
        if self._has_leftovers():
            self._drop_successors()
        if behind:
            self._put(newest, [one.copy for one in behind], self._provider.root_key())
        return newest

    def write(self, store: KeyStore) -> None:
        """Write the next version under the secrets in force, and read it back.

        Raises:
            KeyStoreError: ``key_store_unwritable``.
        """
        self._put(store, self._copies, self._provider.root_key())

    def renew(self, store: KeyStore, *, new_root: bool = False) -> None:
        """Seal a store under new epoch secrets, and erase the old ones once every copy was read back.

        Args:
            store: what is sealed from now on.
            new_root: replace the root key too.

        Raises:
            KeyStoreError: ``epoch_secret_unwritable``, ``key_store_unwritable``, or what the provider refuses.
        """
        root_key = self._provider.begin() if new_root else self._provider.root_key()
        for copy in self._copies:
            create_private(successor(copy.epoch), "epoch_secret", fresh_epoch_file())
        self._put(store, self._copies, root_key)
        self._finish(new_root=new_root)

    def states(self) -> list[CopyState]:
        """Look at each copy by itself; one that cannot be read says why."""
        return [self._state(copy) for copy in self._copies]

    # -- reading -------------------------------------------------------------------------------------------------

    def _read(self) -> list[_Opened]:
        opened: list[_Opened] = []
        refused: list[Path] = []
        for copy in self._copies:
            one = self._open(copy)
            if one is None:
                refused.append(copy.store)
            else:
                opened.append(one)
        if not opened:
            raise KeyStoreError("key_wrong", path=str(refused[0]))
        if refused:
            # A root key is right, since it opens another copy.
            reason = "root_rotation_unfinished" if self._provider.begun() else "key_store_damaged"
            raise KeyStoreError(reason, path=str(refused[0]))
        for one in opened:
            if one.store.vault_id != opened[0].store.vault_id:
                raise KeyStoreError("key_store_other_vault", path=str(one.copy.store))
        return opened

    def _open(self, copy: Copy) -> _Opened | None:
        data = read_private(copy.store, "key_store", LONGEST_STORE_BYTES)
        for root_key, next_root in self._root_keys():
            for epoch, next_epoch in _epochs(copy):
                try:
                    return _Opened(copy, open_store(data, root_key, epoch), next_root, next_epoch)
                except KeyStoreError as error:
                    if error.reason != "key_wrong":
                        raise KeyStoreError(error.reason, path=str(copy.store)) from None
        return None

    def _root_keys(self) -> Iterator[tuple[RootKey, bool]]:
        """Yield the root key in force, then its successor if one was begun and is needed."""
        begun = self._provider.begun()
        try:
            in_force: RootKey | None = self._provider.root_key()
        except KeyStoreError as error:
            if error.reason != "key_missing" or not begun:  # killed between setting it aside and putting the new one
                raise
            in_force = None
        if in_force is not None:
            yield in_force, False
        if begun:
            try:
                coming = self._provider.next_key()
            except KeyStoreError:  # killed while writing it, or its passphrase is not at hand
                return
            yield coming, True

    def _state(self, copy: Copy) -> CopyState:
        try:
            since = datetime.fromtimestamp(copy.epoch.stat().st_mtime, UTC)
        except OSError:
            since = None
        try:
            opened = self._open(copy)
        except KeyStoreError as error:
            return CopyState(copy.store, 0, since, error.reason)
        if opened is None:
            return CopyState(copy.store, 0, since, "key_wrong")
        return CopyState(copy.store, opened.store.version, since)

    # -- writing -------------------------------------------------------------------------------------------------

    def _put(self, store: KeyStore, copies: Iterable[Copy], root_key: RootKey) -> None:
        staged = []
        for copy in copies:
            coming = successor(copy.epoch)
            epoch = _read_epoch(coming if coming.exists() else copy.epoch)
            staged.append((stage_private(copy.store, "key_store", seal_store(store, root_key, epoch)), copy.store))
        for new, path in staged:
            publish_private(new, path, "key_store")
        self._confirm(store)

    def _confirm(self, written: KeyStore) -> None:
        for one in self._read():
            # A copy with a successor that is not sealed under it would be lost with the secret about to be erased.
            if not one.store.same_as(written) or (successor(one.copy.epoch).exists() and not one.next_epoch):
                raise KeyStoreError("copies_differ", path=str(one.copy.store))

    def _roll_forward(self, opened: Sequence[_Opened], newest: KeyStore) -> None:
        new_root = any(one.next_root for one in opened)
        late = [
            one.copy
            for one in opened
            if not one.store.same_as(newest)
            or (new_root and not one.next_root)
            or (successor(one.copy.epoch).exists() and not one.next_epoch)
        ]
        if late:
            self._put(newest, late, self._provider.next_key() if new_root else self._provider.root_key())
        self._finish(new_root=new_root)

    def _finish(self, *, new_root: bool) -> None:
        for copy in self._copies:
            retire_private(copy.epoch, "epoch_secret")
        if new_root:
            self._provider.finish()

    def _has_leftovers(self) -> bool:
        """Return whether a renewal has begun and not ended."""
        return self._provider.begun() or any(is_being_replaced(copy.epoch) for copy in self._copies)

    def _drop_successors(self) -> None:
        for copy in self._copies:
            drop_successor(copy.epoch, "epoch_secret")
        self._provider.abandon()


def _epochs(copy: Copy) -> Iterator[tuple[bytes, bool]]:
    """Yield the epoch secret in force, then its successor if there is one and it is needed."""
    coming = successor(copy.epoch)
    try:
        in_force: bytes | None = _read_epoch(copy.epoch)
    except KeyStoreError as error:
        if error.reason != "epoch_secret_missing" or not coming.exists():
            raise
        in_force = None  # killed between setting it aside and putting the new one in its place
    if in_force is not None:
        yield in_force, False
    if coming.exists():
        try:
            following = _read_epoch(coming)
        except KeyStoreError:  # killed while writing it, so nothing is sealed under it
            return
        yield following, True


def _read_epoch(path: Path) -> bytes:
    try:
        return epoch_secret(read_private(path, "epoch_secret", EPOCH_FILE_BYTES))
    except KeyStoreError as error:
        raise KeyStoreError(error.reason, **{"path": str(path), **error.facts}) from None
