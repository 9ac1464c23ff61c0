"""`datavault log proof`, and `datavault log verify` of the pair it wrote."""

import json
import stat

import pytest

from tests.test_cli import run, vault
from tests.worlds import sqlite_world, templates
from vault import verify_log

__all__ = ["run", "sqlite_world", "templates", "vault"]


@pytest.fixture
def pin(sqlite_world):
    return sqlite_world.config.checkpoint_dir / "checkpoint.pin"


@pytest.fixture
def pair(vault, tmp_path):
    """The first entry of the log and its proof."""
    vault("log", "proof", "0", "--out", tmp_path / "first")
    return tmp_path / "first.json", tmp_path / "first.tlog-proof"


def test_a_pair_is_written_for_its_owner_only_and_holds(vault, pin, pair):
    event, proof = pair
    assert json.loads(event.read_bytes())["action"] == "vault.init"
    assert {stat.S_IMODE(one.stat().st_mode) for one in pair} == {0o600}
    told = vault("log", "verify", event, "--proof", proof, "--key", pin).stdout.splitlines()
    assert told[-1].startswith("成立 · HOLDS: entry 0 of the log of ")
    told = vault("log", "verify", event, "--proof", proof, code=2).stdout.splitlines()
    assert told[-1] == "无法判断 · CANNOT JUDGE"


def test_in_a_folder_the_files_are_named_by_the_event(vault, tmp_path, monkeypatch):
    told = json.loads(vault("log", "proof", "1", "--out", tmp_path, "--json").stdout)
    files = {tmp_path / f"{told['event']}{suffix}" for suffix in (".json", ".tlog-proof")}
    assert (set(told["files"]), told["index"]) == ({str(one) for one in files}, 1)
    assert json.loads((tmp_path / f"{told['event']}.json").read_bytes())["id"] == told["event"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{told['event']}.json").unlink()
    (tmp_path / f"{told['event']}.tlog-proof").unlink()
    vault("log", "proof", told["event"])
    assert {one for one in tmp_path.iterdir() if one.is_file()} >= files


@pytest.mark.parametrize("name", ["one.json", "one.tlog-proof", "one"])
def test_a_name_with_either_suffix_is_the_name_of_both(vault, tmp_path, name):
    vault("log", "proof", "0", "--out", tmp_path / name)
    assert {one.name for one in tmp_path.glob("one*")} == {"one.json", "one.tlog-proof"}


def test_a_changed_event_does_not_hold(vault, pin, pair):
    event, proof = pair
    event.write_bytes(event.read_bytes().replace(b"vault.init", b"vault.exit"))
    told = vault("log", "verify", event, "--proof", proof, "--key", pin, code=1).stdout
    assert "[changed]" in told
    assert told.splitlines()[-1] == "不成立 · DOES NOT HOLD"


def test_the_command_and_the_single_file_say_the_same(vault, pin, pair, capsys):
    event, proof = pair
    told = vault("log", "verify", event, "--proof", proof, "--key", pin).stdout
    assert verify_log.main([str(event), "--proof", str(proof), "--key", str(pin)]) == 0
    assert capsys.readouterr().out == told


def test_the_last_event_can_be_proven_at_once(vault, pin, sqlite_world, tmp_path):
    sqlite_world.restart()
    event = sqlite_world.events()[-1]["id"]
    sqlite_world.close()
    vault("log", "proof", event, "--out", tmp_path)
    assert (
        "HOLDS"
        in vault(
            "log", "verify", tmp_path / f"{event}.json", "--proof", tmp_path / f"{event}.tlog-proof", "--key", pin
        ).stdout
    )


@pytest.mark.parametrize("there", ["mine.json", "mine.tlog-proof"])
def test_files_that_are_there_are_never_written_over(vault, tmp_path, there):
    (tmp_path / there).write_text("mine")
    assert "file_exists" in vault("log", "proof", "0", "--out", tmp_path / "mine", code=2).stderr
    assert (tmp_path / there).read_text() == "mine"
    assert [one.name for one in tmp_path.glob("mine*")] == [there]


def test_a_folder_that_is_not_there_is_said_and_not_made(vault, tmp_path):
    assert "file_unwritable" in vault("log", "proof", "0", "--out", tmp_path / "no" / "one", code=2).stderr
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("event", "code", "said"),
    [
        ("9999999", 1, "no_such_entry"),
        ("0" * 32, 1, "no_such_entry"),
        ("x", 1, "wrong_form"),
        ("--nonsense", 2, "nonsense"),
    ],
)
def test_what_names_no_entry_is_refused_and_leaves_no_file(vault, tmp_path, event, code, said):
    assert said in vault("log", "proof", event, "--out", tmp_path / "one", code=code).stderr
    assert not list(tmp_path.glob("one*"))


def test_a_proof_without_its_event_is_a_usage_error(vault, pair):
    assert "BUNDLE?" in vault("log", "verify", "--proof", pair[1], code=2).stderr
