"""``kill -9`` at every write of an import, an update and a reveal: what is left is whole, and a second run ends it."""

import os
import shutil
import signal
import struct

import pytest
from sqlalchemy import Connection, Engine, event

from tests.conftest import ENGINES
from tests.faults import survives
from tests.simulator import NOW, World, customer_row, service_row, settings, shipment_row, write_file
from tests.worlds import copied, gone
from vault.doctor import examine
from vault.services import intake

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AGENT = "KF2001"
MOST_WRITES = 400


class Fuse:
    """Kills this process at its n-th write: before each statement that writes, around each commit, at each sync."""

    def __init__(self, fatal):
        self.fatal, self.burnt = fatal, 0

    def burn(self):
        self.burnt += 1
        if self.burnt == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self):
        def before(_connection, _cursor, statement, *_rest):
            if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
                self.burn()

        def around(real):
            def call(*arguments, **named):
                self.burn()
                result = real(*arguments, **named)
                self.burn()
                return result

            return call

        event.listen(Engine, "before_cursor_execute", before)
        Connection.commit = around(Connection.commit)
        os.fsync, os.replace = around(os.fsync), around(os.replace)


def run_until(fatal, walk, config, place):
    """Run a walk in a child that kills itself at its n-th write; return whether it got to the end."""

    def act():
        world = World(config, place)
        Fuse(fatal).arm()
        walk(world)
        world.settle()

    return survives(act)


ORPHANS = {
    "values": "SELECT count(*) FROM record_fields WHERE record_id NOT IN (SELECT record_id FROM records)",
    "tags": "SELECT count(*) FROM record_index WHERE record_id NOT IN (SELECT record_id FROM records)",
    "wraps": "SELECT count(*) FROM wrapped_keys WHERE record_id NOT IN (SELECT record_id FROM records)",
    "records without wrap": "SELECT count(*) FROM records WHERE record_id NOT IN (SELECT record_id FROM wrapped_keys)",
    "records without tag": "SELECT count(*) FROM records WHERE record_id NOT IN (SELECT record_id FROM record_index)",
    "bound records of no case": "SELECT count(*) FROM case_records WHERE case_id NOT IN (SELECT case_id FROM cases)",
}


def is_whole(world):
    assert {name: world.rows(query)[0][0] for name, query in ORPHANS.items()} == dict.fromkeys(ORPHANS, 0)
    world.opened()
    world.settle()
    assert world.verify().holds
    batches = world.events("import.batch")
    assert sum(one["facts"]["added"] for one in batches) == world.count("records")
    assert not [one for one in examine(world.config, NOW) if one.state == "bad"]


@pytest.fixture
def place_of(templates, tmp_path):
    """Copies of a vault that already holds something, as many as are asked for."""

    def prepared(engine, fill):
        made = copied(templates(engine), tmp_path / "model")
        fill(made)
        made.settle()
        made.close()
        return made

    return prepared


def copies(model, folder):
    """Yield world after world, each a copy of the model that nobody has open."""
    place = model.place
    for number in range(1, MOST_WRITES):
        here = folder / f"copy-{number}"
        shutil.copytree(model.config.data_dir, here)
        copy = place
        if place.server is None:
            copy = type(place)(f"sqlite:///{here}/db/vault.sqlite3", f"sqlite:///{here}/db/vault.sqlite3")
        else:
            name = place.server._create(f"TEMPLATE {place.name} STRATEGY FILE_COPY")
            owner = place.owner_url.replace(f"/{place.name}?", f"/{name}?")
            copy = type(place)(place.server.url(name), owner, place.server)
        yield number, settings(here, copy), copy
        if place.server is not None:
            place.server.drop(copy.name)
        shutil.rmtree(here)


