"""The log cannot be written: no plaintext, an answer within two seconds, and recovery without anybody's help."""

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests import postgres
from tests.conftest import Place
from tests.quotas import without_quotas
from tests.simulator import World, settings
from tests.worlds import prepared
from vault.crypto.cohort_keys import CohortKeys
from vault.errors import LogUnavailable, StorageUnavailable
from vault.services import lookup, viewing

AGENT = "KF2001"


@pytest.fixture(autouse=True)
def openings(monkeypatch):
    """Every opening of a sealed value, by the one door."""
    made = []
    real = CohortKeys.open
    monkeypatch.setattr(CohortKeys, "open", lambda *args: (made.append(1), real(*args))[1])
    return made


class Desk:
    """An agent with a customer before them, whatever happens to the database."""

    def __init__(self, world):
        world.parts = without_quotas(world.parts)
        self.world, self.row = world, world.customer(owner=AGENT)  # nobody has to prove who calls
        answer = world.look_up(AGENT, self.row["phone"])
        self.case_id, self.record_id = answer.case_id, answer.cards[0].record_id
        self.person = world.person(AGENT)

    def look_up(self):
        return lookup.look_up(self.world.parts, self.person, self.row["phone"], "query", self.world.now)

    def reveal(self):
        parts, now = self.world.parts, self.world.now
        return viewing.reveal(parts, self.person, self.case_id, self.record_id, "phone", 0, now).disclose()

    def faults(self, openings, error=StorageUnavailable):
        """Return what is wrong while nothing can be logged: no walk shows a thing, and each is refused in time."""
        found = []
        for walk in (self.look_up, self.reveal):
            before, began = len(openings), time.monotonic()
            try:
                walk()
            except error as refused:
                if self.row["phone"] in repr(refused) + repr(refused.__cause__):
                    found.append("the error tells")
            else:
                found.append("not refused")
            if time.monotonic() - began >= 2:
                found.append("late")
            if len(openings) != before:
                found.append("opened")
        return found

    def is_served(self):
        return self.look_up().cards != () and self.reveal() == self.row["phone"]


@pytest.fixture
def desk(sqlite_world):
    return Desk(sqlite_world)


@contextmanager
def locked_by_a_stranger(world):
    with closing(sqlite3.connect(world.place.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@pytest.mark.slow
def test_a_sqlite_locked_for_long_by_another_writer_shows_nothing_and_recovers(desk, openings):
    with locked_by_a_stranger(desk.world):
        assert desk.faults(openings, LogUnavailable) == []
        assert desk.faults(openings, LogUnavailable) == []
    assert desk.is_served()
    assert desk.world.verify().holds


@pytest.mark.slow
def test_a_sqlite_locked_for_ten_seconds_under_load_answers_everybody_in_time(desk, openings):
    slowest, served = [], []

    def ask():
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            began = time.monotonic()
            try:
                desk.look_up()
                served.append(1)
            except StorageUnavailable:
                pass
            slowest.append(time.monotonic() - began)

    with locked_by_a_stranger(desk.world):
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not served
    assert max(slowest) < 2
    assert desk.is_served()


def test_a_case_that_was_not_logged_was_not_opened_either(desk):
    before = desk.world.count("cases")
    with locked_by_a_stranger(desk.world), pytest.raises(LogUnavailable):
        desk.look_up()
    assert desk.world.count("cases") == before


def test_a_full_disk_shows_nothing_and_recovers(desk, openings):
    world = desk.world
    engine = world.parts.database.engine
    raw = [engine.raw_connection() for _ in range(3)]
    for one in raw:
        pages = one.execute("PRAGMA page_count").fetchone()[0]
        one.execute(f"PRAGMA max_page_count = {pages}")
    for one in raw:
        one.close()
    with suppress(LogUnavailable):
        for _ in range(500):
            desk.reveal()
    assert desk.faults(openings, LogUnavailable) == []
    engine.dispose()  # as when room is made: new connections know no such limit
    assert desk.is_served()


def test_a_read_only_database_shows_nothing_and_recovers(desk, openings):
    world = desk.world
    world.settle()
    raw = [world.parts.database.engine.raw_connection() for _ in range(4)]
    for one in raw:
        one.execute("PRAGMA query_only = on")
        one.close()
    assert desk.faults(openings, LogUnavailable) == []
    world.parts.database.engine.dispose()
    assert desk.is_served()


def test_a_deleted_database_shows_nothing(desk, openings):
    desk.world.place.file.rename(desk.world.place.file.with_suffix(".away"))
    assert desk.faults(openings) == []
    desk.world.place.file.with_suffix(".away").rename(desk.world.place.file)
    assert desk.is_served()


# -- PostgreSQL --------------------------------------------------------------------------------------------------


def test_a_postgresql_that_refuses_connections_shows_nothing_and_recovers(postgresql_world, openings):
    desk, place = Desk(postgresql_world), postgresql_world.place
    place.server.execute(f"ALTER DATABASE {place.name} ALLOW_CONNECTIONS false")
    place.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{place.name}'")
    assert desk.faults(openings) == []
    assert desk.faults(openings) == []
    place.server.execute(f"ALTER DATABASE {place.name} ALLOW_CONNECTIONS true")
    assert desk.is_served()


def test_a_postgresql_that_only_reads_shows_nothing_and_recovers(postgresql_world, openings):
    desk, place = Desk(postgresql_world), postgresql_world.place
    place.server.execute(f"ALTER DATABASE {place.name} SET default_transaction_read_only = on")
    postgresql_world.parts.database.engine.dispose()
    assert desk.faults(openings, LogUnavailable) == []
    place.server.execute(f"ALTER DATABASE {place.name} RESET default_transaction_read_only")
    postgresql_world.parts.database.engine.dispose()
    assert desk.is_served()


@pytest.mark.other_engine
def test_a_postgresql_that_hangs_shows_nothing_within_two_seconds_and_recovers(tmp_path, openings):
    """A server of its own, every process of which is stopped: sockets stay open and nobody answers."""
    server = postgres.PostgresServer()
    stopped = []
    try:
        template = prepared(tmp_path / "vault", server)
        place = Place(template.place.url, template.place.owner_url, server)
        world = World(settings(tmp_path / "vault", place), place)
        desk = Desk(world)
        running = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
        stopped += [pid for pid in running if is_child_of(pid, server._process.pid)]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        assert desk.faults(openings) == []
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        stopped.clear()
        assert desk.is_served()
        world.close()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        server.stop()


def is_child_of(pid, ancestor):
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            return False
        if pid == ancestor:
            return True
    return False
