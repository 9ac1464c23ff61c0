"""Legal holds: who may place one, what it keeps, when somebody must look again, and what nobody learns by it."""

import dataclasses
import json
import os
from datetime import date, timedelta

import pytest

from tests.colleagues import at_once, notices
from tests.destroying import APPROVER, PROPOSER, fill, ids, old_customer, old_service, old_shipment
from tests.services.staff_at_work import in_use
from tests.simulator import NOW, local
from vault.domain.ids import RecordClass, new_id
from vault.domain.ledger import EntryKind
from vault.domain.records import LinkRole
from vault.errors import AccessRefused, IntegrityError, InvalidValue, NotFound, StepUpNeeded, StorageError
from vault.services import holds, retention
from vault.services.holds import Why
from vault.services.steps.scope import findable
from vault.storage import records

WHY = Why("dispute", "理赔案 LP-2026-17")
TODAY = date(2026, 11, 20)
LATEST = date(2027, 11, 20)


def place(world, record_id, why=WHY, who=PROPOSER):
    return holds.place(world.parts, world.person(who), record_id, why, world.now)


def release(world, hold_id, who=APPROVER, reason="settled"):
    holds.release(world.parts, world.person(who), hold_id, reason, world.now)


def listed(world, who=PROPOSER, **options):
    return holds.listed(world.parts, world.person(who), world.now, **options)


def due(world):
    made = retention.preview(world.parts, world.person(PROPOSER).actor(), world.now)
    return {record_class.value: count for record_class, count in made.numbers.due.items() if count}


def is_held(world, record_id):
    with world.parts.database.read() as connection:
        found = records.load(connection, [record_id])[record_id]
        world.parts.keys.current(connection).keys_of(found.meta.cohort_id).check(found.meta, found.mac)
    return found.meta.held


@pytest.fixture
def old(world):
    """One customer past their time, with officers at work."""
    fill(world, customers=1, shipments=0, services=0)
    return ids(world, "customer")[0]


# -- placing and releasing -----------------------------------------------------------------------------------------


def test_a_held_record_is_not_due_until_it_is_released(world, old):
    assert due(world) == {"customer": 1}
    placed = place(world, old)
    assert (placed.record_class, len(placed.hold_ids)) == (RecordClass.CUSTOMER, 1)
    assert is_held(world, old)
    assert due(world) == {}
    release(world, placed.hold_ids[0])
    assert not is_held(world, old)
    assert due(world) == {"customer": 1}


def test_a_hold_keeps_a_record_and_lets_nobody_find_it_after_its_expiry(world, old):
    place(world, old)
    with world.parts.database.read() as connection:
        found = records.load(connection, [old])[old]
        assert found.meta.held
        assert not findable(connection, world.parts.keys.current(connection), found.meta, world.now)


def test_several_holds_keep_a_record_until_the_last_is_released(world, old):
    first, second = (place(world, old).hold_ids[0] for _ in range(2))
    release(world, first)
    assert is_held(world, old)
    release(world, second)
    assert not is_held(world, old)
    assert [one["facts"]["hold"] for one in world.events("hold.released")] == [first.hex(), second.hex()]


def test_a_record_that_is_not_due_yet_can_be_held(world):
    in_use(world, PROPOSER)
    world.customer()
    (record_id,) = ids(world, "customer")
    place(world, record_id)
    world.now += timedelta(days=900)
    assert due(world) == {}


def test_what_a_held_record_links_to_is_kept_and_nothing_behind_it(world):
    in_use(world, PROPOSER, APPROVER)
    sender, recipient, caller = (old_customer() for _ in range(3))
    world.customers(sender, recipient, caller)
    parcel = old_shipment(sender, recipient)
    world.shipments(parcel)
    world.services(old_service(caller, waybill=parcel["waybill"]))
    assert due(world) == {"service_record": 1, "shipment": 1, "customer": 3}
    (service,), (shipment,) = ids(world, "service_record"), ids(world, "shipment")
    with world.parts.database.read() as connection:
        assert records.load(connection, [service])[service].meta.linked(LinkRole.SHIPMENT) == shipment
    hold = place(world, service).hold_ids[0]
    assert due(world) == {"customer": 2}  # sender and recipient of the parcel: nothing under hold links to them
    release(world, hold)
    place(world, shipment)
    assert due(world) == {"service_record": 1, "customer": 1}


