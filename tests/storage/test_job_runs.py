from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import select

from tests.factories import NOW
from vault.storage import job_runs
from vault.storage.tables import job_runs as table

LATER = NOW + timedelta(seconds=5)


def rows(database):
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(table.c.job))]


def test_a_run_is_claimed_once(database):
    assert job_runs.claim(database, "sweep", 60, NOW)
    assert not job_runs.claim(database, "sweep", 60, NOW)
    assert rows(database) == [("sweep", 60, NOW, None)]


def test_the_next_run_takes_the_place_of_the_last(database):
    job_runs.claim(database, "sweep", 60, NOW)
    job_runs.finish(database, "sweep", 60, LATER)
    assert rows(database) == [("sweep", 60, NOW, LATER)]
    assert job_runs.claim(database, "sweep", 120, LATER)
    assert rows(database) == [("sweep", 120, LATER, None)]


def test_an_earlier_run_is_not_claimed_after_a_later_one(database):
    job_runs.claim(database, "sweep", 120, NOW)
    assert not job_runs.claim(database, "sweep", 60, NOW)


def test_jobs_do_not_get_in_each_others_way(database):
    assert job_runs.claim(database, "sweep", 60, NOW)
    assert job_runs.claim(database, "checkpoint", 60, NOW)


def test_finishing_a_run_that_was_overtaken_changes_nothing(database):
    job_runs.claim(database, "sweep", 120, NOW)
    job_runs.finish(database, "sweep", 60, LATER)
    assert rows(database) == [("sweep", 120, NOW, None)]


def test_of_many_that_claim_at_once_one_gets_the_run(database):
    for slot in (60, 120):
        with ThreadPoolExecutor(8) as threads:
            claims = list(threads.map(lambda _, slot=slot: job_runs.claim(database, "sweep", slot, NOW), range(8)))
        assert claims.count(True) == 1
