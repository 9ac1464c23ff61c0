from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests import destroying
from tests.destroying import PROPOSER, fill
from tests.services.breach import test_misuse
from tests.services.breach.test_signals import Desk
from tests.services.staff_at_work import in_use
from tests.simulator import NOW, complaint_row, local, service_row
from vault import bootstrap
from vault.domain.compliance import CLAUSES, Standing
from vault.errors import AccessRefused
from vault.services import cases, certificates, compliance, holds
from vault.services.holds import Why
from vault.word_tables import NAMES

AGENT, COLLEAGUE = "KF2001", "KF2002"
NOT_BUILT = {"ID-01", "ID-02", "ID-03", "AR-06"}


@pytest.fixture
def report(world):
    """Draw the report as the local operator."""
    return lambda: compliance.draw(world.parts, bootstrap.operator(world.config), world.now)


def answer(report, clause):
    (found,) = [one for one in report.answers if one.clause.id == clause]
    return found


def counted(report, clause, word):
    (found,) = [one for one in answer(report, clause).evidence if one.word == word]
    return found.facts["count"]


def test_every_core_clause_is_answered_once_in_the_order_of_the_register(report):
    ids = [one.clause.id for one in report().answers]
    assert ids == [clause.id for clause in CLAUSES]
    assert len(set(ids)) == 40


def test_a_clause_whose_part_is_not_built_says_so_and_never_nothing(report):
    drawn = report()
    assert {one.clause.id for one in drawn.answers if one.standing is Standing.NOT_BUILT} == NOT_BUILT
    assert all(one.evidence for one in drawn.answers)
    assert all(one.rules for one in drawn.answers if one.standing is not Standing.NOT_BUILT)


def test_an_empty_vault_is_in_line_with_all_that_is_built(report):
    drawn = report()
    assert drawn.in_line
    assert drawn.count(Standing.IN_LINE) + len(NOT_BUILT) == len(CLAUSES)


def test_every_sentence_that_is_said_has_words_and_all_that_fills_them(world, report):
    world.shipment(world.customer(), world.customer())
    for one in report().answers:
        for said in (*one.rules, *one.evidence):
            assert "{" not in NAMES["compliance"][said.word].format_map(said.facts)


def test_the_sentences_are_all_in_use():
    source = "".join(file.read_text("utf-8") for file in Path(compliance.__file__).parent.glob("steps/clauses_of_*.py"))
    assert set(NAMES["compliance"]) == set(re.findall(r'(?:said|late)\(\s*"(\w+)"', source))


def test_the_report_names_its_checkpoint_and_looking_at_it_is_an_event(world, report):
    size = world.settle()
    drawn = report()
    assert drawn.checkpoint.size == size
    assert drawn.events >= size
    event = world.events("compliance.view")[-1]
    assert (event["outcome"], event["records"], event["facts"]) == ("granted", [], {})
    assert drawn.policy == event["policy"]


@pytest.mark.parametrize(("role", "may"), [("auditor", True), ("imd", True), ("agent", False), ("admin", False)])
def test_auditor_and_information_management_see_it_and_others_are_refused_and_logged(world, role, may):
    number = world.rows("SELECT work_number FROM accounts WHERE role = :role ORDER BY 1", role=role)[0][0]
    if may:
        assert compliance.view(world.parts, world.person(number), world.now).answers
        return
    with pytest.raises(AccessRefused):
        compliance.view(world.parts, world.person(number), world.now)
    refused = world.events("compliance.view", "refused")[-1]
    assert (refused["actor"], refused["rule"]) == (number, "no_right")


def test_a_record_without_notice_is_an_exception_since_it_came(world, report):
    world.customer(notice_version="", notice_at="", notice_channel="")
    found = answer(report(), "CE-01")
    assert (found.standing, found.oldest) == (Standing.EXCEPTION, NOW)
    assert counted(report(), "CE-01", "without_notice") == 1
    assert not report().in_line


def test_an_open_case_is_an_exception_from_the_second_its_time_is_over(world, report):
    case = world.look_up(AGENT, "13999999999").case_id
    limit = world.parts.policy.entry.limit()
    world.now = NOW + limit - timedelta(seconds=1)
    assert answer(report(), "CE-02").standing is Standing.IN_LINE
    world.now = NOW + limit
    found = answer(report(), "CE-02")
    assert (found.standing, found.oldest) == (Standing.EXCEPTION, NOW)
    cases.close(world.parts, world.person(AGENT), case, "nothing_found", world.now)
    assert answer(report(), "CE-02").standing is Standing.IN_LINE


