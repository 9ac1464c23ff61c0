"""Destroying one record: everything that derives from the customer goes, and what stays says nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.destroying import PROPOSER, approved, drafted, fill, ids, is_whole, old_customer, run
from tests.services.staff_at_work import in_use
from tests.simulator import NOW, local
from vault.domain.destruction import ItemState
from vault.domain.ids import RecordClass
from vault.domain.ledger import EntryKind
from vault.domain.log import Actor
from vault.errors import IntegrityError, NotFound, StorageError
from vault.services import asking, deciding, holds, requests_erasing
from vault.services.holds import Why
from vault.services.steps.erasing import destroy, destroy_again
from vault.storage import destruction, records
from vault.storage.destruction_run import Due
from vault.storage.unit_of_work import unit_of_work

SYSTEM = Actor("system", "system")


def every_value(world):
    """Return the bytes of everything the database holds but the log, sealed policy texts and names of staff."""
    with world.parts.database.read() as connection:
        names = [
            name
            for name in world.parts.database.engine.dialect.get_table_names(connection)
            if not name.startswith(("log_", "policy_", "accounts", "alembic", "sqlite", "wrapped_keys_"))
        ]
        rows = [row for name in names for row in connection.execute(text(f"SELECT * FROM {name}")).all()]
    return [value for row in rows for value in row if isinstance(value, (bytes, memoryview, str))]


def test_a_customer_changed_and_held_before_leaves_nothing_but_random_ids_and_dates(world):
    in_use(world, PROPOSER)
    row = old_customer()
    world.customers(row)
    changed = row | {"phone": "13900990099", "name": "李雷"}
    world.load_rows("customer", [changed])
    (customer,) = ids(world, "customer")
    placed = holds.place(world.parts, world.person(PROPOSER), customer, Why("dispute", "Letter 7"), world.now)
    (hold_id,) = placed.hold_ids
    holds.release(world.parts, world.person(PROPOSER), hold_id, "settled", world.now)
    assert world.rows("SELECT count(*) FROM record_fields WHERE superseded_at IS NOT NULL")[0][0] > 0
    telling = world.rows("SELECT sealed FROM record_fields") + world.rows("SELECT tag FROM record_index")
    telling += world.rows("SELECT wrapped FROM wrapped_keys") + world.rows("SELECT mac FROM records")
    telling += world.rows("SELECT sealed_source FROM holds")
    fill(world, customers=1, shipments=0, services=0)
    assert run(world, approved(world)).counts == {ItemState.DESTROYED: 2}
    left = {bytes(value) for value in every_value(world) if not isinstance(value, str)}
    assert not {bytes(value) for (value,) in telling} & left
    assert world.rows("SELECT record_id, sealed_source, reason FROM holds") == [(customer, b"", "dispute")]


def test_the_tombstone_holds_id_class_cohort_and_dates(world):
    fill(world, customers=1, shipments=0, services=0)
    (before,) = world.rows("SELECT record_id, record_class, cohort_id, entered_at, expires_at FROM records")
    plan_id = approved(world)
    run(world, plan_id)
    (after,) = world.rows("SELECT record_id, record_class, cohort_id, entered_at, expires_at, plan_id FROM tombstones")
    assert after == (*before, plan_id)


def destroy_one(world, plan_id, record_id):
    with unit_of_work(world.parts.database) as work:
        plan = destruction.plan(work.connection, plan_id)
        store = world.parts.keys.current(work.connection)
        due = Due(record_id, RecordClass.CUSTOMER)
        destroy(world.parts, work, store, plan, due, SYSTEM, world.now)
        work.commit()


def test_a_record_does_not_go_that_the_plan_does_not_name(world):
    fill(world, customers=1, shipments=0, services=0)
    plan_id = drafted(world)
    world.customers(old_customer())
    (other,) = set(ids(world, "customer")) - {row[0] for row in world.rows("SELECT record_id FROM destruction_items")}
    with pytest.raises(StorageError) as raised:
        destroy_one(world, plan_id, other)
    assert raised.value.reason == "not_in_plan"
    assert world.count("records") == 2
    assert world.count("tombstones") == 0


def test_a_record_edited_behind_the_vaults_back_does_not_go(world):
    living = world.customer()
    in_use(world, PROPOSER)
    (customer,) = ids(world, "customer")
    world.tamper("UPDATE records SET expires_at = 1")
    plan_id = drafted(world)
    with pytest.raises(IntegrityError):
        destroy_one(world, plan_id, customer)
    assert living
    assert world.count("records") == 1


def test_what_a_restore_brought_back_is_destroyed_again_without_asking_the_rules(world):
    world.customer()
    (customer,) = ids(world, "customer")
    with unit_of_work(world.parts.database) as work:
        meta = records.load(work.connection, [customer])[customer].meta
        destroy_again(world.parts, work, meta, None, SYSTEM, world.now)
        work.commit()
    assert world.count("records") == world.count("wrapped_keys") == world.count("record_fields") == 0
    assert world.rows("SELECT record_id, plan_id FROM tombstones") == [(customer, None)]
    (told,) = world.events("record.destroyed")
    assert told["facts"] == {"plan": ""}


def test_a_destroyed_customer_who_comes_back_is_a_new_record(world):
    old = fill(world, customers=1, shipments=0, services=0)
    (before,) = ids(world, "customer")
    run(world, approved(world))
    world.customers(old.customers[0] | {"last_activity_at": local(NOW)})
    (after,) = ids(world, "customer")
    assert after != before
    assert world.look_up("KF2001", old.customers[0]["phone"]).cards
    is_whole(world)


# -- what people typed for one another -----------------------------------------------------------------------------


def asked(world):
    """Let an agent ask for access to a customer of another one; return the request's id."""
    in_use(world, "KF2001", "KF2002", "KF2009")
    row = world.customer(owner="KF2002")
    case_id = world.look_up("KF2001", row["phone"]).case_id
    asking.ask(world.parts, world.person("KF2001"), case_id, row["phone"], world.now)
    ((request_id,),) = world.rows("SELECT request_id FROM access_requests")
    return request_id


