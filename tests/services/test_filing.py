import json
import re
import threading
from datetime import timedelta

import pytest

from tests.simulator import NOW, complaint_row, customer_row, shown
from vault.domain.clocks import Light
from vault.domain.ids import RecordClass, new_id
from vault.errors import AccessRefused, IntegrityError, InvalidValue, NotFound, StorageError, VaultError
from vault.services import asking, cases, filing, lookup
from vault.services.cases import close
from vault.services.filing import Filing
from vault.services.steps import activity, attempts
from vault.services.steps.closing import close_case
from vault.storage import cases as stored_cases
from vault.storage.unit_of_work import unit_of_work

AGENT, COLLEAGUE, SPECIALIST, ADMINISTRATOR = "KF2001", "KF2002", "KF2008", "GL2001"
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
TEXT = "客户询问包裹何时送到，已答复。\n电话 13900000000"


def enter(customer, **changes):
    values = {
        "customer": customer,
        "kind": "consultation",
        "channel": "phone",
        "ended_at": None,
        "text": TEXT,
        "result": "resolved",
        "notice_version": "notice-2024-1",
        "notice_channel": "phone",
    }
    return Filing(**(values | changes))


def found(world, row, who=AGENT, **options):
    """Look a customer up; return the case and the record."""
    answer = world.look_up(who, row["phone"], **options)
    (card,) = answer.cards
    return answer.case_id, card.record_id


def file(world, case_id, entered, who=AGENT):
    return filing.file(world.parts, world.person(who), case_id, entered, world.now)


def stored(world, record_id):
    """Return what a service record holds in clear columns, and sealed."""
    names = (
        "record_class, owner_id, outlet, kind, state, activity_at, expires_at, customer_id, shipment_id, late, "
        "notice_missing, import_revision, entered_at"
    )
    (row,) = world.rows(f"SELECT {names} FROM records WHERE record_id = :id", id=record_id)
    sealed = world.opened()[record_id]
    return dict(zip(re.split(r",\s*", names), row, strict=True)), sealed


def refusal(world, case_id, entered, who=AGENT):
    with pytest.raises(InvalidValue) as raised:
        file(world, case_id, entered, who)
    return raised.value.reason, raised.value.facts["field"]


def micros(at):
    return round(at.timestamp() * 1_000_000)


@pytest.fixture
def call(world):
    """A pool customer, and the case in which an agent found them."""
    row = world.customer()
    return found(world, row)


# -- what is stored ----------------------------------------------------------------------------------------------


def test_a_filed_record_is_sealed_and_holds_what_an_imported_one_does_and_the_notice(world, call):
    case_id, customer = call
    world.now = NOW + 5 * MINUTE
    filed = file(world, case_id, enter(customer, ended_at=NOW + 3 * MINUTE))
    row, sealed = stored(world, filed.record_id)
    agent = world.person(AGENT)
    assert (row["record_class"], row["kind"], row["state"]) == ("service_record", "consultation", "settled")
    assert (bytes(row["owner_id"]), row["outlet"]) == (agent.account_id, agent.outlet)
    assert (bytes(row["customer_id"]), row["shipment_id"]) == (customer, None)
    assert (bool(row["late"]), bool(row["notice_missing"]), row["import_revision"]) == (False, False, None)
    assert (row["activity_at"], row["entered_at"]) == (micros(NOW + 3 * MINUTE), micros(world.now))
    assert sealed["text", 0] == TEXT
    assert json.loads(sealed["details", 0]) == {
        "channel": "phone",
        "started_at": "2026-11-20T03:00:00Z",
        "ended_at": "2026-11-20T03:03:00Z",
        "entered_at": "2026-11-20T03:05:00Z",
        "result": "resolved",
        "complaint_category": "",
        "complaint_severity": "",
        "rating": "",
        "notice": {"version": "notice-2024-1", "channel": "phone", "at": "2026-11-20T03:03:00Z"},
    }
    assert set(sealed) == {("text", 0), ("details", 0)}
    assert world.rows("SELECT count(*) FROM record_index WHERE record_id = :id", id=filed.record_id) == [(0,)]