@pytest.mark.parametrize("who", ["KF2001", "KF2009", "KF2014", "KF2011"])
def test_only_information_management_places_and_releases(world, old, who):
    hold = place(world, old).hold_ids[0]
    person = world.person(who)
    for act in (
        lambda: holds.place(world.parts, person, old, WHY, world.now),
        lambda: holds.place_by_number(world.parts, person, "13900000001", WHY, world.now),
        lambda: holds.release(world.parts, person, hold, "settled", world.now),
        lambda: holds.review(world.parts, person, hold, None, world.now),
    ):
        with pytest.raises(AccessRefused) as raised:
            act()
        assert raised.value.reason == "no_right"
    refused = world.events(outcome="refused")
    assert [one["action"] for one in refused] == ["hold.placed", "hold.placed", "hold.released", "hold.reviewed"]
    assert is_held(world, old)


def test_a_program_never_holds_nor_looks(world, old):
    program = dataclasses.replace(world.person(PROPOSER), purposes=frozenset({"query"}))
    for act in (
        lambda: holds.place(world.parts, program, old, WHY, world.now),
        lambda: holds.listed(world.parts, program, world.now),
    ):
        with pytest.raises(AccessRefused):
            act()


def test_releasing_takes_a_fresh_proof_and_placing_none(world, old):
    stale = dataclasses.replace(world.person(PROPOSER), proved_at=world.now - timedelta(hours=1))
    hold = holds.place(world.parts, stale, old, WHY, world.now).hold_ids[0]
    with pytest.raises(StepUpNeeded):
        holds.release(world.parts, stale, hold, "settled", world.now)
    assert is_held(world, old)


@pytest.mark.parametrize("known", [True, False], ids=["released already", "never there"])
def test_a_hold_that_is_not_there_is_not_released_and_the_try_is_logged(world, old, known):
    hold = place(world, old).hold_ids[0] if known else new_id()
    if known:
        release(world, hold)
    with pytest.raises(NotFound) as raised:
        release(world, hold)
    assert raised.value.reason == "hold"
    assert len(world.events("hold.released", "refused")) == 1


def test_of_two_who_release_at_once_one_counts(world, old):
    hold = place(world, old).hold_ids[0]
    acts = [lambda who=who: release(world, hold, who) for who in (PROPOSER, APPROVER)]
    assert at_once(acts) == ["done", "not_found"]
    assert len(world.events("hold.released", "done")) == 1


def test_of_one_placed_while_the_other_is_released_the_record_stays_held(world, old):
    for _ in range(4):
        hold = place(world, old).hold_ids[0]
        acts = [lambda hold=hold: release(world, hold), lambda: place(world, old, who=APPROVER)]
        for code in at_once(acts):
            assert code in ("done", "storage_error")
        living = world.rows("SELECT count(*) FROM holds WHERE released_at IS NULL")[0][0]
        assert is_held(world, old) is (living > 0)
        assert living > 0


