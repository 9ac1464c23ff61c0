from __future__ import annotations

import errno
import fcntl
import itertools
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from vault.crypto import key_store_copies, key_store_files
from vault.crypto.key_store_copies import Copy
from vault.crypto.key_store_files import KeyStoreFiles
from vault.crypto.key_store_format import open_store
from vault.crypto.providers import FileProvider, PassphraseProvider, RootKey
from vault.domain.ids import RecordClass
from vault.errors import KeyStoreError, StorageUnavailable

VAULT = bytes(range(16))
NOVEMBER = (RecordClass.CUSTOMER, date(2028, 11, 30))
DECEMBER = (RecordClass.CUSTOMER, date(2028, 12, 31))
HOUSE = Path(__file__).parents[2]


def copies_in(folder):
    return [
        Copy(folder / "one" / "keys.store", folder / "one-epoch" / "epoch"),
        Copy(folder / "two" / "keys.store", folder / "two-epoch" / "epoch"),
    ]


def files_in(folder):
    return KeyStoreFiles(copies_in(folder), folder / "lock" / "keys.lock", FileProvider(folder / "root" / "root.key"))


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    FileProvider(tmp_path / "root" / "root.key").create()
    return tmp_path


@pytest.fixture
def files(folder):
    files_in(folder).create(VAULT)
    return files_in(folder)


def refusal(call):
    with pytest.raises(KeyStoreError) as refused:
        call()
    return refused.value.reason, refused.value.facts.get("path")


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "keys.lock"}


# -- create ----------------------------------------------------------------------------------------------------------


def test_a_new_store_has_version_1_no_cohorts_and_loads_again(folder):
    files = files_in(folder)
    assert not files.exists()
    store = files.create(VAULT)
    assert files.exists()
    assert (store.vault_id, store.version, store.cohorts()) == (VAULT, 1, ())
    assert files_in(folder).load().same_as(store)


def test_files_are_0600_and_folders_0700_whatever_the_umask(folder):
    files_in(folder).create(VAULT)
    for copy in copies_in(folder):
        for path in (copy.store, copy.epoch):
            assert path.stat().st_mode & 0o777 == 0o600
            assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (folder / "lock" / "keys.lock").stat().st_mode & 0o777 == 0o600


def test_each_copy_has_its_own_epoch_secret(files, folder):
    one, two = copies_in(folder)
    assert one.epoch.read_bytes() != two.epoch.read_bytes()


@pytest.mark.parametrize("which", range(4))
def test_nothing_is_created_while_any_file_of_any_copy_is_there(folder, which):
    path = [path for copy in copies_in(folder) for path in (copy.store, copy.epoch)][which]
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"")
    assert files_in(folder).exists()
    before = snapshot(folder)
    assert refusal(lambda: files_in(folder).create(VAULT)) == ("key_store_exists", str(path))
    assert snapshot(folder) == before


def test_nothing_is_created_without_a_root_key(folder):
    (folder / "root" / "root.key").unlink()
    assert refusal(lambda: files_in(folder).create(VAULT)) == ("key_missing", str(folder / "root" / "root.key"))
    assert not files_in(folder).exists()
    assert not (folder / "root" / "root.key").exists()


def test_copies_must_be_two_distinct_and_apart_from_their_epoch_secret(folder):
    one, two = copies_in(folder)
    lock, provider = folder / "lock", FileProvider(folder / "root.key")
    for copies, reason in (
        ([], "too_few_copies"),
        ([one], "too_few_copies"),
        ([one, one], "copies_share_a_file"),
        ([one, Copy(two.store, one.epoch)], "copies_share_a_file"),
        ([one, Copy(two.store, folder / "two" / "epoch")], "epoch_secret_beside_key_store"),
    ):
        assert refusal(lambda copies=copies: KeyStoreFiles(copies, lock, provider))[0] == reason


