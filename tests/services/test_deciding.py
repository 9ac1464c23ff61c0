"""Deciding on a request: only who may decide learns what exists, one decision counts, and it ends in time."""

from datetime import timedelta

import pytest

from tests.colleagues import (
    ABSENT,
    AGENT,
    NJ_SUPERVISOR,
    OWNER,
    XM_SUPERVISOR,
    ask,
    at_once,
    at_work,
    grant,
    mine,
    notices,
    refuse,
    see,
)
from tests.simulator import NOW, customer_row, shipment_row, shown
from vault.domain.requests import RequestState
from vault.errors import AlreadyDecided, IntegrityError, InvalidValue, LogUnavailable, NotFound
from vault.services import cases, deciding
from vault.services.steps.cards import OTHER_PARTY_RULE
from vault.storage import cases as stored_cases
from vault.storage import grants as stored_grants
from vault.storage.unit_of_work import unit_of_work

TICK = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def _at_work(world):
    at_work(world)


@pytest.fixture
def row(world):
    return world.customer(owner=OWNER)


def waiting(world, who):
    return [one.request.request_id for one in deciding.waiting(world.parts, world.person(who), world.now)]


def record_of(world, request_id, who=AGENT):
    found = mine(world, request_id, who)
    return found.case_id, found.record_id


# -- the list ----------------------------------------------------------------------------------------------------


def test_those_who_were_asked_find_the_request_in_their_list_and_nobody_else_does(world, row):
    request_id = ask(world, row["phone"])
    for who in (OWNER, NJ_SUPERVISOR):
        (one,) = deciding.waiting(world.parts, world.person(who), world.now)
        assert (one.request.request_id, one.work_number, one.outlet) == (request_id, AGENT, "NJ-GL-01")
        assert (one.request.purpose, one.request.kind) == ("query", "phone")
    for who in (AGENT, XM_SUPERVISOR, "KF2003"):
        assert waiting(world, who) == []


def test_listing_opens_nothing(world, row):
    ask(world, row["phone"])
    before = len(world.events())
    waiting(world, OWNER)
    assert len(world.events()) == before


def test_a_request_leaves_the_list_when_decided_when_over_and_when_its_case_is_closed(world, row):
    decided, late, closed = (ask(world, row["phone"]) for _ in range(3))
    assert set(waiting(world, OWNER)) == {decided, late, closed}
    refuse(world, OWNER, decided)
    cases.close(world.parts, world.person(AGENT), mine(world, closed).case_id, "duplicate", world.now)
    assert waiting(world, OWNER) == waiting(world, NJ_SUPERVISOR) == [late]
    world.now = NOW + timedelta(hours=12)
    assert waiting(world, OWNER) == []


# -- seeing what it leads to -------------------------------------------------------------------------------------


def test_who_decides_sees_the_masked_card_and_can_reveal_nothing_on_it(world, row):
    found = see(world, OWNER, ask(world, row["phone"]))
    (card,) = found.cards
    assert (shown(card)["name"], card.rule) == ("王*", "decide.owner")
    assert found.number == f"{row['phone'][:3]}********"
    assert not found.choose
    assert not any(one.revealable for one in card.values)
    assert row["phone"] not in str(found)
    (of_supervisor,) = see(world, NJ_SUPERVISOR, ask(world, row["phone"])).cards
    assert of_supervisor.rule == "decide.supervisor"


def test_only_who_decides_learns_that_there_is_no_such_record(world):
    request_id = ask(world, ABSENT)
    found = see(world, NJ_SUPERVISOR, request_id)
    assert found.cards == ()
    with pytest.raises(InvalidValue) as nothing:
        grant(world, NJ_SUPERVISOR, request_id)
    assert nothing.value.reason == "no_such_record"
    refuse(world, NJ_SUPERVISOR, request_id, "not_there")
    assert mine(world, request_id).state is RequestState.REFUSED


