"""Each process counts its openings into the log, and whoever judges the log finds the path that had no receipt."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests.bundles import Bundle
from tests.simulator import NOW
from tests.terminal import stand_at
from vault import bootstrap
from vault.cli import main, output
from vault.crypto.opening_counts import COUNTS
from vault.doctor import examine
from vault.domain.compliance import Standing
from vault.domain.log import Action, Actor, Event, Outcome
from vault.domain.log_exports import log_question
from vault.services import compliance, log_export
from vault.services.steps.counting import Counting
from vault.storage.engine import Database
from vault.storage.group_commit import GroupCommit
from vault.verify_log import judge_bundle

AGENT, AUDITOR = "KF2001", "KF2014"

CHILD = """
import dataclasses, sys, threading, time
from pathlib import Path
from tests.conftest import Place
from tests.simulator import World, settings, NOW
from vault.services.steps.counting import Counting
from vault.storage.group_commit import GroupCommit
folder, url, owner, phone, work = sys.argv[1:]
place = Place(url, owner)
world = World(settings(Path(folder), place), place)

def look_up(times):
    for _ in range(times):
        assert world.look_up("KF2001", phone).cards

def past_the_door():
    '''What no code of ours does: take a data key without a receipt.'''
    with world.parts.database.read() as connection:
        store = world.parts.keys.current(connection)
        found = connection.exec_driver_sql("SELECT cohort_id, record_id, wrapped FROM wrapped_keys").first()
    cohort, record, wrap = map(bytes, found)
    store.keys_of(cohort)._unwrap(b"\\x00\\x10" + record, wrap)

