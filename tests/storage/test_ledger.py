"""The ledger: chained, synced, even in every copy, and never quietly shorter."""

import errno
import json
import os
import signal
import threading
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tests.factories import NOW
from tests.faults import survives
from vault.domain.ids import new_id
from vault.domain.ledger import Entry, EntryKind, LedgerHead, beginning
from vault.errors import StorageUnavailable, VaultSealed
from vault.storage.ledger import Ledger

VAULT = bytes(range(16))


def ledger(folder, vault_id=VAULT):
    folder.mkdir(exist_ok=True)
    return Ledger([folder / "one" / "ledger", folder / "two" / "ledger"], folder / "ledger.lock", vault_id)


@pytest.fixture
def empty(tmp_path):
    made = ledger(tmp_path)
    made.create()
    return made


def entry(kind=EntryKind.ERASED, ids=1, about=b""):
    return Entry(kind, NOW, about or new_id(), tuple(new_id() for _ in range(ids)))


@pytest.fixture
def filled(empty):
    for number in range(3):
        empty.append([entry(ids=number + 1), entry(EntryKind.HOLD_PLACED)])
    return empty


def contents(kept):
    return [path.read_bytes() for path in kept.copies]


def refused(kept, error=VaultSealed):
    with pytest.raises(error) as raised:
        kept.head()
    return raised.value.reason, Path(raised.value.facts["path"]).parent.name


def test_what_is_appended_is_read_back_in_order_from_every_copy(empty):
    entries = [entry(kind, ids) for kind in EntryKind for ids in (0, 1, 100)]
    empty.append(entries[:1])
    empty.append(entries[1:])
    assert list(empty.entries()) == entries
    one, other = contents(empty)
    assert one == other
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in empty.copies)


def test_the_head_counts_entries_and_names_the_last_line(empty):
    assert empty.head() == beginning(VAULT) == empty.check()
    after = empty.append([entry(), entry()])
    last = empty.copies[0].read_bytes().splitlines()[-1]
    assert after == empty.head() == empty.check() == LedgerHead(2, sha256(last).digest())
    assert empty.append([]) == after


def test_every_line_holds_the_digest_of_the_line_before(filled):
    lines = filled.copies[0].read_bytes().splitlines()
    before = [beginning(VAULT).digest.hex(), *(sha256(line).hexdigest() for line in lines)]
    assert [json.loads(line)["prev"] for line in lines] == before[:-1]
    assert [json.loads(line)["seq"] for line in lines] == list(range(6))


def test_a_ledger_knows_every_head_it_has_had_and_no_other(empty):
    heads = [empty.head(), *(empty.append([entry()]) for _ in range(5))]
    assert all(empty.extends(head) for head in heads)
    assert not any(empty.extends(LedgerHead(head.count, new_id() * 2)) for head in heads)
    assert not empty.extends(LedgerHead(6, heads[-1].digest))
    assert not empty.extends(LedgerHead(4, heads[3].digest))


# -- reading on ----------------------------------------------------------------------------------------------------


def reached(kept):
    """The place after everything there is."""
    return list(kept.entries_after(kept.start()))[-1][1]


def test_reading_on_gives_what_was_added_since_and_nothing_twice(empty):
    assert list(empty.entries_after(empty.start())) == []
    first, second = [entry(), entry(ids=100)], [entry(EntryKind.HOLD_PLACED)]
    empty.append(first)
    place = reached(empty)
    assert (place.head, place.size) == (empty.head(), empty.copies[0].stat().st_size)
    assert list(empty.entries_after(place)) == []
    empty.append(second)
    (one,) = empty.entries_after(place)
    assert one == (second[0], reached(empty))
    assert [told for told, _ in empty.entries_after(empty.start())] == first + second


def test_whoever_read_half_goes_on_from_there(filled):
    reading = filled.entries_after(filled.start())
    place = [next(reading) for _ in range(2)][-1][1]
    assert [told for told, _ in filled.entries_after(place)] == list(filled.entries())[2:]


@pytest.mark.parametrize("lines", [0, 1, 5])
@pytest.mark.parametrize("grows", [False, True])
def test_a_ledger_that_was_shortened_behind_a_reader_is_noticed(filled, lines, grows):
    place = reached(filled)
    for path in filled.copies:
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    if grows:  # into another one that is as long
        filled.append([entry(ids=9) for _ in range(6)])
        filled.check()
    with pytest.raises(VaultSealed) as raised:
        list(filled.entries_after(place))
    assert (raised.value.reason, raised.value.facts["entry"]) == ("ledger_damaged", 5)


