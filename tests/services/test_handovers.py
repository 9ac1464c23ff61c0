"""Hand-overs: two signatures, cases and grants that move together, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.simulator import NOW, World, staff_row
from vault.domain.ids import new_id
from vault.errors import AccessRefused, IntegrityError, InvalidValue, NotFound, VaultError
from vault.services import cases, handover_reading, handovers
from vault.storage import grants
from vault.storage.unit_of_work import unit_of_work

GIVER, TAKER, ELSEWHERE, SPECIALIST, SUPERVISOR, AUDITOR = "KF2001", "KF2002", "KF2003", "KF2008", "KF2009", "KF2014"
NOTE = "张先生的包裹明早九点前回电13912345678"


def offer(world: World, case_ids: list[bytes], to: str = TAKER, note: str = NOTE, who: str = GIVER) -> bytes:
    return handovers.offer(world.parts, world.person(who), case_ids, to, note, world.now)


def sheet(world: World, handover: bytes, who: str = TAKER) -> handover_reading.HandoverSheet:
    return handover_reading.sheet(world.parts, world.person(who), handover, world.now)


def accept(world: World, handover: bytes, who: str = TAKER) -> int:
    return handovers.accept(world.parts, world.person(who), handover, world.now)


def a_case(world: World, who: str = GIVER, **customer: str) -> tuple[bytes, bytes]:
    """Open a case on a new customer; return it and the customer."""
    answer = world.look_up(who, world.customer(**customer)["phone"])
    return answer.case_id, answer.cards[0].record_id


def a_grant(world: World, kind: str, account: str, record: bytes, case: bytes, granted_by: str = SUPERVISOR) -> bytes:
    values = {
        "grant_id": new_id(),
        "kind": kind,
        "account_id": world.person(account).account_id,
        "record_id": record,
        "case_id": case,
        "request_id": None,
        "purpose": "query",
        "granted_by": world.person(granted_by).account_id,
        "granted_at": world.now,
        "expires_at": world.now + timedelta(minutes=30),
        "ended_at": None,
    }
    with unit_of_work(world.parts.database) as work:
        grants.add(work.connection, values)
        work.commit()
    return bytes(values["grant_id"])


def notices(world: World, who: str) -> list[str]:
    rows = world.rows(
        "SELECT kind FROM notifications WHERE account_id = :who ORDER BY at", who=world.person(who).account_id
    )
    return [row[0] for row in rows]


def holder(world: World, case: bytes) -> bytes:
    return bytes(world.rows("SELECT held_by FROM cases WHERE case_id = :case", case=case)[0][0])


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do things at the same time; return what each gave or raised."""
    gate, results = threading.Barrier(len(acts)), []

    def run(act: Callable[[], Any]) -> None:
        gate.wait()
        try:
            results.append(act())
        except VaultError as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_case_stays_with_the_outgoing_person_until_it_is_accepted_and_then_leaves_nothing_behind(
    world: World,
) -> None:
    case, customer = a_case(world)
    handover = offer(world, [case])
    assert world.view(GIVER, case, customer)
    with pytest.raises(NotFound):
        world.view(TAKER, case, customer)
    assert sheet(world, handover).note.disclose() == NOTE
    assert accept(world, handover) == 1
    assert world.view(TAKER, case, customer)
    with pytest.raises(NotFound):
        world.view(GIVER, case, customer)
    with pytest.raises(NotFound):
        cases.close(world.parts, world.person(GIVER), case, "caller_gone", world.now)


