"""A log as a vault of forty people makes it in two years, of any size; the last of it through the inbox as ever."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from tests.bench.measure import seconds
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Event, Opened, Outcome
from vault.domain.log_search import named_by
from vault.domain.log_tree import leaf_hash
from vault.services.steps.parts import Parts
from vault.services.steps.settling import settle
from vault.storage import log, log_search
from vault.storage.bulk import insert_few, insert_rows
from vault.storage.tables import log_events, log_inbox

END = datetime(2026, 11, 1, tzinfo=UTC)
YEARS = timedelta(days=730)
BUSY, NEVER_REVEALS, RARE = "KF2000", "KF2003", "KF9001"
"""Who does most; who does much, but reveals nothing; and who acts fifty times, however long the log."""

_ACTORS = tuple(f"KF2{number:03d}" for number in range(40))
_CARD = ("id_type", "name", "phone", "recipient_address", "sender_address")
_PURPOSES = ("query", "query", "query", "complaint", "delivery")
_BATCH, _LARGE_BATCH = 2_000, 50_000
_ORDERED = 10_000
"""So many events, the last, get their places as ever; those before are loaded with theirs, which is quicker."""


@dataclass(frozen=True)
class Filling:
    """What filling a log took, in seconds.

    Args:
        ordering: of putting one event in order, at the end.
        tiles: of storing the tiles of all that was loaded, as after a restore.
        signing: of the first checkpoint over everything.
    """

    ordering: float
    tiles: float
    signing: float


def fill(parts: Parts, events: int) -> Filling:
    """Add events to the log, in order, and sign it.

    Args:
        parts: of a vault.
        events: how many.
    """
    made = (one.canonical() for one in _events(parts, events))
    log.order(parts.database)
    left = max(events - _ORDERED, 0)
    while some := list(islice(made, min(left, _LARGE_BATCH))):
        _load(parts, some)
        left -= len(some)
    tiles, ordering = seconds(lambda: log.order(parts.database)), 0.0
    while some := list(islice(made, _BATCH)):
        with parts.database.write() as connection:
            insert_few(connection, log_inbox, [{"canonical": one} for one in some])
            connection.commit()
        ordering += seconds(lambda: log.order(parts.database))
    signing = seconds(lambda: settle(parts, datetime.now(UTC)))
    return Filling(ordering / min(events, _ORDERED), tiles, signing)


def _load(parts: Parts, canonical: Sequence[bytes]) -> None:
    """Put events behind the log with their hashes and terms, as ordering does, in one large transaction."""
    named = [named_by(one) for one in canonical]
    with parts.database.write() as connection:
        start = log.size(connection)
        numbered = enumerate(zip(canonical, named, strict=True), start)
        insert_rows(connection, log_events, [(at, one, leaf_hash(one), by.event_id) for at, (one, by) in numbered])
        log_search.index(connection, enumerate(named, start))
        connection.commit()


def _events(parts: Parts, count: int) -> Iterator[Event]:
    """Yield events in the order in which they are committed: mostly that of their times, some a little late."""
    chance = random.Random(count)
    customers = [new_id() for _ in range(max(100, count // 50))]
    sessions = {name: new_id().hex() for name in (*_ACTORS, RARE)}
    for number in range(count):
        at = END - YEARS + YEARS * number / count + timedelta(seconds=chance.gauss(0, 1))
        name = (
            RARE if number % max(count // 50, 1) == 0 else _ACTORS[min(int(chance.expovariate(0.1)), len(_ACTORS) - 1)]
        )
        actor = Actor(name, "agent", sessions[name], f"10.1.2.{chance.randrange(250)}", "bench")
        yield _event(parts, at, actor, chance, customers)


def _event(parts: Parts, at: datetime, actor: Actor, chance: random.Random, customers: list[bytes]) -> Event:
    kind, one, other = chance.random(), chance.choice(customers), chance.choice(customers)
    action, outcome = Action.LOOKUP, Outcome.GRANTED
    opened: tuple[Opened, ...] = ()
    facts: dict[str, str | int] = {"identifier": "phone"}
    if kind < 0.55:
        opened = (Opened(one, "customer", _CARD), Opened(other, "shipment", ()))[: chance.randint(1, 2)]
    elif kind < 0.67:
        outcome = Outcome.MISS if kind < 0.65 else Outcome.REFUSED
    elif kind < 0.80 and actor.name != NEVER_REVEALS:
        action, opened, facts = Action.REVEAL, (Opened(one, "customer", ("phone",)),), {}
    elif kind < 0.90:
        action, opened, facts = Action.RECORD_VIEW, (Opened(one, "customer", _CARD),), {}
    elif kind < 0.93:
        action, facts = Action.BOARD_VIEW, {"count": 10}
        opened = tuple(Opened(each, "customer", ()) for each in chance.choices(customers, k=10))
    else:
        action, facts = (Action.SIGN_IN if kind < 0.97 else Action.SIGN_OUT), {}
        outcome = Outcome.FAILED if kind < 0.94 else Outcome.DONE
    is_about_customers = kind < 0.90
    return parts.event(
        at, actor, action, outcome, purpose=chance.choice(_PURPOSES) if is_about_customers else "",
        case=new_id() if is_about_customers else b"", rule="scope.pool_case" if opened else "", opened=opened, **facts,
    )  # fmt: skip