# -- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "field", "reason"),
    [
        (Why("curiosity", "x"), "reason", "not_on_list"),
        (Why("", "x"), "reason", "not_on_list"),
        (Why("dispute", ""), "source", "value_missing"),
        (Why("dispute", "  "), "source", "value_missing"),
        (Why("dispute", "x" * 201), "source", "text_too_long"),
        (Why("dispute", "a\x00b"), "source", "control_character"),
        (Why("dispute", "客户13812345678"), "source", "source_holds_number"),
        (Why("dispute", "990101196001010019"), "source", "source_holds_number"),
        (Why("dispute", "YT9900000000001"), "source", "source_holds_number"),
        (Why("dispute", "x", TODAY), "review_on", "review_not_possible"),
        (Why("dispute", "x", TODAY - timedelta(days=1)), "review_on", "review_not_possible"),
        (Why("dispute", "x", LATEST + timedelta(days=1)), "review_on", "review_not_possible"),
    ],
)
def test_what_cannot_be_said_of_a_hold_is_refused_and_repeated_nowhere(world, old, why, field, reason):
    with pytest.raises(InvalidValue) as raised:
        place(world, old, why)
    assert (raised.value.reason, raised.value.facts["field"]) == (reason, field)
    assert not is_held(world, old)
    assert world.count("holds") == 0
    if len(why.source) > 5:
        assert why.source not in str(raised.value) + json.dumps(world.events(), ensure_ascii=False)


@pytest.mark.parametrize("day", [TODAY + timedelta(days=1), LATEST, None])
def test_the_day_of_review_lies_within_the_months_of_the_policy(world, old, day):
    place(world, old, Why("dispute", "x", day))
    assert listed(world)[0].hold.review_on == (day or LATEST)


def test_a_record_that_is_not_there_is_no_record_to_hold(world, old):
    with pytest.raises(NotFound) as raised:
        place(world, new_id())
    assert raised.value.reason == "record_to_hold"
    assert len(world.events("hold.placed", "refused")) == 1
    assert world.rows("SELECT count(*) FROM holds") == [(0,)]


def test_a_destroyed_record_cannot_be_held_and_the_answer_says_so(world, old):
    world.tamper(
        "INSERT INTO tombstones (record_id, record_class, cohort_id, entered_at, expires_at, destroyed_at)"
        " VALUES (:r, 'customer', :r, 1, 1, 1)",
        r=(gone := new_id()),
    )
    with pytest.raises(InvalidValue) as raised:
        place(world, gone)
    assert raised.value.reason == "record_destroyed"


def test_what_people_typed_for_each_other_is_no_record_to_hold(world, old):
    world.tamper("UPDATE records SET record_class = 'request' WHERE record_id = :r", r=old)
    with pytest.raises(NotFound):
        place(world, old)


def test_a_record_edited_behind_the_vaults_back_is_not_held_and_is_reported(world, old):
    world.tamper("UPDATE records SET mac = :m WHERE record_id = :r", m=os.urandom(32), r=old)
    with pytest.raises(IntegrityError):
        place(world, old)
    assert world.count("holds") == 0
    (reported,) = world.events("record.integrity_failure")
    assert reported["records"][0]["id"] == old.hex()


def test_a_mark_taken_off_behind_the_vaults_back_does_not_pass(world, old):
    hold = place(world, old).hold_ids[0]
    world.tamper("UPDATE records SET held = false WHERE record_id = :r", r=old)
    with pytest.raises(IntegrityError):
        release(world, hold)
    assert world.rows("SELECT released_at FROM holds") == [(None,)]


# -- by a number ---------------------------------------------------------------------------------------------------


def by_number(world, typed, who=PROPOSER, why=WHY):
    return holds.place_by_number(world.parts, world.person(who), typed, why, world.now)


def test_an_officer_holds_by_a_number_and_learns_a_count_and_a_class_only(world):
    old = fill(world, customers=2, shipments=1, services=0)
    placed = by_number(world, old.customers[0]["phone"])
    assert (placed.record_class, len(placed.hold_ids)) == (RecordClass.CUSTOMER, 1)
    assert by_number(world, old.shipments[0]["waybill"]).record_class is RecordClass.SHIPMENT
    assert by_number(world, old.customers[1]["id_number"]).record_class is RecordClass.CUSTOMER
    assert sum(is_held(world, one) for one in ids(world, "customer")) == 2
    assert due(world) == {}


