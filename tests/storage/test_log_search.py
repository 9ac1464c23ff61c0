from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import create_engine, text

from tests.factories import NOW, event
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.log_search import EVERY, Question, terms_of
from vault.domain.records import to_micros
from vault.storage import log, log_search, schema
from vault.storage.engine import Database
from vault.storage.unit_of_work import unit_of_work

KF2 = Actor("KF1002", "supervisor")
ONE, OTHER = new_id(), new_id()


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def add(database, *events):
    with unit_of_work(database) as work:
        work.announce(*events)
        work.commit()
    log.order(database)


def found(database, before=None, **asked):
    question = Question(**asked)
    with database.read() as connection:
        stretches = log_search.walk(connection, question.groups(), question.since, question.until, before)
        return [one.leaf_index for stretch in stretches for one in stretch.found]


def difference(database):
    with database.read() as connection:
        return log_search.first_difference(connection)


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
    add(
        database,
        event(Opened(ONE, "customer", ("name",)), at=later(0)),
        event(Opened(OTHER, "customer", ()), at=later(10), purpose="complaint"),
        event(at=later(20), outcome=Outcome.REFUSED),
        event(Opened(ONE, "customer", ("phone",)), at=later(30), actor=KF2, action=Action.REVEAL),
    )
    return database


def test_without_a_question_everything_is_found_newest_first(four):
    assert found(four) == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ({"actor": "KF1001"}, [2, 1, 0]),
        ({"actor": "KF100"}, []),
        ({"actor": "KF1001'--"}, []),
        ({"role": "supervisor"}, [3]),
        ({"action": "record.lookup"}, [2, 1, 0]),
        ({"outcome": "refused"}, [2]),
        ({"outcome": "granted", "actor": "KF1001"}, [1, 0]),
        ({"purpose": "complaint"}, [1]),
        ({"records": (ONE,)}, [3, 0]),
        ({"records": (ONE, OTHER)}, [3, 1, 0]),
        ({"records": (ONE,), "action": "record.reveal", "role": "supervisor", "purpose": "query"}, [3]),
        ({"records": (new_id(),)}, []),
        ({"since": later(10)}, [3, 2, 1]),
        ({"until": later(10)}, [0]),
        ({"since": later(10), "until": later(10) + timedelta(microseconds=1)}, [1]),
        ({"since": later(1), "until": later(30), "outcome": "granted"}, [1]),
    ],
)
def test_what_is_asked_for_narrows_what_is_found(four, asked, there):
    assert found(four, **asked) == there


def test_an_event_that_names_two_of_the_records_is_found_once(database):
    add(database, event(Opened(ONE, "customer", ()), Opened(OTHER, "customer", ())))
    assert found(database, records=(ONE, OTHER)) == [0]


def test_paging_goes_on_after_an_entry_and_new_events_shift_nothing(four):
    assert found(four, before=2) == [1, 0]
    add(four, event(at=later(40)), event(at=later(41)))
    assert found(four, before=2) == [1, 0]
    assert found(four, before=0) == []
    assert found(four, before=5, actor="KF1001") == [4, 2, 1, 0]


def test_events_of_one_moment_are_all_found_page_by_page(database):
    add(database, *[event() for _ in range(7)])
    seen, before = [], None
    while page := found(database, before=before)[:2]:
        seen += page
        before = page[-1]
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def test_an_event_ordered_late_stands_at_its_own_time(database):
    add(database, event(at=later(10)), event(at=later(5)), event(at=later(20)))
    assert found(database) == [2, 0, 1]
    assert found(database, before=0) == [1]


def test_a_search_for_what_is_rare_walks_in_stretches_and_finds_the_first_event(database):
    add(database, event(at=later(-1), actor=KF2), *[event(at=later(second)) for second in range(300)])
    with database.read() as connection:
        stretches = list(log_search.walk(connection, (("action:record.lookup",), ("actor:KF1002",)), None, None, None))
    assert [one.looked_at for one in stretches] == [128, 173]
    assert [place.leaf_index for one in stretches for place in one.found] == [0]
    assert stretches[-1].through.leaf_index == 0


