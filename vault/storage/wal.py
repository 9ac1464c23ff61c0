"""SQLite's write-ahead log: what was changed or erased stands in it too, until it is cut to nothing."""

from __future__ import annotations

import time
from typing import Any

from vault.storage.engine import PATIENCE_SECONDS, Database, plain_errors

TRIES = 40
_EACH_MILLISECONDS, _PAUSE_SECONDS = 20, 0.03
"""Cutting keeps writers out while it waits for readers: so it waits for them often and shortly, never long."""


def truncate(database: Database) -> bool:
    """Bring everything from the write-ahead log into the database file and cut the log to nothing.

    With a reader open SQLite does part of it and reports success; only its *busy* flag tells.

    Args:
        database: on PostgreSQL there is nothing to do.

    Returns:
        Whether the log is empty now; False if readers were in the way each time.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    if not database.is_sqlite:
        return True
    with plain_errors(), database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection  # outside any transaction, where alone it works
        driver.execute("PRAGMA wal_checkpoint(PASSIVE)")  # most of the work, and it keeps nobody waiting
        driver.execute(f"PRAGMA busy_timeout = {_EACH_MILLISECONDS}")
        try:
            for _ in range(TRIES):
                busy, *_rest = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    return True
                time.sleep(_PAUSE_SECONDS)
        finally:
            driver.execute(f"PRAGMA busy_timeout = {int(PATIENCE_SECONDS * 1000)}")
    return False
