"""Writes that fail or kill: every statement that writes, every commit and cut of the log, every write of a file.

Statements are met where the drivers get them, so those that the vault gives to a driver itself are among them.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

_WRITING = ("INSERT", "UPDATE", "DELETE", "WITH DE", "PRAGMA WAL_CHECKPOINT")
_FILES = ("pwrite", "fsync", "replace")


@dataclass
class Writes:
    """What is met of a process's writes, and what happens at one of them.

    Args:
        fatal: the place of the write that fails, from 1.
        fault: ``ENOSPC``, after which every later write fails too, ``EIO``, or None: the process is killed.
        armed: whether writes are counted.
        met: how many were.
    """

    fatal: int
    fault: int | None
    armed: bool = False
    met: int = 0

    def meet(self, engine: str = "") -> None:
        """Let one write of a file or of an engine's database pass, or not."""
        if not self.armed:
            return
        self.met += 1
        if self.met != self.fatal and not (self.met > self.fatal and self.fault == errno.ENOSPC):
            return
        if self.fault is None:
            os.kill(os.getpid(), signal.SIGKILL)
        elif engine == "sqlite":
            full = self.fault == errno.ENOSPC
            raise sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
        elif engine:
            raise psycopg.errors.DiskFull() if self.fault == errno.ENOSPC else psycopg.errors.IoError()
        else:
            raise OSError(self.fault, os.strerror(self.fault))


def _in_turn(writes: Writes, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        writes.meet()
        return real(*arguments, **named)

    return call


def _statement(writes: Writes, real: Callable[..., Any], engine: str) -> Callable[..., Any]:
    def call(cursor: Any, query: object, *arguments: Any, **named: Any) -> Any:
        if str(query).lstrip().upper().startswith(_WRITING):
            writes.meet(engine)
        return real(cursor, query, *arguments, **named)

    return call


def _sqlite_connect(writes: Writes, real: Callable[..., Any]) -> Callable[..., Any]:
    class MetCursor(sqlite3.Cursor):
        execute = _statement(writes, sqlite3.Cursor.execute, "sqlite")
        executemany = _statement(writes, sqlite3.Cursor.executemany, "sqlite")

    class MetConnection(sqlite3.Connection):
        def cursor(self, factory: Any = MetCursor) -> Any:
            return super().cursor(factory)

    return lambda *arguments, **named: real(*arguments, **{"factory": MetConnection} | named)


@contextmanager
def meeting(writes: Writes) -> Iterator[Writes]:
    """Let every write of this process be met; connections of SQLite made before are not among them."""
    real_commit = Connection.commit

    def commit(connection: Connection) -> None:
        writes.meet(connection.dialect.name)
        real_commit(connection)
        if writes.fault is None:
            writes.meet()  # and behind it: a kill there loses the answer

    with pytest.MonkeyPatch.context() as patch:
        for name in _FILES:
            patch.setattr(os, name, _in_turn(writes, getattr(os, name)))
        for name in ("execute", "executemany"):
            patch.setattr(psycopg.Cursor, name, _statement(writes, getattr(psycopg.Cursor, name), "postgresql"))
        patch.setattr(sqlite3.dbapi2, "connect", _sqlite_connect(writes, sqlite3.dbapi2.connect))
        patch.setattr(Connection, "commit", commit)
        yield writes


def survives(act: Callable[[], object]) -> bool:
    """Do something in a child process that may kill itself; return whether it got to the end.

    Args:
        act: what is done there; any error in it fails the test.
    """
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as a second test run
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def killed_at(fatal: int, prepared: Callable[[], Callable[[], object]]) -> bool:
    """Do something in a child that is killed at its n-th write; return whether it got to the end.

    Args:
        fatal: which write.
        prepared: called in the child; makes everything ready and returns what is to be done.
    """

    def act() -> None:
        with meeting(Writes(fatal, None)) as writes:
            walk = prepared()
            writes.armed = True
            walk()

    return survives(act)
