from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.config import ROOT
from vault.domain import passwords
from vault.storage.policy_files import load_policy

RULE = load_policy(ROOT / "policies").passwords
NOW = datetime(2026, 11, 20, 3, 4, 5, 6, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SOME_TEXT = st.text(max_size=12)


def test_a_password_is_too_old_from_the_very_microsecond_of_its_fifteenth_day():
    assert not passwords.must_change(RULE, NOW, None, NOW + timedelta(days=15) - TICK)
    assert passwords.must_change(RULE, NOW, None, NOW + timedelta(days=15))
    assert passwords.must_change(RULE, NOW, NOW + timedelta(days=15), NOW)


@given(st.timedeltas(timedelta(0), timedelta(days=16)))
def test_days_are_counted_down_only_near_the_end_and_begun_ones_count(age):
    left = timedelta(days=15) - age
    told = passwords.days_left(RULE, NOW, NOW + age)
    if timedelta(0) < left <= timedelta(days=3):
        assert told is not None
        assert timedelta(days=told - 1) < left <= timedelta(days=told)
    else:
        assert told is None


def test_a_day_must_pass_between_two_changes():
    assert passwords.too_young(RULE, NOW, NOW + timedelta(hours=24) - TICK)
    assert not passwords.too_young(RULE, NOW, NOW + timedelta(hours=24))


@pytest.mark.parametrize(
    ("current", "new", "near"),
    [
        ("kestrel over the lake", "kestrel over the lake", True),
        ("kestrel over the lake", "the lake", True),
        ("kestrel over the lake", "KESTREL OVER THE LAKE 2026", True),
        ("kestrel over the lake", "k3str3l 0v3r th3 l4k3", True),
        ("kestrel over the lake", "ｋｅｓｔｒｅｌ　ｏｖｅｒ the lake", True),
        ("kestrel over the lake", "kestrel over the bay", True),
        ("kestrel over the lake", "seven green umbrellas", False),
        ("湖上有一只红隼在飞翔啊呀", "湖上有一只白鹭在飞翔啊呀", True),
        ("湖上有一只红隼在飞翔啊呀", "七把绿色的雨伞排成一行", False),
    ],
)
def test_what_is_nearly_the_same(current, new, near):
    assert passwords.nearly_the_same(current, new, RULE.min_edits) is near


@given(SOME_TEXT, SOME_TEXT)
def test_the_distance_is_a_distance(first, second):
    there, back = passwords._edits(first, second), passwords._edits(second, first)
    assert there == back
    assert (there == 0) == (first == second)
    assert abs(len(first) - len(second)) <= there <= max(len(first), len(second))


@given(SOME_TEXT, SOME_TEXT, SOME_TEXT)
def test_no_detour_is_shorter(first, second, third):
    direct = passwords._edits(first, third)
    assert direct <= passwords._edits(first, second) + passwords._edits(second, third)


def test_two_spellings_of_one_letter_are_one_password_and_nothing_else_is():
    assert passwords.exact("cafe\N{COMBINING ACUTE ACCENT}") == passwords.exact(
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    )
    for other in (" a", "a ", "A", "ａ", "ﬁ"):
        assert passwords.exact(other) == other


def test_known_words_do_not_count_however_they_are_written():
    assert passwords.without_known("KF2001-kf2OO1 快递 l4ntern", ["KF2001", "快递", "  ", ""]) == "lantern"
