"""What the tests of retention's pages stand on: a second officer, and records that are past their time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.simulator import MAPPINGS, Row, customer_row, local, service_row, shipment_row, write_file
from tests.web.conftest import Front
from tests.web.officers import add_officer
from vault import bootstrap
from vault.domain.ids import RecordClass
from vault.services import intake

COLLEAGUE = "KF9007"
NAME, PHONE, HELD_PHONE = "欧阳雪莹", "13700137001", "13700137002"
SOURCE = "苏检调〔2026〕18号"


@dataclass(frozen=True)
class Due:
    """What the vault holds that is past its time.

    Args:
        customers: due.
        shipments: due.
        services: due.
        held: past their time, and held by an open service.
    """

    customers: int
    shipments: int
    services: int
    held: int

    @property
    def total(self) -> int:
        """How many records a plan names."""
        return self.customers + self.shipments + self.services


def add_colleague(front: Front, folder: Path) -> None:
    """Let a second officer of information management work there."""
    add_officer(front, COLLEAGUE, folder, "诸葛明远")


def add_due(front: Front, folder: Path, *, customers: int = 4) -> Due:
    """Import records of long ago: customers, a shipment between two each, a service on each, one of them open."""
    now = datetime.now(UTC)
    long_ago, old = local(now - timedelta(days=800)), {"notice_at": local(now - timedelta(days=900))}
    people_of_old = [
        customer_row(name=NAME, phone=phone, last_activity_at=long_ago, **old)
        for phone in (PHONE, *(f"1370013{number:04d}" for number in range(7010, 7009 + customers)))
    ]
    kept = customer_row(name=NAME, phone=HELD_PHONE, last_activity_at=long_ago, **old)
    steps = ("pickup_at", "transit_at", "delivery_at", "signed_at")
    at = {name: local(now - timedelta(days=810 - step)) for step, name in enumerate(steps)}
    parcels = [shipment_row(sender, recipient, **at) for sender, recipient in pairwise(people_of_old)]
    ended = now - timedelta(days=400)
    spans = {
        "started_at": local(ended - timedelta(minutes=9)),
        "ended_at": local(ended),
        "entered_at": local(ended + timedelta(minutes=3)),
        "agent": "KF9001",
    }
    # A service ends a customer's inactivity, so these hang on customers of their own, who live on.
    living = [customer_row(last_activity_at=local(now - timedelta(days=30))) for _ in range(3)]
    services = [service_row(one, **spans) for one in living]
    begun = now - timedelta(days=820)
    still = {"started_at": begun - timedelta(minutes=9), "ended_at": begun, "entered_at": begun + timedelta(minutes=3)}
    times = {name: local(at) for name, at in still.items()}
    still_open = service_row(kept, result="处理中", agent="KF9001", **times)
    for record_class, rows in (
        ("customer", [*people_of_old, kept, *living]),
        ("shipment", parcels),
        ("service_record", [*services, still_open]),
    ):
        _load(front, folder, record_class, rows)
    return Due(len(people_of_old), len(parcels), len(services), 1)


def _load(front: Front, folder: Path, record_class: str, rows: list[Row]) -> None:
    file = write_file(folder / f"old-{record_class}.csv", record_class, rows)
    actor, now = bootstrap.operator(front.config), datetime.now(UTC)
    report = intake.import_records(front.parts, actor, RecordClass(record_class), file, MAPPINGS, now)
    assert not report.faults, report
