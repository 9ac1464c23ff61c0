"""Sharing a customer with one colleague: a link for a purpose and a time, which opens for them alone."""

from datetime import timedelta

import pytest

from tests.colleagues import AGENT, NJ_SUPERVISOR, OWNER, XM_SUPERVISOR, ask, at_once, at_work, grant, mine, notices
from tests.simulator import NOW, customer_row, shipment_row
from vault.domain.ids import new_id
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services import cases, granted, sharing

GIVER, RECEIVER = OWNER, AGENT
TICK = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _at_work(world):
    at_work(world)


@pytest.fixture
def row(world):
    return world.customer(owner=GIVER)


def seen(world, typed, who=GIVER, purpose="query"):
    answer = world.look_up(who, typed, purpose)
    return answer.case_id, answer.cards[0].record_id


def share(world, place, to=RECEIVER, purpose="delivery", hours=8, who=GIVER):
    return sharing.share(world.parts, world.person(who), *place, to, purpose, hours, world.now)


def take_up(world, grant_id, who=RECEIVER):
    return sharing.take_up(world.parts, world.person(who), grant_id, world.now)


def test_the_link_opens_a_case_of_its_purpose_and_the_record_for_its_receiver(world, row):
    grant_id = share(world, seen(world, row["phone"]))
    assert world.look_up(RECEIVER, row["phone"], "delivery").cards == ()  # not before it is taken up
    offer = sharing.offered(world.parts, world.person(RECEIVER), grant_id, world.now)
    assert (offer.work_number, offer.grant.purpose) == (GIVER, "delivery")
    taken = take_up(world, grant_id)
    answer = world.view(RECEIVER, taken.case_id, taken.record_id)
    assert (answer.case.purpose, answer.subject.rule) == ("delivery", "scope.grant")
    assert answer.until == NOW + timedelta(hours=8)
    assert world.reveal(RECEIVER, taken.case_id, taken.record_id, "phone") == row["phone"]
    assert world.look_up(RECEIVER, row["phone"], "query").cards == ()


def test_sharing_and_opening_are_logged_and_the_receiver_is_told_without_data(world, row):
    place = seen(world, row["phone"])
    grant_id = share(world, place)
    take_up(world, grant_id)
    (shared,), (opened,) = world.events("access.shared"), world.events("access.share_opened")
    assert shared["facts"] == {"account": RECEIVER, "grant": grant_id.hex(), "hours": 8}
    assert (shared["actor"], shared["purpose"], shared["rule"]) == (GIVER, "delivery", "scope.owner")
    assert (opened["actor"], opened["facts"]) == (RECEIVER, {"grant": grant_id.hex()})
    for event in (shared, opened):
        assert event["records"] == [{"class": "customer", "fields": [], "id": place[1].hex()}]
    assert notices(world, "access_shared") == [RECEIVER]


def test_taking_up_again_and_many_times_at_once_goes_on_in_the_same_case(world, row):
    grant_id = share(world, seen(world, row["phone"]))
    before = world.count("cases")
    assert at_once([lambda: take_up(world, grant_id)] * 5) == ["done"] * 5
    assert world.count("cases") == before + 1
    assert take_up(world, grant_id) == take_up(world, grant_id)
    assert len(world.events("access.share_opened", "done")) == 1


@pytest.mark.parametrize("who", [GIVER, "KF2003", NJ_SUPERVISOR, "KF2014"])
def test_the_link_opens_for_nobody_else(world, row, who):
    grant_id = share(world, seen(world, row["phone"]))
    for some_id in (grant_id, new_id()):
        with pytest.raises(NotFound):
            take_up(world, some_id, who)
    assert [one["outcome"] for one in world.events("access.share_opened")] == ["refused", "miss"]


def test_a_share_ends_to_the_moment_taken_up_or_not(world, row):
    place = seen(world, row["phone"])
    taken_up, left = share(world, place), share(world, place)
    taken = take_up(world, taken_up)
    world.now = NOW + timedelta(hours=8) - TICK
    assert world.view(RECEIVER, taken.case_id, taken.record_id)
    world.now = NOW + timedelta(hours=8)
    with pytest.raises(NotFound):
        world.view(RECEIVER, taken.case_id, taken.record_id)
    for one in (taken_up, left):
        with pytest.raises(NotFound):
            take_up(world, one)


def test_a_share_ends_with_the_case_it_opened_and_not_with_the_givers(world, row):
    place = seen(world, row["phone"])
    grant_id = share(world, place)
    cases.close(world.parts, world.person(GIVER), place[0], "duplicate", world.now)
    taken = take_up(world, grant_id)
    cases.close(world.parts, world.person(RECEIVER), taken.case_id, "duplicate", world.now)
    with pytest.raises(NotFound):
        take_up(world, grant_id)
    assert world.look_up(RECEIVER, row["phone"], "delivery").cards == ()


@pytest.mark.parametrize("is_taken_up", [True, False])
def test_a_revoked_share_opens_nothing(world, row, is_taken_up):
    grant_id = share(world, seen(world, row["phone"]))
    if is_taken_up:
        take_up(world, grant_id)
    (listed,) = granted.listed(world.parts, world.person(GIVER), world.now).given
    assert (listed.grant.grant_id, listed.work_number) == (grant_id, RECEIVER)
    granted.revoke(world.parts, world.person(GIVER), grant_id, world.now)
    with pytest.raises(NotFound):
        take_up(world, grant_id)
    assert world.look_up(RECEIVER, row["phone"], "delivery").cards == ()


