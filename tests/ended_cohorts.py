"""A world some weeks on, in which cohorts have ended: for tests of closing them, and of what comes after."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import insert

from tests.simulator import World
from vault.domain.ids import new_id
from vault.domain.log import Actor
from vault.domain.records import RecordState
from vault.services import cohorts as closing
from vault.services.cohorts import Closing
from vault.services.steps.erasing import destroy_again
from vault.services.steps.keys import make_cohorts_ahead
from vault.storage import log, record_writes, records
from vault.storage.record_writes import Change, Origin
from vault.storage.tables import backups, holds
from vault.storage.unit_of_work import unit_of_work

LATER = datetime(2027, 1, 3, 4, 0, tzinfo=UTC)
"""In Shanghai the cohorts of November and December 2026 have ended."""
NOVEMBER, DECEMBER = date(2026, 11, 30), date(2026, 12, 31)
SYSTEM = Actor("system", "system", node="test")

DUE_IN_DECEMBER = "2024-12-05 10:00:00"
"""Last activity of a customer who is kept until 5 December 2026."""


def turn_to(world: World, at: datetime = LATER) -> None:
    """Let time pass, and the timetable make the cohorts that are needed by then."""
    world.now = at
    make_cohorts_ahead(world.parts.database, world.parts.keys, world.parts.policy, SYSTEM, at)


def close(world: World) -> dict[tuple[str, date], Closing]:
    """Run the closing once; return what it told, by class and last day."""
    return told(closing.close(world.parts, SYSTEM, world.now))


def told(closings: list[Closing]) -> dict[tuple[str, date], Closing]:
    """Return what was told of cohorts, by class and last day."""
    return {(one.cohort.record_class.value, one.cohort.end_on): one for one in closings}


def back_up(world: World, size: int | None = None, *, verified: bool = True) -> None:
    """Note a backup as the vault does: of so many events, by default of all that have their places by now."""
    world.settle()
    with unit_of_work(world.parts.database) as work:
        row = {
            "backup_id": new_id(),
            "made_at": world.now,
            "log_size": log.size(work.connection) if size is None else size,
            "manifest_digest": os.urandom(32),
            "verified_at": world.now if verified else None,
        }
        work.connection.execute(insert(backups).values(row))
        work.commit()


def close_all(world: World) -> dict[tuple[str, date], Closing]:
    """Close as the timetable does on two nights, with a backup in between."""
    close(world)
    back_up(world)
    return close(world)


def customer_id(world: World, number: str) -> bytes:
    """Return the id of the one customer with this phone."""
    answer = world.look_up("KF2001", number)
    return next(card.record_id for card in answer.cards if card.part == "match")


def change(world: World, record_id: bytes, **changes: object) -> None:
    """Change a record's metadata as the vault does, with a new MAC."""
    with unit_of_work(world.parts.database) as work:
        store = world.parts.keys.current(work.connection)
        found = records.load(work.connection, [record_id])[record_id]
        meta = replace(found.meta, **changes)  # type: ignore[arg-type]
        mac = store.keys_of(meta.cohort_id).mac(meta)
        one = Change(meta, mac, found.revision, world.now, origin=Origin.ACTIVITY)
        record_writes.change(work.connection, [one], frozenset())
        work.commit()


def hold(world: World, record_id: bytes, review_on: date) -> None:
    """Place a hold on a record."""
    with unit_of_work(world.parts.database) as work:
        found = records.load(work.connection, [record_id])[record_id]
        row = {
            "hold_id": new_id(),
            "record_id": record_id,
            "record_class": found.meta.record_class.value,
            "reason": "dispute",
            "sealed_source": os.urandom(40),
            "placed_by": world.person("KF2012").account_id,
            "placed_at": world.now,
            "review_on": review_on,
            "release": "",
        }
        work.connection.execute(insert(holds).values(row))
        work.commit()
    change(world, record_id, held=True)


def settle_service(world: World, record_id: bytes, expires_at: datetime) -> None:
    """Let an open service record end."""
    change(world, record_id, state=RecordState.SETTLED, expires_at=expires_at)


def destroy(world: World, record_id: bytes) -> None:
    """Destroy a record as a run does."""
    with unit_of_work(world.parts.database) as work:
        found = records.load(work.connection, [record_id])[record_id]
        destroy_again(world.parts, work, found.meta, None, SYSTEM, world.now)
        work.commit()


def ids_in(world: World, record_class: str, end_on: date) -> set[bytes]:
    """Return the ids of the records that lie in a cohort."""
    rows = world.rows(
        "SELECT r.record_id FROM records r JOIN cohorts c ON c.cohort_id = r.cohort_id"
        " WHERE c.record_class = :class AND c.end_on = :end_on",
        **{"class": record_class, "end_on": end_on.isoformat() if world.place.server is None else end_on},
    )
    return {bytes(row[0]) for row in rows}


def home_of_record(world: World, record_id: bytes) -> date:
    """Return the last day of the cohort in which a record lies, wrap and all."""
    rows = world.rows(
        "SELECT c.end_on FROM records r JOIN cohorts c ON c.cohort_id = r.cohort_id"
        " JOIN wrapped_keys w ON w.cohort_id = c.cohort_id AND w.record_id = r.record_id WHERE r.record_id = :id",
        id=record_id,
    )
    ((end_on,),) = rows
    return date.fromisoformat(end_on) if isinstance(end_on, str) else end_on