def at_every_write(model, folder, walk, finish):
    for number, config, place in copies(model, folder):
        ended = run_until(number, walk, config, place)
        world = World(config, place)
        is_whole(world)
        finish(world)
        is_whole(world)
        world.close()
        if ended:
            assert number > 10
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_import_killed_at_any_write(engine, place_of, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "BATCH_ROWS", 3)
    rows = [customer_row(other_contact="0592-3940580") for _ in range(7)]
    shipments = [shipment_row(rows[0], rows[1]), shipment_row(rows[5], rows[6])]
    files = {
        "customer": write_file(tmp_path / "customers.csv", "customer", rows),
        "shipment": write_file(tmp_path / "shipments.csv", "shipment", shipments),
        "service_record": write_file(tmp_path / "services.csv", "service_record", [service_row(rows[2])]),
    }

    def walk(world):
        return {name: world.load(name, file) for name, file in files.items()}

    def finish(world):
        reports = walk(world)
        assert {name: report.rows for name, report in reports.items()} == {
            "customer": 7,
            "shipment": 2,
            "service_record": 1,
        }
        assert all(report.clean and report.updated == 0 for report in reports.values())
        assert world.count("records") == 10
        assert world.look_up(AGENT, rows[6]["phone"]).cards

    model = place_of(engine, lambda _: None)
    at_every_write(model, tmp_path, walk, finish)
    gone(model)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_update_killed_at_any_write(engine, place_of, tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "BATCH_ROWS", 2)
    rows = [customer_row() for _ in range(4)]
    changed = [row | {"phone": f"138{number:08d}", "name": "李雷"} for number, row in enumerate(rows)]
    file = write_file(tmp_path / "customers.csv", "customer", changed)

    def walk(world):
        return world.load("customer", file)

    def finish(world):
        report = walk(world)
        assert report.clean
        assert report.updated + report.unchanged == 4
        for number, row in enumerate(rows):
            assert world.look_up(AGENT, f"138{number:08d}").cards
            assert not world.look_up(AGENT, row["phone"]).cards

    model = place_of(engine, lambda world: world.customers(*rows))
    at_every_write(model, tmp_path, walk, finish)
    gone(model)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_look_up_and_a_reveal_killed_at_any_write(engine, place_of, tmp_path):
    row = customer_row(owner=AGENT)  # nobody has to prove who calls
    shown_to = tmp_path / "shown"

    def walk(world):
        shown_to.unlink(missing_ok=True)
        answer = world.look_up(AGENT, row["phone"])
        shown_to.write_text("looked up")
        world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")
        shown_to.write_text("revealed")

    def finish(world):
        seen = shown_to.read_text() if shown_to.exists() else ""
        # What was shown was logged before; what was logged need not have been shown.
        assert len(world.events("record.lookup")) >= (1 if seen else 0)
        assert len(world.events("record.reveal")) >= (1 if seen == "revealed" else 0)
        assert len(world.events("record.lookup")) == world.count("cases")
        walk(world)

    model = place_of(engine, lambda world: world.customers(row))
    at_every_write(model, tmp_path, walk, finish)
    gone(model)


def test_a_write_ahead_log_cut_after_any_frame_is_whole(place_of, tmp_path):
    """What a kill between any two of SQLite's own writes leaves behind: the database and a beginning of its log."""
    rows = [customer_row(owner=AGENT) for _ in range(5)]
    model = place_of("sqlite", lambda world: world.customers(rows[0]))
    world = World(model.config, model.place)
    raw = world.parts.database.engine.raw_connection()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    world.customers(*rows[1:])
    answer = world.look_up(AGENT, rows[1]["phone"])
    world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")
    file, wal = world.place.file, world.place.file.with_name(world.place.file.name + "-wal")
    content = wal.read_bytes()
    (page,) = struct.unpack(">I", content[8:12])
    frames = (len(content) - 32) // (24 + page)
    assert frames > 10
    before = {"records": 1}
    snapshot = tmp_path / "snapshot"
    shutil.copytree(model.config.data_dir, snapshot, ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    shutil.copyfile(file, snapshot / "db" / file.name)
    world.close()
    for kept in range(frames + 1):
        here = tmp_path / "cut"
        shutil.copytree(snapshot, here)
        (here / "db" / wal.name).write_bytes(content[: 32 + kept * (24 + page) + (page // 2 if kept % 2 else 0)])
        url = f"sqlite:///{here}/db/{file.name}"
        cut = World(settings(here, type(model.place)(url, url)), type(model.place)(url, url))
        is_whole(cut)
        assert cut.count("records") in (1, 5)
        assert cut.count("records") >= before["records"]
        before["records"] = cut.count("records")
        cut.close()
        shutil.rmtree(here)
    assert before["records"] == 5
