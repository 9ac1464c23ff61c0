import json
import os
import threading
import time

import pytest

from vault.domain.log_tree import Frontier, leaf_hash
from vault.errors import StorageError, StorageUnavailable
from vault.storage.log_files import LogFiles, SignedState, replace_file


@pytest.fixture
def files(tmp_path):
    return LogFiles(tmp_path / "log")


def state(*leaves: bytes, note: str = "a note\n") -> SignedState:
    frontier = Frontier()
    frontier.extend(leaf_hash(leaf) for leaf in leaves)
    return SignedState(frontier, leaf_hash(leaves[-1]), note)


def test_nothing_was_signed_before_the_first_checkpoint(files):
    assert files.signed() is None


def test_what_was_signed_is_remembered_and_published(files):
    signed = state(b"a", b"b", b"c", note="origin\n3\nroot\n\n— name sig\n")
    with files.locked():
        files.remember(signed)
    found = LogFiles(files.folder).signed()
    assert found.frontier.size == 3
    assert found.frontier.root() == signed.frontier.root()
    assert (found.last_leaf, found.note) == (signed.last_leaf, signed.note)
    assert files.checkpoint.read_text() == signed.note


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: b"",
        lambda kept: b"[]",
        lambda kept: json.dumps(kept | {"size": 4}).encode(),
        lambda kept: json.dumps(kept | {"frontier": ["zz"]}).encode(),
        lambda kept: json.dumps({"size": 3}).encode(),
    ],
    ids=["empty", "a list", "another size", "no hash", "parts missing"],
)
def test_a_memory_that_cannot_be_read_is_never_taken_for_no_memory(files, spoil):
    with files.locked():
        files.remember(state(b"a", b"b", b"c"))
    memory = files.folder / "signer.json"
    memory.write_bytes(spoil(json.loads(memory.read_text())))
    with pytest.raises(StorageError) as raised:
        files.signed()
    assert raised.value.reason == "signer_memory_unreadable"


def test_the_folder_and_its_files_are_for_the_owner_only(files):
    with files.locked():
        files.remember(state(b"a"))
    files.publish_pin("origin+00000000+key")
    assert files.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in files.folder.iterdir()} == {0o600}
    assert files.pin.read_text() == "origin+00000000+key\n"


def test_one_signer_at_a_time(files):
    entered = threading.Event()

    def second():
        with LogFiles(files.folder).locked():
            entered.set()

    with files.locked():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        assert not entered.is_set()
    thread.join(5)
    assert entered.is_set()


def test_a_crash_before_the_rename_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint"
    replace_file(path, b"old")

    def crash(file):
        raise OSError

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(StorageUnavailable) as refused:
        replace_file(path, b"new and longer")
    assert refused.value.reason == "checkpoint_unwritable"
    assert path.read_bytes() == b"old"


GAP = "log/gap/v1\nkept 1 r\nlost 2 r\naccepted t\nreason lost_disk\n\n— log c2ln\n"


def test_gap_statements_are_kept_once_each_in_order_for_the_owner_only(files):
    assert files.gaps() == []
    with files.locked():
        for note in (GAP, GAP.replace("lost 2", "lost 3"), GAP):
            files.declare(note)
    assert LogFiles(files.folder).gaps() == [GAP, GAP.replace("lost 2", "lost 3")]
    assert files.declared.read_text("utf-8").startswith(GAP + "\n")
    assert files.declared.stat().st_mode & 0o777 == 0o600


def test_a_note_with_several_signatures_is_one_statement(files):
    with files.locked():
        files.declare(GAP + "— other c2ln\n")
        files.declare(GAP)
    assert files.gaps() == [GAP + "— other c2ln\n", GAP]


@pytest.mark.parametrize("spoilt", [b"", b"\n\n\n", b"nonsense", b"\xff\xfe\n\n", GAP.encode()[:-9]])
def test_a_damaged_file_of_statements_is_not_lost_by_the_next_one(files, spoilt):
    with files.locked():
        files.declared.write_bytes(spoilt)
        files.declare(GAP)
    assert files.declared.read_bytes() == spoilt + f"{GAP}\n".encode()


def test_a_file_of_statements_that_cannot_be_read_is_never_taken_for_none(files):
    with files.locked():
        files.declared.mkdir()
    with pytest.raises(StorageError) as raised:
        files.gaps()
    assert raised.value.reason == "signer_memory_unreadable"


def test_a_checkpoint_is_written_again_only_where_it_is_another_one(files):
    with files.locked():
        files.remember(state(b"a"))
        before = files.checkpoint.stat().st_ino
        files.publish("a note\n")
        assert files.checkpoint.stat().st_ino == before
        for damaged in (b"", b"another\n"):
            files.checkpoint.write_bytes(damaged)
            files.publish("a note\n")
            assert files.checkpoint.read_bytes() == b"a note\n"