def test_a_ledger_that_was_changed_before_or_after_the_reader_is_noticed(filled):
    place = reached(filled)
    filled.append([entry(), entry()])
    for line in (5, 6):
        lines = filled.copies[0].read_bytes().splitlines(keepends=True)
        lines[line] = lines[line].replace(b'"kind":"', b'"kind":"x')
        for path in filled.copies:
            path.write_bytes(b"".join(lines))
        with pytest.raises(VaultSealed) as raised:
            list(filled.entries_after(place))
        assert raised.value.reason == "ledger_damaged"
        for path in filled.copies:
            path.write_bytes(path.read_bytes().replace(b'"kind":"x', b'"kind":"'))
    assert len(list(filled.entries_after(place))) == 2


# -- what a kill leaves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [(0,), (1,), (0, 1)])
def test_a_torn_last_line_is_cut_off(filled, copies):
    whole, head = filled.copies[0].read_bytes(), filled.head()
    torn = whole.splitlines()[-1]
    for length in (1, 10, len(torn)):
        for copy in copies:
            with filled.copies[copy].open("ab") as file:
                file.write(torn[:length])
        assert filled.head() == head
        assert contents(filled) == [whole, whole]


def test_zeros_at_the_end_are_a_torn_line_too(filled):
    whole = filled.copies[0].read_bytes()
    filled.copies[0].write_bytes(whole + bytes(70_000))
    filled.append([entry()])
    assert filled.copies[0].read_bytes().startswith(whole + b"{")
    filled.check()


@pytest.mark.parametrize("lacking", [0, 1])
@pytest.mark.parametrize("lines", [0, 1, 5])
def test_a_copy_that_lacks_the_end_gets_it_from_the_longer_one(filled, lacking, lines):
    whole, head = filled.copies[0].read_bytes(), filled.head()
    shorter = b"".join(whole.splitlines(keepends=True)[:lines])
    filled.copies[lacking].write_bytes(shorter + b'{"about')
    assert filled.head() == head
    assert contents(filled) == [whole, whole]


def test_a_kill_at_any_byte_leaves_a_whole_number_of_entries_in_both(empty):
    empty.append([entry()])
    before = contents(empty)[0]
    empty.append([entry(), entry()])
    whole = contents(empty)[0]
    ends = {len(before)} | {len(before) + end + 1 for end, byte in enumerate(whole[len(before) :]) if byte == 10}
    assert len(ends) == 3
    for cut in range(len(before), len(whole) + 1, 7):
        empty.copies[0].write_bytes(whole[:cut])
        empty.copies[1].write_bytes(before)
        empty.check()
        one, other = contents(empty)
        assert one == other
        assert len(one) == max(end for end in ends if end <= cut)


def killed_at_sync(fatal, walk):
    """Do something in a child that kills itself at its n-th sync; return whether it got to the end."""
    left, real = fatal, os.fsync

    def fuse(file):
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        real(file)

    def act():
        os.fsync = fuse
        walk()

    return survives(act)


def test_a_writer_killed_at_any_sync_leaves_a_ledger_that_goes_on(tmp_path):
    for fatal in range(1, 20):
        kept = ledger(tmp_path / str(fatal))
        ended = killed_at_sync(
            fatal, lambda kept=kept: (kept.create(), kept.append([entry(), entry()]), kept.append([entry()]))
        )
        if not kept.exists():
            kept.create()
        known = kept.check().count
        assert known in (0, 2, 3)
        kept.append([entry()])
        assert kept.check().count == known + 1
        if ended:
            assert (fatal, known) == (7, 3)
            return
    raise AssertionError("it never came to its end")


def test_a_copy_that_a_kill_kept_from_being_made_is_made(empty):
    empty.copies[1].unlink()
    assert empty.head().count == 0
    assert empty.copies[1].exists()


# -- what no kill leaves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_copy_is_named(filled, lost):
    filled.copies[lost].unlink()
    assert refused(filled) == ("ledger_missing", ("one", "two")[lost])


def test_a_lost_ledger_is_no_empty_one(filled):
    for path in filled.copies:
        path.unlink()
    assert refused(filled) == ("ledger_missing", "one")


