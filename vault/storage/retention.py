"""Reading how long records are kept: which are past their time and why some stay, and which fall due when.

Each question streams: a vault of a million records needs no more memory than one of ten, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from vault.domain.destruction import Stays
from vault.domain.ids import RecordClass
from vault.domain.records import RecordState, from_micros, to_micros
from vault.storage.lists import ask, rows_in
from vault.storage.streams import read_once, streamed

_BATCH = 5000


class Past(NamedTuple):
    """One settled record past its time, as it lies in the store; times in microseconds since 1970.

    Args:
        record_id: the record.
        record_class: its class, a word.
        cohort_id: whose key wraps its data key.
        expires_at: since when it is due.
        outlet: the outlet's code.
        activity_at: from which its expiry was computed.
        why: why it stays, a word of :class:`~vault.domain.destruction.Stays`; empty if it is due.
    """

    record_id: bytes
    record_class: str
    cohort_id: bytes
    expires_at: int
    outlet: str
    activity_at: int
    why: str


class Period(NamedTuple):
    """One settled record and its expiry, as it lies in the store; times in microseconds since 1970."""

    record_id: bytes
    record_class: str
    activity_at: int
    expires_at: int


# Along the primary key in short steps: a long question that sorts keeps others waiting, and is cut off (engine).
_STEP = (
    "SELECT record_id, record_class, cohort_id, expires_at, outlet, activity_at, held, state FROM records"
    " WHERE record_id > ? ORDER BY record_id LIMIT ?"
)
_KEEPERS = {
    RecordClass.CUSTOMER: (
        "SELECT customer_id, state FROM records WHERE (state = 'open' OR held) AND customer_id",
        "SELECT sender_id, state FROM records WHERE (state = 'open' OR held) AND sender_id",
        "SELECT recipient_id, state FROM records WHERE (state = 'open' OR held) AND recipient_id",
    ),
    RecordClass.SHIPMENT: ("SELECT shipment_id, state FROM records WHERE (state = 'open' OR held) AND shipment_id",),
}
"""What keeps records of a class: a question for each link column, so that its own index answers."""
_FALLING_DUE = """
SELECT record_class, expires_at FROM records
WHERE expires_at <= ? AND NOT held AND state = 'settled' AND record_class <> 'request'
"""
_PERIODS = """
SELECT record_id, record_class, activity_at, expires_at FROM records
WHERE state = 'settled' AND record_class <> 'request'
"""


def past_their_time(connection: Connection, as_of: datetime) -> Iterator[Past]:
    """Stream the settled records past their time, ordered by id, each with why it stays if it does.

    A record stays while it is under legal hold, while a service on it is open, and while a record under hold links to
    it. What only counts as held for such a reason keeps nothing else.

    Args:
        connection: an open connection; one question at a time.
        as_of: UTC.
    """
    until, last = to_micros(as_of), b""
    with read_once(connection):
        while rows := _step(connection, last):
            last = rows[-1][0]
            past = [
                row
                for row in rows
                if row[7] == RecordState.SETTLED.value and row[3] <= until and row[1] != RecordClass.REQUEST.value
            ]
            kept = _kept(connection, past)
            for row in past:
                yield Past._make((*row[:6], Stays.HOLD.value if row[6] else kept.get(row[0], "")))


def _step(connection: Connection, after: bytes) -> list[tuple[Any, ...]]:
    question = _STEP if connection.dialect.name == "sqlite" else _STEP.replace("?", "%b")
    return ask(connection, question, (after, _BATCH))


def _kept(connection: Connection, rows: list[tuple[Any, ...]]) -> dict[bytes, str]:
    """Return by record id why what links to some records keeps them."""
    found: dict[bytes, str] = {}
    for record_class, questions in _KEEPERS.items():
        ids = [row[0] for row in rows if row[1] == record_class.value]
        for question in questions if ids else ():
            for linked, state in rows_in(connection, question, ids):
                if state == RecordState.OPEN.value:
                    found[linked] = Stays.OPEN_SERVICE.value
                else:
                    found.setdefault(linked, Stays.LINKED.value)
    return found


def falling_due(connection: Connection, until: datetime) -> Iterator[tuple[RecordClass, datetime]]:
    """Stream class and expiry of what is past its time by a moment and not under legal hold itself."""
    classes = {one.value: one for one in RecordClass}
    for rows in streamed(connection, _FALLING_DUE, _BATCH, to_micros(until)):
        for record_class, expires_at in rows:
            yield classes[record_class], from_micros(expires_at)


def periods(connection: Connection) -> Iterator[Period]:
    """Stream every settled record with its activity and its expiry."""
    for rows in streamed(connection, _PERIODS, _BATCH):
        yield from map(Period._make, rows)


def why_linked(connection: Connection, record_id: bytes, record_class: RecordClass) -> Stays | None:
    """Return why what links to a record keeps it: an open service, or a hold; None if nothing does."""
    kept = _kept(connection, [(record_id, record_class.value)])
    return Stays(kept[record_id]) if record_id in kept else None
