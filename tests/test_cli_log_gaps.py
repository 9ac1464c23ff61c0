"""`datavault log accept-gap`: what it shows, asks and refuses, and what the other commands say before and after."""

import json
import re

import pytest
from click.testing import CliRunner

from tests.bundles import Bundle
from tests.rewinding import OldCopy, work
from tests.terminal import on_its_day
from tests.test_cli import run
from tests.worlds import sqlite_world, templates
from vault.cli import main

__all__ = ["run", "sqlite_world", "templates"]

ACCEPT = ("log", "accept-gap", "--reason", "restored_backup")


@pytest.fixture
def vault(sqlite_world, run, monkeypatch, tmp_path):
    """The commands over a vault whose database lacks its last five events."""
    work(sqlite_world, 2)
    copy = OldCopy(sqlite_world, tmp_path)
    work(sqlite_world, 5)
    copy.put_back()
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(sqlite_world.config.data_dir))
    on_its_day(monkeypatch)
    return run


def test_the_sealed_vault_says_what_to_do_and_so_does_the_doctor(vault):
    assert "log accept-gap --dry-run" in vault("user", "list", code=2).stderr
    bad = {one["what"]: one for one in json.loads(vault("doctor", "--json", code=1).stdout) if one["state"] == "bad"}
    told = bad["Log: all that was signed is there"]
    assert told["found"].endswith(" database_rewound")
    assert "accept-gap" in told["fix"]


def test_a_dry_run_shows_sizes_times_and_what_would_end_and_changes_nothing(vault, sqlite_world):
    told = vault(*ACCEPT, "--dry-run").stdout
    size = sqlite_world.count("log_events")
    assert f"Signed last: {size + 5} entries" in told
    assert f"Lost: entries {size} to {size + 4}" in told
    assert "1 one-time secrets" in told
    for_programs = json.loads(vault(*ACCEPT, "--dry-run", "--json").stdout)
    assert (for_programs["accepted"], for_programs["fault"], for_programs["events_lost"]) == (
        False,
        "database_rewound",
        5,
    )
    assert (for_programs["kept"]["size"], for_programs["found"]["size"]) == (size, size)
    assert for_programs["ends"] == {"sessions": 0, "secrets": 1, "grants": 0, "emergencies": 0, "tokens": 0}
    assert (sqlite_world.count("log_gaps"), sqlite_world.count("log_inbox")) == (0, 0)
    vault("log", "checkpoint", code=2)


@pytest.mark.parametrize("typed", ["", "\n", "y\n", "yes\n", "4\n", "-5\n"])
def test_without_the_number_of_lost_entries_typed_nothing_is_accepted(vault, sqlite_world, typed):
    told = CliRunner().invoke(main, list(ACCEPT), input=typed)
    assert told.exit_code == 2
    assert "Nothing was accepted" in told.stderr
    assert sqlite_world.count("log_gaps") == 0


def test_with_it_typed_the_vault_opens_and_everything_says_that_a_part_is_missing(vault, sqlite_world):
    told = CliRunner().invoke(main, list(ACCEPT), input="5\n")
    assert told.exit_code == 0, told.output
    assert "the vault opens again" in told.stdout
    verified = vault("log", "verify").stdout.splitlines()
    assert verified[-1] == "HOLDS"
    (declared,) = [one for one in verified if one.startswith("Declared gap: ")]
    assert declared.endswith(": a backup was restored")
    (gap,) = json.loads(vault("log", "verify", "--json").stdout)["gaps"]
    assert gap["lost"]["size"] - gap["kept"]["size"] == 5
    lines = {one["what"]: one for one in json.loads(vault("doctor", "--json").stdout)}
    assert (lines["Log: declared gaps"]["state"], lines["Log: declared gaps"]["found"]) == ("warn", "1")
    assert lines["Log: all that was signed is there"]["state"] == "ok"
    assert "1 declared gaps" in vault("compliance").stdout
    vault("user", "list")


def test_accepting_again_finds_nothing_and_the_try_is_signed(vault, sqlite_world):
    report = json.loads(vault(*ACCEPT, "--yes", "--json").stdout)
    assert report["accepted"] is True
    assert report["size"] == report["found"]["size"] + 1
    assert "nothing_to_accept" in vault(*ACCEPT, "--yes", code=1).stderr
    told = json.loads(vault("log", "verify", "--json").stdout)
    assert (told["holds"], told["unsigned_tail"]) == (True, 0)
    assert len(told["gaps"]) == 1


def test_a_bundle_exported_afterwards_prints_the_gap_and_refuses_the_lost_checkpoint(vault, sqlite_world, tmp_path):
    folder = sqlite_world.config.checkpoint_dir
    (tmp_path / "lost").write_bytes((folder / "checkpoint").read_bytes())
    vault(*ACCEPT, "--yes")
    out = tmp_path / "log.zip"
    vault("log", "export", "--from", "2020-01-01", "--to", "2040-01-01", out)
    told = vault("log", "verify", out, "--key", folder / "checkpoint.pin").stdout
    assert re.search(r"declared gap: entries \d+ to \d+ were lost; .* because a backup was restored", told)
    assert told.splitlines()[-1] == "成立 · HOLDS"
    told = vault("log", "verify", out, "--key", folder / "checkpoint.pin", "--since", tmp_path / "lost", code=1).stdout
    assert "[gap]" in told
    assert told.splitlines()[-1] == "不成立 · DOES NOT HOLD"
    (note,) = Bundle.read(out.read_bytes()).json("gaps.json")
    assert (folder / "gaps").read_text("utf-8") == note + "\n"


@pytest.mark.parametrize("given", [[], ["--reason", "because"], ["--reason", ""]])
def test_a_reason_of_the_list_must_be_given(vault, given):
    assert "'--reason'" in vault("log", "accept-gap", *given, "--yes", code=2).stderr
