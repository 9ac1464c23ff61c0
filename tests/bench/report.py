"""The table in ``docs/benchmarks.md`` and the JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.bench.measure import Result, machine

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def as_json(results: Sequence[Result], when: str) -> str:
    """Return everything measured as a JSON document."""
    document = {"when": when, "machine": machine(), "results": [one.as_json() for one in results]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def as_table(results: Sequence[Result], when: str) -> str:
    """Return everything measured as Markdown."""
    described = "; ".join(f"{name}: {value}" for name, value in machine().items())
    lines = [
        f"Measured on {when}. Machine: {described}.",
        "",
        "| | what | engine | median | lowest–highest | goal | reached | absolute medians |",
        "|---|---|---|---:|---:|---:|---|---|",
    ]
    for one in results:
        goal = "" if one.goal is None else f"{'≥' if one.at_least else '≤'} {_number(one.goal, one.unit)}"
        reached = {True: "yes", False: "**no**", None: ""}[one.reached]
        span = f"{_number(one.low, one.unit)}–{_number(one.high, one.unit)}"
        value = _number(one.value, one.unit)
        cells = (one.part, one.what, one.engine, value, span, goal, reached, one.detail)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def put_into(page: Path, table: str) -> None:
    """Replace what stands between the markers of a page."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")


def _number(value: float, unit: str) -> str:
    if unit == "x":
        return f"{value:.2f} ×"
    return f"{value:.1f} %" if unit == "%" else f"{value:,.0f} {unit}"
