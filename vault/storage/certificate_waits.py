"""Why a plan that was carried out is not certified: a row while that lasts, so that it is said once and seen till then.

Something that was found outlives other reasons: that a reader was in the way since does not mean that it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, false, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.domain.destruction import CertificateKind
from vault.storage.tables import certificate_waits, certificates

FOUND = "residue_found"
"""The reason that stays until it is over."""

_column = certificate_waits.c


@dataclass(frozen=True, slots=True)
class Wait:
    """Why one plan is not certified.

    Args:
        plan_id: the plan.
        reason: why the last try did not certify it, a reason id.
        finding: the check that found something; empty where none did.
        count: how many it found.
        since: since when that is so, UTC.
        tried_at: the last try, UTC.
    """

    plan_id: bytes
    reason: str
    finding: str
    count: int
    since: datetime
    tried_at: datetime


def note(connection: Connection, plan_id: bytes, reason: str, finding: str, count: int, at: datetime) -> bool:
    """Note why a try did not certify a plan.

    Args:
        connection: inside a writing transaction.
        plan_id: the plan.
        reason: a reason id.
        finding: the check that found something; empty where none did.
        count: how many it found.
        at: UTC.

    Returns:
        Whether that is new: nothing was noted before, or something else. Of two who note the same at once, one gets
        True.
    """
    mine = _column.plan_id == plan_id
    same = (_column.reason == reason) & (_column.finding == finding)
    stays = (_column.reason == FOUND) if reason != FOUND else false()
    values = {"reason": reason, "finding": finding, "count": count, "since": at, "tried_at": at}
    if _changed(connection, update(certificate_waits).where(mine, same).values(count=count, tried_at=at)) or _changed(
        connection, update(certificate_waits).where(mine, stays).values(tried_at=at)
    ):
        return False
    put = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = put(certificate_waits).values(plan_id=plan_id, **values)
    there = row.on_conflict_do_update(index_elements=["plan_id"], set_=values, where=~(same | stays))
    return connection.execute(there.returning(_column.plan_id)).first() is not None


def over(connection: Connection, plan_id: bytes) -> Wait | None:
    """Forget why a plan was not certified, because it is; returns what was noted."""
    known = of(connection, plan_id)
    if known is not None:
        connection.execute(delete(certificate_waits).where(_column.plan_id == plan_id))
    return known


def of(connection: Connection, plan_id: bytes) -> Wait | None:
    """Return why a plan is not certified; None where no try failed."""
    row = connection.execute(select(certificate_waits).where(_column.plan_id == plan_id)).first()
    return None if row is None else Wait(*row)


def found(connection: Connection) -> list[Wait]:
    """Return the plans of which something is left that was destroyed, the oldest finding first."""
    there = exists().where(certificates.c.kind == CertificateKind.ERASED.value, certificates.c.about == _column.plan_id)
    query = select(certificate_waits).where(_column.reason == FOUND, ~there)
    return [Wait(*row) for row in connection.execute(query.order_by(_column.since, _column.plan_id))]


def _changed(connection: Connection, statement: Any) -> bool:  # noqa: ANN401 - an update of SQLAlchemy's
    return bool(connection.execute(statement).rowcount)
