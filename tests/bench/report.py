"""The table in ``docs/benchmarks.md`` and the JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.measure import Result, machine

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_WHEN: Final = re.compile(r"\b([a-z]) on ([0-9-]{10}(?:, [a-z ]+)?)")
_ROW: Final = re.compile(r"\| [a-z] \| ")


def as_json(results: Sequence[Result], when: str) -> str:
    """Return everything measured as a JSON document."""
    document = {"when": when, "machine": machine(), "results": [one.as_json() for one in results]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def put_into(page: Path, results: Sequence[Result], when: str) -> None:
    """Replace what stands between the markers of a page, but keep the rows of parts that were not measured now.

    Args:
        page: Markdown.
        results: of whole parts.
        when: the day, and how.
    """
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    measured = dict.fromkeys((one.part for one in results), when)
    times = dict(_WHEN.findall(old)) | measured
    rows = [line for line in old.splitlines() if _ROW.match(line) and line[2] not in measured]
    rows = sorted([*rows, *map(_row, results)], key=lambda row: row[2])  # stable: the order of a part stays
    described = "; ".join(f"{name}: {value}" for name, value in machine().items())
    lines = [
        "Measured: " + "; ".join(f"{part} on {times[part]}" for part in sorted(times)) + ".",
        f"Machine: {described}.",
        "",
        "| | what | engine | median | lowest–highest | goal | reached | absolute medians |",
        "|---|---|---|---:|---:|---:|---|---|",
        *rows,
    ]
    table = "\n".join(lines)
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def _row(one: Result) -> str:
    goal = "" if one.goal is None else f"{'≥' if one.at_least else '≤'} {_number(one.goal, one.unit)}"
    reached = {True: "yes", False: "**no**", None: ""}[one.reached]
    span = f"{_number(one.low, one.unit)}–{_number(one.high, one.unit)}" if one.rounds > 1 else ""
    cells = (one.part, one.what, one.engine, _number(one.value, one.unit), span, goal, reached, one.detail)
    return f"| {' | '.join(cells)} |"


def _number(value: float, unit: str) -> str:
    if unit == "x":
        return f"{value:.2f} ×"
    return f"{value:.1f} {unit}" if unit in ("%", "ms") else f"{value:,.0f} {unit}"
