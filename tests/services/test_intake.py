import pytest

from tests.simulator import MAPPINGS, NOW, customer_row, service_row, write_file
from vault.errors import StorageUnavailable
from vault.services import intake
from vault.services.steps.intake_report import MOST_LISTED, Fault, ImportReport
from vault.storage import record_writes


def test_a_batch_is_stored_whole_or_not_at_all_and_the_ones_before_it_stay(world, monkeypatch, tmp_path):
    monkeypatch.setattr(intake, "BATCH_ROWS", 4)
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row() for _ in range(10)])
    real, calls = record_writes.store, []

    def failing(connection, new):
        real(connection, new)
        calls.append(1)
        if len(calls) == 2:
            raise StorageUnavailable("database_busy")

    monkeypatch.setattr(record_writes, "store", failing)
    with pytest.raises(StorageUnavailable):
        world.load("customer", file)
    assert [world.count(table) for table in ("records", "wrapped_keys")] == [4, 4]
    assert len(world.events("import.batch")) == 1
    monkeypatch.undo()
    report = world.load("customer", file)
    assert (report.unchanged, report.added) == (4, 6)


def test_progress_is_told_after_each_batch_and_ends_with_the_file(world, monkeypatch, tmp_path):
    monkeypatch.setattr(intake, "BATCH_ROWS", 4)
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row() for _ in range(10)])
    told = []
    world.load("customer", file, progress=lambda *numbers: told.append(numbers))
    assert [rows for _, _, rows in told] == [4, 8, 10]
    assert told[-1][0] == told[-1][1] == file.stat().st_size


def test_every_row_of_a_file_is_counted_once(world):
    good, bad = customer_row(), customer_row(name="")
    report = world.load_rows("customer", [good, bad, good | {"name": "李雷"}, customer_row(owner="KF9999")])
    assert report.rows == report.added + report.updated + report.unchanged + report.bad + len(report.conflicts) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda header: header.replace("证件号码", "号码"), "missing_column"),
        (lambda header: header.replace("证件号码", "手机号"), "duplicate_column"),
        (lambda _: "a,b,c", "unknown_columns"),
    ],
)
def test_a_header_row_that_cannot_be_used_refuses_the_file(sqlite_world, tmp_path, change, reason):
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row()])
    header, _, rest = file.read_text(encoding="utf-8").partition("\n")
    file.write_text(change(header) + "\n" + rest, encoding="utf-8")
    report = sqlite_world.load("customer", file)
    assert [(one.line, one.reason) for one in report.faults] == [(1, reason)]
    assert sqlite_world.count("records") == 0


def test_a_column_nobody_knows_is_left_alone(sqlite_world, tmp_path):
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row()])
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([lines[0] + ",备注", lines[1] + ",13912349999"]), encoding="utf-8")
    assert sqlite_world.load("customer", file).added == 1
    assert "13912349999" not in str(sqlite_world.opened())


def test_a_file_of_another_class_is_refused_and_its_mapping_too(sqlite_world, tmp_path):
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row()])
    assert [one.reason for one in sqlite_world.load("shipment", file).faults] == ["missing_column"]
    assert [one.reason for one in sqlite_world.load("staff", file).faults] == ["missing_column"]
    chosen = sqlite_world.load("customer", file, mapping_file=MAPPINGS / "shipments.toml")
    assert [one.reason for one in chosen.faults] == ["unknown_columns"]


def test_a_row_with_a_fault_in_a_cell_beyond_the_header_is_a_bad_row(sqlite_world, tmp_path):
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row()])
    with file.open("a", encoding="utf-8") as more:
        more.write("a," * 30 + "\0\n")
    report = sqlite_world.load("customer", file)
    assert (report.added, [one.reason for one in report.faults]) == (1, ["nul_byte"])


def test_customers_of_one_batch_and_their_services_find_each_other(world):
    row = world.customer()
    report = world.load_rows("service_record", [service_row(row) for _ in range(5)])
    assert (report.added, report.clean) == (5, True)
    assert world.rows("SELECT count(DISTINCT customer_id) FROM records WHERE customer_id IS NOT NULL") == [(1,)]


def test_an_import_is_logged_by_the_operator_with_counts_and_purpose(world):
    world.customer()
    event = world.events("import.batch")[-1]
    assert event["actor"].startswith("operator:")
    assert (event["role"], event["purpose"], event["at"][:10]) == ("operator", "import", NOW.date().isoformat())
    assert event["facts"] == {"added": 1, "updated": 0, "record_class": "customer"}


def test_a_report_on_a_file_that_is_wrong_everywhere_stays_small():
    report = ImportReport()
    for line in range(MOST_LISTED + 5):
        report.fault(Fault(line, "row_cut"))
        report.late_line(line)
        report.missing_notice_line(line)
        report.same_phone(line, line + 1, "手机号")
    assert (report.bad, report.late, report.missing_notice) == (MOST_LISTED + 5,) * 3
    lists = (report.faults, report.late_lines, report.missing_notice_lines, report.same_phones)
    assert [len(one) for one in lists] == [MOST_LISTED] * 4
    assert not report.clean
