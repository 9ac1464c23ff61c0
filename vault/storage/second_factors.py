"""What is kept of second factors beside the accounts: taken time steps, and recovery codes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from vault.storage.tables import accounts, recovery_codes


def take_step(connection: Connection, account_id: bytes, sealed_totp: bytes, step: int) -> bool:
    """Take a time step of an account's second factor, once: of two at once one finds it taken.

    Args:
        connection: inside a writing transaction.
        account_id: the account.
        sealed_totp: the shared secret as stored; one that was replaced meanwhile takes no step.
        step: number of the time step (RFC 6238).

    Returns:
        Whether neither it nor a later one was taken before.
    """
    free = or_(accounts.c.totp_step.is_(None), accounts.c.totp_step < step)
    taking = update(accounts).where(accounts.c.account_id == account_id, accounts.c.sealed_totp == sealed_totp, free)
    return connection.execute(taking.values(totp_step=step)).rowcount == 1


def take_recovery_code(connection: Connection, account_id: bytes, code_hash: bytes, now: datetime) -> bool:
    """Use up a recovery code; returns whether there was such an unused one."""
    unused = update(recovery_codes).where(
        recovery_codes.c.account_id == account_id,
        recovery_codes.c.code_hash == code_hash,
        recovery_codes.c.used_at.is_(None),
    )
    return connection.execute(unused.values(used_at=now)).rowcount == 1


def replace_recovery_codes(connection: Connection, account_id: bytes, hashes: Iterable[bytes]) -> None:
    """Replace all recovery codes of an account; none ends with no codes."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    rows = [{"account_id": account_id, "code_hash": one} for one in hashes]
    if rows:
        connection.execute(insert(recovery_codes), rows)


def recovery_codes_left(connection: Connection, account_id: bytes) -> int:
    """Return how many recovery codes of an account are unused."""
    unused = recovery_codes.c.account_id == account_id, recovery_codes.c.used_at.is_(None)
    return int(connection.execute(select(func.count()).select_from(recovery_codes).where(*unused)).scalar_one())
