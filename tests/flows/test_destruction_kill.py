"""A run of twenty records: killed, out of space, or with a broken disk at any write. Each record is whole or gone."""

import errno
import os
import sqlite3

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event

from tests.conftest import ENGINES
from tests.destroying import approved, fill, is_whole
from tests.faults import survives
from tests.flows.test_kill import Fuse, copies
from tests.simulator import World
from tests.worlds import copied, gone
from vault.domain.ledger import EntryKind
from vault.errors import StorageUnavailable
from vault.services import destruction, log

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

RECORDS = 20


@pytest.fixture
def model(request, templates, tmp_path, monkeypatch):
    """A vault with an approved plan over twenty records, that nobody has open; and its plan and its time."""
    monkeypatch.setattr(destruction, "BATCH", 7)
    made = copied(templates(request.param), tmp_path / "model")
    fill(made, customers=8, shipments=6, services=6)
    plan_id = approved(made)
    made.settle()
    made.close()
    yield made, plan_id, made.now
    gone(made)


def run_until(fatal, config, place, plan_id, now):
    """Carry the plan out in a child that kills itself at its n-th write; return whether it got to the end."""

    def act():
        world = World(config, place, now)
        Fuse(fatal).arm()
        destruction.execute(world.parts, None, plan_id, now)
        log.settle(world.parts, now)

    return survives(act)


def ledger_says(world, kind):
    return [one for entry in world.parts.ledger.entries() if entry.kind is kind for one in entry.ids]


def stands(world):
    """What must be true after any fault."""
    is_whole(world)
    buried = {row[0] for row in world.rows("SELECT record_id FROM tombstones")}
    erased = ledger_says(world, EntryKind.ERASED)
    assert set(erased) <= buried  # nothing is said to be gone that is there
    assert len(set(erased)) == len(erased)
    assert buried <= set(ledger_says(world, EntryKind.ERASE_INTENT))  # nothing goes unannounced
    world.parts.ledger.check()
    world.settle()
    assert world.verify().holds


def finishes(world, plan_id, now):
    """A second run ends what was begun."""
    if world.rows("SELECT state FROM destruction_plans WHERE plan_id = :p", p=plan_id) != [("done",)]:
        destruction.execute(world.parts, None, plan_id, now)
    stands(world)
    assert world.count("tombstones") == RECORDS
    assert world.count("records") == world.count("wrapped_keys") == 0
    assert len(ledger_says(world, EntryKind.ERASED)) == RECORDS
    assert len(world.events("destruction.finished")) == len(world.events("destruction.started")) == 1


@pytest.mark.parametrize("model", ENGINES, indirect=True)
def test_a_run_killed_at_any_write_is_ended_by_the_next(model, tmp_path):
    made, plan_id, now = model
    for number, config, place in copies(made, tmp_path):
        ended = run_until(number, config, place, plan_id, now)
        world = World(config, place, now)
        stands(world)
        finishes(world, plan_id, now)
        world.close()
        if ended:
            assert number > 3 * RECORDS
            return
    raise AssertionError("it never came to its end")


class Faults:
    """Lets the n-th write of a run fail, and where the disk is full every later one too.

    A write is a statement that writes, a commit, or a write or sync of a file of the ledger.
    """

    def __init__(self, fatal, fault, engine):
        self.fatal, self.fault, self.engine, self.met = fatal, fault, engine, 0
        self.real = {name: getattr(os, name) for name in ("pwrite", "fsync")}
        self.commit = Connection.commit

    def _meet(self):
        self.met += 1
        return self.met >= self.fatal if self.fault == errno.ENOSPC else self.met == self.fatal

    def _of_the_database(self):
        if self.engine == "sqlite":
            word = "database or disk is full" if self.fault == errno.ENOSPC else "disk I/O error"
            return sqlite3.OperationalError(word)
        return psycopg.errors.DiskFull() if self.fault == errno.ENOSPC else psycopg.errors.IoError()

    def arm(self):
        faults = self

        def commit(connection):  # a function, because a method would not be given the connection
            faults.at_commit(connection)

        Connection.commit = commit
        event.listen(Engine, "before_cursor_execute", self._statement)
        for name in self.real:
            setattr(os, name, self._file(name))

    def disarm(self):
        Connection.commit = self.commit
        event.remove(Engine, "before_cursor_execute", self._statement)
        for name, real in self.real.items():
            setattr(os, name, real)

    def at_commit(self, connection):
        if self._meet():
            raise self._of_the_database()
        self.commit(connection)

    def _statement(self, _connection, _cursor, statement, *_rest):
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE") and self._meet():
            raise self._of_the_database()

    def _file(self, name):
        def call(*arguments):
            if self._meet():
                raise OSError(self.fault, os.strerror(self.fault))
            return self.real[name](*arguments)

        return call


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("model", ENGINES, indirect=True)
def test_a_disk_that_is_full_or_breaks_at_any_write_leaves_nothing_half_done(model, tmp_path, fault):
    made, plan_id, now = model
    engine = "sqlite" if made.place.server is None else "postgresql"
    stopped = set()
    for number, config, place in copies(made, tmp_path):
        world = World(config, place, now)
        faults = Faults(number, fault, engine)
        faults.arm()
        try:
            destruction.execute(world.parts, None, plan_id, now)
        except StorageUnavailable as error:
            stopped.add(error.reason)
        finally:
            faults.disarm()
        stands(world)
        finishes(world, plan_id, now)
        world.close()
        if faults.met < number:
            assert number > 2 * RECORDS
            assert stopped == {"ledger_unwritable", "database_unavailable"}
            return
    raise AssertionError("it never came to its end")
