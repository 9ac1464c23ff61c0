"""(c) Importing against the same file into plaintext tables through the same parser, and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import data, plain, vaults
from tests.bench.measure import Result, in_turn, median, ratio, seconds
from vault import bootstrap
from vault.config import ROOT, Config, load_config
from vault.domain.ids import RecordClass, new_id
from vault.services import intake
from vault.services.steps.parts import Parts
from vault.storage.engine import Database

_CLASSES = {
    "customers": RecordClass.CUSTOMER,
    "shipments": RecordClass.SHIPMENT,
    "service_records": RecordClass.SERVICE_RECORD,
}
_GOALS = {vaults.SQLITE: 2.0, vaults.POSTGRESQL: 1.5}
_MOST_MB = 250.0


def measure(bench: vaults.Bench, *, quick: bool) -> Iterator[Result]:
    """Yield the ratio of each class and of all, then the memory of a small and a large file."""
    rounds, blocks = (3, 2) if quick else (7, 4)
    for engine in vaults.ENGINES:
        config = bench.new_vault(engine)
        database = bench.plain_database(engine)
        plain.metadata.create_all(database.engine)
        with bootstrap.open_vault(config) as parts:
            files = [
                data.write_files(bench.new_folder("in"), range(at * blocks, (at + 1) * blocks))
                for at in range(rounds + 1)
            ]
            ours, theirs = _into_vault(parts, config), _into_plain(parts, config, database)
            for work in (ours, theirs):
                work(files[rounds])  # warm
            vaults.settle_down(config)
            pairs = in_turn(rounds, lambda at: ours(files[at]), lambda at: theirs(files[at]))  # noqa: B023 - run at once
        database.dispose()
        yield from _results(engine, pairs)
    yield from _memory(bench, quick=quick)


def _results(engine: str, pairs: list[tuple[dict[str, float], dict[str, float]]]) -> Iterator[Result]:
    for name in (*_CLASSES, "all"):
        each = [(ours[name], theirs[name]) for ours, theirs in pairs]
        ours, theirs = (median([pair[at] for pair in each]) * 1e6 for at in (0, 1))
        yield ratio(
            "c", f"import of {name.replace('_', ' ')}", engine, each,
            goal=_GOALS[engine] if name == "all" else None,
            detail=f"{ours:.0f} µs a row against {theirs:.0f} µs",
        )  # fmt: skip


def _timed(work: Callable[[RecordClass, Path], int]) -> Callable[[dict[str, Path]], dict[str, float]]:
    """Return seconds a row, by file and for all."""

    def run(files: dict[str, Path]) -> dict[str, float]:
        found, total, rows = {}, 0.0, 0
        for name, record_class in _CLASSES.items():
            added = 0

            def once(record_class: RecordClass = record_class, path: Path = files[name]) -> None:
                nonlocal added
                added = work(record_class, path)

            took = seconds(once)
            found[name] = took / added
            total, rows = total + took, rows + added
        return found | {"all": total / rows}

    return run


def _into_vault(parts: Parts, config: Config) -> Callable[[dict[str, Path]], dict[str, float]]:
    actor, mappings = bootstrap.operator(config), config.policies_dir / "mappings"

    def work(record_class: RecordClass, path: Path) -> int:
        report = intake.import_records(parts, actor, record_class, path, mappings, vaults.now())
        if report.added != report.rows:
            raise RuntimeError(f"{report.rows - report.added} rows were not added")
        return report.added

    return _timed(work)


def _into_plain(parts: Parts, config: Config, database: Database) -> Callable[[dict[str, Path]], dict[str, float]]:
    owners = {f"KF{2001 + place}": new_id() for place in range(20)}
    mappings = config.policies_dir / "mappings"

    def work(record_class: RecordClass, path: Path) -> int:
        return plain.import_records(database, parts.policy, owners, record_class, path, mappings, vaults.now())

    return _timed(work)


# -- memory ------------------------------------------------------------------------------------------------------


def _memory(bench: vaults.Bench, *, quick: bool) -> Iterator[Result]:
    few, many = (2, 20) if quick else (10, 200)
    for engine in vaults.ENGINES:
        peaks = []
        for blocks in (few, many):
            config = bench.new_vault(engine)
            files = data.write_files(bench.new_folder("in"), range(blocks))
            settings = {
                "DATAVAULT_ENV": "test",
                "DATAVAULT_DATA_DIR": str(config.data_dir),
                "DATAVAULT_DATABASE_URL": config.database_url,
                "PATH": os.environ["PATH"],
            }
            done = subprocess.run(
                [sys.executable, "-m", "tests.bench.importing", *(str(files[name]) for name in _CLASSES)],
                cwd=ROOT,
                env=settings,
                stdout=subprocess.PIPE,
                check=True,
            )
            peaks.append(json.loads(done.stdout)["peak_mb"])
        rows = [900 * blocks for blocks in (few, many)]
        yield Result(
            "c", f"peak memory of an import of {rows[1]:,} rows", engine, peaks[1], min(peaks), max(peaks), rounds=1,
            goal=_MOST_MB, unit="MB", detail=f"{peaks[0]:.0f} MB at {rows[0]:,} rows",
        )  # fmt: skip


def main() -> None:
    """Import three files into the vault of the environment and print the peak memory of this process."""
    config = load_config()
    with bootstrap.open_vault(config) as parts:
        run = _into_vault(parts, config)
        run({name: Path(path) for name, path in zip(_CLASSES, sys.argv[1:], strict=True)})
    # Not ru_maxrss: a process inherits the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(json.dumps({"peak_mb": peak}))  # noqa: T201 - its output is this line


if __name__ == "__main__":
    main()
