"""Accepting that signed events are lost: what is stated, what ends, and what no statement opens."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from tests.colleagues import AGENT, ask, at_work, grant
from tests.rewinding import OldCopy, accepted, examined, happen, inspected, work
from tests.services.test_break_glass import Emergency
from tests.simulator import PASSWORD
from vault import bootstrap
from vault.crypto.signing import NoteSigner, NoteVerifier
from vault.domain.log import Action, Actor, Outcome
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.log_gaps import GapReason, GapStatement
from vault.domain.log_tree import Frontier
from vault.errors import NotFound, SignInRefused, StorageError, VaultSealed
from vault.services import api_tokens, log, log_gaps, people
from vault.storage import log_gaps as stored
from vault.storage.unit_of_work import unit_of_work


@pytest.fixture
def rewound(world, tmp_path):
    """A closed world whose database lacks its last eight events, which were signed one by one."""
    work(world, 4)
    copy = OldCopy(world, tmp_path)
    work(world, 8)
    copy.put_back()
    return world


def signer_of(world):
    with inspected(world) as parts, parts.database.read() as connection:
        origin = parts.log_files.pin.read_text("utf-8").partition("+")[0]
        return parts.keys.current(connection).signer(origin)


def statement_of(world):
    """Return the only statement that the database keeps, its signature checked."""
    ((note,),) = world.rows("SELECT note FROM log_gaps")
    pin = (world.config.checkpoint_dir / "checkpoint.pin").read_text("utf-8").strip()
    return GapStatement.parse(NoteVerifier.parse(pin).verify(note))


def insert(world, statement, note):
    """Put a statement into the database past everything the vault does."""
    with inspected(world) as parts, unit_of_work(parts.database) as unit:
        stored.add(unit.connection, statement, note)
        unit.commit()


def sealed(world):
    with pytest.raises(VaultSealed) as refused, bootstrap.open_vault(world.config):
        pass
    return refused.value.reason


# -- what is lost --------------------------------------------------------------------------------------------------


def test_what_is_lost_and_what_is_left_is_told_exactly(rewound):
    size = rewound.count("log_events")
    loss = examined(rewound)
    assert (loss.fault, loss.kept.size, loss.found, loss.lost.size) == ("database_rewound", size, size, size + 8)
    assert loss.events == 8
    assert loss.kept_until == loss.found_until < "2026-11-20T03:05"
    assert loss.kept_until.startswith("2026-11-20T03:04:00")
    assert loss.signed_at is not None
    assert not loss.is_accepted
    assert sealed(rewound) == "database_rewound"  # looking changed nothing


def test_where_everything_is_there_nothing_can_be_accepted_and_the_try_is_logged(world):
    operator = bootstrap.operator(world.config)
    with pytest.raises(NotFound) as refused:
        log_gaps.examine(world.parts, operator, world.now)
    assert refused.value.reason == "nothing_to_accept"
    (event,) = world.events("log.gap_accepted")
    assert (event["outcome"], event["rule"], event["role"]) == ("refused", "nothing_to_accept", "operator")
    assert world.count("log_gaps") == 0


def test_events_that_came_after_the_last_checkpoint_of_the_copy_are_there_but_not_proved(world, tmp_path):
    kept = work(world, 3)
    happen(world, 2)
    copy = OldCopy(world, tmp_path)
    work(world, 5)
    copy.put_back()
    with inspected(world) as parts, pytest.raises(VaultSealed):
        log.settle(parts, world.now)  # as a scheduler does that nobody stopped: the two get places of their own
    loss = accepted(world)
    assert (loss.kept.size, loss.found) == (kept, kept + 2)
    assert statement_of(world).kept.size == kept
    world.restart()
    assert world.verify().holds
    assert world.count("log_events") == kept + 2 + 1


def test_another_history_that_was_signed_is_not_taken_for_what_was_kept(world, tmp_path):
    """Another host signed its own history on the same database; of this host's memory some roots contradict it."""
    common = work(world, 3)
    copy = OldCopy(world, tmp_path)
    lost = work(world, 14)
    copy.put_back()
    world.config.checkpoint_dir.rename(tmp_path / "this host's")
    world.config.checkpoint_dir.mkdir()
    (world.config.checkpoint_dir / "signer.json").write_bytes(copy_of_memory(tmp_path / "this host's", world, common))
    world.restart()
    other = work(world, 18)
    world.close()
    for file in world.config.checkpoint_dir.iterdir():
        file.unlink()
    world.config.checkpoint_dir.rmdir()
    (tmp_path / "this host's").rename(world.config.checkpoint_dir)
    loss = examined(world)
    assert other > lost > 32 > common
    assert (loss.fault, loss.lost.size, loss.found) == ("history_rewritten", lost, other)
    # The largest power of two within the lost history lies behind the fork: no state beyond it is common.
    assert common <= loss.kept.size < 1 << lost.bit_length() - 1
    accepted(world, GapReason.OTHER_HISTORY)
    world.restart()
    assert world.count("log_gaps") == 1


