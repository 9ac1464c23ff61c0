"""Each night the vault verifies its own log: what it finds is told once, and stays to be seen."""

import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.rewinding import OldCopy, accepted, happen, work
from tests.services.breach.test_signals import notices, opened, raised
from tests.simulator import NOW
from tests.test_jobs import ended, in_another_process
from vault import jobs
from vault.domain.compliance import Standing
from vault.domain.log_checkpoints import Checkpoint
from vault.domain.rules.signals import SignalName
from vault.services import compliance, log, readiness
from vault.services.breach import signals
from vault.services.log import Actor
from vault.services.steps.signing import signer
from vault.storage import job_runs, log_checks, vault_state
from vault.storage.log_anchors import Anchors, FolderAnchor

AGENT, OFFICER, AUDITOR = "KF2001", "KF2012", "KF2014"
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LINE = [one for one in jobs.TIMETABLE if one.name == "log_check"]
OPERATOR = Actor("operator:test", "operator", node="test")
HALF_PAST_THREE = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)  # in Shanghai, the night after NOW


def run(world, now=None):
    (ran,) = jobs.run_due(world.parts, now or world.now, LINE)
    return ran


def night(world):
    """Let a night pass: the log is verified, and signals are looked for."""
    world.now += DAY
    assert run(world).outcome == "done"
    return signals.tend(world.parts, world.now)


def told(world):
    """Return what the last verification says."""
    return world.events("log.verify")[-1]


def altered(world, index):
    """Alter one entry, and return what was there."""
    ((old,),) = world.rows("SELECT canonical FROM log_events WHERE leaf_index = :index", index=index)
    put(world, index, bytes(old).replace(b"system", b"sYstem").replace(b"operator", b"oPerator"))
    return bytes(old)


def put(world, index, canonical):
    sql = "UPDATE log_events SET canonical = :new WHERE leaf_index = :index"
    assert world.tamper(sql, new=canonical, index=index) == 1


def last(world):
    with world.parts.database.read() as connection:
        return log_checks.last_check(connection)


# -- when ---------------------------------------------------------------------------------------------------------


def test_it_runs_once_a_night_at_the_time_of_the_policy_in_the_companys_zone(world):
    assert run(world).outcome == "done"
    ran = [run(world, moment).outcome for moment in (HALF_PAST_THREE - SECOND, HALF_PAST_THREE, HALF_PAST_THREE)]
    assert ran == ["taken", "done", "taken"]


@pytest.mark.parametrize("at", ["00:00", "11:00", "11:01", "23:59"])
def test_the_time_is_for_the_policy_to_say(sqlite_world, at):
    policy = sqlite_world.parts.policy
    policy = replace(policy, log=replace(policy.log, verify_at=at))
    due = datetime.fromtimestamp(LINE[0].slot(NOW, policy), policy.zone)
    assert due.strftime("%H:%M") == at
    assert timedelta() <= NOW - due < DAY


def test_nights_that_were_slept_through_are_made_up_for_once(world):
    run(world)
    ran = run(world, HALF_PAST_THREE + 3 * DAY + timedelta(hours=2))
    assert (ran.outcome, ran.late, ran.missed) == ("done", True, 3)
    assert len(world.events("log.verify")) == 2


def test_two_processes_verify_it_once(world):
    children = [in_another_process(world, run) for _ in range(2)]
    assert [ended(child) for child in children] == [0, 0]
    assert len(world.events("log.verify")) == 1


class Killing:
    """Writes nothing: the process is killed between the verdict and its event."""

    def write(self, event):
        del event
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_verification_that_was_killed_is_done_by_the_next_run(world):
    def killed(other):
        other.parts = replace(other.parts, log_writer=Killing())
        run(other)

    assert ended(in_another_process(world, killed)) == signal.SIGKILL
    assert (run(world).outcome, world.events("log.verify")) == ("taken", [])
    ran = run(world, NOW + job_runs.KILLED_AFTER)
    assert (ran.outcome, ran.late, told(world)["outcome"]) == ("done", True, "done")


# -- what comes of it ---------------------------------------------------------------------------------------------


def test_a_log_that_holds_is_an_event_of_the_system_and_no_signal(world):
    size = world.settle()
    assert night(world) == 0
    event = told(world)
    assert (event["actor"], event["role"], event["outcome"]) == ("system", "system", "done")
    assert (event["facts"]["size"], event["facts"]["count"], event["facts"]["unchanged"]) == (size, 0, 0)
    assert (last(world).holds, last(world).at) == (True, world.now)