def test_copies_that_say_different_things_stop_the_vault(filled, tmp_path):
    other = ledger(tmp_path / "other")
    other.create()
    for _ in range(6):
        other.append([entry()])
    filled.copies[1].write_bytes(other.copies[0].read_bytes())
    assert refused(filled)[0] == "ledger_copies_differ"
    filled.copies[1].write_bytes(b"".join(other.copies[0].read_bytes().splitlines(keepends=True)[:2]))
    assert refused(filled) == ("ledger_copies_differ", "two")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[1]\n",
        b"null\n",
        b"\xff\xfe\n",
        b'{"about":"","at":"2026-11-20T03:04:05.000006Z","ids":[],"kind":"erased","prev":"","seq":true}\n',
        b'{"about":"","at":"2026-11-20T03:04:05.000006Z","ids":[],"kind":"eaten","prev":"","seq":6}\n',
        b'{"about":"","at":"soon","ids":[],"kind":"erased","prev":"","seq":6}\n',
        b'{"about":"00","at":"2026-11-20T03:04:05.000006Z","ids":[],"kind":"erased","prev":"","seq":6}\n',
        b'{"about":"", "at":"2026-11-20T03:04:05.000006Z","ids":[],"kind":"erased","prev":"","seq":6}\n',
        b'{"about":"","at":"2026-11-20T03:04:05.000006Z","ids":"ab","kind":"erased","prev":"","seq":6}\n',
    ],
    ids=repr,
)
def test_a_whole_last_line_that_is_no_entry_stops_the_vault(filled, line):
    for path in filled.copies:
        path.write_bytes(path.read_bytes() + line)
    assert refused(filled)[0] == "ledger_damaged"
    with pytest.raises(VaultSealed):
        filled.append([entry()])


def test_a_line_changed_in_the_middle_is_found_by_reading_it_all(filled):
    lines = filled.copies[1].read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"kind":"erased"', b'"kind":"eroded"')
    filled.copies[1].write_bytes(b"".join(lines))
    assert filled.head().count == 6
    with pytest.raises(VaultSealed) as raised:
        filled.check()
    assert (raised.value.reason, raised.value.facts["entry"]) == ("ledger_damaged", 2)


def test_a_line_taken_out_of_the_middle_is_found_by_reading_it_all(filled):
    for path in filled.copies:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(VaultSealed) as raised:
        list(filled.entries())
    assert raised.value.reason == "ledger_damaged"


def test_another_vaults_ledger_is_refused(filled, tmp_path):
    with pytest.raises(VaultSealed) as raised:
        ledger(tmp_path, bytes(16)).check()
    assert raised.value.reason == "ledger_damaged"


# -- disks and others ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["pwrite", "fsync", "ftruncate", "open"])
@pytest.mark.parametrize("at", [1, 2])
def test_a_failing_disk_adds_nothing_and_says_so(filled, monkeypatch, fault, call, at):
    head, before, real, calls = filled.head(), contents(filled), getattr(os, call), 0

    def failing(*arguments, **named):
        nonlocal calls
        if call == "open" and not arguments[1] & os.O_WRONLY:
            return real(*arguments, **named)
        calls += 1
        if calls == at:
            if call == "pwrite":
                real(arguments[0], arguments[1][:7], arguments[2])  # a part came through
            raise OSError(fault, "no")
        return real(*arguments, **named)

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(StorageUnavailable) as raised:
        filled.append([entry()])
    monkeypatch.undo()
    assert (raised.value.reason, raised.value.facts["errno"]) == ("ledger_unwritable", fault)
    assert filled.check() == head
    assert contents(filled) == before
    assert filled.append([entry()]).count == head.count + 1


def test_a_copy_that_cannot_be_read_is_named(filled, monkeypatch):
    def failing(*_):
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "pread", failing)
    with pytest.raises(StorageUnavailable) as raised:
        filled.head()
    assert raised.value.reason == "ledger_unreadable"


def test_many_at_once_make_one_chain(empty):
    def work():
        mine = Ledger(empty.copies, empty.copies[0].parent.parent / "ledger.lock", VAULT)
        for _ in range(5):
            mine.append([entry(), entry()])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert empty.check().count == 60


def test_reading_goes_as_far_as_the_ledger_went_when_it_began(filled):
    reading = filled.entries()
    next(reading)
    filled.append([entry()])
    assert sum(1 for _ in reading) == 5


def test_one_process_carries_out_a_plan_at_a_time(empty):
    with empty.run():
        with pytest.raises(StorageUnavailable) as raised, empty.run():
            pass
        assert raised.value.reason == "run_under_way"
        empty.append([entry()])
    with empty.run():
        pass


def test_times_are_kept_to_the_microsecond(empty):
    at = NOW + timedelta(microseconds=1)
    empty.append([Entry(EntryKind.ACCOUNT_LEFT, at, new_id())])
    assert [one.at for one in empty.entries()] == [at]
