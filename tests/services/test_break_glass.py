"""Access in an emergency: two approvers, a second person, a hard limit, a review; and each way round them refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulator import NOW, PASSWORD, World
from vault.domain.emergency import Standing
from vault.domain.ids import new_id
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound, StepUpNeeded, VaultError
from vault.services import break_glass, break_glass_opening, break_glass_review, cases
from vault.services.break_glass import Asking

AGENT, COLLEAGUE, SPECIALIST = "KF2001", "KF2002", "KF2008"
SUPERVISOR, OTHER_SUPERVISOR = "KF2009", "KF2010"
OFFICER, OTHER_IMD = "KF2012", "KF2013"
AUDITOR = "KF2014"
SECOND = timedelta(seconds=1)
OWNERS_NAME = "陈不凡"


class Emergency:
    """An agent who needs a colleague's customer at once, and the people around them."""

    def __init__(self, world: World, who: str = AGENT, number: str | None = None) -> None:
        self.world = world
        self.who = who
        self.row = world.customer(owner="KF2003", name=OWNERS_NAME)
        self.number = number or self.row["phone"]
        self.case_id = world.look_up(who, self.number, "delivery").case_id
        self.request = b""

    def ask(self, who: str | None = None, **changes: Any) -> bytes:
        world, case_id = self.world, changes.pop("case_id", self.case_id)
        told: dict[str, Any] = {
            "number": self.number,
            "profile": "owner_unreachable",
            "reason": "customer_in_need",
            "owner_contact": "attempted",
            "owner_called_at": world.now - timedelta(minutes=5),
        }
        person = world.person(who or self.who)
        self.request = break_glass.ask(world.parts, person, case_id, Asking(**(told | changes)), world.now)
        return self.request

    def vote(self, who: str, *, approve: bool = True, reason: str = "") -> Standing:
        reason = reason or ("emergency_confirmed" if approve else "not_an_emergency")
        person = self.world.person(who)
        return break_glass.vote(self.world.parts, person, self.request, reason, self.world.now, approve=approve)

    def approved(self) -> Emergency:
        self.ask()
        able(self.world, SUPERVISOR, OTHER_IMD)
        self.vote(SUPERVISOR)
        assert self.vote(OTHER_IMD) is Standing.APPROVED
        return self

    def open(self, second: str = COLLEAGUE, password: str = PASSWORD, who: str | None = None) -> bytes | None:
        person = self.world.person(who or self.who)
        return break_glass_opening.open_with(
            self.world.parts, person, self.request, second, password, "", self.world.now
        )

    def opened(self) -> Emergency:
        self.world.activate(COLLEAGUE)
        self.approved()
        self.record = self.open()
        return self

    def reveal(self) -> str:
        assert self.record
        return self.world.reveal(self.who, self.case_id, self.record, "phone")

    def end(self, who: str | None = None) -> None:
        break_glass_opening.end(self.world.parts, self.world.person(who or self.who), self.request, self.world.now)

    def review(self, who: str = OFFICER, finding: str = "justified") -> None:
        break_glass_review.review(self.world.parts, self.world.person(who), self.request, finding, self.world.now)

    def detail(self, who: str) -> break_glass_review.Detail:
        return break_glass_review.detail(self.world.parts, self.world.person(who), self.request, self.world.now)

    def told(self, kind: str) -> set[str]:
        rows = self.world.rows(
            "SELECT work_number FROM notifications JOIN accounts USING (account_id) WHERE notifications.kind = :kind",
            kind=kind,
        )
        return {row[0] for row in rows}


def at_work(world: World, *people: str) -> None:
    for who in people:
        world.activate(who)


def able(world: World, *people: str) -> None:
    """Let people be at work who need no password of their own."""
    for who in people:
        world.tamper(
            "UPDATE accounts SET state = 'active', password = '-' WHERE work_number = :n AND state = 'invited'", n=who
        )


@pytest.fixture
def emergency(world: World) -> Emergency:
    return Emergency(world)


def refused(act: Callable[[], object], kind: type[VaultError] = AccessRefused) -> str:
    with pytest.raises(kind) as error:
        act()
    return error.value.reason