def test_a_settled_record_is_kept_a_year_and_an_open_one_waits_in_the_newest_cohort(world, call):
    case_id, customer = call
    settled = file(world, case_id, enter(customer, closes=False))
    complaint = enter(customer, kind="complaint", result="in_progress", category="quality", severity="major")
    still_open = file(world, case_id, complaint)
    ends = dict(world.rows("SELECT record_id, end_on FROM records JOIN cohorts USING (cohort_id)"))
    ends = {bytes(key): str(end) for key, end in ends.items()}
    newest = max(str(end) for (end,) in world.rows("SELECT end_on FROM cohorts WHERE record_class = 'service_record'"))
    row, _ = stored(world, settled.record_id)
    assert (row["expires_at"], ends[settled.record_id]) == (micros(NOW.replace(2027, 11, 20, 16, 0)), "2027-11-30")
    row, sealed = stored(world, still_open.record_id)
    assert (row["state"], row["expires_at"], ends[still_open.record_id]) == ("open", None, newest)
    details = json.loads(sealed["details", 0])
    assert (details["complaint_category"], details["complaint_severity"]) == ("quality", "major")


def test_nothing_of_the_record_stands_in_clear_in_log_or_database(world, call):
    case_id, customer = call
    file(world, case_id, enter(customer))
    (event,) = world.events("service.filed")
    assert "13900000000" not in json.dumps(world.events())
    assert (event["outcome"], event["case"], event["rule"], event["facts"]) == (
        "done",
        case_id.hex(),
        "scope.pool_case",
        {"late": 0},
    )
    assert [(one["class"], one["fields"]) for one in event["records"]] == [("service_record", []), ("customer", [])]
    sealed = world.rows("SELECT sealed FROM record_fields WHERE field IN ('text', 'details')")
    assert all(TEXT[:4].encode() not in bytes(value) for (value,) in sealed)


def test_a_filed_record_is_seen_on_its_customer_and_its_content_can_be_revealed(world, call):
    case_id, customer = call
    filed = file(world, case_id, enter(customer, closes=False))
    card = next(one for one in world.view(AGENT, case_id, customer).related if one.record_id == filed.record_id)
    assert TEXT not in str(shown(card))
    world.verify_caller(AGENT, case_id, customer)
    assert world.reveal(AGENT, case_id, filed.record_id, "text") == TEXT


def test_filing_moves_the_customers_activity_on_and_never_back(world):
    row = world.customer()
    case_id, customer = found(world, row)
    query = "SELECT activity_at, expires_at FROM records WHERE record_id = :id"
    file(world, case_id, enter(customer, closes=False))
    assert world.rows(query, id=customer) == [(micros(NOW), micros(NOW.replace(2028, 11, 20, 16, 0)))]
    file(world, case_id, enter(customer, ended_at=NOW - timedelta(hours=3)))
    assert world.rows(query, id=customer) == [(micros(NOW), micros(NOW.replace(2028, 11, 20, 16, 0)))]


def test_a_customer_that_an_import_left_alone_is_still_the_imports_own_after_a_filing(world):
    row = world.customer()
    case_id, customer = found(world, row)
    file(world, case_id, enter(customer))
    report = world.load_rows("customer", [row | {"name": "王大明"}])
    assert (report.updated, report.conflicts) == (1, [])


# -- whom it hangs on --------------------------------------------------------------------------------------------


def test_from_a_shipment_the_party_in_scope_is_chosen_and_the_other_is_not_there(world):
    sender, recipient = world.customer(), world.customer(owner=COLLEAGUE)
    shipment = world.shipment(sender, recipient)
    answer = world.look_up(AGENT, shipment["waybill"])
    ids = {card.part: card.record_id for card in answer.cards}
    with pytest.raises(NotFound):
        file(world, answer.case_id, enter(ids["recipient"], shipment=ids["match"]))
    assert world.events("service.filed")[-1]["outcome"] == "refused"
    filed = file(world, answer.case_id, enter(ids["sender"], shipment=ids["match"]))
    row, _ = stored(world, filed.record_id)
    assert (bytes(row["customer_id"]), bytes(row["shipment_id"])) == (ids["sender"], ids["match"])


def test_a_shipment_of_somebody_else_or_no_shipment_at_all_is_not_there(world, call):
    case_id, customer = call
    sender, recipient = world.customer(owner=AGENT), world.customer(owner=AGENT)
    own = world.look_up(AGENT, world.shipment(sender, recipient)["waybill"]).cards[0].record_id
    strangers = customer_row(owner=COLLEAGUE), customer_row(owner=COLLEAGUE)
    world.customers(*strangers)
    world.shipment(*strangers)
    hidden = bytes(world.rows("SELECT record_id FROM records WHERE record_class = 'shipment'")[-1][0])
    before = world.count("records")
    for shipment in (own, hidden, customer, new_id()):
        with pytest.raises(NotFound):
            file(world, case_id, enter(customer, shipment=shipment))
    assert world.count("records") == before