def copy_of_memory(folder, world, size):
    """Return the memory of a signer that has signed only so many of the events that both have."""
    memory = json.loads((folder / "signer.json").read_text())
    rows = world.rows("SELECT leaf_hash FROM log_events ORDER BY leaf_index")
    leaves = [bytes(one) for (one,) in rows][:size]
    frontier = Frontier()
    frontier.extend(leaves)
    ((note,),) = world.rows("SELECT note FROM log_checkpoints WHERE size = :size", size=size)
    told = {"size": size, "frontier": [one.hex() for one in frontier.hashes()], "last_leaf": leaves[-1].hex()}
    return json.dumps(memory | told | {"note": note}).encode()


def test_a_log_that_was_cut_off_beside_its_checkpoints_cannot_be_accepted(world):
    size = work(world, 6)
    world.close()
    world.tamper("DELETE FROM log_events WHERE leaf_index >= :last", last=size - 2)
    with pytest.raises(VaultSealed) as refused:
        examined(world)
    assert refused.value.reason == "log_was_cut"


def test_a_database_without_any_signed_state_in_common_cannot_be_accepted(rewound):
    rewound.tamper("DELETE FROM log_checkpoints")
    with pytest.raises(VaultSealed) as refused:
        examined(rewound)
    assert refused.value.reason == "nothing_in_common"


def test_checkpoints_of_another_key_prove_nothing(rewound):
    stranger = NoteSigner(bytes(32), signer_of(rewound)._name)
    for size, note in rewound.rows("SELECT size, note FROM log_checkpoints"):
        forged = stranger.sign(note.partition("\n\n")[0] + "\n")
        rewound.tamper("UPDATE log_checkpoints SET note = :note WHERE size = :size", note=forged, size=size)
    with pytest.raises(VaultSealed) as refused:
        examined(rewound)
    assert refused.value.reason == "nothing_in_common"


def test_a_checkpoint_that_the_events_do_not_give_is_not_what_was_kept(rewound):
    (largest,), (second,) = rewound.rows("SELECT size FROM log_checkpoints ORDER BY size DESC LIMIT 2")
    rewound.tamper("UPDATE log_events SET canonical = :new WHERE leaf_index = :last", new=b"{}", last=largest - 1)
    loss = examined(rewound)
    assert (loss.kept.size, loss.found, loss.found_until) == (second, largest, "")


def test_a_memory_that_is_gone_is_no_loss_that_anybody_can_state(rewound):
    (rewound.config.checkpoint_dir / "signer.json").unlink()
    with pytest.raises(VaultSealed) as refused:
        examined(rewound)
    assert refused.value.reason == "signer_memory_unreadable"


# -- accepting it --------------------------------------------------------------------------------------------------


def test_the_statement_names_both_states_the_time_and_the_reason_and_the_event_only_numbers(rewound):
    loss = accepted(rewound, GapReason.LOST_DISK)
    statement = statement_of(rewound)
    assert statement == GapStatement(loss.kept, loss.lost, rewound.now, GapReason.LOST_DISK)
    rewound.restart()
    (event,) = rewound.events("log.gap_accepted")
    assert (event["outcome"], event["role"], event["records"]) == ("done", "operator", [])
    assert event["facts"] == {"size": loss.kept.size, "lost": 8, "reason": "lost_disk", "ended": 1}
    with pytest.raises(NotFound):  # and that was that
        log_gaps.examine(rewound.parts, bootstrap.operator(rewound.config), rewound.now)


def test_afterwards_everything_works_and_the_log_holds_with_its_gap_declared(rewound):
    loss = accepted(rewound)
    rewound.restart()
    assert rewound.settle() == loss.found + 1
    verdict = rewound.verify()
    assert verdict.holds
    ((kept, lost),) = [(one.kept[0], one.lost[0]) for one in verdict.report.gaps]
    assert (kept, lost) == (loss.kept.size, loss.lost.size)
    assert work(rewound, 3) == loss.found + 4
    assert rewound.verify().holds


def test_until_it_is_signed_again_the_checkpoint_outside_tells_of_the_gap_and_not_of_a_rollback(rewound):
    operator = bootstrap.operator(rewound.config)
    with inspected(rewound) as parts:
        log_gaps.accept(
            parts, operator, log_gaps.examine(parts, operator, rewound.now), GapReason.LOST_DISK, rewound.now
        )
        verdict = log.verify(parts)
        assert [(one.kind, one.index) for one in verdict.report.findings] == [("gap", verdict.report.size)]
        assert not verdict.holds


