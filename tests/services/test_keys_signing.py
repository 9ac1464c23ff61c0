"""Replacing the signing key, step by step: once, resumable, logged, and the old key gone from every copy."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.bundles import kinds as findings
from tests.ended_cohorts import SYSTEM
from tests.rewinding import work
from tests.simulator import NOW, World
from vault.crypto import key_store_copies
from vault.crypto.key_store_files import KeyStoreFiles
from vault.errors import AccessRefused, KeyStoreError, StorageUnavailable, VaultError, VaultSealed
from vault.services import keys, keys_signing
from vault.storage.log_anchors import Anchors, FolderAnchor
from vault.storage.log_files import LogFiles

ACTION = "keys.signing_rotated"
ANY = [AccessRefused, KeyStoreError, StorageUnavailable, VaultSealed]


def rotate(world, seen=None):
    return keys_signing.rotate(world.parts, SYSTEM, seen or keys_signing.look(world.parts).key, world.now)


def signing_keys(world):
    """Return every private signing key in the key store."""
    held, _ = world.parts.keys.files.load().contents()
    return {one for one in (held.signing, held.next_signing) if one}


def outcomes(world):
    return [(one["outcome"], one["facts"].get("reason")) for one in world.events(ACTION)]


class Killed(BaseException):
    """Stands for the end of the process."""


def test_the_new_key_signs_the_old_one_is_gone_and_one_event_names_both(world):
    before, (private,) = keys_signing.look(world.parts), signing_keys(world)
    copies = [(one / "store" / "keystore").read_bytes() for one in world.config.key_copies]
    epochs = [(one / "epoch" / "epoch").read_bytes() for one in world.config.key_copies]
    world.now += timedelta(days=3)
    done = rotate(world)
    after = keys_signing.look(world.parts)
    assert (done.old, done.new) == (before.key, after.key)
    assert (before.since, after.since) == (NOW, world.now)
    assert (after.changes, after.is_begun) == ((done,), False)
    assert keys.status(world.parts).pin == after.key

    assert private not in signing_keys(world)
    assert len(signing_keys(world)) == 1
    for number, copy in enumerate(world.config.key_copies):
        assert (copy / "store" / "keystore").read_bytes() != copies[number]
        assert (copy / "epoch" / "epoch").read_bytes() != epochs[number]  # an older copy of the store opens no more

    (event,) = world.events(ACTION)
    old, new = done.ids
    assert event["facts"] == {"old_key": old, "new_key": new, "size": done.size}
    assert (event["outcome"], event["actor"]) == ("done", SYSTEM.name)
    assert world.rows("SELECT old_key, new_key, size FROM log_keys") == [(done.old, done.new, done.size)]
    assert world.parts.log_files.pin.read_text("ascii") == f"{after.key}\n"
    last = world.parts.log_files.checkpoint.read_text("utf-8")
    assert int(last.split("\n")[1]) > done.size
    assert world.verify().holds
    world.restart()
    work(world, 2)
    assert world.verify().holds


def test_by_the_old_pin_beside_the_checkpoint_the_log_holds_too(world):
    done = rotate(world)
    world.parts.log_files.publish_pin(done.old)
    assert world.verify().holds
    (change,) = world.verify().report.keys
    assert change.new == done.new
    world.parts.log_files.changed.unlink()
    assert world.verify().holds  # the row is there
    world.tamper("DELETE FROM log_keys")
    assert {one.kind for one in world.verify().report.findings} == {"wrong_key"}


def test_what_was_sealed_before_opens_as_before(world):
    row = world.customer()
    before = world.opened()
    rotate(world)
    world.restart()
    assert world.opened() == before
    assert world.look_up("KF2001", row["phone"]).cards


def test_the_key_that_somebody_saw_must_still_be_in_force(world):
    seen = keys_signing.look(world.parts).key
    rotate(world)
    for wrong in (seen, "nobody", ""):
        with pytest.raises(AccessRefused) as refused:
            keys_signing.rotate(world.parts, SYSTEM, wrong, world.now)
        assert refused.value.reason == "signing_key_changed"
    assert outcomes(world) == [("done", None)] + [("refused", "signing_key_changed")] * 3
    assert len(keys_signing.look(world.parts).changes) == 1


def test_of_two_who_replace_it_at_once_one_does(world):
    other = World(world.config, world.place, world.now)
    seen = keys_signing.look(world.parts).key
    barrier, came = threading.Barrier(2), []

    def run(one):
        barrier.wait()
        try:
            came.append(keys_signing.rotate(one.parts, SYSTEM, seen, world.now).new)
        except VaultError as error:
            came.append(error.reason)

    threads = [threading.Thread(target=run, args=(one,)) for one in (world, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    new = keys_signing.look(world.parts).key
    assert sorted(came) == sorted([new, "signing_key_changed"])
    assert len(world.events(ACTION, "done")) == 1
    assert world.verify().holds


def test_another_process_that_works_on_signs_with_the_new_key(world):
    other = World(world.config, world.place, world.now)
    work(other, 1)
    done = rotate(world)
    work(other, 2)
    assert keys_signing.look(other.parts).key == done.new
    other.close()
    assert world.verify().holds


# -- killed, and faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "name", "is_announced"),
    [
        (LogFiles, "declare_key", False),
        (LogFiles, "publish_pin", True),
        (KeyStoreFiles, "finish_signing_key", True),
    ],
)
def test_killed_between_two_steps_the_log_goes_on_and_the_next_run_ends_it(
    world, monkeypatch, place, name, is_announced
):
    before = keys_signing.look(world.parts)

    def killed(*_given):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(place, name, killed)
        with pytest.raises(Killed):
            rotate(world)
    world.restart()
    work(world, 2)
    assert world.verify().holds
    told = keys_signing.look(world.parts)
    assert told.is_begun
    assert (told.key == before.key) is not is_announced
    assert len(signing_keys(world)) == 2
    done = rotate(world)
    assert done.old == before.key
    after = keys_signing.look(world.parts)
    assert (after.key, after.is_begun, len(after.changes)) == (done.new, False, 1)
    assert [one["facts"]["new_key"] for one in world.events(ACTION)] == [done.ids[1]]
    assert len(signing_keys(world)) == 1
    assert world.verify().holds


def test_a_copy_that_is_away_changes_nothing_and_is_logged(world):
    before = keys_signing.look(world.parts)
    away = world.config.key_copies[1] / "store" / "keystore"
    away.rename(away.with_name("away"))
    with pytest.raises(KeyStoreError):
        rotate(world)
    away.with_name("away").rename(away)
    assert keys_signing.look(world.parts) == before
    assert outcomes(world) == [("failed", "key_store_missing")]
    rotate(world)
    assert world.verify().holds


def test_a_full_disk_under_the_checkpoints_announces_nothing(world, monkeypatch):
    before = keys_signing.look(world.parts).key

    def full(*_given):
        raise StorageUnavailable("checkpoint_unwritable", path="keys")

    with monkeypatch.context() as patch:
        patch.setattr(LogFiles, "declare_key", full)
        with pytest.raises(StorageUnavailable):
            rotate(world)
    assert keys_signing.look(world.parts).key == before
    assert outcomes(world) == [("failed", "checkpoint_unwritable")]
    work(world, 1)
    assert world.verify().holds
    rotate(world)
    assert keys_signing.look(world.parts).key != before


def test_an_epoch_secret_that_cannot_be_renewed_leaves_the_new_key_in_force_and_the_next_run_erases_the_old(
    world, monkeypatch
):
    before = keys_signing.look(world.parts).key

    def refused(*_given):
        raise KeyStoreError("epoch_secret_unwritable", path="epoch")

    with monkeypatch.context() as patch:
        patch.setattr(key_store_copies, "create_private", refused)
        with pytest.raises(KeyStoreError):
            rotate(world)
    told = keys_signing.look(world.parts)
    assert (told.key != before, told.is_begun) == (True, True)
    work(world, 1)
    rotate(world)
    assert keys_signing.look(world.parts).key == told.key
    assert outcomes(world) == [("done", None), ("failed", "epoch_secret_unwritable")]


# -- elsewhere -------------------------------------------------------------------------------------------------------


def test_places_elsewhere_get_the_statement_before_the_first_checkpoint_of_the_new_key(world, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    object.__setattr__(world.parts, "anchors", Anchors(world.config.checkpoint_dir, [FolderAnchor(elsewhere)]))
    work(world, 1)
    done = rotate(world)
    work(world, 1)
    (history,) = elsewhere.glob("checkpoints-*")
    sizes = [note.split("\n")[1] for note in history.read_text("utf-8").split("\n\ndatavault")]
    at = sizes.index(str(done.size))
    assert sizes[at : at + 2] == [str(done.size)] * 2  # its checkpoint, then the statement about it
    assert int(sizes[at + 2]) > done.size
    assert history.read_text("utf-8").count("key-change ") == 1
    (sent,) = world.parts.anchors.standing()
    assert (sent.keys, sent.fault) == (1, "")


def test_a_host_that_has_no_file_of_statements_keeps_what_the_database_says(world):
    rotate(world)
    file = world.parts.log_files.changed
    kept = file.read_bytes()
    file.unlink()
    world.settle()
    assert file.read_bytes() == kept
    assert world.verify().holds


def test_events_and_words_hold_no_key(world):
    held = signing_keys(world)
    rotate(world)
    held |= signing_keys(world)
    told = f"{keys_signing.look(world.parts)} {world.events()} {world.parts.keys.files.load()!r}"
    assert not any(one.hex() in told for one in held)


def test_a_statement_in_the_database_that_nobody_signed_is_named_and_changes_nothing(world):
    key = keys_signing.look(world.parts).key
    query = "INSERT INTO log_keys VALUES (:old, 'x', 1, 'no note', 1)"
    world.tamper(query, old=key)
    work(world, 1)
    assert keys_signing.look(world.parts).key == key
    assert findings(world.verify().report) == {"bad_checkpoint"}
