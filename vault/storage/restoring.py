"""Rows that a restored database has and should not: cohorts whose key is gone, and plans signed in its past."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, literal, select, update

from vault.domain.cohorts import CohortState
from vault.domain.destruction import PlanState
from vault.storage.tables import UtcTime, cohorts, destruction_plans, records, wrapped_keys

_SIGNED = (PlanState.DRAFT, PlanState.PROPOSED, PlanState.APPROVED)
_column = cohorts.c


def ids_in(connection: Connection, cohort_id: bytes) -> list[bytes]:
    """Return the ids of all records of a cohort, ascending."""
    query = select(records.c.record_id).where(records.c.cohort_id == cohort_id)
    return sorted(connection.execute(query).scalars())


def key_is_gone(connection: Connection, cohort_id: bytes, at: datetime) -> None:
    """Say that the key of a cohort is destroyed, whatever its row says; wraps that are left under it open nothing.

    Args:
        connection: inside a writing transaction.
        cohort_id: the cohort; no record is left in it.
        at: UTC.
    """
    connection.execute(delete(wrapped_keys).where(wrapped_keys.c.cohort_id == cohort_id))
    gone = update(cohorts).where(_column.cohort_id == cohort_id, _column.state != CohortState.DESTROYED.value)
    connection.execute(
        gone.values(
            state=CohortState.DESTROYED.value,
            closing_at=func.coalesce(_column.closing_at, literal(at, UtcTime)),
            emptied_at=func.coalesce(_column.emptied_at, literal(at, UtcTime)),
            destroyed_at=at,
        )
    )


def set_back_plans(connection: Connection) -> int:
    """Let no plan go on by itself: nobody knows which were stopped since.

    What was not begun is superseded, what ran is paused, until an officer resumes it.

    Returns:
        How many plans that concerns.
    """
    state = destruction_plans.c.state
    replaced = update(destruction_plans).where(state.in_([one.value for one in _SIGNED]))
    paused = update(destruction_plans).where(state == PlanState.RUNNING.value)
    return (
        connection.execute(replaced.values(state=PlanState.SUPERSEDED.value)).rowcount
        + connection.execute(paused.values(state=PlanState.PAUSED.value)).rowcount
    )
