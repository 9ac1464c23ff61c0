"""`datavault retention certificate`: shown, written as a folder or a ZIP, and judged elsewhere."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from tests import destroying
from tests.destroying import approved, drafted, fill
from tests.test_cli import run, vault
from tests.worlds import sqlite_world, templates
from vault import verify_log

__all__ = ["run", "sqlite_world", "templates", "vault"]

FILES = {"certificate.json", "certificate.tlog-proof", "event.json", "verify_log.py"}


@pytest.fixture
def plan(sqlite_world, monkeypatch):
    """A plan that was carried out and has no certificate yet."""
    monkeypatch.setenv("DATAVAULT_LANG", "en")
    sqlite_world.now = datetime.now(UTC) - timedelta(hours=2)
    fill(sqlite_world)
    plan_id = approved(sqlite_world)
    destroying.run(sqlite_world, plan_id)
    return plan_id.hex()


@pytest.fixture
def pin(sqlite_world):
    return sqlite_world.config.checkpoint_dir / "checkpoint.pin"


def holds(path, pin, capsys):
    assert verify_log.main([str(path), "--key", str(pin)]) == 0
    return capsys.readouterr().out.splitlines()[-1].startswith("成立 · HOLDS")


def test_a_plan_that_was_carried_out_is_certified_and_shown(plan, vault):
    told = json.loads(vault("retention", "certificate", plan, "--json").stdout)
    assert (told["kind"], told["about"], told["is_final"]) == ("erased", plan, False)
    assert told["statement"]["counts"]["customer"] == {"destroyed": 4, "held": 0, "kept": 0}
    assert {one["class"] for one in told["final"]} == {"customer", "shipment", "service_record"}
    again = json.loads(vault("retention", "certificate", told["certificate"], "--json").stdout)
    assert again == told


def test_people_read_the_same_in_words(plan, vault):
    out = vault("retention", "certificate", plan).stdout
    for words in ("erased from the engine", "Customer: 4 destroyed, 0 held, 0 kept", "passed", "backups made before"):
        assert words in out


@pytest.mark.parametrize("name", ["home", "home.zip"])
def test_what_is_written_holds_elsewhere_and_is_its_owners_only(plan, vault, pin, tmp_path, capsys, name):
    told = json.loads(vault("retention", "certificate", plan, "--out", tmp_path / name, "--json").stdout)
    assert told["out"] == str(tmp_path / name)
    if name == "home":
        assert {one.name for one in (tmp_path / name).iterdir()} == FILES
        assert {stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / name).iterdir()} == {0o600}
    else:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert holds(tmp_path / name, pin, capsys)
    said = vault("log", "verify", tmp_path / name, "--key", pin).stdout
    assert "销毁证明" in said
    assert said.splitlines()[-1].startswith("成立 · HOLDS")


def test_nothing_is_written_over(plan, vault, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.zip").write_text("mine")
    for name in ("mine", "mine.zip"):
        assert "file_exists" in vault("retention", "certificate", plan, "--out", tmp_path / name, code=2).stderr
    assert not list((tmp_path / "mine").iterdir())
    assert "file_unwritable" in vault("retention", "certificate", plan, "--out", tmp_path / "a" / "b", code=2).stderr


def test_what_has_no_certificate_is_refused(plan, vault, sqlite_world):
    sqlite_world.restart()
    fill(sqlite_world)
    unfinished = drafted(sqlite_world).hex()
    sqlite_world.close()
    assert "[certificate]" in vault("retention", "certificate", "0" * 32, code=1).stderr
    assert "[plan_not_done]" in vault("retention", "certificate", unfinished, code=1).stderr
    vault("retention", "certificate", "nonsense", code=2)


def test_taking_it_is_an_event_and_the_operator_is_named(plan, vault, sqlite_world, tmp_path):
    vault("retention", "certificate", plan, "--out", tmp_path / "home")
    (event,) = sqlite_world.events("destruction.certificate_taken")
    assert event["actor"].startswith("operator:")
    (issued,) = sqlite_world.events("destruction.certified")
    assert issued["facts"]["plan"] == plan
    assert issued["actor"] == event["actor"]