# -- load ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize(("part", "what"), [("store", "key_store"), ("epoch", "epoch_secret")])
@pytest.mark.parametrize(
    ("harm", "ending"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.chmod(0o640), "too_open"),
        (lambda path: path.chmod(0o604), "too_open"),
        (lambda path: path.write_bytes(b"something else"), "damaged"),
        (lambda path: path.write_bytes(b"x" * 37), "damaged"),
    ],
    ids=["missing", "empty", "group", "others", "short", "alien"],
)
def test_every_file_of_every_copy_must_be_sound(files, folder, copy, part, what, harm, ending):
    path = getattr(copies_in(folder)[copy], part)
    harm(path)
    left = snapshot(folder)
    for use in (files.load, lambda: files.make_cohorts([NOVEMBER])):
        assert refusal(use) == (f"{what}_{ending}", str(path))
    assert snapshot(folder) == left


def test_a_folder_that_others_can_write_is_refused(files, folder):
    (folder / "two-epoch").chmod(0o720)
    assert refusal(files.load) == ("epoch_secret_too_open", str(folder / "two-epoch"))


def test_a_swapped_root_key_is_refused(files, folder):
    key = folder / "root" / "root.key"
    key.unlink()
    FileProvider(key).create()
    assert refusal(files.load)[0] == "key_wrong"
    assert refusal(lambda: files.make_cohorts([NOVEMBER]))[0] == "key_wrong"


def test_swapped_epoch_files_are_refused(files, folder):
    one, two = copies_in(folder)
    first, second = one.epoch.read_bytes(), two.epoch.read_bytes()
    one.epoch.write_bytes(second)
    two.epoch.write_bytes(first)
    assert refusal(files.load)[0] == "key_wrong"


@pytest.mark.parametrize("copy", [0, 1])
def test_one_changed_byte_names_the_copy(files, folder, copy):
    path = copies_in(folder)[copy].store
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert refusal(files.load) == ("key_store_damaged", str(path))


def test_a_copy_of_another_vault_under_the_same_root_key_is_refused(files, folder):
    other = folder / "other"
    other.mkdir(mode=0o700)
    shutil.copytree(folder / "root", other / "root")
    files_in(other).create(b"x" * 16)
    for name in ("two", "two-epoch"):
        shutil.rmtree(folder / name)
        shutil.copytree(other / name, folder / name)
    assert refusal(files.load) == ("key_store_other_vault", str(folder / "two" / "keys.store"))


def test_a_lost_copy_is_replaced_by_both_files_of_a_good_one(files, folder):
    one, two = copies_in(folder)
    two.store.unlink()
    shutil.copy2(one.store, two.store)
    assert refusal(files.load) == ("key_store_damaged", str(two.store))
    shutil.copy2(one.epoch, two.epoch)
    assert files.load().version == 1
    assert files.make_cohorts([NOVEMBER])[0].version == 2


@pytest.mark.parametrize("copy", [0, 1])
def test_a_copy_one_version_behind_is_written_again(files, folder, copy):
    path = copies_in(folder)[copy].store
    old = path.read_bytes()
    store, _ = files.make_cohorts([NOVEMBER])
    path.write_bytes(old)
    assert files.load().same_as(store)
    assert path.read_bytes() != old
    assert [one.version for one in files.states()] == [2, 2]


@pytest.mark.parametrize("copy", [0, 1])
def test_a_copy_two_versions_behind_is_refused(files, folder, copy):
    path = copies_in(folder)[copy].store
    old = path.read_bytes()
    files.make_cohorts([NOVEMBER])
    files.make_cohorts([DECEMBER])
    path.write_bytes(old)
    left = snapshot(folder)
    assert refusal(files.load) == ("copies_differ", str(path))
    assert refusal(lambda: files.make_cohorts([])) == ("copies_differ", str(path))
    assert snapshot(folder) == left