def test_an_altered_entry_opens_one_incident_and_is_told_once_however_often_it_is_found(world):
    world.settle()
    altered(world, 3)
    assert night(world) == 1
    ((one, _),) = opened(world)
    assert (one.kind.value, one.aware_source.value, one.drill) == ("alteration", "signal", False)
    assert (notices(world, AUDITOR), notices(world, OFFICER).count("incident_opened")) == (["signal_raised"], 1)
    for _ in range(2):
        assert night(world) == 0
        assert (told(world)["outcome"], told(world)["facts"]["unchanged"]) == ("failed", 1)
    world.tamper("UPDATE incidents SET state = 'closed', closed_at = opened_at")
    assert night(world) == 0
    assert len(opened(world)) == 1
    assert notices(world, AUDITOR) == ["signal_raised"]
    assert not last(world).holds


def test_one_more_altered_entry_is_told_although_the_first_one_is_still_there(world):
    world.settle()
    altered(world, 3)
    assert night(world) == 1
    altered(world, 5)
    assert night(world) == 1
    assert len(opened(world)) == 1
    assert [one.found.name for one in raised(world)] == [SignalName.LOG_VERIFICATION] * 2


def test_what_was_put_right_and_altered_again_is_told_again(world):
    world.settle()
    old = altered(world, 3)
    assert night(world) == 1
    put(world, 3, old)
    assert night(world) == 0
    assert last(world).holds
    altered(world, 3)
    assert night(world) == 1


def test_what_only_the_search_terms_show_is_found_too_and_an_auditors_quick_look_does_not_hide_it(world):
    world.settle()
    world.tamper("DELETE FROM log_terms WHERE leaf_index = 3")
    assert night(world) == 1
    quick = log.verify(world.parts)
    assert quick.holds
    log.record_verification(world.parts, world.person(AUDITOR).actor(), quick, world.now)
    assert "digest" not in told(world)["facts"]
    world.settle()
    assert not last(world).holds
    assert night(world) == 0


def test_what_the_operator_finds_at_the_terminal_is_not_told_again_by_the_night(world):
    world.settle()
    altered(world, 3)
    found = log.verify(world.parts, with_terms=True)
    log.record_verification(world.parts, OPERATOR, found, world.now)
    assert signals.tend(world.parts, world.now) == 1
    assert night(world) == 0


def test_a_log_that_nobody_can_judge_is_told_once(world):
    world.settle()
    world.parts.log_files.pin.unlink()
    assert [night(world) for _ in range(3)] == [1, 0, 0]
    assert told(world)["facts"] == {"size": 0, "count": 0, "digest": "0" * 64, "unchanged": 1}


def test_an_altered_event_of_a_verification_stops_neither_the_next_nor_the_signals(world):
    world.settle()
    altered(world, 3)
    run(world)
    index = world.settle() - 1
    happen(world, 1)  # with the last entry that was signed the database itself would be refused
    world.settle()
    ((old,),) = world.rows("SELECT canonical FROM log_events WHERE leaf_index = :index", index=index)
    put(world, index, bytes(old).replace(b'"facts"', b'"fakes"'))
    assert last(world) is None
    assert night(world) == 1
    assert (told(world)["outcome"], told(world)["facts"]["unchanged"]) == ("failed", 0)


class Meanwhile:
    """A database in which something else happens as soon as somebody has begun to read."""

    def __init__(self, database, happens):
        self._database, self._happens = database, [happens]

    @contextmanager
    def read(self):
        with self._database.read() as connection:
            connection.execute(text("SELECT count(*) FROM log_events"))
            while self._happens:
                self._happens.pop()()
            yield connection


def test_look_ups_and_the_signing_of_the_log_go_on_while_it_is_read(world):
    row = world.customer(owner=AGENT)
    size = world.settle()

    def work():
        assert world.look_up(AGENT, row["phone"]).cards
        assert world.settle() > size

    verdict = log.check(replace(world.parts, database=Meanwhile(world.parts.database, work)), world.now)
    assert (verdict.holds, verdict.report.size) == (True, size)


# -- the checkpoint that lies elsewhere -------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def sent_to(world, folder):
    """Let the world send its checkpoints to another folder, too."""
    anchors = Anchors(world.config.checkpoint_dir, [FolderAnchor(folder)])
    world.parts = replace(world.parts, anchors=anchors)
    return folder / "checkpoint"


