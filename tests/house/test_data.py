"""The synthetic set is what its generator writes, is sound, and fits the mappings and waybill patterns."""

import csv
import io
import re
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
POLICIES = ROOT / "policies"
TABLES = ("staff", "customers", "shipments", "service_records")
MAPPINGS = {
    "staff": "staff",
    "customers": "customers",
    "shipments": "shipments",
    "service_records": "service-records",
}
REASONS = {
    "empty_file", "no_rows", "missing_column", "duplicate_column", "unknown_columns", "row_cut", "wrong_check_digit",
    "impossible_date", "unknown_sender", "signed_before_pickup", "not_a_waybill", "value_missing", "unknown_role",
    "unknown_owner", "nul_byte", "cell_too_long", "ended_before_start", "same_phone", "unclosed_quote",
}  # fmt: skip
GB11643_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
# -I and -S keep the generator honest: the standard library and its own folder are all it can import.
RUN = "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('make_data', run_name='__main__')"
TRACK = ("揽件时间", "中转时间", "派送时间", "签收时间")


def write_set(folder, today):
    command = [sys.executable, "-I", "-S", "-c", RUN, str(DATA), "--today", today, "--out", str(folder)]
    subprocess.run(command, check=True, timeout=60)
    return folder


def files_of(folder):
    generated = [*folder.glob("*.csv"), *(folder / "defects").iterdir()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in generated}


def grid_of(path):
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


def read(folder):
    grids = {name: grid_of(folder / f"{name}.csv") for name in TABLES}
    return {name: [dict(zip(grid[0], cells, strict=True)) for cells in grid[1:]] for name, grid in grids.items()}


def toml(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))


def mapping(name):
    return toml(POLICIES / "mappings" / f"{MAPPINGS[name]}.toml")


def carriers():
    return toml(POLICIES / "waybills.toml")["carrier"]


def carrier_of(number):
    return next((carrier["id"] for carrier in carriers() if re.fullmatch(carrier["pattern"], number)), None)


def gb11643_holds(number):
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], GB11643_WEIGHTS, strict=True))
    return number[17] == "10X98765432"[total % 11]


def s10_holds(number):
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(number[2:10], S10_WEIGHTS, strict=True)) % 11
    return int(number[10]) == {10: 0, 11: 5}.get(rest, rest)


def moment(cell):
    return datetime.fromisoformat(cell)


@pytest.fixture(scope="module")
def tables():
    return read(DATA)


@pytest.fixture(scope="module", params=["2026-11-20", "2028-02-29"])
def dated(request, tmp_path_factory):
    folder = write_set(tmp_path_factory.mktemp("set"), request.param)
    return moment(request.param), folder, read(folder)


def test_the_committed_files_are_what_the_generator_writes(tmp_path):
    written, committed = files_of(write_set(tmp_path, "2026-11-20")), files_of(DATA)
    assert sorted(written) == sorted(committed)
    assert [name for name in written if written[name] != committed[name]] == []


def test_every_resident_id_lies_in_the_unassigned_area_and_has_its_check_character(tables):
    numbers = [row["证件号码"] for row in tables["customers"] if row["证件类型"] == "居民身份证"]
    assert len(numbers) > 150
    assert [place for place, number in enumerate(numbers) if not number.startswith("99")] == []
    assert [place for place, number in enumerate(numbers) if not gb11643_holds(number)] == []


def test_no_file_holds_an_id_number_outside_area_99():
    shape = re.compile(r"(?<![0-9])[0-9]{6}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}[0-9X](?![0-9])")
    found = Counter()
    for name, content in files_of(DATA).items():
        text = content.decode("gb18030" if "gb18030" in name else "utf-8")
        found.update((name, number.startswith("99")) for number in shape.findall(text))
    assert sum(found.values()) > 300
    assert [name for name, in_area in found if not in_area] == []


def test_every_postal_number_has_its_check_digit(tables):
    numbers = [row["运单号"] for row in tables["shipments"] if row["运单号"].startswith("EE")]
    assert len(numbers) > 5
    assert all(s10_holds(number) for number in numbers)
    assert s10_holds("EE473124829CN")  # the example printed in UPU S10


def test_every_number_that_names_a_record_is_unique_and_every_reference_has_its_record(dated):
    _, _, tables = dated
    staff = {row["工号"] for row in tables["staff"]}
    customers = {row["客户编号"] for row in tables["customers"]}
    waybills = {row["运单号"] for row in tables["shipments"]}
    keys = ("工号", "客户编号", "运单号", "记录编号")
    counts = [len({row[key] for row in tables[name]}) for name, key in zip(TABLES, keys, strict=True)]
    assert counts == [len(tables[name]) for name in TABLES] == [14, 200, 400, 300]
    assert {row["归属客服"] for row in tables["customers"]} <= staff | {""}
    assert all(row["寄件客户编号"] != row["收件客户编号"] for row in tables["shipments"])
    assert {row[end] for row in tables["shipments"] for end in ("寄件客户编号", "收件客户编号")} <= customers
    assert {row["客户编号"] for row in tables["service_records"]} <= customers
    assert {row["客服工号"] for row in tables["service_records"]} <= staff
    assert {row["运单号"] for row in tables["service_records"]} <= waybills | {""}