def test_two_copies_of_one_version_with_different_cohorts_are_refused(files, folder):
    two = copies_in(folder)[1].store
    old = {path: path.read_bytes() for path in (copies_in(folder)[0].store, two)}
    files.make_cohorts([NOVEMBER])
    fork = two.read_bytes()
    for path, data in old.items():
        path.write_bytes(data)
    files.make_cohorts([NOVEMBER])
    two.write_bytes(fork)
    assert refusal(files.load)[0] == "copies_differ"


# -- make cohorts ----------------------------------------------------------------------------------------------------


def test_only_missing_cohorts_are_made_and_every_copy_holds_them(files, folder):
    store, added = files.make_cohorts([NOVEMBER])
    again, more = files.make_cohorts([NOVEMBER, DECEMBER])
    assert (store.version, again.version) == (2, 3)
    assert [(one.record_class, one.end_on) for one in added + more] == [NOVEMBER, DECEMBER]
    assert files_in(folder).load().same_as(again)
    assert [one.version for one in files.states()] == [3, 3]


def test_nothing_missing_writes_nothing(files, folder):
    files.make_cohorts([NOVEMBER])
    before = snapshot(folder)
    store, added = files.make_cohorts([NOVEMBER])
    assert (store.version, added) == (2, [])
    assert snapshot(folder) == before


def test_rewritten_files_keep_mode_0600_and_leave_nothing_beside_them(files, folder):
    files.make_cohorts([NOVEMBER])
    for copy in copies_in(folder):
        assert copy.store.stat().st_mode & 0o777 == 0o600
        assert list(copy.store.parent.iterdir()) == [copy.store]


