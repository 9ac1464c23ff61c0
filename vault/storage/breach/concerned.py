"""Whom an incident is about: the accounts of its signals, of its misuse records and of its measures."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Select, select, union_all

from vault.domain.breach.containment import Measure
from vault.storage.tables import containments, incident_signals, misuse_records

_MEASURES = (Measure.SUSPEND_ACCOUNT.value, Measure.END_SESSIONS.value)


def accounts(connection: Connection, incident_id: bytes | None = None) -> set[bytes]:
    """Return the accounts that an incident is about; without one, those that any incident is about."""
    about = union_all(*_kinds()).subquery()
    query = select(about.c.account_id).distinct()
    if incident_id is not None:
        query = query.where(about.c.incident_id == incident_id)
    return set(connection.execute(query).scalars())


def incidents_about(connection: Connection, account_ids: Collection[bytes]) -> set[bytes]:
    """Return the incidents that are about any of some accounts of one human."""
    if not account_ids:
        return set()
    about = union_all(*_kinds()).subquery()
    query = select(about.c.incident_id).distinct().where(about.c.account_id.in_(list(account_ids)))
    return set(connection.execute(query).scalars())


def _kinds() -> list[Select[tuple[bytes, bytes]]]:
    """Return what makes an incident somebody's own; what was only rehearsed, and a draft taken back, do not."""
    signal, misuse, measure = incident_signals.c, misuse_records.c, containments.c
    return [
        select(signal.incident_id, signal.account_id).where(
            signal.incident_id.is_not(None), signal.account_id.is_not(None)
        ),
        select(misuse.incident_id, misuse.account_id).where(misuse.withdrawn_at.is_(None)),
        select(measure.incident_id, measure.target.label("account_id")).where(
            measure.measure.in_(_MEASURES), measure.rehearsed.is_(False)
        ),
    ]
