"""``datavault keys rotate-signing``: told first, done with --yes, seen by every other command."""

import json

import pytest

from tests.test_cli import run, vault
from tests.worlds import sqlite_world, templates
from vault.crypto.key_store_files import KeyStoreFiles

__all__ = ["run", "sqlite_world", "templates", "vault"]


def told(result):
    return json.loads(result.stdout)


def test_without_yes_it_only_tells(vault, sqlite_world):
    files = [sqlite_world.config.key_copies[0] / "store" / "keystore", sqlite_world.config.checkpoint_dir / "keys"]
    before = [one.exists() and one.read_bytes() for one in files]
    for options in ((), ("--dry-run",), ("--dry-run", "--yes")):
        said = vault("keys", "rotate-signing", *options).stdout
        assert "Would replace it" in said
        assert "Nothing was changed" in said
        document = told(vault("keys", "rotate-signing", "--json", *options))
        assert (document["rotated"], document["unfinished"]) == (False, False)
        assert document["key_id"] in said
    assert [one.exists() and one.read_bytes() for one in files] == before


def test_with_yes_it_is_done_and_every_command_goes_on(vault, sqlite_world, tmp_path):
    old = told(vault("keys", "rotate-signing", "--json"))
    vault("log", "export", "--from", "2020-01-01", "--to", "2040-01-01", tmp_path / "before.zip")
    done = told(vault("keys", "rotate-signing", "--yes", "--json"))
    assert (done["rotated"], done["old_key"], done["unfinished"]) == (True, old["key_id"], False)
    assert done["key"].split("+")[1] == done["new_key"] != done["old_key"]
    said = vault("log", "verify").stdout
    assert f"Signing key {done['old_key']} was replaced by {done['new_key']} at {done['size']} entries" in said
    (change,) = told(vault("log", "verify", "--json"))["keys"]
    assert (change["old"], change["new"], change["size"]) == (done["old_key"], done["new_key"], done["size"])

    signed = told(vault("log", "checkpoint", "--json"))
    assert signed["key"] == done["key"]
    assert len(signed["keys"]) == 1
    assert "key-change " in signed["keys"][0]

    status = told(vault("keys", "status", "--json"))
    assert status["pin"] == done["key"]
    assert (status["signing"]["key"], status["signing"]["days"]) == (done["new_key"], 0)
    assert [one["old"] for one in status["signing"]["changes"]] == [done["old_key"]]
    plain = vault("keys", "status").stdout
    for part in ("This key has signed for 0 days", "Key statements", "Signing key: only in the key store"):
        assert part in plain
    found = next(one for one in vault("doctor").stdout.splitlines() if "Signing key" in one)
    assert done["new_key"] in found

    vault("log", "export", "--from", "2020-01-01", "--to", "2040-01-01", tmp_path / "after.zip")
    for pin in (old["key"], done["key"]):
        assert "HOLDS" in vault("log", "verify", tmp_path / "after.zip", "--key", pin).stdout
    vault("log", "verify", tmp_path / "before.zip", "--key", done["key"], code=1)
    statements = ("--keys", sqlite_world.config.checkpoint_dir / "keys")
    vault("log", "verify", tmp_path / "before.zip", "--key", done["key"], *statements)
    assert "--keys" in vault("log", "verify", *statements, code=2).stderr


def test_what_was_done_says_what_to_do_next_in_both_languages(vault, monkeypatch):
    said = vault("keys", "rotate-signing", "--yes").stdout
    assert "New pin: datavault.local/" in said
    assert "Give the new pin to every auditor" in said
    monkeypatch.setenv("DATAVAULT_LANG", "zh-CN")
    assert "新的固定公钥" in vault("keys", "rotate-signing", "--yes").stdout


def test_one_that_was_interrupted_is_named_everywhere_and_ended(vault, monkeypatch):
    def killed(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(KeyStoreFiles, "finish_signing_key", killed)
        vault("keys", "rotate-signing", "--yes", code=1)
    assert "begun and not ended" in vault("keys", "rotate-signing").stdout
    assert "begun and not ended" in vault("keys", "status").stdout
    assert "rotate-signing --yes" in vault("doctor").stdout
    before = told(vault("keys", "rotate-signing", "--json"))
    assert before["unfinished"]
    done = told(vault("keys", "rotate-signing", "--yes", "--json"))
    assert (done["key"], done["unfinished"]) == (before["key"], False)
    assert "begun" not in vault("keys", "status").stdout
    vault("log", "verify")


@pytest.mark.parametrize("file", ["store/keystore", "epoch/epoch"])
def test_with_a_copy_away_it_cannot(vault, sqlite_world, file):
    lost = sqlite_world.config.key_copies[1] / file
    lost.rename(lost.with_name("away"))
    assert "_missing" in vault("keys", "rotate-signing", "--yes", code=2).stderr


def test_a_key_store_from_before_is_refused_with_its_reason(vault, sqlite_world):
    copies = [copy / name for copy in sqlite_world.config.key_copies for name in ("store/keystore", "epoch/epoch")]
    older = [one.read_bytes() for one in copies]
    database = sqlite_world.place.file
    before = database.read_bytes()
    vault("keys", "rotate-signing", "--yes")
    for path, content in zip(copies, older, strict=True):
        path.write_bytes(content)
    database.write_bytes(before)
    for left in database.parent.glob(f"{database.name}-*"):
        left.unlink()
    result = vault("keys", "rotate-signing", "--yes", code=2)
    assert "database_rewound" in result.stderr  # the memory outside knows more than this database
    assert "signing_key_replaced" in vault("doctor", code=1).stdout