exec(work)
world.close()
"""
"""A process of its own, whose work is given: a run that unwraps too often must not be the run of the other tests."""


def process(world, phone, work, **options):
    command = [sys.executable, "-c", CHILD, str(world.config.data_dir), world.place.url, world.place.owner_url, phone]
    return subprocess.Popen([*command, work], stdout=subprocess.PIPE, text=True, **options)


def in_a_process(world, phone, work):
    child = process(world, phone, work)
    child.communicate(timeout=60)
    assert child.returncode == 0


def counted(world):
    return [one["facts"] for one in world.events("log.counted")]


def found(world):
    world.settle()
    return [(one.kind, one.index, one.words) for one in world.verify().report.findings]


def place_of(world, event_id):
    with world.parts.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT leaf_index, canonical FROM log_events").all()
    return next(index for index, canonical in rows if json.loads(canonical)["id"] == event_id)


@contextmanager
def counting_often(world):
    """The same vault, counting a hundred times in a second instead of once in a minute."""
    database = Database(world.place.url)
    counting = Counting("test", world.parts.policy.digest, lambda: world.now)
    writer = GroupCommit(database, counting, 0.01)
    kept, world.parts = world.parts, replace(world.parts, log_writer=writer)
    try:
        yield writer
    finally:
        writer.close()
        world.parts = kept
        database.dispose()


# -- what a process says -------------------------------------------------------------------------------------------


def test_look_ups_in_several_threads_count_as_many_unwraps_as_receipts(world):
    row = world.customer()
    before = COUNTS.snapshot()
    with counting_often(world), ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: world.look_up(AGENT, row["phone"]), range(12)))
    assert all(one.cards for one in answers)
    last = counted(world)[-1]
    assert last == {"run": before.run, "unwraps": before.unwraps + 12, "receipts": before.receipts + 12}
    assert found(world) == []


def test_the_counts_of_a_run_only_grow_and_each_was_within_its_receipts(world):
    row = world.customer()
    with counting_often(world):
        for _ in range(8):
            world.look_up(AGENT, row["phone"])
            time.sleep(0.02)
    told = counted(world)
    assert len(told) > 2
    assert told == sorted(told, key=lambda one: (one["receipts"], one["unwraps"]))
    assert all(one["unwraps"] <= one["receipts"] for one in told)
    assert len({one["run"] for one in told}) == 1


def test_a_count_is_an_event_of_the_system_that_names_nobody_and_no_record(world):
    row = world.customer()
    world.look_up(AGENT, row["phone"])
    world.restart()
    (event,) = world.events("log.counted")
    assert (event["actor"], event["role"], event["node"], event["outcome"]) == ("system", "system", "test", "done")
    assert (event["records"], event["case"], event["session"], event["purpose"]) == ([], "", "", "")
    assert set(event["facts"]) == {"run", "unwraps", "receipts"}
    assert abs(datetime.fromisoformat(event["at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_vault_that_opened_nothing_says_nothing_however_often_it_is_asked(world):
    with counting_often(world):
        world.look_up(AGENT, "13999999999")
        time.sleep(0.1)
    world.restart()
    assert counted(world) == []


def test_what_was_counted_before_the_vault_was_opened_is_not_its_own(world):
    row = world.customer()
    world.look_up(AGENT, row["phone"])
    world.restart()
    assert len(counted(world)) == 1
    world.restart()
    assert len(counted(world)) == 1


def test_between_two_words_of_a_process_lies_a_minute(world):
    row = world.customer()
    for _ in range(3):
        world.look_up(AGENT, row["phone"])
    assert counted(world) == []
    world.restart()
    assert len(counted(world)) == 1


def test_an_idle_process_says_it_when_its_time_has_come_without_waiting_for_a_request(world):
    row = world.customer()
    with counting_often(world):
        world.look_up(AGENT, row["phone"])
        for _ in range(100):
            if counted(world):
                break
            time.sleep(0.02)
        assert counted(world)


def test_what_could_not_be_written_is_said_the_next_time(world):
    row = world.customer()
    policy = world.parts.policy.digest
    counting = Counting("test", policy, lambda: NOW)
    world.look_up(AGENT, row["phone"])
    first = counting.event()
    assert counting.event().facts == first.facts
    counting.written()
    assert counting.event() is None
    world.look_up(AGENT, row["phone"])
    assert counting.event().facts["receipts"] == first.facts["receipts"] + 1


def test_the_last_word_of_a_command_is_in_order_and_signed_before_it_exits(world):
    row = world.customer()
    world.settle()
    world.close()
    with output.vault(world.config) as parts:
        kept, world.parts = world.parts, parts
        world.look_up(AGENT, row["phone"])
        world.parts = kept
    world.restart()
    assert world.count("log_inbox") == 0
    assert len(counted(world)) == 1
    verdict = world.verify()
    assert (verdict.holds, verdict.report.unsigned_tail) == (True, 0)


# -- what is found -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_at_once_are_two_runs_and_both_agree(world):
    row = world.customer()
    world.settle()
    children = [process(world, row["phone"], "look_up(3)") for _ in range(2)]
    for child in children:
        child.communicate(timeout=60)
    assert [child.returncode for child in children] == [0, 0]
    told = counted(world)
    assert [(one["unwraps"], one["receipts"]) for one in told] == [(3, 3)] * 2
    assert len({one["run"] for one in told}) == 2
    assert found(world) == []


def test_a_path_that_opens_without_a_receipt_is_found_and_named_by_run_and_node(world):
    row = world.customer()
    in_a_process(world, row["phone"], "look_up(2); past_the_door(); look_up(1)")
    (event,) = world.events("log.counted", "failed")
    run = event["facts"]["run"]
    words = f"in run {run} of node test keys were unwrapped 4 times for 3 receipts used"
    assert found(world) == [("uncounted", place_of(world, event["id"]), words)]


def test_one_such_opening_shows_in_a_process_that_did_nothing_else(world):
    row = world.customer()
    in_a_process(world, row["phone"], "past_the_door()")
    assert [(one["unwraps"], one["receipts"]) for one in counted(world)] == [(1, 0)]
    ((kind, _, words),) = found(world)
    assert (kind, "1 times for 0 receipts" in words) == ("uncounted", True)


def test_the_command_that_judges_the_log_exits_with_one_and_names_it(sqlite_world, monkeypatch):
    row = sqlite_world.customer()
    in_a_process(sqlite_world, row["phone"], "past_the_door()")
    sqlite_world.settle()
    sqlite_world.close()
    stand_at(sqlite_world.config.data_dir, monkeypatch)
    told = CliRunner().invoke(main, ["log", "verify", "--json"])
    assert told.exit_code == 1
    (finding,) = json.loads(told.output)["findings"]
    assert (finding["kind"], "of node test keys were unwrapped 1 times" in finding["words"]) == ("uncounted", True)
    told = CliRunner().invoke(main, ["log", "verify"])
    assert (told.exit_code, "[uncounted]" in told.output) == (1, True)


@pytest.mark.parametrize("actions", [(), ("log.counted",)], ids=["range", "selection"])
def test_a_bundle_of_either_kind_shows_it_to_the_auditor_at_home(sqlite_world, tmp_path, actions):
    world = sqlite_world
    row = world.customer()
    in_a_process(world, row["phone"], "look_up(1); past_the_door()")
    world.settle()
    pin = world.parts.log_files.pin.read_text().strip()
    question = log_question("2020-01-01", "2036-01-01", world.parts.policy.zone, actions=list(actions), table=True)
    bundle = log_export.export(world.parts, world.person(AUDITOR), question, lambda _, word: word, world.now)
    path = Bundle.read(b"".join(bundle.pieces)).written(tmp_path / "bundle.zip")
    judged = judge_bundle(path, pin)
    ((finding,), (event,)) = judged.findings, world.events("log.counted", "failed")
    assert (judged.status, finding.kind, finding.index) == (1, "uncounted", place_of(world, event["id"]))
    assert event["facts"]["run"] in finding.words


@pytest.mark.slow
def test_a_killed_process_loses_its_last_words_and_nothing_is_falsely_found(world):
    row = world.customer()
    work = """
