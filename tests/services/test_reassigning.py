"""A supervisor moves a case of somebody absent: within their own people only, with its grants, and logged."""

from __future__ import annotations

import pytest

from tests.services.test_handovers import a_case, a_grant, at_once, holder, notices
from tests.simulator import World, staff_row
from vault.domain.ids import new_id
from vault.errors import AccessRefused, InvalidValue, NotFound, VaultError
from vault.services import cases, reassigning

ABSENT, COLLEAGUE, SUPERVISOR, STRANGER, OF_ANOTHER = "KF2001", "KF2002", "KF2009", "KF2010", "KF2004"


@pytest.fixture(autouse=True)
def _everybody_is_active(world: World) -> None:
    world.tamper("UPDATE accounts SET state = 'active', password = 'x'")


def move(world: World, case: bytes, to: str = COLLEAGUE, who: str = SUPERVISOR) -> None:
    reassigning.reassign(world.parts, world.person(who), case, to, world.now)


def test_the_case_and_its_grants_go_to_the_colleague_and_the_log_says_who_moved_it(world: World) -> None:
    case, owned = a_case(world, ABSENT, owner=ABSENT)
    strange = world.look_up("KF2003", world.customer(owner="KF2003")["phone"]).cards[0].record_id
    a_grant(world, "asked", ABSENT, strange, case)
    move(world, case)
    assert holder(world, case) == world.person(COLLEAGUE).account_id
    for record in (owned, strange):
        assert world.view(COLLEAGUE, case, record).subject.rule == "scope.grant"
        with pytest.raises(NotFound):
            world.view(ABSENT, case, record)
    (event,) = world.events("case.moved", "done")
    assert (event["actor"], event["rule"], event["facts"]) == (
        SUPERVISOR,
        "moved_by_supervisor",
        {"account": COLLEAGUE},
    )
    assert notices(world, COLLEAGUE) == ["case_received"]


def test_only_a_supervisor_of_whoever_holds_it_may_move_a_case(world: World) -> None:
    case, _ = a_case(world, ABSENT)
    for who in (STRANGER, COLLEAGUE, ABSENT):
        with pytest.raises((NotFound, AccessRefused)):
            move(world, case, who=who)
    with pytest.raises(NotFound):
        move(world, new_id())
    cases.close(world.parts, world.person(ABSENT), case, "caller_gone", world.now)
    with pytest.raises(NotFound):
        move(world, case)
    refused = world.events("case.moved", "refused")
    assert [one["rule"] for one in refused] == ["", "no_right", "no_right", "", ""]
    assert holder(world, case) == world.person(ABSENT).account_id


def test_the_colleague_must_be_one_of_the_supervisors_people_who_can_go_on_with_it(world: World) -> None:
    case = world.look_up(ABSENT, world.customer()["phone"], "delivery").case_id
    world.tamper("UPDATE accounts SET state = 'suspended' WHERE work_number = :who", who=COLLEAGUE)
    # Suspended; of another team; a role without the purpose; nobody.
    for to in (COLLEAGUE, OF_ANOTHER, "KF2008", "KF9999", "KF2014", ""):
        with pytest.raises(InvalidValue) as refused:
            move(world, case, to)
        assert refused.value.reason == "cannot_take_over"
    assert holder(world, case) == world.person(ABSENT).account_id


def granted(world: World, case: bytes) -> list[tuple[bool, str]]:
    """Return the grants of a case: whether each lives, and whose it is."""
    rows = world.rows(
        "SELECT g.ended_at, a.work_number FROM grants g JOIN accounts a USING (account_id) WHERE g.case_id = :c"
        " ORDER BY g.granted_at, g.grant_id",
        c=case,
    )
    return [(ended is None, number) for ended, number in rows]


def test_nobody_receives_what_they_have_granted(world: World) -> None:
    case, _ = a_case(world, ABSENT)
    strange = world.look_up("KF2004", world.customer(owner="KF2004")["phone"]).cards[0].record_id
    a_grant(world, "asked", ABSENT, strange, case, granted_by=COLLEAGUE)
    move(world, case)
    assert granted(world, case) == [(False, ABSENT)]
    with pytest.raises(NotFound):
        world.view(COLLEAGUE, case, strange)
    (event,) = world.events("case.moved", "done")
    assert event["facts"] == {"account": COLLEAGUE, "ended": 1}


def test_what_another_has_granted_goes_on_with_the_case(world: World) -> None:
    case, _ = a_case(world, ABSENT)
    strange = world.look_up("KF2004", world.customer(owner="KF2004")["phone"]).cards[0].record_id
    a_grant(world, "asked", ABSENT, strange, case, granted_by="KF2004")
    move(world, case)
    assert granted(world, case) == [(True, COLLEAGUE)]
    assert world.view(COLLEAGUE, case, strange).subject.rule == "scope.grant"


def test_nobody_receives_what_another_account_of_theirs_has_granted(world: World) -> None:
    case, _ = a_case(world, ABSENT)
    strange = world.look_up("KF2004", world.customer(owner="KF2004")["phone"]).cards[0].record_id
    world.staff(staff_row("KF3001", "supervisor") | {"name": "魏 海"})  # the colleague bears this name
    a_grant(world, "asked", ABSENT, strange, case, granted_by="KF3001")
    move(world, case)
    assert granted(world, case) == [(False, ABSENT)]


def test_two_moves_at_once_count_once(world: World) -> None:
    case, _ = a_case(world, ABSENT)
    results = at_once(lambda: move(world, case), lambda: move(world, case, "KF2003"))
    done = [one for one in results if not isinstance(one, VaultError)]
    assert len(world.events("case.moved", "done")) == len(done) >= 1
    held = holder(world, case)
    assert held in (world.person(COLLEAGUE).account_id, world.person("KF2003").account_id)
    assert world.events("case.moved", "done")[-1]["facts"]["account"] in (COLLEAGUE, "KF2003")
