"""What operators are given fits the program: metrics, commands, reasons, database roles."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from vault.cli import main
from vault.storage import schema
from vault.storage.engine import Database

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops"
UNITS = sorted((OPS / "systemd").glob("*.service"))
RULES = [rule for group in yaml.safe_load((OPS / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]]
STOPPING = {"KeyStoreError", "VaultSealed", "SetupError", "SelfTestFailed", "LogUnavailable", "StorageUnavailable"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_watches_metrics_that_are_exported_and_names_a_runbook_that_exists(rule):
    exported = {"up"}
    for name in ("metrics.py", "health.py"):
        for metric in re.findall(
            r'"([a-z_]+(?:_total|_seconds|_size|_verified))"', (ROOT / "vault/web" / name).read_text("utf-8")
        ):
            exported |= {metric, f"{metric}_bucket"}
    watched = set(re.findall(r"\b([a-z_]+)\{", rule["expr"]))
    assert watched
    assert watched <= exported
    assert (ROOT / rule["annotations"].get("runbook", "ops")).exists()


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_exists_behind_closed_doors(unit):
    lines = unit.read_text("utf-8").splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert start.split()[1] in main.commands
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0", "UMask=0077"} <= set(lines)


def test_both_units_are_closed_in_the_same_way():
    closed = [
        {
            line
            for line in unit.read_text("utf-8").splitlines()
            if not re.match(r"#|Description|ExecStart|KillMode", line)
        }
        for unit in UNITS
    ]
    assert len(closed) == 2
    assert closed[0] == closed[1]


def reasons_that_stop_the_vault():
    for path in sorted((ROOT / "vault").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in STOPPING
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield node.args[0].value


@pytest.mark.parametrize("reason", sorted(set(reasons_that_stop_the_vault())))
def test_a_runbook_says_what_to_do_about_every_reason_that_stops_the_vault(reason):
    assert any(f"`{reason}`" in path.read_text("utf-8") for path in (OPS / "runbooks").glob("*.md"))


def test_the_roles_file_makes_a_database_that_the_migrations_and_the_application_can_use(postgres_server):
    source = re.sub(r"(?m)--.*$", "", (OPS / "postgresql" / "roles.sql").read_text("utf-8"))
    statements = [one.strip() for one in source.split(";") if one.strip()]
    # The test server has the two roles already; here the file may only set them to what it says.
    made = [one.replace("CREATE ROLE", "ALTER ROLE") for one in statements]
    assert made != statements
    try:
        for one in made:
            postgres_server.execute(re.sub(r"DATABASE datavault\b", "DATABASE roles_file", one))
        schema.upgrade(postgres_server.url("roles_file", "datavault_owner"))
        database = Database(postgres_server.url("roles_file"))
        try:
            database.check()
            with database.read() as connection:
                assert connection.scalar(text("SELECT count(*) FROM records")) == 0
                assert connection.scalar(text("SHOW log_min_error_statement")) == "panic"
        finally:
            database.dispose()
    finally:
        postgres_server.execute("DROP DATABASE IF EXISTS roles_file WITH (FORCE)")


def test_the_build_script_is_a_script_that_bash_can_read():
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
    packages = [line for line in (OPS / "test-packages.txt").read_text("utf-8").splitlines() if line[:1] != "#"]
    assert packages
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in packages)
