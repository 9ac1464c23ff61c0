"""From the backup to the vault that is open again: what happened since happens again, the past lets nobody in."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from tests.backups import create, engine_of, kinds, lose, lost_and_restored, restore, run, verify, with_tools
from tests.bundles import kinds as findings
from tests.destroying import APPROVER, PROPOSER, approved, fill, ids, old_customer
from tests.destroying import run as carry_out
from tests.ended_cohorts import DECEMBER, DUE_IN_DECEMBER, LATER, close, close_all, customer_id, home_of_record, turn_to
from tests.flows.test_rewound import exported
from tests.rewinding import OldCopy
from tests.services.staff_at_work import in_use
from tests.services.test_backup import signed_again
from tests.services.test_new_periods import follow, load, policy_with
from vault import bootstrap
from vault.domain.cohorts import CohortState
from vault.domain.destruction import ItemState
from vault.domain.ledger import Entry, EntryKind
from vault.errors import NotFound, SignInRefused, VaultSealed
from vault.services import api_tokens, backup_restore, clock, holds, offboarding, retention, sessions
from vault.services.holds import Why
from vault.storage import schema
from vault.verify_log import judge_bundle

AGENT, COLLEAGUE, ADMIN = "KF2001", "KF2002", "ADMIN01"
WHY = Why("dispute", "理赔案 LP-2026-17")


def left_of(world, record_id):
    """Return the tables in which anything of a record is left."""
    tables = ("records", "wrapped_keys", "record_fields", "record_index")
    return [name for name in tables if world.rows(f"SELECT 1 FROM {name} WHERE record_id = :id", id=record_id)]


def is_untouched(world):
    """Nothing was brought in, and nothing closes the vault."""
    assert not bootstrap.restore_marker(world.config).path.exists()
    assert not bootstrap.restore_site(with_tools(world.config)).place.is_taken()


# -- what was destroyed ------------------------------------------------------------------------------------------------


def test_what_was_destroyed_after_the_backup_is_destroyed_again(world, tmp_path):
    fill(world)
    young = world.customer(owner=AGENT)
    made = create(world, tmp_path / "b")
    assert kinds(verify(world, made.place)) == []
    doomed = [one for name in ("customer", "shipment", "service_record") for one in ids(world, name)]
    carry_out(world, approved(world))
    doomed = [one for one in doomed if not left_of(world, one)]
    assert len(doomed) == 8
    world.settle()

    told = lost_and_restored(world, made.place)

    assert (told["replayed"]["destroyed"], told["records_lost"]) == (8, {})
    assert [left_of(world, one) for one in doomed] == [[]] * 8
    rows = world.rows("SELECT record_id, plan_id FROM tombstones")
    assert {bytes(row[0]) for row in rows} == set(doomed)
    assert {row[1] for row in rows} == {None}
    again = world.events("record.destroyed")
    assert {one["records"][0]["id"] for one in again} == {one.hex() for one in doomed}
    assert all(one["actor"].startswith("operator:") for one in again)
    assert world.look_up(AGENT, young["phone"]).cards
    world.opened()
    (event,) = world.events("backup.restored")
    assert (event["facts"]["destroyed"], event["facts"]["lost"]) == (8, 0)
    world.settle()
    verdict = world.verify()
    assert verdict.holds
    assert [one.reason for one in verdict.report.gaps] == ["restored_backup"]


def test_a_backup_from_the_midst_of_a_run_loses_the_other_half(world, tmp_path):
    fill(world, shipments=0, services=0)
    first = ids(world, "customer")[:2]
    plan_id = approved(world)
    for one in ids(world, "customer")[2:]:
        world.tamper(
            "UPDATE destruction_items SET state = 'kept' WHERE plan_id = :p AND record_id = :r", p=plan_id, r=one
        )
    create(world, tmp_path / "before")
    world.tamper("UPDATE destruction_items SET state = 'due' WHERE plan_id = :p", p=plan_id)
    carry_out(world, plan_id)
    made = create(world, tmp_path / "b")
    world.customers(old_customer())
    carry_out(world, approved(world))
    told = lost_and_restored(world, made.place)
    assert told["replayed"]["destroyed"] == 0  # what came after the backup is not in it
    assert world.count("tombstones") == 4
    told = lost_and_restored(world, tmp_path / "before")
    assert told["replayed"]["destroyed"] == 4
    assert not [one for one in first if left_of(world, one)]


def test_what_was_about_to_be_destroyed_is_decided_again_by_the_rules(world, tmp_path):
    fill(world, customers=3, shipments=0, services=0)
    due, held, unnamed = ids(world, "customer")
    young = world.customer()
    (living,) = set(ids(world, "customer")) - {due, held, unnamed}
    made = create(world, tmp_path / "b")
    plan = bytes(range(16))
    world.parts.ledger.append([Entry(EntryKind.ERASE_INTENT, world.now, plan, (due, held, living))])
    holds.place(world.parts, world.person(PROPOSER), held, WHY, world.now)
    told = lost_and_restored(world, made.place)
    assert (told["replayed"]["destroyed"], told["replayed"]["decided"]) == (0, 1)
    assert left_of(world, due) == []
    assert all(left_of(world, one) for one in (held, unnamed, living))
    assert [(one.about, one.ids) for one in world.parts.ledger.entries() if one.kind is EntryKind.ERASED] == [
        (plan, (due,))
    ]
    assert world.look_up(AGENT, young["phone"]).cards


def test_plans_that_were_signed_before_the_backup_do_not_go_on_by_themselves(world, tmp_path):
    fill(world)
    plan_id = approved(world)
    made = create(world, tmp_path / "b")
    told = lost_and_restored(world, made.place)
    assert told["replayed"]["plans"] == 1
    assert world.rows("SELECT state FROM destruction_plans WHERE plan_id = :p", p=plan_id) == [("superseded",)]
    world.tamper("UPDATE destruction_plans SET state = 'running'")
    made = create(world, tmp_path / "c")
    lost_and_restored(world, made.place)
    assert world.rows("SELECT state FROM destruction_plans") == [("paused",)]


def test_a_copy_that_was_put_in_place_by_hand_forgets_nothing_either(world, tmp_path):
    """A snapshot, or a standby that lagged: accepting the gap goes through the ledger before the vault opens."""
    fill(world, customers=3, shipments=0, services=0)
    world.settle()
    copy = OldCopy(world, tmp_path)
    held = ids(world, "customer")[0]
    holds.place(world.parts, world.person(PROPOSER), held, WHY, world.now)
    carry_out(world, approved(world))
    world.settle()
    copy.put_back()
    accept = ("log", "accept-gap", "--reason", "promoted_standby", "--yes", "--json")
    told = json.loads(run(world.config, *accept).stdout)
    assert (told["replayed"]["destroyed"], told["replayed"]["held"]) == (2, 1)
    world.restart()
    assert ids(world, "customer") == [held]
    assert world.count("tombstones") == 2
    assert world.verify().holds


# -- what was held -----------------------------------------------------------------------------------------------------


def test_a_hold_that_was_placed_after_the_backup_holds_after_the_restore(world, tmp_path):
    fill(world, customers=2, shipments=0, services=0)
    kept, _ = ids(world, "customer")
    made = create(world, tmp_path / "b")
    placed = holds.place(world.parts, world.person(PROPOSER), kept, WHY, world.now)
    told = lost_and_restored(world, made.place)
    assert told["replayed"]["held"] == 1
    ((hold_id, officer),) = world.rows("SELECT hold_id, placed_by FROM holds WHERE released_at IS NULL")
    assert (bytes(hold_id), officer) == (placed.hold_ids[0], None)
    (shown,) = holds.listed(world.parts, world.person(PROPOSER), world.now)
    assert (shown.hold.record_id, shown.hold.reason, shown.officer) == (kept, "restored", "")
    assert "restored" in world.parts.policy.destruction.reasons
    drafted = retention.preview(world.parts, world.person(PROPOSER).actor(), world.now)
    assert sum(drafted.numbers.due.values()) == 1
    assert holds.nag(world.parts, world.now) == 1
    holds.release(world.parts, world.person(APPROVER), shown.hold.hold_id, "settled", world.now)
    drafted = retention.preview(world.parts, world.person(PROPOSER).actor(), world.now)
    assert sum(drafted.numbers.due.values()) == 2


def test_a_hold_that_was_released_after_the_backup_is_released_again(world, tmp_path):
    fill(world, customers=1, shipments=0, services=0)
    (record_id,) = ids(world, "customer")
    one, other = (holds.place(world.parts, world.person(PROPOSER), record_id, WHY, world.now).hold_ids[0] for _ in "ab")
    made = create(world, tmp_path / "b")
    holds.release(world.parts, world.person(APPROVER), one, "settled", world.now)
    told = lost_and_restored(world, made.place)
    assert told["replayed"]["released"] == 1
    assert world.rows("SELECT held FROM records")[0][0]
    assert [bytes(row[0]) for row in world.rows("SELECT hold_id FROM holds WHERE released_at IS NULL")] == [other]
    holds.release(world.parts, world.person(APPROVER), other, "settled", world.now)
    lost_and_restored(world, made.place)
    assert not world.rows("SELECT held FROM records")[0][0]
    with pytest.raises(NotFound):
        holds.release(world.parts, world.person(APPROVER), other, "settled", world.now)


# -- people ------------------------------------------------------------------------------------------------------------


def test_who_left_after_the_backup_stays_left_and_nobody_is_signed_in(world, tmp_path):
    in_use(world, ADMIN, COLLEAGUE)
    row = world.customer(owner=AGENT)
    world.activate(AGENT)
    signed_in = world.sign_in(AGENT)
    assert sessions.person_of(world.parts, signed_in.token, "203.0.113.9", world.now)
    made = create(world, tmp_path / "b")
    offboarding.leave(world.parts, world.person(ADMIN), AGENT, COLLEAGUE, world.now)
    told = lost_and_restored(world, made.place)
    assert [(one["work_number"], one["records"]) for one in told["replayed"]["left"]] == [(AGENT, 1)]
    assert world.rows("SELECT state, password FROM accounts WHERE work_number = :n", n=AGENT) == [("left", None)]
    assert sessions.person_of(world.parts, signed_in.token, "203.0.113.9", world.now) is None
    with pytest.raises(SignInRefused):
        sessions.sign_in(world.parts, AGENT, "correct horse battery staple", "203.0.113.9", world.now)
    # Who took over is lost with the database: the customer is in the pool, and not with somebody who is gone.
    assert world.rows("SELECT owner_id FROM records") == [(None,)]
    assert world.look_up(COLLEAGUE, row["phone"]).cards
    world.opened()
    (event,) = world.events("people.left")
    assert (event["facts"]["account"], event["facts"]["reason"]) == (AGENT, "restored")


def test_sessions_of_those_who_stay_and_one_time_secrets_end(world, tmp_path):
    world.activate(AGENT)
    signed_in = world.sign_in(AGENT)
    made = create(world, tmp_path / "b")
    told = lost_and_restored(world, made.place)
    assert (told["ended"]["sessions"], told["ended"]["secrets"]) == (1, 1)
    assert sessions.person_of(world.parts, signed_in.token, "203.0.113.9", world.now) is None
    assert world.rows("SELECT count(*) FROM accounts WHERE invite_hash IS NOT NULL") == [(0,)]
    world.sign_in(AGENT)


def test_tokens_of_programs_end_those_taken_back_since_the_backup_too(world, tmp_path):
    in_use(world, ADMIN, AGENT)
    admin = world.person(ADMIN)
    api_tokens.make_service_account(world.parts, admin, "BOT01", "查件机器人", "agent", "NJ-GL-01", world.now)
    leaked, kept = (api_tokens.make_token(world.parts, admin, "BOT01", ("query",), 30, world.now) for _ in range(2))
    made = create(world, tmp_path / "b")
    api_tokens.end_token(world.parts, admin, "BOT01", leaked.token_id, world.now)
    told = lost_and_restored(world, made.place)
    assert told["ended"]["tokens"] == 2
    for one in (leaked, kept):
        assert api_tokens.person_of(world.parts, one.token, "203.0.113.9", world.now) is None
    new = api_tokens.make_token(world.parts, world.person(ADMIN), "BOT01", ("query",), 30, world.now)
    assert api_tokens.person_of(world.parts, new.token, "203.0.113.9", world.now) is not None


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def closed(world, tmp_path):
    """A world in which a month was closed: a customer who lived on was moved out of it, and backups of each day."""
    row = world.customer(last_activity_at=DUE_IN_DECEMBER)
    record_id = customer_id(world, row["phone"])
    create(world, tmp_path / "before")
    placed = holds.place(world.parts, _officer(world), record_id, WHY, world.now)
    keys = tmp_path / "old keys"
    shutil.copytree(world.config.keys_dir, keys)
    turn_to(world, LATER)
    close(world)  # moves them out
    made = create(world, tmp_path / "eve")
    assert kinds(verify(world, made.place)) == []
    close(world)
    assert "destroyed" in {row[0] for row in world.rows("SELECT state FROM cohorts")}
    return row, record_id, placed


def _officer(world):
    in_use(world, PROPOSER, APPROVER)
    return world.person(PROPOSER)


def test_the_backup_of_the_day_before_a_close_restores_without_losing_a_living_customer(world, tmp_path, closed):
    _, record_id, _ = closed
    home = home_of_record(world, record_id)
    told = lost_and_restored(world, tmp_path / "eve")
    assert told["records_lost"] == {}
    assert told["replayed"]["cohorts"] > 0
    assert home_of_record(world, record_id) == home
    assert world.values_of(record_id)["phone", 0]
    assert world.rows("SELECT count(*) FROM cohorts WHERE state = 'closing'") == [(0,)]


def test_an_older_backup_is_restored_only_if_the_loss_is_accepted_and_it_is_named(world, tmp_path, closed):
    row, record_id, _ = closed
    lose(world)
    said = restore(world, tmp_path / "before", code=1)["said"]
    assert "records_lost" in said
    assert "1 living" in said
    is_untouched(world)
    told = restore(world, tmp_path / "before", "--accept-loss")
    assert told["records_lost"] == {"customer": 1}
    assert told["replayed"]["lost"] == 1
    world.restart()
    assert left_of(world, record_id) == []
    assert not world.look_up(AGENT, row["phone"]).cards
    (event,) = world.events("record.destroyed")
    assert (event["records"][0]["id"], event["facts"]["reason"]) == (record_id.hex(), "key_gone")
    turn_to(world, LATER)
    close(world)  # nothing of it is in the way of the next months


def test_what_went_under_a_shorter_period_stays_gone_in_a_backup_from_before_it(world, tmp_path):
    in_use(world, PROPOSER, APPROVER)
    early, late = (world.customer(last_activity_at=at) for at in (DUE_IN_DECEMBER, "2025-08-01 10:00:00"))
    young = world.customer(owner=AGENT)
    doomed = [customer_id(world, row["phone"]) for row in (early, late)]
    made = create(world, tmp_path / "b")
    longer = world.parts.policy
    load(world, policy_with(world, keep_days=400))
    follow(world)
    assert carry_out(world, approved(world)).counts == {ItemState.DESTROYED: 2}
    turn_to(world)
    close(world)
    clock.confirm(world.parts, world.person(APPROVER), world.now.astimezone(longer.zone).date(), world.now)
    told = {end_on: one.state for (name, end_on), one in close_all(world).items() if name == "customer"}
    assert told[DECEMBER] is CohortState.DESTROYED  # that of the other one lasts, as it was made for the longer period
    world.settle()

    told = lost_and_restored(world, made.place)

    assert world.parts.policy.retention == longer.retention  # by which neither would be due
    assert (told["replayed"]["destroyed"], told["records_lost"]) == (2, {})
    assert [left_of(world, one) for one in doomed] == [[], []]
    assert not any(world.look_up(AGENT, row["phone"]).cards for row in (early, late))
    assert world.look_up(AGENT, young["phone"]).cards


def test_a_key_store_from_before_a_close_is_refused(world, tmp_path, closed):
    lose(world)
    ledgers = {path: path.read_bytes() for path in world.config.keys_dir.rglob("ledger")}
    shutil.rmtree(world.config.keys_dir)
    shutil.copytree(tmp_path / "old keys", world.config.keys_dir)
    for path, content in ledgers.items():
        path.write_bytes(content)
    said = restore(world, tmp_path / "eve", code=2)["said"]
    assert "key_store_older" in said
    is_untouched(world)


def test_a_ledger_older_than_the_backup_is_refused(world, tmp_path):
    fill(world)
    old = {path: path.read_bytes() for path in world.parts.ledger.copies}
    carry_out(world, approved(world))
    made = create(world, tmp_path / "b")
    lose(world)
    for path, content in old.items():
        path.write_bytes(content)
    said = restore(world, made.place, code=2)["said"]
    assert "ledger_older" in said
    is_untouched(world)


def test_cohorts_made_since_the_backup_are_known_again(world, tmp_path):
    made = create(world, tmp_path / "b")
    turn_to(world, world.now + timedelta(days=62))
    cohorts = world.count("cohorts")
    version = world.rows("SELECT key_store_version FROM vault_state")
    lost_and_restored(world, made.place)
    assert world.rows("SELECT key_store_version FROM vault_state") == version
    assert world.count("cohorts") == cohorts
    world.customer()
    world.opened()


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_an_altered_backup_gets_nowhere(world, tmp_path):
    made = create(world, tmp_path / "b")
    file = made.place / engine_of(world).file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    lose(world)
    assert "backup_refused" in restore(world, made.place, code=1)["said"]
    is_untouched(world)


def test_a_vault_that_is_there_is_not_written_over(world, tmp_path):
    made = create(world, tmp_path / "b")
    world.customer()
    world.close()
    assert "place_holds_vault" in restore(world, made.place, code=2)["said"]
    world.restart()
    assert world.count("records") == 1


def test_on_postgresql_not_even_if_asked_to(postgresql_world, tmp_path):
    made = create(postgresql_world, tmp_path / "b")
    postgresql_world.close()
    assert "place_holds_vault" in restore(postgresql_world, made.place, "--replace", "--yes", code=2)["said"]
    postgresql_world.restart()


def test_a_file_that_is_there_is_set_aside_and_not_deleted(sqlite_world, tmp_path):
    world = sqlite_world
    made = create(world, tmp_path / "b")
    world.customer()
    assert "database_in_use" in restore(world, made.place, "--replace", "--yes", code=2)["said"]
    assert not bootstrap.restore_marker(world.config).path.exists()
    world.close()
    told = restore(world, made.place, "--replace", "--yes")
    world.restart()
    assert world.count("records") == 0
    with closing(sqlite3.connect(told["set_aside"])) as aside:
        assert aside.execute("SELECT count(*) FROM records").fetchone() == (1,)
    left = {path.name for path in world.place.file.parent.iterdir()}
    assert not {name for name in left if "restoring" in name}


def test_somebody_who_is_connected_is_in_the_way(postgresql_world, tmp_path):
    world = postgresql_world
    made = create(world, tmp_path / "b")
    lose(world)
    world.parts.database.dispose()
    other = world.parts.database.engine.connect()
    other.exec_driver_sql("SELECT 1")
    try:
        assert "database_in_use" in restore(world, made.place, code=2)["said"]
    finally:
        other.close()
        world.parts.database.dispose()
    is_untouched(world)


def test_the_application_may_do_nothing_before_all_is_applied(postgresql_world, tmp_path):
    world = postgresql_world
    made = create(world, tmp_path / "b")
    lose(world)
    site = bootstrap.restore_site(with_tools(world.config))
    manifest = json.loads((made.place / "manifest.json").read_text())
    assert manifest["engine"] == "postgresql"
    site.place.bring_in(made.place / "vault.dump")
    granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'datavault_app'"
    assert world.rows(granted) == [(0,)]
    site.place.put_in_place(made.place / "vault.dump", world.now)
    assert world.rows(granted)[0][0] > 20
    world.restart()


def test_without_the_signers_memory_nothing_is_restored(world, tmp_path):
    made = create(world, tmp_path / "b")
    lose(world)
    (world.config.checkpoint_dir / "signer.json").unlink()
    assert "signer_memory_unreadable" in restore(world, made.place, code=2)["said"]
    is_untouched(world)


def test_a_backup_of_an_older_program_is_brought_up_to_this_one(sqlite_world, tmp_path):
    made = create(sqlite_world, tmp_path / "b")
    url = f"sqlite:///{made.place / 'vault.sqlite3'}"
    schema.downgrade(url, "0029")
    with closing(sqlite3.connect(made.place / "vault.sqlite3")) as copy:
        copy.execute("PRAGMA journal_mode = delete")
    for left in made.place.glob("vault.sqlite3.turn*"):
        left.unlink()
    signed_again(sqlite_world, made.place, schema="0029")
    lost_and_restored(sqlite_world, made.place)
    assert schema.current(sqlite_world.config.database_url) == schema.head()


def test_a_backup_of_a_newer_program_is_refused(sqlite_world, tmp_path):
    made = create(sqlite_world, tmp_path / "b")
    with closing(sqlite3.connect(made.place / "vault.sqlite3")) as copy:
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
        copy.commit()
    signed_again(sqlite_world, made.place, schema="9999")
    lose(sqlite_world)
    assert "unknown_revision" in restore(sqlite_world, made.place, code=1)["said"]
    is_untouched(sqlite_world)


# -- the way -----------------------------------------------------------------------------------------------------------


def test_while_a_restore_is_unfinished_every_other_command_refuses(world, tmp_path):
    made = create(world, tmp_path / "b")
    lose(world)
    site = bootstrap.restore_site(with_tools(world.config))
    backup_restore.begin(site, made.place, bootstrap.log_pin(world.config), replace=False)
    with pytest.raises(VaultSealed) as sealed:
        world.restart()
    assert sealed.value.reason == "restore_unfinished"
    for command in (["log", "verify"], ["run-due"], ["db", "upgrade"], ["backup", "create", tmp_path / "c"]):
        assert "restore_unfinished" in run(world.config, *command, code=2).stderr
    assert "restore_unfinished" in run(world.config, "doctor", code=1).stdout
    (tmp_path / "other").mkdir()
    assert "not_a_backup" in restore(world, tmp_path / "other", code=2)["said"]
    run(world.config, "backup", "restore", "--cancel")
    is_untouched(world)
    assert "nothing_to_cancel" in run(world.config, "backup", "restore", "--cancel", code=2).stderr
    restore(world, made.place)
    world.restart()


def test_another_backup_is_not_restored_over_an_unfinished_one(world, tmp_path):
    one, other = create(world, tmp_path / "b"), create(world, tmp_path / "c")
    lose(world)
    site = bootstrap.restore_site(with_tools(world.config))
    backup_restore.begin(site, one.place, bootstrap.log_pin(world.config), replace=False)
    assert "another_restore" in restore(world, other.place, code=2)["said"]
    restore(world, one.place)
    world.restart()


def test_an_auditor_learns_of_the_lost_part_and_keeps_the_older_one(world, tmp_path):
    world.settle()
    _, before = exported(world, tmp_path, "before")
    made = create(world, tmp_path / "b")
    for _ in range(3):
        world.customer()
        world.settle()
    _, lost = exported(world, tmp_path, "lost")
    lost_and_restored(world, made.place)
    world.settle()
    path, _ = exported(world, tmp_path, "after")
    pin = world.parts.log_files.pin.read_text("utf-8").strip()
    assert (judge_bundle(path, pin, before).status, findings(judge_bundle(path, pin, lost))) == (0, {"gap"})


def test_a_restore_of_the_newest_backup_with_nothing_since_needs_no_gap(world, tmp_path):
    world.settle()
    made = create(world, tmp_path / "b")
    manifest = json.loads((made.place / "manifest.json").read_text())
    assert manifest["log_size"] == made.log_size
    told = lost_and_restored(world, made.place)
    assert told["events_lost"] >= 0
    world.settle()
    assert world.verify().holds
    assert world.rows("SELECT count(*) FROM backups WHERE verified_at IS NOT NULL") == [(1,)]