def test_seeing_a_request_is_logged_with_what_was_opened_before_it_was(world, row):
    request_id = ask(world, row["phone"])
    see(world, OWNER, request_id)
    identifier, card = world.events("access.request_viewed")
    assert identifier["records"] == [{"class": "request", "fields": ["identifier"], "id": request_id.hex()}]
    assert card["records"][0]["class"] == "customer"
    assert {"name", "phone"} <= set(card["records"][0]["fields"])
    assert (card["actor"], card["rule"], card["purpose"]) == (OWNER, "decide.owner", "query")
    assert {one["facts"]["request"] for one in (identifier, card)} == {request_id.hex()}
    assert not any(value in str(world.events()) for name, value in row.items() if value and name in ("name", "phone"))


def test_without_the_log_nothing_of_a_request_is_opened(world, row, monkeypatch):
    request_id = ask(world, row["phone"])

    def fail(*_):
        raise LogUnavailable("log_not_written")

    monkeypatch.setattr(type(world.parts.log_writer), "write", fail)
    with pytest.raises(LogUnavailable):
        see(world, OWNER, request_id)
    with pytest.raises(LogUnavailable):
        grant(world, OWNER, request_id)
    assert world.count("grants") == 0


def test_the_owner_of_one_party_sees_the_shipment_their_customer_and_the_other_partys_surname(world):
    sender, recipient = customer_row(owner=OWNER), customer_row(owner="KF2005", name="欧阳小明")
    world.customers(sender, recipient)
    world.shipments(shipment := shipment_row(sender, recipient))
    request_id = ask(world, shipment["waybill"])
    cards = {one.part: one for one in see(world, OWNER, request_id).cards}
    assert {part: one.rule for part, one in cards.items()} == {
        "match": "decide.owner",
        "sender": "decide.owner",
        "recipient": OTHER_PARTY_RULE,
    }
    assert shown(cards["recipient"]) == {"name": "欧阳*", "recipient_address": "厦门市"}
    of_other = {one.part: one.rule for one in see(world, "KF2005", request_id).cards}
    assert of_other == {"match": "decide.owner", "sender": OTHER_PARTY_RULE, "recipient": "decide.owner"}


@pytest.mark.parametrize("who", [AGENT, XM_SUPERVISOR, "KF2003", "KF2008", "KF2014", "ADMIN01"])
def test_who_was_not_asked_finds_nothing_and_that_is_logged(world, row, who):
    request_id = ask(world, row["phone"])
    for act in (see, grant, refuse):
        for some_id in (request_id, b"\1" * 16):
            with pytest.raises(NotFound):
                act(world, who, some_id)
    outcomes = [one["outcome"] for one in world.events("access.request_viewed")]
    assert outcomes == ["refused", "miss"] * 3
    assert mine(world, request_id).state is RequestState.ASKED


def test_the_id_of_another_record_is_no_request(world, row):
    ask(world, row["phone"])
    ((customer,),) = world.rows("SELECT record_id FROM records WHERE record_class = 'customer'")
    with pytest.raises(NotFound):
        see(world, OWNER, customer)


# -- authority is of the moment ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE accounts SET role = 'complaint_specialist' WHERE work_number = 'KF2002'",
        "UPDATE accounts SET state = 'suspended' WHERE work_number = 'KF2002'",
        "UPDATE accounts SET kind = 'service' WHERE work_number = 'KF2002'",
    ],
)
def test_who_may_not_decide_any_more_finds_nothing(world, row, change):
    request_id = ask(world, row["phone"])
    world.tamper(change)
    for act in (see, grant, refuse):
        with pytest.raises(NotFound):
            act(world, OWNER, request_id)
    assert world.events("access.request_viewed", "refused")
    grant(world, NJ_SUPERVISOR, request_id)


def test_the_owner_of_before_does_not_decide(world, row):
    request_id = ask(world, row["phone"])
    assert world.load_rows("customer", [row | {"owner": "KF2005"}]).updated == 1
    with pytest.raises(NotFound):
        grant(world, OWNER, request_id)
    with pytest.raises(NotFound):  # supervises the team of the owner of before
        grant(world, NJ_SUPERVISOR, request_id)


