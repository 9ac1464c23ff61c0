"""The database: one file of SQLite or a PostgreSQL, with the same promises on both.

A commit is durable when it returns (SQLite: WAL with ``synchronous=FULL``; PostgreSQL: ``synchronous_commit``
on), writers on SQLite take turns, and a database that is locked, full, read-only or gone is one error that
carries no parameter and no value.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from vault.errors import SetupError, StorageError, StorageUnavailable
from vault.storage.bounded_postgresql import BoundedConnection
from vault.storage.turns import writers_turn

PATIENCE_SECONDS = 1.5
"""How long anything waits for the database before the answer is 503."""

_WRITE = "datavault_write"
_LAST_TRY_SECONDS = 0.1
_FILE = "datavault_file"
_LOOKED_AT = "datavault_looked_at"
_PRAGMAS: dict[str, str | int] = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a commit that returned survives power loss
    "secure_delete": 1,
    "foreign_keys": 1,
}
_TUNING = ("cache_size = -65536", "mmap_size = 1073741824", "temp_store = memory")


class Database:
    """Connections to one database.

    Args:
        url: SQLAlchemy address, ``sqlite:///…`` or ``postgresql+psycopg://…``.
        pool_size: connections kept, about one for each thread.
    """

    def __init__(self, url: str, pool_size: int = 16) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if not self.is_sqlite and self.url.drivername != "postgresql+psycopg":
            raise SetupError("unknown_database", wanted="sqlite:///… or postgresql+psycopg://…")
        self.engine = _sqlite_engine(self.url, pool_size) if self.is_sqlite else _postgresql_engine(self.url, pool_size)
        self._turn = writers_turn(str(self.url.database)) if self.is_sqlite else None
        self._look: Callable[[Connection], None] | None = None

    def look_first(self, look: Callable[[Connection], None]) -> None:
        """Have every connection looked at before anybody works on it for the first time.

        A database that was put back, or a standby that took over, is met on new connections.

        Args:
            look: raises when nothing may be done on a connection.
        """
        self._look = look

    def _looked_at(self, connection: Connection) -> Connection:
        if self._look is not None and _LOOKED_AT not in connection.info:
            self._look(connection)
            connection.info[_LOOKED_AT] = True
        return connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading, in one snapshot; nothing is committed.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        with plain_errors(), self.engine.connect() as connection:
            if self.is_sqlite:
                yield self._looked_at(connection)
                return
            # A record's row and its fields are two questions; a change between them would make its MAC look wrong.
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield self._looked_at(connection)
            # There is nothing to commit. But with each rollback the driver forgets all statements it has prepared.
            if (snapshot := connection.get_transaction()) is not None:
                try:
                    snapshot.commit()
                except DBAPIError:  # what was read is read; the server ended a connection that rested for long
                    connection.invalidate()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection inside a writing transaction; the caller commits, or everything is rolled back.

        On SQLite writers of all processes of the host take turns at a file lock, which wakes the next at once
        instead of polling, and the transaction begins IMMEDIATE so that it never fails half-way.

        Raises:
            StorageUnavailable: it did not get its turn in time, or the database does not answer.
        """
        with plain_errors():
            if self._turn is None:
                with self.engine.connect() as connection:
                    yield self._looked_at(connection)
                return
            # One deadline for the turn and for SQLite's own lock: waiting for both in full would be twice as long.
            deadline = time.monotonic() + PATIENCE_SECONDS
            with self._turn.taken(deadline), self.engine.connect() as plain:
                yield self._looked_at(plain.execution_options(**{_WRITE: deadline}))

    def check(self) -> None:
        """Refuse a database that does not keep its promises.

        Raises:
            StorageError: a setting that durability or erasure rests on is not in force.
        """
        with self.read() as connection:
            if self.is_sqlite:
                for name, wanted in _PRAGMAS.items():
                    if connection.execute(text(f"PRAGMA {name}")).scalar() != wanted:
                        raise StorageError("sqlite_setting", setting=name, wanted=wanted)
            elif connection.execute(text("SHOW synchronous_commit")).scalar() not in ("on", "remote_apply"):
                raise StorageError("postgresql_setting", setting="synchronous_commit", wanted="on")

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        if self._turn is not None:
            self._turn.close()


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn driver errors into ours; `from None`, because theirs may carry statements and rows."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        # The drivers' own errors arrive bare from COPY and from the pool's events.
        raise _plain(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error) from None


_CONFLICTS = (sqlite3.IntegrityError, psycopg.IntegrityError)
_REFUSALS = (
    sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.NotSupportedError,
    psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError,
)  # fmt: skip


def _plain(error: BaseException) -> StorageError:
    kind = type(error).__name__
    if isinstance(error, _CONFLICTS):
        return StorageError("conflict", **_constraint(error))
    if isinstance(error, _REFUSALS):
        return StorageError("refused_by_database", kind=kind)
    if isinstance(error, (PoolTimeout, sqlite3.Error, psycopg.Error)):
        return StorageUnavailable("database_unavailable", kind=kind)
    return StorageError("database_error", kind=kind)


def _constraint(error: BaseException) -> dict[str, str]:
    # Names of our own constraints and columns; the rest of either driver's message may hold values.
    if isinstance(error, psycopg.Error):
        name = error.diag.constraint_name
    else:
        name = str(error).partition(" constraint failed: ")[2]
    return {"constraint": name} if name else {}


def _sqlite_engine(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=PATIENCE_SECONDS,
        hide_parameters=True,
        connect_args={"timeout": PATIENCE_SECONDS, "isolation_level": None, "cached_statements": 256},
    )

    file = Path(url.database or "")

    @event.listens_for(engine, "do_connect")
    def must_exist(*_: object) -> None:
        """Refuse to connect to a file that is not there."""
        if not file.exists():  # SQLite would put an empty database where the vault was
            raise StorageUnavailable("database_file_gone")

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        """Set a new connection up, and note which file it has opened."""
        record.info[_FILE] = _identity(file)
        for name, wanted in _PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {wanted}")
        for tuning in _TUNING:
            connection.execute(f"PRAGMA {tuning}")

    @event.listens_for(engine, "checkout")
    def still_there(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Let go of a connection whose file is no longer the one at its path."""
        # A deleted or replaced file would go on taking commits that nobody ever reads again.
        if record.info[_FILE] != _identity(file):
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """Begin a transaction; who will write takes the writer's turn at once."""
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        deadline = connection.get_execution_options().get(_WRITE)
        if deadline is None:
            driver.execute("BEGIN")
            return
        patience = max(_LAST_TRY_SECONDS, deadline - time.monotonic())
        driver.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        driver.execute("BEGIN IMMEDIATE")

    return engine


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116  # on the path of every request; Path.stat is slower
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _postgresql_engine(url: URL, pool_size: int) -> Engine:
    milliseconds = int(PATIENCE_SECONDS * 1000)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=PATIENCE_SECONDS,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 2,  # the smallest libpq takes
            "tcp_user_timeout": milliseconds,  # a host that is gone is noticed, not waited for
            "application_name": "datavault",
            "options": f"-c lock_timeout={milliseconds} -c timezone=UTC -c idle_in_transaction_session_timeout=60000",
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, names: list[Any], values: dict[str, Any]) -> BoundedConnection:
        """Connect with the bound on how long an answer may take."""
        return BoundedConnection.connect(*names, **values)

    @event.listens_for(engine, "checkout")
    def as_the_server_says(connection: BoundedConnection, _record: ConnectionPoolEntry, _proxy: object) -> None:
        """Let writes be what the server lets them be: after a read SQLAlchemy would ask for more than its default."""
        connection.read_only = None

    return engine
