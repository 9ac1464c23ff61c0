"""Backups: what lies in one and what never does, that nobody waits for it, and what is found wrong with one."""

from __future__ import annotations

import errno
import json
import resource
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tests.backups import create, engine_of, kinds, verify, with_tools
from tests.destroying import approved, fill, run
from tests.ended_cohorts import LATER, SYSTEM, close, turn_to
from vault import bootstrap
from vault.crypto.signing import NoteSigner
from vault.domain.backups import Manifest, signed_text
from vault.domain.cohorts import CohortState
from vault.errors import IntegrityError, SetupError, StorageError, StorageUnavailable
from vault.services import backup
from vault.storage import backup_folder, cohorts, sqlite_backup
from vault.storage.pg_tools import PgTools

AGENT = "KF2001"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def database_of(world, folder: Path) -> Path:
    return folder / engine_of(world).file


def signed_again(world, folder: Path, **changes) -> None:
    """Write the manifest anew over what lies in a folder, signed with the vault's own key."""
    manifest = manifest_of(folder) | changes
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    content = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(content)
    with world.parts.database.read() as connection:
        signer = world.parts.keys.current(connection).signer(manifest["origin"])
    (folder / "manifest.note").write_text(signer.sign(signed_text(manifest["origin"], sha256(content).digest())))


def altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


# -- making ------------------------------------------------------------------------------------------------------------


def test_a_backup_is_a_closed_folder_with_database_rules_and_a_signed_manifest(world, tmp_path):
    world.customer()
    made = create(world, tmp_path / "b")
    engine = engine_of(world)
    policies = {
        f"policies/{path.relative_to(world.config.policies_dir).as_posix()}"
        for path in world.config.policies_dir.rglob("*.toml")
    }
    assert files(made.place) == {engine.file, "manifest.json", "manifest.note", "checkpoint"} | policies
    assert stat.S_IMODE(made.place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.place.rglob("*") if path.is_file()} == {0o600}
    manifest = Manifest.read((made.place / "manifest.json").read_bytes())
    assert manifest.written() == (made.place / "manifest.json").read_bytes()
    assert (manifest.backup_id, manifest.log_size, manifest.waiting) == (made.backup_id, made.log_size, 0)
    assert [(one.record_class.value, one.records) for one in manifest.cohorts] == [("customer", 1)]
    assert manifest.rows["records"] == manifest.rows["wrapped_keys"] == 1
    assert (manifest.made_at, manifest.ledger) == (world.now, world.parts.ledger.head())
    assert not [path for path in tmp_path.iterdir() if ".part-" in path.name]


def test_no_key_and_no_number_lies_in_a_backup(world, tmp_path):
    row = world.customer()
    create(world, tmp_path / "b")
    config = world.config
    secrets = [(config.root_key_file).read_bytes().strip(), bytes.fromhex(config.root_key_file.read_text())]
    for copy in bootstrap.key_copies(config):
        secrets += [copy.store.read_bytes()[-40:], copy.epoch.read_bytes()[-32:]]
    secrets += [row[name].encode() for name in ("phone", "id_number", "name")]
    for path in (tmp_path / "b").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [one for one in secrets if one in content], path.name


def test_the_vault_knows_the_backup_and_the_log_tells_of_it(world, tmp_path):
    made = create(world, tmp_path / "b")
    ((backup_id, log_size, place, verified_at),) = world.rows(
        "SELECT backup_id, log_size, place, verified_at FROM backups"
    )
    assert (bytes(backup_id), log_size, place, verified_at) == (made.backup_id, made.log_size, str(made.place), None)
    (event,) = world.events("backup.created", "done")
    assert event["facts"]["backup"] == made.backup_id.hex()
    assert event["facts"]["mode"] == "data"
    assert event["facts"]["digest"] == sha256((made.place / "manifest.json").read_bytes()).hexdigest()


