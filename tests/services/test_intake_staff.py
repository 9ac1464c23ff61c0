import pytest

from tests.colleagues import OWNER, ask, at_work, grant
from tests.services.staff_at_work import ADMIN, in_use
from tests.simulator import DATA, staff_row
from vault.services import api_tokens
from vault.services.sessions import person_of


def test_the_staff_of_the_set_are_invited_with_their_outlets_and_teams(world):
    rows = world.rows("SELECT work_number, role, outlet, team, state FROM accounts ORDER BY work_number")
    assert rows[1] == ("KF2001", "agent", "NJ-GL-01", "T1", "invited")
    assert len(rows) == 15
    summary, *each = world.events("import.staff")
    assert summary["facts"] == {"added": 14, "updated": 0, "unchanged": 0}
    assert [one["facts"] for one in each] == [{"account": row[0], "account_role": row[1]} for row in rows[1:]]


def test_importing_again_changes_nothing(world):
    report = world.load("staff", DATA / "staff.csv")
    assert (report.unchanged, report.added, report.updated, report.clean) == (14, 0, 0, True)


def test_who_gets_another_role_is_in_the_log_by_name_and_signed_out(world):
    world.activate("KF2001")
    token = world.sign_in("KF2001").token
    world.load_rows("staff", [staff_row("KF2001", role="admin") | {"name": "窦然可"}])
    assert world.events("import.staff")[-1]["facts"] == {"account": "KF2001", "account_role": "admin"}
    assert person_of(world.parts, token, "10.0.0.1", world.now) is None


def test_another_role_ends_what_the_old_one_was_granted_and_another_team_does_not(world):
    at_work(world)
    row = world.customer(owner=OWNER)
    grant(world, OWNER, ask(world, row["phone"]))
    named = staff_row("KF2001") | {"name": "窦然可"}
    for changes, ended in (({"team": "T9"}, 0), ({"role": "complaint_specialist"}, 1)):
        assert world.load_rows("staff", [named | changes]).updated == 1
        assert world.rows("SELECT count(*) FROM grants WHERE ended_at IS NOT NULL") == [(ended,)]


@pytest.mark.parametrize("role", ["supervisor", "admin"])
def test_a_program_is_not_made_to_lead_or_administer_by_a_file(world, role):
    in_use(world, ADMIN)
    api_tokens.make_service_account(
        world.parts, world.person(ADMIN), "BOT01", "查件机器人", "agent", "NJ-GL-01", world.now
    )
    report = world.load_rows("staff", [staff_row("BOT01", role=role)])
    assert [(one.line, one.reason, one.field) for one in report.faults] == [(2, "role_not_for_programs", "role")]
    assert world.rows("SELECT role FROM accounts WHERE work_number = 'BOT01'") == [("agent",)]


def test_who_moved_is_updated_and_keeps_account_and_state(world):
    world.activate("KF2001")
    before = world.rows("SELECT account_id, password FROM accounts WHERE work_number = 'KF2001'")
    report = world.load_rows("staff", [staff_row("kf2001", team="T9") | {"name": "窦然可"}])
    assert (report.updated, report.added) == (1, 0)
    after = world.rows("SELECT account_id, password FROM accounts WHERE work_number = 'KF2001'")
    assert after == before
    assert world.rows("SELECT team, state FROM accounts WHERE work_number = 'KF2001'") == [("T9", "active")]


@pytest.mark.parametrize(
    ("row", "reason", "column"),
    [
        (staff_row("KF1", role="boss"), "unknown_role", "角色"),
        (staff_row(""), "value_missing", "工号"),
        (staff_row("王小明"), "not_a_work_number", "工号"),
        (staff_row("K" * 33), "not_a_work_number", "工号"),
        (staff_row("KF1", outlet="南京"), "not_a_code", "网点"),
        (staff_row("KF1", team="T1 13912340001"), "not_a_code", "班组"),
    ],
)
def test_one_bad_row_keeps_the_whole_file_out(sqlite_world, row, reason, column):
    report = sqlite_world.load_rows("staff", [staff_row("KF3001"), row])
    assert [(one.line, one.reason, one.column) for one in report.faults] == [(3, reason, column)]
    assert (report.added, report.clean) == (0, False)
    assert sqlite_world.count("accounts") == 15


def test_a_work_number_twice_is_a_bad_row(sqlite_world):
    report = sqlite_world.load_rows("staff", [staff_row("KF3001"), staff_row("kf3001")])
    assert [one.reason for one in report.faults] == ["same_work_number"]


def test_a_dry_run_stores_and_logs_nothing(sqlite_world):
    before = len(sqlite_world.events())
    report = sqlite_world.load_rows("staff", [staff_row("KF3001"), staff_row("KF2001", team="T9")], dry_run=True)
    assert (report.added, report.updated) == (1, 1)
    assert sqlite_world.count("accounts") == 15
    assert len(sqlite_world.events()) == before


def test_a_mapping_without_words_for_roles_refuses_unknown_ones(sqlite_world, tmp_path):
    text = (DATA.parents[1] / "policies/mappings/staff.toml").read_text(encoding="utf-8")
    (tmp_path / "plain.toml").write_text(text.partition("[values.role]")[0], encoding="utf-8")
    report = sqlite_world.load_rows("staff", [staff_row("KF3001", role="客服")], mapping_file=tmp_path / "plain.toml")
    assert [one.reason for one in report.faults] == ["unknown_role"]
    assert sqlite_world.load_rows("staff", [staff_row("KF3001")], mapping_file=tmp_path / "plain.toml").added == 1