def test_no_record_hangs_on_a_customer_out_of_scope_or_on_what_is_no_customer(world, call):
    case_id, customer = call
    owned = world.customer(owner=COLLEAGUE)
    other = found(world, owned, COLLEAGUE)[1]
    elsewhere = found(world, world.customer())[1]  # a pool customer of another case
    service = file(world, case_id, enter(customer, closes=False)).record_id
    for target in (other, elsewhere, service, new_id()):
        with pytest.raises(NotFound):
            file(world, case_id, enter(target))
    outcomes = [one["outcome"] for one in world.events("service.filed")]
    assert outcomes == ["done", "refused", "refused", "miss"]  # the service record is in scope, and no customer


def test_nobody_files_from_a_case_that_is_not_theirs(world, call):
    case_id, customer = call
    for who, case in ((COLLEAGUE, case_id), (SPECIALIST, case_id), (AGENT, new_id())):
        with pytest.raises(NotFound):
            file(world, case, enter(customer), who)


def test_a_role_that_lost_its_look_up_files_nothing_from_then_on(world, call):
    case_id, customer = call
    world.tamper("UPDATE accounts SET role = 'quality_inspector' WHERE work_number = :who", who=AGENT)
    with pytest.raises(AccessRefused):
        file(world, case_id, enter(customer))
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(0,)]


def test_a_specialist_files_on_the_customer_of_a_complaint_passed_on(world):
    row = world.customer(owner=COLLEAGUE)
    world.services(complaint_row(row, SPECIALIST))
    case_id, customer = found(world, row, SPECIALIST, purpose="complaint")
    filed = file(world, case_id, enter(customer, kind="callback"), SPECIALIST)
    assert stored(world, filed.record_id)[0]["kind"] == "callback"


# -- the clock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beyond", "late"), [(-SECOND, False), (timedelta(0), False), (SECOND, True)])
def test_thirty_minutes_after_the_service_end_are_in_time_and_a_second_more_is_late(world, call, beyond, late):
    case_id, customer = call
    world.now = NOW + 30 * MINUTE + beyond
    filed = file(world, case_id, enter(customer, ended_at=NOW))
    assert (filed.late, bool(stored(world, filed.record_id)[0]["late"])) == (late, late)
    assert world.events("service.filed")[-1]["facts"] == {"late": int(late)}
    listed = cases.board(world.parts, world.person(AGENT), world.now).late
    assert [one.record_id for one in listed] == ([filed.record_id] if late else [])


def test_a_late_entry_is_listed_to_its_agent_alone_with_both_times(world, call):
    case_id, customer = call
    world.now = NOW + timedelta(hours=2)
    filed = file(world, case_id, enter(customer, kind="complaint", category="price", severity="general", ended_at=NOW))
    (line,) = cases.board(world.parts, world.person(AGENT), world.now).late
    assert (line.record_id, line.kind, line.ended_at, line.entered_at) == (
        filed.record_id,
        "complaint",
        NOW,
        world.now,
    )
    assert cases.board(world.parts, world.person(COLLEAGUE), world.now).late == ()
    assert cases.board(world.parts, world.person(AGENT), NOW + timedelta(days=400)).late == ()


def test_a_service_cannot_end_in_the_future_or_long_before_its_case(world, call):
    case_id, customer = call
    assert refusal(world, case_id, enter(customer, ended_at=NOW + SECOND)) == ("date_in_future", "ended_at")
    early = NOW - timedelta(hours=12)
    assert refusal(world, case_id, enter(customer, ended_at=early - SECOND)) == ("ended_too_early", "ended_at")
    filed = file(world, case_id, enter(customer, ended_at=early))
    details = json.loads(stored(world, filed.record_id)[1]["details", 0])
    assert details["started_at"] == details["ended_at"]  # it ended before its case was opened


