"""A look-up from the typed identifier to the revealed field, for every role, on a real vault with a set clock."""

import re
import statistics
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event as sql_event

from tests.simulator import NOW, complaint_row, customer_row, local, service_row, shipment_row, shown
from vault.domain.ids import RecordClass
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services import lookup
from vault.services.steps.beat import ABSENT_BEAT_SECONDS
from vault.services.steps.cards import OTHER_PARTY_RULE

AGENT, COLLEAGUE = "KF2001", "KF2002"
SPECIALIST = "KF2008"
NJ_SUPERVISOR, XM_SUPERVISOR = "KF2009", "KF2010"


@contextmanager
def counted(world):
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("PRAGMA"):  # tells how long it may wait
            statements.append(re.sub(r"\(\?[?,]*\)", "(list)", " ".join(statement.split())))

    sql_event.listen(world.parts.database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sql_event.remove(world.parts.database.engine, "before_cursor_execute", note)


def absent(answer):
    return answer.cards == () and not answer.choose


# -- an agent finds a pool customer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["13912340001", "+86 139-1234-0001", "0086 139 1234 0001", "１３９ １２３４ ０００１"]
)
def test_an_agent_finds_a_pool_customer_by_a_phone_in_every_spelling(world, typed):
    world.customer(phone="139 1234 0001")
    (card,) = world.look_up(AGENT, typed).cards
    assert (card.part, card.rule, card.record_class) == ("match", "scope.pool_case", RecordClass.CUSTOMER)
    assert shown(card)["name"] == "王*"
    assert shown(card)["phone"] == "139********"


def test_an_agent_finds_a_pool_customer_by_id_number_and_sees_none_of_it(world):
    row = world.customer()
    (card,) = world.look_up(AGENT, row["id_number"].lower()).cards
    assert shown(card)["id_number"] == "••••••••"
    assert shown(card)["sender_address"] == "江苏省南京市鼓楼区***"


def test_an_agent_finds_a_pool_customer_by_the_other_contact(world):
    row = world.customer(other_contact="0592-3940580")
    (card,) = world.look_up(AGENT, "0592 3940580").cards
    assert shown(card)["other_contact"] == "0592-********"
    assert row["phone"] not in str(card)


def test_an_agent_finds_a_shipment_by_waybill_with_both_parties_of_the_pool(world):
    sender, recipient = customer_row(name="欧阳小明"), customer_row(name="李雷")
    world.customers(sender, recipient)
    row = world.shipment(sender, recipient)
    cards = world.look_up(AGENT, row["waybill"].lower()).cards
    by_part = {card.part: card for card in cards}
    assert [cards[0].part, *sorted(by_part)] == ["match", "match", "recipient", "sender"]
    assert shown(by_part["match"])["signed_by"] == "李*"
    assert shown(by_part["sender"])["name"] == "欧阳*"
    assert "id_number" not in shown(by_part["sender"])
    assert shown(by_part["recipient"])["recipient_address"] == "福建省厦门市思明区***"


def test_who_signed_for_a_colleagues_customer_is_masked_and_cannot_be_revealed(world):
    sender, recipient = customer_row(name="欧阳小明"), customer_row(name="李雷", owner=COLLEAGUE)
    world.customers(sender, recipient)
    row = world.shipment(sender, recipient)
    answer = world.look_up(AGENT, row["waybill"])
    match = answer.cards[0]
    signed = next(one for one in match.values if one.field == "signed_by")
    assert (signed.text, signed.revealable) == ("李*", False)
    sender_id = next(card.record_id for card in answer.cards if card.part == "sender")
    world.verify_caller(AGENT, answer.case_id, sender_id)
    with pytest.raises(AccessRefused) as refused:
        world.reveal(AGENT, answer.case_id, match.record_id, "signed_by")
    assert refused.value.reason == "field_not_revealed"
    assert world.reveal(AGENT, answer.case_id, match.record_id, "waybill") == row["waybill"]


def test_a_number_that_very_many_share_lists_a_choice_and_not_all_of_them(world):
    world.customers(*[customer_row(phone="13900001111") for _ in range(lookup.MOST_CHOICES + 3)])
    answer = world.look_up(AGENT, "13900001111")
    assert answer.choose
    assert len(answer.cards) == lookup.MOST_CHOICES


