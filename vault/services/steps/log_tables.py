"""Events as a table for spreadsheets: one row for each, in words and ids, without anything a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from vault.storage.log_exports import Entry

Name = Callable[[str, str], str]
"""Gives what people call a word, by the list it is of and its id."""

BOM: Final = b"\xef\xbb\xbf"
"""By which spreadsheets know that a file is UTF-8."""

COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("leaf", "条目号，从 0 起", "place in the log, from 0"),
    ("local_time", "时间，公司时区，精确到秒", "time in the company's zone, to the second"),
    (
        "actor",
        "工号；operator: 为系统操作员，system 为系统",
        "work number; operator: is a local operator, system the vault",
    ),
    ("role_name", "角色", "role, in words"),
    ("action_name", "动作", "what happened, in words"),
    ("outcome_name", "结果", "how it ended, in words"),
    ("purpose", "用途编号，见 policies/ 中的 purposes.toml", "purpose id, see purposes.toml in policies/"),
    ("rule", "作出决定的规则编号", "id of the rule that decided"),
    ("record_count", "涉及的记录数", "number of records named"),
    (
        "records",
        "记录：类别：随机编号[开启的字段]，以分号分隔",
        "records as class:random id[fields opened], separated by semicolons",
    ),
    ("facts", "其他事实：名=值，以分号分隔", "further facts as name=value, separated by semicolons"),
    ("case", "案件编号", "case id"),
    ("at", "时间，UTC，精确到微秒", "time, UTC, to the microsecond"),
    ("role", "角色编号", "role id"),
    ("action", "动作编号", "action id"),
    ("outcome", "结果编号", "outcome id"),
    ("session", "会话编号", "session id"),
    ("source", "网络地址", "network address"),
    ("node", "主机", "host"),
    ("policy", "当时生效的策略摘要，即 policies/ 下的文件夹名", "digest of the policy in force: a folder in policies/"),
    ("id", "事件编号", "event id"),
)
"""Each column of the table: name, and what it holds, in Chinese and in English."""

_LIVE: Final = re.compile(r"\s*[=+\-@'＝＋－＠]|\d{12,}$|\d+[eE]\d+$|0\d+$")
"""How a cell begins that a spreadsheet would run, or looks that it would show as another number."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")


def cell(value: object) -> str:
    """Return a value as a cell that is only text: an apostrophe goes before what a spreadsheet would take for more.

    Args:
        value: an id, a word or a number.
    """
    text = _CONTROLS.sub(" ", str(value))
    return f"'{text}" if isinstance(value, str) and _LIVE.match(text) else text


def rows(entries: Iterable[Entry], zone: ZoneInfo, name: Name) -> Iterator[bytes]:
    """Yield the lines of the table, the head first.

    Args:
        entries: the events.
        zone: the company's time zone.
        name: words for roles, actions and outcomes.
    """
    yield BOM + _line(column for column, _, _ in COLUMNS)
    for one in entries:
        values = _values(one, zone, name)
        yield _line(cell(values[column]) for column, _, _ in COLUMNS)


def dictionary() -> bytes:
    """Return the column dictionary, a small table of its own."""
    lines = [("column", "说明", "meaning"), *COLUMNS]
    return BOM + b"".join(_line(line) for line in lines)


def _values(entry: Entry, zone: ZoneInfo, name: Name) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(entry.canonical)
    return event | {
        "leaf": entry.leaf_index,
        "local_time": datetime.fromisoformat(event["at"]).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        "role_name": name("role", event["role"]),
        "action_name": name("action", event["action"]),
        "outcome_name": name("outcome", event["outcome"]),
        "record_count": len(event["records"]),
        "records": ";".join(f"{one['class']}:{one['id']}[{','.join(one['fields'])}]" for one in event["records"]),
        "facts": ";".join(f"{fact}={value}" for fact, value in event["facts"].items()),
    }


def _line(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
