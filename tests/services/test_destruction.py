"""Carrying out a plan: only what two signed, only what the rules still say, resumable, one process at a time."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import destroying
from tests.destroying import APPROVER, PROPOSER, approved, fill, ids, is_whole, run
from vault.domain.destruction import ItemState, PlanState
from vault.domain.ledger import EntryKind
from vault.errors import (
    AccessRefused,
    AlreadyDecided,
    IntegrityError,
    InvalidValue,
    NotFound,
    StepUpNeeded,
    StorageUnavailable,
)
from vault.services import clock, destruction, destruction_pausing, holds, retention
from vault.services.holds import Why
from vault.services.steps.due import expiries
from vault.storage import record_writes, records
from vault.storage.record_writes import Change, Origin
from vault.storage.unit_of_work import unit_of_work

ALL = 8


def refused(world, plan_id, work_number=APPROVER):
    with pytest.raises(AccessRefused) as raised:
        run(world, plan_id, work_number)
    return raised.value.reason


def states(world):
    return dict(world.rows("SELECT state, count(*) FROM destruction_items GROUP BY state"))


def ledger(world, kind):
    return [one for entry in world.parts.ledger.entries() if entry.kind is kind for one in entry.ids]


def plan_state(world, plan_id):
    return world.rows("SELECT state FROM destruction_plans WHERE plan_id = :p", p=plan_id)[0][0]


def test_what_two_officers_signed_is_destroyed_and_nothing_else(world):
    living = world.customer()
    old = fill(world)
    plan_id = approved(world)
    ran = run(world, plan_id)
    assert (ran.plan.state, ran.counts, ran.tried) == (PlanState.DONE, {ItemState.DESTROYED: ALL}, ALL)
    assert world.count("records") == 1
    assert world.count("tombstones") == ALL
    assert world.look_up("KF2001", living["phone"]).cards
    assert not world.look_up("KF2001", old.customers[0]["phone"]).cards
    is_whole(world)


def test_the_log_tells_who_began_what_was_destroyed_and_how_it_ended(world):
    fill(world, customers=1, shipments=0, services=1)
    plan_id = approved(world)
    run(world, plan_id)
    (begun,), (ended,) = world.events("destruction.started"), world.events("destruction.finished")
    assert (begun["actor"], begun["facts"]) == (APPROVER, {"plan": plan_id.hex(), "due": 2})
    assert ended["facts"] == {"plan": plan_id.hex(), "destroyed": 2, "held": 0, "kept": 0}
    gone = world.events("record.destroyed")
    assert [one["records"][0]["class"] for one in gone] == ["service_record", "customer"]
    assert all(one["records"][0]["fields"] == [] and one["facts"] == {"plan": plan_id.hex()} for one in gone)
    world.settle()
    assert world.verify().holds


def test_what_links_to_others_goes_first_then_what_is_due_longest(world, monkeypatch):
    monkeypatch.setattr(destruction, "BATCH", 3)
    fill(world)
    run(world, approved(world))
    classes = [one["records"][0]["class"] for one in world.events("record.destroyed")]
    assert classes == ["service_record"] * 2 + ["shipment"] * 2 + ["customer"] * 4


def test_the_ledger_has_intents_before_and_facts_after_one_entry_each_for_a_batch(world, monkeypatch):
    monkeypatch.setattr(destruction, "BATCH", 3)
    fill(world)
    plan_id = approved(world)
    run(world, plan_id)
    entries = [one for one in world.parts.ledger.entries() if one.about == plan_id]
    assert [one.kind for one in entries] == [EntryKind.ERASE_INTENT, EntryKind.ERASED] * 3
    assert [len(one.ids) for one in entries] == [3, 3, 3, 3, 2, 2]
    assert sorted(ledger(world, EntryKind.ERASED)) == sorted(
        row[0] for row in world.rows("SELECT record_id FROM tombstones")
    )


def test_the_plan_says_who_carries_it_out_and_keeps_a_digest_of_each_wrap(world):
    fill(world, customers=1, shipments=0, services=0)
    plan_id = approved(world)
    destruction.tend(world.parts, world.now)
    assert world.rows("SELECT executed_by, state FROM destruction_plans WHERE plan_id = :p", p=plan_id) == [
        ("system", "done")
    ]
    ((wrap,),) = world.rows("SELECT wrap_digest FROM destruction_items")
    assert len(wrap) == 32


# -- when it may begin ---------------------------------------------------------------------------------------------


def test_nothing_runs_before_its_time_and_nothing_after_the_approval_is_over(world):
    fill(world)
    plan_id = approved(world)
    begins = world.now
    world.now = begins - timedelta(seconds=1)
    assert refused(world, plan_id) == "plan_cools"
    destruction.tend(world.parts, world.now)
    world.now = begins - destroying.COOLED + world.parts.policy.destruction.approval()
    clock.tend(world.parts, world.now)
    assert refused(world, plan_id) == "approval_over"
    destruction.tend(world.parts, world.now)
    assert world.count("tombstones") == 0
    world.now -= timedelta(seconds=1)
    run(world, plan_id)
    assert world.count("tombstones") == ALL


@pytest.mark.parametrize("step", ["draft", "proposed", "stopped", "superseded", "done"])
def test_a_plan_in_any_other_state_is_refused(world, step):
    fill(world)
    plan_id = destroying.drafted(world)
    if step != "draft":
        retention.propose(world.parts, world.person(PROPOSER), plan_id, world.now)
    if step == "stopped":
        retention.stop(world.parts, world.person(PROPOSER), plan_id, world.now)
    if step == "superseded":
        world.tamper("UPDATE destruction_plans SET state = 'superseded'")
    if step == "done":
        retention.approve(world.parts, world.person(APPROVER), plan_id, world.now)
        world.now += destroying.COOLED
        run(world, plan_id)
    gone = world.count("tombstones")
    wanted = {"draft": "plan_not_approved", "proposed": "plan_not_approved"}
    assert refused(world, plan_id) == wanted.get(step, f"plan_{step}")
    destruction.tend(world.parts, world.now)
    assert world.count("tombstones") == gone
    assert [one["rule"] for one in world.events("destruction.started", "refused")] == [wanted.get(step, f"plan_{step}")]


@pytest.mark.parametrize("work_number", ["KF2001", "ADMIN01", "KF2011"])
def test_who_may_not_destroy_carries_nothing_out(world, work_number):
    fill(world)
    plan_id = approved(world)
    for act in (
        destruction.execute,
        destruction_pausing.pause,
        destruction_pausing.resume,
        destruction_pausing.give_up,
    ):
        with pytest.raises(AccessRefused) as raised:
            act(world.parts, world.person(work_number), plan_id, world.now)
        assert raised.value.reason == "no_right"
    assert world.count("tombstones") == 0
    assert len([one for one in world.events("", "refused") if one["rule"] == "no_right"]) == 4


def test_a_plan_of_nobody_is_not_found(world):
    fill(world)
    with pytest.raises(NotFound):
        run(world, bytes(16))


@pytest.mark.parametrize("officer", [PROPOSER, APPROVER])
@pytest.mark.parametrize("change", ["role = 'agent'", "state = 'left'", "state = 'suspended'"])
def test_a_signature_of_somebody_who_may_not_sign_any_more_is_none(world, officer, change):
    fill(world)
    plan_id = approved(world)
    world.tamper(f"UPDATE accounts SET {change} WHERE work_number = :n", n=officer)
    destruction.tend(world.parts, world.now)
    assert world.count("tombstones") == 0
    assert plan_state(world, plan_id) == "approved"


def test_a_role_lost_between_two_batches_ends_the_run(world, monkeypatch):
    monkeypatch.setattr(destruction, "BATCH", 3)
    fill(world)
    plan_id = approved(world)

    def lose(settled, _total):
        if settled == 3:
            world.tamper("UPDATE accounts SET role = 'agent' WHERE work_number = :n", n=PROPOSER)

    with pytest.raises(AccessRefused) as raised:
        destruction.execute(world.parts, None, plan_id, world.now, progress=lose)
    assert raised.value.reason == "proposer_not_able"
    assert states(world) == {"destroyed": 3, "due": 5}
    is_whole(world)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM destruction_items WHERE record_id = (SELECT min(record_id) FROM destruction_items)",
        "UPDATE destruction_items SET outlet = 'XX'",
        "UPDATE destruction_items SET expires_at = expires_at - 1",
        "UPDATE destruction_items SET record_class = 'rumour'",
        "UPDATE destruction_plans SET as_of = as_of + 1",
    ],
)
def test_a_plan_changed_after_its_approval_is_stopped_for_good(world, change):
    fill(world)
    plan_id = approved(world)
    world.tamper(change)
    with pytest.raises(IntegrityError) as raised:
        run(world, plan_id)
    assert raised.value.reason == "plan_changed"
    assert plan_state(world, plan_id) == "stopped"
    assert world.count("tombstones") == 0
    assert [one["facts"]["reason"] for one in world.events("record.integrity_failure")] == ["plan_changed"]
    assert refused(world, plan_id) == "plan_stopped"


def test_a_plan_changed_while_it_runs_waits_for_people(world):
    fill(world)
    plan_id = approved(world)
    destruction.execute(world.parts, None, plan_id, world.now, stop=iter([False] * 4 + [True] * 99).__next__)
    assert plan_state(world, plan_id) == "running"
    world.tamper("UPDATE destruction_items SET outlet = 'XX' WHERE state = 'due'")
    destruction.tend(world.parts, world.now)
    assert plan_state(world, plan_id) == "paused"
    gone = world.count("tombstones")
    destruction_pausing.resume(world.parts, world.person(APPROVER), plan_id, world.now)
    with pytest.raises(IntegrityError):
        run(world, plan_id)
    assert world.count("tombstones") == gone


# -- the rules are asked again -------------------------------------------------------------------------------------


def hold(world, record_id):
    return holds.place(world.parts, world.person(PROPOSER), record_id, Why("dispute", "Letter"), world.now)


def test_a_hold_placed_between_plan_and_run_keeps_the_record_and_what_it_links_to(world):
    fill(world, customers=4, shipments=1, services=0)
    plan_id = approved(world)
    (shipment,) = ids(world, "shipment")
    hold(world, shipment)
    ran = run(world, plan_id)
    assert ran.plan.state is PlanState.DONE
    assert ran.counts == {ItemState.DESTROYED: 2, ItemState.HELD: 3}
    reasons = dict(world.rows("SELECT reason, count(*) FROM destruction_items WHERE state = 'held' GROUP BY reason"))
    assert reasons == {"hold": 1, "linked": 2}
    kept = world.events("record.kept", "refused")
    assert sorted(one["facts"]["reason"] for one in kept) == ["hold", "linked", "linked"]
    is_whole(world)


def test_a_hold_placed_between_two_records_keeps_the_second(world):
    fill(world, customers=3, shipments=0, services=0)
    plan_id = approved(world)
    order = [row[0] for row in world.rows("SELECT record_id FROM destruction_items ORDER BY expires_at, record_id")]
    asked = 0

    def stop():
        nonlocal asked
        asked += 1
        if asked == 3:  # once before the batch, then before each record
            hold(world, order[1])
        return False

    destruction.execute(world.parts, None, plan_id, world.now, stop=stop)
    assert [row[0] for row in world.rows("SELECT record_id FROM records")] == [order[1]]
    assert states(world) == {"destroyed": 2, "held": 1}


def test_a_hold_comes_too_late_a_second_after(world):
    fill(world, customers=1, shipments=0, services=0)
    plan_id = approved(world)
    (record_id,) = ids(world, "customer")
    run(world, plan_id)
    with pytest.raises(InvalidValue) as raised:
        hold(world, record_id)
    assert raised.value.reason == "record_destroyed"


def test_a_record_that_lives_longer_by_now_is_kept(world):
    fill(world, customers=2, shipments=0, services=0)
    plan_id = approved(world)
    (customer, _) = ids(world, "customer")
    with_activity_at(world, customer, world.now)
    ran = run(world, plan_id)
    assert ran.counts == {ItemState.DESTROYED: 1, ItemState.KEPT: 1}
    assert world.rows("SELECT record_id, reason FROM destruction_items WHERE state = 'kept'") == [(customer, "not_due")]


def with_activity_at(world, record_id, at):
    """Move a record's activity and expiry, with its MAC."""
    with unit_of_work(world.parts.database) as work:
        store = world.parts.keys.current(work.connection)
        found = records.load(work.connection, [record_id])[record_id]
        meta = found.meta.with_activity(at, expiries(world.parts.policy)(found.meta.record_class, at))
        mac = store.keys_of(meta.cohort_id).mac(meta)
        change = Change(meta, mac, found.revision, at, origin=Origin.ACTIVITY)
        record_writes.change(work.connection, [change], frozenset())
        work.commit()


