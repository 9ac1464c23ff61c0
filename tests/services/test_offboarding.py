"""Off-boarding is one act: afterwards somebody who left holds nothing, and nothing of their work is lost."""

import threading
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from tests.services.staff_at_work import ADMIN, column, in_use
from tests.simulator import NOW, complaint_row, service_row, staff_row
from vault import bootstrap
from vault.domain.ids import RecordClass, new_id
from vault.domain.ledger import EntryKind
from vault.errors import (
    AccessRefused,
    IntegrityError,
    InvalidValue,
    NotFound,
    SignInRefused,
    StepUpNeeded,
    StorageError,
    StorageUnavailable,
    VaultError,
)
from vault.services import accounts, offboarding, paper, people, sessions
from vault.services.paper import NewBox
from vault.storage import grants, leaving, record_writes, records
from vault.storage.ledger import Ledger
from vault.storage.record_writes import Change
from vault.storage.tables import access_requests, handovers

AGENT, HEIR, SPECIALIST, SUPERVISOR, SOURCE = "KF2001", "KF2002", "KF2008", "KF2009", "203.0.113.9"
KINDS = ("sessions", "tokens", "grants", "requests", "handovers", "cases", "customers", "services", "boxes")
NOTHING = dict.fromkeys(KINDS, 0)


@pytest.fixture
def staffed(world):
    in_use(world, ADMIN, HEIR, SPECIALIST, SUPERVISOR)
    world.activate(AGENT)
    return world


@pytest.fixture
def alone(sqlite_world):
    in_use(sqlite_world, ADMIN, AGENT, HEIR, SPECIALIST, SUPERVISOR)
    return sqlite_world


def leave(world, successor=HEIR, work_number=AGENT, by=ADMIN):
    return offboarding.leave(world.parts, world.person(by), work_number, successor, world.now)


def plan(world, successor=HEIR, work_number=AGENT, by=ADMIN):
    return offboarding.plan(world.parts, world.person(by), work_number, successor, world.now)


def row(world, table, **values):
    with world.parts.database.write() as connection:
        connection.execute(insert(table).values(**values))
        connection.commit()


def grant(world, to, record_id, case_id, by=HEIR):
    values = {
        "grant_id": new_id(),
        "kind": "asked",
        "account_id": world.person(to).account_id,
        "record_id": record_id,
        "case_id": case_id,
        "purpose": "query",
        "granted_by": world.person(by).account_id,
        "granted_at": world.now,
        "expires_at": world.now + timedelta(hours=1),
    }
    row(world, grants.grants, **values)


def offer(world, giver, taker, state="offered"):
    row(
        world,
        handovers,
        handover_id=new_id(),
        from_account=world.person(giver).account_id,
        to_account=world.person(taker).account_id,
        offered_at=world.now,
        state=state,
    )


def at_work(world):
    """Let the agent hold one of everything: a session, a pool case, an owned customer, a grant, a request."""
    pool, owned, asked = world.customer(), world.customer(owner=AGENT), world.customer(owner=HEIR)
    found = world.look_up(AGENT, pool["phone"])
    world.look_up(AGENT, owned["phone"])
    grant(world, AGENT, world.look_up(HEIR, asked["phone"]).cards[0].record_id, found.case_id)
    row(
        world,
        access_requests,
        request_id=new_id(),
        case_id=found.case_id,
        asked_by=world.person(AGENT).account_id,
        identifier_kind="phone",
        asked_at=world.now,
        state="asked",
    )
    return pool, owned, asked, found.case_id


def owner_of(world, phone):
    card = world.look_up(HEIR, phone).cards
    return card[0].rule if card else None


# -- the act -----------------------------------------------------------------------------------------------------


