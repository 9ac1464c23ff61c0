"""Proving who calls: the questions, the tries, the refusal, and what a reveal asks of them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.simulator import NOW, World
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import new_id
from vault.errors import AccessRefused, InvalidValue, NotFound
from vault.services import asking, cases
from vault.services import caller_verification as caller

AGENT, COLLEAGUE, SUPERVISOR, AUDITOR = "KF2001", "KF2002", "KF2009", "KF2014"
WRONG = "0000"


class Call:
    """A case of an agent on a customer of the pool, or on another one."""

    def __init__(self, world: World, who: str = AGENT, by: str = "phone", **row: str) -> None:
        self.world = world
        self.who = who
        self.row = world.customer(**row)
        answer = world.look_up(who, self.row[by])
        self.case_id, self.customer = answer.case_id, answer.cards[0].record_id

    def check(self, question: str, answer: str) -> caller.Checked:
        return self.world.check_caller(self.who, self.case_id, self.customer, question, answer)

    def reveal(self, field: str = "phone") -> str:
        return self.world.reveal(self.who, self.case_id, self.customer, field)

    def refuse(self, reason: str = "not_the_customer") -> None:
        world = self.world
        caller.refuse_caller(world.parts, world.person(self.who), self.case_id, self.customer, reason, world.now)

    def prove(self) -> None:
        self.world.verify_caller(self.who, self.case_id, self.customer)

    def standing(self) -> caller.Standing:
        world = self.world
        return caller.standing(world.parts, world.person(self.who), self.case_id, self.customer, world.now)

    def is_refused(self, rule: str) -> None:
        with pytest.raises(AccessRefused) as refused:
            self.reveal()
        assert refused.value.reason == rule
        event = self.world.events("record.reveal")[-1]
        assert (event["outcome"], event["rule"], event["case"]) == ("refused", rule, self.case_id.hex())
        assert event["records"] == [{"class": "customer", "fields": [], "id": self.customer.hex()}]


@pytest.fixture
def call(world: World) -> Call:
    return Call(world)


def test_two_different_questions_answered_rightly_open_what_the_pool_holds(call: Call) -> None:
    call.is_refused("caller_not_verified")
    assert call.check("id_last4", call.row["id_number"][-4:]) == caller.Checked(True, False, 3)
    call.is_refused("caller_not_verified")
    assert call.check("name", "王小明") == caller.Checked(True, True, 3)
    assert call.reveal() == call.row["phone"]


def test_the_same_question_twice_is_one(call: Call) -> None:
    for _ in range(3):
        assert not call.check("name", "王小明").verified
    call.is_refused("caller_not_verified")


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("phone_last4", lambda row: row["phone"][-4:]),
        ("id_last4", lambda row: row["id_number"][-4:].lower()),
        ("name", lambda _: "王 小 明"),
        ("town", lambda _: "拾光大街"),
        ("town", lambda _: "半夏"),
        ("item", lambda _: "鞋靴"),
    ],
)
def test_each_question_tells_the_right_answer_from_wrong_ones(world: World, question: str, right: object) -> None:
    call = Call(world, by="id_number" if question == "phone_last4" else "phone")
    world.shipment(world.customer(), call.row)
    wrong = {"phone_last4": "0001", "id_last4": "123A"}.get(question, "别的东西")
    assert not call.check(question, wrong).match
    assert call.check(question, right(call.row)).match  # type: ignore[operator]
    granted, miss, *_ = world.events("caller.checked")
    assert (granted["outcome"], miss["outcome"]) == ("granted", "miss")
    assert world.events("caller.checked")[-1]["outcome"] == "done"
    assert {one["facts"]["question"] for one in world.events("caller.checked")} == {question}


def test_a_try_opens_exactly_the_fields_of_its_question_and_nothing_of_the_answer_is_kept(world: World) -> None:
    call = Call(world, by="id_number")
    call.check("phone_last4", "7913")
    granted, done = call.world.events("caller.checked")
    assert granted["records"] == [{"class": "customer", "fields": ["phone"], "id": call.customer.hex()}]
    assert done["records"] == [{"class": "customer", "fields": [], "id": call.customer.hex()}]
    assert "7913" not in str(call.world.rows("SELECT question, outcome, reason FROM caller_checks"))
    assert call.world.rows("SELECT question, outcome, reason FROM caller_checks") == [("phone_last4", "no_match", "")]


# -- what proves nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "question", "of"), [("phone", "phone_last4", "phone"), ("id_number", "id_last4", "id_number")]
)
def test_a_question_about_the_number_that_was_looked_up_is_refused_and_costs_no_try(
    world: World, by: str, question: str, of: str
) -> None:
    call = Call(world, by=by)
    for answer in (call.row[of][-4:], WRONG):
        with pytest.raises(InvalidValue) as refused:
            call.check(question, answer)
        assert (refused.value.reason, refused.value.facts) == ("answer_was_typed", {"field": "question"})
    event = world.events("caller.checked")[-1]
    assert (event["outcome"], event["rule"]) == ("refused", "answer_was_typed")
    assert event["records"] == [{"class": "customer", "fields": [], "id": call.customer.hex()}]
    assert world.count("caller_checks") == 0
    assert call.standing().askable == world.parts.policy.verification.questions.keys() - {question}


def test_a_number_typed_later_in_the_case_takes_its_question_out_of_the_proof(world: World) -> None:
    sender = world.customer()
    row = world.shipment(sender, world.customer())
    found = world.look_up(AGENT, row["waybill"])
    customer = next(one.record_id for one in found.cards if one.part == "sender")
    for question, answer in (("phone_last4", sender["phone"][-4:]), ("name", sender["name"])):
        world.check_caller(AGENT, found.case_id, customer, question, answer)
    assert world.reveal(AGENT, found.case_id, customer, "name") == sender["name"]
    world.look_up(AGENT, sender["phone"], case_id=found.case_id)
    standing = caller.standing(world.parts, world.person(AGENT), found.case_id, customer, world.now)
    assert (standing.verified, standing.counted, standing.matched) == (False, 1, frozenset({"name"}))
    with pytest.raises(AccessRefused):
        world.reveal(AGENT, found.case_id, customer, "name")
    assert world.check_caller(AGENT, found.case_id, customer, "id_last4", sender["id_number"][-4:]).verified


def test_a_number_that_led_to_nothing_and_one_that_was_asked_for_were_typed_too(world: World) -> None:
    call = Call(world, by="id_number")
    assert "phone_last4" in call.standing().askable
    world.look_up(AGENT, "13700000009", case_id=call.case_id)
    assert call.standing().askable == {"name", "town", "item"}
    other = Call(world, by="id_number")
    asking.ask(world.parts, world.person(AGENT), other.case_id, "13700000009", world.now)
    assert other.standing().askable == {"name", "town", "item"}


def test_what_was_typed_goes_with_a_case_and_into_no_other(world: World) -> None:
    call = Call(world)
    assert world.rows("SELECT identifier_kind FROM case_lookups") == [("phone",)]
    world.look_up(AGENT, call.row["phone"], case_id=call.case_id)
    assert world.rows("SELECT identifier_kind FROM case_lookups") == [("phone",)]
    call.case_id = world.look_up(AGENT, call.row["id_number"]).case_id
    assert call.standing().askable == {"phone_last4", "name", "town", "item"}


def test_a_weak_question_is_answered_and_counts_for_nothing(world: World) -> None:
    call = Call(world)
    world.shipment(world.customer(), call.row)
    assert call.check("item", "鞋靴") == caller.Checked(True, False, 3)
    assert call.check("name", "王小明") == caller.Checked(True, False, 3)
    assert (call.standing().matched, call.standing().counted) == (frozenset({"item", "name"}), 1)
    call.is_refused("caller_not_verified")
    assert call.check("id_last4", call.row["id_number"][-4:]).verified


# -- the age of a proof ------------------------------------------------------------------------------------------

VALID = timedelta(minutes=60)
MOMENT = timedelta(microseconds=1)


def test_a_proof_counts_for_an_hour_from_the_match_that_completed_it(call: Call) -> None:
    world = call.world
    call.check("name", "王小明")
    world.now += timedelta(minutes=10)
    call.check("id_last4", call.row["id_number"][-4:])
    completed = world.now
    world.now = completed + VALID - MOMENT
    assert call.reveal() == call.row["phone"]
    assert call.standing().verified
    world.now = completed + VALID
    call.is_refused("caller_not_verified")
    assert (call.standing().verified, call.standing().counted) == (False, 0)
    call.prove()
    assert call.reveal() == call.row["phone"]


@pytest.mark.parametrize(("apart", "verified"), [(VALID - MOMENT, True), (VALID, False)])
def test_matches_that_lie_too_far_apart_prove_nothing_together(call: Call, apart: timedelta, *, verified: bool) -> None:
    call.check("name", "王小明")
    call.world.now += apart
    assert call.check("id_last4", call.row["id_number"][-4:]).verified is verified


def test_a_question_answered_again_takes_nothing_from_a_proof(call: Call) -> None:
    call.check("name", "王小明")
    call.world.now += VALID - timedelta(minutes=1)
    call.check("id_last4", call.row["id_number"][-4:])
    call.world.now += timedelta(minutes=30)
    assert call.check("id_last4", call.row["id_number"][-4:]).verified
    assert call.reveal() == call.row["phone"]


def test_for_each_kind_of_number_enough_strong_questions_are_left(world: World) -> None:
    rule = world.parts.policy.verification
    assert {kind: len(rule.proving([kind])) for kind in IdentifierKind} == {
        IdentifierKind.PHONE: 3,
        IdentifierKind.ID_NUMBER: 3,
        IdentifierKind.WAYBILL: 4,
        IdentifierKind.SOURCE_NUMBER: 4,
    }


# -- tries, refusals and scope -----------------------------------------------------------------------------------


def test_a_customer_without_the_value_gives_no_match_like_a_wrong_answer(call: Call) -> None:
    assert call.check("item", "鞋靴") == caller.Checked(False, False, 2)


def test_the_item_of_a_recent_parcel_counts_and_one_of_long_ago_does_not(world: World) -> None:
    call = Call(world)
    other = world.customer()
    world.shipment(call.row, other, item_type="雨伞", signed_at="", pickup_at="2026-09-01 10:00:00",
                   transit_at="", delivery_at="", signed_by="")  # fmt: skip
    for _ in range(5):
        world.shipment(other, call.row, item_type="书籍")
    assert call.check("item", "书籍").match
    assert not call.check("item", "雨伞").match


@pytest.mark.parametrize(("question", "typed", "reason"), [
    ("id_last4", "", "answer_not_four"),
    ("id_last4", "123", "answer_not_four"),
    ("id_last4", "12345", "answer_not_four"),
    ("id_last4", "12#4", "answer_not_four"),
    ("name", "王", "answer_too_short"),
    ("name", "王" * 101, "answer_too_short"),
    ("town", "路", "answer_too_short"),
    ("town", "740号", "answer_too_short"),
    ("nonsense", "1234", "not_on_list"),
])  # fmt: skip
def test_what_can_be_no_answer_costs_no_try(call: Call, question: str, typed: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        call.check(question, typed)
    assert refused.value.reason == reason
    assert call.world.count("caller_checks") == 0


def test_after_three_wrong_answers_no_more_are_taken_in_the_case_and_that_is_logged(call: Call) -> None:
    assert [call.check("id_last4", WRONG).tries_left for _ in range(3)] == [2, 1, 0]
    with pytest.raises(InvalidValue) as refused:
        call.check("name", "王小明")
    assert (refused.value.reason, refused.value.facts) == ("caller_tries_used_up", {"field": "answer"})
    event = call.world.events("caller.checked")[-1]
    assert (event["outcome"], event["rule"]) == ("refused", "caller_tries_used_up")
    assert event["records"] == [{"class": "customer", "fields": [], "id": call.customer.hex()}]
    assert call.world.count("caller_checks") == 3


def test_after_nine_wrong_answers_about_a_customer_nobody_has_a_try_left_for_a_day(call: Call) -> None:
    world = call.world
    for who in (AGENT, COLLEAGUE, AGENT):
        call.who, call.case_id = who, world.look_up(who, call.row["phone"]).case_id
        for _ in range(3):
            call.check("id_last4", WRONG)
    call.case_id = world.look_up(AGENT, call.row["phone"]).case_id
    world.now = NOW + timedelta(hours=24) - timedelta(seconds=1)
    with pytest.raises(InvalidValue):
        call.check("id_last4", call.row["id_number"][-4:])
    world.now = NOW + timedelta(hours=24)
    assert call.check("id_last4", call.row["id_number"][-4:]).match


def test_of_twenty_answers_at_once_no_more_are_compared_than_there_are_tries(call: Call) -> None:
    taken, refused = [], []

    def answer(number: int) -> None:
        try:
            taken.append(call.check("id_last4", f"{number:04d}"))
        except InvalidValue as error:
            refused.append(error.reason)

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(taken) == 3
    assert refused == ["caller_tries_used_up"] * 17
    granted = [one for one in call.world.events("caller.checked", "granted") if one["records"][0]["fields"]]
    assert len(granted) == 3


def test_a_refused_caller_ends_every_reveal_of_the_customer_in_the_case(call: Call) -> None:
    call.prove()
    call.refuse()
    call.is_refused("caller_refused")
    event = call.world.events("caller.refused")[-1]
    assert (event["outcome"], event["facts"]) == ("done", {"reason": "not_the_customer"})
    with pytest.raises(AccessRefused) as refused:
        call.check("id_last4", call.row["id_number"][-4:])
    assert refused.value.reason == "caller_refused"
    assert call.world.events("caller.checked")[-1]["rule"] == "caller_refused"


def test_a_refusal_ends_reveals_of_an_own_customer_too_but_only_in_that_case(world: World) -> None:
    call = Call(world, owner=AGENT)
    assert call.reveal() == call.row["phone"]
    call.refuse("no_authority")
    call.is_refused("caller_refused")
    call.case_id = world.look_up(AGENT, call.row["phone"]).case_id
    assert call.reveal() == call.row["phone"]


def test_a_refusal_needs_a_reason_of_the_policy(call: Call) -> None:
    for reason in ("", "phone", "他不是本人"):
        with pytest.raises(InvalidValue):
            call.refuse(reason)
    assert call.world.count("caller_checks") == 0


def test_who_proved_to_be_one_customer_is_no_other_one_and_only_in_that_case(call: Call) -> None:
    call.prove()
    other = call.world.customer()
    beside = call.world.look_up(AGENT, other["phone"], case_id=call.case_id).cards[0].record_id
    with pytest.raises(AccessRefused):
        call.world.reveal(AGENT, call.case_id, beside, "phone")
    call.case_id = call.world.look_up(AGENT, call.row["phone"]).case_id
    call.is_refused("caller_not_verified")


def test_a_shipment_opens_to_a_caller_who_is_one_of_its_customers(world: World) -> None:
    sender, recipient = world.customer(), world.customer(name="陈鸣")
    row = world.shipment(sender, recipient)
    answer = world.look_up(AGENT, row["waybill"])
    by_part = {one.part: one.record_id for one in answer.cards}
    with pytest.raises(AccessRefused):
        world.reveal(AGENT, answer.case_id, by_part["match"], "signed_by")
    world.verify_caller(AGENT, answer.case_id, by_part["recipient"])
    assert world.reveal(AGENT, answer.case_id, by_part["match"], "signed_by") == "李大海"
    with pytest.raises(AccessRefused):
        world.reveal(AGENT, answer.case_id, by_part["sender"], "phone")


@pytest.mark.parametrize("refused", [True, False])
def test_who_signed_for_a_parcel_asks_for_the_proof_of_its_recipient(world: World, *, refused: bool) -> None:
    sender = world.customer()
    row = world.shipment(sender, world.customer(name="陈鸣"))
    answer = world.look_up(AGENT, row["waybill"])
    by_part = {one.part: one.record_id for one in answer.cards}
    if refused:
        person = world.person(AGENT)
        reason = "not_the_customer"
        caller.refuse_caller(world.parts, person, answer.case_id, by_part["recipient"], reason, world.now)
    world.verify_caller(AGENT, answer.case_id, by_part["sender"])
    with pytest.raises(AccessRefused) as error:
        world.reveal(AGENT, answer.case_id, by_part["match"], "signed_by")
    assert error.value.reason == ("caller_refused" if refused else "caller_not_verified")
    assert world.reveal(AGENT, answer.case_id, by_part["match"], "item_type") == row["item_type"]  # the sender's too
    assert world.reveal(AGENT, answer.case_id, by_part["sender"], "phone") == sender["phone"]


def test_an_own_sender_does_not_open_who_signed_for_a_recipient_of_the_pool(world: World) -> None:
    row = world.shipment(world.customer(owner=AGENT), world.customer())
    answer = world.look_up(AGENT, row["waybill"])
    by_part = {one.part: one.record_id for one in answer.cards}
    with pytest.raises(AccessRefused):
        world.reveal(AGENT, answer.case_id, by_part["match"], "signed_by")
    world.verify_caller(AGENT, answer.case_id, by_part["recipient"])
    assert world.reveal(AGENT, answer.case_id, by_part["match"], "signed_by") == row["signed_by"]


def test_an_own_customer_needs_no_proof_and_an_outlets_pool_customer_does(world: World) -> None:
    assert Call(world, owner=AGENT).reveal()
    Call(world, SUPERVISOR).is_refused("caller_not_verified")


def test_only_the_cases_own_person_and_customers_in_scope_are_asked_about(call: Call) -> None:
    world = call.world
    stranger = Call(world, COLLEAGUE, owner=COLLEAGUE)
    shipment = world.shipment(call.row, stranger.row)
    found = world.look_up(AGENT, shipment["waybill"])
    by_part = {one.part: one.record_id for one in found.cards}
    attempts = [
        (COLLEAGUE, call.case_id, call.customer),
        (AGENT, call.case_id, stranger.customer),
        (AGENT, call.case_id, new_id()),
        (AGENT, new_id(), call.customer),
        (AGENT, found.case_id, by_part["recipient"]),  # the other party
        (AGENT, found.case_id, by_part["match"]),  # a shipment is nobody who calls
        (AUDITOR, call.case_id, call.customer),
    ]
    for who, case_id, customer in attempts:
        person = world.person(who)
        with pytest.raises(NotFound):
            caller.check_answer(world.parts, person, case_id, customer, "name", "王小明", world.now)
        with pytest.raises(NotFound):
            caller.refuse_caller(world.parts, person, case_id, customer, "not_the_customer", world.now)
        with pytest.raises(NotFound):
            caller.standing(world.parts, person, case_id, customer, world.now)
    assert world.count("caller_checks") == 0


def test_a_closed_case_takes_no_answers(call: Call) -> None:
    cases.close(call.world.parts, call.world.person(AGENT), call.case_id, "caller_gone", call.world.now)
    with pytest.raises(NotFound):
        call.check("name", "王小明")
    with pytest.raises(NotFound):
        call.refuse()


def test_how_a_caller_stands_is_told_without_opening_anything(call: Call) -> None:
    call.check("name", "王小明")
    before = len(call.world.events())
    found = caller.standing(call.world.parts, call.world.person(AGENT), call.case_id, call.customer, call.world.now)
    askable = frozenset({"id_last4", "name", "town", "item"})
    assert found == caller.Standing(call.customer, True, False, False, askable, frozenset({"name"}), 1, 2, 3)
    assert len(call.world.events()) == before


def test_no_event_holds_anything_of_customer_or_answer(call: Call) -> None:
    call.check("town", "拾光大街")
    call.check("name", "李小明")
    said = str(call.world.events())
    # The last four as a value of their own: four digits stand in some digest.
    last4 = f"'{call.row['phone'][-4:]}'"
    assert not [word for word in ("拾光", "李小明", "王小明", call.row["phone"], last4) if word in said]
