import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select, text

from tests.factories import NOW, account, event
from vault.domain.ids import new_id
from vault.domain.log import Opened, Outcome
from vault.errors import LogUnavailable, ReceiptError
from vault.storage.disclosures import Bound
from vault.storage.engine import Database
from vault.storage.group_commit import GroupCommit
from vault.storage.tables import case_records, cases, disclosures, log_inbox

BOUND_SECONDS = 2.0
FAR_OFF = 3600.0


@pytest.fixture
def writer(database):
    made = GroupCommit(database)
    yield made
    made.close()


def inbox(database):
    with database.read() as connection:
        return {bytes(row) for row in connection.execute(select(log_inbox.c.canonical)).scalars()}


def refused_within_the_bound(writer):
    started = time.monotonic()
    with pytest.raises(LogUnavailable):
        writer.write(event())
    return time.monotonic() - started < BOUND_SECONDS


def count_commits(database):
    commits = []
    sqlalchemy_event.listen(database.engine, "commit", commits.append)
    return commits


def test_a_receipt_means_that_the_event_is_durable_and_covers_what_it_announced(database, writer):
    record_id = new_id()
    announced = event(Opened(record_id, "customer", ("name", "phone")))
    receipt = writer.write(announced)
    assert inbox(database) == {announced.canonical()}
    assert receipt.event_id == announced.event_id
    receipt.take(record_id, ["phone"])
    with pytest.raises(ReceiptError):
        receipt.take(record_id, ["phone"])


def test_rows_that_belong_to_the_event_are_in_its_transaction(database, writer):
    opener = account(database)
    case_id = new_id()
    case = {
        "case_id": case_id,
        "purpose": "query",
        "opened_by": opener,
        "opened_at": NOW,
        "closed_at": None,
        "held_by": opener,
    }
    writer.write(event(), {cases: [case]})
    with database.read() as connection:
        assert connection.execute(select(cases.c.case_id)).scalar_one() == case_id


def test_a_case_that_two_requests_bind_to_one_record_at_once_is_bound_once_and_refuses_neither(database, writer):
    case_id, first, second = new_id(), new_id(), new_id()
    opener = account(database)
    case = {
        "case_id": case_id,
        "purpose": "query",
        "opened_by": opener,
        "opened_at": NOW,
        "closed_at": None,
        "held_by": opener,
    }

    def bound(*records):
        return {case_records: [{"case_id": case_id, "record_id": one} for one in records]}

    writer.write(event(), {cases: [case]})
    together = gather(writer, [(event(), bound(first, second)), (event(), bound(second, first))])
    assert together == [None, None]
    writer.write(event(), bound(first))
    with database.read() as connection:
        rows = connection.execute(select(case_records)).all()
    assert {tuple(row) for row in rows} == {(case_id, first), (case_id, second)}
    assert len(inbox(database)) == 5


def test_many_threads_share_few_commits(database, writer):
    commits = count_commits(database)
    together = threading.Barrier(16)

    def request(_: int) -> set[bytes]:
        written = [event() for _ in range(10)]
        together.wait()
        for one in written:
            writer.write(one)
        return {one.canonical() for one in written}

    with ThreadPoolExecutor(16) as threads:
        sent = set().union(*threads.map(request, range(16)))
    assert inbox(database) == sent
    assert len(sent) == 160
    assert len(commits) < 120


def gather(writer, contributions):
    """Hand over several contributions while the writer is kept busy, so that they share one commit.

    Each is an event, rows, and a bound where there is one.
    """
    with ThreadPoolExecutor(len(contributions) + 1) as threads:
        with writer._database.write() as connection:
            connection.execute(text("DELETE FROM log_inbox WHERE arrival < 0"))
            _block(connection)
            first = threads.submit(writer.write, event())
            time.sleep(0.15)
            others = [threads.submit(writer.write, *one) for one in contributions]
            time.sleep(0.15)
            connection.rollback()
        first.result()
        return [other.exception() for other in others]


def _block(connection):
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE job_runs, cases IN ACCESS EXCLUSIVE MODE"))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"purpose": "query", "opened_by": new_id()},
        {"purpose": None, "opened_by": None},
        {"purpose": object(), "opened_by": None},
    ],
    ids=["a reference to nobody", "a missing value", "a value of no known type"],
)
def test_one_contribution_that_cannot_be_stored_does_not_fail_the_others(database, writer, spoilt):
    opener = account(database)

    def case(**changes):
        row = {
            "case_id": new_id(),
            "purpose": "query",
            "opened_by": opener,
            "opened_at": NOW,
            "closed_at": None,
            "held_by": opener,
        }
        return {cases: [row | changes]}

    good, bad, last = event(), event(), event()
    outcomes = gather(writer, [(good, case()), (bad, case(**spoilt)), (last, case())])
    assert [type(outcome) for outcome in outcomes] == [type(None), LogUnavailable, type(None)]
    written = inbox(database)
    assert {good.canonical(), last.canonical()} <= written
    assert bad.canonical() not in written


