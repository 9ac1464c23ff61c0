"""What may name the document of a hold, and until when a hold stands without a look."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.holds import MOST_SOURCE, checked_review, checked_source, latest_review
from vault.errors import InvalidValue
from vault.storage.policy_files import load_policy

CARRIERS = load_policy(Path(__file__).parents[2] / "policies").carriers


@pytest.mark.parametrize(
    "source",
    [
        "苏检调〔2026〕18号",
        "(2026)苏0106民初12345号",
        "(2025)最高法知民终1234567号",
        "京公(刑)调证字[2026]0123号",
        "京检三部受案〔2026〕110105000123号",
        "沪公字20261120号",
        "案号2026112003",
        "2026-11-20 第12号函",
        "律师函 LS-2026-00123",
        "理赔案 LP-2026-17",
        "  Court order 7  ",
        "x" * MOST_SOURCE,
    ],
)
def test_a_document_is_named_by_its_own_number(source):
    assert checked_source(source, CARRIERS) == source.strip()


@pytest.mark.parametrize(
    "source",
    [
        "客户13800138000",
        "1３８００１３８０００",
        "138 0013 8000",
        "138-0013-8000",
        "+86 138 0013 8000",
        "8613800138000",
        "2026-11-20 138 0013 8000",
        "电话0571-88920054",
        "0571 88920054",
        "+85212345678",
        "990101199001010010",
        "身份证 99010119900101001 0",
        "99010119900101001x",
        "护照E12345678",
        "G31234567",
        "110105491231002",
        "YT9900000000001",
        "运单YT 9900000000001",
        "yt9900000000001号",
        "SF1234567890123",
    ],
)
def test_a_number_of_a_customer_or_a_parcel_is_refused_however_it_is_spelled(source):
    with pytest.raises(InvalidValue) as raised:
        checked_source(source, CARRIERS)
    assert raised.value.reason == "source_holds_number"
    assert source not in str(raised.value)


@given(st.integers(13, 19), st.integers(0, 999_999_999), st.text(st.sampled_from("函案号〔〕 abc"), max_size=9))
def test_no_mobile_is_taken_whatever_stands_around_it(head, rest, around):
    with pytest.raises(InvalidValue):
        checked_source(f"{around} {head}{rest:09d} {around}", CARRIERS)


@pytest.mark.parametrize(
    ("today", "months", "latest"),
    [
        (date(2026, 11, 20), 12, date(2027, 11, 20)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 8, 31), 24, date(2028, 8, 31)),
    ],
)
def test_so_many_months_later_is_the_same_day_or_the_last_of_a_shorter_month(today, months, latest):
    assert latest_review(today, months) == latest
    assert checked_review(None, today, months) == checked_review(latest, today, months) == latest
    for wrong in (today, latest.replace(year=latest.year + 1)):
        with pytest.raises(InvalidValue):
            checked_review(wrong, today, months)