def test_both_signatures_are_events_that_hold_nothing_of_the_note(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    world.now += timedelta(minutes=1)
    sheet(world, handover)
    accept(world, handover)
    (offered,), (accepted,) = world.events("handover.offered"), world.events("handover.accepted")
    assert (offered["actor"], offered["facts"]) == (
        GIVER,
        {"account": TAKER, "cases": 1, "handover": handover.hex()},
    )
    assert (accepted["actor"], accepted["facts"]) == (
        TAKER,
        {"account": GIVER, "cases": 1, "handover": handover.hex()},
    )
    (moved,) = world.events("case.moved")
    assert (moved["case"], moved["facts"]) == (case.hex(), {"account": TAKER, "handover": handover.hex()})
    assert "张先生" not in str(world.events())
    shown = handover_reading.sheet(world.parts, world.person(GIVER), handover, world.now).handover
    assert (shown.offered_at, shown.decided_at, shown.state) == (NOW, NOW + timedelta(minutes=1), "accepted")


def test_a_hand_over_to_who_granted_in_the_case_ends_the_grant_and_keeps_those_of_others(world: World) -> None:
    case, _ = a_case(world)
    own, other = (a_case(world, "KF2004", owner="KF2004")[1] for _ in range(2))
    a_grant(world, "asked", GIVER, own, case, granted_by=TAKER)
    kept = a_grant(world, "asked", GIVER, other, case)
    handover = offer(world, [case])
    sheet(world, handover)
    accept(world, handover)
    assert world.rows("SELECT grant_id FROM grants WHERE ended_at IS NULL") == [(kept,)]
    with pytest.raises(NotFound):
        world.view(TAKER, case, own)
    assert world.view(TAKER, case, other)
    (moved,) = world.events("case.moved")
    assert moved["facts"] == {"account": TAKER, "ended": 1, "handover": handover.hex()}


def test_the_note_is_sealed_and_opened_only_after_an_event_that_announces_it(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    assert not world.rows(
        "SELECT 1 FROM record_fields WHERE field = 'note' AND sealed LIKE :note", note=b"%" + NOTE[:3].encode() + b"%"
    )
    sheet(world, handover)
    (event,) = world.events("handover.viewed", "granted")
    assert event["records"] == [{"class": "request", "fields": ["note"], "id": handover.hex()}]


def test_nobody_but_the_two_sees_a_hand_over_and_every_try_is_logged(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    for who in (ELSEWHERE, SUPERVISOR, AUDITOR):
        with pytest.raises(NotFound):
            sheet(world, handover, who)
    with pytest.raises(NotFound):
        sheet(world, new_id())
    assert len(world.events("handover.viewed", "refused")) == 4
    tries: list[tuple[Callable[[], Any], str]] = [
        (lambda: accept(world, handover, ELSEWHERE), "handover.accepted"),
        (lambda: accept(world, handover, GIVER), "handover.accepted"),
        (lambda: handovers.refuse(world.parts, world.person(GIVER), handover, "too_many", NOW), "handover.refused"),
        (lambda: handovers.withdraw(world.parts, world.person(TAKER), handover, NOW), "handover.withdrawn"),
    ]
    for number, (act, _) in enumerate(tries):
        with pytest.raises(NotFound):
            act()
        assert sum(len(world.events(name, "refused")) for name in {name for _, name in tries}) == number + 1
    assert handover_reading.sheet(world.parts, world.person(TAKER), handover, NOW).handover.is_open


def test_who_has_not_read_the_note_cannot_accept(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    sheet(world, handover, GIVER)  # the outgoing person's reading is not the incoming one's
    with pytest.raises(InvalidValue) as refused:
        accept(world, handover)
    assert refused.value.reason == "note_not_read"
    assert holder(world, case) == world.person(GIVER).account_id


def test_what_cannot_be_offered_is_refused_and_stores_nothing(world: World) -> None:
    case, _ = a_case(world)
    strange, _ = a_case(world, TAKER)
    closed, _ = a_case(world)
    cases.close(world.parts, world.person(GIVER), closed, "caller_gone", world.now)
    for bad in ([strange], [closed], [case, strange], [new_id()]):
        with pytest.raises(NotFound):
            offer(world, bad)
    assert len(world.events("handover.offered", "refused")) == 4
    most = world.parts.policy.handovers.most_note
    for given, reason in (
        ({"case_ids": []}, "no_case_chosen"),
        ({"note": "  "}, "value_missing"),
        ({"note": "长" * (most + 1)}, "text_too_long"),
        ({"note": "a\0b"}, "control_character"),
    ):
        with pytest.raises(InvalidValue) as refused:
            offer(world, **({"case_ids": [case]} | given))
        assert refused.value.reason == reason
    assert world.count("handovers") == world.count("handover_cases") == 0
    assert world.rows("SELECT 1 FROM record_fields WHERE field = 'note'") == []
    assert offer(world, [case], note="长" * most)


def test_a_colleague_who_cannot_take_the_cases_is_refused_whatever_the_cause(world: World) -> None:
    world.staff(staff_row("KF3001"), staff_row("KF3002"))  # two accounts of one name
    world.tamper("UPDATE accounts SET state = 'active', password = 'x'")
    world.tamper("UPDATE accounts SET state = 'suspended' WHERE work_number = 'KF2004'")
    delivery = world.look_up(GIVER, world.customer()["phone"], "delivery").case_id
    query, _ = a_case(world)
    for to in (GIVER, "KF9999", "", "KF2004", AUDITOR, "王小明"):
        with pytest.raises(InvalidValue) as refused:
            offer(world, [query], to)
        assert (refused.value.reason, refused.value.facts["field"]) == ("cannot_take_over", "to")
    with pytest.raises(InvalidValue):
        offer(world, [query, delivery], SPECIALIST)  # may use one of the two purposes only
    assert offer(world, [query], SPECIALIST)
    same, _ = a_case(world, "KF3001")
    with pytest.raises(InvalidValue):
        offer(world, [same], "KF3002", who="KF3001")
    with pytest.raises(AccessRefused):
        offer(world, [query], who=AUDITOR)
    assert world.events("handover.offered", "refused")[-1]["rule"] == "no_right"


def test_a_case_stands_in_one_open_hand_over_only(active: World) -> None:
    world = active
    case, _ = a_case(world)
    first = offer(world, [case])
    with pytest.raises(InvalidValue) as refused:
        offer(world, [case], ELSEWHERE)
    assert refused.value.reason == "offered_already"
    handovers.withdraw(world.parts, world.person(GIVER), first, world.now)
    second = offer(world, [case], ELSEWHERE)
    with pytest.raises(NotFound):
        accept(world, first)
    sheet(world, second, ELSEWHERE)
    assert accept(world, second, ELSEWHERE) == 1
    assert len(world.events("handover.withdrawn", "done")) == 1


def test_the_same_case_offered_twice_at_once_is_offered_once(world: World) -> None:
    case, _ = a_case(world)
    results = at_once(*[lambda: offer(world, [case])] * 4)
    assert sum(isinstance(one, bytes) for one in results) == 1
    assert world.count("handovers") == world.count("handover_cases") == 1


def test_two_answers_at_once_count_once(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    sheet(world, handover)
    results = at_once(
        lambda: accept(world, handover),
        lambda: accept(world, handover),
        lambda: handovers.refuse(world.parts, world.person(TAKER), handover, "too_many", world.now),
        lambda: handovers.withdraw(world.parts, world.person(GIVER), handover, world.now),
    )
    assert sum(not isinstance(one, VaultError) for one in results) == 1
    decided = [world.events(f"handover.{name}", "done") for name in ("accepted", "refused", "withdrawn")]
    assert sum(map(len, decided)) == 1
    ((state,),) = world.rows("SELECT state FROM handovers")
    assert len(world.events("case.moved")) == (1 if state == "accepted" else 0)


def test_a_case_closed_meanwhile_does_not_move_and_the_others_do(world: World) -> None:
    (first, _), (second, _) = a_case(world), a_case(world)
    handover = offer(world, [first, second])
    cases.close(world.parts, world.person(GIVER), first, "caller_gone", world.now)
    assert [clock is None for _, clock in sheet(world, handover).cases] in ([True, False], [False, True])
    assert accept(world, handover) == 1
    assert holder(world, first) == world.person(GIVER).account_id
    assert holder(world, second) == world.person(TAKER).account_id


def test_a_grant_moves_with_its_case_and_opens_nothing_to_who_held_it(world: World) -> None:
    case, _ = a_case(world)
    strange = world.look_up(ELSEWHERE, world.customer(owner=ELSEWHERE)["phone"]).cards[0].record_id
    a_grant(world, "asked", GIVER, strange, case)
    assert world.view(GIVER, case, strange).subject.rule == "scope.grant"
    handover = offer(world, [case])
    sheet(world, handover)
    accept(world, handover)
    assert world.view(TAKER, case, strange).subject.rule == "scope.grant"
    own = world.look_up(GIVER, world.customer()["phone"]).case_id
    with pytest.raises(NotFound):
        world.view(GIVER, own, strange)
    world.now += timedelta(minutes=30)
    with pytest.raises(NotFound):
        world.view(TAKER, case, strange)


def test_emergency_access_does_not_move_but_ends(world: World) -> None:
    case, _ = a_case(world)
    strange = world.look_up(ELSEWHERE, world.customer(owner=ELSEWHERE)["phone"]).cards[0].record_id
    a_grant(world, "break_glass", GIVER, strange, case)
    handover = offer(world, [case])
    sheet(world, handover)
    accept(world, handover)
    for who in (GIVER, TAKER):
        with pytest.raises(NotFound):
            world.view(who, case, strange)
    assert world.rows("SELECT ended_at IS NULL FROM grants") in ([(False,)], [(0,)])


def test_customers_of_the_outgoing_owner_are_shared_with_the_case_for_limited_hours(world: World) -> None:
    case, owned = a_case(world, owner=GIVER)
    handover = offer(world, [case])
    sheet(world, handover)
    accept(world, handover)
    assert world.view(TAKER, case, owned).subject.rule == "scope.grant"
    assert world.events("case.moved")[0]["records"] == [{"class": "customer", "fields": [], "id": owned.hex()}]
    world.now += timedelta(hours=max(world.parts.policy.grants.share_hours)) - timedelta(seconds=1)
    assert world.view(TAKER, case, owned)
    world.now += timedelta(seconds=1)
    with pytest.raises(NotFound):
        world.view(TAKER, case, owned)


def test_the_share_ends_with_the_case(world: World) -> None:
    case, owned = a_case(world, owner=GIVER)
    handover = offer(world, [case])
    sheet(world, handover)
    accept(world, handover)
    cases.close(world.parts, world.person(TAKER), case, "caller_gone", world.now)
    other = world.look_up(TAKER, world.customer()["phone"]).case_id
    with pytest.raises(NotFound):
        world.view(TAKER, other, owned)


def test_an_owner_edited_behind_the_vaults_back_stops_the_whole_hand_over(world: World) -> None:
    (case, _), (_, victim) = a_case(world), a_case(world, ELSEWHERE, owner=ELSEWHERE)
    world.tamper("INSERT INTO case_records (case_id, record_id) VALUES (:case, :record)", case=case, record=victim)
    world.tamper(
        "UPDATE records SET owner_id = :me WHERE record_id = :record",
        me=world.person(GIVER).account_id,
        record=victim,
    )
    handover = offer(world, [case])
    sheet(world, handover)
    with pytest.raises(IntegrityError):
        accept(world, handover)
    assert holder(world, case) == world.person(GIVER).account_id
    assert world.count("grants") == 0
    assert world.events("record.integrity_failure")


def test_a_role_lowered_before_the_answer_cannot_take_the_cases(world: World) -> None:
    case = world.look_up(GIVER, world.customer()["phone"], "delivery").case_id
    handover = offer(world, [case])
    sheet(world, handover)
    world.tamper("UPDATE accounts SET role = 'complaint_specialist' WHERE work_number = :who", who=TAKER)
    with pytest.raises(AccessRefused) as refused:
        accept(world, handover)
    assert refused.value.reason == "purpose_not_yours"
    assert holder(world, case) == world.person(GIVER).account_id
    assert world.events("handover.accepted", "refused")[-1]["rule"] == "purpose_not_yours"
    assert sheet(world, handover).handover.is_open


def test_a_refusal_names_a_reason_and_is_reported_upward(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    for reason in ("", "because", "拒绝"):
        with pytest.raises(InvalidValue):
            handovers.refuse(world.parts, world.person(TAKER), handover, reason, world.now)
    handovers.refuse(world.parts, world.person(TAKER), handover, "too_many", world.now)
    assert notices(world, TAKER) == ["handover_offered"]
    assert notices(world, GIVER) == notices(world, SUPERVISOR) == ["handover_refused"]
    assert notices(world, "KF2010") == []
    assert world.events("handover.refused")[0]["facts"]["reason"] == "too_many"
    assert holder(world, case) == world.person(GIVER).account_id
    assert offer(world, [case])


def test_an_offer_to_somebody_suspended_meanwhile_can_be_withdrawn(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    world.tamper("UPDATE accounts SET state = 'suspended' WHERE work_number = :who", who=TAKER)
    handovers.withdraw(world.parts, world.person(GIVER), handover, world.now)
    board = handover_reading.board(world.parts, world.person(GIVER), world.now)
    assert [one.case_id for one, _ in board.mine] == [case]
    assert TAKER not in {one.work_number for one in board.colleagues}


def test_the_board_offers_open_cases_oldest_first_and_the_nearest_colleagues_first(active: World) -> None:
    world = active
    made = []
    for minute in range(3):
        world.now = NOW + timedelta(minutes=minute)
        made.append(a_case(world)[0])
    offered = offer(world, [made[1]])
    board = handover_reading.board(world.parts, world.person(GIVER), world.now)
    assert [one.case_id for one, _ in board.mine] == [made[0], made[2]]
    assert [one.work_number for one in board.colleagues][:3] == [TAKER, SUPERVISOR, SPECIALIST]
    assert not {GIVER, AUDITOR} & {one.work_number for one in board.colleagues}
    assert [one.handover_id for one in board.others] == [offered]
    theirs = handover_reading.board(world.parts, world.person(TAKER), world.now)
    assert [one.handover_id for one in theirs.offered_to_me] == [offered]
    assert theirs.others == ()


def test_a_note_past_its_days_is_not_shown_any_more(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    days = world.parts.policy.retention["request"].keep_days
    world.now += timedelta(days=days - 1)
    assert sheet(world, handover).note
    world.now += timedelta(days=2)
    assert sheet(world, handover).note is None
    assert world.events("handover.viewed")[-1]["records"] == []


def test_a_note_edited_behind_the_vaults_back_is_not_shown(world: World) -> None:
    case, _ = a_case(world)
    handover = offer(world, [case])
    world.tamper("UPDATE record_fields SET sealed = :bytes WHERE field = 'note'", bytes=b"\1" * 60)
    with pytest.raises(IntegrityError):
        sheet(world, handover)
    assert world.events("record.integrity_failure")


@pytest.fixture
def active(world: World) -> World:
    """The same world in which everybody has activated their account."""
    world.tamper("UPDATE accounts SET state = 'active', password = 'x' WHERE state = 'invited'")
    return world


@pytest.fixture(autouse=True)
def _the_two_are_active(request: pytest.FixtureRequest) -> None:
    if "world" in request.fixturenames:
        world = request.getfixturevalue("world")
        numbers = (GIVER, TAKER, SPECIALIST)
        for one in numbers:
            world.tamper("UPDATE accounts SET state = 'active', password = 'x' WHERE work_number = :who", who=one)
