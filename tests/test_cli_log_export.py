"""`datavault log export`, and `datavault log verify` of what it wrote."""

import json
import stat
import zipfile

import pytest

from tests.bundles import Bundle
from tests.test_cli import run, vault
from tests.worlds import sqlite_world, templates
from vault import verify_log

__all__ = ["run", "sqlite_world", "templates", "vault"]

ALL = ("--from", "2020-01-01", "--to", "2040-01-01")


@pytest.fixture
def pin(sqlite_world):
    return sqlite_world.config.checkpoint_dir / "checkpoint.pin"


def test_an_export_is_written_whole_for_its_owner_only_and_holds(vault, pin, tmp_path):
    out = tmp_path / "log.zip"
    told = vault("log", "export", *ALL, "--format", "csv", out).stdout
    assert str(out) in told
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.glob("log*")] == ["log.zip"]
    with zipfile.ZipFile(out) as zipped:
        assert zipped.testzip() is None
        assert "events.csv" in zipped.namelist()
    assert vault("log", "verify", out, "--key", pin).stdout.splitlines()[-1] == "成立 · HOLDS"
    assert vault("log", "verify", out, code=2).stdout.splitlines()[-1] == "无法判断 · CANNOT JUDGE"


def test_a_later_export_extends_the_earlier_one(vault, pin, tmp_path):
    for name in ("one", "two"):
        vault("log", "export", *ALL, tmp_path / f"{name}.zip")
        with zipfile.ZipFile(tmp_path / f"{name}.zip") as zipped:
            (tmp_path / name).write_bytes(zipped.read("checkpoint"))
    told = vault("log", "verify", tmp_path / "two.zip", "--key", pin, "--since", tmp_path / "one").stdout
    assert told.splitlines()[-1] == "成立 · HOLDS"
    told = vault("log", "verify", tmp_path / "one.zip", "--key", pin, "--since", tmp_path / "two", code=1).stdout
    assert told.splitlines()[-1] == "不成立 · DOES NOT HOLD"


def test_a_tampered_bundle_does_not_hold(vault, pin, tmp_path):
    vault("log", "export", *ALL, tmp_path / "log.zip")
    bundle = Bundle.read((tmp_path / "log.zip").read_bytes())
    bundle.lines = bundle.lines[1:]
    told = vault("log", "verify", bundle.written(tmp_path / "bad.zip"), "--key", pin, code=1).stdout
    assert "[removed]" in told
    assert told.splitlines()[-1] == "不成立 · DOES NOT HOLD"


def test_a_dry_run_counts_and_writes_nothing(vault, tmp_path):
    out = tmp_path / "log.zip"
    told = json.loads(vault("log", "export", *ALL, "--dry-run", "--json", out).stdout)
    assert told["dry_run"] is True
    assert told["events"] > 0
    assert told["extends"] is None
    assert "events would be exported" in vault("log", "export", *ALL, "--dry-run", out).stdout
    assert not out.exists()


def test_an_export_tells_programs_what_it_did(vault, tmp_path):
    told = json.loads(vault("log", "export", *ALL, "--json", "--action", "vault.init", tmp_path / "a.zip").stdout)
    assert told == {"events": 1, "file": str(tmp_path / "a.zip"), "dry_run": False}


def test_a_file_that_is_there_is_never_written_over(vault, tmp_path):
    out = tmp_path / "log.zip"
    out.write_text("mine")
    assert "file_exists" in vault("log", "export", *ALL, out, code=2).stderr
    assert out.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_said_and_leaves_nothing(vault, tmp_path):
    assert "file_unwritable" in vault("log", "export", *ALL, tmp_path / "no" / "log.zip", code=2).stderr
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--from", "2026-11-02", "--to", "2026-11-01"), 1, "span_empty"),
        (("--from", "x", "--to", "2026-11-01"), 1, "wrong_form"),
        ((*ALL, "--actor", "KF0000"), 1, "nobody_of_that_name"),
        ((*ALL, "--action", "x.y"), 1, "not_on_list"),
        ((*ALL, "--format", "xml"), 2, "xml"),
        (("--from", "2026-11-02"), 2, "--to"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_no_file(vault, tmp_path, arguments, code, said):
    assert said in vault("log", "export", *arguments, tmp_path / "log.zip", code=code).stderr
    assert not list(tmp_path.glob("log.zip*"))


def test_a_key_without_a_bundle_is_a_usage_error(vault, pin):
    assert "BUNDLE?" in vault("log", "verify", "--key", pin, code=2).stderr


def test_the_command_and_the_single_file_say_the_same(vault, pin, tmp_path, capsys):
    vault("log", "export", *ALL, tmp_path / "log.zip")
    told = vault("log", "verify", tmp_path / "log.zip", "--key", pin).stdout
    assert verify_log.main([str(tmp_path / "log.zip"), "--key", str(pin)]) == 0
    assert capsys.readouterr().out == told