def test_a_number_of_the_company_holds_its_record_and_is_kept_nowhere(world):
    old = fill(world, customers=2, shipments=0, services=2)
    customer, service = old.customers[0]["source_number"], old.services[0]["source_number"]
    placed = by_number(world, f" {customer.lower()} ")
    assert (placed.classes, len(placed.hold_ids)) == ((RecordClass.CUSTOMER,), 1)
    assert by_number(world, service).classes == (RecordClass.SERVICE_RECORD,)
    assert sum(is_held(world, one) for one in (*ids(world, "customer"), *ids(world, "service_record"))) == 2
    told = json.dumps(world.events())
    assert customer not in told
    assert service not in told
    with pytest.raises(NotFound):
        by_number(world, "KH-99")
    assert world.events("hold.placed", "miss")[-1]["facts"] == {"identifier": "source_number"}


def test_a_number_of_the_company_that_looks_like_a_passport_is_found_as_both(world):
    in_use(world, PROPOSER)
    world.customers(
        old_customer(source_number="E12345678", phone="13911110001"),
        old_customer(id_type="护照", id_number="E12345678", phone="13911110002"),
    )
    assert len(by_number(world, "E12345678").hold_ids) == 2


def test_every_record_of_a_shared_number_is_held(world):
    in_use(world, PROPOSER)
    world.customers(*(old_customer(phone="13911112222") for _ in range(3)))
    assert len(by_number(world, "139 1111 2222").hold_ids) == 3
    assert all(is_held(world, one) for one in ids(world, "customer"))


def test_too_many_records_of_one_number_are_not_held_at_all(world):
    in_use(world, PROPOSER)
    world.customers(*(old_customer(phone="13911112222") for _ in range(holds.MOST_RECORDS + 1)))
    with pytest.raises(InvalidValue) as raised:
        by_number(world, "13911112222")
    assert raised.value.reason == "too_many_to_hold"
    assert world.count("holds") == 0


def test_a_number_nobody_has_is_a_miss_in_the_log_and_no_number_is_in_it(world, old):
    with pytest.raises(NotFound) as raised:
        by_number(world, "13999999999")
    assert raised.value.reason == "number_to_hold"
    (event,) = world.events("hold.placed")
    assert (event["outcome"], event["facts"]) == ("miss", {"identifier": "phone"})
    assert "13999999999" not in json.dumps(world.events())
    with pytest.raises(InvalidValue):
        by_number(world, "no number at all")


def test_searches_by_number_have_a_limit(world, old):
    most = world.parts.policy.limits.searches_hour
    for _ in range(most):
        with pytest.raises(NotFound):
            by_number(world, "13999999999")
    with pytest.raises(AccessRefused) as raised:
        by_number(world, "13999999999")
    assert raised.value.reason == "quota_searches"


# -- reading, reviewing, nagging -----------------------------------------------------------------------------------


def test_the_list_says_who_why_by_which_document_and_until_when(world, old):
    place(world, old, Why("litigation", "(2026)苏0106民初123号", date(2027, 3, 1)))
    (one,) = listed(world, "KF2014")
    assert (one.officer, one.hold.reason, one.source) == (PROPOSER, "litigation", "(2026)苏0106民初123号")
    assert (one.hold.record_id, one.hold.review_on, one.is_overdue) == (old, date(2027, 3, 1), False)
    assert world.events("retention.viewed")[-1]["actor"] == "KF2014"
    stored = world.rows("SELECT sealed_source FROM holds")[0][0]
    assert "民初".encode() not in bytes(stored)


def test_the_list_goes_on_after_a_page_and_leaves_released_ones_out(world):
    fill(world, customers=5, shipments=0, services=0)
    placed = [place(world, one).hold_ids[0] for one in ids(world, "customer")]
    release(world, placed[2])
    seen, after = [], None
    while page := listed(world, limit=2, after=after):
        seen += [one.hold.hold_id for one in page]
        after = page[-1].hold.review_on, page[-1].hold.hold_id
    assert sorted(seen) == sorted({*placed} - {placed[2]})


