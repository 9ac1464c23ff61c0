"""The schema's version: Alembic, driven by these functions and by nothing else, so that no ini file is needed.

Migrations run as the migrator (on PostgreSQL the role that owns the tables) and never decrypt.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import make_url

from vault.errors import SetupError, StorageError
from vault.storage.engine import Database, plain_errors
from vault.storage.turns import writers_turn

APPLICATION_ROLE = "datavault_app"
"""The PostgreSQL role of the running vault; migrations grant it what it needs, and no more."""

_SQLITE_PATIENCE_SECONDS = 30


def upgrade(url: str, to: str = "head") -> None:
    """Bring a database up to a revision, in one transaction on both engines; a missing SQLite file is made.

    Args:
        url: SQLAlchemy address; on PostgreSQL of the migrator's role.
        to: revision id.

    Raises:
        StorageError: no such revision, or a step failed; nothing was changed.
        StorageUnavailable: the database does not answer.
    """
    _migrate(url, command.upgrade, to)


def downgrade(url: str, to: str) -> None:
    """Take a database back to a revision; the rows of dropped tables are lost.

    Args:
        url: SQLAlchemy address; on PostgreSQL of the migrator's role.
        to: revision id, or ``base`` to remove everything.

    Raises:
        StorageError: no such revision, or a step failed; nothing was changed.
        StorageUnavailable: the database does not answer.
    """
    _migrate(url, command.downgrade, to)


def current(url: str) -> str | None:
    """Return the revision a database is at, or None for an empty or missing one.

    Args:
        url: SQLAlchemy address; the application's role may ask too.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    file = make_url(url).database
    database = Database(url, pool_size=1)
    if database.is_sqlite and not Path(file or "").exists():
        return None
    try:
        return revision_of(database)
    finally:
        database.dispose()


def revision_of(database: Database) -> str | None:
    """Return the revision an open database is at, or None for an empty one.

    Args:
        database: opened for either role.

    Raises:
        StorageUnavailable: the database does not answer.
    """
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """Return the revision that this code needs."""
    return _newest(_folder())


@cache  # the code of a process does not change, and whoever asks whether the vault is ready asks often
def _newest(folder: Path) -> str:
    revision = ScriptDirectory(str(folder)).get_current_head()
    if revision is None:
        raise SetupError("migrations_missing")
    return revision


def grant_to_application(privileges: str, *tables: str) -> None:
    """Grant table privileges to the application's role; for migrations, a no-op where there is no such role.

    Args:
        privileges: as SQL lists them, such as ``SELECT, INSERT``.
        tables: their names.
    """
    connection = op.get_bind()
    if has_application_role(connection):
        for table in tables:
            op.execute(f"GRANT {privileges} ON TABLE {table} TO {APPLICATION_ROLE}")


def has_application_role(connection: Connection) -> bool:
    """Return whether this is a PostgreSQL that knows the application's role."""
    if connection.dialect.name != "postgresql":
        return False
    known = text("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = :role")
    return connection.execute(known, {"role": APPLICATION_ROLE}).first() is not None


def _migrate(url: str, step: Callable[[Config, str], None], to: str) -> None:
    engine = _migrator(url)
    try:
        with _alone(url), plain_errors(), engine.connect() as connection:
            config = _config()
            config.attributes["connection"] = connection  # migrations/env.py runs the steps on it
            step(config, to)
    except CommandError:
        raise StorageError("unknown_revision") from None
    finally:
        engine.dispose()


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Wait on SQLite for the writers' turn: switching a new file to WAL fails at once where another one writes."""
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        yield
        return
    turn = writers_turn(str(target.database))
    try:
        with turn.taken(time.monotonic() + _SQLITE_PATIENCE_SECONDS):
            with suppress(OSError):  # SQLite says itself why it cannot; its other files take over the mode of this one
                Path(str(target.database)).touch(mode=0o600)
            yield
    finally:
        turn.close()


def _config() -> Config:
    config = Config()
    # Alembic fills in %(…)s, so a percent sign in a path must be doubled.
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    return config


def _folder() -> Path:
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):  # in a wheel; in a checkout
        if (folder / "env.py").is_file():
            return folder
    raise SetupError("migrations_missing")


def _migrator(url: str) -> Engine:
    target = make_url(url)
    if target.get_backend_name() != "sqlite":
        return create_engine(target, poolclass=NullPool, hide_parameters=True)
    engine = create_engine(
        target,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": _SQLITE_PATIENCE_SECONDS, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        """Set a new connection up for changes of the schema."""
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA secure_delete = 1")
        # SQLite changes a table by copying and dropping it, which must not touch the rows that refer to it;
        # env.py checks every reference before the commit.
        connection.execute("PRAGMA foreign_keys = 0")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """Take the writer's turn at once."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