@pytest.mark.parametrize("there", ["folder", "file", "link", "no parent"])
def test_a_place_that_is_taken_or_cannot_be_used_is_refused(world, tmp_path, there):
    place = tmp_path / "b"
    if there == "folder":
        place.mkdir()
    elif there == "file":
        place.write_text("mine")
    elif there == "link":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place = tmp_path / "none" / "b"
    with pytest.raises(SetupError) as refused:
        create(world, place)
    assert refused.value.reason == ("backup_place_unusable" if there == "no parent" else "backup_place_taken")
    (event,) = world.events("backup.created")
    assert (event["outcome"], event["facts"]["reason"]) == ("failed", refused.value.reason)
    assert world.count("backups") == 0
    assert not [path for path in tmp_path.iterdir() if ".part-" in path.name]


def test_writers_go_on_while_a_copy_is_taken_and_are_not_in_it(sqlite_world, tmp_path, monkeypatch):
    world, steps = sqlite_world, []
    row = world.customer()
    monkeypatch.setattr(sqlite_backup, "_PAGES", 8)

    def told(done, total):
        steps.append((done, total))
        if len(steps) % 5 == 1:
            world.customer()  # from another connection: it would make a copy without a snapshot begin anew
            assert world.look_up(AGENT, row["phone"]).cards

    sources = backup.Sources(engine_of(world), world.config.policies_dir)
    backup.create(world.parts, sources, SYSTEM, tmp_path / "b", None, world.now, told)
    assert len(steps) > 10
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert world.count("records") > 2
    with closing(sqlite3.connect(tmp_path / "b" / "vault.sqlite3")) as copy:
        assert copy.execute("SELECT count(*) FROM records").fetchone() == (1,)
    assert kinds(verify(world, tmp_path / "b")) == []


def test_look_ups_go_on_while_a_backup_is_made(world, tmp_path):
    row, stop, seen = world.customer(), threading.Event(), []

    def look():
        for _ in range(50):  # fewer than the quota of an hour, however long the copies take
            seen.append(bool(world.look_up(AGENT, row["phone"]).cards))
            if stop.wait(0.02):
                return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for number in range(2):
            create(world, tmp_path / f"b{number}")
    finally:
        stop.set()
        thread.join()
    assert len(seen) > 2
    assert all(seen)


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("at", [1, 3, 9])
def test_a_failing_disk_leaves_nothing_behind(world, tmp_path, monkeypatch, fault, at):
    real, calls = backup_folder._sync, 0

    def failing(path):
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(fault, "no")
        real(path)

    monkeypatch.setattr(backup_folder, "_sync", failing)
    with pytest.raises(StorageUnavailable) as refused:
        create(world, tmp_path / "b")
    assert (refused.value.reason, refused.value.facts["errno"]) == ("backup_unwritable", fault)
    assert [path.name for path in tmp_path.iterdir() if path.name != "vault"] == []
    assert world.count("backups") == 0
    monkeypatch.undo()
    create(world, tmp_path / "b")


def test_a_full_disk_under_the_engines_own_copying_leaves_nothing_behind(world, tmp_path):
    world.customer()
    world.settle()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    engine = engine_of(world)

    def create_small():
        with engine.snapshot() as connection, backup_folder.new_folder(tmp_path / "b") as folder:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
            try:
                engine.copy(connection, folder / engine.file, lambda *_: None)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

    with pytest.raises(StorageError) as refused:
        create_small()
    assert refused.value.reason in ("backup_unwritable", "backup_tool_failed")
    assert [path.name for path in tmp_path.iterdir() if path.name != "vault"] == []


# -- keys --------------------------------------------------------------------------------------------------------------


def test_keys_are_copied_only_when_asked_for_and_elsewhere(world, tmp_path):
    made = create(world, tmp_path / "b", tmp_path / "k")
    assert files(tmp_path / "k") == {"store/keystore", "store/ledger", "epoch/epoch"}
    first = bootstrap.key_copies(world.config)[0]
    assert (tmp_path / "k/store/keystore").read_bytes() == first.store.read_bytes()
    assert (tmp_path / "k/epoch/epoch").read_bytes() == first.epoch.read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "k").rglob("*") if path.is_file()} == {0o600}
    assert not files(made.place) & {"store/keystore", "keystore", "epoch", "ledger"}
    (event,) = world.events("backup.created", "done")
    assert event["facts"]["mode"] == "with_keys"