def test_what_became_due_only_after_the_plan_is_kept_even_if_the_plan_names_it(world):
    """The plan was approved for what was due at its moment; a later expiry that has passed by now is another plan's."""
    fill(world, customers=1, shipments=0, services=0)
    plan_id = approved(world)
    (customer,) = ids(world, "customer")
    rule = world.parts.policy.retention["customer"].keep_years
    at = world.now.replace(year=world.now.year - rule) - timedelta(days=1)
    with_activity_at(world, customer, at)
    world.tamper("UPDATE destruction_plans SET as_of = as_of")
    ((expires,),) = world.rows("SELECT expires_at FROM records")
    ((as_of,),) = world.rows("SELECT as_of FROM destruction_plans")
    assert run(world, plan_id).counts == ({ItemState.KEPT: 1} if expires > as_of else {ItemState.DESTROYED: 1})


def test_a_record_that_another_plan_destroyed_is_not_destroyed_twice(world):
    fill(world, customers=2, shipments=0, services=0)
    first = approved(world)
    second = approved(world)
    run(world, first)
    ran = run(world, second)
    assert ran.counts == {ItemState.KEPT: 2}
    assert {row[0] for row in world.rows("SELECT reason FROM destruction_items WHERE plan_id = :p", p=second)} == {
        "gone"
    }
    is_whole(world)