# -- the whole way -----------------------------------------------------------------------------------------------


def test_two_approvals_and_a_second_person_open_the_customer_for_the_time_of_the_profile(world: World) -> None:
    emergency = Emergency(world)
    with pytest.raises(NotFound):
        world.view(AGENT, emergency.case_id, new_id())
    emergency.opened()
    assert emergency.reveal() == emergency.row["phone"]
    asked, voted, also, *opening = (
        world.events("break_glass.asked") + world.events("break_glass.voted") + world.events("break_glass.opened")
    )
    assert asked["facts"] == {
        "break_glass": emergency.request.hex(),
        "profile": "owner_unreachable",
        "reason": "customer_in_need",
        "identifier": "phone",
        "owner_contact": "attempted",
        "called_at": "2026-11-20T02:55:00.000000Z",
    }
    assert [one["actor"] for one in (voted, also)] == [SUPERVISOR, OTHER_IMD]
    assert [[record["fields"] for record in one["records"]] for one in opening] == [[["identifier"]], [["phone"]], [[]]]
    facts = opening[-1]["facts"]
    assert (facts["second_person"], facts["minutes"], facts["called_at"]) == (
        COLLEAGUE, 60, "2026-11-20T02:55:00.000000Z",
    )  # fmt: skip
    said = str(world.events())
    assert not [word for word in (emergency.row["phone"], OWNERS_NAME, PASSWORD) if word in said]


def test_everybody_concerned_and_at_work_is_told(world: World) -> None:
    at_work(world, AGENT, "KF2003", SUPERVISOR, OTHER_SUPERVISOR, OFFICER)
    emergency = Emergency(world).opened()
    assert emergency.told("break_glass_asked") == {SUPERVISOR, OTHER_SUPERVISOR, OFFICER}
    assert emergency.told("break_glass_approved") == {AGENT}
    # The owner is of team T1, whose supervisor is KF2009.
    assert emergency.told("break_glass_opened") == {OFFICER, "KF2003", SUPERVISOR}


def test_the_limit_is_hard_to_the_second(world: World) -> None:
    emergency = Emergency(world).opened()
    world.now = NOW + timedelta(minutes=60) - SECOND
    assert emergency.reveal()
    world.now = NOW + timedelta(minutes=60)
    with pytest.raises(NotFound):
        emergency.reveal()
    assert refused(emergency.open, AlreadyDecided) == "already_decided"


def test_closing_the_case_ends_the_access(world: World) -> None:
    emergency = Emergency(world).opened()
    cases.close(world.parts, world.person(AGENT), emergency.case_id, "duplicate", world.now)
    with pytest.raises(NotFound):
        emergency.reveal()


def test_the_asker_may_end_it_early_and_it_is_still_reviewed(world: World) -> None:
    emergency = Emergency(world).opened()
    with pytest.raises(NotFound):
        emergency.end(COLLEAGUE)
    emergency.end()
    with pytest.raises(NotFound):
        emergency.reveal()
    assert refused(emergency.end, AlreadyDecided) == "already_decided"
    emergency.review()
    assert emergency.detail(AGENT).line.standing is Standing.REVIEWED


def test_a_waybill_opens_the_shipment_and_both_of_its_customers(world: World) -> None:
    mine, theirs = world.customer(owner="KF2003"), world.customer(owner="KF2004")
    row = world.shipment(mine, theirs)
    emergency = Emergency(world, number=row["waybill"]).opened()
    assert emergency.record
    view = world.view(AGENT, emergency.case_id, emergency.record)
    assert {card.rule for card in view.related} == {"scope.grant"}
    assert world.reveal(AGENT, emergency.case_id, emergency.record, "signed_by") == "李大海"


def test_a_number_of_nobody_is_opened_without_any_grant_and_can_be_reviewed_at_once(world: World) -> None:
    emergency = Emergency(world, number="13999999999").opened()
    assert emergency.record is None
    assert world.count("grants") == 0
    assert world.events("break_glass.opened")[-1]["facts"]["minutes"] == 0
    emergency.review()


