"""Insiders with an account of their own: what they may not keep, prove, open or switch off."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.colleagues import ABSENT, AGENT, NJ_SUPERVISOR, OWNER, ask, at_once, at_work, grant, mine
from tests.services.staff_at_work import ADMIN, in_use, with_second_factor
from tests.simulator import World, complaint_row, staff_row
from vault.domain.log import Action
from vault.domain.people import Person
from vault.domain.service_records import CATEGORIES, SEVERITIES
from vault.errors import AccessRefused, InvalidValue, NotFound, VaultError
from vault.services import (
    accounts,
    api_tokens,
    break_glass,
    caller_verification,
    cases,
    filing,
    handover_reading,
    handovers,
    limits,
    offboarding,
    sharing,
)
from vault.services.break_glass import Asking
from vault.services.filing import Filing
from vault.services.steps.proof import prove_code
from vault.storage import people

SPECIALIST, COLLEAGUE, PRIVACY_OFFICER, AUDITOR = "KF2008", "KF2005", "KF2012", "KF2014"


@pytest.fixture
def world(world: World) -> World:
    at_work(world)
    in_use(world, ADMIN)
    return world


def enter(customer: bytes, **changes: str) -> Filing:
    """Return a resolved consultation on a customer, or something else."""
    values = {"kind": "consultation", "channel": "phone", "text": "已答复。", "result": "resolved"}
    notice = {"notice_version": "notice-2024-1", "notice_channel": "phone"}
    return Filing(customer=customer, ended_at=None, **(values | notice | changes))


# -- access ends -------------------------------------------------------------------------------------------------


def test_a_specialist_does_not_turn_a_grant_into_a_complaint_of_their_own(world: World) -> None:
    row = world.customer(owner=OWNER)
    request = ask(world, row["phone"], SPECIALIST)
    grant(world, OWNER, request, 15)
    granted = mine(world, request, SPECIALIST)
    complaint = {"kind": "complaint", "result": "in_progress"}
    topic = {"category": min(CATEGORIES), "severity": min(SEVERITIES)}
    entered = enter(granted.record_id, **complaint, **topic)
    with suppress(VaultError):  # to refuse it is one way to keep it from opening anything
        filing.file(world.parts, world.person(SPECIALIST), granted.case_id, entered, world.now)
    world.now += timedelta(days=1)
    assert world.look_up(SPECIALIST, row["phone"], "complaint").cards == ()


def own_complaint(world: World, who: str, number: str, purpose: str = "complaint") -> None:
    """Find a customer, and file an open complaint of one's own on them."""
    answer = world.look_up(who, number, purpose)
    topic = {"category": min(CATEGORIES), "severity": min(SEVERITIES)}
    entered = enter(answer.cards[0].record_id, kind="complaint", result="in_progress", **topic)
    filing.file(world.parts, world.person(who), answer.case_id, entered, world.now)


def test_who_filed_a_complaint_and_becomes_a_specialist_sees_nobody_by_it(world: World) -> None:
    """With it an administrator, who gives roles, would open the pool alone."""
    row = world.customer()
    own_complaint(world, AGENT, row["phone"])
    accounts.change_place(world.parts, world.person(ADMIN), AGENT, "complaint_specialist", "NJ-GL-01", "T1", world.now)
    assert world.look_up(AGENT, row["phone"], "complaint").cards == ()


def test_a_specialist_does_not_renew_their_access_by_a_complaint_of_their_own(world: World) -> None:
    row = world.customer(owner=OWNER)
    passed = complaint_row(row, SPECIALIST)
    world.services(passed)
    own_complaint(world, SPECIALIST, row["phone"])
    assert world.look_up(SPECIALIST, row["phone"], "complaint").cards
    assert world.load_rows("service_record", [passed | {"result": "已解决"}]).updated == 1
    assert world.look_up(SPECIALIST, row["phone"], "complaint").cards == ()


