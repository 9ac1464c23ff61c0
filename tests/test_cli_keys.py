"""``datavault keys``: what there is, closing cohorts, a new root key, orphans."""

import json
from datetime import timedelta

import pytest

from tests.ended_cohorts import DUE_IN_DECEMBER, LATER, back_up, close, turn_to
from tests.simulator import NOW
from tests.test_cli import execute, run, vault
from tests.worlds import sqlite_world, templates
from vault.cli import keys, keys_status, operate

__all__ = ["run", "sqlite_world", "templates", "vault"]


@pytest.fixture
def later(monkeypatch):
    """The commands' clock stands in January 2027."""
    for module in (keys, keys_status):
        monkeypatch.setattr(module, "now", lambda: LATER)


@pytest.fixture
def ended(sqlite_world, later, run, monkeypatch):
    """The commands over a vault in which cohorts have ended, and one of them holds a record that is due."""
    sqlite_world.customer(last_activity_at=DUE_IN_DECEMBER)
    turn_to(sqlite_world)
    sqlite_world.close()
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(sqlite_world.config.data_dir))
    return run


def test_status_names_copies_cohorts_and_what_to_keep(vault, sqlite_world):
    told = json.loads(vault("keys", "status", "--json").stdout)
    assert [(one["version"], one["fault"]) for one in told["copies"]] == [(told["version"], "")] * 2
    assert told["cohorts"]["customer"]["states"]["open"] == told["cohorts"]["customer"]["count"] >= 25
    assert told["pin"].startswith("datavault.local/")
    plain = vault("keys", "status").stdout
    for part in (told["fingerprint"], str(sqlite_world.config.root_key_file), told["pin"], "What to keep"):
        assert part in plain
    assert sqlite_world.config.root_key_file.read_text().strip() not in plain + json.dumps(told)


def test_status_speaks_both_languages(vault, monkeypatch):
    monkeypatch.setenv("DATAVAULT_LANG", "zh-CN")
    assert "需要保管什么" in vault("keys", "status").stdout


@pytest.mark.parametrize(("folder", "reason"), [("store", "key_store_missing"), ("epoch", "epoch_secret_missing")])
def test_status_of_a_vault_that_a_lost_copy_keeps_shut_names_the_copy(vault, sqlite_world, folder, reason):
    lost = sqlite_world.config.key_copies[1] / folder
    lost.rename(lost.with_name("away"))
    result = vault("keys", "status", "--json", code=2)
    told = json.loads(result.stdout)
    assert [one["fault"] for one in told["copies"]] == ["", reason]
    assert told["fault"] == reason
    assert reason in result.stderr
    assert str(sqlite_world.config.key_copies[1]) in vault("keys", "status", code=2).stdout


def test_a_dry_run_tells_what_waits_and_changes_nothing(ended, sqlite_world):
    told = json.loads(ended("keys", "close-cohorts", "--dry-run", "--json", code=1).stdout)
    customers = [(one["end_on"], one["state"], one["waits"], one["due"]) for one in told if one["class"] == "customer"]
    assert customers == [("2026-11-30", "open", "backup", 0), ("2026-12-31", "open", "due", 1)]
    assert "past their time" in ended("keys", "close-cohorts", "--dry-run", code=1).stdout
    assert json.loads(ended("keys", "status", "--json").stdout)["cohorts"]["customer"]["states"]["closing"] == 0


def test_closing_destroys_what_is_empty_and_says_what_is_in_the_way_of_the_rest(ended, sqlite_world):
    ended("keys", "close-cohorts", code=1)
    world = sqlite_world
    world.restart()
    back_up(world)
    world.close()
    told = json.loads(ended("keys", "close-cohorts", "--json", code=1).stdout)
    states = {(one["class"], one["end_on"]): (one["state"], one["waits"]) for one in told}
    assert states["customer", "2026-11-30"] == ("destroyed", "")
    assert states["customer", "2026-12-31"] == ("open", "due")
    actors = {one["actor"] for one in _events(world, "cohort.destroyed")}
    assert len(actors) == 1
    assert actors.pop().startswith("operator:")


def _events(world, action):
    world.restart()
    try:
        return world.events(action)
    finally:
        world.close()