def test_what_opened_doors_in_the_copy_is_ended(world, tmp_path):
    at_work(world)
    emergency = Emergency(world).opened()
    row = world.customer(owner="KF2002")
    grant(world, "KF2002", ask(world, row["phone"]))
    world.sign_in("KF2002")
    secret = people.invite(world.parts, bootstrap.operator(world.config), "KF2003", world.now)
    at_work(world, "ADMIN01")
    admin = world.person("ADMIN01")
    api_tokens.make_service_account(world.parts, admin, "BOT01", "查件机器人", "agent", "NJ-GL-01", world.now)
    token = api_tokens.make_token(world.parts, admin, "BOT01", ("query",), 30, world.now)
    world.settle()
    copy = OldCopy(world, tmp_path)
    api_tokens.end_token(world.parts, admin, "BOT01", token.token_id, world.now)
    assert emergency.reveal() == emergency.row["phone"]
    work(world, 2)
    copy.put_back()

    live = examined(world).live  # the first administrator has not come yet
    assert (live.sessions, live.secrets, live.grants, live.emergencies, live.tokens) == (
        1,
        2,
        2,
        1,
        1,
    )
    accepted(world)
    world.restart()
    assert world.events("log.gap_accepted")[0]["facts"]["ended"] == 7
    assert api_tokens.person_of(world.parts, token.token, "203.0.113.9", world.now) is None
    assert world.rows("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(0,)]
    assert world.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(0,)]
    assert world.rows("SELECT state FROM break_glass") == [("ended",)]
    with pytest.raises(SignInRefused):
        people.activate(world.parts, "KF2003", secret, PASSWORD, "203.0.113.9", world.now)
    with pytest.raises(NotFound):
        emergency.reveal()
    assert not world.look_up(AGENT, row["phone"]).cards