# -- what cannot be destroyed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE records SET outlet = 'ELSEWHERE' WHERE record_id = :r", "unreadable"),
        ("UPDATE records SET expires_at = expires_at - 1 WHERE record_id = :r", "unreadable"),
        ("DELETE FROM records WHERE record_id = :r", "record_gone"),
    ],
)
def test_a_damaged_record_is_left_named_and_tried_again(world, damage, reason):
    fill(world, customers=3, shipments=0, services=0)
    plan_id = approved(world)
    damaged = ids(world, "customer")[1]
    world.tamper(damage, r=damaged)
    for _ in range(2):
        ran = run(world, plan_id)
        assert ran.counts == {ItemState.DESTROYED: 2, ItemState.FAILED: 1}
        assert ran.plan.state is PlanState.RUNNING
    assert world.rows("SELECT record_id, reason FROM destruction_items WHERE state = 'failed'") == [(damaged, reason)]
    action = "record.integrity_failure" if reason == "unreadable" else "record.kept"
    (told,) = world.events(action, "failed")
    assert (told["records"][0]["id"], told["facts"]) == (damaged.hex(), {"plan": plan_id.hex(), "reason": reason})


def test_a_mended_record_is_destroyed_by_the_next_run(world):
    fill(world, customers=2, shipments=0, services=0)
    plan_id = approved(world)
    damaged = ids(world, "customer")[0]
    ((outlet,),) = world.rows("SELECT outlet FROM records WHERE record_id = :r", r=damaged)
    world.tamper("UPDATE records SET outlet = 'ELSEWHERE' WHERE record_id = :r", r=damaged)
    run(world, plan_id)
    world.tamper("UPDATE records SET outlet = :o WHERE record_id = :r", o=outlet, r=damaged)
    world.now += timedelta(minutes=5)
    destruction.tend(world.parts, world.now)
    assert plan_state(world, plan_id) == "running"  # the timetable tries again only after an hour
    world.now += timedelta(hours=1)
    destruction.tend(world.parts, world.now)
    assert plan_state(world, plan_id) == "done"
    is_whole(world)


