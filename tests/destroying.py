"""Records past their time, and plans over them that two officers have signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from tests.services.staff_at_work import in_use
from tests.simulator import NOW, World, customer_row, local, service_row, shipment_row
from vault.services import destruction, retention
from vault.services.destruction import Ran

PROPOSER, APPROVER = "KF2012", "KF2013"
LONG_AGO = NOW - timedelta(days=900)
COOLED = timedelta(hours=1)


@dataclass
class Old:
    """What lies in a world past its time, as rows of the files it came from."""

    customers: list[dict[str, str]] = field(default_factory=list)
    shipments: list[dict[str, str]] = field(default_factory=list)
    services: list[dict[str, str]] = field(default_factory=list)


def old_customer(**changes: str) -> dict[str, str]:
    """Return the row of a customer past their time."""
    return customer_row(last_activity_at=local(LONG_AGO), notice_at=local(LONG_AGO), **changes)


def old_shipment(sender: dict[str, str], recipient: dict[str, str], **changes: str) -> dict[str, str]:
    """Return the row of a shipment past its time."""
    steps = ("pickup_at", "transit_at", "delivery_at", "signed_at")
    times = {name: local(LONG_AGO - timedelta(hours=4 - number)) for number, name in enumerate(steps)}
    return shipment_row(sender, recipient, **(times | changes))


def old_service(customer: dict[str, str], **changes: str) -> dict[str, str]:
    """Return the row of a service record past its time."""
    at = LONG_AGO - timedelta(hours=1)
    times = {
        "started_at": local(at - timedelta(minutes=9)),
        "ended_at": local(at),
        "entered_at": local(at + timedelta(minutes=5)),
    }
    return service_row(customer, **(times | changes))


def fill(world: World, customers: int = 4, shipments: int = 2, services: int = 2) -> Old:
    """Put old records into a world, with officers at work there."""
    in_use(world, PROPOSER, APPROVER)
    old = Old([old_customer() for _ in range(customers)])
    old.shipments = [old_shipment(old.customers[0], old.customers[-1]) for _ in range(shipments)]
    old.services = [old_service(old.customers[number % customers]) for number in range(services)]
    world.customers(*old.customers)
    if shipments:
        world.shipments(*old.shipments)
    if services:
        world.services(*old.services)
    return old


def drafted(world: World) -> bytes:
    """Return a plan over what is due now."""
    plan_id = retention.draft(world.parts, world.person(PROPOSER).actor(), world.now).plan_id
    assert plan_id is not None
    return plan_id


def approved(world: World) -> bytes:
    """Return a plan over what is due now, signed by two officers; the world's clock is where it may begin."""
    plan_id = drafted(world)
    retention.propose(world.parts, world.person(PROPOSER), plan_id, world.now)
    retention.approve(world.parts, world.person(APPROVER), plan_id, world.now)
    world.now += COOLED
    return plan_id


def run(world: World, plan_id: bytes, work_number: str = APPROVER) -> Ran:
    """Carry a plan out as an officer."""
    return destruction.execute(world.parts, world.person(work_number), plan_id, world.now)


def ids(world: World, record_class: str) -> list[bytes]:
    """Return the ids of a class, in the order of their numbers."""
    rows = world.rows("SELECT record_id FROM records WHERE record_class = :c ORDER BY record_id", c=record_class)
    return [row[0] for row in rows]


RIGHT = {
    "values": "SELECT count(*) FROM record_fields WHERE record_id NOT IN (SELECT record_id FROM records)",
    "tags": "SELECT count(*) FROM record_index WHERE record_id NOT IN (SELECT record_id FROM records)",
    "wraps": "SELECT count(*) FROM wrapped_keys WHERE record_id NOT IN (SELECT record_id FROM records)",
    "records without wrap": "SELECT count(*) FROM records WHERE record_id NOT IN (SELECT record_id FROM wrapped_keys)",
    "tombstones of the living": "SELECT count(*) FROM tombstones WHERE record_id IN (SELECT record_id FROM records)",
    "items said to be destroyed": (
        "SELECT count(*) FROM destruction_items WHERE state = 'destroyed'"
        " AND record_id NOT IN (SELECT record_id FROM tombstones)"
    ),
    "tombstones of no item": (
        "SELECT count(*) FROM tombstones WHERE record_id NOT IN"
        " (SELECT record_id FROM destruction_items WHERE state = 'destroyed')"
    ),
}
"""What must never be: each record is {key, no tombstone} or {no key, tombstone, item, event}."""


def is_whole(world: World) -> None:
    """Every record is there in full or gone in full, and each that is gone has its tombstone and one event."""
    assert {name: world.rows(query)[0][0] for name, query in RIGHT.items()} == dict.fromkeys(RIGHT, 0)
    told = [one["records"][0]["id"] for one in world.events("record.destroyed")]
    buried = [row[0].hex() for row in world.rows("SELECT record_id FROM tombstones")]
    assert sorted(told) == sorted(buried)
