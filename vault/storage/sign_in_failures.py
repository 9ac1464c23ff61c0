"""Failed sign-ins: how many, and when the last one was, for an account from a source and for a whole source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.storage.tables import sign_in_failures

WHOLE_SOURCE = 0
"""Stands in place of an account's tag for the source as a whole."""


@dataclass(frozen=True, slots=True)
class Failures:
    """What is known of earlier failures."""

    count: int
    failed_at: datetime


def locked(connection: Connection, source: str, who: int, now: datetime) -> Failures:
    """Return what is known, and keep others from counting until this transaction ends.

    Args:
        connection: inside a writing transaction.
        source: what counts as one source.
        who: tag of a work number, or :data:`WHOLE_SOURCE`.
        now: UTC; for the row that is made where there is none.
    """
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = make(sign_in_failures).values(source=source, who=who, failures=0, failed_at=now)
    # An update that changes nothing locks a row that is there, in the same step that makes one that is not.
    there = row.on_conflict_do_update(index_elements=["source", "who"], set_={"source": source})
    found = connection.execute(there.returning(sign_in_failures.c.failures, sign_in_failures.c.failed_at))
    return Failures(*found.one())


def set_count(connection: Connection, source: str, who: int, failures: int, failed_at: datetime) -> None:
    """Change what is known."""
    connection.execute(
        update(sign_in_failures).where(*_one(source, who)).values(failures=failures, failed_at=failed_at)
    )


def take_back(connection: Connection, source: str) -> None:
    """Count one failure less for a whole source: the try that was counted beforehand has succeeded."""
    connection.execute(
        update(sign_in_failures)
        .where(*_one(source, WHOLE_SOURCE), sign_in_failures.c.failures > 0)
        .values(failures=sign_in_failures.c.failures - 1)
    )


def clear(connection: Connection, source: str, who: int) -> None:
    """Forget the failures of one account from one source."""
    connection.execute(delete(sign_in_failures).where(*_one(source, who)))


def forget(connection: Connection, failed_before: datetime) -> None:
    """Remove what lies too far back to count."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.failed_at <= failed_before))


def _one(source: str, who: int) -> tuple[ColumnElement[bool], ...]:
    return (sign_in_failures.c.source == source, sign_in_failures.c.who == who)