def test_nothing_but_the_whole_number_finds_anything(world):
    row = world.customer()
    other_phone = row["phone"][:-1] + str((int(row["phone"][-1]) + 1) % 10)
    assert absent(world.look_up(AGENT, other_phone))
    for typed in (row["name"], "%", "139*", "", row["phone"][:-1] + "*"):
        with pytest.raises(InvalidValue):
            world.look_up(AGENT, typed)
    assert len(world.events("record.lookup")) == 1
    for typed in (row["phone"] + "1", row["id_number"][:-1]):
        with suppress(InvalidValue):
            assert absent(world.look_up(AGENT, typed))


def test_a_source_number_of_the_company_finds_nothing(world):
    row = world.customer(source_number="13900000000")
    assert absent(world.look_up(AGENT, "13900000000"))
    assert world.look_up(AGENT, row["phone"]).cards


def test_a_look_up_opens_a_case_and_a_reveal_within_it_shows_one_field(world):
    row = world.customer()
    answer = world.look_up(AGENT, row["phone"], "pickup")
    record_id = answer.cards[0].record_id
    (first,) = world.events("record.lookup")
    world.verify_caller(AGENT, answer.case_id, record_id)
    assert world.reveal(AGENT, answer.case_id, record_id, "phone") == row["phone"]
    assert world.reveal(AGENT, answer.case_id, record_id, "id_number") == row["id_number"]
    second, third = world.events()[-2:]
    assert [one["action"] for one in (first, second, third)] == ["record.lookup", "record.reveal", "record.reveal"]
    assert {one["purpose"] for one in (first, second, third)} == {"pickup"}
    assert {one["case"] for one in (first, second, third)} == {answer.case_id.hex()}
    assert second["records"] == [{"class": "customer", "fields": ["phone"], "id": record_id.hex()}]
    assert third["records"][0]["fields"] == ["id_number"]
    assert first["rule"] == second["rule"] == "scope.pool_case"


def test_the_event_of_a_look_up_says_which_fields_were_opened_and_holds_no_value(world):
    row = world.customer()
    world.look_up(AGENT, row["phone"])
    event = world.events("record.lookup")[-1]
    assert event["actor"] == AGENT
    assert event["facts"] == {"identifier": "phone"}
    assert {"name", "phone", "sender_address"} <= set(event["records"][0]["fields"])
    assert not any(value in str(event) for name, value in row.items() if value and name != "outlet")


def test_the_purpose_and_the_opener_of_a_case_are_stored_and_nothing_typed(world):
    row = world.customer()
    answer = world.look_up(AGENT, row["phone"], "pickup")
    person = world.person(AGENT)
    case_id, purpose, opened_by, _, closed_at, held_by = world.rows("SELECT * FROM cases")[0]
    assert (case_id, purpose, closed_at) == (answer.case_id, "pickup", None)
    assert (opened_by, held_by) == (person.account_id, person.account_id)
    assert world.rows("SELECT record_id FROM case_records") == [(answer.cards[0].record_id,)]


# -- not yours is not there --------------------------------------------------------------------------------------


def the_same_but_for_outcome(world, refused, missed):
    names = ("id", "at", "case", "outcome", "session")
    plain = [{key: value for key, value in one.items() if key not in names} for one in (refused, missed)]
    return plain[0] == plain[1] and (refused["outcome"], missed["outcome"]) == ("refused", "miss")


def test_a_colleagues_customer_looks_absent_to_the_statement(world):
    row = world.customer(owner=COLLEAGUE)
    world.look_up(AGENT, row["phone"])  # warm: what is cached is cached for both
    with counted(world) as for_refusal:
        refusal = world.look_up(AGENT, row["phone"])
    with counted(world) as for_miss:
        miss = world.look_up(AGENT, "13999999999")
    assert absent(refusal)
    assert absent(miss)
    assert (refusal.purpose, refusal.kind) == (miss.purpose, miss.kind)
    assert for_refusal == for_miss
    assert the_same_but_for_outcome(world, *world.events("record.lookup")[-2:])
    assert world.events("record.lookup")[-1]["records"] == []
    assert world.rows("SELECT count(*) FROM case_records") == [(0,)]


