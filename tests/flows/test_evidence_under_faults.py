"""Evidence that was lost or damaged is never quietly made anew, and damage never stops the telling of it."""

import pytest
from sqlalchemy import text

from tests.simulator import PASSWORD
from vault.errors import IntegrityError, VaultSealed
from vault.services import log, sessions


@pytest.mark.parametrize("also_lost", ["", "checkpoint"])
def test_a_vault_whose_signer_forgot_what_it_signed_stays_closed(sqlite_world, also_lost):
    sqlite_world.settle()
    folder = sqlite_world.config.checkpoint_dir
    (folder / "signer.json").unlink()
    if also_lost:
        (folder / also_lost).unlink()
    for step in (sqlite_world.settle, sqlite_world.restart):
        with pytest.raises(VaultSealed) as refused:
            step()
        assert refused.value.reason == "signer_memory_unreadable"
    assert (folder / "checkpoint").exists() is not bool(also_lost)


def test_a_vault_whose_checkpoints_went_with_the_signers_memory_stays_closed(sqlite_world):
    sqlite_world.settle()
    assert sqlite_world.tamper("DELETE FROM log_checkpoints")
    (sqlite_world.config.checkpoint_dir / "signer.json").unlink()
    with pytest.raises(VaultSealed) as refused:
        sqlite_world.settle()
    assert refused.value.reason == "signer_memory_unreadable"


@pytest.mark.parametrize(
    "change",
    ["canonical = 'text'", "canonical = 7", "leaf_hash = 'text'", "leaf_hash = 0.5", "event_id = 'an id'"],
)
def test_a_column_of_another_type_is_a_finding_and_no_failure(sqlite_world, change):
    sqlite_world.settle()
    assert sqlite_world.tamper(f"UPDATE log_events SET {change} WHERE leaf_index = 1") == 1
    assert log.verify(sqlite_world.parts, with_terms=True).report.first_bad_index == 1


def test_an_import_that_meets_damage_says_so_in_the_log(world):
    row = world.customer()
    assert world.tamper("UPDATE records SET outlet = 'ELSEWHERE'") == 1
    with pytest.raises(IntegrityError):
        world.load_rows("customer", [row])
    assert [event["facts"]["reason"] for event in world.events("record.integrity_failure")] == ["unreadable"]


def test_an_outlet_that_is_no_code_is_refused_because_it_would_stand_in_clear(world):
    row = world.customer()
    report = world.load_rows("customer", [row | {"source_number": "C9", "outlet": row["sender_address"]}])
    assert [(fault.reason, fault.field) for fault in report.faults] == [("not_a_code", "outlet")]
    assert world.count("records") == 1


def test_a_new_password_ends_the_sessions_that_the_old_one_opened(world):
    world.activate("KF2001")
    token = world.sign_in("KF2001").token
    assert sessions.person_of(world.parts, token, "203.0.113.9", world.now) is not None
    world.activate("KF2001", PASSWORD + " again")
    assert sessions.person_of(world.parts, token, "203.0.113.9", world.now) is None


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(world):
    world.customer()
    with world.parts.database.read() as reader:
        before = reader.execute(text("SELECT revision FROM records")).scalar()
        world.tamper("UPDATE records SET revision = revision + 1")
        assert reader.execute(text("SELECT revision FROM records")).scalar() == before
    assert world.rows("SELECT revision FROM records") == [(before + 1,)]