def test_a_typed_identifier_goes_once_its_days_are_over_and_the_request_stays_as_a_row_of_ids(world):
    request_id = asked(world)
    ((expires_at,),) = world.rows("SELECT expires_at FROM records WHERE record_id = :r", r=request_id)
    kept = world.parts.policy.retention[RecordClass.REQUEST].keep_days
    assert expires_at <= int((world.now + timedelta(days=kept + 1)).timestamp() * 1_000_000)
    world.now = world.now.fromtimestamp(expires_at / 1_000_000, world.now.tzinfo) - timedelta(seconds=1)
    assert requests_erasing.sweep(world.parts, world.now) == 0
    world.now += timedelta(seconds=1)
    assert requests_erasing.sweep(world.parts, world.now) == 1
    for table in ("records", "record_fields"):
        assert world.rows(f"SELECT count(*) FROM {table} WHERE record_id = :r", r=request_id) == [(0,)]
    assert world.rows("SELECT sought FROM access_requests") == [(None,)]
    (told,) = world.events("requests.erased")
    assert (told["facts"], told["actor"], told["records"]) == ({"count": 1}, "system", [])
    assert world.count("tombstones") == 0
    assert [one.kind for one in world.parts.ledger.entries()] == []
    assert requests_erasing.sweep(world.parts, world.now) == 0


def test_many_typed_identifiers_go_in_several_transactions(world, monkeypatch):
    monkeypatch.setattr(requests_erasing, "_AT_ONCE", 2)
    in_use(world, "KF2001", "KF2009")
    rows = [world.customer(owner="KF2002") for _ in range(3)]
    for row in rows:
        case_id = world.look_up("KF2001", row["phone"]).case_id
        asking.ask(world.parts, world.person("KF2001"), case_id, row["phone"], world.now)
    world.now += timedelta(days=9)
    assert requests_erasing.sweep(world.parts, world.now) == 3
    assert [one["facts"]["count"] for one in world.events("requests.erased")] == [2, 1]
    assert world.count("records") == 3


def test_a_request_whose_identifier_is_gone_is_not_found(world):
    request_id = asked(world)
    world.now += timedelta(days=9)
    requests_erasing.sweep(world.parts, world.now)
    deciders = [
        row[0]
        for row in world.rows(
            "SELECT work_number FROM accounts a JOIN request_targets t ON t.account_id = a.account_id"
        )
    ]
    assert deciders
    with pytest.raises(NotFound):
        deciding.see(world.parts, world.person(deciders[0]), request_id, world.now)


def test_nothing_personal_is_in_the_ledger_or_in_the_events(world):
    old = fill(world)
    plan_id = approved(world)
    run(world, plan_id)
    lines = world.parts.ledger.copies[0].read_text("utf-8")
    assert {one.kind for one in world.parts.ledger.entries()} == {EntryKind.ERASE_INTENT, EntryKind.ERASED}
    for event in world.events("record.destroyed") + world.events("destruction.finished"):
        lines += str(event)
    for row in (*old.customers, *old.shipments, *old.services):
        for value in row.values():
            assert not (len(value) > 5 and value in lines)