def test_of_two_who_accept_at_once_one_does_and_both_are_done(rewound):
    operator = bootstrap.operator(rewound.config)
    barrier, failed = Barrier(2), []
    with ExitStack() as stack:
        opened = [stack.enter_context(inspected(rewound)) for _ in range(2)]

        def one(parts):
            loss = log_gaps.examine(parts, operator, rewound.now)
            barrier.wait(5)
            try:
                log_gaps.accept(parts, operator, loss, GapReason.RESTORED_BACKUP, rewound.now)
            except StorageError as error:
                failed.append(error)

        threads = [Thread(target=one, args=(parts,)) for parts in opened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert failed == []
    assert rewound.count("log_gaps") == 1
    with inspected(rewound) as parts:
        log.settle(parts, rewound.now)
    rewound.restart()
    assert len(rewound.events("log.gap_accepted", "done")) == 1


def test_what_is_not_what_was_shown_any_more_is_not_accepted(rewound):
    operator = bootstrap.operator(rewound.config)
    with inspected(rewound) as parts:
        loss = log_gaps.examine(parts, operator, rewound.now)
        rewound.tamper("DELETE FROM log_checkpoints WHERE size = :size", size=loss.kept.size)
        with pytest.raises(StorageError) as refused:
            log_gaps.accept(parts, operator, loss, GapReason.LOST_DISK, rewound.now)
    assert refused.value.reason == "changed_meanwhile"
    assert rewound.count("log_gaps") == 0


# -- statements that open nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["key", "lost root", "lost size", "kept root", "kept beyond", "text"])
def test_a_statement_that_is_not_ours_or_not_true_opens_nothing(rewound, wrong):
    loss = examined(rewound)
    kept, lost, signer = loss.kept, loss.lost, signer_of(rewound)
    other = bytes([lost.root[0] ^ 1]) + lost.root[1:]
    said = {
        "lost root": GapStatement(kept, Checkpoint(lost.origin, lost.size, other), rewound.now, GapReason.LOST_DISK),
        "lost size": GapStatement(
            kept, Checkpoint(lost.origin, lost.size + 1, lost.root), rewound.now, GapReason.LOST_DISK
        ),
        "kept root": GapStatement(Checkpoint(kept.origin, kept.size, other), lost, rewound.now, GapReason.LOST_DISK),
        "kept beyond": GapStatement(
            Checkpoint(kept.origin, kept.size + 1, kept.root), lost, rewound.now, GapReason.LOST_DISK
        ),
    }.get(wrong, GapStatement(kept, lost, rewound.now, GapReason.LOST_DISK))
    if wrong == "key":
        signer = NoteSigner(bytes(32), kept.origin)
    note = lost.body() if wrong == "text" else said.body()
    # As the row of exactly what the signer remembers, whatever the note says.
    insert(rewound, GapStatement(kept, lost, rewound.now, GapReason.LOST_DISK), signer.sign(note))
    assert sealed(rewound) == "database_rewound"
    with inspected(rewound) as parts, pytest.raises(VaultSealed):
        log.settle(parts, rewound.now)


def test_an_older_copy_after_an_accepted_gap_is_sealed_again_and_both_gaps_stay_declared(world, tmp_path):
    work(world, 2)
    (tmp_path / "older").mkdir()
    older = OldCopy(world, tmp_path / "older")
    work(world, 3)
    copy = OldCopy(world, tmp_path)
    work(world, 6)
    copy.put_back()
    first = accepted(world)
    world.restart()
    work(world, 2)
    older.put_back()
    assert sealed(world) == "database_rewound"
    world.now += timedelta(hours=1)
    second = accepted(world, GapReason.PROMOTED_STANDBY)
    assert second.kept.size < first.kept.size < second.lost.size
    world.restart()
    assert world.count("log_gaps") == 1  # the row of the first was in what was lost
    verdict = world.verify()
    assert verdict.holds
    assert [one.reason for one in verdict.report.gaps] == ["restored_backup", "promoted_standby"]


# -- outside the database ------------------------------------------------------------------------------------------


def test_the_statement_lies_beside_the_checkpoint_and_is_sent_before_the_next_one(rewound, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    rewound.config = replace(rewound.config, checkpoint_copy_dir=share)
    operator = bootstrap.operator(rewound.config)
    with inspected(rewound) as parts:
        before = parts.log_files.checkpoint.read_text("utf-8")
        parts.anchors.deliver(before, Checkpoint.parse(before.partition("\n\n")[0] + "\n").size, rewound.now)
        loss = log_gaps.examine(parts, operator, rewound.now)
        log_gaps.accept(parts, operator, loss, GapReason.LOST_DISK, rewound.now)
        for _ in range(2):
            log.settle(parts, rewound.now)
        after = parts.log_files.checkpoint.read_text("utf-8")
        (note,) = parts.log_files.gaps()
        (row,) = rewound.rows("SELECT note FROM log_gaps")
    assert note == row[0]
    assert (rewound.config.checkpoint_dir / "gaps").read_text("utf-8") == note + "\n"
    (history,) = share.glob("checkpoints-*")
    assert history.read_text("utf-8") == f"{before}\n{note}\n{after}\n"
    assert (share / "checkpoint").read_text("utf-8") == after


def test_a_log_that_grew_to_its_old_size_again_is_still_sent(rewound, tmp_path):
    share = tmp_path / "share"
    share.mkdir()
    rewound.config = replace(rewound.config, checkpoint_copy_dir=share)
    loss = examined(rewound)
    with inspected(rewound) as parts:
        old = parts.log_files.checkpoint.read_text("utf-8")
        parts.anchors.deliver(old, loss.lost.size, rewound.now)
        events = [
            parts.event(rewound.now, Actor("x", "x"), Action.LOG_VIEW, Outcome.DONE) for _ in range(loss.events - 1)
        ]
        with unit_of_work(parts.database) as unit:
            unit.announce(*events)
            unit.commit()
    accepted(rewound)
    signed = (rewound.config.checkpoint_dir / "checkpoint").read_text("utf-8")
    assert f"\n{loss.lost.size}\n" in signed
    assert signed != old
    assert (share / "checkpoint").read_text("utf-8") == signed


def test_a_checkpoint_file_that_a_kill_left_behind_is_written_by_the_next_settling(world):
    work(world, 1)
    file = world.parts.log_files.checkpoint
    before = file.read_bytes()
    size = work(world, 1)
    file.write_bytes(before)
    assert world.settle() == size
    assert f"\n{size}\n".encode() in file.read_bytes()


def test_auditors_and_officers_are_told_of_an_accepted_gap_once_and_nobody_else(rewound):
    accepted(rewound)
    told = rewound.rows(
        "SELECT role, count(*), min(about), max(about) FROM notifications JOIN accounts USING (account_id)"
        " WHERE notifications.kind = 'log_gap_accepted' GROUP BY role ORDER BY role"
    )
    people_of = dict(rewound.rows("SELECT role, count(*) FROM accounts WHERE kind = 'person' GROUP BY role"))
    assert [(role, count) for role, count, *_ in told] == [(role, people_of[role]) for role in ("auditor", "imd")]
    rewound.restart()
    (event,) = rewound.events("log.gap_accepted")
    assert {bytes(one) for *_, low, high in told for one in (low, high)} == {bytes.fromhex(event["id"])}
