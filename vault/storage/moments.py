"""Telling cheaply whether anybody has committed anything between two looks at the database."""

from __future__ import annotations

from sqlalchemy import Connection

from vault.storage.lists import ask

_IDENTITY = "datavault_identity"


def moment(connection: Connection) -> object:
    """Return a value that is met again only while nobody has committed anything in between.

    Take it before the first look, and again inside the writing transaction. On SQLite two moments are equal on one
    and the same connection only: its data version counts what others commit, its changes what it wrote itself.

    Args:
        connection: an open connection.
    """
    if connection.dialect.name == "sqlite":
        ((version,),) = ask(connection, "PRAGMA data_version")
        changes = connection.connection.driver_connection.total_changes  # type: ignore[union-attr]  # as in `ask`
        return connection.info.setdefault(_IDENTITY, object()), version, changes
    return ask(connection, "SELECT pg_current_snapshot()::text")