def test_in_an_emergency_no_caller_need_prove_anything(world: World) -> None:
    row = world.customer()
    emergency = Emergency(world, number=row["phone"])
    emergency.case_id = world.look_up(AGENT, row["phone"], "delivery").case_id
    emergency.opened()
    assert emergency.reveal() == row["phone"]
    world.now = NOW + timedelta(minutes=60)
    assert refused(emergency.reveal) == "caller_not_verified"


# -- asking ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "changes", "reason"), [
    ("profile", {"profile": "fun"}, "not_on_list"),
    ("reason", {"reason": ""}, "not_on_list"),
    ("owner_contact", {"owner_contact": "maybe"}, "not_on_list"),
    ("owner_called_at", {"owner_called_at": None}, "value_missing"),
    ("owner_called_at", {"owner_contact": "no"}, "call_not_made"),
    ("owner_called_at", {"owner_called_at": NOW + timedelta(minutes=1)}, "date_in_future"),
    ("owner_called_at", {"owner_called_at": NOW - timedelta(days=1, minutes=2)}, "call_too_long_ago"),
    ("number", {"number": "王小明"}, "not_recognised"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_stored(
    emergency: Emergency, field: str, changes: dict[str, Any], reason: str
) -> None:
    assert refused(lambda: emergency.ask(**changes), InvalidValue) == reason
    assert emergency.world.count("break_glass") == 0


def test_the_call_is_kept_to_the_minute_and_may_be_of_this_minute(emergency: Emergency) -> None:
    emergency.world.now = NOW + timedelta(seconds=40)
    emergency.ask(owner_called_at=NOW + timedelta(seconds=59), owner_contact="yes")
    assert emergency.detail(AGENT).line.emergency.owner_called_at == NOW


def test_nobody_called_is_an_answer_too(emergency: Emergency) -> None:
    emergency.ask(owner_contact="no", owner_called_at=None)
    assert emergency.detail(AGENT).line.emergency.owner_called_at is None


def test_only_roles_and_purposes_of_the_profile_may_ask_and_refusals_are_logged(world: World) -> None:
    emergency = Emergency(world)
    query = world.look_up(AGENT, emergency.number, "query").case_id
    assert refused(lambda: emergency.ask(profile="danger", case_id=query)) == "profile_not_yours"
    event = world.events("break_glass.asked")[-1]
    assert (event["outcome"], event["rule"]) == ("refused", "profile_not_yours")


def test_only_on_ones_own_open_case(emergency: Emergency) -> None:
    for who, case_id in ((COLLEAGUE, emergency.case_id), (AGENT, new_id()), (AUDITOR, emergency.case_id)):
        with pytest.raises(NotFound):
            emergency.ask(who, case_id=case_id)


def test_a_second_request_on_the_same_case_waits_for_the_first(emergency: Emergency) -> None:
    first = emergency.ask()
    assert refused(emergency.ask, AlreadyDecided) == "break_glass_waits"
    emergency.world.now = NOW + timedelta(minutes=120)
    assert emergency.ask() != first


def test_who_has_an_overdue_review_may_not_ask_again(world: World) -> None:
    emergency = Emergency(world).opened()
    world.now = NOW + timedelta(hours=72) - SECOND
    emergency.case_id = world.look_up(AGENT, emergency.number, "delivery").case_id
    first = emergency.request
    emergency.ask()
    emergency.end()
    world.now = NOW + timedelta(hours=72)
    assert refused(emergency.ask) == "review_open"
    assert world.events("break_glass.asked")[-1]["rule"] == "review_open"
    emergency.request = first
    emergency.review()
    emergency.ask()


# -- approving ---------------------------------------------------------------------------------------------------


def test_one_approval_is_not_enough_and_the_same_person_is_one(emergency: Emergency) -> None:
    emergency.ask()
    assert emergency.vote(SUPERVISOR) is Standing.ASKED
    assert refused(lambda: emergency.vote(SUPERVISOR)) == "voted_already"
    assert emergency.world.events("break_glass.voted")[-1]["rule"] == "voted_already"
    assert refused(emergency.open, AlreadyDecided) == "already_decided"


def test_one_human_with_two_accounts_cannot_approve_twice_nor_for_themselves(world: World) -> None:
    world.staff(
        {"work_number": "KF7001", "name": "慕容 汐棠", "role": "imd", "outlet": "XM-SM-01", "team": "T9"},
        {"work_number": "KF7002", "name": "窦然可", "role": "supervisor", "outlet": "XM-SM-01", "team": "T9"},
    )
    at_work(world, "KF7001", "KF7002")
    emergency = Emergency(world)
    emergency.ask()
    assert emergency.told("break_glass_asked") == {"KF7001"}
    emergency.vote(SUPERVISOR)  # 慕容汐棠
    assert refused(lambda: emergency.vote("KF7001")) == "voted_already"
    assert refused(lambda: emergency.vote("KF7002")) == "own_request"  # 窦然可, like the asker
    assert emergency.detail(AGENT).line.standing is Standing.ASKED


def test_a_supervisor_who_asks_does_not_approve_their_own_request(world: World) -> None:
    emergency = Emergency(world, SUPERVISOR)
    emergency.ask()
    assert refused(lambda: emergency.vote(SUPERVISOR)) == "own_request"


def test_one_refusal_ends_a_request_and_the_asker_is_told(emergency: Emergency) -> None:
    at_work(emergency.world, AGENT)
    emergency.ask()
    emergency.vote(SUPERVISOR)
    assert emergency.vote(OTHER_IMD, approve=False) is Standing.REFUSED
    assert emergency.told("break_glass_refused") == {AGENT}
    assert refused(lambda: emergency.vote(OFFICER), AlreadyDecided) == "already_decided"
    assert refused(emergency.open, AlreadyDecided) == "already_decided"


@pytest.mark.parametrize(("approve", "reason"), [(True, "not_an_emergency"), (False, "emergency_confirmed")])
def test_a_reason_for_the_other_vote_is_none(emergency: Emergency, *, approve: bool, reason: str) -> None:
    emergency.ask()
    assert refused(lambda: emergency.vote(SUPERVISOR, approve=approve, reason=reason), InvalidValue) == "not_on_list"


def test_only_approvers_who_confirmed_who_they_are_vote(world: World) -> None:
    emergency = Emergency(world)
    emergency.ask()
    for who in (COLLEAGUE, AUDITOR):
        assert refused(lambda who=who: emergency.vote(who)) == "no_right"  # type: ignore[misc]
    stale = world.person(SUPERVISOR)
    world.now = NOW + timedelta(hours=1)
    with pytest.raises(StepUpNeeded):
        break_glass.vote(world.parts, stale, emergency.request, "emergency_confirmed", world.now, approve=True)
    emergency.request = new_id()
    with pytest.raises(NotFound):
        emergency.vote(SUPERVISOR)


def test_a_request_lapses_to_the_second(world: World) -> None:
    world.activate(COLLEAGUE)
    emergency = Emergency(world).approved()
    world.now = NOW + timedelta(minutes=120)
    assert refused(emergency.open, AlreadyDecided) == "already_decided"
    assert emergency.detail(AGENT).line.standing is Standing.LAPSED
    world.now -= SECOND
    assert emergency.open()


@pytest.mark.parametrize("change", ["state = 'suspended'", "state = 'locked'", "state = 'left'", "role = 'agent'"])
def test_the_approval_of_who_may_approve_no_more_opens_nothing(emergency: Emergency, change: str) -> None:
    world = emergency.approved().world
    world.activate(COLLEAGUE)
    world.tamper(f"UPDATE accounts SET {change} WHERE work_number = :n", n=SUPERVISOR)
    assert refused(emergency.open) == "approval_lapsed"
    (event,) = world.events("break_glass.opened")
    assert (event["outcome"], event["rule"], event["records"]) == ("refused", "approval_lapsed", [])
    assert world.count("grants") == 0
    world.tamper("UPDATE accounts SET state = 'active', role = 'supervisor' WHERE work_number = :n", n=SUPERVISOR)
    assert emergency.open()


def test_of_approvals_at_once_each_counts_once(world: World) -> None:
    emergency = Emergency(world)
    emergency.ask()
    results: list[object] = []

    def vote(who: str) -> None:
        try:
            results.append(emergency.vote(who))
        except VaultError as error:
            results.append(error.reason)

    people = [SUPERVISOR, OTHER_SUPERVISOR, OFFICER, OTHER_IMD] * 2
    threads = [threading.Thread(target=vote, args=(who,)) for who in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results.count(Standing.ASKED) == 1
    assert results.count(Standing.APPROVED) == 1
    assert world.count("break_glass_votes") == 2


# -- opening -----------------------------------------------------------------------------------------------------


def test_the_second_person_proves_to_be_there_and_is_another_human(world: World) -> None:
    world.staff({"work_number": "KF7003", "name": "窦　然可", "role": "agent", "outlet": "XM-SM-01", "team": "T9"})
    for who in (AGENT, COLLEAGUE, "KF7003"):
        world.activate(who)
    emergency = Emergency(world).approved()
    tried = ((COLLEAGUE.lower(), "wrong password here"), ("KF9999", PASSWORD), ("", ""), ("KF2004", PASSWORD))
    for second, password in tried:
        assert refused(lambda: emergency.open(second, password)) == "second_person_refused"  # noqa: B023
    no = [one["facts"] for one in world.events("break_glass.opened", "refused") if one["rule"]]
    # Who was tried is named; what no account has may be a password typed in the wrong box.
    assert [one.get("second_person") for one in no] == [COLLEAGUE, None, None, "KF2004"]
    world.now += timedelta(minutes=30)
    for second in (AGENT, "KF7003"):
        assert refused(lambda: emergency.open(second)) == "second_person_is_the_first"  # noqa: B023
    rules = [one["rule"] for one in world.events("break_glass.opened", "refused")]
    assert rules[-2:] == ["second_person_is_the_first"] * 2
    no = [one["facts"]["second_person"] for one in world.events("break_glass.opened", "refused")[-2:]]
    assert no == [AGENT, "KF7003"]
    assert world.count("grants") == 0
    assert emergency.open(COLLEAGUE)


def test_a_second_person_with_a_password_past_its_age_is_not_accepted(world: World) -> None:
    world.activate(COLLEAGUE)
    emergency = Emergency(world).approved()
    days = 15 * 24 * 3600 * 1_000_000
    world.tamper("UPDATE accounts SET password_changed_at = password_changed_at - :days WHERE work_number = 'KF2002'",
                 days=days)  # fmt: skip
    assert refused(emergency.open) == "second_person_refused"
    world.tamper("UPDATE accounts SET password_changed_at = password_changed_at + 1 WHERE work_number = 'KF2002'")
    assert emergency.open()


def test_only_the_asker_opens_and_only_while_the_case_is_open(world: World) -> None:
    world.activate(COLLEAGUE)
    emergency = Emergency(world).approved()
    for who in (COLLEAGUE, SUPERVISOR):
        with pytest.raises(NotFound):
            emergency.open(who=who)
    cases.close(world.parts, world.person(AGENT), emergency.case_id, "duplicate", world.now)
    with pytest.raises(NotFound):
        emergency.open()


def test_a_role_taken_away_before_the_opening_opens_nothing(world: World) -> None:
    world.activate(COLLEAGUE)
    emergency = Emergency(world).approved()
    world.tamper("UPDATE accounts SET role = 'quality_inspector' WHERE work_number = 'KF2001'")
    assert refused(emergency.open) == "profile_not_yours"


def test_an_index_row_led_astray_grants_nothing(world: World) -> None:
    world.activate(COLLEAGUE)
    emergency = Emergency(world).approved()
    other = world.customer(owner="KF2004")
    strange = world.look_up("KF2004", other["phone"]).cards[0].record_id
    mine = world.look_up("KF2003", emergency.number).cards[0].record_id
    world.tamper("UPDATE record_index SET record_id = :strange WHERE record_id = :mine AND kind = 'phone'",
                 strange=strange, mine=mine)  # fmt: skip
    with pytest.raises(VaultError):
        emergency.open()
    assert world.count("grants") == 0
    assert world.events("record.integrity_failure")


def test_opened_twice_at_once_it_is_opened_once(world: World) -> None:
    world.activate(COLLEAGUE)
    emergency = Emergency(world).approved()
    results: list[object] = []

    def open_it() -> None:
        try:
            results.append(emergency.open())
        except VaultError as error:
            results.append(error.reason)

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results.count("already_decided") == 1
    assert world.count("grants") == 1


# -- reviewing ---------------------------------------------------------------------------------------------------


def test_the_privacy_officer_closes_the_review_once_the_access_is_over(world: World) -> None:
    at_work(world, AGENT, OFFICER)
    emergency = Emergency(world).opened()
    assert refused(emergency.review, InvalidValue) == "access_still_open"
    world.now = NOW + timedelta(minutes=60)
    assert refused(lambda: emergency.review(finding="fine"), InvalidValue) == "not_on_list"
    emergency.review(finding="avoidable")
    assert refused(emergency.review, AlreadyDecided) == "already_decided"
    event = world.events("break_glass.reviewed")[-1]
    assert (event["actor"], event["facts"]["finding"], event["facts"]["late"]) == (OFFICER, "avoidable", 0)
    assert emergency.told("break_glass_reviewed") == {AGENT}


def test_nobody_reviews_what_they_had_a_part_in_and_others_leave_it_to_the_officer(world: World) -> None:
    at_work(world, OFFICER)
    emergency = Emergency(world).opened()  # approved by KF2009 and KF2013
    world.now = NOW + timedelta(hours=2)
    assert refused(lambda: emergency.review(OTHER_IMD)) == "part_in_it"
    assert refused(lambda: emergency.review(SUPERVISOR)) == "no_right"
    world.staff({"work_number": "KF7004", "name": "第三人", "role": "imd", "outlet": "XM-SM-01", "team": "T5"})
    assert refused(lambda: emergency.review("KF7004")) == "for_the_privacy_officer"
    assert world.events("break_glass.reviewed")[-1]["rule"] == "for_the_privacy_officer"


def test_where_the_officer_had_a_part_another_one_reviews(world: World) -> None:
    at_work(world, COLLEAGUE, OFFICER)
    able(world, SUPERVISOR)
    emergency = Emergency(world)
    emergency.ask()
    emergency.vote(SUPERVISOR)
    emergency.vote(OFFICER)
    emergency.record = emergency.open()
    world.now = NOW + timedelta(hours=100)
    assert refused(emergency.review) == "part_in_it"
    emergency.review(OTHER_IMD)
    assert world.events("break_glass.reviewed")[-1]["facts"]["late"] == 1


def test_a_review_needs_a_fresh_sign_in_and_something_opened(world: World) -> None:
    emergency = Emergency(world)
    emergency.ask()
    with pytest.raises(NotFound):
        emergency.review()
    emergency.end()
    with pytest.raises(NotFound):
        emergency.review()
    stale = world.person(OFFICER)
    world.now = NOW + timedelta(hours=1)
    with pytest.raises(StepUpNeeded):
        break_glass_review.review(world.parts, stale, emergency.request, "justified", world.now)


# -- seeing ------------------------------------------------------------------------------------------------------


def test_lists_hold_what_concerns_a_person_and_nothing_else(world: World) -> None:
    emergency = Emergency(world)
    emergency.ask()

    def seen(who: str) -> tuple[int, int, int]:
        found = break_glass_review.overview(world.parts, world.person(who), world.now)
        return len(found.own), len(found.to_approve), len(found.to_review)

    assert [seen(who) for who in (AGENT, COLLEAGUE, SUPERVISOR, OFFICER)] == [
        (1, 0, 0), (0, 0, 0), (0, 1, 0), (0, 1, 0),
    ]  # fmt: skip
    emergency.vote(SUPERVISOR)
    assert seen(SUPERVISOR) == (0, 0, 0)
    emergency.vote(OTHER_IMD)
    world.activate(COLLEAGUE)
    able(world, SUPERVISOR, OTHER_IMD)
    emergency.open()
    assert [seen(who) for who in (SUPERVISOR, OFFICER, OTHER_IMD)] == [(0, 0, 0), (0, 0, 1), (0, 0, 1)]
    for who in (AUDITOR, "KF2004"):
        with pytest.raises(NotFound):
            emergency.detail(who)
    assert emergency.detail(COLLEAGUE).second_person == COLLEAGUE


# -- the life of a request, against a small model -------------------------------------------------------------------


class Life(RuleBasedStateMachine):
    """Asking, voting, opening, ending, reviewing and the clock, in any order; the model knows what must follow."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.world.now = self.start = NOW
        able(self.world, SUPERVISOR, OTHER_SUPERVISOR, OFFICER, OTHER_IMD)
        self.emergency = Emergency(self.world)
        self.emergency.ask()
        self.votes: dict[str, bool] = {}
        self.state = "asked"
        self.opened_at: datetime | None = None

    def lapsed(self) -> bool:
        return self.state in ("asked", "approved") and self.world.now >= self.start + timedelta(minutes=120)

    def running(self) -> bool:
        return (
            self.state == "opened"
            and self.opened_at is not None
            and self.world.now < self.opened_at + timedelta(minutes=60)
        )

    @rule(minutes=st.sampled_from([1, 30, 59, 60, 61]))
    def time_goes_by(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @rule(who=st.sampled_from([SUPERVISOR, OTHER_SUPERVISOR, OFFICER, OTHER_IMD]), approve=st.booleans())
    def somebody_votes(self, who: str, *, approve: bool) -> None:
        if who in self.votes:
            assert refused(lambda: self.emergency.vote(who, approve=approve)) == "voted_already"
        elif self.state != "asked" or self.lapsed():
            assert refused(lambda: self.emergency.vote(who, approve=approve), AlreadyDecided)
        else:
            self.votes[who] = approve
            if not approve:
                self.state = "refused"
            elif list(self.votes.values()).count(True) == 2:
                self.state = "approved"
            assert self.emergency.vote(who, approve=approve).value == self.state

    @rule()
    def it_is_opened(self) -> None:
        if self.state != "approved" or self.lapsed():
            assert refused(self.emergency.open, AlreadyDecided)
            return
        self.emergency.record = self.emergency.open()
        self.state, self.opened_at = "opened", self.world.now

    @rule()
    def it_is_ended(self) -> None:
        if self.state in ("asked", "approved", "opened"):
            self.emergency.end()
            self.state = "ended"
        else:
            assert refused(self.emergency.end, AlreadyDecided)

    @rule(who=st.sampled_from([OFFICER, OTHER_IMD]))
    def it_is_reviewed(self, who: str) -> None:
        if self.opened_at is None:
            assert refused(lambda: self.emergency.review(who), NotFound)
        elif who in self.votes:
            assert refused(lambda: self.emergency.review(who)) == "part_in_it"
        elif who == OTHER_IMD and OFFICER not in self.votes:
            assert refused(lambda: self.emergency.review(who)) == "for_the_privacy_officer"
        elif self.state == "reviewed":
            assert refused(lambda: self.emergency.review(who), AlreadyDecided)
        elif self.running():
            assert refused(lambda: self.emergency.review(who), InvalidValue) == "access_still_open"
        else:
            self.emergency.review(who)
            self.state = "reviewed"

    @precondition(lambda self: self.opened_at is not None)
    @rule()
    def the_customer_opens_only_while_it_runs(self) -> None:
        if self.running():
            assert self.emergency.reveal() == self.emergency.row["phone"]
        else:
            assert refused(self.emergency.reveal, NotFound)


def test_a_request_lives_as_the_model_says(sqlite_world: World) -> None:
    at_work(sqlite_world, COLLEAGUE, OFFICER)

    class LifeHere(Life):
        world = sqlite_world

    case = LifeHere.TestCase
    case.settings = settings(max_examples=8, stateful_step_count=14, deadline=None)
    case("runTest").runTest()