def test_the_rarest_thing_asked_for_is_walked_along():
    assert Question(records=(ONE,), actor="A", outcome="granted").groups()[0] == (f"record:{ONE.hex()}",)
    assert Question(role="agent", outcome="refused").groups() == [("outcome:refused",), ("role:agent",)]
    assert Question(role="agent", outcome="granted").groups() == [("role:agent",), ("outcome:granted",)]
    assert Question().groups() == [(EVERY,)]


def test_an_event_without_purpose_has_no_term_for_one():
    terms = terms_of({"actor": "a", "role": "r", "action": "x", "outcome": "done", "purpose": "", "records": []})
    assert terms == {EVERY, "actor:a", "role:r", "action:x", "outcome:done"}


def test_everybody_of_the_log_is_listed_once(four):
    add(four, event(actor=Actor("operator:root", "operator")), event(actor=Actor("system", "system")))
    with four.read() as connection:
        assert log_search.actors(connection) == ["KF1001", "KF1002", "operator:root", "system"]


def test_nobody_is_listed_of_an_empty_log(database):
    with database.read() as connection:
        assert log_search.actors(connection) == []


def test_counting_begins_with_a_moment(four):
    with four.read() as connection:
        assert log_search.count_since(connection, ["actor:KF1001"], later(10)) == 2
        assert log_search.count_since(connection, ["actor:KF1001", "outcome:granted"], later(10)) == 1
        assert log_search.count_since(connection, ["actor:KF1001", "outcome:failed"], later(0)) == 0


def test_terms_that_were_not_touched_agree_with_the_events(four, database):
    assert difference(database) is None


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("DELETE FROM log_terms WHERE leaf_index = 2 AND term = :term", 2),
        ("UPDATE log_terms SET at = at + 1 WHERE leaf_index = 1 AND term = :term", 1),
        ("UPDATE log_terms SET term = :other WHERE leaf_index = 3 AND term = :term", 3),
        ("UPDATE log_terms SET leaf_index = 0 WHERE leaf_index = 2 AND term = :term", 0),
        ("INSERT INTO log_terms SELECT :other, at, leaf_index FROM log_terms WHERE leaf_index = 0 AND term = :term", 0),
        ("UPDATE log_terms SET leaf_index = 4 WHERE leaf_index = 3 AND term = :term", -1),
        ("UPDATE log_terms SET leaf_index = -1 WHERE leaf_index = 3 AND term = :term", -1),
    ],
)
def test_a_term_that_was_changed_is_found_by_the_event_it_is_wrong_for(four, tamper, statement, first):
    values = {name: value for name, value in (("term", b"*"), ("other", b"actor:X")) if f":{name}" in statement}
    tamper(statement, **values)
    assert difference(four) == first


def test_two_terms_that_changed_places_do_not_cancel_out(four, tamper):
    tamper("UPDATE log_terms SET leaf_index = 1 - leaf_index WHERE leaf_index < 2 AND term = :term", term=b"*")
    assert difference(four) == 0


def test_text_where_a_number_should_be_is_of_no_event(sqlite_database, sqlite_place):
    add(sqlite_database, event())
    engine = create_engine(sqlite_place.owner_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE log_terms SET leaf_index = 'x' WHERE term = :term"), {"term": b"*"})
    engine.dispose()
    assert difference(sqlite_database) == -1


def test_terms_that_somebody_put_there_before_do_not_stop_the_log(database, tamper):
    tamper("INSERT INTO log_terms VALUES (:term, :at, 0)", term=b"*", at=to_micros(later(0)))
    add(database, event(at=later(0)))
    assert found(database) == [0]
    assert difference(database) is None


def test_the_application_can_neither_change_nor_remove_a_term(postgresql_database):
    add(postgresql_database, event())
    for statement in ("DELETE FROM log_terms", "UPDATE log_terms SET at = 1"):
        with pytest.raises(Exception, match="refused_by_database"), postgresql_database.write() as connection:
            connection.execute(text(statement))


def test_events_from_before_the_terms_get_theirs_with_the_upgrade(place):
    database = Database(place.url)
    add(database, *[event(Opened(ONE, "customer", ())) for _ in range(3)])
    database.dispose()
    schema.downgrade(place.owner_url, "0018")
    schema.upgrade(place.owner_url)
    database = Database(place.url)
    assert found(database, records=(ONE,)) == [2, 1, 0]
    assert difference(database) is None
    database.dispose()