@pytest.mark.parametrize(("place", "keys"), [("b", "b"), ("b", "b/k"), ("x/b", "x"), ("b", "x/../b/k")])
def test_keys_never_go_where_the_data_goes(world, tmp_path, place, keys):
    (tmp_path / "x").mkdir()
    with pytest.raises(SetupError) as refused:
        create(world, tmp_path / place, tmp_path / keys)
    assert refused.value.reason == "keys_beside_backup"
    assert files(tmp_path / "x") == set()
    assert not (tmp_path / "b").exists()


def test_keys_that_cannot_be_copied_leave_no_backup_either(world, tmp_path):
    (tmp_path / "k").mkdir()
    with pytest.raises(SetupError):
        create(world, tmp_path / "b", tmp_path / "k")
    assert not (tmp_path / "b").exists()
    assert world.count("backups") == 0


# -- reading back ------------------------------------------------------------------------------------------------------


def test_a_whole_backup_holds_and_that_is_noted(world, tmp_path):
    fill(world)
    run(world, approved(world))
    made = create(world, tmp_path / "b")
    world.now += timedelta(hours=1)
    assert kinds(verify(world, made.place)) == []
    ((verified_at,),) = world.rows("SELECT verified_at FROM backups")
    assert verified_at == world.now.timestamp() * 1_000_000
    (event,) = world.events("backup.verified")
    assert (event["outcome"], event["facts"]["failed"]) == ("done", 0)


def test_a_deep_look_loads_it_into_a_database_of_its_own_and_takes_that_away(world, tmp_path):
    server = world.place.server
    if server is not None:
        server.execute("ALTER ROLE datavault_owner CREATEDB")
    made = create(world, tmp_path / "b")
    assert kinds(verify(world, made.place, deep=True)) == []
    if server is not None:
        assert world.rows("SELECT datname FROM pg_database WHERE datname LIKE 'datavault_scratch%'") == []


def test_a_backup_that_was_moved_still_is_the_same(world, tmp_path):
    made = create(world, tmp_path / "b")
    made.place.rename(tmp_path / "c")
    assert kinds(verify(world, tmp_path / "c")) == []
    assert world.rows("SELECT count(*) FROM backups WHERE verified_at IS NOT NULL") == [(1,)]


@pytest.mark.parametrize("what", ["database", "checkpoint", "policies/roles.toml"])
@pytest.mark.parametrize("how", ["altered", "removed", "cut", "link"])
def test_a_file_that_is_not_as_it_was_is_named(world, tmp_path, what, how):
    made = create(world, tmp_path / "b")
    path = database_of(world, made.place) if what == "database" else made.place / what
    name = path.relative_to(made.place).as_posix()
    if how == "altered":
        altered(path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        content = path.read_bytes()
        path.unlink()
        if how == "link":
            (tmp_path / "elsewhere").write_bytes(content)
            path.symlink_to(tmp_path / "elsewhere")
    found = verify(world, made.place)
    assert [(one.kind, one.name) for one in found.flaws] == [
        ("backup_file_missing" if how == "removed" else "backup_differs", name)
    ]
    assert world.rows("SELECT count(*) FROM backups WHERE verified_at IS NOT NULL") == [(0,)]
    (event,) = world.events("backup.verified")
    assert event["outcome"] == "failed"


def test_a_file_that_nobody_signed_is_named(world, tmp_path):
    made = create(world, tmp_path / "b")
    (made.place / "readme").write_text("trust me")
    assert [(one.kind, one.name) for one in verify(world, made.place).flaws] == [("backup_file_unknown", "readme")]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.note"])
def test_a_manifest_that_was_altered_is_not_signed(world, tmp_path, name):
    made = create(world, tmp_path / "b")
    path = made.place / name
    path.write_text(path.read_text().replace("0", "1", 1) if name.endswith("note") else path.read_text() + " ")
    assert kinds(verify(world, made.place)) == ["backup_not_signed"]


def test_a_manifest_signed_by_another_key_is_not_signed(world, tmp_path):
    made = create(world, tmp_path / "b")
    manifest = manifest_of(made.place)
    stranger = NoteSigner(NoteSigner.fresh(), manifest["origin"])
    manifest["key"] = stranger.verifier_key()
    content = json.dumps(manifest).encode()
    (made.place / "manifest.json").write_bytes(content)
    note = stranger.sign(signed_text(manifest["origin"], sha256(content).digest()))
    (made.place / "manifest.note").write_text(note)
    assert kinds(verify(world, made.place)) == ["backup_not_signed"]
    assert kinds(verify(world, made.place, stranger.verifier_key())) == ["backup_log_broken"]
    with pytest.raises(IntegrityError):
        verify(world, made.place, "no+key")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": "datavault-backup/2"}', b"\xff"])
def test_a_folder_without_a_manifest_we_know_is_no_backup(world, tmp_path, content):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "manifest.json").write_bytes(content)
    with pytest.raises(SetupError) as refused:
        verify(world, tmp_path / "b")
    assert refused.value.reason == "not_a_backup"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("files", {"../../etc/passwd": {"bytes": 1, "sha256": "00" * 32}}),
        ("log_size", -1),
        ("log_size", True),
        ("backup", "00"),
        ("made_at", "yesterday"),
        ("cohorts", [{}]),
    ],
)
def test_a_manifest_that_cannot_be_is_no_manifest(world, tmp_path, name, value):
    made = create(world, tmp_path / "b")
    (made.place / "manifest.json").write_text(json.dumps(manifest_of(made.place) | {name: value}))
    with pytest.raises(SetupError) as refused:
        verify(world, made.place)
    assert refused.value.reason == "not_a_backup"