def test_what_cannot_be_destroyed_can_be_given_up_so_that_the_plan_ends(world):
    fill(world, customers=2, shipments=0, services=0)
    plan_id = approved(world)
    damaged = ids(world, "customer")[0]
    world.tamper("UPDATE records SET outlet = 'ELSEWHERE' WHERE record_id = :r", r=damaged)
    with pytest.raises(AlreadyDecided):
        destruction_pausing.give_up(world.parts, world.person(APPROVER), plan_id, world.now)
    run(world, plan_id)
    assert destruction_pausing.give_up(world.parts, world.person(APPROVER), plan_id, world.now) == 1
    assert plan_state(world, plan_id) == "done"
    assert world.rows("SELECT state, reason FROM destruction_items WHERE record_id = :r", r=damaged) == [
        ("kept", "unreadable")
    ]
    (told,) = world.events("destruction.given_up")
    assert told["facts"] == {"plan": plan_id.hex(), "failed": 1}
    assert world.count("records") == 1


def test_giving_up_takes_a_fresh_proof(world):
    fill(world, customers=1, shipments=0, services=0)
    plan_id = approved(world)
    stale = replace(world.person(APPROVER), proved_at=world.now - timedelta(hours=5))
    with pytest.raises(StepUpNeeded):
        destruction_pausing.give_up(world.parts, stale, plan_id, world.now)