def look_up_of(account_id, hour=3, day=3, at=NOW):
    """Return a look-up as it is handed over: the event, the row by which it counts, the bound with its refusal."""
    made = event(Opened(new_id(), "customer", ("name",)))
    row = {"disclosure_id": made.event_id, "account_id": account_id, "at": at, "kind": "lookup", "record_id": None}
    refusal = event(outcome=Outcome.REFUSED, rule="quota_lookups")
    return made, {disclosures: [row]}, Bound(account_id, at, hour, day, refusal)


def counted(database):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(disclosures)).scalar_one()


def test_look_ups_of_one_account_in_one_commit_count_together_and_those_of_another_by_themselves(database, writer):
    one, other = account(database), account(database, "KF1002")
    many = [look_up_of(who) for who in (one, other, one, one, other, one, one)]
    assert gather(writer, many) == [None] * 7
    written = inbox(database)
    kept = [each for each in many if each[0].canonical() in written]
    refused = [each for each in many if each[2].refusal.canonical() in written]
    assert Counter(bound.account_id for _, _, bound in kept) == {one: 3, other: 2}
    assert [bound.account_id for _, _, bound in refused] == [one, one]
    assert counted(database) == 5


def test_a_refusal_in_place_of_an_event_opens_nothing_and_brings_no_rows(database, writer):
    who = account(database)
    first, second = look_up_of(who, hour=1), look_up_of(who, hour=1)
    assert writer.write(*first).event_id == first[0].event_id
    receipt = writer.write(*second)
    assert receipt.event_id == second[2].refusal.event_id
    with pytest.raises(ReceiptError):
        receipt.take(second[0].opened[0].record_id, ["name"])
    assert counted(database) == 1


@pytest.mark.parametrize(("hour", "day", "span"), [(1, 2, 3600), (9, 1, 86400)])
def test_a_bound_is_free_again_to_the_second(database, writer, hour, day, span):
    who = account(database)
    writer.write(*look_up_of(who, hour, day))
    for late, within in ((span - 1, False), (span, True)):
        asked = look_up_of(who, hour, day, NOW + timedelta(seconds=late))
        assert (writer.write(*asked).event_id == asked[0].event_id) is within


def test_what_is_no_look_up_counts_for_no_bound(database, writer):
    who = account(database)
    _, rows, _ = look_up_of(who)
    writer.write(event(), {disclosures: [rows[disclosures][0] | {"kind": "search"}]})
    asked = look_up_of(who, hour=1)
    assert writer.write(*asked).event_id == asked[0].event_id


def test_a_look_up_that_shared_a_commit_with_one_that_could_not_be_stored_is_judged_anew(database, writer):
    who = account(database)
    spoilt = look_up_of(who, hour=1)
    spoilt[1][disclosures][0]["kind"] = "no such kind"
    fine = look_up_of(who, hour=1)
    outcomes = gather(writer, [spoilt, fine])
    assert [type(outcome) for outcome in outcomes] == [LogUnavailable, type(None)]
    assert fine[0].canonical() in inbox(database)
    assert counted(database) == 1


