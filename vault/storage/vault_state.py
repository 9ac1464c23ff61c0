"""The one row that says which vault this is, and the cohorts' rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, inspect, select, text, update

from vault.domain.cohorts import Cohort, CohortState
from vault.errors import StorageError
from vault.storage.tables import cohorts, vault_state


@dataclass(frozen=True, slots=True)
class VaultState:
    """Which vault this database belongs to."""

    vault_id: bytes
    origin: str
    pin: str
    key_store_version: int


def read(connection: Connection) -> VaultState | None:
    """Return the vault's row, or None in an empty database."""
    if not inspect(connection).has_table(vault_state.name):
        return None
    row = connection.execute(
        select(vault_state.c.vault_id, vault_state.c.origin, vault_state.c.pin, vault_state.c.key_store_version)
    ).first()
    return None if row is None else VaultState(*row)


def created_at(connection: Connection) -> datetime:
    """Return when the vault was set up, UTC."""
    moment: datetime = connection.execute(select(vault_state.c.created_at)).scalar_one()
    return moment


def create(connection: Connection, state: VaultState, created_at: datetime) -> None:
    """Insert the vault's row."""
    connection.execute(
        insert(vault_state).values(
            singleton=1,
            vault_id=state.vault_id,
            origin=state.origin,
            pin=state.pin,
            key_store_version=state.key_store_version,
            created_at=created_at,
        )
    )


def mirror_key_store(connection: Connection, version: int, made: Iterable[Cohort], created_at: datetime) -> None:
    """Set the mirrored key store version forward and add the rows (and partitions) of new cohorts.

    Args:
        connection: inside a writing transaction.
        version: the version now in the key store's files.
        made: cohorts that have no row yet; ones that have are left alone.
        created_at: when.
    """
    connection.execute(
        update(vault_state).where(vault_state.c.key_store_version < version).values(key_store_version=version)
    )
    known = cohort_ids(connection)
    fresh = [cohort for cohort in made if cohort.key_id not in known]
    if not fresh:
        return
    connection.execute(
        insert(cohorts),
        [
            {
                "cohort_id": cohort.key_id,
                "record_class": cohort.record_class.value,
                "end_on": cohort.end_on,
                "state": CohortState.OPEN.value,
                "created_at": created_at,
            }
            for cohort in fresh
        ],
    )
    if connection.dialect.name == "postgresql":
        # The one piece of DDL the application may cause: a function owned by the migrator (migrations/).
        for cohort in fresh:
            connection.execute(text("SELECT datavault_make_partition(:cohort_id)"), {"cohort_id": cohort.key_id})


def cohort_ids(connection: Connection) -> frozenset[bytes]:
    """Return the key ids of all cohorts that have a row."""
    return frozenset(connection.execute(select(cohorts.c.cohort_id)).scalars())


def require_open(connection: Connection, cohort_ids: Iterable[bytes], version: int) -> None:
    """Hold the cohorts open until this transaction ends, and refuse to seal with an outdated key store.

    Args:
        connection: inside a writing transaction.
        cohort_ids: cohorts about to be sealed into.
        version: the key store version the sealing was done with.

    Raises:
        StorageError: a cohort is not open any more, or the key store has changed since.
    """
    wanted = set(cohort_ids)
    query = (
        select(cohorts.c.cohort_id)
        .where(cohorts.c.cohort_id.in_(wanted), cohorts.c.state == CohortState.OPEN.value)
        .with_for_update(read=True)
    )
    if set(connection.execute(query).scalars()) != wanted:
        raise StorageError("cohort_not_open")
    if connection.execute(select(vault_state.c.key_store_version)).scalar_one() != version:
        raise StorageError("key_store_changed")