# -- what cannot be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"kind": "praise"}, "not_on_list", "kind"),
        ({"channel": "letter"}, "not_on_list", "channel"),
        ({"result": ""}, "not_on_list", "result"),
        ({"notice_version": ""}, "notice_not_given", "notice"),
        ({"notice_version": "notice-1999-1"}, "notice_not_given", "notice"),
        ({"notice_channel": ""}, "notice_not_given", "notice"),
        ({"kind": "complaint", "severity": "major"}, "not_on_list", "category"),
        ({"kind": "complaint", "category": "price"}, "not_on_list", "severity"),
        ({"kind": "complaint", "category": "weather", "severity": "major"}, "not_on_list", "category"),
        ({"category": "price"}, "not_of_this_kind", "category"),
        ({"severity": "major"}, "not_of_this_kind", "severity"),
        ({"rating": "5"}, "not_of_this_kind", "rating"),
        ({"kind": "rating"}, "not_on_list", "rating"),
        ({"kind": "rating", "rating": "6"}, "not_on_list", "rating"),
        ({"kind": "rating", "rating": "٣"}, "not_on_list", "rating"),
        ({"text": " \r\n "}, "value_missing", "text"),
        ({"text": "字" * 2001}, "text_too_long", "text"),
        ({"text": "a\x1b[2Jb"}, "control_character", "text"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_nothing_is_stored(sqlite_world, changes, reason, field):
    world = sqlite_world
    case_id, customer = found(world, world.customer())
    assert refusal(world, case_id, enter(customer, **changes)) == (reason, field)
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(0,)]
    assert world.rows("SELECT closed_at FROM cases") == [(None,)]
    assert world.events("service.filed") == []


def test_every_kind_can_be_filed(sqlite_world):
    world = sqlite_world
    case_id, customer = found(world, world.customer())
    for kind, more in (
        ("consultation", {}),
        ("complaint", {"category": "attitude", "severity": "general"}),
        ("callback", {}),
        ("rating", {"rating": "5"}),
    ):
        filed = file(world, case_id, enter(customer, kind=kind, closes=False, **more))
        row, sealed = stored(world, filed.record_id)
        assert row["kind"] == kind
        assert json.loads(sealed["details", 0])["rating"] == more.get("rating", "")


def test_a_customer_edited_behind_the_vault_stops_the_filing_and_is_reported(world, call):
    case_id, customer = call
    world.tamper("UPDATE records SET outlet = 'XM-00-00' WHERE record_id = :id", id=customer)
    with pytest.raises(IntegrityError):
        file(world, case_id, enter(customer))
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(0,)]
    assert world.events("record.integrity_failure")


# -- the end of the case -----------------------------------------------------------------------------------------


def test_filing_closes_the_case_unless_told_otherwise(world, call):
    case_id, customer = call
    file(world, case_id, enter(customer, closes=False))
    assert world.rows("SELECT closed_at FROM cases") == [(None,)]
    world.now = NOW + MINUTE
    file(world, case_id, enter(customer))
    assert world.rows("SELECT closed_at FROM cases") == [(micros(world.now),)]
    (event,) = world.events("case.closed")
    assert (event["case"], event["facts"]) == (case_id.hex(), {"reason": "service_filed"})
    with pytest.raises(NotFound):
        file(world, case_id, enter(customer))


def test_a_case_is_closed_without_a_record_for_a_reason_of_the_list(world, call):
    case_id, _ = call
    with pytest.raises(InvalidValue) as raised:
        close(world.parts, world.person(AGENT), case_id, "service_filed", world.now)
    assert (raised.value.reason, raised.value.facts) == ("not_on_list", {"field": "reason"})
    with pytest.raises(NotFound):
        close(world.parts, world.person(COLLEAGUE), case_id, "duplicate", world.now)
    close(world.parts, world.person(AGENT), case_id, "duplicate", world.now)
    (event,) = world.events("case.closed")
    assert (event["outcome"], event["purpose"], event["facts"]) == ("done", "query", {"reason": "duplicate"})
    with pytest.raises(NotFound):
        close(world.parts, world.person(AGENT), case_id, "duplicate", world.now)
    assert world.count("records") == 1