def test_a_database_that_was_damaged_before_it_was_signed_is_found(world, tmp_path):
    """What a bad disk does between the copy and its hash; only somebody with our key could do it later."""
    made = create(world, tmp_path / "b")
    file = database_of(world, made.place)
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    signed_again(world, made.place)
    assert kinds(verify(world, made.place)) == ["backup_damaged"]


def test_a_log_that_does_not_hold_is_found_in_the_copy(sqlite_world, tmp_path):
    made = create(sqlite_world, tmp_path / "b")
    with closing(sqlite3.connect(made.place / "vault.sqlite3")) as copy:
        copy.execute(
            "UPDATE log_events SET canonical = replace(canonical, 'operator', 'operated') WHERE leaf_index = 1"
        )
        copy.commit()
    signed_again(sqlite_world, made.place)
    assert kinds(verify(sqlite_world, made.place)) == ["backup_log_broken"]


def test_rows_that_are_missing_are_found_in_the_copy(sqlite_world, tmp_path):
    sqlite_world.customer()
    made = create(sqlite_world, tmp_path / "b")
    with closing(sqlite3.connect(made.place / "vault.sqlite3")) as copy:
        copy.execute("DELETE FROM record_index")
        copy.commit()
    signed_again(sqlite_world, made.place)
    assert [(one.kind, one.name, one.count) for one in verify(sqlite_world, made.place).flaws] == [
        ("backup_rows_differ", "record_index", 0)
    ]


def test_a_dump_says_the_same_of_the_log_as_the_database_it_was_taken_from(world, tmp_path):
    world.customer()
    made = create(world, tmp_path / "b")
    engine = engine_of(world)
    with engine.contents(database_of(world, made.place)) as found:
        events = [row for rows in found.events for row in rows]
        notes = found.notes
    rows = world.rows(
        "SELECT leaf_index, canonical, leaf_hash FROM log_events WHERE leaf_index < :n ORDER BY 1", n=made.log_size
    )
    assert [tuple(one) for one in events] == [(row[0], bytes(row[1]), bytes(row[2])) for row in rows]
    assert notes == [
        row[0] for row in world.rows("SELECT note FROM log_checkpoints WHERE size <= :n ORDER BY size", n=made.log_size)
    ]


def test_a_backup_whose_keys_are_gone_is_named_with_what_cannot_be_opened(world, tmp_path):
    world.customer()
    world.customer()
    made = create(world, tmp_path / "b")
    (need,) = manifest_of(made.place)["cohorts"]
    store, _ = world.parts.keys.files.destroy_cohorts([bytes.fromhex(need["id"])])
    world.parts.keys.adopt(store)
    (flaw,) = verify(world, made.place).flaws
    assert (flaw.kind, flaw.count) == ("backup_keys_gone", 2)