def test_a_late_entry_counts_for_thirty_days(world, report):
    row = world.customer()
    ended = NOW - timedelta(days=2)
    world.services(service_row(row, ended_at=local(ended), entered_at=local(ended + timedelta(hours=3))))
    entered = ended + timedelta(hours=3)
    assert counted(report(), "CE-02", "entered_late") == 1
    assert answer(report(), "CE-02").oldest == entered
    world.now = entered + timedelta(days=30)
    assert counted(report(), "CE-02", "entered_late") == 1
    world.now += timedelta(seconds=1)
    assert counted(report(), "CE-02", "entered_late") == 0


def test_passwords_past_their_age_are_counted_and_no_exception(world, report):
    in_use(world, AGENT, COLLEAGUE)
    world.now = NOW + timedelta(days=15) - timedelta(seconds=1)
    assert counted(report(), "AC-04", "old_passwords") == 0
    world.now = NOW + timedelta(days=15)
    found = answer(report(), "AC-04")
    assert (found.standing, found.oldest, found.evidence[0].facts["count"]) == (Standing.IN_LINE, NOW, 2)


def test_somebody_signed_in_from_two_addresses_is_an_exception(world, report):
    world.activate(AGENT)
    world.sign_in(AGENT)
    assert answer(report(), "AC-05").standing is Standing.IN_LINE
    world.sign_in(AGENT)
    world.tamper(
        "UPDATE sessions SET source = '198.51.100.1' WHERE session_hash = (SELECT min(session_hash) FROM sessions)"
    )
    assert answer(report(), "AC-05").standing is Standing.EXCEPTION


def test_an_open_case_of_somebody_who_left_is_an_exception(world, report):
    world.look_up(AGENT, "13999999999")
    assert answer(report(), "AC-06").standing is Standing.IN_LINE
    world.tamper("UPDATE accounts SET state = 'left' WHERE work_number = :n", n=AGENT)
    assert answer(report(), "AC-06").standing is Standing.EXCEPTION


def test_events_are_counted_by_what_they_say(world, report):
    row = world.customer(owner=COLLEAGUE)
    world.look_up(AGENT, row["phone"])
    with pytest.raises(AccessRefused):
        world.look_up(AGENT, row["phone"], purpose="advertising")
    drawn = report()
    assert counted(drawn, "AC-02", "refused_lookups") == 2
    assert counted(drawn, "UL-02", "forbidden_tries") == 1
    assert answer(drawn, "UL-02").standing is Standing.IN_LINE
    assert counted(drawn, "UL-01", "lookups") == 0


def test_an_alarm_is_an_exception_until_it_is_released(world, report):
    at = int(NOW.timestamp() * 1_000_000)
    world.tamper(
        "INSERT INTO signals (signal_id, account_id, kind, count, at)"
        " SELECT account_id, account_id, 'alarmed', 51, :at FROM accounts WHERE work_number = :n",
        at=at,
        n=AGENT,
    )
    found = answer(report(), "UL-04")
    assert (found.standing, found.oldest) == (Standing.EXCEPTION, NOW)
    world.tamper("UPDATE signals SET released_at = at, released_by = account_id")
    assert answer(report(), "UL-04").standing is Standing.IN_LINE


def test_a_signed_misuse_counts_for_its_month_and_a_draft_that_waits_too_long_is_an_exception(world, report):
    incident_id = test_misuse.reported(world)
    misuse_id = test_misuse.drafted(world, incident_id)
    assert answer(report(), "UL-03").standing is Standing.IN_LINE
    began = world.now
    world.now += timedelta(days=world.parts.policy.signals.sign_days, seconds=1)
    found = answer(report(), "UL-03")
    assert (found.standing, found.oldest) == (Standing.EXCEPTION, began)
    test_misuse.signed(world, misuse_id)
    drawn = report()
    assert answer(drawn, "UL-03").standing is Standing.IN_LINE
    of_month = next(one for one in answer(drawn, "UL-03").evidence if one.word == "misuse_of_month")
    assert dict(of_month.facts) == {"count": 1, "people": 1, "month": "2026-11"}
    world.tamper("UPDATE accounts SET state = 'active', password = '-' WHERE work_number = :n", n=AGENT)
    assert counted(report(), "UL-03", "misuse_still_active") == 1
    assert answer(report(), "UL-03").standing is Standing.EXCEPTION


