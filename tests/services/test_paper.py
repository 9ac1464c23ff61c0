"""The register of paper copies: due dates, two people, and what the log may know of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.simulator import NOW, id_number, staff_row
from vault.domain.ids import RecordClass, new_id
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue, NotFound, StepUpNeeded, VaultError
from vault.services import paper
from vault.services.paper import NewBox

OFFICER, COLLEAGUE, AUDITOR, KEEPER = "KF2012", "KF2013", "KF2014", "KF2001"
TODAY = date(2026, 11, 20)
BOX = NewBox("GL-2024-001", RecordClass.SHIPMENT, "NJ-GL-01", KEEPER, newest_on=date(2024, 3, 1))


@pytest.fixture
def vault(world):
    for number in (OFFICER, COLLEAGUE, KEEPER):
        world.activate(number)
    return world


def registered(world, **changes):
    return paper.register(world.parts, world.person(OFFICER), replace(BOX, **changes), world.now)


def listed(world, work_number=OFFICER):
    return paper.listed(world.parts, world.person(work_number), world.now)


def refused(call, *arguments):
    with pytest.raises(VaultError) as raised:
        call(*arguments)
    return raised.value.reason, raised.value.facts.get("field")


# -- entering a box ------------------------------------------------------------------------------------------------


def test_a_box_is_due_the_day_after_its_newest_paper_is_kept(vault):
    box_id = registered(vault)
    (shown,) = listed(vault).standing
    assert (shown.box.box_id, shown.box.label, shown.custodian) == (box_id, "GL-2024-001", KEEPER)
    assert (shown.box.due_on, shown.is_due) == (date(2026, 3, 2), True)
    assert (shown.shredder, shown.witness, shown.may_witness) == ("", "", False)


@pytest.mark.parametrize(
    ("record_class", "newest", "due"),
    [
        (RecordClass.CUSTOMER, date(2024, 2, 29), date(2026, 3, 1)),
        (RecordClass.SERVICE_RECORD, date(2025, 11, 20), date(2026, 11, 21)),
        (RecordClass.ID_COPY, TODAY, date(2026, 11, 28)),
    ],
)
def test_the_period_is_that_of_the_class(vault, record_class, newest, due):
    registered(vault, record_class=record_class, newest_on=newest)
    assert listed(vault).standing[0].box.due_on == due


def test_a_due_date_may_be_given_instead_up_to_that_of_a_paper_of_today(vault):
    latest = date(2028, 11, 21)
    registered(vault, newest_on=None, due_on=latest)
    assert listed(vault).standing[0].box.due_on == latest
    too_late = replace(BOX, label="X", newest_on=None, due_on=latest + timedelta(days=1))
    assert refused(paper.register, vault.parts, vault.person(OFFICER), too_late, NOW) == ("due_too_late", "due_on")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"label": ""}, "not_a_label", "label"),
        ({"label": "箱-1"}, "not_a_label", "label"),
        ({"label": "A" * 41}, "not_a_label", "label"),
        ({"label": "A 1"}, "not_a_label", "label"),
        ({"label": "A\nB"}, "not_a_label", "label"),
        ({"label": "<script>"}, "not_a_label", "label"),
        ({"label": "13812345678"}, "label_holds_number", "label"),
        ({"label": "BOX-13812345678"}, "label_holds_number", "label"),
        ({"label": "138-1234-5678"}, "label_holds_number", "label"),
        ({"label": "YT1234567890123"}, "label_holds_number", "label"),
        ({"label": id_number(7)}, "label_holds_number", "label"),
        ({"record_class": RecordClass.REQUEST}, "not_on_list", "record_class"),
        ({"outlet": "NJ-XX-99"}, "not_on_list", "outlet"),
        ({"outlet": ""}, "not_on_list", "outlet"),
        ({"custodian": "KF9999"}, "no_custodian", "custodian"),
        ({"custodian": ""}, "no_custodian", "custodian"),
        ({"custodian": "KF2003"}, "no_custodian", "custodian"),
        ({"newest_on": TODAY + timedelta(days=1)}, "date_in_future", "newest_on"),
        ({"newest_on": None}, "newest_or_due", "newest_on"),
        ({"due_on": TODAY}, "newest_or_due", "newest_on"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_field(sqlite_vault, changes, reason, field):
    vault = sqlite_vault
    new = replace(BOX, **changes)
    assert refused(paper.register, vault.parts, vault.person(OFFICER), new, NOW) == (reason, field)
    assert vault.count("paper_boxes") == 0


@pytest.fixture
def sqlite_vault(sqlite_world):
    for number in (OFFICER, KEEPER):
        sqlite_world.activate(number)
    return sqlite_world


@pytest.mark.parametrize("label", ["a-1", "NJ20241201", "2024-0001234", "ＧＬ－１", "GL-2024-12-01-007"])
def test_labels_as_companies_write_them_are_taken(sqlite_vault, label):
    registered(sqlite_vault, label=label)
    assert listed(sqlite_vault).standing[0].box.label in {label.upper(), "GL-1"}


def test_two_boxes_never_bear_one_label(vault):
    registered(vault)
    again = replace(BOX, label="gl-2024-001")
    assert refused(paper.register, vault.parts, vault.person(OFFICER), again, NOW) == ("label_taken", "label")
    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(lambda _: _try(registered, vault, label="ONE"), range(6)))
    assert sum(isinstance(one, bytes) for one in made) == 1
    assert {one for one in made if not isinstance(one, bytes)} == {"label_taken"}


def _try(call, *arguments, **named):
    try:
        return call(*arguments, **named)
    except VaultError as error:
        return error.reason


# -- handing a box on ----------------------------------------------------------------------------------------------


def hand_on(world, box_id, to="KF2002", who=COLLEAGUE):
    return paper.hand_on(world.parts, world.person(who), box_id, to, world.now)


def test_a_box_is_handed_on_and_both_custodians_are_in_the_log_and_the_new_one_is_told(vault):
    vault.activate("KF2002")
    box_id = registered(vault)
    hand_on(vault, box_id, " kf2002 ")
    assert listed(vault).standing[0].custodian == "KF2002"
    (event,) = vault.events("paper.handed_on")
    facts = {"box": box_id.hex(), "record_class": "shipment", "account": KEEPER, "to": "KF2002"}
    assert (event["actor"], event["outcome"], event["facts"]) == (COLLEAGUE, "done", facts)
    told = vault.rows(
        "SELECT work_number FROM notifications JOIN accounts USING (account_id)"
        " WHERE notifications.kind = 'box_received'"
    )
    assert told == [("KF2002",)]


@pytest.mark.parametrize(
    ("to", "reason"), [(KEEPER, "same_custodian"), ("KF9999", "no_custodian"), ("KF2003", "no_custodian")]
)
def test_a_box_goes_to_nobody_who_has_it_or_does_not_work_here(vault, to, reason):
    box_id = registered(vault)
    assert refused(hand_on, vault, box_id, to) == (reason, "custodian")
    assert vault.events("paper.handed_on") == []


def test_a_box_that_is_gone_or_was_never_there_is_not_handed_on(vault):
    vault.activate("KF2002")
    box_id = registered(vault)
    paper.say_shredded(vault.parts, vault.person(OFFICER), box_id, vault.now)
    hand_on(vault, box_id)  # until it was seen, somebody keeps it
    paper.witness(vault.parts, vault.person(COLLEAGUE), box_id, vault.now)
    assert refused(hand_on, vault, box_id, KEEPER) == ("box_gone", None)
    assert refused(hand_on, vault, new_id()) == ("box", None)
    assert vault.events("paper.handed_on", "refused")


def test_only_officers_hand_boxes_on_and_find_them_by_label(vault):
    box_id = registered(vault)
    assert paper.labelled(vault.parts, vault.person(OFFICER), " gl-2024-001 ", vault.now) == box_id
    for who in (AUDITOR, KEEPER):
        assert refused(hand_on, vault, box_id, "KF2002", who) == ("no_right", None)
        assert refused(paper.labelled, vault.parts, vault.person(who), "GL-2024-001", vault.now) == ("no_right", None)
    assert refused(paper.labelled, vault.parts, vault.person(OFFICER), "GL-X", vault.now) == ("box", None)


def test_of_two_who_hand_a_box_on_at_once_one_does(vault):
    for number in ("KF2002", "KF2004"):
        vault.activate(number)
    box_id = registered(vault)

    def go(to):
        try:
            hand_on(vault, box_id, to)
        except VaultError as error:
            return error.reason
        return to

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(go, ["KF2002", "KF2004"]))
    done = len(vault.events("paper.handed_on", "done"))
    assert done == sum(one.startswith("KF") for one in ended) >= 1
    assert listed(vault).standing[0].custodian in ended


# -- two people ----------------------------------------------------------------------------------------------------


def say(world, box_id, work_number=OFFICER):
    paper.say_shredded(world.parts, world.person(work_number), box_id, world.now)


def witness(world, box_id, work_number=COLLEAGUE):
    paper.witness(world.parts, world.person(work_number), box_id, world.now)


def take_back(world, box_id, work_number=OFFICER):
    paper.take_back(world.parts, world.person(work_number), box_id, world.now)


def test_a_box_is_gone_when_a_second_officer_has_seen_it(vault):
    box_id = registered(vault)
    say(vault, box_id)
    (mine,), (theirs,) = listed(vault).standing, listed(vault, COLLEAGUE).standing
    assert (mine.shredder, mine.may_witness, theirs.may_witness, theirs.is_due) == (OFFICER, False, True, True)
    witness(vault, box_id)
    register = listed(vault)
    assert register.standing == ()
    assert (register.gone[0].shredder, register.gone[0].witness, register.gone[0].is_due) == (OFFICER, COLLEAGUE, False)


def test_ones_own_confirmation_never_counts_and_is_logged(vault):
    box_id = registered(vault)
    say(vault, box_id)
    with pytest.raises(AccessRefused) as raised:
        witness(vault, box_id, OFFICER)
    assert raised.value.reason == "own_shredding"
    assert vault.events("paper.witnessed", "refused")[0]["rule"] == "own_shredding"
    assert listed(vault).gone == ()


def test_a_second_account_of_the_same_human_is_not_a_second_human(vault):
    vault.staff(staff_row("KF2094", role="imd") | {"name": "张 三"}, staff_row("KF2095", role="imd") | {"name": "张三"})
    box_id = registered(vault)
    say(vault, box_id, "KF2094")
    with pytest.raises(AccessRefused) as raised:
        witness(vault, box_id, "KF2095")
    assert raised.value.reason == "own_shredding"
    witness(vault, box_id, OFFICER)


def test_papers_are_kept_until_their_day(vault):
    due = date(2026, 11, 21)
    box_id = registered(vault, newest_on=date(2024, 11, 20))
    assert listed(vault).standing[0].box.due_on == due
    vault.now = NOW.replace(day=20, hour=15, minute=59, second=59)  # the last second of the 20th in Shanghai
    with pytest.raises(AccessRefused) as raised:
        say(vault, box_id)
    assert raised.value.reason == "box_not_due"
    assert vault.events("paper.shredded", "refused")[0]["rule"] == "box_not_due"
    vault.now += timedelta(seconds=1)
    say(vault, box_id)


def test_nobody_can_witness_what_nobody_has_said(vault):
    box_id = registered(vault)
    with pytest.raises(AlreadyDecided):
        witness(vault, box_id)
    say(vault, box_id)
    with pytest.raises(AlreadyDecided):
        say(vault, box_id, COLLEAGUE)
    witness(vault, box_id)
    for call in (witness, take_back, say):
        with pytest.raises(AlreadyDecided):
            call(vault, box_id, COLLEAGUE)


def test_it_can_be_taken_back_by_any_officer_until_a_second_one_has_seen_it(vault):
    box_id = registered(vault)
    with pytest.raises(AlreadyDecided):
        take_back(vault, box_id)
    say(vault, box_id)
    take_back(vault, box_id, COLLEAGUE)
    (shown,) = listed(vault).standing
    assert (shown.shredder, shown.box.shredded_at) == ("", None)
    say(vault, box_id, COLLEAGUE)
    witness(vault, box_id, OFFICER)


def test_witnessing_needs_a_password_and_code_given_a_moment_ago(vault):
    box_id = registered(vault)
    say(vault, box_id)
    stale = replace(vault.person(COLLEAGUE), proved_at=NOW - timedelta(hours=8))
    with pytest.raises(StepUpNeeded):
        paper.witness(vault.parts, stale, box_id, NOW)
    assert listed(vault).gone == ()


def test_of_many_who_act_at_once_one_counts(vault):
    box_id = registered(vault)
    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(lambda _: _try(say, vault, box_id), range(6)))
    assert said.count(None) == 1
    assert len(vault.events("paper.shredded", "done")) == 1
    with ThreadPoolExecutor(6) as threads:
        calls = [witness, take_back] * 3
        done = list(threads.map(lambda call: _try(call, vault, box_id, COLLEAGUE), calls))
    assert done.count(None) == 1
    events = vault.events("paper.witnessed", "done") + vault.events("paper.taken_back", "done")
    assert len(events) == 1


# -- who may, and what the log knows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("work_number", ["KF2001", "KF2011", "KF2014"])
def test_others_than_officers_change_nothing_and_that_is_logged(vault, work_number):
    box_id = registered(vault)
    person = vault.person(work_number)
    calls = (
        lambda: paper.register(vault.parts, person, replace(BOX, label="B"), NOW),
        lambda: say(vault, box_id, work_number),
        lambda: witness(vault, box_id, work_number),
        lambda: take_back(vault, box_id, work_number),
    )
    for call in calls:
        with pytest.raises(AccessRefused) as raised:
            call()
        assert raised.value.reason == "no_right"
    assert [one["action"] for one in vault.events(outcome="refused") if one["actor"] == work_number] == [
        "paper.registered", "paper.shredded", "paper.witnessed", "paper.taken_back",
    ]  # fmt: skip


def test_an_auditor_sees_the_register_and_an_agent_does_not(vault):
    registered(vault)
    say(vault, listed(vault).standing[0].box.box_id)
    (shown,) = listed(vault, AUDITOR).standing
    assert not shown.may_witness
    assert vault.events("retention.viewed", "granted")[-1]["actor"] == AUDITOR
    with pytest.raises(AccessRefused):
        listed(vault, KEEPER)
    assert vault.events("retention.viewed", "refused")[-1]["actor"] == KEEPER


@pytest.mark.parametrize("call", [say, witness, take_back])
def test_a_box_that_is_not_there_is_not_found_and_that_is_logged(vault, call):
    with pytest.raises(NotFound):
        call(vault, new_id(), OFFICER)
    assert vault.events(outcome="refused")[-1]["actor"] == OFFICER


def test_events_name_a_box_by_its_random_id_only(vault):
    box_id = registered(vault)
    say(vault, box_id)
    take_back(vault, box_id)
    say(vault, box_id)
    witness(vault, box_id)
    told = [one for one in vault.events() if one["action"].startswith("paper.")]
    assert [one["action"] for one in told] == [
        "paper.registered", "paper.shredded", "paper.taken_back", "paper.shredded", "paper.witnessed",
    ]  # fmt: skip
    assert all(one["facts"]["box"] == box_id.hex() and one["purpose"] == "retention" for one in told)
    assert "GL-2024-001" not in json.dumps(told)


def test_what_is_due_first_stands_first_and_what_is_gone_last_newest_first(vault):
    for number, newest in enumerate((date(2024, 5, 1), date(2023, 5, 1), date(2026, 5, 1)), start=1):
        registered(vault, label=f"B{number}", newest_on=newest)
    assert [(one.box.label, one.is_due) for one in listed(vault).standing] == [
        ("B2", True),
        ("B1", True),
        ("B3", False),
    ]
    for place in (1, 0):
        box_id = listed(vault).standing[place].box.box_id
        say(vault, box_id)
        witness(vault, box_id)
        vault.now += timedelta(minutes=1)
    register = listed(vault)
    assert [one.box.label for one in register.gone] == ["B2", "B1"]
    assert [one.box.label for one in register.standing] == ["B3"]


def test_the_form_offers_the_outlets_where_somebody_works(vault):
    offered = paper.outlets(vault.parts)
    assert BOX.outlet in offered
    assert offered == sorted(set(offered))


def test_a_refused_value_is_told_by_its_reason_alone(vault):
    with pytest.raises(InvalidValue) as raised:
        registered(vault, label="BOX-13812345678")
    assert "13812345678" not in str(raised.value)
