"""What the board of incidents shows beside them: counts, and notices under way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from vault.domain.breach.incidents import IncidentState
from vault.storage.tables import incidents, notice_campaigns, notice_recipients

_UNSETTLED = ("waiting", "sending", "unknown")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the notices of an incident have come.

    Args:
        settled: customers who were told, or of whom it is settled that they cannot be.
        total: all of them.
    """

    settled: int
    total: int


def closed_count(connection: Connection) -> int:
    """Return how many incidents are closed, drills not counted."""
    query = select(func.count()).where(incidents.c.state == IncidentState.CLOSED.value, incidents.c.drill.is_(False))
    return int(connection.execute(query).scalar_one())


def progress_of(connection: Connection, incident_ids: Collection[bytes]) -> dict[bytes, Progress]:
    """Return how far the released notices of some incidents have come; without any, an incident is left out."""
    settled = func.sum(case((notice_recipients.c.state.in_(_UNSETTLED), 0), else_=1))
    query = (
        select(notice_campaigns.c.incident_id, settled, func.count())
        .join(notice_recipients, notice_recipients.c.campaign_id == notice_campaigns.c.campaign_id)
        .where(notice_campaigns.c.incident_id.in_(list(incident_ids)), notice_campaigns.c.state == "released")
        .group_by(notice_campaigns.c.incident_id)
    )
    return {row[0]: Progress(int(row[1]), int(row[2])) for row in connection.execute(query)}