def test_a_case_for_the_police_past_its_time_is_an_exception_until_it_is_handed_over(world, report):
    desk = Desk(world, 8).limited()
    for which in range(5):
        desk.reveal(which)
    world.tamper("UPDATE signals SET released_at = at, released_by = account_id")
    drawn = report()
    assert (counted(drawn, "UL-04", "police_tasks"), counted(drawn, "UL-04", "signals_raised")) == (1, 2)
    assert answer(drawn, "UL-04").standing is Standing.IN_LINE
    world.now += timedelta(hours=24, seconds=1)
    assert answer(report(), "UL-04").standing is Standing.EXCEPTION
    world.tamper("UPDATE incident_clocks SET done_at = due_at WHERE clock_id = 'police'")
    assert answer(report(), "UL-04").standing is Standing.IN_LINE


def test_a_record_past_its_time_that_nothing_keeps_is_an_exception(world, report):
    fill(world, customers=2, shipments=1, services=1)
    drawn = report()
    found = answer(drawn, "RD-01")
    assert (found.standing, found.rules[0].facts["years"]) == (Standing.EXCEPTION, 2)
    assert (counted(drawn, "RD-01", "past_their_time"), counted(drawn, "RD-01", "kept_past_their_time")) == (3, 0)
    assert found.oldest < world.now - timedelta(days=1)
    assert answer(drawn, "RD-02").standing is Standing.EXCEPTION
    destroying.run(world, destroying.approved(world))
    assert {answer(report(), clause).standing for clause in ("RD-01", "RD-02")} == {Standing.IN_LINE}


def words(found):
    return [one.word for one in found.evidence]


def test_a_record_waits_for_its_plan_as_long_as_the_policy_lets_it_and_not_a_second_longer(world, report):
    due = destroying.old_customer()
    world.customers(due)
    (expires,) = (row[0] for row in world.rows("SELECT expires_at FROM records"))
    expires_at, grace = datetime.fromtimestamp(expires / 1_000_000, UTC), world.parts.policy.destruction.grace()
    found = {}
    for late in (timedelta(seconds=-1), timedelta(), grace, grace + timedelta(seconds=1)):
        world.now = expires_at + late
        found[late] = answer(report(), "RD-01")
    before, since, last, over = found.values()
    assert words(before) == ["past_their_time", "kept_past_their_time"]
    assert [one.standing for one in (before, since, last)] == [Standing.IN_LINE] * 3
    (waits,) = [one for one in last.evidence if one.word == "plan_waits"]
    day = expires_at.astimezone(world.parts.policy.zone).date()
    assert waits.facts == {"day": day.isoformat(), "until": (day + grace - timedelta(days=1)).isoformat()}
    assert (over.standing, over.oldest) == (Standing.EXCEPTION, expires_at)
    assert words(over) == ["past_their_time", "overdue", "kept_past_their_time"]


def test_what_was_overdue_stays_an_exception_though_more_falls_due(world, report):
    fill(world, customers=1, shipments=0, services=0)
    first = counted(report(), "RD-01", "overdue")
    world.customers(destroying.old_customer())
    assert (first, counted(report(), "RD-01", "overdue")) == (1, 2)
    assert "plan_waits" not in words(answer(report(), "RD-01"))


def test_what_must_stay_past_its_time_is_counted_and_no_exception(world, report):
    fill(world, customers=2, shipments=1, services=0)
    shipment = destroying.ids(world, "shipment")[0]
    why = Why("dispute", "LP-2026-17", date(2027, 2, 1))
    holds.place(world.parts, world.person(PROPOSER), shipment, why, world.now)
    drawn = report()  # the shipment is held, and with it sender and recipient
    assert (counted(drawn, "RD-01", "past_their_time"), counted(drawn, "RD-01", "kept_past_their_time")) == (0, 3)
    assert answer(drawn, "RD-01").standing is Standing.IN_LINE
    assert answer(drawn, "RD-03").standing is Standing.IN_LINE
    world.now = datetime(2027, 2, 2, 4, tzinfo=UTC)
    drawn = report()
    assert (counted(drawn, "RD-03", "forgotten_holds"), answer(drawn, "RD-03").standing) == (1, Standing.EXCEPTION)


