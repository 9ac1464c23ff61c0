"""Who supervises whom: the supervisors of a person's team; and those of their outlet where none of these is at work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from vault.domain.ids import Role
from vault.domain.people import AccountState, Person
from vault.storage.people import PERSON
from vault.storage.tables import accounts


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whom a supervisor answers for: no name, nothing of a customer."""

    account_id: bytes
    work_number: str
    role: Role
    team: str
    state: AccountState
    password_changed_at: datetime | None
    password_expired_at: datetime | None


_MEMBER = (
    accounts.c.account_id,
    accounts.c.work_number,
    accounts.c.role,
    accounts.c.team,
    accounts.c.state,
    accounts.c.password_changed_at,
    accounts.c.password_expired_at,
)
_SUPERVISES = and_(
    accounts.c.role == Role.SUPERVISOR.value,
    accounts.c.state != AccountState.LEFT.value,
    accounts.c.kind == PERSON,  # nobody would read what a program is told
)


def supervisors_of(connection: Connection, account_id: bytes) -> list[bytes]:
    """Return who supervises a person; never themselves.

    The supervisors of their team do. Where none of these is at work, those of their outlet do too: a notice that only
    somebody suspended finds warns of nothing.
    """
    row = connection.execute(
        select(accounts.c.team, accounts.c.outlet).where(accounts.c.account_id == account_id)
    ).first()
    if row is None:
        return []
    others = select(accounts.c.account_id, accounts.c.state).where(_SUPERVISES, accounts.c.account_id != account_id)
    # To have no team is not to share one.
    of_team = connection.execute(others.where(accounts.c.team == row.team)).all() if row.team else []
    if any(state == AccountState.ACTIVE.value for _, state in of_team):
        return [key for key, _ in of_team]
    of_outlet = connection.execute(others.where(accounts.c.outlet == row.outlet)).scalars()
    return list(dict.fromkeys([*(key for key, _ in of_team), *of_outlet]))


def supervised_by(connection: Connection, supervisor: Person, roles: Collection[Role]) -> list[Member]:
    """List the people of some roles whom a supervisor answers for, by work number; those who left are not there."""
    return [
        Member(row[0], row[1], Role(row[2]), row[3], AccountState(row[4]), row[5], row[6])
        for row in connection.execute(
            _led_by(supervisor, roles).order_by(accounts.c.work_number).with_only_columns(*_MEMBER)
        )
    ]


def active_of(connection: Connection, roles: Collection[Role], but: bytes) -> list[tuple[str, Role, str, str]]:
    """List the active people of some roles, one left out: work number, role, outlet and team."""
    query = select(accounts.c.work_number, accounts.c.role, accounts.c.outlet, accounts.c.team).where(
        accounts.c.state == AccountState.ACTIVE.value,
        accounts.c.kind == "person",
        accounts.c.role.in_([role.value for role in roles]),
        accounts.c.account_id != but,
    )
    return [(row[0], Role(row[1]), row[2], row[3]) for row in connection.execute(query)]


def _led_by(supervisor: Person, roles: Collection[Role]) -> Select[tuple[bytes]]:
    other = accounts.alias("other")
    # A supervisor is not their own: a team whose only supervisor they are leaves them to the outlet's others.
    led_teams = select(other.c.team).where(
        other.c.role == Role.SUPERVISOR.value,
        other.c.state == AccountState.ACTIVE.value,
        other.c.kind == PERSON,
        other.c.team != "",
    )
    mine: ColumnElement[bool] = and_(
        accounts.c.outlet == supervisor.outlet,
        or_(accounts.c.team == "", accounts.c.team.not_in(led_teams)),
    )
    if supervisor.team:
        mine = or_(mine, accounts.c.team == supervisor.team)
    return select(accounts.c.account_id).where(
        accounts.c.state != AccountState.LEFT.value,
        accounts.c.kind == "person",
        accounts.c.account_id != supervisor.account_id,
        accounts.c.role.in_([role.value for role in roles]),
        mine,
    )
