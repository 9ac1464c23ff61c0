"""The operator's commands: exit codes 0 done or holds, 1 refused or found something, 2 usage or cannot judge."""

import json
import shutil
import sqlite3

import pytest
from click.testing import CliRunner

from tests.rewinding import happen
from tests.simulator import DATA, customer_row, write_file
from tests.terminal import stand_at
from tests.worlds import sqlite_world, templates
from vault.cli import main

__all__ = ["sqlite_world", "templates"]

DEFECTS = DATA / "defects"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command on the vault in the environment; nothing of the machine's own settings counts."""
    stand_at(tmp_path / "none", monkeypatch)

    def command(*arguments, code=0):
        result = CliRunner().invoke(main, [str(one) for one in arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return result

    return command


@pytest.fixture
def vault(sqlite_world, run, monkeypatch):
    """The commands over a vault with the staff of the set, which nobody else has open."""
    sqlite_world.close()
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(sqlite_world.config.data_dir))
    return run


def execute(world, statement):
    connection = sqlite3.connect(world.place.file)
    connection.execute(statement)
    connection.commit()
    connection.close()


# -- set up ------------------------------------------------------------------------------------------------------


def test_init_shows_the_first_secret_once_and_refuses_a_second_run(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DATAVAULT_DATA_DIR", str(tmp_path / "fresh"))
    assert "ADMIN01" in run("init").stdout
    assert "already_initialised" in run("init", code=2).stderr
    run("log", "verify")


def test_commands_without_a_vault_cannot_start(run):
    for command in (["log", "verify"], ["run-due"], ["user", "list"], ["keys", "status"], ["user", "invite", "X"]):
        assert "no_vault_here" in run(*command, code=2).stderr


def test_a_setting_that_cannot_be_used_is_named(run, monkeypatch):
    monkeypatch.setenv("DATAVAULT_WORKERS", "many")
    assert "DATAVAULT_WORKERS" in run("run-due", code=2).stderr


def test_every_command_has_help(run):
    def walk(command, path):
        assert "--help" in run(*path, "--help").stdout
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, [*path, name])

    walk(main, [])


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["import", "staff"], ["import", "staff", "/no/such/file"], ["log"]]
)
def test_usage_that_makes_no_sense_is_two(run, arguments):
    assert run(*arguments, code=2).output.startswith("Usage: ")


# -- import ------------------------------------------------------------------------------------------------------


def test_the_set_is_imported_in_order_and_again_without_change(vault):
    files = {"customers": "customers", "shipments": "shipments", "service-records": "service_records"}
    for name, file in files.items():
        report = json.loads(vault("import", name, DATA / f"{file}.csv", "--json").stdout)
        assert (report["bad"], report["clean"], report["dry_run"]) == (0, True, False)
    again = json.loads(vault("import", "shipments", DATA / "shipments.csv", "--json").stdout)
    assert (again["unchanged"], again["added"]) == (400, 0)
    assert json.loads(vault("log", "verify", "--json").stdout)["holds"]


def test_an_import_with_a_bad_row_is_one_and_names_line_column_and_reason_only(vault):
    told = vault("import", "customers", DEFECTS / "customers-wrong-id-check-digit-line-6.csv", code=1)
    assert "line 6" in told.stdout
    assert "证件号码" in told.stdout
    line = (DEFECTS / "customers-wrong-id-check-digit-line-6.csv").read_text(encoding="utf-8").splitlines()[5]
    assert not [cell for cell in line.split(",") if len(cell) > 5 and cell in told.output]


def test_a_dry_run_stores_nothing(vault, sqlite_world, tmp_path):
    file = write_file(tmp_path / "customers.csv", "customer", [customer_row()])
    assert "nothing was stored" in vault("import", "customers", file, "--dry-run").stdout
    sqlite_world.restart()
    assert sqlite_world.count("records") == 0


def test_a_mapping_that_is_wrong_cannot_start(vault, tmp_path):
    (tmp_path / "broken.toml").write_text("[mapping")
    wrong = ("--mapping", tmp_path / "broken.toml")
    assert "mapping" in vault("import", "staff", DATA / "staff.csv", *wrong, code=2).stderr


# -- the log -----------------------------------------------------------------------------------------------------


def test_verify_ends_with_its_verdict_and_says_where_it_looked(vault, sqlite_world):
    told = vault("log", "verify").stdout.splitlines()
    assert told[-1] == "HOLDS"
    assert str(sqlite_world.config.checkpoint_dir / "checkpoint") in "\n".join(told)


def test_one_changed_byte_is_one_and_names_the_entry(vault, sqlite_world):
    execute(sqlite_world, "UPDATE log_events SET event_id = zeroblob(16) WHERE leaf_index = 1")
    report = json.loads(vault("log", "verify", "--json", code=1).stdout)
    assert (report["holds"], report["first_bad_entry"]) == (False, 1)
    assert vault("log", "verify", code=1).stdout.splitlines()[-1] == "DOES NOT HOLD"


