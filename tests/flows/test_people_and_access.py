"""Two days at the hotline: access follows the work, opens with a case and closes with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.services.staff_at_work import in_use
from tests.simulator import World, shown
from vault.errors import AccessRefused, InvalidValue, NotFound, VaultError
from vault.services import asking, cases, deciding, filing, handover_reading, handovers
from vault.services.filing import Filing

AGENT, COLLEAGUE, SUPERVISOR, STRANGER = "KF2001", "KF2002", "KF2009", "KF2003"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def everybody_at_work(world: World) -> None:
    in_use(world, AGENT, COLLEAGUE, SUPERVISOR, STRANGER)


def nothing_opens(world: World, who: str, case: bytes, customer: bytes) -> bool:
    """Return whether every walk on a customer within a case ends without an answer."""
    me = world.person(who)
    entered = Filing(customer, "consultation", "phone", None, "已答复", "resolved", "notice-2024-1", "phone")
    acts = (
        lambda: world.view(who, case, customer),
        lambda: world.reveal(who, case, customer, "phone"),
        lambda: world.check_caller(who, case, customer, "name", "王小明"),
        lambda: filing.file(world.parts, me, case, entered, world.now),
    )
    for act in acts:
        with pytest.raises((NotFound, AccessRefused, InvalidValue)):
            act()
    return True


def test_a_colleagues_customer_is_asked_for_granted_and_lost_with_the_case(world: World) -> None:
    customer = world.customer(owner=COLLEAGUE)
    absent = world.look_up(AGENT, "13999999990")
    refused = world.look_up(AGENT, customer["phone"])
    assert absent.cards == refused.cards == ()

    # Asking says as little as the look-up: the same steps, the same answer, whether there is such a customer or not.
    me = world.person(AGENT)
    requests = [
        asking.ask(world.parts, me, one.case_id, number, world.now)
        for one, number in ((absent, "13999999990"), (refused, customer["phone"]))
    ]
    seen = [asking.mine(world.parts, me, one, world.now) for one in requests]
    looks = [(one.state, one.record_id, one.until, one.answer_by) for one in seen]
    assert looks[0] == looks[1]

    # Only the owner learns that the second leads to somebody; the asker cannot decide, nor can a stranger.
    owner = world.person(COLLEAGUE)
    with pytest.raises(NotFound):
        deciding.see(world.parts, me, requests[1], world.now)
    with pytest.raises(NotFound):
        deciding.see(world.parts, world.person(STRANGER), requests[1], world.now)
    assert len(deciding.see(world.parts, owner, requests[1], world.now).cards) == 1
    until = deciding.grant(world.parts, owner, requests[1], 30, None, world.now)
    granted = asking.mine(world.parts, me, requests[1], world.now)
    assert granted.record_id is not None
    assert granted.until == until

    record = world.view(AGENT, refused.case_id, granted.record_id).subject
    assert (record.rule, shown(record)["name"]) == ("scope.grant", "王*")
    assert world.reveal(AGENT, refused.case_id, granted.record_id, "phone") == customer["phone"]

    cases.close(world.parts, me, refused.case_id, "duplicate", world.now)
    assert nothing_opens(world, AGENT, refused.case_id, granted.record_id)
    assert world.look_up(AGENT, customer["phone"]).cards == ()


def test_access_that_was_granted_ends_at_its_second(world: World) -> None:
    customer = world.customer(owner=COLLEAGUE)
    found = world.look_up(AGENT, customer["phone"])
    request = asking.ask(world.parts, world.person(AGENT), found.case_id, customer["phone"], world.now)
    until = deciding.grant(world.parts, world.person(COLLEAGUE), request, 15, None, world.now)
    record = asking.mine(world.parts, world.person(AGENT), request, world.now).record_id
    assert record is not None
    world.now = until - timedelta(microseconds=1)
    assert world.view(AGENT, found.case_id, record).subject.rule == "scope.grant"
    world.now = until
    assert nothing_opens(world, AGENT, found.case_id, record)


def test_a_call_is_verified_revealed_handed_over_and_filed_and_leaves_no_access_behind(world: World) -> None:
    customer = world.customer()  # of the pool: whoever has the exact number may open a case on them
    found = world.look_up(AGENT, customer["phone"])
    case, record = found.case_id, found.cards[0].record_id

    # Nothing is revealed before the caller has proved who they are, and what they say is never shown.
    with pytest.raises(AccessRefused) as early:
        world.reveal(AGENT, case, record, "phone")
    assert early.value.reason == "caller_not_verified"
    assert not world.check_caller(AGENT, case, record, "id_last4", "0000").match
    world.verify_caller(AGENT, case, record)
    assert world.reveal(AGENT, case, record, "phone") == customer["phone"]

    # The shift ends: the colleague reads the note, accepts, and goes on; the agent keeps nothing.
    outgoing, incoming = world.person(AGENT), world.person(COLLEAGUE)
    handover = handovers.offer(world.parts, outgoing, [case], COLLEAGUE, "十点前回电", world.now)
    assert world.view(AGENT, case, record).subject.record_id == record  # theirs until it is accepted (SH-01)
    handover_reading.sheet(world.parts, incoming, handover, world.now)
    assert handovers.accept(world.parts, incoming, handover, world.now) == 1
    assert nothing_opens(world, AGENT, case, record)
    assert world.view(COLLEAGUE, case, record).subject.record_id == record

    world.now += 5 * MINUTE
    entered = Filing(record, "consultation", "phone", None, "已答复", "resolved", "notice-2024-1", "phone")
    assert not filing.file(world.parts, world.person(COLLEAGUE), case, entered, world.now).late
    for who in (AGENT, COLLEAGUE, SUPERVISOR):
        assert nothing_opens(world, who, case, record)
    assert world.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(0,)]
    assert world.rows("SELECT count(*) FROM cases WHERE closed_at IS NULL") == [(0,)]

    signed = [(one["action"], one["actor"]) for one in world.events() if one["action"].startswith("handover.")]
    assert signed[0] == ("handover.offered", AGENT)
    assert signed[-1] == ("handover.accepted", COLLEAGUE)
    world.settle()
    verdict = world.verify()
    assert verdict is not None
    assert verdict.holds


def test_no_walk_of_the_story_says_a_number_or_a_name(world: World) -> None:
    customer = world.customer(owner=COLLEAGUE, name="欧阳春晓")
    found = world.look_up(AGENT, customer["phone"])
    request = asking.ask(world.parts, world.person(AGENT), found.case_id, customer["phone"], world.now)
    with pytest.raises(VaultError) as refused:
        deciding.grant(world.parts, world.person(COLLEAGUE), request, 7, None, world.now)
    deciding.refuse(world.parts, world.person(COLLEAGUE), request, "no_need", world.now)
    said = f"{refused.value}{world.events()}{world.rows('SELECT * FROM notifications')}"
    assert customer["phone"] not in said
    assert "欧阳" not in said