def test_a_shipment_of_a_colleagues_customers_looks_absent_to_the_statement(world):
    parties = [customer_row(owner=COLLEAGUE), customer_row(owner=COLLEAGUE)]
    world.customers(*parties)
    row = world.shipment(*parties)
    world.look_up(AGENT, row["waybill"])
    with counted(world) as for_refusal:
        assert absent(world.look_up(AGENT, row["waybill"]))
    with counted(world) as for_miss:
        assert absent(world.look_up(AGENT, "YT9999999999999"))
    assert for_refusal == for_miss
    assert the_same_but_for_outcome(world, *world.events("record.lookup")[-2:])


def test_how_long_an_answer_takes_does_not_tell_a_refusal_from_a_miss(sqlite_world):
    row = sqlite_world.customer(owner=COLLEAGUE)
    person = sqlite_world.person(AGENT)

    def took(typed):
        began = time.perf_counter()
        assert absent(lookup.look_up(sqlite_world.parts, person, typed, "query", NOW))
        return time.perf_counter() - began

    took(row["phone"])
    pairs = [(took(row["phone"]), took("13999999999")) for _ in range(12)]
    refusals, misses = zip(*pairs, strict=True)
    assert min(refusals + misses) >= ABSENT_BEAT_SECONDS
    # What is left beside the beat is the machine's own noise, the same for both.
    off_the_beat = [taken % ABSENT_BEAT_SECONDS for taken in refusals + misses]
    assert statistics.median(off_the_beat) < ABSENT_BEAT_SECONDS / 2
    assert max(min(refusals), min(misses)) < min(max(refusals), max(misses))


def test_the_owner_finds_their_own_customer_and_nobody_else_among_the_agents_does(world):
    row = world.customer(owner=AGENT)
    assert world.look_up(AGENT, row["phone"]).cards[0].rule == "scope.owner"
    for other in (COLLEAGUE, "KF2003", "KF2005"):
        assert absent(world.look_up(other, row["phone"]))


def test_a_pool_customer_of_another_outlet_is_found_by_any_agent(world):
    row = world.customer(outlet="CS-YL-01")
    assert world.look_up(AGENT, row["phone"]).cards


def test_the_other_party_of_a_shipment_shows_surname_and_city_and_cannot_be_revealed(world):
    mine, theirs = customer_row(owner=AGENT), customer_row(name="欧阳小明", owner=COLLEAGUE)
    world.customers(mine, theirs)
    row = world.shipment(mine, theirs)
    answer = world.look_up(AGENT, row["waybill"])
    by_part = {card.part: card for card in answer.cards}
    other = by_part["recipient"]
    assert shown(other) == {"name": "欧阳*", "recipient_address": "厦门市"}
    assert other.rule == OTHER_PARTY_RULE
    assert not any(one.revealable for one in other.values)
    opened = {one["id"]: one["fields"] for one in world.events("record.lookup")[-1]["records"]}
    assert opened[other.record_id.hex()] == ["name", "recipient_address"]
    for field in ("name", "phone", "recipient_address"):
        with pytest.raises(NotFound):
            world.reveal(AGENT, answer.case_id, other.record_id, field)
    with pytest.raises(NotFound):
        world.view(AGENT, answer.case_id, other.record_id)
    assert absent(world.look_up(AGENT, theirs["phone"]))
    assert world.reveal(AGENT, answer.case_id, by_part["sender"].record_id, "phone") == mine["phone"]


def test_who_is_sender_and_recipient_at_once_is_one_card(world):
    row = world.customer()
    shipment = world.shipment(row, row)
    parts = [card.part for card in world.look_up(AGENT, shipment["waybill"]).cards]
    assert parts[0] == "match"
    assert len(parts) == 2


# -- the complaint specialist ------------------------------------------------------------------------------------


def test_a_complaint_specialist_sees_exactly_the_customers_of_open_complaints_passed_to_them(world):
    open_one, closed_one, consulted, of_another, pool = rows = [customer_row() for _ in range(5)]
    world.customers(*rows)
    world.services(
        complaint_row(open_one),
        complaint_row(closed_one, result="已解决"),
        service_row(consulted, agent=SPECIALIST, result="处理中"),
        complaint_row(of_another, agent=AGENT),
    )
    answer = world.look_up(SPECIALIST, open_one["phone"], "complaint")
    assert answer.cards[0].rule == "scope.open_complaint"
    for row in (closed_one, consulted, of_another, pool):
        assert absent(world.look_up(SPECIALIST, row["phone"], "complaint"))