def test_a_service_that_is_open_keeps_its_customer(world, report):
    row = destroying.old_customer()
    world.customers(row)
    assert answer(report(), "RD-01").standing is Standing.EXCEPTION
    world.services(complaint_row(row))
    drawn = report()
    assert counted(drawn, "RD-01", "past_their_time") == 0
    assert answer(drawn, "RD-02").standing is Standing.IN_LINE


def test_a_service_that_nobody_settles_for_longer_than_it_would_be_kept_is_an_exception(world, report):
    world.services(complaint_row(world.customer()))
    (began,) = (row[0] for row in world.rows("SELECT activity_at FROM records WHERE record_class = 'service_record'"))
    world.now = datetime.fromtimestamp(began / 1_000_000, UTC) + timedelta(days=366)
    assert answer(report(), "RD-02").standing is Standing.IN_LINE
    world.now += timedelta(seconds=1)
    drawn = report()
    assert (counted(drawn, "RD-02", "open_too_long"), answer(drawn, "RD-02").standing) == (1, Standing.EXCEPTION)


def test_what_could_not_be_destroyed_and_what_was_not_certified_is_an_exception(world, report):
    fill(world, customers=1, shipments=0, services=0)
    plan_id = destroying.approved(world)
    destroying.run(world, plan_id)
    drawn = report()
    assert (counted(drawn, "RD-03", "carried_out"), answer(drawn, "RD-03").standing) == (1, Standing.IN_LINE)
    assert (counted(drawn, "RD-05", "not_certified"), answer(drawn, "RD-05").standing) == (0, Standing.IN_LINE)
    world.now += timedelta(hours=2)
    drawn = report()
    assert (counted(drawn, "RD-05", "not_certified"), answer(drawn, "RD-05").standing) == (1, Standing.EXCEPTION)
    certificates.tend(world.parts, world.now)
    drawn = report()
    assert (counted(drawn, "RD-05", "certificates"), answer(drawn, "RD-05").standing) == (1, Standing.IN_LINE)
    assert counted(drawn, "RD-05", "records_destroyed") == 1
    world.tamper("UPDATE destruction_items SET state = 'failed'")
    assert answer(report(), "RD-03").standing is Standing.EXCEPTION


def test_a_cohort_key_and_a_box_of_paper_past_their_day_are_exceptions(world, report):
    assert answer(report(), "RD-04").standing is Standing.IN_LINE
    world.now = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 22 November there, two days after the first cohort's last
    assert counted(report(), "RD-04", "cohorts_late") == 0
    world.now += timedelta(minutes=1)
    drawn = report()
    assert (counted(drawn, "RD-04", "cohorts_late"), answer(drawn, "RD-04").standing) == (1, Standing.EXCEPTION)
    account = world.person(PROPOSER).account_id
    world.tamper(
        "INSERT INTO paper_boxes (box_id, label, record_class, outlet, custodian, registered_by, registered_at, due_on)"
        " VALUES (:a, 'A-1', 'customer', 'NJ-GL-01', :a, :a, :at, :day)",
        a=account,
        at=1_795_000_000_000_000,
        day="2026-11-23" if world.place.server is None else date(2026, 11, 23),
    )
    assert (counted(report(), "RD-04", "boxes"), counted(report(), "RD-04", "boxes_overdue")) == (1, 0)
    world.now += timedelta(days=1)
    drawn = report()
    assert counted(drawn, "RD-04", "boxes_overdue") == 1
    assert answer(drawn, "RD-04").oldest == datetime(2026, 11, 20, 16, tzinfo=UTC)


def test_the_document_for_programs_holds_every_clause_and_nothing_of_a_customer(world, report):
    row = world.customer()
    world.look_up(AGENT, row["phone"])
    document = compliance.document(report())
    assert [one["clause"] for one in document["clauses"]] == [clause.id for clause in CLAUSES]
    assert not {row["phone"], row["name"], row["id_number"]} & set(re.findall(r"[\w]+", str(document)))