def test_a_review_gives_another_day_and_is_logged(world, old):
    hold = place(world, old, Why("dispute", "x", TODAY + timedelta(days=3))).hold_ids[0]
    assert holds.review(world.parts, world.person(APPROVER), hold, None, world.now) == LATEST
    assert listed(world)[0].hold.review_on == LATEST
    assert world.events("hold.reviewed")[0]["facts"] == {"hold": hold.hex()}
    with pytest.raises(InvalidValue):
        holds.review(world.parts, world.person(APPROVER), hold, TODAY, world.now)
    release(world, hold)
    with pytest.raises(NotFound):
        holds.review(world.parts, world.person(APPROVER), hold, None, world.now)


def test_forgotten_holds_are_told_once_before_and_every_day_after_their_review(world, old):
    place(world, old, Why("dispute", "x", TODAY + timedelta(days=20)))
    told = []
    for day in range(24):
        at = NOW + timedelta(days=day)
        holds.nag(world.parts, at)
        holds.nag(world.parts, at + timedelta(hours=1))
        told.append((len(notices(world, "hold_review")), len(notices(world, "hold_overdue"))))
    nag_days = world.parts.policy.destruction.hold_nag_days
    assert told[: 20 - nag_days] == [(0, 0)] * (20 - nag_days)
    assert told[20 - nag_days : 21] == [(1, 0)] * (nag_days + 1)
    assert told[21:] == [(1, 1), (1, 2), (1, 3)]
    assert set(notices(world, "hold_overdue")) == {PROPOSER}


def test_who_can_act_is_told_where_the_officer_of_a_hold_is_gone(world, old):
    place(world, old, Why("dispute", "x", TODAY + timedelta(days=1)))
    world.tamper("UPDATE accounts SET state = 'left' WHERE work_number = :n", n=PROPOSER)
    holds.nag(world.parts, world.now)
    assert notices(world, "hold_review") == [APPROVER]


def test_a_released_hold_is_nobodys_worry(world, old):
    release(world, place(world, old, Why("dispute", "x", TODAY + timedelta(days=1))).hold_ids[0])
    assert holds.nag(world.parts, world.now + timedelta(days=9)) == 0


# -- what is left behind -------------------------------------------------------------------------------------------


def test_the_ledger_knows_each_hold_and_its_release(world, old):
    hold = place(world, old).hold_ids[0]
    release(world, hold)
    kinds = (EntryKind.HOLD_PLACED, EntryKind.HOLD_RELEASED)
    entries = [one for one in world.parts.ledger.entries() if one.kind in kinds]
    assert [(one.kind, one.about, one.ids) for one in entries] == [(kind, hold, (old,)) for kind in kinds]


def test_a_hold_is_not_placed_when_the_ledger_cannot_be_written(world, old):
    ledger = world.parts.ledger.copies[0]
    ledger.rename(ledger.with_name("aside"))
    ledger.mkdir()
    with pytest.raises(StorageError) as raised:
        place(world, old)
    assert raised.value.reason.startswith("ledger")
    ledger.rmdir()
    ledger.with_name("aside").rename(ledger)
    assert not is_held(world, old)
    assert world.count("holds") == 0


def test_a_later_file_finds_a_held_record_as_it_left_it(world):
    in_use(world, PROPOSER)
    row = old_customer()
    world.customers(row)
    (record_id,) = ids(world, "customer")
    place(world, record_id)
    report = world.load_rows("customer", [row | {"name": "赵明"}])
    assert (report.updated, report.conflicts) == (1, [])
    assert is_held(world, record_id)
    world.load_rows("customer", [row | {"last_activity_at": local(NOW - timedelta(days=1))}])
    assert is_held(world, record_id)


def test_events_of_holds_name_ids_and_words_only(world, old):
    hold = place(world, old).hold_ids[0]
    (event,) = world.events("hold.placed")
    assert event["facts"] == {"hold": hold.hex(), "reason": "dispute"}
    assert event["records"] == [{"class": "customer", "fields": [], "id": old.hex()}]
    assert event["purpose"] == "retention"
    assert WHY.source not in json.dumps(world.events(), ensure_ascii=False)