# -- pausing, stopping, going on -----------------------------------------------------------------------------------


def stopping_after(records):
    """Say stop after so many records: it is asked before each batch and before each record."""
    asked = 0

    def stop():
        nonlocal asked
        asked += 1
        return asked > records + 1

    return stop


def test_a_stopped_run_goes_on_where_it_was(world):
    fill(world)
    plan_id = approved(world)
    ran = destruction.execute(world.parts, None, plan_id, world.now, stop=stopping_after(3))
    assert (ran.tried, ran.plan.state) == (3, PlanState.RUNNING)
    assert sorted(ledger(world, EntryKind.ERASED)) == sorted(
        row[0] for row in world.rows("SELECT record_id FROM tombstones")
    )
    world.restart()
    assert run(world, plan_id).plan.state is PlanState.DONE
    assert [one["facts"]["due"] for one in world.events("destruction.started")] == [ALL]
    is_whole(world)


def test_a_paused_plan_stays_paused_until_it_is_resumed(world):
    fill(world)
    plan_id = approved(world)
    destruction.execute(world.parts, None, plan_id, world.now, stop=stopping_after(3))
    destruction_pausing.pause(world.parts, world.person(PROPOSER), plan_id, world.now)
    with pytest.raises(AlreadyDecided):
        destruction_pausing.pause(world.parts, world.person(PROPOSER), plan_id, world.now)
    destruction.tend(world.parts, world.now)
    assert refused(world, plan_id) == "plan_paused"
    assert world.count("tombstones") == 3
    destruction_pausing.resume(world.parts, world.person(APPROVER), plan_id, world.now)
    with pytest.raises(AlreadyDecided):
        destruction_pausing.resume(world.parts, world.person(APPROVER), plan_id, world.now)
    destruction.tend(world.parts, world.now)
    assert world.count("tombstones") == ALL
    assert [one["actor"] for one in world.events("destruction.paused")] == [PROPOSER]
    assert [one["actor"] for one in world.events("destruction.resumed")] == [APPROVER]