def test_tiles_that_do_not_fit_the_events_are_one_and_named_by_their_entries(vault, sqlite_world):
    sqlite_world.restart()
    happen(sqlite_world, 800 - sqlite_world.count("log_events"))
    sqlite_world.settle()
    sqlite_world.close()
    assert vault("log", "verify").stdout.splitlines()[-1] == "HOLDS"
    execute(sqlite_world, "UPDATE log_tiles SET middle = zeroblob(512) WHERE number = 0")
    execute(sqlite_world, "DELETE FROM log_tiles WHERE number = 1")
    execute(sqlite_world, "UPDATE log_tiles SET number = 40 WHERE number = 2")
    told = vault("log", "verify", code=1).stdout
    assert told.splitlines()[-1] == "DOES NOT HOLD"
    for words in (
        "tile 0 of level 0, over entries 0 to 255: not what the events give",
        "tiles 1 to 2 of level 0, over entries 256 to 767: not there",
        "1 tiles are of no entries",
    ):
        assert words in told


@pytest.mark.parametrize("what", ["checkpoint", "checkpoint.pin"])
def test_without_the_files_outside_nobody_can_judge(vault, sqlite_world, what):
    (sqlite_world.config.checkpoint_dir / what).unlink()
    assert vault("log", "verify", code=2).stdout.splitlines()[-1] == "CANNOT JUDGE"


def test_a_pin_that_is_no_key_cannot_judge(vault, sqlite_world):
    (sqlite_world.config.checkpoint_dir / "checkpoint.pin").write_bytes(b"\xff nonsense")
    assert vault("log", "verify", code=2).stdout.splitlines()[-1] == "CANNOT JUDGE"


def test_a_rewound_database_does_not_hold_and_no_other_command_starts(vault, sqlite_world, tmp_path):
    shutil.copyfile(sqlite_world.place.file, tmp_path / "old")
    vault("user", "invite", "KF2001")
    shutil.copyfile(tmp_path / "old", sqlite_world.place.file)
    assert "rolled_back" in vault("log", "verify", "--json", code=1).stdout
    for command in (["user", "invite", "KF2001"], ["log", "checkpoint"], ["import", "staff", DATA / "staff.csv"]):
        assert "database_rewound" in vault(*command, code=2).stderr


def test_a_database_that_does_not_answer_cannot_be_judged(vault, sqlite_world):
    other = sqlite3.connect(sqlite_world.place.file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "[log_not_written]" in vault("log", "verify", code=2).output
    other.close()


def test_a_checkpoint_is_printed_as_a_note(vault):
    assert "datavault.local/" in vault("log", "checkpoint").stdout
    signed = json.loads(vault("log", "checkpoint", "--json").stdout)
    assert signed["size"] > 0
    assert signed["key"].startswith(signed["origin"])


# -- the rest ----------------------------------------------------------------------------------------------------


def test_invite_prints_a_secret_and_list_shows_no_name(vault):
    assert len(json.loads(vault("user", "invite", "kf2001", "--json").stdout)["secret"]) >= 20
    vault("user", "invite", "KF9999", code=1)
    listed = vault("user", "list").stdout
    assert "KF2001" in listed
    assert "窦然可" not in listed
    assert len(json.loads(vault("user", "list", "--json").stdout)) == 15


def test_due_jobs_policy_keys_schema_and_doctor_answer(vault):
    assert {one["outcome"] for one in json.loads(vault("run-due", "--json").stdout)} <= {"done", "taken"}
    assert json.loads(vault("policy", "check", "--json").stdout)["holds"]
    status = json.loads(vault("keys", "status", "--json").stdout)
    assert status["cohorts"]["customer"]["count"] >= 25
    current = json.loads(vault("db", "current", "--json").stdout)
    assert current["current"] == current["head"]
    vault("db", "upgrade")
    assert isinstance(json.loads(vault("doctor", "--json").stdout), list)
    for command in (["run-due"], ["policy", "check"], ["keys", "status"], ["db", "current"], ["doctor"]):
        assert vault(*command).stdout


def test_a_policy_that_contradicts_itself_is_found(run, tmp_path, monkeypatch):
    shutil.copytree(DATA.parents[1] / "policies", tmp_path / "policies")
    (tmp_path / "policies" / "roles.toml").write_text("[agent]\n")
    monkeypatch.setenv("DATAVAULT_POLICIES_DIR", str(tmp_path / "policies"))
    run("policy", "check", code=1)
    assert not json.loads(run("policy", "check", "--json", code=1).stdout)["holds"]
    monkeypatch.setenv("DATAVAULT_POLICIES_DIR", str(tmp_path / "nowhere"))
    run("policy", "check", code=2)


def test_the_doctor_finds_what_is_wrong(vault, sqlite_world):
    sqlite_world.config.root_key_file.chmod(0o644)
    assert "key_too_open" in vault("doctor", code=1).stdout


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_both_languages_speak(vault, monkeypatch, language):
    monkeypatch.setenv("DATAVAULT_LANG", language)
    said = vault("log", "verify").stdout
    assert any("\u4e00" <= sign <= "\u9fff" for sign in said) == (language == "zh-CN")