def test_everything_happened_in_order_before_today_and_within_900_days(dated):
    today, _, tables = dated
    picked_up = {row["运单号"]: row["揽件时间"] for row in tables["shipments"]}
    orders = [[row[step] for step in TRACK if row[step]] for row in tables["shipments"]]
    orders += [[row["服务开始"], row["服务结束"], row["录入时间"]] for row in tables["service_records"]]
    orders += [[picked_up[row["运单号"]], row["服务开始"]] for row in tables["service_records"] if row["运单号"]]
    orders += [[row["告知时间"], row["最近业务时间"]] for row in tables["customers"] if row["告知时间"]]
    assert len(orders) > 1000
    for cells in orders:
        moments = [moment(cell) for cell in cells]
        assert moments == sorted(moments)
        assert moments[-1] < today
        assert moments[-1] > today - timedelta(days=900)


def test_a_track_has_no_gap_and_a_signer_only_with_a_time(dated):
    _, _, tables = dated
    for row in tables["shipments"]:
        happened = [bool(row[step]) for step in TRACK]
        assert happened == sorted(happened, reverse=True)
        assert bool(row["签收人"]) == bool(row["签收时间"])


def test_the_last_activity_of_a_customer_is_never_before_an_event_that_names_them(dated):
    _, _, tables = dated
    last = {row["客户编号"]: row["最近业务时间"] for row in tables["customers"]}
    for row in tables["shipments"]:
        event = max(row[step] for step in TRACK)
        assert event <= min(last[row["寄件客户编号"]], last[row["收件客户编号"]])
    assert all(row["服务结束"] <= last[row["客户编号"]] for row in tables["service_records"])


def test_the_set_holds_what_a_demonstration_needs(dated):
    today, _, tables = dated
    customers, records = tables["customers"], tables["service_records"]
    names = [row["姓名"] for row in customers]
    phones = Counter(row["手机号"] for row in customers)
    dormant = [row for row in customers if moment(row["最近业务时间"]) < today - timedelta(days=732)]
    late = [row for row in records if moment(row["录入时间"]) - moment(row["服务结束"]) > timedelta(minutes=30)]
    open_complaints = [row for row in records if row["类型"] == "投诉" and row["处理结果"] == "处理中"]
    places = Counter(row["网点"] for row in tables["staff"] if row["角色"] == "agent")
    assert len(places) == 3
    assert min(places.values()) >= 2
    roles = Counter(row["角色"] for row in tables["staff"])
    assert (roles["agent"], roles["complaint_specialist"], roles["supervisor"]) == (7, 1, 2)
    assert (roles["quality_inspector"], roles["imd"], roles["auditor"], roles["admin"]) == (1, 2, 1, 0)
    assert sum(bool(row["归属客服"]) for row in customers) == 30
    assert sorted(phones.values())[-2:] == [1, 2]
    assert all(re.fullmatch(r"1[3-9][0-9]{9}", phone) for phone in phones)
    assert sum(bool(row["其他联系方式"]) for row in customers) >= 10
    assert sum(not row["告知版本"] for row in customers) == 8
    assert any("·" in name for name in names)
    assert any(len(name) == 2 for name in names)
    assert any(name.startswith(("欧阳", "司马")) for name in names)
    assert len({row["证件类型"] for row in customers}) == 4
    assert 10 <= len(dormant) <= 20
    assert any(not row["签收时间"] for row in tables["shipments"])
    assert sum(moment(row["揽件时间"]) < today - timedelta(days=740) for row in tables["shipments"]) == 25
    assert len(late) == 60
    assert len(open_complaints) >= 5
    assert {row["客服工号"] for row in open_complaints} == {"KF2008"}
    assert {row["处理结果"] for row in records} == {"", "处理中", "已解决", "已转交"}
    assert sum(moment(row["服务结束"]) > today - timedelta(days=330) for row in records) > 200


def test_expected_lists_every_defect_file_once_with_a_known_reason(dated):
    _, folder, _ = dated
    entries = toml(folder / "defects" / "expected.toml")["file"]
    assert sorted(entry["name"] for entry in entries) == sorted(p.name for p in (folder / "defects").glob("*.csv"))
    assert {entry["reason"] for entry in entries if "reason" in entry} == REASONS
    assert all("reason" in entry for entry in entries if entry["exit_code"])
    assert {entry["class"] for entry in entries} == {mapping(name)["mapping"]["class"] for name in TABLES}