def test_a_run_notices_before_its_next_batch_that_it_was_paused(world, monkeypatch):
    monkeypatch.setattr(destruction, "BATCH", 3)
    fill(world)
    plan_id = approved(world)

    def pause(settled, _total):
        if settled == 3:
            destruction_pausing.pause(world.parts, world.person(PROPOSER), plan_id, world.now)

    ran = destruction.execute(world.parts, None, plan_id, world.now, progress=pause)
    assert (ran.plan.state, ran.tried) == (PlanState.PAUSED, 3)


def test_progress_tells_how_many_are_settled(world, monkeypatch):
    monkeypatch.setattr(destruction, "BATCH", 3)
    fill(world)
    plan_id = approved(world)
    told = []
    destruction.execute(world.parts, None, plan_id, world.now, progress=lambda *one: told.append(one))
    assert told == [(3, ALL), (6, ALL), (8, ALL)]


def test_how_far_a_plan_has_come_follows_from_its_rows(world):
    fill(world)
    plan_id = approved(world)
    before = destruction_pausing.how_far(world.parts, plan_id)
    assert (before.settled, before.total, before.per_minute, before.seconds_left) == (0, ALL, 0.0, None)
    destruction.execute(world.parts, None, plan_id, world.now, stop=stopping_after(4))
    far = destruction_pausing.how_far(world.parts, plan_id)
    assert (far.settled, far.total, far.counts) == (4, ALL, {ItemState.DESTROYED: 4, ItemState.DUE: 4})
    assert far.per_minute > 0
    assert far.seconds_left == pytest.approx(4 / far.per_minute * 60)
    run(world, plan_id)
    assert destruction_pausing.how_far(world.parts, plan_id).seconds_left is None


def test_what_was_destroyed_before_a_kill_gets_its_entry_from_the_next_run(world):
    fill(world)
    plan_id = approved(world)
    destruction.execute(world.parts, None, plan_id, world.now, stop=stopping_after(3))
    for path in world.parts.ledger.copies:  # as a kill leaves it that comes before the last entry
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert ledger(world, EntryKind.ERASED) == []
    world.restart()
    destruction.execute(world.parts, None, plan_id, world.now, stop=lambda: True)
    assert sorted(ledger(world, EntryKind.ERASED)) == sorted(
        row[0] for row in world.rows("SELECT record_id FROM tombstones")
    )


def test_two_processes_do_not_carry_out_at_the_same_time(world):
    fill(world)
    plan_id = approved(world)
    with world.parts.ledger.run():
        with pytest.raises(StorageUnavailable) as raised:
            run(world, plan_id)
        destruction.tend(world.parts, world.now)
    assert raised.value.reason == "run_under_way"
    assert world.count("tombstones") == 0


def test_of_many_who_run_one_plan_at_once_each_record_is_destroyed_once(world):
    fill(world, customers=10, shipments=0, services=0)
    plan_id = approved(world)
    outcomes = []

    def work():
        try:
            outcomes.append(destruction.execute(world.parts, None, plan_id, world.now).tried)
        except (StorageUnavailable, AccessRefused) as error:
            outcomes.append(error.reason)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one for one in outcomes if isinstance(one, int)) == 10
    assert {one for one in outcomes if isinstance(one, str)} <= {"run_under_way", "plan_done"}
    is_whole(world)


# -- the clock -----------------------------------------------------------------------------------------------------


def test_with_the_clock_two_years_ahead_nothing_runs_until_an_officer_confirms_the_date(world):
    fill(world)
    clock.tend(world.parts, world.now)
    plan_id = approved(world)
    clock.tend(world.parts, world.now)
    destruction.execute(world.parts, None, plan_id, world.now, stop=stopping_after(3))
    world.now += timedelta(days=730)
    destruction.tend(world.parts, world.now)
    assert refused(world, plan_id) == "clock_jumped"
    assert world.count("tombstones") == 3
    clock.confirm(world.parts, world.person(APPROVER), world.now.date(), world.now)
    run(world, plan_id)
    assert world.count("tombstones") == ALL
