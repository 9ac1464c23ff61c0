from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.simulator import NOW, service_row
from vault.domain.log import Action, Outcome
from vault.domain.log_search import Question
from vault.errors import AccessRefused, InvalidValue
from vault.services import log as log_service
from vault.services import log_search

AUDITOR, AGENT, COLLEAGUE = "KF2013", "KF2001", "KF2002"


@pytest.fixture
def auditor(world):
    number = next(row[0] for row in world.rows("SELECT work_number FROM accounts WHERE role = 'auditor'"))
    return world.person(number)


def page(world, auditor, before=None, limit=50, **asked):
    return log_search.page(world.parts, auditor, Question(**asked), before, limit, world.now)


def ids(page):
    return [one.leaf_index for one in page.events]


def counts(world, auditor, **asked):
    return log_search.counts(world.parts, auditor, Question(**asked), world.now)


def find(world, auditor, typed):
    return log_search.find(world.parts, auditor, typed, world.now)


def at(hour, minute=0, day=20):
    """Return a moment of the company's day in UTC: Shanghai is eight hours ahead."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def test_who_saw_a_customer_is_found_from_a_typed_number_by_id_and_nothing_is_opened(world, auditor):
    row = world.customer()
    answer = world.look_up(AGENT, row["phone"])
    world.look_up(COLLEAGUE, row["id_number"])
    world.verify_caller(AGENT, answer.case_id, answer.cards[0].record_id)
    world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")
    for typed in (row["phone"], f"+86 {row['phone']}", row["id_number"]):
        found = find(world, auditor, typed)
        assert found.records == (answer.cards[0].record_id,)
        seen = page(world, auditor, records=found.records, outcome="granted")
        what = {(one.body["actor"], one.body["action"]) for one in seen.events}
        assert {(COLLEAGUE, "record.lookup"), (AGENT, "record.lookup"), (AGENT, "record.reveal")} <= what
    searches = world.events("log.search")
    assert all(one["records"] == [] for one in searches)
    assert {str(one["facts"]) for one in searches} == {"{}", "{'identifier': 'phone'}", "{'identifier': 'id_number'}"}
    for typed in (row["phone"], row["id_number"], row["name"]):
        assert typed not in str(world.events())


def test_a_waybill_leads_to_its_shipment_and_around_it_to_nothing_else(world, auditor):
    sender, recipient = world.customer(), world.customer()
    shipment = world.shipment(sender, recipient)
    found = find(world, auditor, shipment["waybill"])
    assert (found.kind, len(found.records)) == ("waybill", 1)
    assert log_search.around(world.parts, Question(records=found.records)).records == found.records
    customer = find(world, auditor, sender["phone"]).records
    assert log_search.around(world.parts, Question(records=customer)).records == customer + found.records


def test_a_record_with_more_around_it_than_is_searched_is_refused_and_never_answered_in_part(
    world, auditor, monkeypatch
):
    sender, recipient = world.customer(), world.customer()
    shipments = [world.shipment(sender, recipient) for _ in range(3)]
    monkeypatch.setattr(log_search, "_MOST_AROUND", 3)
    customer = find(world, auditor, sender["phone"]).records
    assert len(log_search.around(world.parts, Question(records=customer)).records) == 1 + len(shipments)
    world.shipment(sender, recipient)
    with pytest.raises(InvalidValue, match="too_much_around") as refused:
        log_search.around(world.parts, Question(records=customer))
    assert (refused.value.facts["field"], refused.value.facts["most"]) == ("around", 3)


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_a_time_at_the_end_of_the_calendar_is_refused_by_name(world, auditor, name, moment):
    for asked in (counts, page):
        with pytest.raises(InvalidValue, match="impossible_date") as refused:
            asked(world, auditor, **{name: moment})
        assert refused.value.facts["field"] == name


def test_a_companys_own_number_leads_to_its_record_and_stands_nowhere(world, auditor):
    row = world.customer()
    service = service_row(row)
    world.services(service)
    answer = world.look_up(AGENT, row["phone"])
    for typed in (row["source_number"], f" {row['source_number'].lower()} "):
        found = find(world, auditor, typed)
        assert (found.kind, found.records) == ("source_number", (answer.cards[0].record_id,))
        seen = page(world, auditor, records=found.records, action="record.lookup")
        assert [one.body["actor"] for one in seen.events] == [AGENT]
    recorded = find(world, auditor, service["source_number"])
    assert (recorded.kind, len(recorded.records)) == ("source_number", 1)
    assert recorded.records[0] in log_search.around(world.parts, Question(records=found.records)).records
    assert world.events("log.search")[-1]["facts"] == {"identifier": "source_number"}
    for typed in (row["source_number"], service["source_number"]):
        assert typed.lower() not in str(world.events()).lower()


def test_a_number_that_can_be_read_in_two_ways_finds_the_records_of_both_in_one_search(world, auditor):
    first = world.customer()
    second = world.customer(source_number=first["phone"])
    found = find(world, auditor, first["phone"])
    both = {world.look_up(AGENT, one["id_number"]).cards[0].record_id for one in (first, second)}
    assert (found.kind, set(found.records)) == ("phone", both)
    own = world.customer(source_number="13900000000")
    found = find(world, auditor, own["source_number"])
    assert (found.kind, len(found.records)) == ("source_number", 1)
    searches = [one for one in world.events("log.search") if one["facts"]]
    assert [one["facts"]["identifier"] for one in searches] == ["phone", "source_number"]


def test_a_number_of_the_companys_own_that_nothing_carries_is_a_miss_and_counts_as_a_search(world, auditor):
    found = find(world, auditor, "NO-999/99")
    assert (found.kind, found.records) == ("source_number", ())
    event = world.events("log.search")[-1]
    assert (event["outcome"], event["facts"]) == ("miss", {"identifier": "source_number"})
    for _ in range(world.parts.policy.limits.searches_hour - 1):
        find(world, auditor, "NO-999/99")
    with pytest.raises(AccessRefused):
        find(world, auditor, "NO-999/99")


def test_a_record_past_its_time_is_found_too(world, auditor):
    row = world.customer()
    world.now = NOW + timedelta(days=800)
    assert world.look_up(AGENT, row["phone"]).cards == ()
    assert find(world, auditor, row["phone"]).records


def test_what_nothing_carries_is_a_miss_in_the_log_and_what_is_no_number_is_no_event(world, auditor):
    assert find(world, auditor, "13999999999").records == ()
    assert world.events("log.search")[-1]["outcome"] == "miss"
    before = len(world.events())
    for typed in ("王小明", "", "x" * 5000):
        with pytest.raises(InvalidValue):
            find(world, auditor, typed)
    assert len(world.events()) == before


@pytest.mark.parametrize("who", [AGENT, "KF2007", "ADMIN01"])
def test_who_may_not_read_the_log_may_not_search_it_and_the_try_is_logged(world, who):
    person = world.person(who)
    for walk in (
        lambda: log_search.page(world.parts, person, Question(), None, 50, NOW),
        lambda: log_search.counts(world.parts, person, Question(), NOW),
        lambda: log_search.find(world.parts, person, "13999999999", NOW),
    ):
        with pytest.raises(AccessRefused):
            walk()
        refused = world.events("log.view")[-1]
        assert (refused["actor"], refused["outcome"], refused["rule"]) == (who, "refused", "no_right")


def test_every_search_is_an_event_and_looking_at_everything_is_one_of_another_name(world, auditor):
    page(world, auditor)
    page(world, auditor, role="agent")
    counts(world, auditor, role="agent")
    assert [one["action"] for one in world.events()[-3:]] == ["log.view", "log.search", "log.search"]


def test_a_page_is_full_to_its_limit_and_says_where_to_go_on(world, auditor):
    for second in range(5):
        world.now = NOW + timedelta(seconds=second)
        world.look_up(AGENT, "13999999999")
    first = page(world, auditor, action="record.lookup", limit=2)
    second = page(world, auditor, action="record.lookup", limit=2, before=first.older)
    world.look_up(AGENT, "13999999999")
    third = page(world, auditor, action="record.lookup", limit=2, before=second.older)
    assert [len(ids(one)) for one in (first, second, third)] == [2, 2, 1]
    assert len({*ids(first), *ids(second), *ids(third)}) == 5
    assert third.older is None
    assert not any(one.looked_through for one in (first, second, third))


def test_a_search_stops_after_so_many_entries_and_goes_on_from_there(world, auditor, monkeypatch):
    monkeypatch.setattr(log_search, "_MOST_LOOKED_AT", 100)
    first_of_all = page(world, auditor, limit=1, action="vault.init")
    (init,) = ids(first_of_all)
    for second in range(300):  # so many of each that none is rare, and none that is both
        at = NOW + timedelta(seconds=second)
        for actor, purpose in ((auditor.actor(), ""), (world.person(AGENT).actor(), "query")):
            event = world.parts.event(at, actor, Action.LOG_VIEW, Outcome.GRANTED, purpose=purpose)
            world.parts.log_writer.write(event)
    asked = {"actor": auditor.work_number, "role": "auditor", "purpose": "query", "limit": 1}
    stretch, pages = page(world, auditor, **asked), 1
    assert (stretch.events, stretch.looked_through) == ((), True)
    while stretch.older is not None:
        stretch, pages = page(world, auditor, before=stretch.older, **asked), pages + 1
    assert pages == 3
    assert init == 0


def test_what_was_revealed_outside_the_shift_is_found_to_the_minute(world, auditor):
    row = world.customer(owner=AGENT)
    world.now = at(7, 0)
    answer = world.look_up(AGENT, row["phone"])
    times = [at(7, 59), at(8, 0), at(19, 59), at(20, 0)]
    for moment in times:
        world.now = moment
        world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")
    found = page(world, auditor, action="record.reveal", outside_shift=True)
    assert [one.body["at"] for one in found.events] == ["2026-11-20T12:00:00.000000Z", "2026-11-19T23:59:00.000000Z"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"role": "nobody"}, "role"),
        ({"action": "record.nothing"}, "action"),
        ({"outcome": "maybe"}, "outcome"),
        ({"purpose": "fun"}, "purpose"),
        ({"actor": "A" * 65}, "person"),
        ({"since": NOW, "until": NOW}, "until"),
    ],
)
def test_a_word_on_no_list_is_refused_by_field_and_leaves_no_event(world, auditor, asked, field):
    before = len(world.events())
    for walk in (page, counts):
        with pytest.raises(InvalidValue) as refused:
            walk(world, auditor, **asked)
        assert refused.value.facts["field"] == field
    assert len(world.events()) == before


def test_counts_have_every_hour_of_the_span_and_everybody(world, auditor):
    for moment, who in ((at(9, 10), AGENT), (at(9, 50), AGENT), (at(11, 0), COLLEAGUE)):
        world.now = moment
        world.look_up(who, "13999999999")
    world.now = at(11, 30)
    counted = counts(world, auditor, action="record.lookup", since=at(9, 0))
    assert [(hour.hour, count) for hour, count in counted.hours] == [(1, 2), (2, 0), (3, 1)]
    assert counted.people == ((AGENT, 2), (COLLEAGUE, 1))
    assert counted.whole
    within = counts(world, auditor, action="record.lookup", since=at(9, 10), until=at(9, 50))
    assert [count for _, count in within.hours] == [1]
    assert (within.since, within.until) == (at(9), at(10))


def test_counts_outside_the_shift_begin_and_end_with_its_minute(world, auditor):
    for moment in (at(7, 59), at(8, 0), at(19, 59), at(20, 0)):
        world.now = moment + timedelta(seconds=59)
        world.look_up(AGENT, "13999999999")
    world.now = at(21)
    counted = counts(world, auditor, action="record.lookup", since=at(7), outside_shift=True)
    assert [(hour, count) for hour, count in counted.hours if count] == [(at(7), 1), (at(20), 1)]
    assert counted.people == ((AGENT, 2),)


def test_counts_of_one_person_name_nobody_else(world, auditor):
    world.look_up(AGENT, "13999999999")
    world.look_up(COLLEAGUE, "13999999999")
    assert counts(world, auditor, actor=COLLEAGUE, outcome="miss").people == ((COLLEAGUE, 1),)
    assert counts(world, auditor, actor="nobody").people == ()


def test_counts_reach_a_day_back_and_three_days_at_most(world, auditor):
    world.now = at(11, 30)
    assert len(counts(world, auditor).hours) == 24
    long = counts(world, auditor, since=at(0, day=1), until=at(12))
    assert (long.since, long.until) == (at(12, day=17), at(12))


def test_counting_stops_after_so_many_entries_and_says_so(world, auditor, monkeypatch):
    monkeypatch.setattr(log_search, "_MOST_COUNTED", 1)
    assert not counts(world, auditor).whole


def test_everybody_with_an_account_and_whoever_else_acted_is_listed(world, auditor):
    page(world, auditor)
    listed = log_search.actors(world.parts)
    assert {AGENT, COLLEAGUE, auditor.work_number} <= set(listed)  # whose events may wait for their place
    assert any(one.startswith("operator:") for one in listed)


def test_verifying_finds_a_term_that_was_taken_away_and_names_the_entry(world):
    world.look_up(AGENT, "13999999999")
    world.settle()
    assert log_service.verify(world.parts, with_terms=True).holds
    ((entry,),) = world.rows("SELECT max(leaf_index) FROM log_events")
    world.tamper("DELETE FROM log_terms WHERE leaf_index = :entry AND term = :term", entry=entry, term=b"actor:KF2001")
    verdict = log_service.verify(world.parts, with_terms=True)
    assert [(one.kind, one.index) for one in verdict.report.findings] == [("column_mismatch", entry)]
    world.tamper("INSERT INTO log_terms VALUES (:term, 1, 99999)", term=b"*")
    assert [one.index for one in log_service.verify(world.parts, with_terms=True).report.findings] == [None]