def test_a_closed_case_gives_nothing_any_more(world):
    row = world.customer()
    case_id, customer = found(world, row)
    service = file(world, case_id, enter(customer)).record_id
    person = world.person(AGENT)
    for attempt in (
        lambda: world.view(AGENT, case_id, customer),
        lambda: world.view(AGENT, case_id, service),
        lambda: world.reveal(AGENT, case_id, customer, "name"),
        lambda: world.reveal(AGENT, case_id, service, "text"),
        lambda: lookup.look_up(world.parts, person, row["phone"], "query", world.now, case_id=case_id),
        lambda: asking.ask(world.parts, person, case_id, row["phone"], world.now),
        lambda: close(world.parts, person, case_id, "duplicate", world.now),
        lambda: file(world, case_id, enter(customer)),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_two_filings_at_once_that_close_the_case_become_one(world, call):
    case_id, customer = call
    start, outcomes = threading.Barrier(2), []

    def race():
        start.wait()
        try:
            outcomes.append(file(world, case_id, enter(customer)).late)
        except NotFound:
            outcomes.append("closed already")

    racers = [threading.Thread(target=race) for _ in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(map(str, outcomes)) == ["False", "closed already"]
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(1,)]


def test_many_filings_at_once_on_one_customer_are_all_stored(world):
    row = world.customer()
    calls = [found(world, row) for _ in range(3)]
    failed = []

    def one(number, case_id, customer):
        try:
            file(world, case_id, enter(customer, ended_at=NOW - number * SECOND))
        except VaultError as error:
            failed.append(error)

    racers = [threading.Thread(target=one, args=(number, *call)) for number, call in enumerate(calls)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert failed == []
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(3,)]
    assert world.rows("SELECT activity_at FROM records WHERE record_class = 'customer'") == [(micros(NOW),)]


def test_a_filing_that_was_overtaken_is_made_anew_and_gives_up_after_the_third_time(world, call, monkeypatch):
    case_id, customer = call
    real, tried = activity.move_activity, []

    def overtaken(times):
        def move(*given):
            tried.append(given)
            if len(tried) <= times:
                raise StorageError("changed_meanwhile")
            real(*given)

        return move

    monkeypatch.setattr(filing, "move_activity", overtaken(2))
    file(world, case_id, enter(customer, closes=False))
    assert len(tried) == 3
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(1,)]
    tried.clear()
    monkeypatch.setattr(filing, "move_activity", overtaken(9))
    with pytest.raises(StorageError):
        file(world, case_id, enter(customer))
    assert len(tried) == 3
    assert world.rows("SELECT count(*) FROM records WHERE record_class = 'service_record'") == [(1,)]
    assert world.rows("SELECT closed_at FROM cases") == [(None,)]


def test_another_fault_of_the_database_is_not_tried_again():
    tried = []

    def attempt():
        tried.append(1)
        raise StorageError("conflict")

    with pytest.raises(StorageError):
        attempts.until_stored(attempt)
    assert tried == [1]


# -- the board ---------------------------------------------------------------------------------------------------


def test_the_board_shows_open_cases_by_their_clock_and_closed_ones_apart(world):
    row = world.customer()
    made = []
    for minutes in (31, 20, 5):
        world.now = NOW - minutes * MINUTE
        made.append(found(world, row)[0])
    world.now = NOW
    missed = world.look_up(AGENT, "13999999999").case_id
    gone = world.look_up(AGENT, "13999999999").case_id
    close(world.parts, world.person(AGENT), gone, "nothing_found", world.now)
    board = cases.board(world.parts, world.person(AGENT), world.now)
    clocks = {one.case.case_id: (one.clock, one.record_id is not None) for one in board.still_open}
    assert clocks == {
        made[0]: (Light.LATE, True),
        made[1]: (Light.AMBER, True),
        made[2]: (Light.GREEN, True),
        missed: (Light.GREEN, False),
    }
    assert [one.case.case_id for one in board.still_open] == [missed, *made[::-1]]
    assert [one.case_id for one in board.closed] == [gone]
    opened, _ = cases.my_cases(world.parts, world.person(AGENT), world.now)
    assert [one.case_id for one in opened][-1] == gone


def test_a_case_on_a_shipment_is_gone_on_with_from_the_shipment(world):
    shipment = world.shipment(world.customer(), world.customer())
    answer = world.look_up(AGENT, shipment["waybill"])
    (line,) = cases.board(world.parts, world.person(AGENT), world.now).still_open
    assert line.record_id == answer.cards[0].record_id
    assert answer.cards[0].record_class is RecordClass.SHIPMENT


def test_who_comes_second_to_close_a_case_is_told_that_it_is_not_there(world, call):
    case_id, _ = call
    person = world.person(AGENT)
    with world.parts.database.read() as connection:
        case = stored_cases.case(connection, case_id)
    with unit_of_work(world.parts.database) as work:
        close_case(world.parts, work, person, case, "duplicate", NOW)
        with pytest.raises(NotFound):
            close_case(world.parts, work, person, case, "duplicate", NOW + SECOND)
        work.commit()
    assert world.rows("SELECT closed_at FROM cases") == [(micros(NOW),)]
    assert len(world.events("case.closed")) == 1