def test_somebody_who_left_holds_nothing_and_their_work_goes_on(staffed):
    token = staffed.sign_in(AGENT).token
    pool, owned, _, case_id = at_work(staffed)
    record_id = staffed.look_up(AGENT, pool["phone"], case_id=case_id).cards[0].record_id
    before = plan(staffed)
    done = leave(staffed)
    assert done == before
    assert asdict(done.held) == NOTHING | {
        "sessions": 1, "grants": 1, "requests": 1, "cases": 2, "customers": 1,
    }  # fmt: skip
    assert sessions.person_of(staffed.parts, token, SOURCE, staffed.now) is None
    with pytest.raises(SignInRefused):
        staffed.sign_in(AGENT)
    with pytest.raises(NotFound):
        staffed.view(AGENT, case_id, record_id)
    assert staffed.view(HEIR, case_id, record_id).subject.record_id == record_id
    assert owner_of(staffed, owned["phone"]) == "scope.owner"
    assert staffed.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(0,)]
    assert staffed.rows("SELECT state FROM access_requests") == [("ended",)]
    assert column(staffed, AGENT, "state") == "left"
    told = staffed.rows("SELECT kind FROM notifications WHERE account_id = :a", a=staffed.person(HEIR).account_id)
    assert told == [("case_received",)]


def test_the_log_says_who_left_who_took_over_and_each_thing_that_moved(staffed):
    _, owned, _, case_id = at_work(staffed)
    customer = staffed.look_up(AGENT, owned["phone"]).cards[0].record_id
    leave(staffed)
    (event,) = staffed.events("people.left")
    assert (event["actor"], event["outcome"]) == (ADMIN, "done")
    assert event["facts"] == {"account": AGENT, "to": HEIR, "cases": 3, "count": 1, "ended": 2}
    moved = staffed.events("case.moved")
    assert case_id.hex() in {one["case"] for one in moved}
    assert {tuple(one["facts"].items()) for one in moved} == {(("account", AGENT), ("to", HEIR))}
    (given,) = staffed.events("record.owner_changed")
    assert given["records"] == [{"class": "customer", "fields": [], "id": customer.hex()}]
    assert given["facts"] == {"account": AGENT, "to": HEIR}
    assert owned["phone"] not in str(staffed.events())


def test_nothing_of_their_ways_in_is_kept(staffed):
    people.invite(staffed.parts, bootstrap.operator(staffed.config), AGENT, staffed.now)
    staffed.tamper("UPDATE accounts SET sealed_totp = sealed_name, totp_confirmed_at = 1, totp_step = 1")
    staffed.tamper(
        "INSERT INTO recovery_codes (account_id, code_hash) SELECT account_id, :h FROM accounts WHERE work_number = :n",
        h=b"\0" * 32,
        n=AGENT,
    )
    leave(staffed, "")
    kept = staffed.rows(
        "SELECT password, password_changed_at, invite_hash, invite_expires_at, sealed_totp, totp_confirmed_at,"
        " totp_step FROM accounts WHERE work_number = 'KF2001'"
    )
    assert kept == [(None,) * 7]
    assert staffed.count("recovery_codes") == staffed.count("password_history") == 0


def test_without_a_successor_customers_go_to_the_pool(staffed):
    owned = staffed.customer(owner=AGENT)
    assert owner_of(staffed, owned["phone"]) is None
    assert leave(staffed, "").held.customers == 1
    assert owner_of(staffed, owned["phone"]) == "scope.pool_case"
    assert staffed.events("record.owner_changed")[-1]["facts"] == {"account": AGENT}
    assert staffed.count("notifications") == 0


def test_a_complaint_that_was_passed_to_them_is_passed_on(staffed):
    staffed.staff(staff_row("KF3008", "complaint_specialist"))
    in_use(staffed, "KF3008")
    customer = staffed.customer()
    staffed.services(complaint_row(customer))
    assert staffed.look_up("KF3008", customer["phone"], "complaint").cards == ()
    for heir in ("", HEIR, SUPERVISOR):
        with pytest.raises(InvalidValue):
            leave(staffed, heir, SPECIALIST)
    leave(staffed, "KF3008", SPECIALIST)
    assert staffed.look_up("KF3008", customer["phone"], "complaint").cards[0].rule == "scope.open_complaint"
    with pytest.raises(NotFound):
        leave(staffed, "KF3008", SPECIALIST)