def test_a_complaint_specialist_loses_the_customer_when_the_complaint_closes(world):
    row = world.customer(owner=COLLEAGUE)
    complaint = complaint_row(row)
    world.services(complaint)
    answer = world.look_up(SPECIALIST, row["phone"], "complaint")
    record_id = answer.cards[0].record_id
    assert world.reveal(SPECIALIST, answer.case_id, record_id, "phone") == row["phone"]
    assert world.load_rows("service_record", [complaint | {"result": "已解决"}]).updated == 1
    assert absent(world.look_up(SPECIALIST, row["phone"], "complaint"))
    with pytest.raises(NotFound):
        world.reveal(SPECIALIST, answer.case_id, record_id, "phone")
    with pytest.raises(NotFound):
        world.view(SPECIALIST, answer.case_id, record_id)


def test_a_complaint_specialist_may_not_reveal_the_id_number(world):
    row = world.customer()
    world.services(complaint_row(row))
    answer = world.look_up(SPECIALIST, row["phone"], "complaint")
    with pytest.raises(AccessRefused) as refused:
        world.reveal(SPECIALIST, answer.case_id, answer.cards[0].record_id, "id_number")
    assert refused.value.reason == "field_not_revealed"
    assert world.events("record.reveal", "refused")[-1]["rule"] == "field_not_revealed"


# -- supervisors -------------------------------------------------------------------------------------------------


def test_a_supervisor_sees_their_team_across_outlets_and_the_pool_of_their_outlet(world):
    team_elsewhere = customer_row(owner="KF2003", outlet="XM-SM-01")
    other_team_here = customer_row(owner="KF2005", outlet="NJ-GL-01")
    pool_here, pool_elsewhere = customer_row(), customer_row(outlet="XM-SM-01")
    world.customers(team_elsewhere, other_team_here, pool_here, pool_elsewhere)
    assert world.look_up(NJ_SUPERVISOR, team_elsewhere["phone"]).cards[0].rule == "scope.team"
    assert world.look_up(NJ_SUPERVISOR, pool_here["phone"]).cards[0].rule == "scope.outlet_pool"
    assert absent(world.look_up(NJ_SUPERVISOR, other_team_here["phone"]))
    assert absent(world.look_up(NJ_SUPERVISOR, pool_elsewhere["phone"]))
    assert world.look_up(XM_SUPERVISOR, other_team_here["phone"]).cards[0].rule == "scope.team"


def test_an_agent_whose_team_nobody_supervises_falls_to_the_supervisor_of_the_outlet(world):
    row = world.customer(owner="KF2004", outlet="CS-YL-01")
    assert world.look_up(XM_SUPERVISOR, row["phone"]).cards[0].rule == "scope.outlet_without_team_supervisor"
    assert absent(world.look_up(NJ_SUPERVISOR, row["phone"]))


def test_an_agent_without_any_team_falls_to_the_outlet_even_when_a_supervisor_has_no_team_either(world):
    lone, boss = {"outlet": "CS-YL-01", "team": ""}, {"outlet": "NJ-GL-01", "team": ""}
    world.load_rows("staff", [
        {"work_number": "KF9001", "name": "甲乙", "role": "agent"} | lone,
        {"work_number": "KF9002", "name": "甲丙", "role": "supervisor"} | boss,
        {"work_number": "KF9003", "name": "甲丁", "role": "supervisor"} | boss | {"outlet": "CS-YL-01"},
    ])  # fmt: skip
    row = world.customer(owner="KF9001")
    assert absent(world.look_up("KF9002", row["phone"]))
    assert world.look_up("KF9003", row["phone"]).cards[0].rule == "scope.outlet_without_team_supervisor"


@pytest.mark.parametrize("work_number", ["KF2011", "KF2012", "KF2014", "ADMIN01"])
def test_other_roles_see_nothing_and_the_refusal_is_logged(world, work_number):
    row = world.customer()
    answer = world.look_up(AGENT, row["phone"])
    for walk in (
        lambda: world.look_up(work_number, row["phone"]),
        lambda: world.look_up(work_number, "13999999999"),
    ):
        with pytest.raises(AccessRefused) as refused:
            walk()
        assert refused.value.reason == "no_right"
        last = world.events()[-1]
        assert (last["actor"], last["outcome"], last["rule"], last["records"]) == (
            work_number,
            "refused",
            "no_right",
            [],
        )
    with pytest.raises(NotFound):
        world.reveal(work_number, answer.case_id, answer.cards[0].record_id, "phone")


