"""Putting a dump into an empty PostgreSQL database: closed to the vault until everything in it has been gone through.

The dump is loaded without its privileges. So the application's role, and with it every running process of the vault,
may do nothing in it; granting them is the last step, and opens it.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from vault.domain.backups import FileFacts
from vault.errors import SetupError, StorageError
from vault.storage import schema
from vault.storage.backup_folder import facts_of
from vault.storage.engine import plain_errors
from vault.storage.pg_tools import PgTools
from vault.storage.tables import metadata

_LOAD: Final = ("--single-transaction", "--no-owner", "--exit-on-error")
_OTHERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class PgPlace:
    """The place of a PostgreSQL database.

    Args:
        url: SQLAlchemy address of the migrator's role.
        bins: where PostgreSQL's programs lie; None for the search path.
    """

    may_replace = False
    """The operator makes another database: nothing of a server's is ours to set aside."""

    def __init__(self, url: str, bins: Path | None) -> None:
        self.url = url
        self._tools = PgTools(url, bins)

    def is_taken(self) -> bool:
        """Return whether any table lies there; the empty one of the schema's version counts as none."""
        with self._connected() as connection:
            return bool(set(inspect(connection).get_table_names()) - {"alembic_version"}) or _version(connection) != ""

    def require_unused(self) -> None:
        """Refuse while anybody else is connected."""
        with self._connected() as connection:
            self._tools.require(("pg_restore",), major(connection))
            if connection.execute(_OTHERS).scalar_one():
                raise SetupError("database_in_use")

    def load(self, source: Path, facts: FileFacts) -> None:
        """Load the dump in one transaction, without its privileges."""
        if facts_of(source) != facts:
            raise StorageError("backup_differs", name=source.name)
        if not self.is_taken():  # else an earlier run was killed behind its commit
            self.bring_in(source)

    def bring_in(self, source: Path) -> None:
        """Load a dump into an empty database, without its privileges."""
        with self._connected() as connection:
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
            connection.commit()
        self._tools.run("pg_restore", *_LOAD, "--no-privileges", str(source))

    def discard(self) -> None:
        """Remove every table and function of the vault."""
        if self.is_taken():
            schema.upgrade(self.url)
            schema.downgrade(self.url, "base")

    def put_in_place(self, source: Path, now: datetime) -> Path | None:
        """Grant what the dump says was granted, all at once, and let the server learn about its tables."""
        del now
        with self._tools.output("pg_restore", "--list", str(source)) as lines:
            grants = [line for line in lines if b" ACL " in line]
        if grants:
            with tempfile.NamedTemporaryFile() as chosen:
                chosen.writelines(grants)
                chosen.flush()
                self._tools.run("pg_restore", *_LOAD, f"--use-list={chosen.name}", str(source))
        with self._connected() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
        return None

    def rows(self) -> dict[str, int]:
        """Return how many rows each table holds."""
        with self._connected() as connection:
            return {
                name: int(connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one())  # noqa: S608  # nosec B608 - names of ours
                for name in metadata.tables
            }

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with _migrator(self.url) as engine, engine.connect() as connection:
            yield connection


@contextmanager
def scratch(url: str, bins: Path | None, prefix: str = "datavault_scratch_") -> Iterator[PgPlace]:
    """Give an empty database beside another one, and drop it whatever happens.

    Args:
        url: SQLAlchemy address of the migrator's role; it must be allowed to make databases.
        bins: where PostgreSQL's programs lie; None for the search path.
        prefix: how its name begins.

    Raises:
        SetupError: ``scratch_not_allowed``.
    """
    name = f"{prefix}{secrets.token_hex(8)}"
    with _migrator(url) as engine:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"))
            except ProgrammingError as error:
                if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                    raise SetupError("scratch_not_allowed") from None
                raise
        try:
            yield PgPlace(make_url(url).set(database=name).render_as_string(hide_password=False), bins)
        finally:
            drop_scratch(url, name)


def drop_scratch(url: str, name: str) -> None:
    """Drop a scratch database."""
    with _migrator(url) as engine, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def left_over(url: str, prefix: str) -> list[str]:
    """Return the scratch databases of killed runs: ours, and nobody is connected."""
    ours = text(
        "SELECT datname FROM pg_database WHERE starts_with(datname, :prefix)"
        " AND pg_get_userbyid(datdba) = current_user"
        " AND NOT EXISTS (SELECT 1 FROM pg_stat_activity s WHERE s.datname = pg_database.datname)"
    )
    with _migrator(url) as engine, engine.connect() as connection:
        return list(connection.execute(ours, {"prefix": prefix}).scalars())


@contextmanager
def _migrator(url: str) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with plain_errors():
            yield engine
    finally:
        engine.dispose()


def major(connection: Connection) -> int:
    """Return the server's major version."""
    return int(str(connection.exec_driver_sql("SHOW server_version_num").scalar())) // 10000


def _version(connection: Connection) -> str:
    """Return the revision that a database without tables says to be at; empty as it should be."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
