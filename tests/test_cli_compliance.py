"""The compliance report at the terminal."""

import json

import pytest

from tests.simulator import customer_row
from tests.terminal import on_its_day
from tests.test_cli import execute, run, sqlite_world, templates, vault
from vault.domain.compliance import CLAUSES

__all__ = ["run", "sqlite_world", "templates", "vault"]


@pytest.fixture(autouse=True)
def _day(monkeypatch):
    on_its_day(monkeypatch)


def test_the_report_says_every_clause_and_ends_with_the_counts(vault):
    lines = vault("compliance").stdout.splitlines()
    assert sum(line.startswith(("✓", "✗", "–")) for line in lines) == len(CLAUSES)
    assert lines[-1] == "36 in line, 0 with exceptions, 4 not built yet"
    assert lines[1].startswith("Drawn from the checkpoint over ")


def test_an_exception_ends_with_1_in_both_forms(sqlite_world, run, monkeypatch):
    row = customer_row(notice_version="", notice_at="", notice_channel="")
    sqlite_world.customers(row)
    sqlite_world.close()
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(sqlite_world.config.data_dir))
    said = run("compliance", code=1).stdout
    assert "✗ CE-01 [exception]" in said
    document = json.loads(run("compliance", "--json", code=1).stdout)
    assert document["in_line"] is False
    assert [one["clause"] for one in document["clauses"] if one["standing"] == "exception"] == ["CE-01"]
    assert row["phone"] not in said + str(document)


def test_the_checkpoint_it_names_covers_what_it_counts(vault, sqlite_world):
    document = json.loads(vault("compliance", "--json").stdout)
    assert document["checkpoint"]["size"] == document["events"] - 1  # its own event comes after the signing


def test_the_report_speaks_chinese_too(vault, monkeypatch):
    monkeypatch.setenv("DATAVAULT_LANG", "zh-CN")
    said = vault("compliance").stdout
    assert "✓ AC-04 [符合] 账号密码需每 15 天更换一次" in said
    assert "密码有效期 15 天" in said


def test_without_a_vault_it_cannot_judge(run):
    assert "no_vault_here" in run("compliance", code=2).stderr


def test_a_case_left_open_too_long_is_found(vault, sqlite_world):
    execute(
        sqlite_world,
        "INSERT INTO cases SELECT account_id, 'query', account_id, 1, NULL, account_id FROM accounts LIMIT 1",
    )
    assert "✗ CE-02" in vault("compliance", code=1).stdout
