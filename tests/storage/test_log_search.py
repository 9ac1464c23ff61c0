from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from tests.factories import NOW, event
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.log_search import Question
from vault.domain.records import to_micros
from vault.storage import log, log_copies, log_search, schema
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
    add(database, event(at=later(-1), actor=KF2, purpose="complaint"))
    add(database, *[event(at=later(second), actor=KF2) for second in range(300)])
    add(database, *[event(at=later(second), purpose="complaint") for second in range(300)])
    with database.read() as connection:
        groups = ("role:supervisor",), ("purpose:complaint",)
        stretches = list(log_search.walk(connection, groups, None, None, None))
    assert [one.looked_at for one in stretches] == [128, 173]
    assert [place.leaf_index for one in stretches for place in one.found] == [0]
    assert stretches[-1].through.leaf_index == 0


def test_of_two_things_asked_for_the_rarer_one_is_walked_along(database):
    rare = [event(at=later(-second), actor=KF2, purpose="complaint") for second in range(3)]
    add(database, *rare, *[event(at=later(second), purpose="complaint") for second in range(300)])
    groups = Question(role="supervisor", purpose="complaint").groups()
    assert groups[0] == ("purpose:complaint",)
    with database.read() as connection:
        [stretch] = log_search.walk(connection, groups, None, None, None)
    assert (stretch.looked_at, len(stretch.found)) == (3, 3)


def test_somebody_who_never_did_what_all_others_do_is_answered_at_once(database):
    mine = [event(at=later(second), action=Action.REVEAL) for second in range(150)]
    add(database, *mine, *[event(at=later(second), actor=KF2) for second in range(150)])
    groups = Question(actor="KF1002", action="record.reveal").groups()
    with database.read() as connection:
        assert list(log_search.walk(connection, groups, None, None, None)) == []
    assert found(database, actor="KF1001", action="record.reveal")[:2] == [149, 148]


ACTORS = (Actor("KF1001", "agent"), Actor("KF1002", "supervisor"), Actor("KF10010", "agent"))
RECORDS = [new_id() for _ in range(3)]
MADE = st.builds(
    lambda actor, action, outcome, purpose, second, records: event(
        *[Opened(one, "customer", ()) for one in records],
        actor=actor, action=action, outcome=outcome, purpose=purpose, at=later(second),
    ),
    st.sampled_from(ACTORS), st.sampled_from((Action.LOOKUP, Action.REVEAL)), st.sampled_from(list(Outcome)),
    st.sampled_from(("", "query", "complaint")), st.integers(0, 9), st.lists(st.sampled_from(RECORDS), max_size=3),
)  # fmt: skip
ASKED = st.fixed_dictionaries(
    {},
    optional={
        "actor": st.sampled_from(("KF1001", "KF1002", "KF10010", "nobody")),
        "role": st.sampled_from(("agent", "supervisor")),
        "action": st.sampled_from(("record.lookup", "record.reveal", "log.view")),
        "outcome": st.sampled_from([one.value for one in Outcome]),
        "purpose": st.sampled_from(("query", "complaint")),
        "records": st.lists(st.sampled_from(RECORDS), min_size=1, max_size=2, unique=True).map(tuple),
        "since": st.integers(0, 9).map(later),
        "until": st.integers(0, 10).map(later),
    },
)  # fmt: skip


def answers(made, asked):
    """Say of an event whether it answers a question, without any of our code for searching."""
    told = {"actor": made.actor.name, "role": made.actor.role, "action": made.action, "outcome": made.outcome}
    told["purpose"] = made.purpose
    return (
        all(told[name] == asked[name] for name in told if name in asked)
        and ("records" not in asked or bool({one.record_id for one in made.opened} & set(asked["records"])))
        and ("since" not in asked or made.at >= asked["since"])
        and ("until" not in asked or made.at < asked["until"])
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=st.lists(MADE, max_size=12), questions=st.lists(ASKED, min_size=1, max_size=6), step=st.integers(1, 4))
def test_a_search_finds_what_reading_every_event_finds_on_one_page_or_on_many(database, made, questions, step):
    with database.read() as connection:
        first = log.size(connection)
    add(database, *made)
    # Of all events, those of earlier examples are passed over: their places are lower.
    for asked in questions:
        places = [at for at, one in enumerate(made, first) if answers(one, asked)]
        expected = sorted(places, key=lambda at: (made[at - first].at, at), reverse=True)
        assert [at for at in found(database, **asked) if at >= first] == expected
        seen, before = [], None
        while page := found(database, before=before, **asked)[:step]:
            seen += page
            before = page[-1]
        assert [at for at in seen if at >= first] == expected


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


def test_terms_that_somebody_put_there_before_do_not_stop_the_log(database, tamper):
    tamper("INSERT INTO log_terms VALUES (:term, :at, 0)", term=b"*", at=to_micros(later(0)))
    add(database, event(at=later(0)))
    assert found(database) == [0]


def test_rows_of_no_event_hide_nothing_behind_them(database, tamper):
    add(database, *[event(at=later(second)) for second in range(200)])
    for number in range(3):
        tamper(
            "INSERT INTO log_terms VALUES (:term, :at, :place)", term=b"*", at=to_micros(later(300)), place=900 + number
        )
    assert found(database) == list(range(199, -1, -1))


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
    with database.read() as connection:
        assert log_copies.differences(connection) == []
    database.dispose()


def test_without_its_copies_the_log_goes_down_and_up_again_with_all_it_said(place):
    names = ("at", "action", "outcome", "actor")
    one = event(at=later(1), actor=KF2, outcome=Outcome.REFUSED)
    database = Database(place.url)
    add(database, event(Opened(ONE, "customer", ())), one)
    database.dispose()
    owner = create_engine(place.owner_url)

    def rows(query):
        with owner.connect() as connection:
            return connection.execute(text(query)).all()

    pairs = "SELECT leaf_index FROM log_terms WHERE term >= 'actor+' AND term < 'actor,' ORDER BY leaf_index"
    pairs = pairs.replace("'actor+'", "CAST('actor+' AS {t})").replace("'actor,'", "CAST('actor,' AS {t})")
    pairs = pairs.format(t="blob" if place.server is None else "bytea")
    assert [row[0] for row in rows(pairs)] == [0, 1, 1]
    schema.downgrade(place.owner_url, "0024")
    assert rows(f"SELECT {', '.join(names)} FROM log_events ORDER BY leaf_index")[1] == (
        to_micros(one.at), "record.lookup", "refused", "KF1002"
    )  # fmt: skip
    assert rows(pairs) == []
    schema.upgrade(place.owner_url)
    database = Database(place.url)
    assert found(database, actor="KF1002", action="record.lookup") == [1]
    with database.read() as connection:
        assert [row[:2] for batch in log.all_events(connection) for row in batch][1] == (1, one.canonical())
        assert log_copies.differences(connection) == []
    add(database, event())
    assert found(database, actor="KF1001") == [2, 0]
    database.dispose()
    owner.dispose()
