"""Hand-overs: who offers which open cases to whom, and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, or_, select, update

from vault.storage.cases import Case
from vault.storage.tables import accounts, cases, grants, handover_cases, handovers

OFFERED = "offered"


@dataclass(frozen=True, slots=True)
class Handover:
    """One hand-over.

    Args:
        handover_id: random id, also of the record of class ``request`` that holds the note.
        from_account: who hands over.
        from_number: their work number.
        to_account: who takes over.
        to_number: their work number.
        offered_at: when it was offered, UTC: the signature of who hands over.
        state: offered, accepted, refused or withdrawn.
        decided_at: when it was accepted, refused or withdrawn; for an accepted one the second signature.
        reason: why it was refused.
        read_at: when the incoming person first read the note.
    """

    handover_id: bytes
    from_account: bytes
    from_number: str
    to_account: bytes
    to_number: str
    offered_at: datetime
    state: str
    decided_at: datetime | None
    reason: str
    read_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state == OFFERED


_giver, _taker = accounts.alias("giver"), accounts.alias("taker")
_HANDOVER: Select[Any] = (
    select(
        handovers.c.handover_id,
        handovers.c.from_account,
        _giver.c.work_number,
        handovers.c.to_account,
        _taker.c.work_number,
        handovers.c.offered_at,
        handovers.c.state,
        handovers.c.decided_at,
        handovers.c.reason,
        handovers.c.read_at,
    )
    .join(_giver, _giver.c.account_id == handovers.c.from_account)
    .join(_taker, _taker.c.account_id == handovers.c.to_account)
)


def add(connection: Connection, values: Mapping[str, Any], case_ids: Collection[bytes]) -> None:
    """Insert a hand-over with its cases."""
    connection.execute(insert(handovers).values(**values))
    rows = [{"handover_id": values["handover_id"], "case_id": one} for one in case_ids]
    connection.execute(insert(handover_cases), rows)


def one(connection: Connection, handover_id: bytes) -> Handover | None:
    """Return one hand-over."""
    row = connection.execute(_HANDOVER.where(handovers.c.handover_id == handover_id)).first()
    return None if row is None else Handover(*row)


def of_person(connection: Connection, account_id: bytes, limit: int) -> list[Handover]:
    """List the hand-overs a person gave or was offered: open ones first, each part newest first."""
    return _listed(connection, [account_id], limit)


def concerning(
    connection: Connection, account_ids: Collection[bytes], refused_since: datetime, limit: int
) -> list[Handover]:
    """List the hand-overs of these people that wait for an answer, and those refused since a moment."""
    refused = and_(handovers.c.state == "refused", handovers.c.decided_at >= refused_since)
    return _listed(connection, account_ids, limit, or_(handovers.c.state == OFFERED, refused))


def _listed(
    connection: Connection, account_ids: Collection[bytes], limit: int, *which: ColumnElement[bool]
) -> list[Handover]:
    column = handovers.c
    query = (
        _HANDOVER.where(or_(column.from_account.in_(account_ids), column.to_account.in_(account_ids)), *which)
        .order_by(column.state != OFFERED, column.offered_at.desc(), column.handover_id)
        .limit(limit)
    )
    return [Handover(*row) for row in connection.execute(query)]


def cases_of(connection: Connection, handover_ids: Collection[bytes]) -> dict[bytes, list[Case]]:
    """Return the cases of each hand-over as they stand now, oldest first."""
    found: dict[bytes, list[Case]] = {one: [] for one in handover_ids}
    query = (
        select(handover_cases.c.handover_id, *cases.c)
        .join(cases, cases.c.case_id == handover_cases.c.case_id)
        .where(handover_cases.c.handover_id.in_(handover_ids))
        .order_by(cases.c.opened_at, cases.c.case_id)
    )
    for row in connection.execute(query):
        found[row[0]].append(Case(*row[1:]))
    return found


def locked_cases(connection: Connection, case_ids: Collection[bytes]) -> dict[bytes, Case]:
    """Return these cases, each locked until the transaction ends, so that it is not offered twice at once.

    SQLite needs no lock: its writers take turns.
    """
    query = select(cases).where(cases.c.case_id.in_(case_ids)).order_by(cases.c.case_id).with_for_update()
    return {row[0]: Case(*row) for row in connection.execute(query)}


def offered_by(connection: Connection, account_id: bytes) -> set[bytes]:
    """Return the cases that stand in an open hand-over of a person."""
    query = (
        select(handover_cases.c.case_id)
        .join(handovers, handovers.c.handover_id == handover_cases.c.handover_id)
        .where(handovers.c.from_account == account_id, handovers.c.state == OFFERED)
    )
    return set(connection.execute(query).scalars())


def mark_read(connection: Connection, handover_id: bytes, at: datetime) -> None:
    """Note when the incoming person first read the note."""
    unread = update(handovers).where(handovers.c.handover_id == handover_id, handovers.c.read_at.is_(None))
    connection.execute(unread.values(read_at=at))


def decide(connection: Connection, handover_id: bytes, state: str, at: datetime, reason: str = "") -> bool:
    """Accept, refuse or withdraw a hand-over; of two who do so at once, one gets True."""
    waiting = update(handovers).where(handovers.c.handover_id == handover_id, handovers.c.state == OFFERED)
    return connection.execute(waiting.values(state=state, decided_at=at, reason=reason)).rowcount == 1


def end_emergency(connection: Connection, case_id: bytes, at: datetime) -> int:
    """End the emergency grants of a case, which were given to one person under two eyes; returns how many."""
    live = update(grants).where(
        grants.c.case_id == case_id, grants.c.kind == "break_glass", grants.c.ended_at.is_(None)
    )
    return connection.execute(live.values(ended_at=at)).rowcount
