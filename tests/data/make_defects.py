"""Build the defect files: a dozen rows of the set each, with one defect or one harmless peculiarity.

``expected.toml`` says what ``import --dry-run`` answers after the whole set was imported. Line numbers count the lines
of the file, the header being line 1.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

Row = dict[str, str]
Tables = dict[str, list[Row]]
Grid = list[list[str]]

SAMPLE_ROWS = 15
PREFIXES = {"staff": "staff", "customer": "customers", "shipment": "shipments", "service_record": "service"}
LONG_CELL = "长" * 33_334  # 100 kB in UTF-8
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
FIELDS = {  # header -> field name, for the headers that an expected answer names
    "手机号": "phone", "姓名": "name", "寄件地址": "sender_address", "收件地址": "recipient_address",
    "证件号码": "id_number", "归属客服": "owner", "角色": "role", "寄件客户编号": "sender", "运单号": "waybill",
    "签收时间": "signed_at", "服务开始": "started_at", "服务结束": "ended_at", "录入时间": "entered_at",
}  # fmt: skip


@dataclass(frozen=True)
class Defect:
    """One file of the folder and the answer it must get.

    Args:
        name: file name without ``.csv``.
        record_class: class id of the rows.
        content: the file's bytes.
        exit_code: 0 accepted, 1 refused (architecture, contract).
        reason: reason id, empty where there is nothing to say.
        line: line number the answer names, 0 where it names none.
        column: header of the column the answer names, empty where it names none.
        other_line: the first line of a pair, 0 where there is no pair.
    """

    name: str
    record_class: str
    content: bytes
    exit_code: int = 0
    reason: str = ""
    line: int = 0
    column: str = ""
    other_line: int = 0

    def as_toml(self) -> str:
        """Return the expected answer as a table of ``expected.toml``; what does not apply is left out."""
        answer = {
            "name": f"{self.name}.csv", "class": self.record_class, "exit_code": self.exit_code, "reason": self.reason,
            "line": self.line, "other_line": self.other_line, "column": self.column,
            "field": FIELDS.get(self.column, ""),
        }  # fmt: skip
        said = {key: value for key, value in answer.items() if value or key == "exit_code"}
        lines = [f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"' for key, value in said.items()]
        return "\n".join(["[[file]]", *lines, ""])


def encode(grid: Grid, encoding: str = "utf-8", line_end: str = "\n") -> bytes:
    """Return a grid as CSV bytes."""
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end).writerows(grid)
    return text.getvalue().encode(encoding)


def grid_of(rows: list[Row]) -> Grid:
    """Return header and rows as lists of cells."""
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def changed(grid: Grid, line: int, column: str, change: str | Callable[[str], str]) -> Grid:
    """Return a copy of a grid with one cell changed.

    Args:
        grid: header and rows.
        line: line number, the header being line 1.
        column: header of the column.
        change: the new text, or what makes it from the old one.
    """
    place = grid[0].index(column)
    copy = [list(cells) for cells in grid]
    copy[line - 1][place] = change if isinstance(change, str) else change(copy[line - 1][place])
    return copy


def other_check_character(id_number: str) -> str:
    """Return the ID number with a check character that is not its own."""
    return id_number[:-1] + ("0" if id_number[-1] != "0" else "1")


def samples(tables: Tables) -> tuple[Grid, Grid, Grid, Grid]:
    """Return staff, customers, shipments and service records that are sound, recent and unremarkable."""
    phones = Counter(row["手机号"] for row in tables["customers"])
    newest = max(row["最近业务时间"] for row in tables["customers"])
    this_year = f"{int(newest[:4]) - 1}{newest[4:]}"
    customers = [
        row
        for row in tables["customers"]
        if row["证件类型"] == "居民身份证"
        and row["告知版本"]
        and phones[row["手机号"]] == 1
        and row["最近业务时间"] > this_year
    ]
    shipments = [row for row in tables["shipments"] if row["运单号"].startswith("YT") and row["签收时间"] > this_year]
    service = [row for row in tables["service_records"] if row["服务开始"] > this_year and row["运单号"]]
    return (
        grid_of(tables["staff"]),
        grid_of(customers[:SAMPLE_ROWS]),
        grid_of(shipments[:SAMPLE_ROWS]),
        grid_of(service[:SAMPLE_ROWS]),
    )


def cut(content: bytes, line: int, column: int) -> bytes:
    """Return the content up to the middle of one cell."""
    lines = content.decode().splitlines(keepends=True)
    cells = lines[line - 1].split(",")
    cells[column] = cells[column][: len(cells[column]) // 2]
    return "".join([*lines[: line - 1], ",".join(cells[: column + 1])]).encode()


def harmless_customers(good: Grid, rare: list[str]) -> list[Defect]:
    """Return the customer files that are accepted."""
    phone = good[0].index("手机号")
    spelled = changed(good, 4, "手机号", lambda number: f"+86 {number[:3]}-{number[3:7]}-{number[7:]}")
    spelled = changed(spelled, 5, "手机号", lambda number: number.translate(FULL_WIDTH))
    spelled = changed(spelled, 6, "手机号", lambda number: f"0086{number}")
    formula = changed(good, 8, "姓名", '=HYPERLINK("http://example.invalid","点击")')
    formula = changed(formula, 9, "寄件地址", lambda text: f"@SUM(1+1){text}")
    same = encode(changed(good, 10, "手机号", good[4][phone]))
    return [
        Defect("customers-header-only", "customer", encode(good[:1]), 0, "no_rows"),
        Defect("customers-encoded-gb18030", "customer", encode(good, "gb18030")),
        Defect("customers-gb18030", "customer", encode([*good, rare], "gb18030")),
        Defect("customers-utf8-with-bom", "customer", encode(good, "utf-8-sig")),
        Defect("customers-bom", "customer", encode(good, "utf-8-sig", "\r\n")),
        Defect("customers-phones-spelled-three-ways", "customer", encode(spelled)),
        Defect("customers-formula-in-name-and-address", "customer", encode(formula)),
        Defect("customers-same-phone-lines-5-and-10", "customer", same, 0, "same_phone", 10, "手机号", 5),
    ]


def unreadable_customers(good: Grid) -> list[Defect]:
    """Return the customer files whose header or whose quoting is broken."""
    header = good[0]
    no_id = [[cell for title, cell in zip(header, cells, strict=True) if title != "证件号码"] for cells in good]
    twice = [[*cells, cells[header.index("手机号")]] for cells in good]
    foreign = [[f"column_{place}" for place in range(len(header))], *good[1:]]
    last_line = len(good)
    cut_short = cut(encode(good), last_line, header.index("收件地址"))
    open_quote = encode(changed(good, 7, "寄件地址", lambda text: f"QUOTE{text}")).replace(b"QUOTE", b'"')
    return [
        Defect("customers-empty", "customer", b"", 1, "empty_file"),
        Defect("customers-column-id-number-missing", "customer", encode(no_id), 1, "missing_column", 1, "证件号码"),
        Defect("customers-header-twice", "customer", encode(twice), 1, "duplicate_column", 1, "手机号"),
        Defect("customers-header-unknown", "customer", encode(foreign), 1, "unknown_columns", 1),
        Defect("customers-cut-in-the-middle-of-a-row", "customer", cut_short, 1, "row_cut", last_line, "收件地址"),
        Defect("customers-quote-never-closed", "customer", open_quote, 1, "unclosed_quote", 7),
    ]


def one_wrong_cell(staff: Grid, customers: Grid, shipments: Grid, service: Grid) -> list[Defect]:
    """Return the files in which one cell is wrong."""
    sound = {"staff": staff, "customer": customers, "shipment": shipments, "service_record": service}
    leap = f"{service[1][service[0].index('服务开始')][:4]}-02-30 10:00:00"
    long_ago = "2019-01-01 00:00:00"
    wrong: list[tuple[str, str, int, str, str, str | Callable[[str], str]]] = [
        ("wrong-id-check-digit-line-6", "customer", 6, "证件号码", "wrong_check_digit", other_check_character),
        ("unknown-owner", "customer", 5, "归属客服", "unknown_owner", "KF9999"),
        ("nul-byte", "customer", 6, "姓名", "nul_byte", lambda name: f"{name}\0"),
        ("very-long-cell", "customer", 8, "寄件地址", "cell_too_long", LONG_CELL),
        ("unknown-role", "staff", 6, "角色", "unknown_role", "courier"),
        ("unknown-sender-line-7", "shipment", 7, "寄件客户编号", "unknown_sender", "C999999"),
        ("signed-before-pickup-line-9", "shipment", 9, "签收时间", "signed_before_pickup", long_ago),
        ("waybill-one-digit-short-line-11", "shipment", 11, "运单号", "not_a_waybill", lambda number: number[:-1]),
        ("entry-time-missing-line-4", "service_record", 4, "录入时间", "value_missing", ""),
        ("impossible-date-line-5", "service_record", 5, "服务开始", "impossible_date", leap),
        ("end-before-start", "service_record", 6, "服务结束", "ended_before_start", long_ago),
    ]
    return [
        Defect(
            name=f"{PREFIXES[record_class]}-{defect}",
            record_class=record_class,
            content=encode(changed(sound[record_class], line, column, change)),
            exit_code=1,
            reason=reason,
            line=line,
            column=column,
        )
        for defect, record_class, line, column, reason, change in wrong
    ]


def defect_files(tables: Tables) -> dict[str, bytes]:
    """Return the files of the defect folder, by name, ``expected.toml`` among them."""
    staff, customers, shipments, service = samples(tables)
    rare = next(list(row.values()) for row in tables["customers"] if any(ord(c) > 0xFFFF for c in row["姓名"]))
    defects = [
        *harmless_customers(customers, rare),
        *unreadable_customers(customers),
        *one_wrong_cell(staff, customers, shipments, service),
    ]
    head = "# Written by make_data.py: what `import --dry-run` answers to each file after the set was imported.\n\n"
    expected = head + "\n".join(defect.as_toml() for defect in defects)
    return {f"{defect.name}.csv": defect.content for defect in defects} | {"expected.toml": expected.encode()}
