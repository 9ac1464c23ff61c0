"""(e) Verifying the log against hashing the same canonical bytes, row by row, from memory."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import select

from tests.bench import log_events, vaults
from tests.bench.measure import Result, in_turn, median, ratio, seconds
from vault import bootstrap
from vault.services import log as log_service
from vault.services.steps.parts import Parts
from vault.storage.tables import log_events as rows_of_events


def measure(bench: vaults.Bench, *, quick: bool) -> Iterator[Result]:
    """Yield the ratio on both engines."""
    rounds, events = (3, 20_000) if quick else (9, 100_000)
    for engine in vaults.ENGINES:
        config = bench.new_vault(engine)
        with bootstrap.open_vault(config) as parts:
            ordering = log_events.fill(parts, events).ordering
            vaults.settle_down(config)
            with parts.database.read() as connection:
                rows = list(
                    connection.execute(
                        select(rows_of_events.c.canonical).order_by(rows_of_events.c.leaf_index)
                    ).scalars()
                )

            def verify(_: int, parts: Parts = parts) -> float:
                return seconds(lambda: _hold(parts))

            def hash_all(_: int, rows: list[bytes] = rows) -> float:
                return seconds(lambda: [sha256(b"\x00" + canonical).digest() for canonical in rows])

            pairs = in_turn(rounds, verify, hash_all)
            ours, theirs = (median([pair[at] for pair in pairs]) / len(rows) * 1e6 for at in (0, 1))
            yield ratio(
                "e", f"verifying a log of {len(rows):,} events", engine, pairs, goal=3.0,
                detail=f"{ours:.1f} µs an event against {theirs:.1f} µs; putting one in order: {ordering * 1e6:.0f} µs",
            )  # fmt: skip


def _hold(parts: Parts) -> None:
    verdict = log_service.verify(parts)
    if verdict is None or not verdict.holds:
        raise RuntimeError("the log does not hold")
