"""A breach in a small world: customers with contacts, an incident, a frozen radius around them, and two officers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tests.mailbox import SENDER
from tests.simulator import World, customer_row
from vault.domain.breach.breach_notices import Channel
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.breach.radius import Affected, RadiusCounts, digest_of
from vault.domain.ids import RecordClass, new_id
from vault.services.breach import breach_notices, incidents, notice_sending, notice_waiver
from vault.services.breach.breach_notices import Wish
from vault.services.steps.breach.incidents import Opening
from vault.storage.breach import radius
from vault.storage.breach.radius import FrozenRadius
from vault.storage.mail import Mailer
from vault.storage.unit_of_work import unit_of_work

OFFICER, SECOND = "KF2012", "KF2013"
TEXTS = {
    "zh": {
        "cause": "一名员工越权查看",
        "harm": "可能接到诈骗电话",
        "measures": "已停用该账号",
        "advice": "请勿点击陌生链接",
    },
    "en": {
        "cause": "an employee looked without need",
        "harm": "you may get calls of fraudsters",
        "measures": "suspended the account",
        "advice": "open no link you do not know",
    },
}
SEEN = ("customer.name", "customer.recipient_address")


def with_mail(world: World, url: str, patience: float = 1.0) -> None:
    """Let a world send its letters to a server."""
    world.parts = dataclasses.replace(world.parts, mailer=Mailer(url, SENDER, patience))


def customers(world: World, count: int, **changes: Any) -> list[dict[str, str]]:
    """Add customers, each with an e-mail address of their own."""
    rows = [customer_row(**({"email": f"c{number:05d}@example.com"} | changes)) for number in range(count)]
    world.customers(*rows)
    return rows


def ids_of(world: World) -> list[bytes]:
    """Return the ids of every customer there is, in order."""
    return [row[0] for row in world.rows("SELECT record_id FROM records WHERE record_class = 'customer' ORDER BY 1")]


def opened(world: World, kind: IncidentKind = IncidentKind.LEAK, *, drill: bool = False) -> bytes:
    """Open an incident."""
    opening = Opening(kind, AwareSource.REPORT, drill=drill)
    return incidents.open_one(world.parts, world.person(OFFICER), opening, world.now)


def frozen(
    world: World,
    incident_id: bytes,
    record_ids: Iterable[bytes],
    clear: Sequence[str] = SEEN,
    gone: Iterable[bytes] = (),
    until: datetime | None = None,
) -> bytes:
    """Freeze a radius around some customers."""
    destroyed = set(gone)
    lines = [
        Affected(one, RecordClass.CUSTOMER, tuple(clear), (), world.now, world.now, one in destroyed)
        for one in sorted(record_ids)
    ]
    counts = RadiusCounts(len(lines), len(lines), len(lines), len(lines), 0, len(destroyed), ())
    scope: dict[str, Any] = {"person": "KF2001"}
    if until is not None:
        scope["until"] = until.isoformat()
    radius_id = new_id()
    radius.add_lines(world.parts.database, radius_id, lines)
    drawn = FrozenRadius(
        radius_id, incident_id, scope, world.now, OFFICER, 1, bytes(32), counts, digest_of(lines)
    )  # fmt: skip
    with unit_of_work(world.parts.database) as work:
        radius.add(work.connection, drawn)
        work.commit()
    return radius_id


def prepared(
    world: World, incident_id: bytes, radius_id: bytes, channels: Sequence[Channel] = (Channel.MAIL,), **more: Any
) -> bytes:
    """Prepare notices as the first officer."""
    wish = Wish(radius_id, "standard-1", tuple(channels), TEXTS, **more)
    return breach_notices.prepare(world.parts, world.person(OFFICER), incident_id, wish, world.now)


def digest(world: World, incident_id: bytes, campaign_id: bytes) -> str:
    """Return the digest that a second officer reads on the page."""
    standing = breach_notices.standing(world.parts, world.person(SECOND), incident_id, world.now)
    told = next(one for one in standing.campaigns if one.campaign.campaign_id == campaign_id)
    return told.campaign.digest.hex()


def release(world: World, incident_id: bytes, campaign_id: bytes, who: str = SECOND) -> None:
    """Release notices as the second officer."""
    typed = digest(world, incident_id, campaign_id)
    breach_notices.release(world.parts, world.person(who), incident_id, campaign_id, typed, world.now)


def released(
    world: World, count: int = 3, channels: Sequence[Channel] = (Channel.MAIL,), **changes: Any
) -> tuple[bytes, bytes]:
    """Make customers, an incident around all of them, and released notices; returns incident and campaign."""
    customers(world, count, **changes)
    incident_id = opened(world)
    campaign_id = prepared(world, incident_id, frozen(world, incident_id, ids_of(world)), channels)
    release(world, incident_id, campaign_id)
    return incident_id, campaign_id


def confirm_waiver(world: World, incident_id: bytes, who: str = SECOND) -> None:
    """Confirm, as another officer who has read it, that nobody is told."""
    read = breach_notices.standing(world.parts, world.person(who), incident_id, world.now).waiver_digest
    notice_waiver.confirm(world.parts, world.person(who), incident_id, read, world.now)


def send(world: World, incident_id: bytes) -> notice_sending.Ran:
    """Send what is due now."""
    return notice_sending.run(world.parts, world.person(OFFICER), incident_id, world.now)


def states(world: World, campaign_id: bytes) -> dict[str, int]:
    """Return how many customers by state."""
    query = "SELECT state, COUNT(*) FROM notice_recipients WHERE campaign_id = :campaign GROUP BY state"
    return {str(state): int(count) for state, count in world.rows(query, campaign=campaign_id)}