def test_an_account_of_the_same_human_does_not_decide(world, row):
    request_id = ask(world, row["phone"])
    with world.parts.database.read() as connection:
        store = world.parts.keys.current(connection)
    ((account_id,),) = world.rows("SELECT account_id FROM accounts WHERE work_number = :n", n=OWNER)
    named = store.seal_person(account_id, "name", "窦　然可")  # as the asker's, written in another way
    world.tamper("UPDATE accounts SET sealed_name = :s WHERE work_number = :n", s=named, n=OWNER)
    for act in (see, grant, refuse):
        with pytest.raises(NotFound):
            act(world, OWNER, request_id)
    assert world.count("grants") == 0


def test_who_holds_the_case_by_now_does_not_decide(world, row):
    request_id = ask(world, row["phone"])
    with unit_of_work(world.parts.database) as work:
        me, them = world.person(AGENT).account_id, world.person(OWNER).account_id
        assert stored_cases.move(work.connection, mine(world, request_id).case_id, me, them)
        work.commit()
    assert waiting(world, OWNER) == []
    with pytest.raises(NotFound):
        grant(world, OWNER, request_id)
    until = grant(world, NJ_SUPERVISOR, request_id)
    assert mine(world, request_id, OWNER).until == until  # the request went with its case
    with pytest.raises(NotFound):
        mine(world, request_id, AGENT)


# -- granting ----------------------------------------------------------------------------------------------------


def test_a_grant_opens_the_record_to_its_asker_until_the_very_moment_it_ends(world, row):
    request_id = ask(world, row["phone"])
    assert grant(world, OWNER, request_id, 15) == NOW + timedelta(minutes=15)
    stands = mine(world, request_id)
    assert (stands.state, stands.until) == (RequestState.GRANTED, NOW + timedelta(minutes=15))
    answer = world.view(AGENT, stands.case_id, stands.record_id)
    assert (answer.subject.rule, answer.until) == ("scope.grant", stands.until)
    assert world.reveal(AGENT, stands.case_id, stands.record_id, "phone") == row["phone"]
    world.now = stands.until - TICK
    assert world.view(AGENT, stands.case_id, stands.record_id)
    assert world.look_up(AGENT, row["phone"], case_id=stands.case_id).cards
    world.now = stands.until
    with pytest.raises(NotFound):
        world.view(AGENT, stands.case_id, stands.record_id)
    with pytest.raises(NotFound):
        world.reveal(AGENT, stands.case_id, stands.record_id, "phone")
    assert world.look_up(AGENT, row["phone"]).cards == ()
    over = mine(world, request_id)
    assert (over.state, over.record_id, over.until) == (RequestState.GRANTED, None, None)


def test_a_grant_is_for_its_asker_and_its_purpose_alone(world, row):
    grant(world, OWNER, ask(world, row["phone"]))
    assert world.look_up(AGENT, row["phone"]).cards
    assert world.look_up(AGENT, row["phone"], "delivery").cards == ()
    assert world.look_up("KF2003", row["phone"]).cards == ()


def test_a_grant_is_logged_with_who_may_see_whom_for_how_long(world, row):
    request_id = ask(world, row["phone"])
    grant(world, OWNER, request_id, 60)
    (event,) = world.events("access.granted")
    ((grant_id, record_id),) = world.rows("SELECT grant_id, record_id FROM grants")
    assert event["facts"] == {
        "account": AGENT,
        "grant": grant_id.hex(),
        "minutes": 60,
        "request": request_id.hex(),
    }
    assert (event["actor"], event["rule"], event["outcome"]) == (OWNER, "decide.owner", "granted")
    assert event["records"] == [{"class": "customer", "fields": [], "id": record_id.hex()}]
    assert notices(world, "access_granted") == [AGENT]


