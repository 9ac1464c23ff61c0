"""The log of a real vault: signed, extended, and every way of tampering named."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys

import pytest

from tests.rewinding import happen
from tests.simulator import NOW
from vault import bootstrap
from vault.errors import VaultSealed
from vault.services import log
from vault.services.steps.entry_proof import proven_entry
from vault.verify_log import judge_proof

AGENT = "KF2001"


@pytest.fixture
def busy(world):
    """A world whose signed log holds a few dozen events."""
    row = world.customer(owner=AGENT)
    for _ in range(30):
        world.parts.log_writer.write(
            world.parts.event(world.now, world.person(AGENT).actor(), log.Action.LOG_VIEW, log.Outcome.GRANTED)
        )
    answer = world.look_up(AGENT, row["phone"])
    world.reveal(AGENT, answer.case_id, answer.cards[0].record_id, "phone")
    world.settle()
    return world


def kinds(verdict):
    return {one.kind for one in verdict.report.findings}


def test_a_log_nobody_touched_holds_and_says_how_far_it_is_signed(busy):
    size = busy.count("log_events")
    verdict = busy.verify()
    assert verdict.holds
    assert (verdict.report.size, verdict.report.checked_size, verdict.report.unsigned_tail) == (size, size, 0)
    assert verdict.waiting == busy.count("log_inbox") == 0


def test_events_that_wait_are_counted_and_then_signed(busy):
    size = busy.settle()
    assert busy.verify().tail_since == ""
    busy.look_up(AGENT, "13999999999")
    assert (busy.verify().waiting, busy.verify().tail_since) == (1, "2026-11-20T03:00:00.000000Z")
    assert busy.settle() == size + 1
    assert busy.verify().waiting == 0


def test_settling_again_signs_nothing_new(busy):
    note = busy.parts.log_files.checkpoint.read_bytes()
    checkpoints = busy.count("log_checkpoints")
    assert busy.settle() == busy.settle()
    assert busy.parts.log_files.checkpoint.read_bytes() == note
    assert busy.count("log_checkpoints") == checkpoints


COLUMNS = ("canonical", "leaf_hash", "event_id")


@pytest.mark.parametrize("what", COLUMNS)
def test_one_changed_byte_of_any_column_names_the_entry(busy, what):
    index = 17
    (old,) = busy.rows(f"SELECT {what} FROM log_events WHERE leaf_index = {index}")[0]
    new = bytes(old[:-1]) + bytes([old[-1] ^ 1])
    assert busy.tamper(f"UPDATE log_events SET {what} = :new WHERE leaf_index = {index}", new=new) == 1
    verdict = log.verify(busy.parts, with_terms=True)
    assert not verdict.holds
    assert verdict.report.first_bad_index == index


@pytest.mark.parametrize("byte", range(0, 400, 13))
def test_a_flipped_bit_anywhere_in_an_event_names_it(sqlite_busy, byte):
    world, intact, index = sqlite_busy
    changed = bytearray(intact)
    changed[byte % len(changed)] ^= 1 << byte % 8
    world.tamper("UPDATE log_events SET canonical = :new WHERE leaf_index = :index", new=bytes(changed), index=index)
    assert world.verify().report.first_bad_index == index
    world.tamper("UPDATE log_events SET canonical = :new WHERE leaf_index = :index", new=intact, index=index)
    assert world.verify().holds


@pytest.fixture
def sqlite_busy(sqlite_world):
    sqlite_world.customer()
    sqlite_world.settle()
    index = sqlite_world.count("log_events") - 1
    (intact,) = sqlite_world.rows("SELECT canonical FROM log_events WHERE leaf_index = :index", index=index)[0]
    return sqlite_world, intact, index


def test_an_event_and_its_hash_changed_together_are_still_found(busy):
    rows = busy.rows("SELECT leaf_index, canonical FROM log_events ORDER BY leaf_index")
    index, old = next((index, bytes(data)) for index, data in rows if b'"actor":"KF2001"' in bytes(data))
    new = old.replace(b"KF2001", b"KF2002")
    busy.tamper(
        "UPDATE log_events SET canonical = :new, leaf_hash = :leaf WHERE leaf_index = :index",
        new=new,
        leaf=hashlib.sha256(b"\0" + new).digest(),
        index=index,
    )
    assert not busy.verify().holds


def with_tiles(world):
    """Let so much happen that the log has three full tiles and the beginning of a fourth."""
    happen(world, 850 - world.count("log_events"))
    world.settle()
    return world


@pytest.fixture
def tiled(world):
    """A world whose log has three full tiles and the beginning of a fourth."""
    return with_tiles(world)


@pytest.fixture
def tiled_sqlite(sqlite_world):
    return with_tiles(sqlite_world)


def named(verdict):
    return [(one.kind, one.index) for one in verdict.report.findings]


def test_tiles_that_nobody_touched_agree_with_the_events(tiled):
    assert tiled.count("log_tiles") == 3
    assert tiled.verify().holds


@pytest.mark.parametrize("column", ["hashes", "middle", "root"])
def test_an_edited_tile_is_named_by_its_first_entry(tiled, column):
    ((old,),) = tiled.rows(f"SELECT {column} FROM log_tiles WHERE level = 0 AND number = 1")
    new = bytes(old[:-1]) + bytes([old[-1] ^ 1])
    tiled.tamper(f"UPDATE log_tiles SET {column} = :new WHERE number = 1", new=new)
    verdict = tiled.verify()
    assert named(verdict) == [("column_mismatch", 256)]
    assert verdict.report.findings[0].words == (
        "tile 1 of level 0, over entries 256 to 511: not what the events give"
    )  # fmt: skip


def test_tiles_that_are_not_there_are_named_together(tiled):
    tiled.tamper("DELETE FROM log_tiles WHERE number = 1")
    assert [one.words for one in tiled.verify().report.findings] == [
        "tile 1 of level 0, over entries 256 to 511: not there"
    ]
    tiled.tamper("DELETE FROM log_tiles WHERE number < 3")
    verdict = tiled.verify()
    assert [one.words for one in verdict.report.findings] == [
        "tiles 0 to 2 of level 0, over entries 0 to 767: not there"
    ]
    assert named(verdict) == [("column_mismatch", 0)]


def test_a_tile_of_no_entries_is_found(tiled):
    tiled.tamper("UPDATE log_tiles SET number = 7 WHERE number = 2")
    assert named(tiled.verify()) == [("column_mismatch", None), ("column_mismatch", 512)]


@pytest.mark.parametrize("change", ["cut short", "made longer", "empty"])
def test_a_tile_of_another_length_is_named(tiled, change):
    ((hashes,),) = tiled.rows("SELECT hashes FROM log_tiles WHERE level = 0 AND number = 2")
    new = {"cut short": bytes(hashes[:-1]), "made longer": bytes(hashes) + b"\0", "empty": b""}[change]
    tiled.tamper("UPDATE log_tiles SET hashes = :new WHERE number = 2", new=new)
    assert named(tiled.verify()) == [("column_mismatch", 512)]


def test_a_whole_tile_from_another_place_is_named(tiled):
    row = tiled.rows("SELECT hashes, middle, root FROM log_tiles WHERE number = 0")[0]
    values = dict(zip(("hashes", "middle", "root"), row, strict=True))
    tiled.tamper("UPDATE log_tiles SET hashes = :hashes, middle = :middle, root = :root WHERE number = 2", **values)
    assert named(tiled.verify()) == [("column_mismatch", 512)]


def test_two_tiles_that_changed_places_are_both_named(tiled):
    for step in ("number = 9 WHERE number = 0", "number = 0 WHERE number = 1", "number = 1 WHERE number = 9"):
        tiled.tamper(f"UPDATE log_tiles SET {step}")
    assert named(tiled.verify()) == [("column_mismatch", 0), ("column_mismatch", 256)]


def test_a_tile_of_another_log_is_named_and_a_proof_out_of_it_does_not_hold(tiled):
    """It fits in itself: 256 hashes, their middle and their root, but of other events."""
    hashes = [hashlib.sha256(b"\0%d" % number).digest() for number in range(256)]
    levels = [hashes]
    while len(levels[-1]) > 1:
        pairs = iter(levels[-1])
        levels.append([hashlib.sha256(b"\1" + left + next(pairs)).digest() for left in pairs])
    parts = {"hashes": b"".join(hashes), "middle": b"".join(levels[4]), "root": levels[8][0]}
    tiled.tamper("UPDATE log_tiles SET hashes = :hashes, middle = :middle, root = :root WHERE number = 1", **parts)
    assert named(tiled.verify()) == [("column_mismatch", 256)]
    pin = tiled.parts.log_files.pin.read_text("ascii").strip()
    for place in (300, 700, tiled.count("log_events") - 1):
        found = proven_entry(tiled.parts, place, tiled.settle())
        assert judge_proof(found.canonical, found.proof.text(), pin).status == 1


def test_a_tile_of_a_level_that_the_log_does_not_reach_is_found(tiled):
    tiled.tamper("UPDATE log_tiles SET level = 1, number = 0 WHERE number = 2")
    verdict = tiled.verify()
    assert named(verdict) == [("column_mismatch", None), ("column_mismatch", 512)]
    assert verdict.report.findings[0].words == "1 tiles are of no entries"


def test_tiles_of_what_was_cut_off_at_the_end_do_not_hide_the_cut(tiled):
    tiled.tamper("DELETE FROM log_events WHERE leaf_index >= 600")
    assert ("truncated", 600) in named(tiled.verify())


@pytest.mark.parametrize(
    ("column", "value"), [("hashes", "text"), ("middle", 7), ("root", ""), ("number", b"two"), ("level", 0.5)]
)
def test_a_tile_with_a_value_of_another_type_is_found(tiled_sqlite, column, value):
    tiled_sqlite.tamper(f"UPDATE log_tiles SET {column} = :value WHERE number = 2", value=value)
    assert {one.kind for one in tiled_sqlite.verify().report.findings} == {"column_mismatch"}


def test_a_tile_whose_entry_was_changed_is_not_named_beside_it(tiled):
    tiled.tamper("UPDATE log_events SET canonical = :new WHERE leaf_index = 300", new=b"{}")
    assert named(tiled.verify()) == [("changed", 300)]


def test_of_a_log_with_a_hole_only_the_tiles_before_it_are_judged(tiled):
    tiled.tamper("DELETE FROM log_events WHERE leaf_index = 300")
    tiled.tamper("UPDATE log_tiles SET root = :new WHERE number <> 1", new=bytes(32))
    assert {one for one in named(tiled.verify()) if one[0] == "column_mismatch"} == {("column_mismatch", 0)}


def test_tiles_emptied_by_the_owner_are_built_anew_and_agree(tiled):
    tiled.tamper("DELETE FROM log_tiles")
    assert not tiled.verify().holds
    tiled.settle()
    assert tiled.verify().holds


def test_a_cut_tail_a_hole_and_a_swap_are_found(busy):
    last = busy.count("log_events") - 1
    kept = busy.rows("SELECT leaf_index, canonical, leaf_hash, event_id FROM log_events")
    put = "INSERT INTO log_events (leaf_index, canonical, leaf_hash, event_id) VALUES (:a, :b, :c, :d)"
    for gone in (last, 17):
        busy.tamper("DELETE FROM log_events WHERE leaf_index = :gone", gone=gone)
        verdict = busy.verify()
        assert not verdict.holds
        if gone != last:
            assert verdict.report.first_bad_index == gone
        row = next(one for one in kept if one[0] == gone)
        busy.tamper(put, **dict(zip("abcd", row, strict=True)))
        assert busy.verify().holds
    for step in (
        "leaf_index = -1 WHERE leaf_index = 17",
        "leaf_index = 17 WHERE leaf_index = 18",
        "leaf_index = 18 WHERE leaf_index = -1",
    ):
        busy.tamper(f"UPDATE log_events SET {step}")
    verdict = busy.verify()
    assert not verdict.holds
    assert verdict.report.first_bad_index <= 17  # all that is known of entries between two checkpoints


def test_checkpoints_replaced_by_those_of_a_history_signed_anew_are_found(busy):
    """Somebody with database and signing key writes another history; the file outside still knows the first."""
    files = busy.parts.log_files
    outside, memory = files.checkpoint.read_bytes(), files._memory.read_bytes()
    busy.tamper("DELETE FROM log_events WHERE leaf_index >= 10")
    busy.tamper("DELETE FROM log_checkpoints")
    files.checkpoint.unlink()
    files._memory.unlink()
    busy.look_up(AGENT, "13999999999")
    busy.settle()
    assert busy.verify().holds  # nothing inside tells
    files.checkpoint.write_bytes(outside)
    files._memory.write_bytes(memory)
    verdict = busy.verify()
    assert not verdict.holds
    assert kinds(verdict) & {"forked", "rolled_back", "truncated"}
    with pytest.raises(VaultSealed):
        busy.settle()


def test_a_database_restored_from_an_old_copy_is_not_signed_and_judged_rolled_back(sqlite_world, tmp_path):
    world = sqlite_world
    row = world.customer()
    world.settle()
    world.close()
    shutil.copyfile(world.place.file, tmp_path / "old.sqlite3")
    world.restart()
    for _ in range(5):
        world.look_up(AGENT, row["phone"])
    world.settle()
    world.close()
    shutil.copyfile(tmp_path / "old.sqlite3", world.place.file)
    with pytest.raises(VaultSealed) as sealed, bootstrap.open_vault(world.config):
        pass
    assert sealed.value.reason == "database_rewound"
    with bootstrap.open_vault(world.config, to_inspect=True) as parts:
        verdict = log.verify(parts)
        assert not verdict.holds
        assert kinds(verdict) == {"rolled_back"}
        note = parts.log_files.checkpoint.read_bytes()
        with pytest.raises(VaultSealed) as sealed:
            log.settle(parts, NOW)
        assert sealed.value.reason == "database_rewound"
        assert parts.log_files.checkpoint.read_bytes() == note
    shutil.copyfile(tmp_path / "old.sqlite3", world.place.file)
    with sqlite3.connect(world.place.file):
        pass


def test_an_old_database_that_went_on_growing_is_another_history(sqlite_world, tmp_path):
    world = sqlite_world
    row = world.customer()
    world.settle()
    world.close()
    shutil.copyfile(world.place.file, tmp_path / "old.sqlite3")
    world.restart()
    world.look_up(AGENT, row["phone"])
    world.settle()
    world.close()
    shutil.copyfile(tmp_path / "old.sqlite3", world.place.file)
    with bootstrap.open_vault(world.config, to_inspect=True) as parts:
        for _ in range(3):
            parts.log_writer.write(parts.event(NOW, log.Actor("x", "x"), log.Action.LOG_VIEW, log.Outcome.DONE))
        with pytest.raises(VaultSealed) as sealed:
            log.settle(parts, NOW)
        assert sealed.value.reason == "history_rewritten"
        assert not log.verify(parts).holds


def test_without_the_checkpoint_or_the_pin_outside_nobody_can_judge(busy):
    for file in (busy.parts.log_files.checkpoint, busy.parts.log_files.pin):
        kept = file.read_bytes()
        file.unlink()
        assert busy.verify() is None
        file.write_bytes(kept)
    assert busy.verify().holds


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe\x00", b"a+00000000+AAAA"])
def test_a_pin_that_cannot_be_read_is_no_judgement(sqlite_world, content):
    sqlite_world.parts.log_files.pin.write_bytes(content)
    assert sqlite_world.verify() is None


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe\x00"])
def test_a_damaged_checkpoint_outside_does_not_hold(sqlite_world, content):
    sqlite_world.parts.log_files.checkpoint.write_bytes(content)
    verdict = sqlite_world.verify()
    assert verdict is None or not verdict.holds


def test_a_signer_that_lost_its_memory_does_not_sign_from_the_beginning(busy):
    busy.parts.log_files._memory.unlink()
    busy.look_up(AGENT, "13999999999")
    with pytest.raises(VaultSealed):
        busy.settle()


SETTLE = """
import sys, time
from pathlib import Path
from tests.conftest import Place
from tests.simulator import World, settings, NOW
from vault.services.log import Action, Actor, Outcome
folder, url, owner, go = sys.argv[1:]
world = World(settings(Path(folder), Place(url, owner)), Place(url, owner))
print("ready", flush=True)
while not Path(go).exists():
    pass
for _ in range(15):
    world.parts.log_writer.write(world.parts.event(NOW, Actor("x", "x"), Action.LOG_VIEW, Outcome.DONE))
    world.settle()
world.close()
"""


@pytest.mark.slow
def test_two_processes_that_settle_at_once_keep_one_history(world, tmp_path):
    size, go = world.settle(), tmp_path / "go"
    command = [
        sys.executable,
        "-c",
        SETTLE,
        str(world.config.data_dir),
        world.place.url,
        world.place.owner_url,
        str(go),
    ]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    go.touch()
    for child in children:
        child.communicate(timeout=60)
    assert [child.returncode for child in children] == [0, 0]
    assert world.settle() == size + 30
    assert world.verify().holds


def test_the_outcome_of_a_verification_is_an_event(world):
    actor = bootstrap.operator(world.config)
    log.record_verification(world.parts, actor, world.verify(), NOW)
    log.record_verification(world.parts, actor, None, NOW)
    assert [one["outcome"] for one in world.events("log.verify")] == ["done", "failed"]
