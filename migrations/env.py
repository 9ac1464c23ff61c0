"""How Alembic runs a step here: on the connection that ``vault.storage.schema`` hands over, one migrator at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from vault.errors import StorageError
from vault.storage.tables import metadata

_MIGRATION_LOCK = 0x6D69_6772  # any constant; names the advisory lock of migrations


def run(connection: Connection) -> None:
    """Run the wanted steps in one transaction."""
    is_sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=is_sqlite,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        # The version is read after the lock, so a second migrator finds nothing left to do. SQLite's lock is
        # its transaction, which began IMMEDIATE.
        if not is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        context.run_migrations()
        if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise StorageError("reference_broken_by_migration")


run(context.config.attributes["connection"])
