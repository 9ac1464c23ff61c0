from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from vault.errors import StorageUnavailable
from vault.storage import job_runs
from vault.storage.tables import job_runs as table
from vault.storage.unit_of_work import unit_of_work

AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SLOT = int(AT.timestamp())
MINUTE, HOUR, DAY = 60, 3600, 86400
LATER = AT + timedelta(seconds=5)


def claim(database, now=AT, job="sweep", every=MINUTE, node="one"):
    return job_runs.claim(database, job, int(now.timestamp()) // every * every, every, now, node)


def run(database, now=AT, job="sweep", every=MINUTE):
    claimed = claim(database, now, job, every)
    job_runs.finish(database, claimed, now)
    return claimed


def rows(database):
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(table.c.job, table.c.slot))]


def slots(database):
    return [row[1] for row in rows(database)]


def test_a_run_is_claimed_once(database):
    assert claim(database) == job_runs.Claim("sweep", SLOT, missed=0, late=False)
    assert claim(database) is None
    assert claim(database, LATER, node="two") is None
    assert rows(database) == [("sweep", SLOT, AT, None, False, "one")]


def test_each_run_has_a_row_of_its_own(database):
    job_runs.finish(database, claim(database), LATER)
    run(database, AT + timedelta(seconds=MINUTE))
    assert [row[1:4] for row in rows(database)] == [
        (SLOT, AT, LATER),
        (SLOT + MINUTE, AT + timedelta(seconds=MINUTE), AT + timedelta(seconds=MINUTE)),
    ]


def test_an_earlier_run_is_not_claimed_after_a_later_one(database):
    claim(database, AT + timedelta(seconds=MINUTE))
    assert claim(database) is None


def test_jobs_do_not_get_in_each_others_way(database):
    assert claim(database)
    assert claim(database, job="checkpoint")


def test_the_first_run_of_all_is_never_late(database):
    assert not claim(database, AT + timedelta(hours=2), every=DAY).late


def test_runs_that_were_missed_are_made_up_for_by_one_that_says_so(database):
    run(database)
    claimed = run(database, AT + timedelta(seconds=4 * MINUTE + 7))
    assert (claimed.missed, claimed.late) == (3, True)
    assert not run(database, AT + timedelta(seconds=5 * MINUTE)).late
    assert [row[4] for row in rows(database)] == [False, True, False]


@pytest.mark.parametrize(("seconds", "late"), [(300, False), (301, True)])
def test_a_run_that_begins_more_than_five_minutes_after_its_time_is_late(database, seconds, late):
    run(database, AT, every=HOUR)
    claimed = claim(database, AT + timedelta(seconds=HOUR + seconds), every=HOUR)
    assert (claimed.missed, claimed.late) == (0, late)


@pytest.mark.parametrize(("seconds", "again"), [(-1, False), (0, True)])
def test_a_run_that_was_killed_is_given_again_after_a_while_and_is_late(database, seconds, again):
    claim(database, every=DAY)
    now = AT + job_runs.KILLED_AFTER + timedelta(seconds=seconds)
    claimed = claim(database, now, every=DAY, node="two")
    assert (claimed is not None) is again
    if again:
        assert claimed.late
        assert claim(database, now, every=DAY) is None
        assert [row[2:] for row in rows(database)] == [(now, None, True, "two")]


def test_a_run_that_is_done_is_not_given_again(database):
    run(database, every=DAY)
    assert claim(database, AT + timedelta(hours=2), every=DAY) is None


def test_what_a_killed_run_left_is_made_up_for_by_the_next(database):
    claim(database)
    assert claim(database, AT + timedelta(seconds=MINUTE)).late


def test_a_clock_that_was_far_ahead_claims_nothing_of_now(database):
    ahead = AT + timedelta(days=400)
    run(database, ahead)
    claimed = claim(database)
    assert claimed is not None
    job_runs.finish(database, claimed, LATER)
    assert slots(database) == [SLOT]
    assert claim(database, ahead) is not None, "its real time has a run of its own"


def test_a_run_begun_by_a_clock_some_hours_ahead_is_given_again_the_same_day(database):
    claim(database, AT + timedelta(hours=8), every=DAY)
    assert claim(database, AT, every=DAY) is not None


def test_a_clock_that_is_a_little_ahead_counts(database):
    claim(database, AT + timedelta(minutes=9))
    assert claim(database) is None


def test_the_last_runs_of_each_job_are_kept_and_no_others(database, monkeypatch):
    monkeypatch.setattr(job_runs, "KEPT", 3)
    run(database, job="other")
    for number in range(6):
        run(database, AT + timedelta(seconds=number * MINUTE))
    assert slots(database) == [SLOT, *(SLOT + number * MINUTE for number in (3, 4, 5))]


def test_of_many_that_claim_at_once_one_gets_the_run(database):
    for minutes in (0, 1, 500):
        now = AT + timedelta(minutes=minutes)

        def one(number, now=now):
            return claim(database, now, node=str(number))

        with ThreadPoolExecutor(8) as threads:
            assert sum(claimed is not None for claimed in threads.map(one, range(8))) == 1


def test_of_many_that_take_up_a_killed_run_one_gets_it(database):
    claim(database, every=DAY)
    now = AT + job_runs.KILLED_AFTER
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda number: claim(database, now, every=DAY, node=str(number)), range(8)))
    assert sum(claimed is not None for claimed in claims) == 1


def test_a_database_that_does_not_answer_is_told_and_not_taken_for_a_claim(database):
    with unit_of_work(database) as work:
        if not database.is_sqlite:
            work.connection.exec_driver_sql("LOCK TABLE job_runs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StorageUnavailable):
            claim(database)


def test_a_long_name_of_a_node_is_cut(database):
    claim(database, node="n" * 300)
    assert rows(database)[0][-1] == "n" * 64


def test_the_last_run_of_each_job_is_told(database):
    run(database)
    claim(database, AT + timedelta(hours=1))
    run(database, job="checkpoint")
    with database.read() as connection:
        told = job_runs.last_runs(connection)
        assert [(one.job, one.started_at, one.finished_at, one.late) for one in told] == [
            ("checkpoint", AT, AT, False),
            ("sweep", AT + timedelta(hours=1), None, True),
        ]
        assert job_runs.late_since(connection, AT + timedelta(hours=1)) == 1
        assert job_runs.late_since(connection, AT + timedelta(hours=1, seconds=1)) == 0
