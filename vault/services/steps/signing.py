"""The signing key in force, and the statements that connect it with those before it.

What is stored decides, at each use: a key that a statement has replaced signs nothing any more, in no process, whether
or not the replacing got any further. So a kill between two of its steps leaves a log that goes on.
"""

from __future__ import annotations

from sqlalchemy import Connection

from vault.crypto.key_chain import KeyChain, read_statement
from vault.crypto.key_store import KeyStore
from vault.crypto.signing import NoteSigner, key_id
from vault.errors import VaultSealed
from vault.services.steps.parts import Parts
from vault.storage import log_keys, vault_state


def key_statements(parts: Parts, connection: Connection) -> list[str]:
    """Return every key statement, of the database and of the file beside the checkpoint.

    Neither need hold all: a database that went back in time has lost the last one, and each host keeps its own file.
    """
    return list(dict.fromkeys([*parts.log_files.keys(), *log_keys.notes(connection)]))


def signer(parts: Parts, connection: Connection) -> NoteSigner:
    """Return the log's signer, under the origin that the database names.

    Raises:
        VaultSealed: there is no vault in the database, or ``signing_key_replaced``.
    """
    state = vault_state.read(connection)
    if state is None:
        raise VaultSealed("no_vault_here")
    return in_force(parts.keys.current(connection), state.origin, key_statements(parts, connection))


def in_force(store: KeyStore, origin: str, statements: list[str]) -> NoteSigner:
    """Return the signer whose key no statement has replaced.

    Args:
        store: the key store.
        origin: the log's name.
        statements: key statements; those that their two keys did not sign say nothing.

    Raises:
        VaultSealed: ``signing_key_replaced``: the key store is an old one, or somebody who has its key replaced it.
    """
    successors: dict[str, set[str]] = {}
    for one in map(read_statement, statements):
        if one is not None:
            successors.setdefault(one.old, set()).add(one.new)
    signer, coming = store.signer(origin), store.next_signer(origin)
    old = signer.verifier_key()
    if old not in successors:
        return signer
    # Only the one that was announced: whoever stole the old key can announce another, and then nothing is signed.
    if coming is None or successors[old] != {coming.verifier_key()} or coming.verifier_key() in successors:
        raise VaultSealed("signing_key_replaced", key=key_id(old))
    return coming


def key_chain(parts: Parts, connection: Connection) -> KeyChain:
    """Return the keys of this log, those that were replaced among them, as the one in force vouches for them.

    Raises:
        VaultSealed: as :func:`signer`.
    """
    return KeyChain(signer(parts, connection).verifier_key(), key_statements(parts, connection))