# -- retention ---------------------------------------------------------------------------------------------------


def expiry_of(world, row):
    record_id = world.look_up(AGENT, row["phone"]).cards[0].record_id
    (micros,) = world.rows("SELECT expires_at FROM records WHERE record_id = :id", id=record_id)[0]
    return record_id, datetime.fromtimestamp(micros / 1_000_000, tz=NOW.tzinfo)


def test_an_expired_customer_is_restricted_from_that_very_second(world):
    row = world.customer(last_activity_at="2024-12-03 10:00:00")
    answer = world.look_up(AGENT, row["phone"])
    record_id, expiry = expiry_of(world, row)
    assert local(expiry) == "2026-12-04 00:00:00"
    world.now = expiry - timedelta(microseconds=1)
    assert world.look_up(AGENT, row["phone"]).cards
    world.verify_caller(AGENT, answer.case_id, record_id)
    assert world.reveal(AGENT, answer.case_id, record_id, "phone") == row["phone"]
    for world.now in (expiry, expiry + timedelta(seconds=1)):
        assert absent(world.look_up(AGENT, row["phone"]))
        assert absent(world.look_up(AGENT, row["id_number"]))
        assert world.events("record.lookup")[-1]["records"] == []
        with pytest.raises(NotFound):
            world.reveal(AGENT, answer.case_id, record_id, "phone")
        with pytest.raises(NotFound):
            world.view(AGENT, answer.case_id, record_id)


def test_a_record_past_its_retention_is_restricted_from_its_import_on(world):
    row = world.customer(last_activity_at="2024-01-03 10:00:00")
    assert absent(world.look_up(AGENT, row["phone"]))
    assert world.count("records") == 1
    (end_on,) = world.rows("SELECT end_on FROM cohorts JOIN records USING (cohort_id)")[0]
    assert str(end_on) == "2026-11-30"


def test_an_expired_customer_with_an_open_service_is_found(world):
    row = customer_row(last_activity_at="2024-01-03 10:00:00")
    world.customers(row)
    # A service that lies as far back as the customer does not move the expiry: only its being open holds.
    old = {"started_at": "2024-01-02 10:00:00", "ended_at": "2024-01-02 10:20:00", "entered_at": "2024-01-02 10:21:00"}
    service = service_row(row, result="处理中", **old)
    world.services(service)
    assert world.look_up(AGENT, row["phone"]).cards
    world.load_rows("service_record", [service | {"result": "已解决"}])
    assert absent(world.look_up(AGENT, row["phone"]))


def test_a_shipment_that_moved_later_moves_the_expiry_of_both_parties(world):
    rows = [customer_row(last_activity_at="2024-01-03 10:00:00") for _ in range(2)]
    world.customers(*rows)
    world.shipment(
        *rows, pickup_at="2025-06-01 10:00:00", transit_at="", delivery_at="", signed_at="2025-06-03 10:00:00"
    )
    for row in rows:
        assert local(expiry_of(world, row)[1]) == "2027-06-04 00:00:00"


def test_looking_and_revealing_do_not_move_the_expiry(world):
    row = world.customer()
    record_id, expiry = expiry_of(world, row)
    world.now = expiry - timedelta(days=1)
    answer = world.look_up(AGENT, row["phone"])
    world.verify_caller(AGENT, answer.case_id, record_id)
    world.reveal(AGENT, answer.case_id, record_id, "phone")
    assert expiry_of(world, row)[1] == expiry


def test_a_shipment_whose_parties_are_restricted_is_not_found(world):
    rows = [customer_row() for _ in range(2)]
    world.customers(*rows)
    row = world.shipment(*rows)
    assert len(world.look_up(AGENT, row["waybill"]).cards) == 3
    world.now = NOW + timedelta(days=800)
    assert absent(world.look_up(AGENT, row["waybill"]))


