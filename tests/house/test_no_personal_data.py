"""Nothing personal is stored or written in clear: not in a database, a file, a dump or a log line.

The repository's synthetic set is imported through the real path, people work with it, get things wrong and meet
damage, with every logger wide open; then ``grep`` looks for each number, name, address and text of the set in every
byte that is left behind, in the spellings in which it could lie there.
"""

from __future__ import annotations

import csv
import json
import logging
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from tests.conftest import Place
from tests.simulator import DATA, PASSWORD, World, settings
from vault import bootstrap
from vault.cli import main
from vault.errors import VaultError
from vault.services import asking, handover_reading, handovers, people, sessions
from vault.web import logs
from vault.web.app import create_app

NOW = datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC)
PERSONAL = {
    "staff.csv": ("姓名",),
    "customers.csv": ("客户编号", "姓名", "手机号", "其他联系方式", "寄件地址", "收件地址", "证件号码", "电子邮箱"),
    "shipments.csv": ("运单号", "签收人"),
    "service_records.csv": ("记录编号", "内容"),
}
TYPED = ("13899887766", "YT9998887776665", "991201197910100465", "13812345678 王大力", "我的口令是这个")
"""What people type that is in no file: absent numbers, and things typed into the wrong box."""
NOBODY = {"本人"}
"""What stands for a name in the files and is none: the policies say it too, and their texts are kept."""
SHORTEST_BYTES = 6  # below that, random ciphertext would match by chance


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def personal_values() -> set[str]:
    values = {row[column] for name, columns in PERSONAL.items() for row in rows(name) for column in columns}
    streets = {address[len(address) // 2 :] for address in values if address.endswith("室")}
    return {value for value in (*values, *streets, *TYPED) if value and value not in NOBODY}


def spellings(value: str) -> set[bytes]:
    """Return the bytes in which a value could lie in a file: as text, and as the hexadecimal digits of it."""
    plain = {value.encode(), json.dumps(value)[1:-1].encode(), repr(value.encode())[2:-1].encode()}
    hexadecimal = {value.encode().hex().encode(), value.encode().hex().upper().encode()}
    long = {value.encode("gb18030")} if len(value) > 3 else set()
    return {one for one in plain | hexadecimal | long if len(one) >= SHORTEST_BYTES and b"\n" not in one}


@pytest.fixture(scope="module")
def needles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = set().union(*map(spellings, personal_values()))
    assert len(found) > 4000
    file = tmp_path_factory.mktemp("needles") / "needles"
    file.write_bytes(b"\n".join(sorted(found)) + b"\n")
    return file


def files_with_needles(needles: Path, *places: Path) -> list[str]:
    """Return the files that hold any of them, by name only: a failing test must not print the value either."""
    command = ["grep", "-r", "-l", "-a", "-F", "-f", str(needles), *map(str, places)]
    done = subprocess.run(command, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return sorted(Path(line).name for line in done.stdout.decode().splitlines())


# -- a day in the vault ------------------------------------------------------------------------------------------


@pytest.fixture
def wide_open_logs(tmp_path: Path) -> Iterator[Path]:
    """Send every line that anything in this process may log, at the lowest level, to a file."""
    folder = tmp_path / "logs"
    folder.mkdir()
    root, before = logging.getLogger(), logging.getLogger().level
    file = logging.FileHandler(folder / "python.log", encoding="utf-8")
    handlers = root.handlers
    with (folder / "vault.log").open("w", encoding="utf-8") as stream:
        logs.configure("test", stream)
        root.handlers = [*root.handlers, file]
        root.setLevel(logging.DEBUG)
        # At this level SQLAlchemy writes every statement, its parameters and every row that comes back.
        logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
        yield folder
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    root.handlers = handlers
    root.setLevel(before)
    file.close()


@pytest.fixture
def lived_in(place: Place, tmp_path: Path, wide_open_logs: Path) -> Iterator[World]:
    config = settings(tmp_path / "data", place)
    bootstrap.init(config, NOW)
    world = World(config, place, NOW)
    for name, report in world.company().items():
        assert report.clean, (name, report.faults)
        write_down(wide_open_logs, report)
    a_good_day(world)
    a_bad_day(world, wide_open_logs)
    at_the_front_door(world)
    world.settle()
    yield world
    world.close()


def write_down(folder: Path, report: object) -> None:
    with (folder / "reports.log").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(report), ensure_ascii=False) + "\n")


def a_good_day(world: World) -> None:
    pool = [row for row in rows("customers.csv") if not row["归属客服"] and row["最近业务时间"] > "2026-03"][:5]
    for row in pool:
        answer = world.look_up("KF2001", row["手机号"], "pickup")
        assert answer.cards
        world.view("KF2001", answer.case_id, answer.cards[0].record_id)
        world.verify_caller("KF2001", answer.case_id, answer.cards[0].record_id)
        assert world.reveal("KF2001", answer.case_id, answer.cards[0].record_id, "id_number") == row["证件号码"]
        logging.getLogger("test").warning("an answer: %r", answer.case_id)
    for row in rows("shipments.csv")[:5]:
        world.look_up("KF2001", row["运单号"])
    answer = world.look_up("KF2001", TYPED[0])
    asking.ask(world.parts, world.person("KF2001"), answer.case_id, TYPED[0], NOW)
    world.tamper("UPDATE accounts SET state = 'active', password = '-' WHERE work_number = 'KF2002'")
    offered = handovers.offer(world.parts, world.person("KF2001"), [answer.case_id], "KF2002", TYPED[3], NOW)
    assert handover_reading.sheet(world.parts, world.person("KF2002"), offered, NOW).note
    handovers.accept(world.parts, world.person("KF2002"), offered, NOW)
    changed = [row | {"手机号": f"1790000{at:04d}"} for at, row in enumerate(rows("customers.csv")[:20])]
    file = world.config.data_dir.parent / "input.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, changed[0])
        writer.writeheader()
        writer.writerows(changed)
    assert world.load("customer", file).updated == 20
    file.unlink()


def a_bad_day(world: World, folder: Path) -> None:
    """Everything that goes wrong is logged with its whole traceback, as careless code would."""
    journal = logging.getLogger("test")

    def fails(call, *arguments, **options):
        try:
            call(*arguments, **options)
        except VaultError:
            journal.exception("went wrong")
        else:
            pytest.fail("should have failed")

    agent, owned = "KF2001", next(row for row in rows("customers.csv") if row["归属客服"] == "KF2002")
    assert not world.look_up(agent, owned["手机号"]).cards
    for typed in TYPED[3:]:
        fails(world.look_up, agent, typed[:-1] if typed[0] != "1" else typed)
    fails(world.look_up, agent, owned["手机号"], "advertising")
    fails(sessions.sign_in, world.parts, TYPED[4], TYPED[4], "203.0.113.9", NOW)
    fails(people.activate, world.parts, TYPED[3], TYPED[4], PASSWORD, "203.0.113.9", NOW)
    for path in sorted((DATA / "defects").glob("*.csv")):
        table = path.name.partition("-")[0]
        name = {"customers": "customer", "shipments": "shipment", "service": "service_record"}.get(table, table)
        write_down(folder, world.load(name, path, dry_run=True))
    shared = next(row for row in rows("customers.csv") if not row["归属客服"] and row["最近业务时间"] > "2026-03")
    case = world.look_up(agent, shared["证件号码"])
    record = case.cards[0].record_id
    assert world.tamper("UPDATE records SET outlet = 'elsewhere' WHERE record_id = :id", id=record) == 1
    fails(world.look_up, agent, shared["证件号码"])
    fails(world.reveal, agent, case.case_id, record, "id_number")


def at_the_front_door(world: World) -> None:
    real_now = datetime.now(UTC)
    secret = people.invite(world.parts, bootstrap.operator(world.config), "KF2002", real_now)
    people.activate(world.parts, "KF2002", secret, PASSWORD, "203.0.113.9", real_now)
    door = create_app(world.parts, world.config).test_client()
    options = {"base_url": "http://127.0.0.1:8321"}
    answer = door.post("/api/v1/sessions", json={"work_number": "KF2002", "password": PASSWORD}, **options)
    options["headers"] = {"Authorization": f"Bearer {answer.json['token']}"}
    row = rows("customers.csv")[3]
    phone, name = row["手机号"], row["姓名"]
    for body in ({"number": phone, "purpose": "query"}, {"number": name, "purpose": "query"}, {"number": phone}):
        door.post("/api/v1/lookups", json=body, **options)
        door.post("/api/v1/lookups", json=body | {name: phone}, **options)
    door.post("/api/v1/lookups", data=f'{{"number": "{phone}", "number": {{"{name}"', **options)
    door.post("/api/v1/sessions", json={"work_number": phone, "password": name}, **options)
    for path in (
        f"/lookup?number={phone}",
        f"/{phone}",
        f"/cases/{phone}/records/{name}",
        f"/api/v1/events?before={phone}",
    ):
        assert door.get(path, **options).status_code >= 300


def dump(place: Place, folder: Path) -> list[Path]:
    """Write down all that the database holds: every table as raw bytes, and on PostgreSQL its own files."""
    folder.mkdir()
    if place.server is None:
        return [place.file.parent / name for name in (place.file.name, f"{place.file.name}-wal")]
    home = place.server._folder
    with psycopg.connect(host=str(home), user="postgres", dbname=place.name, autocommit=True) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200")
        ]
        for table in tables:
            with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as copy:
                (folder / table).write_bytes(b"".join(copy))
        connection.execute("CHECKPOINT")
        oid = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()[0]
    program = place.server._binaries / "pg_dump"
    command = [program, "-h", home, "-U", "postgres", "--inserts", place.name]
    done = subprocess.run(command, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    (folder / "pg_dump.sql").write_bytes(done.stdout)
    return [folder, home / "data" / "base" / str(oid), home / "server.log"]


# -- what is found -----------------------------------------------------------------------------------------------


def test_no_value_of_the_set_lies_anywhere_in_clear(lived_in, place, tmp_path, needles, wide_open_logs):
    places = dump(place, tmp_path / "dump")
    assert all(one.exists() for one in places)
    assert files_with_needles(needles, *places, tmp_path) == []
    for log in ("python.log", "vault.log", "reports.log"):
        assert (wide_open_logs / log).stat().st_size > 1000, log


def test_the_command_line_names_lines_and_columns_and_no_value(place, tmp_path, needles, monkeypatch):
    bootstrap.init(settings(tmp_path / "data", place), NOW)
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DATAVAULT_DATABASE_URL", place.url)
    said = tmp_path / "said"
    for name in ("customers-wrong-id-check-digit-line-6.csv", "customers-quote-never-closed.csv"):
        for options in ([], ["--json"]):
            done = CliRunner().invoke(
                main, ["import", "customers", str(DATA / "defects" / name), "--dry-run", *options]
            )
            said.write_text(done.output + repr(done.exception), encoding="utf-8")
            assert len(done.output) > 40
            assert files_with_needles(needles, said) == []


def test_a_value_in_clear_would_be_found(place, tmp_path, needles):
    """The search itself is tried: one phone, stored in clear in a column of words, in each engine."""
    config = settings(tmp_path / "data", place)
    bootstrap.init(config, NOW)
    world = World(config, place, NOW)
    phone = rows("customers.csv")[0]["手机号"]
    assert world.tamper("UPDATE accounts SET outlet = :value", value=phone) == 1
    found = files_with_needles(needles, *dump(place, tmp_path / "dump"))
    world.close()
    assert found


@pytest.mark.parametrize("form", ["utf-8", "gb18030", "hex", "json"])
def test_each_spelling_of_an_address_would_be_found(form, tmp_path, needles):
    address = rows("customers.csv")[0]["寄件地址"]
    written = {
        "utf-8": address.encode(),
        "gb18030": address.encode("gb18030"),
        "hex": address.encode().hex().encode(),
        "json": json.dumps(address).encode(),
    }
    (tmp_path / "file").write_bytes(b"\0\xff" + written[form] + b"\0")
    assert files_with_needles(needles, tmp_path) == ["file"]