def test_who_handled_a_settled_service_stays_on_record(alone):
    customer = alone.customer()
    alone.services(service_row(customer, agent=AGENT))
    leave(alone, HEIR)
    owner = alone.rows("SELECT owner_id FROM records WHERE record_class = 'service_record'")[0][0]
    assert owner == alone.person(AGENT).account_id


def test_a_later_import_that_still_names_the_former_owner_gives_nothing_back(alone):
    owned = alone.customer(owner=AGENT)
    leave(alone)
    report = alone.load_rows("customer", [owned])
    assert report.updated == 0
    assert owner_of(alone, owned["phone"]) == "scope.owner"


def test_more_records_than_are_handed_on_in_one_go_are_all_handed_on(alone, monkeypatch):
    monkeypatch.setattr(offboarding, "AT_ONCE", 2)
    for _ in range(5):
        alone.customer(owner=AGENT)
    assert leave(alone).held.customers == 5
    assert [len(one["records"]) for one in alone.events("record.owner_changed")] == [2, 2, 1]
    assert plan(alone, AGENT, HEIR).held.customers == 5


def test_a_record_that_somebody_else_changed_meanwhile_is_not_given(staffed):
    for _ in range(3):
        staffed.customer(owner=AGENT)
    with staffed.parts.database.write() as connection:
        ids = leaving.records_to_hand_on(connection, staffed.person(AGENT).account_id)
        found = list(records.load(connection, ids).values())
        changes = [Change(one.meta.with_owner(None), b"\0" * 32, one.revision, staffed.now) for one in found]
        changes[1] = replace(changes[1], revision=changes[1].revision + 1)
        with pytest.raises(StorageError, match="changed_meanwhile"):
            record_writes.give(connection, changes)
    assert staffed.rows("SELECT count(*) FROM records WHERE owner_id IS NULL") == [(0,)]


# -- what stands in the way --------------------------------------------------------------------------------------


def refused(world, walk, error, reason):
    before = len(world.events())
    state = world.rows("SELECT * FROM accounts ORDER BY work_number")
    with pytest.raises(error) as raised:
        walk()
    assert raised.value.reason == reason
    (event,) = world.events()[before:]
    assert (event["action"], event["outcome"], event["rule"]) == ("people.left", "refused", reason)
    assert world.rows("SELECT * FROM accounts ORDER BY work_number") == state


@pytest.mark.parametrize("sides", [(AGENT, HEIR), (SUPERVISOR, AGENT)])
def test_nobody_leaves_while_a_hand_over_waits_for_an_answer(staffed, sides):
    at_work(staffed)
    offer(staffed, *sides)
    assert plan(staffed).hindrance == "handovers_open"
    refused(staffed, lambda: leave(staffed), InvalidValue, "handovers_open")
    assert staffed.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(1,)]
    staffed.tamper("UPDATE handovers SET state = 'withdrawn'")
    assert plan(staffed).hindrance == ""
    leave(staffed)


def test_open_cases_need_somebody_who_can_take_them_over(alone):
    alone.look_up(AGENT, "13999999999", "pickup")
    alone.staff(staff_row("KF3001"), staff_row("KF3002"))
    in_use(alone, "KF3001")
    accounts.suspend(alone.parts, alone.person(ADMIN), "KF3001", alone.now)
    refused(alone, lambda: leave(alone, ""), InvalidValue, "successor_needed")
    not_possible = ("KF3001", "KF3002", AGENT, "KF9999", "KF2014", SPECIALIST, "' --")
    for heir in not_possible:
        assert plan(alone, heir).hindrance == "successor_not_possible"
        refused(alone, lambda heir=heir: leave(alone, heir), InvalidValue, "successor_not_possible")
    leave(alone, SUPERVISOR)


