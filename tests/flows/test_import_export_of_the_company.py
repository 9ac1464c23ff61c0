"""A company's export: imported whole, imported again, changed, wrong in every way a file can be, and by two at once."""

import re
import subprocess
import sys
import threading
import time
import tomllib

import pytest

from tests.simulator import (
    DATA,
    NOW,
    customer_row,
    local,
    mapping,
    service_row,
    shipment_row,
    shown,
    timedelta,
    write_file,
)
from vault.errors import StorageError, StorageUnavailable
from vault.storage import record_writes, records
from vault.storage.unit_of_work import unit_of_work

EXPECTED = tomllib.loads((DATA / "defects" / "expected.toml").read_text(encoding="utf-8"))["file"]
FILES = {"customer": "customers", "shipment": "shipments", "service_record": "service_records", "staff": "staff"}
ROWS = {"staff": 14, "customer": 200, "shipment": 400, "service_record": 300}


# -- the whole set -----------------------------------------------------------------------------------------------


def test_the_set_imports_whole(world):
    reports = world.company()
    assert reports["staff"].unchanged == 14
    for record_class in ("customer", "shipment", "service_record"):
        report = reports[record_class]
        assert (report.rows, report.added, report.bad) == (ROWS[record_class], ROWS[record_class], 0)
    assert reports["customer"].missing_notice == len(reports["customer"].missing_notice_lines) == 8
    assert [(a - 2, b - 2) for a, b, _ in reports["customer"].same_phones] == [(60, 61)]
    assert 40 <= reports["service_record"].late <= 80
    stored = {one: world.rows(f"SELECT count(*) FROM records WHERE {one}")[0][0] for one in ("late", "notice_missing")}
    assert stored == {"late": reports["service_record"].late, "notice_missing": 8}
    assert world.settle()
    assert world.verify().holds


def test_importing_the_set_again_changes_nothing(company):
    before = company.rows("SELECT record_id, revision, import_revision FROM records ORDER BY record_id")
    for record_class, report in company.company().items():
        assert (report.unchanged, report.added, report.updated, report.bad) == (ROWS[record_class], 0, 0, 0)
        assert report.clean
    assert company.rows("SELECT record_id, revision, import_revision FROM records ORDER BY record_id") == before
    assert company.verify().holds


def test_every_record_of_the_set_opens_and_is_what_the_file_said(company):
    values = list(company.opened().values())
    assert len(values) == 900
    names = {one["name", 0] for one in values if ("name", 0) in one}
    file = (DATA / "customers.csv").read_text(encoding="utf-8-sig")
    assert names == {line.split(",")[1] for line in file.splitlines()[1:]}


