"""(e) Verifying the log against hashing the same canonical bytes, row by row, from memory."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from sqlalchemy import insert, select

from tests.bench import vaults
from tests.bench.measure import Result, in_turn, median, ratio, seconds
from vault import bootstrap
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.services import log as log_service
from vault.services.steps.parts import Parts
from vault.storage.tables import log_events, log_inbox
from vault.storage.unit_of_work import unit_of_work

_FIELDS = ("id_type", "name", "phone", "recipient_address", "sender_address")
_BATCH = 2000


def measure(bench: vaults.Bench, *, quick: bool) -> Iterator[Result]:
    """Yield the ratio on both engines."""
    rounds, events = (3, 20_000) if quick else (9, 100_000)
    for engine in vaults.ENGINES:
        config = bench.new_vault(engine)
        with bootstrap.open_vault(config) as parts:
            ordering = _fill(parts, events)
            vaults.settle_down(config)
            with parts.database.read() as connection:
                rows = list(
                    connection.execute(select(log_events.c.canonical).order_by(log_events.c.leaf_index)).scalars()
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


def _fill(parts: Parts, events: int) -> float:
    """Write look-ups to the inbox, put them in order and sign; returns the seconds of ordering an event."""
    actor = Actor("KF2001", "agent", new_id().hex(), "127.0.0.1", "bench")
    for _ in range(0, events, _BATCH):
        made = [
            parts.event(
                vaults.now(), actor, Action.LOOKUP, Outcome.GRANTED, purpose="query", case=new_id(),
                rule="scope.pool_case", opened=(Opened(new_id(), "customer", _FIELDS),), identifier="phone",
            )
            for _ in range(_BATCH)
        ]  # fmt: skip
        with unit_of_work(parts.database) as work:
            work.connection.execute(insert(log_inbox), [{"canonical": one.canonical()} for one in made])
            work.commit()
    return seconds(lambda: log_service.settle(parts, vaults.now())) / events
