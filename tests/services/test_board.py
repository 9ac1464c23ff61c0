"""The supervisor's board: their own people and nobody else's, and nothing of a customer."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from tests.services.test_handovers import a_case, a_grant, offer
from tests.simulator import NOW, World, local, service_row
from vault.domain.ids import new_id
from vault.domain.limits import SignalKind
from vault.errors import AccessRefused
from vault.services import asking, board, handovers, limits
from vault.services.board import TeamBoard
from vault.storage import disclosures, signals
from vault.storage.tables import break_glass
from vault.storage.tables import disclosures as disclosures_table
from vault.storage.unit_of_work import unit_of_work

AGENT, COLLEAGUE, SUPERVISOR = "KF2001", "KF2002", "KF2009"
OF_ANOTHER_TEAM, OTHER_SUPERVISOR = "KF2005", "KF2010"
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _everybody_is_active(world: World) -> None:
    world.tamper("UPDATE accounts SET state = 'active', password = 'x', password_changed_at = :at", at=micros(NOW))


def micros(at: object) -> int:
    return int(at.timestamp() * 1e6)  # type: ignore[attr-defined]


def seen_by(world: World, who: str = SUPERVISOR) -> TeamBoard:
    return board.team_board(world.parts, world.person(who), world.now)


def test_the_people_are_those_of_the_team_and_those_of_the_outlet_without_a_supervisor(world: World) -> None:
    assert [one.member.work_number for one in seen_by(world).people] == [
        "KF2001",
        "KF2002",
        "KF2003",  # of the same team in another outlet
        "KF2007",
        "KF2008",  # of a team without a supervisor, in the supervisor's outlet
    ]
    # The other supervisor leads team T2, and in their outlet T3, which nobody leads.
    assert [one.member.work_number for one in seen_by(world, OTHER_SUPERVISOR).people] == ["KF2004", "KF2005", "KF2006"]


def test_a_look_at_the_board_is_logged_and_refused_to_everybody_else(world: World) -> None:
    seen_by(world)
    for who in (AGENT, "KF2014", "KF2012"):
        with pytest.raises(AccessRefused):
            seen_by(world, who)
    assert [one["actor"] for one in world.events("board.view", "granted")] == [SUPERVISOR]
    assert [one["rule"] for one in world.events("board.view", "refused")] == ["no_right"] * 3


def test_open_cases_grants_and_hand_overs_of_the_team_are_there_and_those_of_others_are_not(world: World) -> None:
    case, customer = a_case(world, AGENT)
    a_case(world, OF_ANOTHER_TEAM, owner=OF_ANOTHER_TEAM)
    grant = a_grant(world, "asked", AGENT, customer, case)
    world.now += timedelta(seconds=1)
    offered = offer(world, [case])
    seen = seen_by(world)
    assert [(one.held.case.case_id, one.held.holder, one.clock) for one in seen.cases] == [(case, AGENT, "green")]
    assert [(one.grant_id, one.work_number, one.granted_by) for one in seen.grants] == [(grant, AGENT, SUPERVISOR)]
    assert [one.handover_id for one in seen.handovers] == [offered]
    other = seen_by(world, OTHER_SUPERVISOR)
    assert [one.held.holder for one in other.cases] == [OF_ANOTHER_TEAM]
    assert other.grants == other.handovers == ()


def test_a_grant_is_gone_from_the_board_the_second_it_ends(world: World) -> None:
    case, customer = a_case(world, AGENT)
    a_grant(world, "asked", AGENT, customer, case)
    world.now += timedelta(minutes=30) - SECOND
    assert len(seen_by(world).grants) == 1
    world.now += SECOND
    assert seen_by(world).grants == ()


def test_a_refused_hand_over_stays_on_the_board_for_a_week(world: World) -> None:
    case, _ = a_case(world, AGENT)
    offered = offer(world, [case])
    handovers.refuse(world.parts, world.person(COLLEAGUE), offered, "incomplete", world.now)
    world.now += timedelta(days=board.REFUSED_DAYS)
    (shown,) = seen_by(world).handovers
    assert (shown.state, shown.reason) == ("refused", "incomplete")
    world.now += SECOND
    assert seen_by(world).handovers == ()


def test_late_entries_of_the_last_thirty_days_are_listed_by_id(world: World) -> None:
    customer = world.customer()
    for agent, days in ((AGENT, 30), (COLLEAGUE, 31), (OF_ANOTHER_TEAM, 1)):
        ended = NOW - timedelta(days=days)
        world.services(
            service_row(
                customer,
                agent=agent,
                started_at=local(ended - timedelta(hours=3)),
                ended_at=local(ended - timedelta(hours=2)),
                entered_at=local(ended),
            )
        )
    (late,) = seen_by(world).late
    assert (late.work_number, late.entered_at - late.ended_at) == (AGENT, timedelta(hours=2))


def test_counters_are_of_today_in_the_companys_zone_and_of_the_window(world: World) -> None:
    one, other = new_id(), new_id()
    midnight = NOW - timedelta(hours=11)  # 00:00 in Shanghai
    read = [
        (AGENT, midnight + SECOND, disclosures.REVEAL, one),
        (AGENT, midnight + SECOND, disclosures.REVEAL, one),
        (AGENT, midnight + SECOND, disclosures.LOOKUP, None),
        (AGENT, midnight - SECOND, disclosures.REVEAL, other),
        (AGENT, NOW - timedelta(hours=24), disclosures.REVEAL, new_id()),
        (OF_ANOTHER_TEAM, NOW, disclosures.REVEAL, one),
    ]
    rows = [
        {
            "disclosure_id": new_id(),
            "account_id": world.person(who).account_id,
            "at": at,
            "kind": kind,
            "record_id": record,
        }
        for who, at, kind, record in read
    ]
    with unit_of_work(world.parts.database) as work:
        work.connection.execute(insert(disclosures_table), rows)
        work.commit()
    people = {line.member.work_number: line for line in seen_by(world).people}
    assert asdict(people[AGENT].today) == {"customers": 1, "reveals": 2, "lookups": 1}
    assert people[AGENT].window.customers == 2
    assert asdict(people[COLLEAGUE].today) == {"customers": 0, "reveals": 0, "lookups": 0}


def test_password_ages_are_told_and_one_past_its_age_is_marked(world: World) -> None:
    for who, days in ((AGENT, 15), (COLLEAGUE, 14), ("KF2003", 3)):
        at = micros(NOW - timedelta(days=days))
        world.tamper("UPDATE accounts SET password_changed_at = :at WHERE work_number = :who", at=at, who=who)
    lines = {one.member.work_number: one for one in seen_by(world).people}
    assert [(lines[who].password_age, lines[who].password_left, lines[who].password_expired) for who in lines][:3] == [
        (15, None, True),
        (14, 1, False),
        (3, None, False),
    ]


def test_accounts_signed_in_from_several_addresses_at_this_moment_are_listed(world: World) -> None:
    world.activate(AGENT)
    world.activate(OF_ANOTHER_TEAM)
    for who in (AGENT, OF_ANOTHER_TEAM):
        world.sign_in(who)
        world.sign_in(who)
    assert seen_by(world).elsewhere == ()  # twice from one address
    with world.parts.database.write() as connection:
        newest = "SELECT session_id FROM sessions WHERE account_id = a.account_id LIMIT 1"
        connection.execute(
            text(
                "UPDATE sessions SET source = '198.51.100.7' WHERE session_id IN "
                f"(SELECT ({newest}) FROM accounts AS a)"
            )
        )
        connection.commit()
    (found,) = seen_by(world).elsewhere
    assert (found.work_number, found.sources) == (AGENT, 2)
    world.now += timedelta(minutes=world.parts.policy.sessions.idle_minutes)
    assert seen_by(world).elsewhere == ()


def test_the_board_holds_nothing_of_a_customer(world: World) -> None:
    row = world.customer(owner=AGENT, name="欧阳明月")
    case = world.look_up(AGENT, row["phone"]).case_id
    offer(world, [case])
    seen = str(asdict(seen_by(world)))
    for field in ("name", "phone", "id_number", "sender_address", "source_number"):
        assert row[field] not in seen


def test_requests_that_wait_for_this_supervisor_are_counted_until_they_are_over(world: World) -> None:
    row = world.customer(owner=COLLEAGUE)
    case = world.look_up(AGENT, row["phone"]).case_id
    asking.ask(world.parts, world.person(AGENT), case, row["phone"], world.now)
    assert seen_by(world).waiting_requests == 1
    assert seen_by(world, OTHER_SUPERVISOR).waiting_requests == 0
    world.now += timedelta(hours=world.parts.policy.grants.answer_hours) - SECOND
    assert seen_by(world).waiting_requests == 1
    world.now += SECOND
    assert seen_by(world).waiting_requests == 0


def test_signals_about_the_team_stay_until_somebody_lifts_the_limit(world: World) -> None:
    with unit_of_work(world.parts.database) as work:
        for who in (AGENT, OF_ANOTHER_TEAM):
            signals.add(work.connection, world.person(who).account_id, SignalKind.WARNED, 25, world.now)
        work.commit()
    (shown,) = seen_by(world).signals
    assert (shown.work_number, shown.signal.kind, shown.signal.count) == (AGENT, "warned", 25)
    limits.release(world.parts, world.person(SUPERVISOR), shown.signal.signal_id, world.now)
    assert seen_by(world).signals == ()


def test_emergency_requests_are_counted_for_those_who_may_approve_and_never_the_own_ones(world: World) -> None:
    case = world.look_up(AGENT, world.customer()["phone"]).case_id
    row = {
        "break_glass_id": new_id(),
        "case_id": case,
        "asked_by": world.person(AGENT).account_id,
        "profile": "x",
        "reason": "x",
        "identifier_kind": "phone",
        "asked_at": world.now,
        "state": "asked",
        "owner_contact": "no",
    }
    mine = row | {"break_glass_id": new_id(), "asked_by": world.person(SUPERVISOR).account_id}
    with unit_of_work(world.parts.database) as work:
        work.connection.execute(insert(break_glass), [row, mine])
        work.commit()
    assert seen_by(world).waiting_emergencies == 1
    assert seen_by(world, OTHER_SUPERVISOR).waiting_emergencies == 2
    world.now += timedelta(minutes=world.parts.policy.break_glass.answer_minutes)
    assert seen_by(world).waiting_emergencies == 0