def test_a_filed_complaint_that_off_boarding_hands_on_opens_nobody(world: World) -> None:
    row = world.customer()
    own_complaint(world, AGENT, row["phone"])
    left = offboarding.leave(world.parts, world.person(ADMIN), AGENT, SPECIALIST, world.now)
    assert left.held.services == 1
    assert world.look_up(SPECIALIST, row["phone"], "complaint").cards == ()


def test_a_grant_on_a_pool_customer_opens_them_in_its_own_case_only(world: World) -> None:
    """In another one nobody would be asked who calls, and a refused caller would be forgotten."""
    row, other = world.customer(), world.customer()
    found = world.look_up(AGENT, row["phone"])
    case, customer = found.case_id, found.cards[0].record_id
    caller_verification.refuse_caller(world.parts, world.person(AGENT), case, customer, "not_the_customer", world.now)
    grant(world, NJ_SUPERVISOR, ask(world, row["phone"], case=case))
    with pytest.raises(AccessRefused, match="caller_refused"):
        world.reveal(AGENT, case, customer, "phone")
    elsewhere = world.look_up(AGENT, other["phone"]).case_id
    for walk in (
        lambda: world.reveal(AGENT, elsewhere, customer, "phone"),
        lambda: world.view(AGENT, elsewhere, customer),
    ):
        with pytest.raises(NotFound):
            walk()
    # Who sees nobody of the pool by right sees this one where it was granted, and there alone.
    request = ask(world, row["phone"], SPECIALIST)
    grant(world, NJ_SUPERVISOR, request)
    granted = mine(world, request, SPECIALIST)
    assert world.reveal(SPECIALIST, granted.case_id, granted.record_id, "phone") == row["phone"]
    assert world.view(SPECIALIST, granted.case_id, granted.record_id).until == world.now + timedelta(minutes=30)
    assert world.look_up(SPECIALIST, row["phone"], case_id=granted.case_id).cards[0].rule == "scope.grant"
    assert world.look_up(SPECIALIST, row["phone"]).cards == ()


def test_what_somebody_offered_to_share_ends_when_they_leave(world: World) -> None:
    row = world.customer(owner=OWNER)
    found = world.look_up(OWNER, row["phone"])
    customer = found.cards[0].record_id
    share = sharing.share(world.parts, world.person(OWNER), found.case_id, customer, COLLEAGUE, "query", 72, world.now)
    offboarding.leave(world.parts, world.person(ADMIN), OWNER, AGENT, world.now)
    with pytest.raises(NotFound):
        sharing.take_up(world.parts, world.person(COLLEAGUE), share, world.now)


def test_whoever_handed_a_granted_case_over_keeps_nothing_of_it(world: World) -> None:
    row = world.customer(owner=OWNER)
    request = ask(world, row["phone"])
    grant(world, OWNER, request)
    case, customer = mine(world, request).case_id, mine(world, request).record_id
    handover = handovers.offer(world.parts, world.person(AGENT), [case], COLLEAGUE, "请跟进", world.now)
    handover_reading.sheet(world.parts, world.person(COLLEAGUE), handover, world.now)
    handovers.accept(world.parts, world.person(COLLEAGUE), handover, world.now)
    assert world.reveal(COLLEAGUE, case, customer, "phone") == row["phone"]
    for walk in (
        lambda: world.view(AGENT, case, customer),
        lambda: world.reveal(AGENT, case, customer, "phone"),
        lambda: mine(world, request),
        lambda: filing.file(world.parts, world.person(AGENT), case, enter(customer), world.now),
    ):
        with pytest.raises(NotFound):
            walk()
    assert world.look_up(AGENT, row["phone"]).cards == ()


# -- two people are two people -----------------------------------------------------------------------------------


def test_an_administrator_does_nothing_to_another_account_of_their_own(world: World) -> None:
    named = {"name": "张三丰"}
    world.staff(staff_row("GL9", role="admin") | named, staff_row("KF91") | named)
    in_use(world, "GL9", "KF91")
    me = world.person("GL9")
    with pytest.raises(AccessRefused):
        accounts.change_place(world.parts, me, "KF91", "supervisor", "NJ-GL-01", "T1", world.now)
    with pytest.raises(AccessRefused):
        accounts.reset(world.parts, me, "KF91", world.now)