def test_a_backup_of_another_engine_is_refused(sqlite_world, tmp_path):
    made = create(sqlite_world, tmp_path / "b")
    signed_again(sqlite_world, made.place, engine="postgresql")
    with pytest.raises(SetupError) as refused:
        verify(sqlite_world, made.place)
    assert refused.value.reason == "backup_of_other_engine"


def test_a_cohort_closes_with_a_verified_backup_and_not_before(world, tmp_path):
    world.customer(last_activity_at="2025-03-01 10:00:00")
    turn_to(world, LATER)
    close(world)
    before = {one.state for one in close(world).values()}
    made = create(world, tmp_path / "b")
    assert {one.state for one in close(world).values()} == before
    assert kinds(verify(world, made.place)) == []
    close(world)
    with world.parts.database.read() as connection:
        states = {row.state for row in cohorts.listed(connection) if row.cohort.end_on < LATER.date()}
    assert states == {CohortState.DESTROYED}


# -- listing -----------------------------------------------------------------------------------------------------------


def listed(world):
    return [(one.is_there, one.is_over) for one in backup.listed(world.parts, world.now)]


def test_a_backup_is_over_to_the_second_and_named_while_it_lies_there(world, tmp_path):
    made = create(world, tmp_path / "b")
    end = world.now + timedelta(days=world.parts.policy.destruction.backup_days)
    assert listed(world) == [(True, False)]
    world.now = end - timedelta(seconds=1)
    assert listed(world) == [(True, False)]
    world.now = end
    assert listed(world) == [(True, True)]
    made.place.rename(tmp_path / "unmounted")
    assert listed(world) == []
    world.now = end - timedelta(seconds=1)
    assert listed(world) == [(False, False)]


def test_a_later_backup_in_a_folder_of_the_same_name_is_not_taken_for_the_old_one(world, tmp_path):
    made = create(world, tmp_path / "b")
    made.place.rename(tmp_path / "deleted")
    world.now += timedelta(days=world.parts.policy.destruction.backup_days)
    later = create(world, tmp_path / "b")
    assert [one.backup.backup_id for one in backup.listed(world.parts, world.now)] == [later.backup_id]


# -- PostgreSQL's programs ---------------------------------------------------------------------------------------------


def script(folder: Path, name: str, says: str, code: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\necho 'pg_dump: error: said aloud\nDETAIL: row' >&2\nexit {code}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("says", "reason"),
    [(None, "backup_tool_missing"), ("pg_dump (PostgreSQL) 9.6.24", "backup_tool_older"), ("?", "backup_tool_older")],
)
def test_programs_that_are_missing_or_older_than_the_server_are_named(postgresql_world, tmp_path, says, reason):
    (tmp_path / "bin").mkdir()
    if says is not None:
        script(tmp_path / "bin", "pg_dump", says)
    config = with_tools(postgresql_world.config)
    engine = bootstrap.backup_engine(replace(config, pg_bin=tmp_path / "bin"), postgresql_world.parts.database)
    with pytest.raises(SetupError) as refused, engine.snapshot():
        pass
    assert refused.value.reason == reason
    assert refused.value.facts["program"] == "pg_dump"


def test_what_a_program_says_first_is_told_and_not_its_rows(tmp_path):
    script(tmp_path / "bin", "pg_dump", "", code=1)
    tools = PgTools("postgresql+psycopg://app@localhost/x", tmp_path / "bin")
    with pytest.raises(StorageError) as refused:
        tools.run("pg_dump")
    assert (refused.value.reason, refused.value.facts["said"]) == ("backup_tool_failed", "said aloud")


def test_a_password_is_in_no_argument(tmp_path):
    tools = PgTools("postgresql+psycopg://owner:very%20secret@db.example.com:5433/vault?sslmode=verify-full", None)
    assert "secret" not in tools._target
    assert tools._environment["PGPASSWORD"] == "very secret"
    for part in ("user=owner", "host=db.example.com", "port=5433", "dbname=vault", "sslmode=verify-full"):
        assert part in tools._target