def test_granting_a_waybill_opens_the_shipment_and_the_customers_of_who_granted(world):
    sender, recipient = customer_row(owner=OWNER), customer_row(owner="KF2005", name="欧阳小明")
    world.customers(sender, recipient)
    world.shipments(shipment := shipment_row(sender, recipient))
    request_id = ask(world, shipment["waybill"])
    grant(world, OWNER, request_id)
    assert world.count("grants") == 1
    answer = world.view(AGENT, *record_of(world, request_id))
    assert answer.subject.record_class == "shipment"
    by_part = {one.part: one for one in answer.related}
    assert shown(by_part["sender"])["name"] == "王*"
    assert by_part["recipient"].rule == OTHER_PARTY_RULE
    assert world.look_up(AGENT, recipient["phone"]).cards == ()


def test_a_supervisor_of_both_owners_grants_both_parties(world):
    sender, recipient = customer_row(owner=OWNER), customer_row(owner="KF2007")  # both of team T1
    world.customers(sender, recipient)
    world.shipments(shipment := shipment_row(sender, recipient))
    grant(world, NJ_SUPERVISOR, ask(world, shipment["waybill"]))
    assert len(world.events("access.granted")) == world.count("grants") == 2
    for one in (sender, recipient):
        assert world.look_up(AGENT, one["phone"]).cards


def test_of_several_customers_with_one_number_exactly_the_chosen_one_is_granted(world):
    first, second, third = (customer_row(phone="13900001111", owner=who) for who in (OWNER, OWNER, "KF2005"))
    world.customers(first, second, third)
    request_id = ask(world, "13900001111")
    found = see(world, OWNER, request_id)
    assert found.choose
    ids = [one.record_id for one in found.cards]
    assert len(ids) == 2
    others = {row[0] for row in world.rows("SELECT record_id FROM records WHERE record_class = 'customer'")} - {*ids}
    with pytest.raises(InvalidValue) as unchosen:
        grant(world, OWNER, request_id)
    assert unchosen.value.reason == "choose_one"
    for wrong in (others.pop(), b"\2" * 16, request_id):
        with pytest.raises(NotFound):
            grant(world, OWNER, request_id, chosen=wrong)
    grant(world, OWNER, request_id, chosen=ids[1])
    assert world.rows("SELECT record_id FROM grants") == [(ids[1],)]
    assert record_of(world, request_id)[1] == ids[1]
    assert [one.record_id for one in world.look_up(AGENT, "13900001111").cards] == [ids[1]]


@pytest.mark.parametrize("minutes", [0, -30, 31, 10**9])
def test_only_the_times_of_the_policy_are_granted(world, row, minutes):
    request_id = ask(world, row["phone"])
    with pytest.raises(InvalidValue):
        grant(world, OWNER, request_id, minutes)
    assert mine(world, request_id).state is RequestState.ASKED


def test_a_record_that_does_not_hold_the_number_is_not_granted(world, row):
    other = world.customer(owner=OWNER)
    request_id = ask(world, row["phone"])
    ids = {values["phone", 0]: record_id for record_id, values in world.opened().items() if ("phone", 0) in values}
    world.tamper("DELETE FROM record_index WHERE record_id = :r AND kind = 'phone'", r=ids[other["phone"]])
    world.tamper(
        "UPDATE record_index SET record_id = :other WHERE record_id = :r AND kind = 'phone'",
        r=ids[row["phone"]],
        other=ids[other["phone"]],
    )
    for act in (see, grant):
        with pytest.raises(IntegrityError):
            act(world, OWNER, request_id)
    assert world.count("grants") == 0
    assert world.events("record.integrity_failure")


# -- refusing ----------------------------------------------------------------------------------------------------


def test_a_refusal_tells_its_asker_neither_why_nor_by_whom(world, row):
    found, absent = ask(world, row["phone"]), ask(world, ABSENT)
    refuse(world, OWNER, found, "owner_will_call")
    refuse(world, NJ_SUPERVISOR, absent, "not_there")
    told = [mine(world, one) for one in (found, absent)]
    assert {(one.state, one.record_id, one.until, one.answer_by) for one in told} == {
        (RequestState.REFUSED, None, None, NOW + timedelta(hours=12))
    }
    assert notices(world, "access_refused") == [AGENT] * 2
    events = world.events("access.refused")
    assert [one["facts"]["reason"] for one in events] == ["owner_will_call", "not_there"]
    assert world.look_up(AGENT, row["phone"]).cards == ()


