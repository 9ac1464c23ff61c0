"""The commands about backups: what they print, what they refuse, and their exit codes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from tests.backups import create, lose, settings_of, with_tools
from tests.destroying import approved, fill
from tests.destroying import run as carry_out
from tests.test_cli import run
from tests.worlds import postgresql_world, sqlite_world, templates, world
from vault.cli import main
from vault.domain.log import Action
from vault.services import backup_drill

__all__ = ["postgresql_world", "run", "sqlite_world", "templates", "world"]


@pytest.fixture
def vault(world, run):
    """The commands over a vault on either engine, which nobody else has open."""
    world.close()
    if world.place.server is not None:
        world.place.server.execute("ALTER ROLE datavault_owner CREATEDB")
    with settings_of(world.config):
        yield run


def told(answer):
    return json.loads(answer.stdout)


def test_create_says_what_to_do_next_and_verify_ends_with_the_verdict(vault, tmp_path):
    said = vault("backup", "create", tmp_path / "b")
    assert f"Next: datavault backup verify {tmp_path}/b" in said.stdout
    assert said.stderr == ""
    verified = vault("backup", "verify", tmp_path / "b").stdout.splitlines()
    assert verified[-1] == "HOLDS"
    lines = {one["what"]: one for one in told(vault("doctor", "--json"))}
    assert lines["Newest verified backup"]["state"] == "ok"


def test_the_doctor_warns_without_a_verified_backup(vault, tmp_path):
    def line():
        return next(one for one in told(vault("doctor", "--json")) if one["what"] == "Newest verified backup")

    assert (line()["state"], line()["found"]) == ("warn", "none")
    vault("backup", "create", tmp_path / "b")
    assert line()["state"] == "warn"  # nobody has read it back


def test_everything_is_said_for_programs_too(vault, tmp_path):
    made = told(vault("backup", "create", tmp_path / "b", "--json"))
    assert made["place"] == f"{tmp_path}/b"
    assert made["keys"] is None
    verified = told(vault("backup", "verify", tmp_path / "b", "--json"))
    assert (verified["holds"], verified["backup"], verified["findings"], verified["keys_checked"]) == (
        True,
        made["backup"],
        [],
        True,
    )
    (listed,) = told(vault("backup", "list", "--json"))
    assert (listed["backup"], listed["there"], listed["delete"]) == (made["backup"], True, False)
    assert listed["verified_at"]


def test_a_place_that_is_taken_is_a_wrong_use(vault, tmp_path):
    (tmp_path / "b").mkdir()
    assert "backup_place_taken" in vault("backup", "create", tmp_path / "b", code=2).stderr


def test_copying_keys_says_what_that_means(vault, tmp_path):
    said = vault("backup", "create", tmp_path / "b", "--keys", tmp_path / "k")
    assert "WARNING" in said.stderr
    assert "no certificate covers it" in said.stderr
    assert (
        "keys_beside_backup" in vault("backup", "create", tmp_path / "c", "--keys", tmp_path / "c" / "k", code=2).stderr
    )


def test_a_backup_that_does_not_hold_is_found_and_each_flaw_named(vault, tmp_path):
    vault("backup", "create", tmp_path / "b")
    (tmp_path / "b" / "checkpoint").write_text("mine")
    said = vault("backup", "verify", tmp_path / "b", code=1).stdout
    assert "[backup_differs]" in said
    assert "checkpoint" in said
    assert said.splitlines()[-1] == "DOES NOT HOLD"
    assert told(vault("backup", "verify", tmp_path / "b", "--json", code=1))["findings"][0]["name"] == "checkpoint"
    assert "not_a_backup" in vault("backup", "verify", tmp_path, code=2).stderr


def test_a_deep_verification_and_a_pin_by_its_file(vault, world, tmp_path):
    vault("backup", "create", tmp_path / "b")
    pin = world.config.checkpoint_dir / "checkpoint.pin"
    vault("backup", "verify", tmp_path / "b", "--deep", "--key", pin)
    vault("backup", "verify", tmp_path / "b", "--key", pin.read_text().strip())
    assert "pin_unreadable" in vault("backup", "verify", tmp_path / "b", "--key", tmp_path / "none", code=2).stderr


def test_with_the_vault_gone_a_pin_still_judges_what_lies_in_the_folder(vault, world, tmp_path):
    vault("backup", "create", tmp_path / "b")
    pin = world.config.checkpoint_dir / "checkpoint.pin"
    lose(world)
    vault("backup", "verify", tmp_path / "b", code=2)
    assert told(vault("backup", "verify", tmp_path / "b", "--key", pin, "--json"))["keys_checked"] is False
    said = vault("backup", "verify", tmp_path / "b", "--key", pin).stdout
    assert "was not checked" in said


def test_a_backup_whose_time_is_over_is_named_with_exit_code_one(sqlite_world, run, tmp_path, monkeypatch):
    keep = timedelta(days=sqlite_world.parts.policy.destruction.backup_days + 5)
    sqlite_world.now -= keep
    made = create(sqlite_world, tmp_path / "b")
    sqlite_world.close()
    with settings_of(sqlite_world.config):
        assert "its time is over: delete it" in run("backup", "list", code=1).stdout
        made.place.rename(tmp_path / "gone")
        assert "No backup is known." in run("backup", "list").stdout


# -- restoring ---------------------------------------------------------------------------------------------------------


def test_a_restore_is_confirmed_by_typing(sqlite_world, tmp_path):
    made = create(sqlite_world, tmp_path / "b")
    sqlite_world.customer()
    sqlite_world.close()

    def tried(typed):
        with settings_of(sqlite_world.config):
            return CliRunner().invoke(main, ["backup", "restore", str(made.place), "--replace"], input=typed)

    for typed in ("", "\n", "yes\n", "y\n"):
        assert tried(typed).exit_code == 2
    sqlite_world.restart()
    assert sqlite_world.count("records") == 1
    sqlite_world.close()
    done = tried("replace\n")
    assert done.exit_code == 0, done.output
    assert "signed events happened since" in done.stdout
    assert "is kept as" in done.stdout
    assert "by hand" in done.stdout
    sqlite_world.restart()
    assert sqlite_world.count("records") == 0


def test_a_restore_without_a_backup_is_a_wrong_use(vault):
    assert "SRC?" in vault("backup", "restore", code=2).stderr
    assert "nothing_to_cancel" in vault("backup", "restore", "--cancel", code=2).stderr


# -- drill -------------------------------------------------------------------------------------------------------------


def drills(world):
    return [one for one in world.events(Action.BACKUP_DRILLED.value) if one["outcome"] != "granted"]


def left_behind(world):
    found = [path.name for path in world.config.data_dir.glob("drill-*")]
    if world.place.server is not None:
        found += [row[0] for row in world.rows("SELECT datname FROM pg_database WHERE datname LIKE 'datavault_drill%'")]
    return found


def test_a_drill_restores_and_tries_both_kinds_and_leaves_nothing_but_its_event(world, vault, tmp_path):
    world.restart()
    fill(world, customers=3, shipments=1, services=1)
    for _ in range(3):
        world.customer()
    made = create(world, tmp_path / "before")
    carry_out(world, approved(world))
    ledger = world.parts.ledger.head()
    world.close()
    said = told(vault("backup", "drill", "--json"))
    assert said["holds"]
    assert (said["destroyed_tried"], said["destroyed_found_again"], said["living_not_opened"]) == (5, 0, 0)
    assert said["living_opened"] == 3
    assert set(said["steps"]) == {"create", "verify", "load", "replay", "try", "place"}
    assert said["replayed"]["destroyed"] == 0
    said = told(vault("backup", "drill", "--from", made.place, "--json"))
    assert (said["holds"], said["replayed"]["destroyed"], said["destroyed_tried"]) == (True, 5, 5)
    text = vault("backup", "drill").stdout.splitlines()
    assert text[-1] == "HOLDS"
    world.restart()
    assert world.parts.ledger.head() == ledger
    events = drills(world)
    assert [one["outcome"] for one in events] == ["done"] * 3
    assert events[0]["facts"]["destroyed"] == 5
    opened = [one for one in world.events(Action.BACKUP_DRILLED.value) if one["outcome"] == "granted"]
    assert all(one["purpose"] == "retention" and one["records"] for one in opened)
    assert world.count("tombstones") == 5
    assert left_behind(world) == []
    assert world.verify().holds


def test_a_drill_that_fails_says_so_in_the_log_and_cleans_up(world, vault, tmp_path, monkeypatch):
    world.restart()
    made = create(world, tmp_path / "b")
    world.close()
    (made.place / "checkpoint").write_text("mine")
    assert (
        told(vault("backup", "drill", "--from", made.place, "--json", code=1))["findings"][0]["kind"]
        == "backup_differs"
    )
    assert "not_a_backup" in vault("backup", "drill", "--from", tmp_path, code=2).stderr

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(backup_drill, "replay", killed)
    vault("backup", "drill", code=1)
    world.restart()
    assert [(one["outcome"], one["facts"]["failed"]) for one in drills(world)] == [("failed", 1), ("failed", 0)]
    assert left_behind(world) == []


def test_a_destroyed_record_that_comes_back_fails_the_drill(world, vault, tmp_path, monkeypatch):
    world.restart()
    fill(world, customers=1, shipments=0, services=0)
    made = create(world, tmp_path / "b")
    carry_out(world, approved(world))
    world.close()
    nothing = backup_drill.Replayed()
    monkeypatch.setattr(backup_drill, "replay", lambda *_: nothing)
    said = told(vault("backup", "drill", "--from", made.place, "--json", code=1))
    assert (said["holds"], said["destroyed_found_again"]) == (False, 1)


def test_what_a_killed_drill_left_is_taken_away_by_the_next(world, vault):
    (world.config.data_dir / "drill-killed" / "db").mkdir(parents=True)
    server = world.place.server
    if server is not None:
        name = f"datavault_drill_{bytes(world.rows('SELECT vault_id FROM vault_state')[0][0]).hex()[:8]}_{'0' * 16}"
        server.execute(f"CREATE DATABASE {name} OWNER datavault_owner")
    vault("backup", "drill")
    assert left_behind(world) == []


def test_a_migrator_that_may_make_no_database_is_told_how_to_be_allowed(postgresql_world, run):
    postgresql_world.close()
    postgresql_world.place.server.execute("ALTER ROLE datavault_owner NOCREATEDB")
    with settings_of(with_tools(postgresql_world.config)):
        assert "CREATEDB" in run("backup", "drill", code=2).stderr
