"""Replacing the key that signs the log: announced by the old one, believed from then on, and the old one erased.

The old key's last word is a key statement: a checkpoint of what it signed last, which names its successor and which
both have signed. It is kept beside the log for good, and travels with whatever the new key signs. From the moment it
lies in the file beside the checkpoints the new key signs, and nothing longer is believed of the old one.

The walk, each step done once and found again after a kill: the new key is written into every copy of the key store; the
statement into the file; the pin is published; statement and event are committed together; the old key is erased from
every copy. The next checkpoint is the new key's first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault.crypto.key_chain import KeyStatement, read_statement
from vault.crypto.key_store import KeyStore
from vault.crypto.signing import NoteSigner, key_id
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_keys import KeyChange
from vault.errors import AccessRefused, VaultError, VaultSealed
from vault.services.steps.keys import mirror
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.services.steps.signing import in_force, key_chain, key_statements, signer
from vault.storage import log_keys, vault_state
from vault.storage.unit_of_work import unit_of_work

__all__ = ["Changed", "SigningKey", "look", "rotate"]


@dataclass(frozen=True, slots=True)
class Changed:
    """One change of the signing key.

    Args:
        old: verifier key that was replaced.
        new: verifier key that follows it.
        size: events that the old one signed last.
        at: when.
    """

    old: str
    new: str
    size: int
    at: datetime

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of both keys, as verifiers and events name them."""
        return key_id(self.old), key_id(self.new)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The signing key in force.

    Args:
        key: the verifier key, to pin.
        since: since when it signs.
        size: events that it has signed.
        changes: by which it came to be, oldest first.
        is_begun: replacing a key was begun and not ended; the next run ends it.
    """

    key: str
    since: datetime
    size: int
    changes: tuple[Changed, ...]
    is_begun: bool

    @property
    def key_id(self) -> str:
        """Its id, as verifiers and events name it."""
        return key_id(self.key)


def look(parts: Parts) -> SigningKey:
    """Tell which key signs, and since when; nothing is changed.

    Raises:
        VaultSealed: there is no vault in the database, or ``signing_key_replaced``.
    """
    signed = parts.log_files.signed()
    with parts.database.read() as connection:
        key, chain = signer(parts, connection).verifier_key(), key_chain(parts, connection)
        store, since = parts.keys.current(connection), vault_state.created_at(connection)
        state = vault_state.read(connection)
    changes = tuple(sorted(map(_changed, chain.statements), key=lambda one: one.at))
    came = [one.at for one in changes if one.new == key]
    is_begun = state is not None and store.next_signer(state.origin) is not None
    size = 0 if signed is None else signed.frontier.size
    return SigningKey(key, max(came, default=since), size, changes, is_begun)


def rotate(parts: Parts, actor: Actor, seen: str, now: datetime) -> Changed:
    """Replace the signing key, or end what a killed run began; of two who do it at once one does.

    Args:
        parts: the vault's parts.
        actor: who does it.
        seen: verifier key in force, as they saw it: what was replaced meanwhile is not replaced again.
        now: UTC.

    Returns:
        The change.

    Raises:
        AccessRefused: ``signing_key_changed``: another key is in force than they saw.
        KeyStoreError: a copy cannot be reached or written.
        VaultSealed: the log cannot be signed, or ``signing_key_replaced``.
        StorageUnavailable: the folder of checkpoints cannot be written.
        LogUnavailable: the event could not be written.
    """
    try:
        settle(parts, now)  # the old key signs what has happened so far
        with parts.log_files.locked():  # nobody signs meanwhile
            done = _rotate(parts, actor, seen, now)
    except VaultError as error:
        outcome = Outcome.REFUSED if isinstance(error, AccessRefused) else Outcome.FAILED
        failed = parts.event(now, actor, Action.KEYS_SIGNING_ROTATED, outcome, reason=error.reason)
        parts.log_writer.write(failed)
        raise
    settle(parts, now)  # the new key's first checkpoint
    return done


def _rotate(parts: Parts, actor: Actor, seen: str, now: datetime) -> Changed:
    with parts.database.read() as connection:
        state = vault_state.read(connection)
        statements = key_statements(parts, connection)
    if state is None:
        raise VaultSealed("no_vault_here")
    store = parts.keys.files.load()
    if in_force(store, state.origin, statements).verifier_key() != seen:
        raise AccessRefused("signing_key_changed")

    def keep(written: KeyStore) -> None:
        """Set the mirror of the key store forward, while its lock is held."""
        mirror(parts.database, parts.policy, actor, written, now)

    # 1. Nothing is announced that could be lost.
    store = parts.keys.files.begin_signing_key(keep)
    parts.keys.adopt(store)
    old, new = store.signer(state.origin), store.next_signer(state.origin)
    if new is None:
        raise VaultSealed("signing_key_replaced", key=key_id(old.verifier_key()))
    # 2. From here on the new key signs.
    statement = _of(statements, old, new) or _state(parts, state.origin, old, new, now)
    parts.log_files.declare_key(statement.note)
    parts.log_files.publish_pin(statement.new)
    # 3. For other hosts, for backups, and for whoever reads the log.
    done = _changed(statement)
    with unit_of_work(parts.database) as work:
        if not log_keys.is_there(work.connection, done.old, done.new):
            log_keys.add(work.connection, done.old, done.new, done.size, statement.note, done.at)
            old_id, new_id = done.ids
            rotated, outcome = Action.KEYS_SIGNING_ROTATED, Outcome.DONE
            work.announce(parts.event(now, actor, rotated, outcome, old_key=old_id, new_key=new_id, size=done.size))
        work.commit()
    # 4. The old key is gone from every copy, and from what older copies of the files could open.
    parts.keys.adopt(parts.keys.files.finish_signing_key(keep))
    return done


def _of(statements: list[str], old: NoteSigner, new: NoteSigner) -> KeyStatement | None:
    """Return the statement that a killed run left about these two keys."""
    pair = (old.verifier_key(), new.verifier_key())
    told = filter(None, map(read_statement, statements))
    return next((one for one in told if (one.old, one.new) == pair), None)


def _state(parts: Parts, origin: str, old: NoteSigner, new: NoteSigner, now: datetime) -> KeyStatement:
    """Return a new statement about what was signed last, signed by both keys."""
    before = parts.log_files.signed()
    if before is None:
        raise VaultSealed("signer_memory_unreadable", path="signer.json")
    ledger = Checkpoint.parse(before.note.partition("\n\n")[0] + "\n").ledger
    change = KeyChange(now, old.public_key(), new.public_key())
    state = Checkpoint(origin, before.frontier.size, before.frontier.root(), ledger, change)
    return KeyStatement(state, now, old.verifier_key(), new.verifier_key(), new.cosign(old.sign(state.body())))


def _changed(statement: KeyStatement) -> Changed:
    return Changed(statement.old, statement.new, statement.state.size, statement.at)