def test_only_a_reason_of_the_policy_refuses(world, row):
    request_id = ask(world, row["phone"])
    for reason in ("", "because", "not there"):
        with pytest.raises(InvalidValue):
            refuse(world, OWNER, request_id, reason)
    assert mine(world, request_id).state is RequestState.ASKED


# -- once --------------------------------------------------------------------------------------------------------


def test_of_many_who_decide_at_once_one_counts(world, row):
    request_id = ask(world, row["phone"])
    acts = [lambda who=who: grant(world, who, request_id) for who in (OWNER, NJ_SUPERVISOR)] * 3
    acts += [lambda: refuse(world, NJ_SUPERVISOR, request_id)] * 2
    assert at_once(acts) == ["already_decided"] * 7 + ["done"]
    assert world.count("grants") == len(world.events("access.granted"))
    assert world.count("grants") + len(world.events("access.refused")) == 1


def test_what_is_decided_stays_decided(world, row):
    request_id = ask(world, row["phone"])
    refuse(world, OWNER, request_id)
    for act in (see, grant, refuse):
        with pytest.raises(AlreadyDecided):
            act(world, NJ_SUPERVISOR, request_id)
    assert mine(world, request_id).state is RequestState.REFUSED


def test_a_request_can_be_answered_until_its_very_last_moment(world, row):
    first, second = ask(world, row["phone"]), ask(world, row["phone"])
    world.now = NOW + timedelta(hours=12) - TICK
    grant(world, OWNER, first)
    world.now = NOW + timedelta(hours=12)
    for act in (see, grant, refuse):
        with pytest.raises(AlreadyDecided):
            act(world, OWNER, second)


def test_a_request_whose_case_is_closed_is_over(world, row):
    request_id = ask(world, row["phone"])
    cases.close(world.parts, world.person(AGENT), mine(world, request_id).case_id, "caller_gone", world.now)
    for act in (see, grant, refuse):
        with pytest.raises(AlreadyDecided):
            act(world, OWNER, request_id)
    assert world.count("grants") == 0


def test_a_case_that_is_closed_while_it_is_granted_leaves_no_access_behind(world, row):
    for _ in range(4):
        request_id = ask(world, row["phone"])
        case_id = mine(world, request_id).case_id

        def close(case_id=case_id):
            cases.close(world.parts, world.person(AGENT), case_id, "caller_gone", world.now)

        done = at_once([close, lambda request_id=request_id: grant(world, OWNER, request_id)])
        assert done in (["done", "done"], ["already_decided", "done"])
        assert world.look_up(AGENT, row["phone"]).cards == ()


def test_closing_the_case_ends_what_was_granted_in_it(world, row):
    request_id = ask(world, row["phone"])
    grant(world, OWNER, request_id)
    case_id, record_id = record_of(world, request_id)
    other_case = world.look_up(AGENT, row["phone"]).case_id
    cases.close(world.parts, world.person(AGENT), case_id, "caller_gone", world.now)
    for case in (case_id, other_case):
        with pytest.raises(NotFound):
            world.view(AGENT, case, record_id)
    assert mine(world, request_id).record_id is None


def test_a_grant_moves_with_its_case(world, row):
    request_id = ask(world, row["phone"])
    grant(world, OWNER, request_id)
    case_id, record_id = record_of(world, request_id)
    with unit_of_work(world.parts.database) as work:
        me, them = (world.person(who).account_id for who in (AGENT, "KF2003"))
        stored_cases.move(work.connection, case_id, me, them)
        stored_grants.move_with_case(work.connection, case_id, them)
        work.commit()
    assert world.view("KF2003", case_id, record_id).subject.rule == "scope.grant"
    assert world.look_up(AGENT, row["phone"]).cards == ()
    assert mine(world, request_id, "KF2003").record_id == record_id
