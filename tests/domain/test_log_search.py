"""What an event is found by: read from its canonical bytes, by two ways that must agree."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import event
from vault.domain.ids import new_id
from vault.domain.log import Action, Actor, Opened, Outcome
from vault.domain.log_exports import Head, LogQuestion, head_of
from vault.domain.log_search import EVERY, Question, _parsed, named_by
from vault.domain.records import to_micros

ONE = new_id()
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
EVENTS = st.builds(
    lambda name, role, node, session, purpose, action, outcome, at, records, facts: event(
        *[Opened(one, "customer", ("phone",)) for one in records],
        actor=Actor(name, role, session, "::1", node), purpose=purpose, action=action, outcome=outcome,
        at=at, facts=facts,
    ),
    NAMES, NAMES, NAMES, NAMES, NAMES, st.sampled_from(list(Action)), st.sampled_from(list(Outcome)),
    st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    st.lists(st.sampled_from([ONE, *[new_id() for _ in range(2)]]), max_size=4),
    st.dictionaries(st.sampled_from(["reason", "kind"]), NAMES | st.integers(0, 9)),
)  # fmt: skip


@given(EVENTS)
def test_the_fast_way_reads_what_parsing_reads(made):
    canonical = made.canonical()
    assert named_by(canonical) == _parsed(json.loads(canonical))
    assert (named_by(canonical).event_id, named_by(canonical).at) == (made.event_id, to_micros(made.at))
    assert head_of(canonical) == Head(made.action, made.actor.name, made.at)


def test_an_event_has_a_term_for_each_thing_it_says_and_each_record_once():
    made = event(Opened(ONE, "customer", ()), Opened(ONE, "customer", ("name",)))
    assert set(named_by(made.canonical()).terms) == {
        b"*", b"actor:KF1001", b"role:agent", b"action:record.lookup", b"outcome:granted", b"purpose:query",
        b"actor+action:KF1001 record.lookup", b"record:" + ONE.hex().encode(),
    }  # fmt: skip
    assert len(named_by(made.canonical()).terms) == 8


def test_what_an_event_does_not_say_is_no_term():
    made = event(purpose="", actor=Actor("", ""))
    assert named_by(made.canonical()).terms == (b"*", b"action:record.lookup", b"outcome:granted")


@pytest.mark.parametrize("outcome", ["refused", "miss", "failed"])
def test_an_end_that_is_not_the_usual_one_has_a_term_with_whose_it_is(outcome):
    terms = named_by(event(outcome=Outcome(outcome)).canonical()).terms
    assert f"actor+outcome:KF1001 {outcome}".encode() in terms


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"action":1}', b"7"])
def test_bytes_that_are_no_event_are_refused_by_one_way_and_passed_over_by_the_other(data):
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        named_by(data)
    assert head_of(data) is None


def test_a_key_said_twice_is_read_as_a_parser_reads_it():
    canonical = event().canonical()
    twice = canonical.replace(b'"rule":""', b'"role":"admin","rule":""')
    assert b"role:admin" in named_by(twice).terms


def test_a_time_that_is_none_is_refused():
    canonical = event().canonical().replace(b"2026-11-20T03", b"2026-13-20T03")
    with pytest.raises(ValueError, match="month"):
        named_by(canonical)


def test_the_likely_rarest_thing_asked_for_comes_first():
    assert Question(records=(ONE,), actor="A", outcome="granted").groups()[0] == (f"record:{ONE.hex()}",)
    assert Question(role="agent", outcome="refused").groups() == [("outcome:refused",), ("role:agent",)]
    assert Question(role="agent", outcome="granted").groups() == [("role:agent",), ("outcome:granted",)]
    assert Question().groups() == [(EVERY,)]


def test_two_things_that_have_a_term_together_are_asked_for_together():
    assert Question(actor="A", action="b").groups() == [("actor+action:A b",)]
    assert Question(actor="A", outcome="miss", role="agent").groups() == [("actor+outcome:A miss",), ("role:agent",)]
    assert Question(actor="A", outcome="done").groups() == [("actor:A",), ("outcome:done",)]
    both = Question(actor="A", action="b", outcome="failed", purpose="p").groups()
    assert both == [("actor+action:A b",), ("actor+outcome:A failed",), ("purpose:p",)]


@given(EVENTS, st.integers(-2, 2), st.integers(-2, 2))
def test_an_export_asks_for_what_lies_within_its_time_from_inclusive_to_exclusive(made, before, behind):
    since, until = (made.at + timedelta(microseconds=each) for each in (before, behind))
    question = LogQuestion(since, until, (made.actor.name,), (made.action.value,))
    assert question.asks_for(made.canonical()) == (since <= made.at < until)
    assert not LogQuestion(since, until, ("other than " + made.actor.name,)).asks_for(made.canonical())