def test_a_grep_over_the_database_and_the_folder_finds_nothing_personal(company):
    needles = set()
    for name in FILES.values():
        for line in (DATA / f"{name}.csv").read_text(encoding="utf-8-sig").splitlines()[1:]:
            needles |= {
                cell
                for cell in line.split(",")
                if re.fullmatch(r"1\d{10}|99\d{15}[\dX]|[CS]\d{6}|[A-Z]{2}\d{9,13}.*", cell)
            }
    assert len(needles) > 900
    company.settle()
    if company.place.server is None:
        company.close()
        haystack = b"".join(path.read_bytes() for path in company.place.file.parents[1].rglob("*") if path.is_file())
        company.restart()
    else:
        tables = [row[0] for row in company.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        haystack = b"".join(
            bytes(value) if isinstance(value, bytes) else str(value).encode()
            for table in tables
            for row in company.rows(f"SELECT * FROM {table}")
            for value in row
        )
    assert len(haystack) > 500_000
    assert not [needle for needle in needles if needle.encode() in haystack]
    assert "江苏省".encode() not in haystack


def test_every_defect_gets_its_answer_and_stores_nothing(company):
    before = [company.count(table) for table in ("records", "record_fields", "record_index", "accounts")]
    for expected in EXPECTED:
        report = company.load(expected["class"], DATA / "defects" / expected["name"], dry_run=True)
        name = expected["name"]
        assert (0 if report.clean else 1) == expected["exit_code"], name
        reason = expected.get("reason")
        if reason == "same_phone":
            assert (expected["other_line"], expected["line"], expected["column"]) in report.same_phones, name
        elif reason == "no_rows":
            assert report.rows == 0, name
        elif reason:
            first = report.faults[0]
            assert first.reason == reason, name
            for fact in ("line", "column", "field"):
                if fact in expected:
                    assert getattr(first, fact) == expected[fact], (name, fact)
            assert report.bad == 1, name
        else:
            assert (report.added, report.bad) == (0, 0), name
    assert [company.count(table) for table in ("records", "record_fields", "record_index", "accounts")] == before


def test_no_report_holds_a_value_of_the_file(company):
    for expected in EXPECTED:
        path = DATA / "defects" / expected["name"]
        report = str(company.load(expected["class"], path, dry_run=True))
        words = set(re.split(r'[,"\r\n]', path.read_bytes().decode("gb18030", "ignore")))
        headers = {header for one in FILES for header in mapping(one).columns}
        assert not [word for word in words - headers if len(word) > 5 and word in report], expected["name"]


# -- changes -----------------------------------------------------------------------------------------------------


def generations(world, field):
    statement = (
        "SELECT ordinal, generation, superseded_at IS NOT NULL FROM record_fields WHERE field = :field"
        " ORDER BY ordinal, generation"
    )
    return [(row[0], row[1], bool(row[2])) for row in world.rows(statement, field=field)]


def test_a_changed_phone_is_a_new_generation_and_the_old_one_stays_sealed(world):
    row = world.customer()
    report = world.load_rows("customer", [row | {"phone": "13912349876"}])
    assert (report.updated, report.added, report.unchanged) == (1, 0, 0)
    assert generations(world, "phone") == [(0, 0, True), (0, 1, False)]
    assert world.look_up("KF2001", "13912349876").cards
    assert world.look_up("KF2001", row["phone"]).cards == ()
    assert world.look_up("KF2001", row["id_number"]).cards
    world.load_rows("customer", [row])
    assert generations(world, "phone") == [(0, 0, True), (0, 1, True), (0, 2, False)]
    (whole,) = world.opened().values()
    assert whole["phone", 0] == row["phone"]


def test_a_changed_name_leaves_no_older_one(world):
    row = world.customer()
    world.load_rows("customer", [row | {"name": "李雷"}])
    assert generations(world, "name") == [(0, 1, False)]
    assert [one[0] for one in generations(world, "phone")] == [0]


def test_a_contact_that_is_gone_from_the_file_is_superseded_and_finds_nobody(world):
    row = world.customer(other_contact="0592-3940580")
    world.load_rows("customer", [row | {"other_contact": ""}])
    assert generations(world, "other_contact") == [(0, 0, True)]
    assert world.look_up("KF2001", "0592-3940580").cards == ()
    world.load_rows("customer", [row])
    assert generations(world, "other_contact") == [(0, 0, True), (0, 1, False)]
    assert world.look_up("KF2001", "0592-3940580").cards


def test_a_change_is_announced_before_and_counted_after(world):
    rows = [world.customer(), world.customer()]
    world.load_rows("customer", [rows[0] | {"name": "李雷"}, rows[1]])
    compare, change, batch = world.events()[-3:]
    assert (compare["action"], compare["purpose"], compare["facts"]) == (
        "import.compare",
        "import",
        {"mode": "compare"},
    )
    assert len(compare["records"]) == 2
    assert (change["facts"], [one["fields"] for one in change["records"]]) == ({"mode": "change"}, [["name"]])
    assert batch["facts"] == {"added": 0, "updated": 1, "record_class": "customer"}


def test_a_notice_that_was_given_later_is_no_longer_missing(world):
    row = world.customer(notice_version="", notice_at="", notice_channel="")
    assert world.rows("SELECT count(*) FROM records WHERE notice_missing") == [(1,)]
    given = customer_row()
    report = world.load_rows("customer", [row | {name: given[name] for name in given if name.startswith("notice")}])
    assert (report.updated, report.missing_notice) == (1, 0)
    assert world.rows("SELECT count(*) FROM records WHERE notice_missing") == [(0,)]


def changed_in_the_vault(world, row):
    """Do what a correction in the vault will do: a new revision that no import left."""
    record_id = world.look_up("KF2001", row["phone"]).cards[0].record_id
    with unit_of_work(world.parts.database) as work:
        found = records.load(work.connection, [record_id])[record_id]
        change = record_writes.Change(
            found.meta, found.mac, found.revision, world.now, origin=record_writes.Origin.VAULT
        )
        record_writes.change(work.connection, [change], frozenset())
        work.commit()
    return record_id


def test_what_was_changed_in_the_vault_is_reported_and_not_overwritten(world):
    row, other = world.customer(), world.customer()
    changed_in_the_vault(world, row)
    report = world.load_rows("customer", [row | {"name": "李雷"}, other | {"name": "韩梅"}])
    assert (report.conflicts, report.updated, report.clean) == ([2], 1, False)
    assert sorted(one["name", 0] for one in world.opened().values()) == ["王小明", "韩梅"]
    again = world.load_rows("customer", [row])
    assert (again.unchanged, again.clean) == (1, True)


def test_activity_of_a_shipment_does_not_count_as_a_change_in_the_vault(world):
    rows = [customer_row(), customer_row()]
    world.customers(*rows)
    world.shipment(*rows, signed_at=local(NOW - timedelta(hours=1)))
    assert world.load_rows("customer", rows).unchanged == 2
    report = world.load_rows("customer", [rows[0] | {"name": "李雷"}])
    assert (report.updated, report.conflicts) == (1, [])


def test_a_sign_off_corrected_to_an_earlier_day_shortens_the_retention_of_the_shipment(world):
    rows = [customer_row(), customer_row()]
    world.customers(*rows)
    shipment = world.shipment(*rows)
    earlier = local(NOW - timedelta(days=3, minutes=30))
    assert world.load_rows("shipment", [shipment | {"signed_at": earlier}]).updated == 1
    assert world.load_rows("shipment", [shipment | {"signed_at": earlier}]).unchanged == 1
    statement = "SELECT activity_at FROM records WHERE record_class = 'shipment'"
    assert world.rows(statement) == [(int((NOW - timedelta(days=3, minutes=30)).timestamp() * 1_000_000),)]


# -- who is the same ---------------------------------------------------------------------------------------------


@pytest.fixture
def unnumbered(tmp_path):
    """A mapping of another company, whose customers have no number of their own."""
    text = (DATA.parents[1] / "policies" / "mappings" / "customers.toml").read_text(encoding="utf-8")
    text = text.replace('"source_number", "name"', '"name"').replace("optional = [", 'optional = ["source_number", ')
    path = tmp_path / "unnumbered.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_source_number_the_same_id_is_the_same_person(world, unnumbered):
    row = customer_row(source_number="")
    assert world.load_rows("customer", [row], mapping_file=unnumbered).added == 1
    assert world.load_rows("customer", [row], mapping_file=unnumbered).unchanged == 1
    report = world.load_rows(
        "customer", [row | {"phone": "13912349876", "id_number": row["id_number"].lower()}], mapping_file=unnumbered
    )
    assert (report.updated, report.added) == (1, 0)
    assert world.count("records") == 1


def test_the_same_number_on_an_id_paper_of_another_type_is_another_person(world, unnumbered):
    passport = customer_row(source_number="", id_type="护照", id_number="E12345678")
    permit = customer_row(source_number="", id_type="港澳居民来往内地通行证", id_number="H12345678")
    same_number = passport | {"id_type": "台湾居民来往大陆通行证", "id_number": "12345678", "phone": "13912349876"}
    other = same_number | {"id_type": "护照", "phone": "13912349877", "name": "李雷"}
    for row in (passport, permit, same_number):
        assert world.load_rows("customer", [row], mapping_file=unnumbered).added == 1
    report = world.load_rows("customer", [other], mapping_file=unnumbered)
    assert (report.added, report.updated, report.bad) in {(1, 0, 0), (0, 0, 1)}
    again = world.load_rows("customer", [same_number], mapping_file=unnumbered)
    assert again.unchanged == 1


def test_a_file_without_source_numbers_meets_numbered_customers_by_their_id_and_leaves_their_number(world, unnumbered):
    row = world.customer()
    report = world.load_rows("customer", [row | {"source_number": "", "phone": "13912349876"}], mapping_file=unnumbered)
    assert (report.updated, report.added) == (1, 0)
    assert world.load_rows("customer", [row | {"phone": "13912349876"}]).unchanged == 1
    (whole,) = world.opened().values()
    assert whole["source_number", 0] == row["source_number"]
    world.shipment(row, row)


def test_one_customer_twice_in_a_file_is_one_record(world):
    row = customer_row()
    report = world.load_rows("customer", [row, row, row | {"name": "李雷"}])
    assert (report.added, report.unchanged, report.updated) == (1, 1, 1)
    assert world.count("records") == 1


def test_two_customers_with_one_phone_are_two_with_a_warning(world):
    report = world.load_rows("customer", [customer_row(phone="13912340001"), customer_row(phone="139 1234 0001")])
    assert (report.added, report.same_phones, report.clean) == (2, [(2, 3, "手机号")], True)


# -- what is wrong -----------------------------------------------------------------------------------------------


def test_bad_rows_are_left_out_and_the_good_ones_are_in(world):
    good, number = customer_row(), customer_row()["id_number"]
    bad = customer_row(id_number=number[:-1] + ("1" if number[-1] != "1" else "2"))
    unknown = customer_row(owner="KF9999")
    report = world.load_rows("customer", [good, bad, unknown, customer_row()])
    assert (report.added, report.bad) == (2, 2)
    assert sorted((one.line, one.reason) for one in report.faults) == [(3, "wrong_check_digit"), (4, "unknown_owner")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outlet": "南京 13912340001"}, "not_a_code"),
        ({"outlet": "X" * 33}, "not_a_code"),
        ({"last_activity_at": "2026-02-30 10:00:00"}, "impossible_date"),
        ({"last_activity_at": "2027-11-20 10:00:00"}, "date_in_future"),
        ({"notice_channel": "口头"}, "unknown_notice_channel"),
    ],
)
def test_a_customer_that_cannot_be(world, change, reason):
    report = world.load_rows("customer", [customer_row(**change), customer_row()])
    assert ([one.reason for one in report.faults], report.added) == ([reason], 1)
    assert "13912340001" not in str(world.rows("SELECT outlet FROM records"))


