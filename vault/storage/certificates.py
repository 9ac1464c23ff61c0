"""Certificates of destruction: written once, in the transaction of the event that names them, and never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, func, insert, select

from vault.domain.cohorts import CohortState
from vault.domain.destruction import CertificateKind, ItemState, PlanState
from vault.domain.ids import RecordClass
from vault.storage.tables import certificates, cohorts, destruction_items, destruction_plans, tombstones

_column, _plan, _item = certificates.c, destruction_plans.c, destruction_items.c


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate.

    Args:
        certificate_id: random id.
        kind: what it says.
        about: the plan of one kind, the cohort of the other.
        statement: canonical JSON.
        event_id: the event that holds the statement's digest.
        issued_at: UTC.
    """

    certificate_id: bytes
    kind: CertificateKind
    about: bytes
    statement: bytes
    event_id: bytes
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Resting:
    """Records of a plan that were destroyed under one cohort key.

    Args:
        cohort_id: the key's id.
        record_class: the cohort's class.
        end_on: its last day.
        destroyed_at: when the key was gone from every registered copy; None while it is there.
        count: how many records.
    """

    cohort_id: bytes
    record_class: RecordClass
    end_on: date
    destroyed_at: datetime | None
    count: int


def add(connection: Connection, one: Certificate) -> None:
    """Write a certificate; a second one about the same is a conflict."""
    connection.execute(
        insert(certificates).values(
            certificate_id=one.certificate_id,
            kind=one.kind.value,
            about=one.about,
            statement=one.statement,
            event_id=one.event_id,
            issued_at=one.issued_at,
        )
    )


def about(connection: Connection, kind: CertificateKind, what: bytes) -> Certificate | None:
    """Return the certificate of a plan or of a cohort."""
    return _first(connection, (_column.kind == kind.value) & (_column.about == what))


def named(connection: Connection, which: bytes) -> Certificate | None:
    """Return a certificate by its own id, or by the plan or cohort that it is about."""
    return _first(connection, _column.certificate_id == which) or _first(connection, _column.about == which)


def newest(connection: Connection, limit: int) -> list[Certificate]:
    """List certificates, newest first."""
    query = select(certificates).order_by(_column.issued_at.desc(), _column.certificate_id).limit(limit)
    return [_certificate(row) for row in connection.execute(query)]


def plans_without(connection: Connection) -> list[bytes]:
    """Return the plans that were carried out and have no certificate yet, the oldest first."""
    there = exists().where(_column.kind == CertificateKind.ERASED.value, _column.about == _plan.plan_id)
    query = select(_plan.plan_id).where(_plan.state == PlanState.DONE.value, ~there)
    return list(connection.execute(query.order_by(_plan.finished_at, _plan.plan_id)).scalars())


def cohorts_without(connection: Connection) -> list[bytes]:
    """Return the destroyed cohorts under whose key records were destroyed and that have no certificate yet."""
    column = cohorts.c
    there = exists().where(_column.kind == CertificateKind.FINAL.value, _column.about == column.cohort_id)
    buried = exists().where(tombstones.c.cohort_id == column.cohort_id)
    query = select(column.cohort_id).where(
        column.state == CohortState.DESTROYED.value, column.record_class != RecordClass.REQUEST.value, buried, ~there
    )
    return list(connection.execute(query.order_by(column.destroyed_at, column.cohort_id)).scalars())


def resting(connection: Connection, plan_id: bytes) -> list[Resting]:
    """Return under which cohort keys the records of a plan were destroyed, by class and last day."""
    column = cohorts.c
    query = (
        select(column.cohort_id, column.record_class, column.end_on, column.destroyed_at, func.count())
        .join_from(tombstones, cohorts, column.cohort_id == tombstones.c.cohort_id)
        .join(destruction_items, and_(_item.record_id == tombstones.c.record_id, _item.plan_id == plan_id))
        .where(_item.state == ItemState.DESTROYED.value)
        .group_by(column.cohort_id, column.record_class, column.end_on, column.destroyed_at)
        .order_by(column.record_class, column.end_on, column.cohort_id)
    )
    return [Resting(row[0], RecordClass(row[1]), *row[2:]) for row in connection.execute(query)]


def plans_of(connection: Connection, cohort_id: bytes) -> Iterator[tuple[bytes | None, int]]:
    """Return which plans destroyed records under a cohort's key, and how many; None for those without a plan."""
    column = tombstones.c
    query = select(column.plan_id, func.count()).where(column.cohort_id == cohort_id).group_by(column.plan_id)
    for row in connection.execute(query.order_by(column.plan_id)):
        yield row[0], row[1]


def _first(connection: Connection, condition: Any) -> Certificate | None:  # noqa: ANN401 - a condition of SQLAlchemy's
    row = connection.execute(select(certificates).where(condition)).first()
    return None if row is None else _certificate(row)


def _certificate(row: Any) -> Certificate:  # noqa: ANN401 - a row of SQLAlchemy's
    return Certificate(
        row.certificate_id, CertificateKind(row.kind), row.about, row.statement, row.event_id, row.issued_at
    )
