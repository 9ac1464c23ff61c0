import shutil
from dataclasses import asdict, replace
from datetime import timedelta

from tests.conftest import Place
from tests.mailbox import Mailbox, with_mail
from tests.simulator import DATA, NOW, PASSWORD, settings
from tests.worlds import sqlite_world, templates, world
from vault import jobs
from vault.doctor import examine
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.errors import StorageUnavailable
from vault.services import log
from vault.services.breach import incident_reminders, incidents
from vault.services.steps.breach.incidents import Opening

__all__ = ["sqlite_world", "templates", "world"]


def found(config, state=""):
    return {one.what: one for one in examine(config, NOW) if not state or one.state == state}


def test_a_healthy_vault_has_nothing_bad_and_every_other_line_names_its_fix(world):
    world.settle()
    checks = list(examine(world.config, NOW))
    assert not [one for one in checks if one.state == "bad"]
    assert all(one.fix for one in checks if one.state != "ok")
    assert all(not one.fix for one in checks if one.state == "ok")


def test_when_the_log_was_last_verified_is_a_line_of_its_own(world):
    what = "Log: last verified as a whole"
    assert (found(world.config)[what].state, found(world.config)[what].found) == ("warn", "none")
    log.check(world.parts, NOW - timedelta(days=2))
    world.settle()
    assert (found(world.config)[what].state, found(world.config)[what].found) == ("ok", "2026-11-18T03:00:00+00:00")
    log.check(world.parts, NOW - timedelta(days=2, seconds=1))
    world.settle()
    assert found(world.config)[what].state == "warn"
    world.parts.log_files.pin.unlink()
    log.check(world.parts, NOW)
    world.settle()
    assert found(world.config)[what].state == "bad"
    assert "DOES NOT HOLD" in found(world.config)[what].found


def test_every_place_where_something_is_stored_is_named_and_nothing_goes_out(sqlite_world):
    checks = found(sqlite_world.config)
    assert checks["Outbound destinations"].found == "none"
    listed = " ".join(one.found for one in examine(sqlite_world.config, NOW))
    config = sqlite_world.config
    for place in (config.database_url, *config.key_copies, config.root_key_file, config.checkpoint_dir):
        assert str(place) in listed


def test_a_password_in_the_databases_address_is_not_shown():
    url = f"postgresql+psycopg://app:{PASSWORD.replace(' ', '')}@localhost:1/x"
    config = settings(DATA / "nowhere", Place(url, url))
    assert PASSWORD.replace(" ", "") not in str([asdict(one) for one in examine(config, NOW)])


def test_a_vault_that_is_not_there_is_one_bad_line_with_its_reason(sqlite_world):
    sqlite_world.close()
    shutil.rmtree(sqlite_world.config.data_dir / "db")
    assert found(sqlite_world.config, "bad")["Opening the vault"].found == "keys_without_database"


def test_a_key_folder_open_to_others_is_bad(sqlite_world):
    sqlite_world.config.key_copies[0].chmod(0o755)
    assert found(sqlite_world.config, "bad")


def test_a_missing_copy_of_the_keys_is_bad(sqlite_world):
    shutil.rmtree(sqlite_world.config.key_copies[1])
    bad = found(sqlite_world.config, "bad")
    assert {"Store: key store copy", "Opening the vault"} <= set(bad)


def test_a_database_that_went_back_in_time_is_bad(sqlite_world, tmp_path):
    world = sqlite_world
    world.settle()
    world.close()
    shutil.copyfile(world.place.file, tmp_path / "old")
    world.restart()
    world.look_up("KF2001", "13999999999")
    world.settle()
    world.close()
    shutil.copyfile(tmp_path / "old", world.place.file)
    assert any("rewound" in one.found + one.fix for one in found(world.config, "bad").values())


def test_the_doctor_changes_nothing(sqlite_world):
    before = sqlite_world.rows("SELECT count(*) FROM log_inbox"), sqlite_world.count("log_events")
    list(examine(sqlite_world.config, NOW))
    assert (sqlite_world.rows("SELECT count(*) FROM log_inbox"), sqlite_world.count("log_events")) == before


def test_a_place_elsewhere_is_named_and_its_fault_is_a_warning_that_goes_away(sqlite_world, tmp_path):
    world, share = sqlite_world, tmp_path / "share"
    config = replace(world.config, checkpoint_copy_dir=share)
    assert found(world.config)["Checkpoints outside the data folder"].state == "warn"
    world.close()
    world.config = config
    world.restart()
    world.settle()
    checks = found(config)
    assert checks["Checkpoints outside the data folder"].state == "ok"
    assert checks["Store: copies of checkpoints"].found == str(share)
    elsewhere = checks["Log: checkpoints kept elsewhere"]
    assert (elsewhere.state, elsewhere.found.endswith("ENOENT")) == ("warn", True)
    share.mkdir()
    size = world.settle()
    elsewhere = found(config)["Log: checkpoints kept elsewhere"]
    assert (elsewhere.state, elsewhere.found) == ("ok", f"folder:{share} {size}/{size}")
    assert (share / "checkpoint").read_bytes() == world.parts.log_files.checkpoint.read_bytes()


