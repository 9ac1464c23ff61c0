"""The clock as it was last seen: one row, so that a jump of the clock shows however the processes came and went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vault.storage.tables import clock_marks

_THE_ONE = clock_marks.c.singleton == 1


@dataclass(frozen=True, slots=True)
class ClockMark:
    """What is known of the clock.

    Args:
        seen_at: its highest time so far, UTC.
        jumped_from: the mark before a jump that nobody has confirmed yet.
        confirmed_by: account of the officer who last confirmed the date.
        confirmed_at: when.
    """

    seen_at: datetime
    jumped_from: datetime | None
    confirmed_by: bytes | None
    confirmed_at: datetime | None


def read(connection: Connection) -> ClockMark | None:
    """Return the mark; None before the first."""
    column = clock_marks.c
    query = select(column.seen_at, column.jumped_from, column.confirmed_by, column.confirmed_at)
    row = connection.execute(query).first()
    return None if row is None else ClockMark(*row)


def begin(connection: Connection, now: datetime) -> None:
    """Set the first mark, unless another process has set it a moment ago."""
    put = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(put(clock_marks).values(singleton=1, seen_at=now).on_conflict_do_nothing())


def advance(connection: Connection, before: ClockMark, now: datetime, jumped_from: datetime | None) -> bool:
    """Set the mark forward.

    Args:
        connection: inside a writing transaction.
        before: the mark as it was read.
        now: the clock, later than the mark.
        jumped_from: the mark before a jump that waits for an officer.

    Returns:
        Whether nobody else moved it meanwhile.
    """
    moving = update(clock_marks).where(_THE_ONE, clock_marks.c.seen_at == before.seen_at)
    return connection.execute(moving.values(seen_at=now, jumped_from=jumped_from)).rowcount == 1


def confirm(connection: Connection, by: bytes, now: datetime) -> bool:
    """Note that an officer has confirmed the date: the mark becomes this moment, even an earlier one.

    Returns:
        Whether a jump waited for it; of two who confirm at once, one gets True.
    """
    confirming = update(clock_marks).where(_THE_ONE, clock_marks.c.jumped_from.is_not(None))
    values = {"seen_at": now, "jumped_from": None, "confirmed_by": by, "confirmed_at": now}
    return connection.execute(confirming.values(**values)).rowcount == 1