def test_the_writer_lives_on_after_an_error_nobody_foresaw(database, writer, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", lambda: 1 / 0)
        with pytest.raises(LogUnavailable):
            writer.write(event())
    writer.write(event())


def test_a_closed_writer_refuses(database):
    writer = GroupCommit(database)
    writer.write(event())
    writer.close()
    with pytest.raises(LogUnavailable) as raised:
        writer.write(event())
    assert raised.value.reason == "log_writer_closed"
    assert len(inbox(database)) == 1


def test_closing_writes_what_still_waits(sqlite_place, sqlite_database):
    writer = GroupCommit(sqlite_database)
    with ThreadPoolExecutor(4) as threads:
        with closing(sqlite3.connect(sqlite_place.file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = [threads.submit(writer.write, event()) for _ in range(4)]
            time.sleep(0.2)
            other.rollback()
        writer.close()
        receipts = [one.result() for one in waiting]
    assert len(receipts) == len(inbox(sqlite_database)) == 4


def test_a_full_disk_makes_the_log_unavailable_until_there_is_room(sqlite_place):
    database = Database(sqlite_place.url, pool_size=1)
    writer = GroupCommit(database)
    with database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    written = 0
    with suppress(LogUnavailable):
        for _ in range(200):
            writer.write(event())
            written += 1
    assert written < 200
    assert len(inbox(database)) == written
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    writer.write(event())
    assert len(inbox(database)) == written + 1
    writer.close()
    database.dispose()


def test_a_locked_sqlite_makes_the_log_unavailable_within_two_seconds(sqlite_place, sqlite_database):
    writer = GroupCommit(sqlite_database)
    with closing(sqlite3.connect(sqlite_place.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert refused_within_the_bound(writer)
    writer.write(event())
    writer.close()


def test_a_hanging_postgresql_makes_the_log_unavailable_within_two_seconds(postgresql_place, postgresql_database):
    writer = GroupCommit(postgresql_database)
    writer.write(event())
    with postgresql_database.read() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    os.kill(backend, signal.SIGSTOP)
    try:
        assert refused_within_the_bound(writer)
        writer.write(event())  # over another connection: the one that hung was closed
    finally:
        os.kill(backend, signal.SIGCONT)
    receipt = writer.write(event())
    assert receipt.event_id.hex().encode() in b"".join(inbox(postgresql_database))
    writer.close()


def test_a_deleted_database_makes_the_log_unavailable(sqlite_place, sqlite_database):
    writer = GroupCommit(sqlite_database)
    writer.write(event())
    sqlite_place.file.unlink()
    assert refused_within_the_bound(writer)
    writer.close()


# -- what the process itself has to say ------------------------------------------------------------------------------


class Words:
    """What a process has to say: one event at a time, until it is durable."""

    def __init__(self, *events):
        self.waiting = list(events)

    def event(self):
        return self.waiting[0] if self.waiting else None

    def written(self):
        self.waiting.pop(0)


def until(happened):
    for _ in range(200):
        if happened():
            return True
        time.sleep(0.01)
    return False


def test_a_process_that_is_due_speaks_in_the_commit_of_a_request_and_makes_none_of_its_own(sqlite_database):
    words = Words(event())
    writer = GroupCommit(sqlite_database, words, 0.3)
    commits = count_commits(sqlite_database)
    with ThreadPoolExecutor(2) as threads:
        with sqlite_database.write():  # keeps the writer busy with one request until its process is due
            requests = [threads.submit(writer.write, event())]
            time.sleep(0.2)
            requests.append(threads.submit(writer.write, event()))
            time.sleep(0.2)
        assert all(one.result() for one in requests)
    assert until(lambda: not words.waiting)
    assert (len(inbox(sqlite_database)), len(commits)) == (3, 2)
    writer.close()


def test_a_process_does_not_speak_before_it_is_due_but_in_the_end(sqlite_database):
    word = event()
    words = Words()
    writer = GroupCommit(sqlite_database, words, FAR_OFF)
    writer.write(event())
    words.waiting.append(word)
    writer.write(event())
    assert words.waiting == [word]  # not due
    writer.close()
    assert words.waiting == []
    assert word.canonical() in inbox(sqlite_database)


def test_a_process_without_a_request_speaks_when_it_is_due_and_not_before(database):
    word = event()
    words = Words(word)
    started = time.monotonic()
    writer = GroupCommit(database, words, 0.2)
    assert until(lambda: not words.waiting)
    assert time.monotonic() - started >= 0.2
    assert inbox(database) == {word.canonical()}
    writer.close()


def test_closing_writes_the_last_word_with_what_still_waits_and_may_be_repeated(database):
    word = event()
    writer = GroupCommit(database, Words(word), FAR_OFF)
    writer.close()
    writer.close()
    assert inbox(database) == {word.canonical()}


def test_a_process_that_has_nothing_to_say_writes_nothing(database):
    writer = GroupCommit(database, Words(), 0.01)
    time.sleep(0.1)
    writer.close()
    assert inbox(database) == set()


def test_a_word_that_could_not_be_written_is_asked_for_again(sqlite_place, sqlite_database):
    word = event()
    words = Words(word)
    with closing(sqlite3.connect(sqlite_place.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = GroupCommit(sqlite_database, words, 0.05)
        time.sleep(2.0)  # longer than the writer's patience
        assert words.waiting == [word]
        other.rollback()
    assert until(lambda: not words.waiting)
    assert inbox(sqlite_database) == {word.canonical()}
    writer.close()


def test_a_request_that_cannot_be_stored_does_not_silence_the_process(database):
    word, bad = event(), event()
    words = Words()
    writer = GroupCommit(database, words, FAR_OFF)
    case = {"case_id": new_id(), "purpose": None, "opened_by": None, "opened_at": NOW, "closed_at": None}
    words.waiting.append(word)
    with pytest.raises(LogUnavailable):
        writer.write(bad, {cases: [case | {"held_by": None}]})
    writer.close()
    assert inbox(database) == {word.canonical()}