def test_left_is_final(alone):
    leave(alone, "")
    admin = alone.person(ADMIN)
    for act in (accounts.unlock, accounts.lock, accounts.suspend, accounts.reset, accounts.invite):
        with pytest.raises(InvalidValue, match="act_not_possible"):
            act(alone.parts, admin, AGENT, alone.now)
    with pytest.raises(NotFound):
        people.invite(alone.parts, bootstrap.operator(alone.config), AGENT, alone.now)
    with pytest.raises(NotFound):
        accounts.change_place(alone.parts, admin, AGENT, "agent", "", "", alone.now)
    refused(alone, lambda: leave(alone, ""), NotFound, "account")
    assert column(alone, AGENT, "state") == "left"


def test_only_an_administrator_off_boards_and_never_themselves(alone):
    for by in (SUPERVISOR, HEIR):
        refused(alone, lambda by=by: leave(alone, "", AGENT, by), AccessRefused, "no_right")
        with pytest.raises(AccessRefused):
            plan(alone, "", AGENT, by)
    refused(alone, lambda: leave(alone, "", ADMIN), AccessRefused, "own_account")
    stale = replace(alone.person(ADMIN), proved_at=NOW - timedelta(minutes=6))
    with pytest.raises(StepUpNeeded):
        offboarding.leave(alone.parts, stale, AGENT, "", NOW)
    assert plan(alone, "").hindrance == ""
    assert column(alone, AGENT, "state") == "active"


# -- all or nothing ----------------------------------------------------------------------------------------------


def snapshot(world):
    tables = ("accounts", "sessions", "grants", "cases", "records", "access_requests", "notifications")
    return {name: sorted(map(str, world.rows(f"SELECT * FROM {name}"))) for name in tables}


def test_when_its_last_statement_fails_nothing_was_done(staffed):
    staffed.sign_in(AGENT)
    at_work(staffed)
    staffed.tamper("ALTER TABLE notifications RENAME TO away")
    kept = ("accounts", "sessions", "grants", "cases", "records", "access_requests")
    before = {name: sorted(map(str, staffed.rows(f"SELECT * FROM {name}"))) for name in kept}
    events = len(staffed.events())
    with pytest.raises(VaultError):
        leave(staffed)
    assert {name: sorted(map(str, staffed.rows(f"SELECT * FROM {name}"))) for name in kept} == before
    assert len(staffed.events()) == events
    staffed.tamper("ALTER TABLE away RENAME TO notifications")
    leave(staffed)


def test_a_customer_edited_behind_the_vaults_back_stops_it_and_is_reported(staffed):
    at_work(staffed)
    before = snapshot(staffed)
    staffed.tamper("UPDATE records SET outlet = 'XX' WHERE owner_id = :a", a=staffed.person(AGENT).account_id)
    with pytest.raises(IntegrityError):
        leave(staffed)
    assert staffed.events("record.integrity_failure")
    staffed.tamper("UPDATE records SET outlet = 'NJ-GL-01' WHERE outlet = 'XX'")
    assert snapshot(staffed) == before


def test_of_two_administrators_who_off_board_at_once_one_does_it(staffed):
    staffed.staff(staff_row("ADMIN02", "admin"))
    in_use(staffed, "ADMIN02")
    at_work(staffed)
    admins = [staffed.person(one) for one in (ADMIN, "ADMIN02")]
    start, results = threading.Barrier(2), []

    def act(admin):
        start.wait()
        try:
            offboarding.leave(staffed.parts, admin, AGENT, HEIR, staffed.now)
        except VaultError as refusal:
            results.append(refusal.reason)
        else:
            results.append("done")

    threads = [threading.Thread(target=act, args=(one,)) for one in admins]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(results) == ["account", "done"]
    assert len(staffed.events("people.left", "done")) == 1


def test_the_plan_changes_nothing(alone):
    at_work(alone)
    before = snapshot(alone)
    assert plan(alone).held.cases == 2
    assert snapshot(alone) == before
    assert alone.events("people.list")[-1]["facts"] == {"account": AGENT}


# -- what a restore must not forget --------------------------------------------------------------------------------


def left_by_the_ledger(world):
    return [one.about for one in world.parts.ledger.entries() if one.kind is EntryKind.ACCOUNT_LEFT]