def test_no_program_supervises_anybody(world: World) -> None:
    """With such a program an administrator would hold a token that opens a team, and its alarms would go nowhere."""
    row, me = world.customer(owner="KF2004", outlet="XM-SM-01"), world.person(ADMIN)
    assert len(world.look_up("KF2010", row["phone"]).cards) == 1
    with suppress(InvalidValue):  # to refuse the role is one way
        api_tokens.make_service_account(world.parts, me, "ROBOT1", "机器人", "supervisor", "XM-SM-01", world.now)
        accounts.change_place(world.parts, me, "ROBOT1", "supervisor", "XM-SM-01", "T3", world.now)
    assert len(world.look_up("KF2010", row["phone"]).cards) == 1


def test_no_program_answers_for_a_caller(world: World) -> None:
    """With such a program an administrator, who makes its token, would open the pool alone."""
    row = world.customer()
    found = world.look_up(AGENT, row["phone"])
    program = replace(world.person(AGENT), purposes=frozenset({"query"}))
    ids = (found.case_id, found.cards[0].record_id)
    with pytest.raises(AccessRefused) as refused:
        caller_verification.check_answer(world.parts, program, *ids, "name", row["name"], world.now)
    assert refused.value.reason == "not_for_programs"
    assert [one["rule"] for one in world.events("caller.checked")] == ["not_for_programs"]


def test_a_program_files_nothing_refuses_no_caller_and_closes_what_its_token_is_for(world: World) -> None:
    """What is filed holds a customer, as an open service; a program has served nobody."""
    row = world.customer()
    found = world.look_up(AGENT, row["phone"])
    case, customer = found.case_id, found.cards[0].record_id
    program, other = (replace(world.person(AGENT), purposes=frozenset({one})) for one in ("query", "delivery"))

    def closing(who: Person) -> None:
        """Close the case as a program."""
        cases.close(world.parts, who, case, "duplicate", world.now)

    for rule, action, walk in (
        (
            "not_for_programs",
            "service.filed",
            lambda: filing.file(world.parts, program, case, enter(customer), world.now),
        ),
        (
            "not_for_programs",
            "caller.refused",
            lambda: caller_verification.refuse_caller(
                world.parts, program, case, customer, "not_the_customer", world.now
            ),
        ),
        ("purpose_not_yours", "case.closed", lambda: closing(other)),
    ):
        with pytest.raises(AccessRefused, match=rule):
            walk()
        (event,) = world.events(action)
        assert (event["outcome"], event["rule"], event["case"], event["purpose"]) == (
            "refused",
            rule,
            case.hex(),
            "query",
        )
    assert (world.count("caller_checks"), world.count("records")) == (0, 1)
    closing(program)
    assert world.look_up(AGENT, row["phone"]).case_id != case
    assert world.events("case.closed", "done")


@pytest.mark.parametrize("watcher", [PRIVACY_OFFICER, AUDITOR])
def test_a_supervisor_does_not_lock_those_who_watch_them(world: World, watcher: str) -> None:
    with pytest.raises((NotFound, AccessRefused)):
        accounts.lock(world.parts, world.person(NJ_SUPERVISOR), watcher, world.now)


def test_one_code_of_an_app_passes_once_however_many_try_it_at_once(world: World) -> None:
    code, actor = with_second_factor(world, AGENT).at(world.now), world.person(AGENT).actor()
    with world.parts.database.read() as connection:
        account = people.by_work_number(connection, AGENT)
    assert account is not None
    tried = at_once([lambda: prove_code(world.parts, account, code, actor, Action.CODE, world.now) for _ in range(4)])
    assert tried == ["done", *["sign_in_refused"] * 3]


# -- callers -----------------------------------------------------------------------------------------------------