# -- purposes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "rule", "logged"),
    [
        ("advertising", "purpose_forbidden", "advertising"),
        ("third_party_sale", "purpose_forbidden", "third_party_sale"),
        ("retention", "purpose_not_yours", "retention"),
        ("import", "purpose_not_yours", "import"),
        ("", "purpose_not_yours", ""),
        ("王小明 13912340001", "purpose_not_yours", ""),
    ],
)
def test_a_purpose_that_is_not_theirs_is_refused_by_name_and_logged_before_anything_is_sought(
    world, purpose, rule, logged
):
    row = world.customer()
    with counted(world) as statements, pytest.raises(AccessRefused) as refused:
        lookup.look_up(world.parts, world.person(AGENT), row["phone"], purpose, NOW)
    assert refused.value.reason == rule
    assert not any("record_index" in one for one in statements)
    last = world.events("record.lookup")[-1]
    assert (last["action"], last["outcome"], last["rule"], last["purpose"]) == (
        "record.lookup",
        "refused",
        rule,
        logged,
    )
    assert world.count("cases") == 0


# -- cases -------------------------------------------------------------------------------------------------------


def test_a_case_is_continued_and_gathers_what_was_found_in_it(world):
    first, second = customer_row(), customer_row()
    world.customers(first, second)
    answer = world.look_up(AGENT, first["phone"])
    again = world.look_up(AGENT, second["phone"], case_id=answer.case_id)
    assert again.case_id == answer.case_id
    assert world.count("cases") == 1
    assert world.count("case_records") == 2
    third = world.look_up(AGENT, first["phone"], case_id=answer.case_id)
    assert third.cards[0].record_id == answer.cards[0].record_id
    assert world.count("case_records") == 2
    for card in (answer.cards[0], again.cards[0]):
        assert world.view(AGENT, answer.case_id, card.record_id).subject.record_id == card.record_id


def test_a_case_of_somebody_else_of_another_purpose_or_of_nobody_is_not_there(world):
    row = world.customer()
    case_id = world.look_up(AGENT, row["phone"]).case_id
    for who, purpose, case in (
        (COLLEAGUE, "query", case_id),
        (AGENT, "delivery", case_id),
        (AGENT, "query", b"\0" * 16),
    ):
        with pytest.raises(NotFound) as refused:
            world.look_up(who, row["phone"], purpose, case_id=case)
        assert str(refused.value) == "not_found: case"


def test_a_closed_case_is_not_continued(world):
    row = world.customer()
    answer = world.look_up(AGENT, row["phone"])
    world.tamper("UPDATE cases SET closed_at = opened_at")
    for walk in (
        lambda: world.look_up(AGENT, row["phone"], case_id=answer.case_id),
        lambda: world.view(AGENT, answer.case_id, answer.cards[0].record_id),
        lambda: world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone"),
    ):
        with pytest.raises(NotFound):
            walk()


def test_a_case_does_not_reach_a_pool_customer_it_was_not_opened_on(world):
    first, second = customer_row(), customer_row()
    world.customers(first, second)
    answer = world.look_up(AGENT, first["phone"])
    other = world.look_up(COLLEAGUE, second["phone"]).cards[0].record_id
    for walk in (world.view, lambda *args: world.reveal(*args, "phone")):
        with pytest.raises(NotFound):
            walk(AGENT, answer.case_id, other)


def test_several_customers_with_one_phone_are_to_choose_from_and_the_case_binds_the_chosen_one(world):
    rows = [customer_row(phone="13912340001", name="王小明"), customer_row(phone="13912340001", name="欧阳雷")]
    world.customers(*rows, customer_row(phone="13912340001", owner=COLLEAGUE))
    answer = world.look_up(AGENT, "13912340001")
    assert answer.choose
    assert sorted(shown(card)["name"] for card in answer.cards) == ["欧阳*", "王*"]
    assert world.count("case_records") == 0
    wanted = next(card.record_id for card in answer.cards if shown(card)["name"] == "王*")
    with pytest.raises(NotFound):
        world.reveal(AGENT, answer.case_id, wanted, "phone")
    chosen = world.look_up(AGENT, "13912340001", case_id=answer.case_id, chosen=wanted)
    assert not chosen.choose
    assert [card.record_id for card in chosen.cards] == [wanted]
    assert world.rows("SELECT case_id, record_id FROM case_records") == [(answer.case_id, wanted)]
    world.verify_caller(AGENT, answer.case_id, wanted)
    assert world.reveal(AGENT, answer.case_id, wanted, "name") == "王小明"


def test_a_choice_that_is_not_among_the_found_is_a_miss(world):
    world.customers(customer_row(phone="13912340001"), customer_row(phone="13912340001"))
    other = world.look_up(COLLEAGUE, world.customer()["phone"]).cards[0].record_id
    assert absent(world.look_up(AGENT, "13912340001", chosen=other))
    assert absent(world.look_up(AGENT, "13912340001", chosen=b"\0" * 16))