def test_the_ledger_remembers_who_left_and_nobody_who_stayed(staffed):
    account_id = staffed.person(AGENT).account_id
    with pytest.raises(InvalidValue):
        leave(staffed, successor="KF9999")
    assert left_by_the_ledger(staffed) == []
    leave(staffed)
    assert left_by_the_ledger(staffed) == [account_id]


def test_nobody_leaves_whom_the_ledger_could_not_remember(staffed, monkeypatch):
    def full(*_):
        raise StorageUnavailable("ledger_unwritable")

    monkeypatch.setattr(Ledger, "append", full)
    with pytest.raises(StorageUnavailable):
        leave(staffed)
    assert column(staffed, AGENT, "state") == "active"


# -- boxes of paper ------------------------------------------------------------------------------------------------


OFFICER, BOX = "KF2012", NewBox("GL-2024-001", RecordClass.SHIPMENT, "NJ-GL-01", AGENT, newest_on=date(2024, 3, 1))


@pytest.fixture
def keeper(staffed):
    """A vault in which the agent keeps a box and nothing else."""
    in_use(staffed, OFFICER)
    paper.register(staffed.parts, staffed.person(OFFICER), BOX, staffed.now)
    return staffed


def kept_by(world):
    return [row[0] for row in world.rows("SELECT work_number FROM paper_boxes JOIN accounts ON account_id = custodian")]


def test_whoever_keeps_a_box_does_not_leave_without_somebody_who_keeps_it_from_then_on(keeper):
    before = plan(keeper, successor="")
    assert (before.hindrance, before.held.boxes) == ("successor_needed", 1)
    with pytest.raises(InvalidValue) as refused:
        leave(keeper, successor="")
    assert refused.value.reason == "successor_needed"
    assert (column(keeper, AGENT, "state"), kept_by(keeper)) == ("active", [AGENT])
    leave(keeper)
    assert kept_by(keeper) == [HEIR]
    (event,) = keeper.events("paper.handed_on")
    assert (event["actor"], event["facts"]["account"], event["facts"]["to"]) == (ADMIN, AGENT, HEIR)
    told = keeper.rows("SELECT kind FROM notifications WHERE account_id = :a", a=keeper.person(HEIR).account_id)
    assert told == [("box_received",)]


def test_a_box_alone_may_go_to_anybody_who_works_here_but_customers_may_not(keeper):
    assert plan(keeper, successor=OFFICER).hindrance == ""
    keeper.customer(owner=AGENT)
    assert plan(keeper, successor=OFFICER).hindrance == "successor_not_possible"
    assert plan(keeper, successor="KF2014").hindrance == "successor_not_possible"  # has never been here


def test_a_box_that_is_gone_keeps_nobody(keeper):
    in_use(keeper, "KF2013")
    box_id = paper.labelled(keeper.parts, keeper.person(OFFICER), BOX.label, keeper.now)
    paper.say_shredded(keeper.parts, keeper.person(OFFICER), box_id, keeper.now)
    assert plan(keeper, successor="").hindrance == "successor_needed"
    paper.witness(keeper.parts, keeper.person("KF2013"), box_id, keeper.now)
    assert plan(keeper, successor="").hindrance == ""
    leave(keeper, successor="")
    assert kept_by(keeper) == [AGENT]


def test_nobody_who_left_is_given_a_box_by_somebody_who_does_it_at_the_same_moment(keeper):
    """Leaving and handing a box to whoever leaves end in some order: the box is never with somebody who left."""
    in_use(keeper, "KF2013", "KF2004")
    second = replace(BOX, label="GL-2024-002", custodian="KF2004")
    box_id = paper.register(keeper.parts, keeper.person(OFFICER), second, keeper.now)
    start = threading.Barrier(2)

    def hand():
        start.wait()
        with suppress(VaultError):
            paper.hand_on(keeper.parts, keeper.person(OFFICER), box_id, AGENT, keeper.now)

    thread = threading.Thread(target=hand)
    thread.start()
    start.wait()
    leave(keeper)
    thread.join()
    assert AGENT not in kept_by(keeper)