def test_confirm_sees_the_store_in_force_while_the_lock_is_held(files, folder):
    seen = []

    def confirm(store):
        seen.append((store.version, files_in(folder).load().version))
        with (folder / "lock" / "keys.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    files.make_cohorts([NOVEMBER], confirm)
    files.make_cohorts([], confirm)
    assert seen == [(2, 2), (2, 2)]


def test_a_confirm_that_fails_is_made_up_for_by_the_next_call(files):
    def down(_):
        raise StorageUnavailable("stopped")

    with pytest.raises(StorageUnavailable):
        files.make_cohorts([NOVEMBER], down)
    seen = []
    store, added = files.make_cohorts([NOVEMBER], lambda one: seen.append(one.version))
    assert (store.version, added, seen) == (2, [], [2])


def test_a_copy_that_cannot_be_staged_changes_no_copy(files, folder):
    two = copies_in(folder)[1].store
    (two.parent / ".keys.store.new").mkdir()
    before = snapshot(folder)
    assert refusal(lambda: files.make_cohorts([NOVEMBER])) == ("key_store_unwritable", str(two))
    assert files.load().version == 1
    assert {path: data for path, data in snapshot(folder).items() if not path.name.startswith(".")} == before


def test_a_cohort_that_one_copy_does_not_hold_is_not_handed_out(files, folder, monkeypatch):
    real, first = key_store_copies.publish_private, copies_in(folder)[0].store
    monkeypatch.setattr(
        key_store_copies, "publish_private", lambda new, path, what: real(new, path, what) if path == first else None
    )
    confirmed = []
    assert refusal(lambda: files.make_cohorts([NOVEMBER], confirmed.append))[0] == "copies_differ"
    assert confirmed == []


def test_a_held_lock_is_waited_for_and_then_given_up(files, folder, monkeypatch):
    monkeypatch.setattr(key_store_files, "LOCK_WAIT_SECONDS", 0.2)
    with (folder / "lock" / "keys.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        assert refusal(lambda: files.make_cohorts([NOVEMBER])) == ("key_store_busy", str(folder / "lock" / "keys.lock"))
        assert 0.2 <= time.monotonic() - started < 2
        assert files.load().version == 1


# -- several processes -----------------------------------------------------------------------------------------------

CHILD = """
    import os, sys, time
    from datetime import date
    from pathlib import Path
    from vault.crypto.key_store_copies import Copy
    from vault.crypto.key_store_files import KeyStoreFiles
    from vault.crypto.providers import FileProvider
    from vault.domain.ids import RecordClass

    folder = Path(sys.argv[1])
    copies = [Copy(folder / name / "keys.store", folder / f"{name}-epoch" / "epoch") for name in ("one", "two")]
    files = KeyStoreFiles(copies, folder / "lock" / "keys.lock", FileProvider(folder / "root" / "root.key"))
"""


def child(folder, script, *arguments):
    source = textwrap.dedent(CHILD) + textwrap.dedent(script)
    command = [sys.executable, "-c", source, str(folder), *map(str, arguments)]
    return subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE, text=True)


def test_processes_that_meet_a_new_month_make_one_cohort(files, folder):
    script = """
        print("ready", flush=True)
        while not (folder / "go").exists():
            pass
        for month in range(1, 7):
            store, added = files.make_cohorts([(RecordClass.CUSTOMER, date(2029, month, 28))])
            print(len(added), store.version, files.load().version >= store.version, flush=True)
    """
    racers = [child(folder, script) for _ in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    (folder / "go").touch()
    lines = [line.split() for racer in racers for line in racer.communicate(timeout=30)[0].splitlines()]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert len(lines) == 18
    assert sum(int(made) for made, _, _ in lines) == 6
    assert all(reloaded == "True" for _, _, reloaded in lines)
    store = files.load()
    assert (store.version, len(store.cohorts())) == (7, 6)


KILLED = """
    calls, fatal = 0, int(sys.argv[2])

    def killing(real):
        def call(*arguments, **named):
            global calls
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), 9)
            return real(*arguments, **named)
        return call

    os.replace, os.fsync = killing(os.replace), killing(os.fsync)
    files.make_cohorts([(RecordClass.CUSTOMER, date(2028, 11, 30))])
    print(calls, flush=True)
"""
WRITES = 6
"""Two copies staged (one fsync each), then for each the rename and the fsync of its folder."""


@pytest.mark.parametrize("fatal", range(1, WRITES + 2))
def test_a_writer_killed_before_any_of_its_writes_leaves_a_store_that_loads(files, folder, fatal):
    process = child(folder, KILLED, fatal)
    printed, _ = process.communicate(timeout=30)
    assert (process.returncode, printed) == ((0, f"{WRITES}\n") if fatal > WRITES else (-9, ""))
    store = files.load()
    assert (store.version, len(store.cohorts())) == ((1, 0) if fatal <= 3 else (2, 1))
    assert [one.version for one in files.states()] == [store.version] * 2
    after, added = files.make_cohorts([NOVEMBER])
    assert (after.version, len(added)) == (2, 1 if fatal <= 3 else 0)


# -- destroying cohorts ----------------------------------------------------------------------------------------------


def cohort_of(store, pair):
    return next(one for one in store.cohorts() if (one.record_class, one.end_on) == pair)


def what_opens(*folders):
    """Return the key ids that somebody finds who tries every file of these folders with every other as its secret."""
    files = [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    roots = [RootKey(bytes.fromhex(data.decode())) for data in files if re.fullmatch(rb"[0-9a-f]{64}\n", data)]
    epochs = [data[5:] for data in files if data.startswith(b"DVEP")]
    found = set()
    for data, root, epoch in itertools.product(files, roots, epochs):
        with suppress(KeyStoreError):
            found |= {one.key_id for one in open_store(data, root, epoch).cohorts()}
    return found


def leftovers(folder):
    """Return secrets in waiting or set aside; a staged store file is none, it opens with nothing that is there."""
    return [path for path in folder.rglob("*") if path.name.endswith((".next", ".old"))]


def test_a_destroyed_cohort_is_gone_from_every_copy_and_the_others_stay(files, folder):
    before, _ = files.make_cohorts([NOVEMBER, DECEMBER])
    doomed, kept = cohort_of(before, NOVEMBER), cohort_of(before, DECEMBER)
    store, gone = files.destroy_cohorts([doomed.key_id])
    assert (store.version, store.cohorts(), gone) == (3, (kept,), [doomed])
    assert files_in(folder).load().same_as(store)
    assert [(one.version, one.fault) for one in files.states()] == [(3, ""), (3, "")]
    assert leftovers(folder) == []
    with pytest.raises(KeyStoreError) as unknown:
        store.keys_of(doomed.key_id)
    assert unknown.value.reason == "unknown_cohort"


def test_every_copy_gets_a_new_epoch_secret_of_its_own(files, folder):
    store, _ = files.make_cohorts([NOVEMBER])
    before = [copy.epoch.read_bytes() for copy in copies_in(folder)]
    files.destroy_cohorts([store.cohorts()[0].key_id])
    after = [copy.epoch.read_bytes() for copy in copies_in(folder)]
    assert len({*before, *after}) == 4
    assert [copy.epoch.stat().st_mode & 0o777 for copy in copies_in(folder)] == [0o600, 0o600]


def test_old_store_files_open_nothing_any_more_even_with_the_root_key(files, folder, tmp_path_factory):
    store, _ = files.make_cohorts([NOVEMBER, DECEMBER])
    doomed = cohort_of(store, NOVEMBER).key_id
    kept_aside = tmp_path_factory.mktemp("aside")
    for number, copy in enumerate(copies_in(folder)):
        shutil.copy2(copy.store, kept_aside / f"store-{number}")
    assert what_opens(folder, kept_aside) == {one.key_id for one in store.cohorts()}
    files.destroy_cohorts([doomed])
    assert what_opens(folder, kept_aside) == {cohort_of(store, DECEMBER).key_id}


def test_destroying_what_is_gone_writes_nothing_and_confirms(files, folder):
    store, _ = files.make_cohorts([NOVEMBER])
    doomed = store.cohorts()[0].key_id
    files.destroy_cohorts([doomed])
    before, seen = snapshot(folder), []
    again, gone = files.destroy_cohorts([doomed], lambda one: seen.append(one.version))
    assert (again.version, gone, seen) == (3, [], [3])
    assert snapshot(folder) == before


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize("part", ["store", "epoch"])
def test_an_unreachable_copy_keeps_every_key(files, folder, copy, part):
    store, _ = files.make_cohorts([NOVEMBER])
    away = getattr(copies_in(folder)[copy], part)
    away.rename(away.with_name("away"))
    before = snapshot(folder)
    assert refusal(lambda: files.destroy_cohorts([store.cohorts()[0].key_id])) in (
        ("key_store_missing", str(away)),
        ("epoch_secret_missing", str(away)),
    )
    assert snapshot(folder) == before
    states = files.states()
    assert states[copy].fault == f"{'key_store' if part == 'store' else 'epoch_secret'}_missing"
    assert (states[1 - copy].version, states[1 - copy].fault) == (2, "")


@pytest.mark.parametrize("copy", [0, 1])
@pytest.mark.parametrize("part", ["store", "epoch"])
def test_a_folder_that_cannot_be_written_keeps_every_key(files, folder, copy, part):
    store, _ = files.make_cohorts([NOVEMBER])
    path = getattr(copies_in(folder)[copy], part)
    blocked = path.with_name(".keys.store.new" if part == "store" else "epoch.next")
    blocked.mkdir()
    with pytest.raises(KeyStoreError):
        files.destroy_cohorts([store.cohorts()[0].key_id])
    blocked.rmdir()
    assert files_in(folder).load().same_as(store)
    assert leftovers(folder) == []


def test_readers_that_meet_a_renewal_get_a_whole_store(files, folder):
    store, _ = files.make_cohorts([(RecordClass.CUSTOMER, date(2029, month, 28)) for month in range(1, 11)])
    script = """
        print("ready", flush=True)
        versions = []
        while not versions or versions[-1] < 12:
            versions.append(files.load().version)
        print(versions == sorted(versions), len(files.load().cohorts()), flush=True)
    """
    readers = [child(folder, script) for _ in range(2)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for one in store.cohorts():
        files.destroy_cohorts([one.key_id])
    lines = [reader.communicate(timeout=30)[0].splitlines() for reader in readers]
    assert lines == [["True 0"], ["True 0"]]


DESTROYED = """
    calls, fatal = 0, int(sys.argv[2])

    def killing(real):
        def call(*arguments, **named):
            global calls
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), 9)
            return real(*arguments, **named)
        return call

    os.replace, os.fsync, os.unlink = killing(os.replace), killing(os.fsync), killing(os.unlink)
    getattr(files, sys.argv[3])(*[[bytes.fromhex(one)] for one in sys.argv[4:]])
    print(calls, flush=True)
"""


def at_every_call(folder, prepare, method, *arguments):
    """Yield (finished, number of calls) for a process killed before its first, second, … write, on fresh files."""
    for fatal in range(1, 100):
        for path in list(folder.iterdir()):
            shutil.rmtree(path)
        FileProvider(folder / "root" / "root.key").create()
        files_in(folder).create(VAULT)
        given = prepare()
        process = child(folder, DESTROYED, fatal, method, *given)
        printed, _ = process.communicate(timeout=30)
        assert process.returncode == (0 if printed else -9)
        yield fatal, bool(printed), given
        if printed:
            return
    raise AssertionError("it never came to its end")


@pytest.mark.slow
def test_killed_at_any_write_a_key_is_in_every_copy_or_in_none(folder):
    def prepare():
        return [cohort_of(files_in(folder).make_cohorts([NOVEMBER, DECEMBER])[0], NOVEMBER).key_id.hex()]

    outcomes = []
    for _, finished, (doomed,) in at_every_call(folder, prepare, "destroy_cohorts"):
        doomed_id = bytes.fromhex(doomed)
        store = files_in(folder).load()
        there = doomed_id in {one.key_id for one in store.cohorts()}
        outcomes.append(there)
        assert (store.version, len(store.cohorts())) == ((2, 2) if there else (3, 1))
        assert [(one.version, one.fault) for one in files_in(folder).states()] == [(store.version, "")] * 2
        assert leftovers(folder) == []
        assert (doomed_id in what_opens(folder)) is there
        assert not (finished and there)
        after, _ = files_in(folder).destroy_cohorts([doomed_id])
        assert (after.version, len(after.cohorts())) == (3, 1)
        assert doomed_id not in what_opens(folder)
    assert outcomes == sorted(outcomes, reverse=True)
    assert True in outcomes
    assert len(outcomes) > 20


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("act", ["destroy_cohorts", "replace_root_key"])
def test_a_write_that_fails_anywhere_leaves_a_store_that_loads_and_the_next_try_ends(folder, monkeypatch, act, number):
    for failing in range(1, 100):
        for path in list(folder.iterdir()):
            shutil.rmtree(path)
        FileProvider(folder / "root" / "root.key").create()
        files = files_in(folder)
        files.create(VAULT)
        store, _ = files.make_cohorts([NOVEMBER, DECEMBER])
        given = [[cohort_of(store, NOVEMBER).key_id]] if act == "destroy_cohorts" else []
        calls = itertools.count(1)

        def once(real, failing=failing, calls=calls):
            def call(*arguments, **named):
                if next(calls) == failing:
                    raise OSError(number, "full")
                return real(*arguments, **named)

            return call

        with monkeypatch.context() as patched:
            for name in ("replace", "fsync", "unlink"):
                patched.setattr(os, name, once(getattr(os, name)))
            try:
                getattr(files, act)(*given)
                reason = ""
            except KeyStoreError as error:
                reason = error.reason
        assert reason in ("", "key_store_unwritable", "epoch_secret_unwritable", "key_unwritable")
        after = files_in(folder).load()
        assert after.version in (2, 3)
        assert [(one.version, one.fault) for one in files_in(folder).states()] == [(after.version, "")] * 2
        assert leftovers(folder) == []
        getattr(files_in(folder), act)(*given)
        assert files_in(folder).load().version == (3 if given else 2)
        if next(calls) <= failing:
            assert not reason
            assert failing > 20
            return
    raise AssertionError("it never came to its end")


# -- replacing the root key ------------------------------------------------------------------------------------------


def test_a_new_root_key_opens_the_same_store_and_the_old_one_nothing(files, folder, tmp_path_factory):
    store, _ = files.make_cohorts([NOVEMBER])
    aside = tmp_path_factory.mktemp("aside")
    aside.chmod(0o700)
    shutil.copy2(folder / "root" / "root.key", aside / "root.key")
    assert files.replace_root_key().same_as(store)
    assert files_in(folder).load().same_as(store)
    assert leftovers(folder) == []
    with_the_old = KeyStoreFiles(copies_in(folder), folder / "lock" / "keys.lock", FileProvider(aside / "root.key"))
    assert refusal(with_the_old.load)[0] == "key_wrong"


@pytest.mark.slow
def test_killed_at_any_write_of_a_rotation_the_store_loads_and_the_next_one_ends(folder):
    def prepare():
        files_in(folder).make_cohorts([NOVEMBER])
        return []

    replaced = []
    for _, finished, _given in at_every_call(folder, prepare, "replace_root_key"):
        store = files_in(folder).load()
        assert (store.version, len(store.cohorts())) == (2, 1)
        assert leftovers(folder) == []
        replaced.append(finished)
        assert files_in(folder).replace_root_key().same_as(store)
        assert files_in(folder).load().same_as(store)
    assert len(replaced) > 20


def test_a_passphrase_is_replaced_by_another(folder):
    def files_for(typed, new=""):
        provider = PassphraseProvider(folder / "salt" / "root.key", lambda: typed, lambda: new)
        return KeyStoreFiles(copies_in(folder), folder / "lock" / "keys.lock", provider)

    old, new = "correct horse battery", "staple battery horse"
    PassphraseProvider(folder / "salt" / "root.key", lambda: old).create()
    store = files_for(old).create(VAULT)
    assert refusal(files_for(old, "too short").replace_root_key)[0] == "passphrase_too_short"
    assert files_for(old).load().same_as(store)
    assert files_for(old, new).replace_root_key().same_as(store)
    assert files_for(new).load().same_as(store)
    assert refusal(files_for(old).load)[0] == "key_wrong"
    assert leftovers(folder) == []


@pytest.mark.slow
def test_a_rotation_killed_between_two_copies_needs_both_passphrases(folder, monkeypatch):
    def files_for(typed, new=""):
        provider = PassphraseProvider(folder / "salt" / "root.key", lambda: typed, lambda: new)
        return KeyStoreFiles(copies_in(folder), folder / "lock" / "keys.lock", provider)

    class Killed(BaseException):
        """Stands for a process that ends there."""

    def killed(new, path, what):
        if path == copies_in(folder)[1].store:
            raise Killed
        real(new, path, what)

    old, new = "correct horse battery", "staple battery horse"
    PassphraseProvider(folder / "salt" / "root.key", lambda: old).create()
    store = files_for(old).create(VAULT)
    real = key_store_copies.publish_private
    monkeypatch.setattr(key_store_copies, "publish_private", killed)
    with pytest.raises(Killed):
        files_for(old, new).replace_root_key()
    monkeypatch.undo()
    for one_of_them in (files_for(old, old), files_for(new, new)):
        assert refusal(one_of_them.load)[0] == "root_rotation_unfinished"
    assert files_for(old, new).load().same_as(store)
    assert files_for(new).load().same_as(store)
