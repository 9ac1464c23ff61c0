"""Who supervises whom: a team's supervisors, and the outlet's where none of these is at work."""

import pytest

from tests.factories import NOW, account
from vault.domain.ids import Role, new_id
from vault.domain.people import AccountState, Person
from vault.storage import people, supervision
from vault.storage.unit_of_work import unit_of_work


@pytest.fixture
def staff(database):
    """An agent, the supervisor of their team, another of their outlet, and one of elsewhere."""

    def add(number, role, outlet, team):
        return account(database, number, role=role, outlet=outlet, team=team, state="active", password="-")

    return {
        "agent": add("KF1", "agent", "O1", "T1"),
        "team": add("KF2", "supervisor", "O2", "T1"),
        "outlet": add("KF3", "supervisor", "O1", "T2"),
        "elsewhere": add("KF4", "supervisor", "O2", "T3"),
    }


def change(database, account_id, **values):
    with unit_of_work(database) as work:
        people.change(work.connection, account_id, values)
        work.commit()


def told(database, staff):
    """Return who supervises the agent, and check that those at work have the agent on their board."""
    with database.read() as connection:
        found = supervision.supervisors_of(connection, staff["agent"])
        assert len(found) == len(set(found))
        for one in people.by_ids(connection, [staff[name] for name in ("team", "outlet", "elsewhere")]).values():
            if one.state is AccountState.ACTIVE and one.kind == people.PERSON:
                place = (one.work_number, one.role, one.outlet, one.team)
                who = Person(one.account_id, *place, NOW, new_id(), "203.0.113.9", "test")
                led = [member.account_id for member in supervision.supervised_by(connection, who, [Role.AGENT])]
                assert (staff["agent"] in led) == (one.account_id in found)
    return {name for name, key in staff.items() if key in found}


def test_while_a_supervisor_of_the_team_is_at_work_nobody_else_supervises_it(database, staff):
    assert told(database, staff) == {"team"}


@pytest.mark.parametrize("state", ["suspended", "locked", "invited"])
def test_where_the_team_has_none_at_work_those_of_the_outlet_supervise_it_too(database, staff, state):
    change(database, staff["team"], state=state)
    assert told(database, staff) == {"team", "outlet"}
    change(database, staff["outlet"], state=state)
    assert told(database, staff) == {"team", "outlet"}
    change(database, staff["team"], state="active")
    assert told(database, staff) == {"team"}


def test_who_has_left_or_is_a_program_supervises_nobody(database, staff):
    change(database, staff["team"], kind="service")
    assert told(database, staff) == {"outlet"}
    change(database, staff["outlet"], state="left")
    assert told(database, staff) == set()
