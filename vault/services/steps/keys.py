"""The key store in force in this process, making cohorts ahead of need, and mirroring what changed in it."""

from __future__ import annotations

import threading
from datetime import datetime

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.crypto.key_store_files import KeyStoreFiles
from vault.domain.cohorts import Cohort, wanted
from vault.domain.log import Action, Actor, Event, Outcome
from vault.domain.policy import Policy
from vault.errors import KeyStoreError, VaultSealed
from vault.storage import cohorts, records, vault_state
from vault.storage.engine import Database
from vault.storage.unit_of_work import unit_of_work


class KeyRing:
    """The key store as this process knows it; reloads when the database says that it has moved on.

    Args:
        files: the registered copies.
        store: what they held at start.
    """

    def __init__(self, files: KeyStoreFiles, store: KeyStore) -> None:
        self.files = files
        self._store = store
        self._reloading = threading.Lock()

    def current(self, connection: Connection) -> KeyStore:
        """Return the key store that belongs to the database's mirrored version.

        Args:
            connection: an open connection.

        Raises:
            VaultSealed: the database has seen a later key store than the files hold.
        """
        version = records.key_store_version(connection)
        store = self._store
        # A row behind the file is the moment between the two writes; a row ahead means an old file.
        return store if version <= store.version else self._reload(version)

    def _reload(self, version: int) -> KeyStore:
        with self._reloading:
            if version > self._store.version:
                try:
                    self._store = self.files.load()
                except KeyStoreError as error:
                    raise VaultSealed("key_store_unreadable", cause=error.reason) from None
            if version > self._store.version:
                raise VaultSealed("key_store_older", version=self._store.version, expected=version)
            return self._store

    def adopt(self, store: KeyStore) -> None:
        """Take over the store this process has just written."""
        with self._reloading:
            if store.version > self._store.version:
                self._store = store


def make_cohorts_ahead(database: Database, keys: KeyRing, policy: Policy, actor: Actor, now: datetime) -> list[Cohort]:
    """Make every cohort the policy wants by now; safe to repeat, single across processes.

    Order: the key store's files are written first and read back, then, still under the writer's lock, the
    database's mirror is set forward with the cohorts' rows and the event. A month that was closed is not made again,
    even if the clock went back to it: its class and last day stand for a key that is gone.

    Returns:
        The cohorts this call made.
    """
    today = now.astimezone(policy.zone).date()
    with database.read() as connection:
        closed = cohorts.closed_months(connection)
    missing = [pair for pair in wanted(policy.cohort_rules(), today) if pair not in closed]
    store, made = keys.files.make_cohorts(missing, lambda one: mirror(database, policy, actor, one, now))
    keys.adopt(store)
    return made


def mirror(database: Database, policy: Policy, actor: Actor, store: KeyStore, now: datetime) -> None:
    """Set the database's mirror of the key store forward, with the rows of cohorts that have none yet.

    Call it while the key store's lock is held, with the store that was just written and read back.
    """
    known_version, rows = _mirrored(database)
    missing = [cohort for cohort in store.cohorts() if cohort.key_id not in rows]
    if known_version == store.version and not missing:
        return
    with unit_of_work(database) as work:
        vault_state.mirror_key_store(work.connection, store.version, missing, now)
        if missing:
            facts = {"cohorts": len(missing), "version": store.version}
            work.announce(Event(now, actor, Action.KEYS_COHORTS, Outcome.DONE, policy.digest, facts=facts))
        work.commit()


def _mirrored(database: Database) -> tuple[int, frozenset[bytes]]:
    with database.read() as connection:
        return records.key_store_version(connection), vault_state.cohort_ids(connection)
