"""(d) A look-up in process in a small and in a large vault."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from tests.bench import vaults
from tests.bench.measure import Result, in_turn, median, quantile, ratio
from vault import bootstrap
from vault.config import Config
from vault.domain.cohorts import home_of
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, new_id
from vault.domain.people import Person
from vault.domain.records import FieldRef, RecordMeta, RecordState
from vault.services import lookup
from vault.services.steps.parts import Parts
from vault.storage import record_writes
from vault.storage.record_writes import NewRecord
from vault.storage.unit_of_work import unit_of_work

_SMALL, _LARGE, _VERY_LARGE = 10_000, 100_000, 1_000_000
_BATCH = 2000
_MONTHS = 24
_FIELDS = tuple(
    FieldRef(name)
    for name in (
        "id_number", "id_type", "name", "notice", "phone", "recipient_address", "sender_address", "source_number",
    )
)  # fmt: skip


def measure(bench: vaults.Bench, *, quick: bool, big: bool = False) -> Iterator[Result]:
    """Yield the ratio of median latencies, large to small."""
    sizes = (1_000, 10_000) if quick else (_SMALL, _LARGE, *((_VERY_LARGE,) if big else ()))
    rounds, times = (5, 60) if quick else (15, 200)
    for engine in vaults.ENGINES:
        with ExitStack() as stack:
            small, *larger = (Filled(bench.new_vault(engine), size, stack) for size in sizes)
            for one in larger:
                pairs = in_turn(rounds, partial(one.look_up, times), partial(small.look_up, times))
                ours, theirs = (median([median(pair[at]) for pair in pairs]) * 1e6 for at in (0, 1))
                what = f"look-up in process at {one.size:,} customers against {small.size:,}"
                yield ratio(
                    "d", f"{what}: median", engine, [(median(pair[0]), median(pair[1])) for pair in pairs],
                    goal=1.2, detail=f"{ours:.0f} µs against {theirs:.0f} µs",
                )  # fmt: skip
                yield ratio(
                    "d", f"{what}: p95", engine, [(quantile(a, 0.95), quantile(b, 0.95)) for a, b in pairs]
                )  # fmt: skip


class Filled:
    """A vault with many customers, open in this process.

    Args:
        config: of an empty vault.
        size: how many customers.
        stack: closes it.
    """

    def __init__(self, config: Config, size: int, stack: ExitStack) -> None:
        self.size = size
        self._choice = random.Random(size)
        self.parts = stack.enter_context(bootstrap.open_vault(config))
        for start in range(0, size, _BATCH):
            _store(self.parts, range(start, min(start + _BATCH, size)))
        self.person: Person = vaults.sign_in(self.parts).person
        vaults.settle_down(config)

    def look_up(self, times: int, _round: int) -> list[float]:
        """Look up some customers and return how long each took, in seconds."""
        took = []
        for _ in range(times):
            phone = _phone(self._choice.randrange(self.size))
            started = time.perf_counter()
            answer = lookup.look_up(self.parts, self.person, phone, "query", vaults.now())
            took.append(time.perf_counter() - started)
            if len(answer.cards) != 1:
                raise RuntimeError("a customer was not found")
        return took


def _phone(place: int) -> str:
    return f"13{place:09d}"


def _store(parts: Parts, places: Sequence[int]) -> None:
    """Store customers spread evenly over the cohorts of two years, sealed as an import seals them."""
    now, zone = vaults.now(), parts.policy.zone
    today = now.astimezone(zone).date()
    with unit_of_work(parts.database) as work:
        store = parts.keys.current(work.connection)
        homes = []
        for month in range(_MONTHS):
            until = now + timedelta(days=10 + 30 * month)
            homes.append(
                (until, store.keys_of(home_of(store.cohorts(), RecordClass.CUSTOMER, until, today, zone).key_id))
            )
        new = []
        for place in places:
            until, keys = homes[place % _MONTHS]
            meta = RecordMeta(
                new_id(), RecordClass.CUSTOMER, keys.key_id, None, "NJ-GL-01", "", RecordState.SETTLED, False, now,
                until, fields=_FIELDS,
            )  # fmt: skip
            values = {ref: f"value {ref.field} {place}" for ref in _FIELDS} | {FieldRef("phone"): _phone(place)}
            wrapped, sealed = keys.seal(meta.record_id, list(values.items()))
            tags = [
                (
                    kind,
                    0,
                    keys.tag(kind, f"{kind.value} {place}" if kind is not IdentifierKind.PHONE else _phone(place)),
                )
                for kind in (IdentifierKind.PHONE, IdentifierKind.ID_NUMBER, IdentifierKind.SOURCE_NUMBER)
            ]
            new.append(NewRecord(meta, keys.mac(meta), wrapped, sealed, tags, now))
        record_writes.store(work.connection, new)
        work.commit()
