import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from tests.factories import NOW, event
from vault.domain.log_tree import leaf_hash
from vault.errors import StorageError
from vault.storage import log
from vault.storage.engine import PATIENCE_SECONDS, Database
from vault.storage.tables import log_events, log_inbox
from vault.storage.unit_of_work import unit_of_work


def announce(database, *events):
    with unit_of_work(database) as work:
        work.announce(*events)
        work.commit()


def ordered(database):
    with database.read() as connection:
        rows = connection.execute(select(log_events.c.leaf_index, log_events.c.canonical).order_by("leaf_index"))
        return [(index, bytes(canonical)) for index, canonical in rows]


def waiting(database):
    with database.read() as connection:
        return log.waiting(connection)


def test_an_empty_inbox_orders_nothing(database):
    assert log.order(database) == 0
    with database.read() as connection:
        assert log.size(connection) == 0


def test_events_get_dense_places_from_zero_in_the_order_they_arrived(database):
    first, second, third = event(), event(), event()
    announce(database, first, second)
    assert log.order(database) == 2
    announce(database, third)
    assert log.order(database) == 1
    assert ordered(database) == list(enumerate(one.canonical() for one in (first, second, third)))
    assert waiting(database) == 0


def test_beside_each_event_stand_its_leaf_hash_and_its_id(database):
    one = event()
    announce(database, one)
    log.order(database)
    canonical = one.canonical()
    with database.read() as connection:
        [row] = [row for batch in log.all_events(connection) for row in batch]
        assert connection.execute(select(log_events.c.event_id)).scalar_one() == one.event_id
    assert row == (0, canonical, leaf_hash(canonical))


def test_who_stops_reading_half_way_can_ask_again_on_the_same_connection(database):
    announce(database, *[event() for _ in range(10)])
    log.order(database)
    with database.read() as connection:
        reading = log.all_events(connection, batch=2)
        assert [row[0] for row in next(reading)] == [0, 1]
        reading.close()
        assert log.size(connection) == 10
        assert sum(map(len, log.all_events(connection, batch=3))) == 10


def test_reading_the_whole_log_leaves_the_map_and_the_cache_of_a_connection_as_they_were(sqlite_database):
    announce(sqlite_database, event())
    log.order(sqlite_database)
    names = ("mmap_size", "cache_size")

    def settings(connection):
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    with sqlite_database.read() as connection:
        before = settings(connection)
        for _ in log.all_events(connection):
            assert settings(connection) == [0, -512]
        assert settings(connection) == before
        assert min(before, key=abs) != 0


def test_more_events_than_one_batch_are_ordered_in_one_call(database, monkeypatch):
    monkeypatch.setattr(log, "_BATCH", 7)
    announce(database, *[event() for _ in range(20)])
    assert log.order(database) == 20
    assert [index for index, _ in ordered(database)] == list(range(20))


def test_several_threads_that_write_and_order_at_once_lose_and_double_nothing(database):
    together = threading.Barrier(6)

    def write(_: int) -> list[bytes]:
        together.wait()
        sent = []
        for _ in range(15):
            one = event()
            announce(database, one)
            log.order(database)
            sent.append(one.canonical())
        return sent

    with ThreadPoolExecutor(6) as threads:
        sent = [canonical for part in threads.map(write, range(6)) for canonical in part]
    log.order(database)
    rows = ordered(database)
    assert [index for index, _ in rows] == list(range(90))
    assert sorted(canonical for _, canonical in rows) == sorted(sent)
    assert waiting(database) == 0


def test_who_orders_waits_for_another_at_it_so_that_what_was_committed_before_has_its_place(database):
    announce(database, event())
    with ThreadPoolExecutor(1) as other:
        with unit_of_work(database) as work:
            log._wait_for_turn(work.connection)
            asked = other.submit(log.order, database)
            with pytest.raises(TimeoutError):
                asked.result(timeout=0.3)
        assert asked.result(timeout=30) == 1
    assert waiting(database) == 0


def write_and_order(url: str, count: int) -> None:
    database = Database(url)
    for _ in range(count):
        announce(database, event())
        log.order(database)
    database.dispose()


def test_several_processes_that_order_at_once_keep_the_log_dense(place, database):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=write_and_order, args=(place.url, 60)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    log.order(database)
    assert [index for index, _ in ordered(database)] == list(range(120))
    assert waiting(database) == 0


def test_a_long_transaction_does_not_delay_the_order_of_other_events(postgresql_database):
    slow, quick = event(), event()
    with unit_of_work(postgresql_database) as work:
        work.connection.execute(insert(log_inbox), [{"canonical": slow.canonical()}])
        started = time.monotonic()
        announce(postgresql_database, quick)
        assert log.order(postgresql_database) == 1
        assert time.monotonic() - started < PATIENCE_SECONDS
        work.commit()
    assert log.order(postgresql_database) == 1
    assert ordered(postgresql_database) == [(0, quick.canonical()), (1, slow.canonical())]


def test_the_same_event_twice_stops_the_ordering_and_leaves_both_in_the_inbox(database):
    one = event()
    announce(database, one, one)
    with pytest.raises(StorageError) as raised:
        log.order(database)
    assert raised.value.reason == "conflict"
    assert (ordered(database), waiting(database)) == ([], 2)


def test_leaf_hashes_come_from_the_canonical_bytes_of_the_asked_range(database):
    events = [event() for _ in range(5)]
    announce(database, *events)
    log.order(database)
    with database.read() as connection:
        assert log.leaf_hashes(connection, 1, 4) == [leaf_hash(one.canonical()) for one in events[1:4]]
        assert log.leaf_hashes(connection, 5, 9) == []


def test_all_events_come_in_order_in_batches(database):
    announce(database, *[event() for _ in range(10)])
    log.order(database)
    with database.read() as connection:
        batches = list(log.all_events(connection, batch=4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert [row[0] for batch in batches for row in batch] == list(range(10))


def test_a_checkpoint_of_a_size_is_kept_once(database):
    with unit_of_work(database) as work:
        log.add_checkpoint(work.connection, 5, "second", NOW)
        log.add_checkpoint(work.connection, 2, "first", NOW)
        log.add_checkpoint(work.connection, 5, "another", NOW + timedelta(seconds=1))
        work.commit()
    with database.read() as connection:
        assert log.checkpoint_notes(connection) == ["first", "second"]
