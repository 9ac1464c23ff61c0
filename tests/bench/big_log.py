"""(g) A log of ten thousand events against one of a million: what must cost the same, or take no more memory."""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select

from tests.bench import log_events, vaults
from tests.bench.log_events import BUSY, END, NEVER_REVEALS, RARE, YEARS
from tests.bench.measure import Result, in_turn, median, ratio, seconds
from vault import bootstrap
from vault.config import ROOT, Config, load_config
from vault.domain.ids import Role, new_id
from vault.domain.log import Actor
from vault.domain.log_exports import LogQuestion
from vault.domain.log_search import Question
from vault.domain.people import Person
from vault.services import log as log_service
from vault.services import log_export, log_search
from vault.services.steps.entry_proof import proven_entry
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage.tables import log_events as rows

_SIZES = {"quick": (2_000, 20_000), "": (10_000, 100_000), "big": (10_000, 1_000_000)}
_FLOOR_EVENTS = 100_000  # so many are hashed from memory
_MOST_MB, _MOST_GROWTH, _MOST_RATIO, _MOST_PROOF_MS = 300.0, 1.2, 1.5, 100.0
_OLD = END - YEARS * 0.7
_QUESTIONS = {
    "everything": Question(),
    "somebody busy": Question(actor=BUSY),
    "somebody who acts rarely": Question(actor=RARE),
    "an action": Question(action="record.reveal"),
    "what was refused": Question(outcome="refused", role="agent"),
    "what somebody busy never did": Question(actor=NEVER_REVEALS, action="record.reveal"),
    "a time long ago": Question(since=_OLD, until=_OLD + YEARS * 0.1, outcome="granted"),
}
_EXPORTS = {
    "all, as lines": LogQuestion(END - YEARS * 2, END + YEARS, table=False),
    "all, with a table": LogQuestion(END - YEARS * 2, END + YEARS, table=True),
    "one person, with a table": LogQuestion(END - YEARS * 2, END + YEARS, (BUSY,), table=True),
}


def measure(bench: vaults.Bench, *, quick: bool, big: bool = False) -> Iterator[Result]:
    """Yield what was measured on both engines."""
    sizes = _SIZES["quick" if quick else "big" if big else ""]
    rounds = 3 if quick else 5
    for engine in vaults.ENGINES:
        with ExitStack() as stack:
            small, large = (Filled(bench.new_vault(engine), size, stack) for size in sizes)
            yield Result(
                "g", f"putting an event in order, in a log of {large.size:,} events against {small.size:,}", engine,
                large.took.ordering / small.took.ordering, 0, 0, rounds=1,
                detail=f"{large.took.ordering * 1e6:.0f} µs against {small.took.ordering * 1e6:.0f} µs",
            )  # fmt: skip
            for what, took in (
                ("storing all tiles of", large.took.tiles),
                ("the first checkpoint over", large.took.signing),
            ):
                yield Result("g", f"{what} {large.size:,} events", engine, took * 1e3, 0, 0, rounds=1, unit="ms")
            yield from _verifying(engine, large, rounds)
            yield from _proving(engine, small, large, rounds)
            yield from _searching(engine, small, large, rounds)
            yield from _memory(engine, small, large)