def test_a_service_about_a_shipment_or_a_customer_nobody_knows_is_a_bad_row(world):
    row = world.customer()
    stranger = customer_row()
    report = world.load_rows(
        "service_record",
        [service_row(row, waybill="YT9999999999999"), service_row(stranger), service_row(row, agent="KF9999")],
    )
    assert [(one.line, one.reason) for one in report.faults] == [
        (2, "unknown_shipment"),
        (3, "unknown_customer"),
        (4, "unknown_agent"),
    ]


def test_a_late_entry_is_accepted_marked_and_listed(world):
    row = world.customer()
    ended = NOW - timedelta(days=2)
    in_time = service_row(row, entered_at=local(ended + timedelta(minutes=30)))
    late = service_row(row, entered_at=local(ended + timedelta(minutes=30, seconds=1)))
    report = world.load_rows("service_record", [in_time, late])
    assert (report.added, report.late_lines, report.clean) == (2, [3], True)
    assert world.rows("SELECT count(*) FROM records WHERE late") == [(1,)]
    corrected = late | {"entered_at": local(ended + timedelta(minutes=1))}
    assert world.load_rows("service_record", [corrected]).late == 0
    assert world.rows("SELECT count(*) FROM records WHERE late") == [(0,)]


def test_a_dry_run_stores_nothing_and_says_what_would_be(world):
    row = world.customer()
    report = world.load_rows("customer", [row | {"name": "李雷"}, customer_row()], dry_run=True)
    assert (report.added, report.updated) == (1, 1)
    assert world.count("records") == 1
    assert shown(world.look_up("KF2001", row["phone"]).cards[0])["name"] == "王*"