def test_the_receiver_lists_what_was_shared_with_them(world, row):
    grant_id = share(world, seen(world, row["phone"]))
    (one,) = granted.listed(world.parts, world.person(RECEIVER), world.now).shared_with_me
    assert (one.grant.grant_id, one.work_number) == (grant_id, GIVER)
    assert granted.listed(world.parts, world.person("KF2003"), world.now).shared_with_me == ()


# -- what cannot be shared, and with whom not --------------------------------------------------------------------


def test_a_pool_customer_is_not_shared(world):
    pool = world.customer()
    for who in (GIVER, NJ_SUPERVISOR):
        with pytest.raises(AccessRefused) as refused:
            share(world, seen(world, pool["phone"], who), who=who, to="KF2003")
        assert refused.value.reason == "not_to_share"
    assert [one["rule"] for one in world.events("access.shared", "refused")] == ["not_to_share"] * 2


def test_what_was_granted_is_not_shared_on(world, row):
    request_id = ask(world, row["phone"])
    grant(world, OWNER, request_id)
    stands = mine(world, request_id)
    with pytest.raises(AccessRefused):
        share(world, (stands.case_id, stands.record_id), to="KF2003", who=AGENT)


def test_a_shipment_is_not_shared(world):
    parties = [customer_row(owner=GIVER), customer_row(owner=GIVER)]
    world.customers(*parties)
    world.shipments(shipment := shipment_row(*parties))
    with pytest.raises(AccessRefused):
        share(world, seen(world, shipment["waybill"]))


def test_a_supervisor_shares_a_customer_of_the_team(world, row):
    grant_id = share(world, seen(world, row["phone"], NJ_SUPERVISOR), to="KF2003", who=NJ_SUPERVISOR)
    taken = take_up(world, grant_id, "KF2003")
    assert world.view("KF2003", taken.case_id, taken.record_id).subject.rule == "scope.grant"


def test_neither_a_colleagues_customer_nor_from_anothers_case(world, row):
    place = seen(world, row["phone"])
    elsewhere = world.look_up("KF2003", row["phone"]).case_id
    for case_id in (place[0], elsewhere):
        with pytest.raises(NotFound):
            share(world, (case_id, place[1]), to="KF2005", who="KF2003")
    assert world.count("grants") == 0


def test_a_specialist_may_not_share(world, row):
    place = seen(world, row["phone"])
    world.tamper("UPDATE accounts SET role = 'complaint_specialist' WHERE work_number = :n", n=GIVER)
    with pytest.raises(AccessRefused) as refused:
        share(world, place)
    assert refused.value.reason == "no_right"
    assert world.events("access.shared", "refused")[-1]["rule"] == "no_right"


@pytest.mark.parametrize("to", [GIVER, "kf2002", "KF2011", "KF2012", "KF2014", "ADMIN01", "KF0000", "", "窦然可"])
def test_not_with_oneself_nor_with_who_looks_up_nobody(world, row, to):
    with pytest.raises(InvalidValue) as refused:
        share(world, seen(world, row["phone"]), to)
    assert refused.value.reason == "no_such_colleague"
    assert world.count("grants") == 0


@pytest.mark.parametrize("change", ["state = 'suspended'", "state = 'left'", "state = 'invited'", "kind = 'service'"])
def test_not_with_who_is_not_at_work_nor_with_a_program(world, row, change):
    world.tamper(f"UPDATE accounts SET {change} WHERE work_number = 'KF2001'")
    with pytest.raises(InvalidValue):
        share(world, seen(world, row["phone"]))


def test_not_with_another_account_of_the_same_human(world, row):
    world.staff({"work_number": "KF9001", "name": "魏 海", "role": "agent", "outlet": "XM-SM-01", "team": "T9"})
    at_work(world, "KF9001")
    with pytest.raises(InvalidValue):
        share(world, seen(world, row["phone"]), "KF9001")


def test_a_work_number_is_taken_in_every_spelling(world, row):
    share(world, seen(world, row["phone"]), " kf2001 ")
    assert notices(world, "access_shared") == [AGENT]


@pytest.mark.parametrize(
    ("purpose", "hours"), [("advertising", 8), ("import", 8), ("", 8), ("delivery", 0), ("delivery", 9), ("query", -8)]
)
def test_only_for_a_purpose_of_the_colleague_and_a_time_of_the_policy(world, row, purpose, hours):
    with pytest.raises(InvalidValue):
        share(world, seen(world, row["phone"]), purpose=purpose, hours=hours)
    with pytest.raises(InvalidValue):
        share(world, seen(world, row["phone"]), "KF2008", "pickup")  # a specialist picks nothing up
    assert world.count("grants") == 0


def test_a_receiver_whose_role_has_changed_takes_nothing_up(world, row):
    grant_id = share(world, seen(world, row["phone"]))
    world.tamper("UPDATE accounts SET role = 'complaint_specialist' WHERE work_number = :n", n=RECEIVER)
    with pytest.raises(AccessRefused):
        take_up(world, grant_id)
    assert world.rows("SELECT case_id FROM grants") == [(None,)]


def test_nobody_of_another_outlets_team_revokes_a_share(world, row):
    grant_id = share(world, seen(world, row["phone"]))
    with pytest.raises(NotFound):
        granted.revoke(world.parts, world.person(XM_SUPERVISOR), grant_id, world.now)