counting = Counting("test", world.parts.policy.digest, lambda: NOW)
writer = GroupCommit(world.parts.database, counting, 0.05)
world.parts = dataclasses.replace(world.parts, log_writer=writer)
look_up(2)
while not world.events("log.counted"):
    time.sleep(0.01)
writer._aside_seconds = 3600
time.sleep(0.2)
look_up(2)
print("ready", flush=True)
time.sleep(60)
"""
    child = process(world, row["phone"], work)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=10)
    told = counted(world)
    assert told
    assert all(one["unwraps"] <= one["receipts"] <= 2 for one in told)  # of the four it made
    assert len(world.events("record.lookup", "granted")) == 4
    assert found(world) == []


# -- where it is shown ---------------------------------------------------------------------------------------------


def say(world, outcome, **facts):
    """Write a count as a process does whose run is over."""
    facts = {"run": "5" * 32} | facts
    event = Event(world.now, Actor("system", "system", node="test"), Action.LOG_COUNTED, outcome, "0" * 64, facts=facts)
    world.parts.log_writer.write(event)


def reasons(world):
    drawn = compliance.draw(world.parts, bootstrap.operator(world.config), world.now)
    told = next(one for one in drawn.answers if one.clause.id == "AC-07")
    return told.standing, {one.word: one.facts.get("count") for one in told.evidence}


def test_the_clause_on_viewing_without_authority_counts_them_for_thirty_days(world):
    assert reasons(world)[1] | {"openings_counted": 0, "openings_without_receipt": 0} == reasons(world)[1]
    say(world, Outcome.DONE, unwraps=7, receipts=7)
    standing, told = reasons(world)
    assert (standing, told["openings_counted"], told["openings_without_receipt"]) == (Standing.IN_LINE, 1, 0)
    say(world, Outcome.FAILED, unwraps=8, receipts=7)
    standing, told = reasons(world)
    assert (standing, told["openings_counted"], told["openings_without_receipt"]) == (Standing.EXCEPTION, 2, 1)
    world.now = NOW + timedelta(days=30)
    assert reasons(world)[0] is Standing.EXCEPTION
    world.now += timedelta(microseconds=1)
    assert reasons(world)[0] is Standing.IN_LINE


def test_the_doctor_names_a_difference_and_what_to_do(sqlite_world):
    def line():
        checks = examine(sqlite_world.config, sqlite_world.now)
        (one,) = [each for each in checks if each.what == "Log: openings beyond receipts"]
        return one.state, one.found, bool(one.fix)

    assert line() == ("ok", "0", False)
    say(sqlite_world, Outcome.FAILED, unwraps=1, receipts=0)
    sqlite_world.settle()
    assert line() == ("bad", "1", True)
