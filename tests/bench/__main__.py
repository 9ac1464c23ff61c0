"""Measure, print, and write down."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench import (
    big_log,
    deciding,
    destroying,
    http_lookup,
    importing,
    latency,
    log_check,
    notices,
    radius,
    report,
    sealing,
    vaults,
)
from tests.bench.measure import Result
from vault.config import ROOT

_PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run the measurements asked for; returns 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, smaller vaults")
    parser.add_argument("--only", default="a,b,c,d,e,f,g,h,i,j", help="letters of the goals to measure, such as a,c")
    parser.add_argument("--big", action="store_true", help="at a million customers, and at a million events, too")
    parser.add_argument("--write", action="store_true", help="put the rows of --only into docs/benchmarks.md as well")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    results = []
    with vaults.bench() as bench:
        for one in _measure(bench, set(arguments.only.split(",")), quick=arguments.quick, big=arguments.big):
            results.append(one)
            mark = {True: "reached", False: "MISSED", None: ""}[one.reached]
            line = f"{one.part}  {one.value:8.2f} {one.unit:2}  {mark:8}  {one.engine:10}  {one.what}"
            print(f"{line}  ({one.detail})" if one.detail else line, flush=True)  # noqa: T201 - what a person waits for
    how = " and ".join(word for word, given in (("quickly", arguments.quick), ("big", arguments.big)) if given)
    when = vaults.now().date().isoformat() + (f", {how}" if how else "")
    if arguments.json:
        arguments.json.write_text(report.as_json(results, when), encoding="utf-8")
    if arguments.write or arguments.only == parser.get_default("only"):
        report.put_into(_PAGE, results, when)
    return 1 if any(one.reached is False for one in results) else 0


def _measure(bench: vaults.Bench, parts: set[str], *, quick: bool, big: bool) -> Iterator[Result]:
    measurements: dict[str, Callable[..., Iterator[Result]]] = {
        "a": http_lookup.measure,
        "b": sealing.measure,
        "c": importing.measure,
        "d": partial(latency.measure, big=big),
        "e": log_check.measure,
        "f": deciding.measure,
        "g": partial(big_log.measure, big=big),
        "h": partial(destroying.measure, big=big),
        "i": partial(radius.measure, big=big),
        "j": partial(notices.measure, big=big),
    }
    for letter, measure in measurements.items():
        if letter in parts:
            yield from measure(bench, quick=quick)


if __name__ == "__main__":
    sys.exit(main())
