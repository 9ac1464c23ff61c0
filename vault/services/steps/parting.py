"""What ends with an account, and what becomes of records it owned: steps of off-boarding, and of a restore."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from vault.crypto.key_store import KeyStore
from vault.domain.people import AccountState
from vault.services.steps.opening import check
from vault.storage import api_tokens, grants, leaving, sessions
from vault.storage.people import Account
from vault.storage.record_writes import Change
from vault.storage.records import StoredRecord

AT_ONCE: Final = 200
"""Records handed on in one go, and named in one event."""

LEFT: Final[dict[str, Any]] = {"state": AccountState.LEFT.value} | dict.fromkeys(
    (
        "password",
        "password_changed_at",
        "password_expired_at",
        "invite_hash",
        "invite_expires_at",
        "sealed_totp",
        "totp_confirmed_at",
        "totp_step",
    )
)
"""What an account keeps of its person's ways in: nothing. The name stays, sealed: the log speaks of work numbers."""


def end_access(connection: Connection, account: Account, now: datetime) -> None:
    """End everything by which an account gets in or sees anything.

    Args:
        connection: inside a writing transaction.
        account: whose.
        now: UTC.
    """
    sessions.end_all(connection, account.account_id, now)
    api_tokens.end_all(connection, account.account_id, now)
    grants.end_all_of(connection, account.account_id, now)
    grants.end_untaken_of(connection, account.account_id, now)
    leaving.end_requests(connection, account.account_id, now)
    leaving.forget_secrets(connection, account.account_id)


def given(store: KeyStore, found: StoredRecord, heir: Account | None, now: datetime) -> Change:
    """Return a record with another owner: the metadata MAC is made anew, nothing is opened.

    Args:
        store: the key store in force.
        found: the record.
        heir: who owns it from now on; None for the pool.
        now: UTC.

    Raises:
        IntegrityError: it was edited behind the vault's back.
    """
    check(store, found)
    meta = found.meta.with_owner(heir.account_id if heir else None)
    return Change(meta, store.keys_of(meta.cohort_id).mac(meta), found.revision, now)