# -- at once -----------------------------------------------------------------------------------------------------

CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from tests.conftest import Place
from tests.simulator import World, settings
folder, url, owner, file, go = sys.argv[1:]
place = Place(url, owner)
world = World(settings(Path(folder), place), place)
print("ready", flush=True)
while not Path(go).exists():
    pass
report = world.load("customer", Path(file))
print(report.added, report.unchanged, report.bad, flush=True)
world.close()
"""


@pytest.mark.slow
def test_two_processes_that_import_one_file_at_once_make_no_duplicates(world, tmp_path):
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row() for _ in range(450)])
    place, go = world.place, tmp_path / "go"
    command = [sys.executable, "-c", CHILD, str(world.config.data_dir), place.url, place.owner_url, str(file), str(go)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    go.touch()
    said = [child.communicate(timeout=60)[0].split() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert [sum(int(one[at]) for one in said) for at in range(3)] == [450, 450, 0]
    assert world.count("records") == 450
    assert len(world.opened()) == 450
    world.settle()
    assert world.verify().holds


def test_a_row_with_a_fault_in_a_batch_that_was_begun_again_is_counted_once(world, monkeypatch):
    """Somebody else stores one of the batch's customers between the finding and the writing."""
    meant, stranger = customer_row(), customer_row(owner="KF9999")
    real, done = record_writes.lock_identities, []

    def late_comer(connection, tags):
        real(connection, tags)
        if not done:
            done.append(1)
            raise StorageError("seen_meanwhile")

    monkeypatch.setattr(record_writes, "lock_identities", late_comer)
    report = world.load_rows("customer", [meant, stranger])
    assert (report.added, report.bad, len(report.faults)) == (1, 1, 1)


