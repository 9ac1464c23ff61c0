from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.records import RecordState
from vault.domain.service_records import KINDS, MOST_TEXT, RESULTS, checked_end, checked_text, details_text, state_of
from vault.errors import InvalidValue

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HALF_A_DAY = timedelta(hours=12)
SECOND = timedelta(seconds=1)


def refusal(act, *given):
    with pytest.raises(InvalidValue) as raised:
        act(*given)
    return raised.value.reason, raised.value.facts


def test_only_a_consultation_or_complaint_in_progress_stays_open():
    open_ones = {(kind, result) for kind in KINDS for result in RESULTS if state_of(kind, result) is RecordState.OPEN}
    assert open_ones == {("consultation", "in_progress"), ("complaint", "in_progress")}


def test_line_ends_and_tabs_of_a_form_become_plain_ones_and_the_edges_are_trimmed():
    assert checked_text(" 第一行\r\n第二行\t完 \r\n", "text") == "第一行\n第二行 完"


@pytest.mark.parametrize(
    "letter", ["\0", "\x07", "\x1b", "\r", "\x85", "\x7f", "\u2028", "\u202e", "\u2066", "\u200f", "\ud800"]
)
def test_a_character_that_steers_instead_of_being_read_is_refused_wherever_it_stands(letter):
    for text in (letter, f"{letter}文字", f"文{letter}字", f"文字{letter}"):
        assert refusal(checked_text, text, "text") == ("control_character", {"field": "text"})


@pytest.mark.parametrize("text", ["", "  ", "\n\n", "\r\n \t"])
def test_a_text_of_nothing_is_refused(text):
    assert refusal(checked_text, text, "text") == ("value_missing", {"field": "text"})


def test_two_thousand_characters_are_taken_and_one_more_is_not():
    assert len(checked_text("汉" * MOST_TEXT + "\r\n", "text")) == MOST_TEXT
    assert refusal(checked_text, "汉" * (MOST_TEXT + 1), "text") == ("text_too_long", {"field": "text", "most": 2000})


@given(st.text(max_size=60))
def test_a_text_that_is_taken_stays_as_it_is_when_taken_again(text):
    try:
        once = checked_text(text, "text")
    except InvalidValue:
        return
    assert checked_text(once, "text") == once


def test_a_service_that_has_just_ended_ends_now():
    assert checked_end(None, NOW, NOW, HALF_A_DAY) == NOW


def test_a_service_may_end_up_to_this_moment_and_no_second_later():
    assert checked_end(NOW, NOW - HALF_A_DAY, NOW, HALF_A_DAY) == NOW
    assert refusal(checked_end, NOW + SECOND, NOW, NOW, HALF_A_DAY)[0] == "date_in_future"


def test_a_service_may_end_twelve_hours_before_its_case_was_opened_and_no_second_earlier():
    assert checked_end(NOW - HALF_A_DAY, NOW, NOW, HALF_A_DAY) == NOW - HALF_A_DAY
    reason, facts = refusal(checked_end, NOW - HALF_A_DAY - SECOND, NOW, NOW, HALF_A_DAY)
    assert (reason, facts) == ("ended_too_early", {"field": "ended_at", "hours": 12})


def test_the_end_is_an_instant_whatever_zone_it_is_told_in():
    told = NOW.astimezone(timezone(timedelta(hours=8)))
    assert checked_end(told, NOW, NOW, HALF_A_DAY).utcoffset() == timedelta(0)
    assert refusal(checked_end, NOW.replace(tzinfo=None), NOW, NOW, HALF_A_DAY)[0] == "no_time_zone"
    assert refusal(checked_end, datetime.min.replace(tzinfo=told.tzinfo), NOW, NOW, HALF_A_DAY)[0] == "impossible_date"


def test_details_are_canonical_and_name_the_notice_only_where_one_was_given():
    times = dict.fromkeys(("started_at", "ended_at", "entered_at"), NOW)
    bare = details_text(times, channel="phone", result="resolved")
    assert bare == (
        '{"channel":"phone","complaint_category":"","complaint_severity":"","ended_at":"2026-11-20T03:00:00Z",'
        '"entered_at":"2026-11-20T03:00:00Z","rating":"","result":"resolved","started_at":"2026-11-20T03:00:00Z"}'
    )
    notice = {"version": "notice-1", "channel": "phone", "at": "2026-11-20T03:00:00Z"}
    told = json.loads(details_text(times, channel="phone", result="resolved", notice=notice))
    assert told == {**json.loads(bare), "notice": notice}
