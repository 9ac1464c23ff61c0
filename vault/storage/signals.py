"""Signals: whose reading gave rise to a warning or an alarm, and who lifted the limit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from vault.domain.ids import new_id
from vault.domain.limits import SignalKind
from vault.storage.tables import signals

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
OF_CUSTOMERS = (SignalKind.WARNED, SignalKind.ALARMED)
"""Signals of one count: who lifts one of them lifts all."""

_OF_CUSTOMERS = [one.value for one in OF_CUSTOMERS]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal.

    Args:
        signal_id: random id.
        account_id: whose reading gave rise to it.
        kind: what it is.
        count: distinct customers, look-ups without an answer, or attempts.
        at: when, UTC.
        released_by: the supervisor who lifted the limit.
        released_at: when they did; None while it stands.
    """

    signal_id: bytes
    account_id: bytes
    kind: SignalKind
    count: int
    at: datetime
    released_by: bytes | None
    released_at: datetime | None


_SIGNAL = (
    signals.c.signal_id,
    signals.c.account_id,
    signals.c.kind,
    signals.c.count,
    signals.c.at,
    signals.c.released_by,
    signals.c.released_at,
)


def add(connection: Connection, account_id: bytes, kind: SignalKind, count: int, at: datetime) -> bytes:
    """Raise a signal and return its id."""
    signal_id = new_id()
    values = {"signal_id": signal_id, "account_id": account_id, "kind": kind.value, "count": count, "at": at}
    connection.execute(insert(signals).values(**values))
    return signal_id


def count_on(connection: Connection, signal_id: bytes) -> None:
    """Count one more of what a signal stands for."""
    more = update(signals).where(signals.c.signal_id == signal_id)
    connection.execute(more.values(count=signals.c.count + 1))


def one(connection: Connection, signal_id: bytes) -> Signal | None:
    """Return a signal."""
    row = connection.execute(select(*_SIGNAL).where(signals.c.signal_id == signal_id)).first()
    return None if row is None else _signal(row)


def open_of(connection: Connection, account_ids: Collection[bytes], since: datetime = _EVER) -> list[Signal]:
    """List the signals of some people that were raised after a moment and not released, newest first."""
    query = (
        select(*_SIGNAL)
        .where(
            signals.c.account_id.in_(list(account_ids)),
            signals.c.released_at.is_(None),
            signals.c.at > since,
        )
        .order_by(signals.c.at.desc(), signals.c.signal_id)
    )
    return [_signal(row) for row in connection.execute(query)]


def last_release(connection: Connection, account_id: bytes) -> datetime | None:
    """Return when a limit on the customers of this person was last lifted."""
    query = select(func.max(signals.c.released_at)).where(
        signals.c.account_id == account_id, signals.c.kind.in_(_OF_CUSTOMERS)
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def release(connection: Connection, signal_id: bytes, released_by: bytes, at: datetime) -> bool:
    """Lift one limit; returns whether it stood until now: of two who lift it at once, one gets True."""
    standing = update(signals).where(signals.c.signal_id == signal_id, signals.c.released_at.is_(None))
    return connection.execute(standing.values(released_by=released_by, released_at=at)).rowcount == 1


def release_all(connection: Connection, account_id: bytes, released_by: bytes, at: datetime) -> int:
    """Lift every limit on the customers of a person; returns how many stood."""
    standing = update(signals).where(
        signals.c.account_id == account_id, signals.c.released_at.is_(None), signals.c.kind.in_(_OF_CUSTOMERS)
    )
    return connection.execute(standing.values(released_by=released_by, released_at=at)).rowcount


def forget(connection: Connection, before: datetime) -> None:
    """Remove signals raised before a moment."""
    connection.execute(delete(signals).where(signals.c.at < before))


def _signal(row: tuple[bytes, bytes, str, int, datetime, bytes | None, datetime | None]) -> Signal:
    return Signal(row[0], row[1], SignalKind(row[2]), row[3], row[4], row[5], row[6])