def test_look_ups_go_on_during_an_import(world, tmp_path):
    rows = [customer_row() for _ in range(1200)]
    file = write_file(tmp_path / "customers.csv", "customer", rows)
    known = world.customer()
    refused, answered, slowest = [], [], [0.0]
    importing = threading.Thread(target=world.load, args=("customer", file))
    importing.start()
    while importing.is_alive() and len(answered) < 60:  # fewer than an agent may look up in an hour
        began = time.monotonic()
        try:
            answered.append(world.look_up("KF2001", known["phone"]).cards)
        except StorageUnavailable as error:
            refused.append(error)
        slowest.append(time.monotonic() - began)
    importing.join()
    assert not refused
    assert len(answered) >= 3
    assert max(slowest) < 1.5
    assert world.count("records") == 1201


# -- memory ------------------------------------------------------------------------------------------------------

MEASURE = """
import re, sys
from pathlib import Path
from tests.conftest import Place
from tests.simulator import World, settings
folder, url, file = sys.argv[1:]
place = Place(url, url)
world = World(settings(Path(folder), place), place)
world.load("customer", Path(file), dry_run=True)
def peak():  # not getrusage: it still counts the process of the tests, from which this one was started
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
small = peak()
report = world.load("customer", Path(file).with_name("large.csv"), dry_run=True)
print(report.added, small, peak())
world.close()
"""


@pytest.mark.slow
def test_memory_stays_flat_for_a_file_a_hundred_times_as_large(sqlite_world, tmp_path):
    small = write_file(tmp_path / "small.csv", "customer", [customer_row() for _ in range(300)])
    write_file(tmp_path / "large.csv", "customer", (customer_row() for _ in range(30_000)))
    command = [sys.executable, "-c", MEASURE, str(sqlite_world.config.data_dir), sqlite_world.place.url, str(small)]
    added, before, after = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert added == 30_000
    assert after - before < 40_000  # KiB
    assert after < 250_000


def test_shipment_rows_know_each_other_by_waybill_in_every_spelling(world):
    rows = [customer_row(), customer_row()]
    world.customers(*rows)
    first = shipment_row(*rows)
    world.shipments(first)
    again = world.load_rows("shipment", [first | {"waybill": first["waybill"].lower()}])
    assert (again.unchanged, again.added) == (1, 0)
