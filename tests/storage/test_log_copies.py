from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.factories import NOW, event
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.records import to_micros
from vault.storage import log, log_copies
from vault.storage.unit_of_work import unit_of_work

NO_EVENT = "a search term is of no event"


def add(database, *events):
    with unit_of_work(database) as work:
        work.announce(*events)
        work.commit()
    log.order(database)


def differences(database):
    with database.read() as connection:
        return log_copies.differences(connection)


def difference(database):
    """Return the one event that differs."""
    [found] = differences(database)
    return found.leaf_index


@pytest.fixture
def tamper(place):
    engine = create_engine(place.owner_url)

    def change(statement, **values):
        with engine.begin() as connection:
            assert connection.execute(text(statement), values).rowcount

    yield change
    engine.dispose()


@pytest.fixture
def four(database):
    """Four events: two look-ups of one agent, a refused one, a reveal of a supervisor."""
    one = new_id()
    times = [NOW + timedelta(seconds=10 * number) for number in range(4)]
    add(
        database,
        event(Opened(one, "customer", ("name",)), at=times[0]),
        event(Opened(new_id(), "customer", ()), at=times[1], purpose="complaint"),
        event(at=times[2], outcome=Outcome.REFUSED),
        event(Opened(one, "customer", ("phone",)), at=times[3], actor=Actor("KF2", "supervisor"), action=Action.REVEAL),
    )
    return database


def test_copies_that_were_not_touched_agree_with_the_events(four):
    assert differences(four) == []


def test_an_empty_log_differs_from_nothing(database):
    assert differences(database) == []


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("DELETE FROM log_terms WHERE leaf_index = 2 AND term = :term", 2),
        ("UPDATE log_terms SET at = at + 1 WHERE leaf_index = 1 AND term = :term", 1),
        ("UPDATE log_terms SET term = :other WHERE leaf_index = 3 AND term = :term", 3),
        ("UPDATE log_terms SET leaf_index = 0 WHERE leaf_index = 2 AND term = :term", 0),
        ("INSERT INTO log_terms SELECT :other, at, leaf_index FROM log_terms WHERE leaf_index = 0 AND term = :term", 0),
        ("UPDATE log_terms SET leaf_index = 4 WHERE leaf_index = 3 AND term = :term", None),
        ("UPDATE log_terms SET leaf_index = -1 WHERE leaf_index = 3 AND term = :term", None),
        ("UPDATE log_terms SET leaf_index = 9223372036854775807 WHERE leaf_index = 3 AND term = :term", None),
        ("UPDATE log_terms SET at = -9223372036854775807 WHERE leaf_index = 3 AND term = :term", 3),
    ],
)
def test_a_term_that_was_changed_is_found_by_the_event_it_is_wrong_for(four, tamper, statement, first):
    values = {name: value for name, value in (("term", b"*"), ("other", b"actor:X")) if f":{name}" in statement}
    tamper(statement, **values)
    assert difference(four) == first


def test_two_terms_that_changed_places_do_not_cancel_out(four, tamper):
    tamper("UPDATE log_terms SET leaf_index = 1 - leaf_index WHERE leaf_index < 2 AND term = :term", term=b"*")
    assert difference(four) == 0


def test_two_times_moved_against_each_other_do_not_cancel_out(four, tamper):
    tamper("UPDATE log_terms SET at = at + 1 - 2 * leaf_index WHERE leaf_index < 2 AND term = :term", term=b"*")
    assert difference(four) == 0


def test_all_terms_of_two_events_exchanged_do_not_cancel_out(four, tamper):
    tamper("DELETE FROM log_terms WHERE leaf_index = 1")
    tamper("INSERT INTO log_terms SELECT term, at, 1 FROM log_terms WHERE leaf_index = 3")
    assert difference(four) == 1


def test_the_first_of_several_buckets_that_differ_is_named(database, tamper, monkeypatch):
    monkeypatch.setattr(log_copies, "_BUCKET", 4)
    monkeypatch.setattr(log_copies, "_BATCH", 3)
    add(database, *[event() for _ in range(30)])
    assert differences(database) == []
    for gone in (22, 9):
        tamper("DELETE FROM log_terms WHERE leaf_index = :gone AND term = :term", gone=gone, term=b"actor:KF1001")
    assert difference(database) == 9


def test_an_id_that_was_changed_is_found_beside_terms_that_were(four, tamper):
    tamper("UPDATE log_events SET event_id = :other WHERE leaf_index = 2", other=bytes(16))
    tamper("DELETE FROM log_terms WHERE leaf_index = 1 AND term = :term", term=b"*")
    assert [one.leaf_index for one in differences(four)] == [2, 1]


def test_an_event_that_cannot_be_read_has_no_terms(four, tamper):
    tamper("UPDATE log_events SET canonical = :data WHERE leaf_index = 1", data=b"\xff")
    assert difference(four) == 1
    tamper("DELETE FROM log_terms WHERE leaf_index = 1")
    assert differences(four) == []


def test_behind_a_hole_nothing_can_be_told_apart(four, tamper):
    tamper("DELETE FROM log_events WHERE leaf_index = 2")
    assert differences(four) == []
    tamper("DELETE FROM log_terms WHERE leaf_index = 1 AND term = :term", term=b"*")
    assert difference(four) == 1


@pytest.mark.parametrize(
    "change", ["leaf_index = 'x'", "leaf_index = 0.5", "term = 'text'", "leaf_index = x'00'", "at = 'x'"]
)
def test_another_type_than_the_column_has_is_found(sqlite_database, sqlite_place, change):
    add(sqlite_database, event())
    engine = create_engine(sqlite_place.owner_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE log_terms SET {change} WHERE term = :term"), {"term": b"*"})
    engine.dispose()
    expected = (0, "entry 0: its search terms differ from the event") if "at" in change else (None, NO_EVENT)
    assert [(one.leaf_index, one.words) for one in differences(sqlite_database)] == [expected]


def test_terms_that_somebody_put_there_before_are_taken_over_where_they_are_right(database, tamper):
    tamper("INSERT INTO log_terms VALUES (:term, :at, 0)", term=b"*", at=to_micros(NOW))
    add(database, event())
    assert differences(database) == []
