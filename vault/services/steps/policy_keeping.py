"""Keeping the text of the policy in force, once for each digest, so that an export can show which rules decided."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from vault.domain.log import Action, Actor, Outcome
from vault.errors import StorageError, StorageUnavailable
from vault.services.steps.parts import Parts
from vault.storage import policy_texts
from vault.storage.policy_files import policy_texts as read_texts
from vault.storage.unit_of_work import unit_of_work


def keep_policy(parts: Parts, folder: Path, actor: Actor, now: datetime) -> None:
    """Keep the policy's files if its digest was never seen; the event says so once.

    Args:
        parts: the vault's parts.
        folder: where the policy was read from.
        actor: who opened the vault.
        now: UTC.

    Raises:
        StorageUnavailable: the database does not take it.
    """
    digest = parts.policy.digest
    with parts.database.read() as connection:
        if policy_texts.knows(connection, digest):
            return
    found, files = read_texts(folder)
    if found != digest:
        return  # edited since it was loaded: whoever loads the new one keeps that
    try:
        with unit_of_work(parts.database) as work:
            policy_texts.keep(work.connection, digest, files)
            work.announce(parts.event(now, actor, Action.POLICY_LOADED, Outcome.DONE, count=len(files)))
            work.commit()
    except StorageUnavailable:
        raise
    except StorageError as error:
        if error.reason != "conflict":  # another process kept it in the same moment
            raise
