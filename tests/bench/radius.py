"""(i) The blast radius of one person and week against the bare indexed SQL of the same rows."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

from tests.bench import log_events, vaults
from tests.bench.log_events import BUSY, END, YEARS
from tests.bench.measure import Result, in_turn, median, ratio
from vault import bootstrap
from vault.domain.ids import new_id
from vault.domain.incidents import AwareSource, Incident, IncidentKind, IncidentState
from vault.domain.radius import RadiusScope
from vault.domain.records import to_micros
from vault.services.steps import radius
from vault.services.steps.parts import Parts
from vault.storage import log
from vault.storage.lists import ask

_SIZES = {"quick": 20_000, "": 100_000, "big": 1_000_000}
_WEEK = timedelta(days=7)
_BARE = (
    "SELECT e.canonical FROM log_terms t CROSS JOIN log_events e"
    " WHERE e.leaf_index = t.leaf_index AND t.term = {mark} AND t.at >= {mark} AND t.at < {mark}"
)
_AROUND = {
    "one person and week": (_WEEK, True),
    "one person and everything": (None, True),
    "one week and everybody": (_WEEK, False),
}


def measure(bench: vaults.Bench, *, quick: bool, big: bool = False) -> Iterator[Result]:
    """Yield the ratios on both engines; the goal is that of the first."""
    size = _SIZES["quick" if quick else "big" if big else ""]
    for engine in vaults.ENGINES:
        with ExitStack() as stack:
            config = bench.new_vault(engine)
            parts = stack.enter_context(bootstrap.open_vault(config))
            log_events.fill(parts, size)
            vaults.settle_down(config)
            for named, (span, is_somebody) in _AROUND.items():
                scope = RadiusScope(
                    person=BUSY if is_somebody else "",
                    since=None if span is None else END - YEARS * 0.3,
                    until=None if span is None else END - YEARS * 0.3 + span,
                )
                yield _compared(engine, parts, named, scope, size, goal=2.0 if span and is_somebody else None)


def _compared(engine: str, parts: Parts, named: str, scope: RadiusScope, size: int, *, goal: float | None) -> Result:
    found = [0, 0]

    def ours(_: int) -> float:
        with parts.database.read() as connection:
            gc.collect()
            started = time.perf_counter()
            tally, counts = radius.draw(parts, connection, _INCIDENT, scope, log.size(connection), END + YEARS)
            took = time.perf_counter() - started
            tally.close()
        found[0] = counts.records
        return took

    def bare(_: int) -> float:
        since = to_micros(scope.since) if scope.since else -(2**62)
        until = to_micros(scope.until) if scope.until else 2**62
        term = f"actor:{scope.person}".encode() if scope.person else b"*"
        with parts.database.read() as connection:
            sql = _BARE.format(mark="?" if parts.database.is_sqlite else "%b")
            gc.collect()
            started = time.perf_counter()
            found[1] = len(ask(connection, sql, (term, since, until)))
            return time.perf_counter() - started

    pairs = in_turn(9, ours, bare)
    mine, theirs = (median([pair[at] for pair in pairs]) * 1e3 for at in (0, 1))
    return ratio(
        "i", f"radius of {named} in {size:,} events against the bare SQL of its rows", engine, pairs, goal=goal,
        detail=f"{mine:.1f} ms against {theirs:.1f} ms; {found[1]:,} events, {found[0]:,} records",
    )  # fmt: skip


_INCIDENT = Incident(
    new_id(), IncidentKind.LEAK, False, IncidentState.REPORTED, END, END, AwareSource.REPORT, "KF2001", END
)
