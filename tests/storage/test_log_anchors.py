from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.factories import NOW
from vault.errors import SetupError, StorageUnavailable
from vault.storage import log_anchors
from vault.storage.log_anchors import Anchors, FolderAnchor, SyslogAnchor

NOTE = "datavault.local/00\n7\nAAAA\n\n— datavault.local/00 c2ln\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    there = tmp_path / "elsewhere"
    there.mkdir()
    return there


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A host's own syslog, and its address."""
    path = tmp_path / "log.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(2)
        yield f"unix:{path}", listener


def standing(anchors: Anchors) -> list[tuple[int, str]]:
    return [(one.size, one.fault) for one in anchors.standing()]


def test_the_folder_holds_the_last_checkpoint_and_every_one_of_the_month(tmp_path, folder):
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    anchors.deliver(NOTE, 7, NOW)
    anchors.deliver(NOTE.replace("7", "9"), 9, NOW + timedelta(days=30))
    assert (folder / "checkpoint").read_text("utf-8") == NOTE.replace("7", "9")
    assert sorted(one.name for one in folder.iterdir()) == ["checkpoint", "checkpoints-2026-11", "checkpoints-2026-12"]
    assert (folder / "checkpoints-2026-11").read_text("utf-8") == NOTE + "\n"


def test_a_checkpoint_is_sent_once(tmp_path, folder):
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    for _ in range(3):
        anchors.deliver(NOTE, 7, NOW)
    Anchors(tmp_path, [FolderAnchor(folder)]).deliver(NOTE, 7, NOW)  # another process
    assert (folder / "checkpoints-2026-11").read_text("utf-8").count("datavault.local/00\n7") == 1


def test_a_folder_that_is_not_there_is_a_fault_is_not_made_and_gets_the_next_one(tmp_path):
    share = tmp_path / "unmounted"
    anchors = Anchors(tmp_path, [FolderAnchor(share)])
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(0, "ENOENT")]
    assert not share.exists()
    share.mkdir()
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(7, "")]
    (standing_now,) = anchors.standing()
    assert (standing_now.at, standing_now.is_outbound) == (NOW, False)


def test_a_place_that_fails_later_keeps_what_it_got(tmp_path, folder):
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    anchors.deliver(NOTE, 7, NOW)
    (folder / "checkpoint").unlink()
    (folder / "checkpoint").mkdir()  # a file cannot take its place
    anchors.deliver(NOTE, 9, NOW)
    ((size, fault),) = standing(anchors)
    assert size == 7
    assert fault in {"EISDIR", "ENOTEMPTY", "EEXIST"}


def test_one_place_that_fails_keeps_no_other_from_getting_it(tmp_path, folder):
    anchors = Anchors(tmp_path, [FolderAnchor(tmp_path / "gone"), FolderAnchor(folder)])
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(0, "ENOENT"), (7, "")]


def test_the_hosts_syslog_gets_one_line_that_holds_the_checkpoint(tmp_path, syslog):
    address, listener = syslog
    anchors = Anchors(tmp_path, [SyslogAnchor(address)])
    anchors.deliver(NOTE, 7, NOW)
    line = listener.recv(4096).decode("ascii")
    assert "\n" not in line
    assert line.startswith("<38>datavault: {")
    assert json.loads(line.partition(": ")[2])["checkpoint"] == NOTE
    assert standing(anchors) == [(7, "")]
    assert not anchors.standing()[0].is_outbound


def test_a_syslog_that_is_gone_is_a_fault_and_comes_back_by_itself(tmp_path, syslog):
    address, _ = syslog
    path = Path(address.removeprefix("unix:"))
    path.unlink()
    anchors = Anchors(tmp_path, [SyslogAnchor(address)])
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(0, "ENOENT")]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
        again.bind(str(path))
        again.settimeout(2)
        anchors.deliver(NOTE, 7, NOW)
        assert b"datavault: " in again.recv(4096)
    assert standing(anchors) == [(7, "")]


def test_a_syslog_server_gets_it_by_udp(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(2)
        anchors = Anchors(tmp_path, [SyslogAnchor(f"udp:127.0.0.1:{listener.getsockname()[1]}")])
        anchors.deliver(NOTE, 7, NOW)
        assert json.loads(listener.recv(4096).partition(b": ")[2])["checkpoint"] == NOTE
    assert anchors.standing()[0].is_outbound


NO_ADDRESSES = """
    udp udp: udp:host udp:host: udp:host:x udp:host:0 udp:host:65536 udp::514 udp:host:² unix:dev/log tcp:host:514
"""


@pytest.mark.parametrize("address", ["", *NO_ADDRESSES.split()])
def test_what_is_no_address_of_a_syslog_is_refused(address):
    with pytest.raises(SetupError) as refused:
        SyslogAnchor(address)
    assert refused.value.reason == "not_a_syslog_address"


def test_a_place_that_hangs_is_left_alone_and_not_asked_again_while_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(log_anchors, "PATIENCE_SECONDS", 0.05)
    released, asked = threading.Event(), []

    class Hanging:
        name, is_outbound = "hanging", False

        def send(self, note, now):
            asked.append(note)
            released.wait(5)

    anchors = Anchors(tmp_path, [Hanging()])
    for _ in range(2):
        anchors.deliver(NOTE, 7, NOW)
        assert standing(anchors) == [(0, "ETIMEDOUT")]
    assert asked == [NOTE]
    released.set()
    anchors._busy["hanging"].join()
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(7, "")]


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"x": 1}', '{"hanging": {"size": "a"}}', "\x00"])
def test_a_damaged_memory_only_means_that_it_is_sent_again(tmp_path, folder, content):
    (tmp_path / "anchors.json").write_text(content)
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    assert standing(anchors) == [(0, "")]
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(7, "")]


