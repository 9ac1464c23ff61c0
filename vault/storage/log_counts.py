"""Counting the events that answer a question, by minute or hour: the database walks its index, and nothing is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, func, select, type_coerce

from vault.domain.log_search import EVERY
from vault.domain.records import from_micros
from vault.storage.log_search import also, within
from vault.storage.tables import log_terms

_MICROSECOND = timedelta(microseconds=1)


def per_step(
    connection: Connection, groups: Sequence[Sequence[str]], since: datetime, until: datetime, step: timedelta
) -> Iterator[tuple[datetime, int]]:
    """Yield how many events have one term of each group, for each step of the clock that has any.

    Args:
        connection: an open connection.
        groups: terms, the likely rarest group first.
        since: UTC, the first moment.
        until: UTC, the first moment no longer counted.
        step: a whole part of a day.

    Yields:
        The beginning of a step, and the number.
    """
    along, *others = [[term.encode() for term in group] for group in groups]
    column = log_terms.c
    steps: Any = (type_coerce(column.at, BigInteger) // (step // _MICROSECOND)).label("step")
    number: Any = func.count() if len(along) == 1 else func.count(column.leaf_index.distinct())
    query = within(select(steps, number), along, since, until).where(*(also(column, group) for group in others))
    for at, count in connection.execute(query.group_by(steps)):
        yield from_micros(at * (step // _MICROSECOND)), count


def end_of_newest(connection: Connection, since: datetime, until: datetime, most: int) -> datetime | None:
    """Return the time of the first entry that is not among the newest so many; None where all are.

    Args:
        connection: an open connection.
        since: UTC, the first moment.
        until: UTC, the first moment no longer counted.
        most: how many.
    """
    column = log_terms.c
    newest = within(select(column.at), [EVERY.encode()], since, until)
    query = newest.order_by(column.at.desc(), column.leaf_index.desc()).offset(most).limit(1)
    return connection.execute(query).scalar()
