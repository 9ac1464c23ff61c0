"""The keys as their keeper sees them: what there is, and replacing the root key. Never a key itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from vault.crypto.key_store_copies import CopyState
from vault.domain.cohorts import CohortState
from vault.domain.ids import RecordClass
from vault.domain.log import Action, Actor, Outcome
from vault.errors import VaultError
from vault.services.steps.parts import Parts
from vault.services.steps.signing import signer
from vault.storage import cohorts

__all__ = ["ClassKeys", "CopyState", "Keys", "rotate_root", "status"]


@dataclass(frozen=True, slots=True)
class ClassKeys:
    """The cohorts of one class.

    Args:
        record_class: the class.
        states: how many cohorts are in each state.
        first: last day of the earliest cohort that still has a key; None without any.
        last: last day of the latest.
    """

    record_class: RecordClass
    states: dict[CohortState, int]
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class Keys:
    """What there is.

    Args:
        copies: each registered copy by itself.
        version: of the key store in force.
        fingerprint: equal on two nodes exactly if their key stores are.
        classes: cohorts by class.
        pin: the verifier key that signs this vault's checkpoints and certificates now.
        ledger: entries of the ledger.
    """

    copies: list[CopyState]
    version: int
    fingerprint: str
    classes: list[ClassKeys]
    pin: str
    ledger: int


def status(parts: Parts) -> Keys:
    """Tell what keys there are.

    Raises:
        VaultSealed: the vault has no row of its own, or its ledger is damaged.
    """
    with parts.database.read() as connection:
        store = parts.keys.current(connection)
        pin = signer(parts, connection).verifier_key()
        rows = cohorts.listed(connection)
    classes = []
    for record_class in RecordClass:
        mine = [row for row in rows if row.cohort.record_class is record_class]
        living = [row.cohort.end_on for row in mine if row.state is not CohortState.DESTROYED]
        states = {one: sum(row.state is one for row in mine) for one in CohortState}
        classes.append(ClassKeys(record_class, states, min(living, default=None), max(living, default=None)))
    copies = parts.keys.files.states()
    return Keys(copies, store.version, store.fingerprint(), classes, pin, parts.ledger.head().count)


def rotate_root(parts: Parts, actor: Actor, now: datetime) -> int:
    """Replace the root key and every epoch secret; what was sealed under the old ones opens nothing any more.

    Killed anywhere, the next start finds out how far it came: either the old root key is still in force and nothing has
    happened, or the new one is taken on to the end. The log says that it was begun, and that it was done.

    Args:
        parts: the vault's parts.
        actor: who does it.
        now: UTC.

    Returns:
        How many copies are sealed under the new root key.

    Raises:
        KeyStoreError: a copy or the root key's place cannot be reached or written, or a new passphrase is refused.
        LogUnavailable: the event could not be written; nothing was changed.
    """
    copies = len(parts.keys.files.states())
    parts.log_writer.write(
        parts.event(now, actor, Action.KEYS_ROOT_ROTATED, Outcome.GRANTED, copies=copies, mode="begun")
    )
    try:
        store = parts.keys.files.replace_root_key()
    except VaultError as error:
        failed = parts.event(now, actor, Action.KEYS_ROOT_ROTATED, Outcome.FAILED, copies=copies, reason=error.reason)
        parts.log_writer.write(failed)
        raise
    done = parts.event(now, actor, Action.KEYS_ROOT_ROTATED, Outcome.DONE, copies=copies, version=store.version)
    parts.log_writer.write(done)
    return copies