class Filled:
    """A vault with a long log, open in this process.

    Args:
        config: of an empty vault.
        size: how many events.
        stack: closes it.
    """

    def __init__(self, config: Config, size: int, stack: ExitStack) -> None:
        self.config, self.size = config, size
        self.parts: Parts = stack.enter_context(bootstrap.open_vault(config))
        self.took = log_events.fill(self.parts, size)
        self.signed = settle(self.parts, vaults.now())
        vaults.settle_down(config)
        with self.parts.database.read() as connection:
            query = select(rows.c.canonical).order_by(rows.c.leaf_index).limit(min(size, _FLOOR_EVENTS))
            self.some = list(connection.execute(query).scalars())
        granted = (json.loads(one) for one in self.some[len(self.some) // 2 :])
        self.record = next(bytes.fromhex(one["records"][0]["id"]) for one in granted if one["records"])


def _verifying(engine: str, large: Filled, rounds: int) -> Iterator[Result]:
    size, again = large.size, max(1, large.size // len(large.some))

    def verify(_: int, *, with_terms: bool = False) -> tuple[float, float]:
        return _timed(lambda: _hold(large.parts, with_terms=with_terms), size)

    def hash_all() -> None:
        for _ in range(again):  # nearly as long as verifying: a shared machine favours what is short
            [sha256(b"\x00" + one).digest() for one in large.some]

    def floor(_: int) -> tuple[float, float]:
        return _timed(hash_all, again * len(large.some))

    for what, work, times, goal in (
        ("verifying a log", verify, 2 * rounds, 3.0),
        ("verifying a log with ids and terms", partial(verify, with_terms=True), 3, None),
    ):
        pairs = in_turn(times, work, floor)
        for at, clock in enumerate(("", ", processor time of the process")):
            each = [(ours[at], theirs[at]) for ours, theirs in pairs]
            ours, theirs = (median([pair[side] for pair in each]) * 1e6 for side in (0, 1))
            yield ratio(
                "g", f"{what} of {size:,} events{clock}", engine, each, goal=goal,
                detail=f"{ours:.1f} µs an event against {theirs:.1f} µs",
            )  # fmt: skip


def _timed(work: Callable[[], object], events: int) -> tuple[float, float]:
    """Return how long a piece of work takes for each event, by the clock and of the processor."""
    gc.collect()
    started, began = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - started) / events, (time.process_time() - began) / events


def _hold(parts: Parts, *, with_terms: bool) -> None:
    verdict = log_service.verify(parts, with_terms=with_terms)
    if verdict is None or not verdict.holds:
        raise RuntimeError("the log does not hold")


def _proving(engine: str, small: Filled, large: Filled, rounds: int) -> Iterator[Result]:
    chance = random.Random(1)  # the same places each time

    def prove(filled: Filled, _: int) -> float:
        def once() -> float:
            place = chance.randrange(filled.size)
            started = time.perf_counter()
            proven_entry(filled.parts, place, filled.signed)
            return time.perf_counter() - started

        return median([once() for _ in range(20)])

    named = "an entry with its proof"
    yield from _compared(engine, named, small, large, rounds, prove, most_ms=_MOST_PROOF_MS)


def _searching(engine: str, small: Filled, large: Filled, rounds: int) -> Iterator[Result]:
    auditor = Person(
        new_id(), "KF2013", Role.AUDITOR, "", "", END, new_id(), "127.0.0.1", "bench", proved_at=vaults.now()
    )

    def search(question: Question, filled: Filled, _: int) -> float:
        asked = question if question is not _ABOUT else Question(records=(filled.record,))

        def once() -> float:
            started = time.perf_counter()
            log_search.page(filled.parts, auditor, asked, None, 50, vaults.now())
            return time.perf_counter() - started

        return median([once() for _ in range(20)])

    for what, question in {**_QUESTIONS, "a customer": _ABOUT}.items():
        named = f"first page of a search, {what}"
        yield from _compared(engine, named, small, large, rounds, partial(search, question))

    def count(filled: Filled, _: int) -> float:
        asked = Question(since=END - timedelta(hours=log_search.CHART_HOURS), until=END)
        return seconds(lambda: log_search.counts(filled.parts, auditor, asked, vaults.now()))

    yield from _compared(engine, "both charts over three days", small, large, rounds, count, goal=None)


_ABOUT = Question(records=(bytes(16),))
"""Stands for a customer of each log."""


def _compared(
    engine: str, what: str, small: Filled, large: Filled, rounds: int, work: Callable[[Filled, int], float],
    *, goal: float | None = _MOST_RATIO, most_ms: float | None = None,
) -> Iterator[Result]:  # fmt: skip
    pairs = in_turn(rounds, partial(work, large), partial(work, small))
    ours, theirs = (median([pair[at] for pair in pairs]) * 1e3 for at in (0, 1))
    detail = f"{ours:.2f} ms against {theirs:.2f} ms"
    yield ratio("g", f"{what}: {large.size:,} events against {small.size:,}", engine, pairs, goal=goal, detail=detail)
    if most_ms is not None:
        slowest = max(pair[0] for pair in pairs) * 1e3
        yield Result("g", f"{what} at {large.size:,} events", engine, ours, 0, slowest, len(pairs), most_ms, unit="ms")


# -- memory, in processes of their own ---------------------------------------------------------------------------


def _memory(engine: str, small: Filled, large: Filled) -> Iterator[Result]:
    peak, took = _alone(large, "verify")
    yield Result(
        "g", f"peak memory of verifying {large.size:,} events, with ids and terms", engine, peak, peak, peak, 1,
        _MOST_MB, unit="MB", detail=f"{took:.1f} s",
    )  # fmt: skip
    for what in _EXPORTS:
        (few, _), (many, took) = _alone(small, what), _alone(large, what)
        yield Result(
            "g", f"peak memory of an export, {what}: {large.size:,} events against {small.size:,}", engine,
            many / few, many / few, many / few, 1, _MOST_GROWTH,
            detail=f"{many:.0f} MB against {few:.0f} MB; {took:.1f} s",
        )  # fmt: skip


def _alone(filled: Filled, what: str) -> tuple[float, float]:
    """Return peak memory and seconds of a process that does one thing."""
    config = filled.config
    settings = {
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(config.data_dir),
        "DATAVAULT_DATABASE_URL": config.database_url,
        "DATAVAULT_POLICIES_DIR": str(config.policies_dir),
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "tests.bench.big_log", what]
    done = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, check=True)
    told = json.loads(done.stdout)
    return told["peak_mb"], told["seconds"]


def main() -> None:
    """Verify or export the log of the vault of the environment, and print the peak memory of this process."""
    what = sys.argv[1]
    with bootstrap.open_vault(load_config()) as parts:
        started = time.perf_counter()
        if what == "verify":
            _hold(parts, with_terms=True)
        else:
            actor = Actor("operator:bench", "operator")
            bundle = log_export.export(parts, actor, _EXPORTS[what], lambda _, word: word, vaults.now())
            if not sum(map(len, bundle.pieces)):
                raise RuntimeError("an export without a byte")
        took = time.perf_counter() - started
    # Not ru_maxrss: a process inherits the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024
    print(json.dumps({"peak_mb": peak, "seconds": took}))  # noqa: T201 - its output is this line


if __name__ == "__main__":
    main()