def test_with_nothing_to_close_it_says_so(vault, monkeypatch):
    monkeypatch.setattr(keys, "now", lambda: NOW)
    assert "No cohort has ended" in vault("keys", "close-cohorts").stdout
    assert json.loads(vault("keys", "close-cohorts", "--json").stdout) == []


def test_what_was_closed_is_not_told_again(sqlite_world, later, run, monkeypatch):
    turn_to(sqlite_world)
    close(sqlite_world)
    back_up(sqlite_world)
    close(sqlite_world)
    sqlite_world.close()
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(sqlite_world.config.data_dir))
    assert json.loads(run("keys", "close-cohorts", "--json").stdout) == []
    told = json.loads(run("keys", "status", "--json").stdout)["cohorts"]["customer"]
    assert (told["states"]["destroyed"], told["first"]) == (2, "2027-01-31")


def test_a_lost_copy_keeps_every_cohort(ended, sqlite_world):
    lost = sqlite_world.config.key_copies[1] / "epoch"
    lost.rename(lost.with_name("away"))
    assert "epoch_secret_missing" in ended("keys", "close-cohorts", code=2).stderr


def test_a_root_key_is_replaced_after_a_dry_run_that_replaces_nothing(vault, sqlite_world):
    key = sqlite_world.config.root_key_file
    before = key.read_text()
    assert json.loads(vault("keys", "rotate-root", "--dry-run", "--json").stdout)["copies"] == 2
    assert "Would replace" in vault("keys", "rotate-root", "--dry-run").stdout
    assert key.read_text() == before
    assert "open nothing any more" in vault("keys", "rotate-root").stdout
    assert key.read_text() != before
    vault("keys", "status")
    vault("log", "verify")


def test_a_passphrase_is_replaced_by_the_one_in_the_new_file(run, tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    for file, words in ((old, "correct horse battery staple"), (new, "staple battery horse correct")):
        file.write_text(words)
        file.chmod(0o600)
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(tmp_path / "fresh"))
    monkeypatch.setenv("DATAVAULT_ROOT_KEY_PROVIDER", "passphrase")
    monkeypatch.setenv("DATAVAULT_ROOT_PASSPHRASE_FILE", str(old))
    run("init")
    result = run("keys", "rotate-root", code=2)
    assert "passphrase_missing" in result.stderr
    assert "DATAVAULT_NEW_ROOT_PASSPHRASE_FILE" in result.stderr
    monkeypatch.setenv("DATAVAULT_NEW_ROOT_PASSPHRASE_FILE", str(new))
    assert "Restart every process" in run("keys", "rotate-root").stdout
    assert "key_wrong" in run("keys", "status", code=2).stderr
    monkeypatch.setenv("DATAVAULT_ROOT_PASSPHRASE_FILE", str(new))
    run("keys", "status")


def test_orphans_are_counted_and_found(vault, sqlite_world):
    assert json.loads(vault("keys", "orphans", "--json").stdout)["total"] == 0
    execute(sqlite_world, "DELETE FROM cohorts WHERE record_class = 'id_copy' AND end_on = '2026-11-25'")
    told = json.loads(vault("keys", "orphans", "--json", code=1).stdout)
    assert (told["total"], told["keys_without_cohort"]) == (1, 1)
    assert "Keys without cohort: 1" in vault("keys", "orphans", code=1).stdout


def test_doctor_tells_of_keys_and_records_that_do_not_agree(vault, sqlite_world):
    def line(code):
        return next(one for one in json.loads(vault("doctor", "--json", code=code).stdout)
                    if one["what"] == "Keys and records agree")  # fmt: skip

    assert line(0)["state"] == "ok"
    execute(sqlite_world, "DELETE FROM cohorts WHERE record_class = 'id_copy' AND end_on = '2026-11-25'")
    assert (line(1)["state"], line(1)["found"]) == ("bad", "1")


def test_doctor_warns_of_cohorts_that_wait_for_long(sqlite_world, run, monkeypatch):
    world = sqlite_world
    turn_to(world, LATER + timedelta(days=20))
    world.close()
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(world.config.data_dir))
    monkeypatch.setattr(operate, "now", lambda: LATER + timedelta(days=20))
    told = next(
        one for one in json.loads(run("doctor", "--json").stdout) if one["what"] == "Cohorts past their last day"
    )
    assert told["state"] == "warn"
    assert "close-cohorts" in told["fix"]