def test_the_number_a_case_was_opened_by_does_not_prove_its_caller(world: World) -> None:
    """The agent typed it: with a list of phones and the commonest items a pool would open without any caller."""
    row, other = world.customer(), world.customer()
    world.shipment(other, row, item_type="文件")
    found = world.look_up(AGENT, row["phone"])
    customer = found.cards[0].record_id
    for question, answer in (("phone_last4", row["phone"][-4:]), ("item", "文件")):
        with suppress(VaultError):  # to refuse the question is one way
            world.check_caller(AGENT, found.case_id, customer, question, answer)
    with pytest.raises(AccessRefused):
        world.reveal(AGENT, found.case_id, customer, "recipient_address")


def test_nothing_of_a_refused_recipient_opens_to_a_sender_who_calls(world: World) -> None:
    parcel = world.shipment(world.customer(), world.customer())
    found = world.look_up(AGENT, parcel["waybill"])
    ids = {card.part: card.record_id for card in found.cards}
    person = world.person(AGENT)
    caller_verification.refuse_caller(
        world.parts, person, found.case_id, ids["recipient"], "not_the_customer", world.now
    )
    world.verify_caller(AGENT, found.case_id, ids["sender"])
    with pytest.raises(AccessRefused):
        world.reveal(AGENT, found.case_id, ids["match"], "signed_by")


# -- limits ------------------------------------------------------------------------------------------------------


def test_reveals_at_once_do_not_lead_past_the_alarm(world: World) -> None:
    rows = [world.customer(owner=AGENT) for _ in range(56)]
    cases = [world.look_up(AGENT, row["phone"]) for row in rows]
    reveals = [lambda one=one: world.reveal(AGENT, one.case_id, one.cards[0].record_id, "phone") for one in cases]
    for reveal in reveals[:48]:
        reveal()
    assert at_once(reveals[48:]) == [*["access_refused"] * 6, "done", "done"]


def test_lifting_a_warning_about_misses_does_not_forget_whom_somebody_revealed(world: World) -> None:
    row = world.customer(owner=AGENT)
    found = world.look_up(AGENT, row["phone"])
    world.reveal(AGENT, found.case_id, found.cards[0].record_id, "phone")
    for _ in range(world.parts.policy.limits.misses_hour):
        world.look_up(AGENT, ABSENT)
    world.now += timedelta(seconds=1)
    ((signal,),) = world.rows("SELECT signal_id FROM signals WHERE kind = 'misses'")
    limits.release(world.parts, world.person(NJ_SUPERVISOR), signal, world.now)
    assert limits.mine(world.parts, world.person(AGENT), world.now).customers == 1


# -- nothing in clear --------------------------------------------------------------------------------------------


def test_nothing_that_was_typed_or_stored_lies_in_clear_in_the_database(sqlite_world: World) -> None:
    world = sqlite_world
    at_work(world)
    theirs, pool = world.customer(owner=OWNER), world.customer()
    request = ask(world, theirs["phone"])
    grant(world, OWNER, request)
    found = world.look_up(AGENT, pool["phone"])
    customer, person = found.cards[0].record_id, world.person(AGENT)
    world.check_caller(AGENT, found.case_id, customer, "town", "绿豆花园路")
    asking = Asking("13655554444", "owner_unreachable", "owner_absent", "no", None)
    break_glass.ask(world.parts, person, found.case_id, asking, world.now)
    case = mine(world, request).case_id
    handovers.offer(world.parts, person, [case], COLLEAGUE, "回电 13877776666", world.now)
    filing.file(world.parts, person, found.case_id, enter(customer, text="秘密文字"), world.now)
    world.settle()
    dump = sqlite3.connect(world.place.url.removeprefix("sqlite:///"))
    try:
        tables = [row[0] for row in dump.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        cells = [
            cell if isinstance(cell, bytes) else str(cell).encode()
            for table in tables
            for row in dump.execute(f'SELECT * FROM "{table}"')
            for cell in row
        ]
    finally:
        dump.close()
    assert any(AGENT.encode() in cell for cell in cells)  # what does stand in clear is found
    typed = ("绿豆花园路", "13655554444", "13877776666", "秘密文字")
    for text in (*typed, *(row[name] for row in (theirs, pool) for name in ("phone", "id_number", "name"))):
        assert not any(text.encode() in cell for cell in cells), text