def test_a_syslog_is_an_outbound_destination(sqlite_world):
    config = replace(sqlite_world.config, checkpoint_syslog="udp:127.0.0.1:9")
    assert found(config)["Outbound destinations"].found == "udp:127.0.0.1:9"
    wrong = replace(sqlite_world.config, checkpoint_syslog="somewhere")
    assert found(wrong, "bad")["Opening the vault"].found == "not_a_syslog_address"


def test_a_webhook_is_an_outbound_destination_and_only_its_host_is_told(sqlite_world):
    config = replace(sqlite_world.config, checkpoint_webhook="https://audit.example.com/secret?token=secret")
    checks = found(config)
    assert checks["Outbound destinations"].found == "https://audit.example.com"
    assert checks["Log: checkpoints kept elsewhere"].found.startswith("webhook:https://audit.example.com 0/")
    assert "secret" not in str(checks.values())
    wrong = replace(sqlite_world.config, checkpoint_webhook="http://audit.example.com/secret")
    assert found(wrong, "bad")["Opening the vault"].found == "not_a_webhook_address"


def at(world, what, **later):
    return next(one for one in examine(world.config, NOW + timedelta(**later)) if one.what == what)


def test_mail_is_named_by_its_host_and_roles_and_a_vault_without_it_is_warned(sqlite_world):
    config = sqlite_world.config
    assert (found(config)["Mail"].state, found(config)["Mail"].found) == ("warn", "none")
    url = "smtps://vault:secret@mail.example.com"
    config = replace(config, smtp_url=url, mail_from="vault@example.com", role_mail="imd=duty@example.com")
    checks = found(config)
    assert (checks["Mail"].state, checks["Mail"].found) == ("ok", "smtps://mail.example.com:465 imd")
    assert checks["Outbound destinations"].found == "smtps://mail.example.com:465"
    assert found(replace(config, role_mail=""))["Mail"].state == "warn"
    wrong = found(replace(config, smtp_url="smtp://mail.example.com"), "bad")
    assert (wrong["Mail"].found, wrong["Opening the vault"].found) == ("not_a_mail_server", "not_a_mail_server")
    assert found(replace(config, role_mail="imd=nobody"), "bad")["Mail"].found == "bad_duty_mail"


def test_reminders_that_no_mail_server_took_are_a_warning(sqlite_world):
    assert at(sqlite_world, "Reminders that could not be mailed").state == "ok"
    report = Opening(IncidentKind.LEAK, AwareSource.REPORT)
    incidents.open_one(sqlite_world.parts, sqlite_world.person("KF2012"), report, NOW - timedelta(hours=1))
    with Mailbox() as box:
        box.to_rcpt = lambda _: "550 nobody"
        parts = with_mail(sqlite_world.parts, box, imd="duty@example.com")
        incident_reminders.tend(parts, NOW)
    lost = at(sqlite_world, "Reminders that could not be mailed")
    assert (lost.state, lost.found) == ("warn", "2")


def test_a_timetable_that_stands_still_is_a_warning(world):
    assert at(world, "Timetable: last run").state == "warn"
    jobs.run_due(world.parts, NOW)
    assert at(world, "Timetable: last run", minutes=10).state == "ok"
    still = at(world, "Timetable: last run", minutes=10, seconds=1)
    assert (still.state, still.found) == ("warn", "2026-11-20T03:00:00+00:00")


def test_runs_that_did_not_end_and_late_ones_are_warnings(sqlite_world):
    def fail(_parts, _now):
        raise StorageUnavailable("database_busy")

    world, timetable = sqlite_world, [jobs.Job("a", 60, lambda _parts, _now: None), jobs.Job("b", 86400, fail)]
    jobs.run_due(world.parts, NOW, timetable)
    assert at(world, "Timetable: late runs of the last day").state == "ok"
    jobs.run_due(world.parts, NOW + timedelta(minutes=7), timetable)
    assert at(world, "Timetable: runs that did not end", minutes=29).state == "ok"
    stuck = at(world, "Timetable: runs that did not end", minutes=31)
    assert (stuck.state, stuck.found) == ("warn", "b")
    late = at(world, "Timetable: late runs of the last day", minutes=31)
    assert (late.state, late.found) == ("warn", "1")