def test_a_party_of_a_shipment_is_no_choice_and_a_miss_announces_and_binds_nothing(world):
    row = world.shipment(world.customer(), world.customer(owner=COLLEAGUE))
    cards = {card.part: card for card in world.look_up(AGENT, row["waybill"]).cards}
    bound = world.count("case_records")
    for part in ("sender", "recipient"):
        assert absent(world.look_up(AGENT, row["waybill"], chosen=cards[part].record_id))
        assert world.events("record.lookup", "refused")[-1]["records"] == []
    assert world.count("case_records") == bound


# -- seeing a record again ---------------------------------------------------------------------------------------


def test_a_customers_page_lists_their_shipments_and_services(world):
    mine, theirs = customer_row(owner=AGENT), customer_row(owner=COLLEAGUE)
    world.customers(mine, theirs)
    sent, received = shipment_row(mine, theirs), shipment_row(theirs, mine)
    world.shipments(sent, received)
    world.services(service_row(mine, waybill=sent["waybill"]))
    answer = world.look_up(AGENT, mine["phone"])
    page = world.view(AGENT, answer.case_id, answer.cards[0].record_id)
    assert page.subject.record_id == answer.cards[0].record_id
    assert sorted(card.record_class for card in page.related) == ["service_record", "shipment", "shipment"]
    text = str(page)
    assert not any(value in text for value in (mine["phone"], theirs["phone"], sent["waybill"], "询问包裹"))


def test_the_page_of_a_shipment_shows_the_other_party_no_more_than_the_look_up_did(world):
    mine, theirs = customer_row(owner=AGENT), customer_row(owner=COLLEAGUE)
    world.customers(mine, theirs)
    row = world.shipment(mine, theirs)
    answer = world.look_up(AGENT, row["waybill"])
    page = world.view(AGENT, answer.case_id, answer.cards[0].record_id)
    (other,) = [card for card in page.related if card.rule == OTHER_PARTY_RULE]
    assert shown(other) == {"name": "王*", "recipient_address": "厦门市"}
    opened = {one["id"]: one["fields"] for one in world.events("record.view")[-1]["records"]}
    assert opened[other.record_id.hex()] == ["name", "recipient_address"]


def test_a_service_that_names_a_strangers_shipment_does_not_show_that_shipment(world):
    mine, one, two = customer_row(owner=AGENT), customer_row(owner=COLLEAGUE), customer_row(owner=COLLEAGUE)
    world.customers(mine, one, two)
    strangers = world.shipment(one, two)
    world.services(service_row(mine, waybill=strangers["waybill"]))
    assert absent(world.look_up(AGENT, strangers["waybill"]))
    answer = world.look_up(AGENT, mine["phone"])
    page = world.view(AGENT, answer.case_id, answer.cards[0].record_id)
    (service,) = page.related
    service_page = world.view(AGENT, answer.case_id, service.record_id)
    assert [card.record_class for card in service_page.related] == [RecordClass.CUSTOMER]


def test_an_owner_that_changed_since_the_look_up_takes_effect_at_once(world):
    row = world.customer()
    answer = world.look_up(AGENT, row["phone"])
    world.load_rows("customer", [row | {"owner": COLLEAGUE}])
    with pytest.raises(NotFound):
        world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")


@pytest.mark.parametrize("action", ["view", "reveal"])
def test_what_is_not_theirs_within_a_case_is_logged_like_what_is_not_there(world, action):
    mine, theirs = customer_row(owner=AGENT), customer_row(owner=COLLEAGUE)
    world.customers(mine, theirs)
    case_id = world.look_up(AGENT, mine["phone"]).case_id
    other = world.look_up(COLLEAGUE, theirs["phone"]).cards[0].record_id
    said = []
    for record_id in (other, b"\1" * 16):
        with pytest.raises(NotFound) as refused:
            world.view(AGENT, case_id, record_id) if action == "view" else world.reveal(
                AGENT, case_id, record_id, "name"
            )
        said.append(str(refused.value))
    assert said[0] == said[1] == "not_found: record"
    first, second = world.events(f"record.{action}")[-2:]
    assert (first["outcome"], second["outcome"]) == ("refused", "miss")
    assert the_same_but_for_outcome(world, first, second)
