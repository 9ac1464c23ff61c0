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
from vault.domain.breach.incidents import AwareSource, Incident, IncidentKind, IncidentState
from vault.domain.breach.radius import RadiusScope
from vault.domain.ids import new_id
from vault.domain.records import to_micros
from vault.services.steps.breach import radius
from vault.services.steps.parts import Parts
from vault.storage import log
from vault.storage.lists import ask

_SIZES = {"quick": 20_000, "": 100_000, "big": 1_000_000}
_WEEK = timedelta(days=7)
_FROM = (
    " FROM log_terms t CROSS JOIN log_events e{more} WHERE e.leaf_index = t.leaf_index"
    " AND t.term = {mark} AND t.at >= {mark} AND t.at < {mark}"
)
_EVENTS = "SELECT e.canonical"
"""What the radius is drawn from, without looking into it."""

_DOCUMENT = "convert_from(e.canonical, 'UTF8')::jsonb"
_ROWS = {
    vaults.SQLITE: (
        "SELECT r.value ->> '$.id', group_concat(DISTINCT f.value), min(t.at), max(t.at)",
        ", json_each(CAST(e.canonical AS TEXT), '$.records') r, json_each(r.value, '$.fields') f",
        " GROUP BY r.value ->> '$.id'",
    ),
    vaults.POSTGRESQL: (
        "SELECT r ->> 'id', string_agg(DISTINCT f, ','), min(t.at), max(t.at)",
        f", jsonb_array_elements({_DOCUMENT} -> 'records') r, jsonb_array_elements_text(r -> 'fields') f",
        " GROUP BY r ->> 'id'",
    ),
}
"""The same rows that the radius has: each record, its fields, when first and last; of masks SQL knows nothing."""

_AROUND = {
    "one person and week": (_WEEK, True),
    "one person and everything": (None, True),
    "one week and everybody": (_WEEK, False),
}


def measure(bench: vaults.Bench, *, quick: bool, big: bool = False) -> Iterator[Result]:
    """Yield the ratios on both engines; the goal is that of one person and week in a million events."""
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
                goal = 2.0 if span and is_somebody and big else None  # a week of a small log is a handful of events
                yield _compared(engine, parts, (named, size), scope, goal=goal)
                yield _compared(engine, parts, (named, size), scope, whole=False)


def _compared(
    engine: str, parts: Parts, about: tuple[str, int], scope: RadiusScope, *, whole: bool = True,
    goal: float | None = None,
) -> Result:  # fmt: skip
    found = [0, 0]
    mark = "?" if parts.database.is_sqlite else "%b"
    head, more, end = _ROWS[engine] if whole else (_EVENTS, "", "")
    sql = head + _FROM.format(more=more, mark=mark) + end
    values = (
        f"actor:{scope.person}".encode() if scope.person else b"*",
        to_micros(scope.since) if scope.since else -(2**62),
        to_micros(scope.until) if scope.until else 2**62,
    )

    def ours(_: int) -> float:
        with parts.database.read() as connection:
            size = log.size(connection)
            gc.collect()
            started = time.perf_counter()
            tally, counts = radius.draw(parts, connection, _INCIDENT, scope, size, END + YEARS)
            took = time.perf_counter() - started
            tally.close()
        found[0] = counts.records
        return took

    def bare(_: int) -> float:
        with parts.database.read() as connection:
            gc.collect()
            started = time.perf_counter()
            found[1] = len(ask(connection, sql, values))
            return time.perf_counter() - started

    pairs = in_turn(9, ours, bare)
    mine, theirs = (median([pair[at] for pair in pairs]) * 1e3 for at in (0, 1))
    named, size = about
    against = "the bare SQL of the same rows" if whole else "only fetching its events"
    return ratio(
        "i", f"radius of {named} in {size:,} events against {against}", engine, pairs, goal=goal,
        detail=f"{mine:.1f} ms against {theirs:.1f} ms; {found[1]:,} rows, {found[0]:,} records",
    )  # fmt: skip


_INCIDENT = Incident(
    new_id(), IncidentKind.LEAK, False, IncidentState.REPORTED, END, END, AwareSource.REPORT, "KF2001", END
)