def test_without_places_nothing_is_written(tmp_path):
    anchors = Anchors(tmp_path)
    anchors.deliver(NOTE, 7, NOW)
    assert anchors.standing() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_memory_that_cannot_be_kept_is_said(tmp_path, folder):
    anchors = Anchors(tmp_path / "nowhere", [FolderAnchor(folder)])
    with pytest.raises(StorageUnavailable):
        anchors.deliver(NOTE, 7, NOW)


def test_others_may_read_what_lies_elsewhere(tmp_path, folder):
    usual = os.umask(0o022)
    try:
        Anchors(tmp_path, [FolderAnchor(folder)]).deliver(NOTE, 7, NOW)
    finally:
        os.umask(usual)
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o644}


GAP = "datavault.local/00/gap/v1\nkept 3 AAAA\nlost 7 AAAA\n\n— datavault.local/00 c2ln\n"


def test_a_gap_statement_goes_before_the_checkpoint_once_to_each_place(tmp_path, folder, syslog):
    address, listener = syslog
    anchors = Anchors(tmp_path, [FolderAnchor(folder), SyslogAnchor(address)])
    anchors.deliver(NOTE, 7, NOW)
    for _ in range(2):
        anchors.deliver(NOTE.replace("AAAA", "BBBB"), 7, NOW, [GAP])  # the same size, of another history
    assert (folder / "checkpoints-2026-11").read_text("utf-8") == f"{NOTE}\n{GAP}\n{NOTE.replace('AAAA', 'BBBB')}\n"
    assert (folder / "checkpoint").read_text("utf-8") == NOTE.replace("AAAA", "BBBB")
    told = [json.loads(listener.recv(4096).partition(b": ")[2]) for _ in range(3)]
    assert [next(iter(one)) for one in told] == ["checkpoint", "gap", "checkpoint"]
    assert told[1]["gap"] == GAP


def test_a_key_statement_goes_before_the_checkpoint_once_and_syslog_tells_it_from_a_gap(tmp_path, folder, syslog):
    address, listener = syslog
    anchors = Anchors(tmp_path, [FolderAnchor(folder), SyslogAnchor(address)])
    for _ in range(2):
        anchors.deliver(NOTE, 7, NOW, [], ["a key statement\n"])
    (history,) = folder.glob("checkpoints-*")
    assert history.read_text("utf-8") == f"a key statement\n\n{NOTE}\n"
    told = [json.loads(listener.recv(4096).decode().partition("datavault: ")[2]) for _ in range(2)]
    assert [next(iter(one)) for one in told] == ["key", "checkpoint"]
    assert [(one.gaps, one.keys) for one in anchors.standing()] == [(0, 1)] * 2


def test_a_place_that_could_not_be_reached_gets_the_statement_when_it_is_back(tmp_path):
    share = tmp_path / "unmounted"
    anchors = Anchors(tmp_path, [FolderAnchor(share)])
    anchors.deliver(NOTE, 7, NOW, [GAP])
    assert standing(anchors) == [(0, "ENOENT")]
    share.mkdir()
    anchors.deliver(NOTE, 7, NOW, [GAP])
    assert (share / "checkpoints-2026-11").read_text("utf-8") == f"{GAP}\n{NOTE}\n"


def test_what_was_sent_before_statements_were_known_is_read(tmp_path, folder):
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    anchors.deliver(NOTE, 7, NOW)
    kept = json.loads((tmp_path / "anchors.json").read_text())
    for one in kept.values():
        del one["gaps"]
    (tmp_path / "anchors.json").write_text(json.dumps(kept))
    assert standing(anchors) == [(7, "")]
    anchors.deliver(NOTE, 7, NOW)
    assert (folder / "checkpoints-2026-11").read_text("utf-8").count("\n7\n") == 1


@pytest.mark.parametrize("gaps", ["many", None, [], {}])
def test_a_count_of_statements_that_is_none_means_that_nothing_is_known(tmp_path, folder, gaps):
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    anchors.deliver(NOTE, 7, NOW)
    kept = json.loads((tmp_path / "anchors.json").read_text())
    (tmp_path / "anchors.json").write_text(json.dumps({name: one | {"gaps": gaps} for name, one in kept.items()}))
    assert standing(anchors) == [(0, "")]


# -- reading back ----------------------------------------------------------------------------------------------------


def test_the_last_checkpoint_of_a_folder_is_read_back_and_of_other_places_nothing(tmp_path, folder, syslog):
    address, _ = syslog
    anchors = Anchors(tmp_path, [SyslogAnchor(address), FolderAnchor(folder), FolderAnchor(tmp_path / "unmounted")])
    assert anchors.kept() == []
    anchors.deliver(NOTE, 7, NOW)
    anchors.deliver(NOTE.replace("7", "9"), 9, NOW)
    assert anchors.kept() == [NOTE.replace("7", "9")]
    (folder / "checkpoint").write_bytes(b"\xff" * (1 << 20))
    assert [len(one) for one in anchors.kept()] == [1 << 18]


def test_a_place_that_hangs_when_it_is_read_keeps_nobody_waiting_twice_and_is_no_fault_of_sending(
    tmp_path, folder, monkeypatch
):
    monkeypatch.setattr(log_anchors, "PATIENCE_SECONDS", 0.05)
    os.mkfifo(folder / "checkpoint")  # opening it waits for a writer
    anchors = Anchors(tmp_path, [FolderAnchor(folder)])
    assert [anchors.kept(), anchors.kept()] == [[], []]
    with (folder / "checkpoint").open("w"):  # lets the thread go
        pass
    anchors.deliver(NOTE, 7, NOW)
    assert standing(anchors) == [(7, "")]