def signed(world, size, root):
    """Sign a checkpoint as whoever has the key can."""
    with world.parts.database.read() as connection:
        origin = vault_state.read(connection).origin
        return signer(world.parts, connection).sign(Checkpoint(origin, size, root, world.parts.ledger.head()).body())


def found_by(world):
    verdict = log.check(world.parts, world.now)
    return [(one.kind, one.index) for one in verdict.report.findings]


def test_a_checkpoint_sent_elsewhere_that_still_fits_is_no_finding_however_old_it_is(world, elsewhere):
    kept = sent_to(world, elsewhere)
    world.settle()
    assert kept.read_text("utf-8") == world.parts.log_files.checkpoint.read_text("utf-8")
    old = kept.read_bytes()
    happen(world, 5)
    world.settle()
    kept.write_bytes(old)
    assert found_by(world) == []


def test_a_history_that_was_signed_anew_with_the_stolen_key_does_not_fit_the_checkpoint_elsewhere(world, elsewhere):
    kept, size = sent_to(world, elsewhere), world.settle()
    kept.write_text(signed(world, size - 2, bytes(32)), "utf-8")
    ((kind, index),) = found_by(world)
    assert kind == "forked"
    assert index < size - 2
    assert signals.tend(world.parts, world.now) == 1


def test_a_checkpoint_elsewhere_of_more_entries_than_there_are_says_that_the_log_went_back(world, elsewhere):
    kept, size = sent_to(world, elsewhere), world.settle()
    kept.write_text(signed(world, size + 9, bytes(32)), "utf-8")
    assert found_by(world) == [("rolled_back", size)]


@pytest.mark.parametrize("content", ["no note", "a\n1\nb\n\n\u2014 a b\n"])
def test_what_lies_elsewhere_and_is_no_checkpoint_of_ours_is_named(sqlite_world, elsewhere, content):
    kept = sent_to(sqlite_world, elsewhere)
    sqlite_world.settle()
    kept.write_text(content, "utf-8")
    assert found_by(sqlite_world) == [("bad_checkpoint", None)]


@pytest.mark.parametrize("there", ["empty", "nothing", "no folder"])
def test_a_place_that_has_nothing_to_say_is_no_finding(sqlite_world, elsewhere, there):
    kept = sent_to(sqlite_world, elsewhere)
    if there == "empty":
        kept.write_text("")
    if there == "no folder":
        elsewhere.rmdir()
    assert found_by(sqlite_world) == []


def test_a_checkpoint_elsewhere_of_what_was_declared_lost_is_left_aside(world, elsewhere, tmp_path):
    world.settle()
    copy = OldCopy(world, tmp_path)
    work(world, 3)
    lost = world.parts.log_files.checkpoint.read_text("utf-8")
    copy.put_back()
    accepted(world)
    world.restart()
    kept = sent_to(world, elsewhere)
    kept.write_text(lost, "utf-8")
    assert found_by(world) == []


# -- where it is seen ---------------------------------------------------------------------------------------------


def with_reason(world):
    (found,) = [one for one in compliance.draw(world.parts, OPERATOR, world.now).answers if one.clause.id == "AC-07"]
    said = {
        one.word: dict(one.facts) for one in found.evidence if one.word.startswith("log_") and one.word != "log_gaps"
    }
    return found.standing, said


def test_the_compliance_report_says_when_it_was_verified_and_what_came_of_it(world):
    assert with_reason(world) == (Standing.IN_LINE, {"log_never_verified": {}})
    night(world)
    assert with_reason(world) == (Standing.IN_LINE, {"log_verified": {"at": "2026-11-21 11:00"}})
    altered(world, 3)
    night(world)
    assert with_reason(world) == (Standing.EXCEPTION, {"log_does_not_verify": {"at": "2026-11-22 11:00"}})


def test_monitoring_is_warned_of_a_log_that_does_not_verify_or_was_not_verified_for_two_days(world):
    run(world)
    world.settle()
    readings = readiness.log_readings(world.parts, NOW + SECOND)
    assert (readings.verified, readings.verified_age_seconds) == (True, 1.0)
    late = NOW + readiness.VERIFIED_WITHIN
    assert readiness.warning(world.parts, NOW) is None
    assert readiness.warning(world.parts, late) == "timetable_stands_still"
    assert readiness.warning(world.parts, late + SECOND) == "log_not_verified"
    altered(world, 3)
    night(world)
    assert readiness.warning(world.parts, world.now) == "log_not_verified"
    assert readiness.log_readings(world.parts, world.now).verified is False