def test_expected_names_the_line_and_the_column_that_differ_from_the_set(dated):
    _, folder, tables = dated
    rows = {
        mapping(name)["mapping"]["class"]: {next(iter(row.values())): row for row in tables[name]} for name in TABLES
    }
    columns = {header: field for name in TABLES for header, field in mapping(name)["columns"].items()}
    judged = 0
    for entry in toml(folder / "defects" / "expected.toml")["file"]:
        assert columns.get(entry.get("column")) == entry.get("field")
        if entry.get("line", 1) == 1 or entry["reason"] in {"row_cut", "unclosed_quote"}:
            continue
        grid = grid_of(folder / "defects" / entry["name"])
        key = grid[entry["line"] - 1][0]
        # A wrong waybill is itself the key of its row: find the number that it was cut from.
        known = rows[entry["class"]]
        original = known.get(key) or next(row for number, row in known.items() if number.startswith(key))
        differing = [
            (line, grid[0][place])
            for line, cells in enumerate(grid[1:], start=2)
            for place, cell in enumerate(cells)
            if cell != list((original if line == entry["line"] else known[cells[0]]).values())[place]
        ]
        assert differing == [(entry["line"], entry["column"])]
        judged += 1
    assert judged == 12


def test_the_cut_row_is_the_last_line_and_ends_in_the_named_column():
    content = (DATA / "defects" / "customers-cut-in-the-middle-of-a-row.csv").read_text(encoding="utf-8")
    lines = content.split("\n")
    assert len(lines) == 16
    assert lines[0].split(",")[len(lines[-1].split(",")) - 1] == "收件地址"


def test_the_open_quote_stands_on_the_named_line_and_is_the_only_one():
    lines = (DATA / "defects" / "customers-quote-never-closed.csv").read_text(encoding="utf-8").splitlines()
    assert [line for line, text in enumerate(lines, start=1) if '"' in text] == [7]
    assert lines[6].count('"') == 1


def test_the_encodings_are_what_their_names_say():
    defects = DATA / "defects"
    plain = (defects / "customers-utf8-with-bom.csv").read_bytes().removeprefix(b"\xef\xbb\xbf")
    assert (defects / "customers-utf8-with-bom.csv").read_bytes() != plain
    assert (defects / "customers-bom.csv").read_bytes() == b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    assert (defects / "customers-encoded-gb18030.csv").read_bytes().decode("gb18030") == plain.decode()
    four_byte = (defects / "customers-gb18030.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        four_byte.decode("gbk")
    assert four_byte.decode("gb18030").startswith(plain.decode())


@pytest.mark.parametrize("name", TABLES)
def test_a_mapping_names_every_header_of_its_file_and_every_word_in_it(tables, name):
    rules, rows = mapping(name), tables[name]
    columns, head = rules["columns"], rules["mapping"]
    assert list(columns) == list(rows[0])
    assert sorted(head["required"] + head["optional"]) == sorted(columns.values())
    by_field = {field: {row[header] for row in rows} for header, field in columns.items()}
    assert [field for field in head["required"] if "" in by_field[field]] == []
    for field, words in rules.get("values", {}).items():
        assert by_field[field] - {""} <= set(words)
    for field in columns.values():
        if field.endswith("_at"):
            cells = by_field[field] - {""}
            assert {moment(cell).strftime(rules["times"]["format"]) for cell in cells} == cells


def test_every_waybill_of_the_set_belongs_to_its_carrier(tables):
    expected = {"YT": "yto", "SF": "sf", "JD": "jd", "EE": "ems"}
    found = Counter(row["运单号"][:2] for row in tables["shipments"])
    assert set(found) == set(expected)
    assert found["YT"] > 300
    assert all(carrier_of(row["运单号"]) == expected[row["运单号"][:2]] for row in tables["shipments"])


def test_a_waybill_one_digit_short_or_long_belongs_to_nobody():
    assert carrier_of("YT" + "1" * 13) == "yto"
    assert [carrier_of("YT" + "1" * count) for count in (11, 12, 14, 15)] == [None] * 4
    assert [carrier_of("SF" + "1" * count) for count in (12, 14)] == [None] * 2
    assert carrier_of("1" * 13) is None


@pytest.mark.parametrize(
    "number", ["YT１２３４５６７８９０１２３", "yt1234567890123", "YT1234567890123\n", " YT1234567890123"]
)
def test_a_pattern_takes_only_the_normal_spelling(number):
    assert carrier_of(number) is None


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("473124829012", "sf_digits"),
        ("712345678901", "zto"),
        ("71234567890123", "zto"),
        ("312345678901234", "sto"),
        ("JT12345678901", "jt"),
        ("RA473124829CN", "postal_s10"),
    ],
)
def test_the_first_pattern_that_matches_names_the_carrier(number, carrier):
    assert carrier_of(number) == carrier


def test_every_carrier_is_anchored_named_sourced_and_checked_in_a_known_way():
    rules = carriers()
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) == {"id", "zh", "en", "pattern", "check", "clause", "source"}
        assert rule["pattern"].startswith("^")
        assert rule["pattern"].endswith("$")
        assert "|" not in rule["pattern"]  # an alternative would escape the anchors
        assert rule["check"] in {"none", "s10", "sf_warn"}
        assert rule["clause"] == "CE-03"
