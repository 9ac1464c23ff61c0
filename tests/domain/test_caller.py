"""What counts as the right answer to a question, and that it is never what a mask shows."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.config import ROOT
from vault.domain.caller import COMPARES, answers, matches, normal
from vault.domain.masks import mask
from vault.domain.plaintext import Plaintext
from vault.errors import InvalidValue

DATA = ROOT / "tests" / "data" / "customers.csv"


@pytest.mark.parametrize(("value", "accepted"), [
    ("江苏省南京市鼓楼区拾光大街740号4单元401室", {"拾光大街", "拾光"}),
    ("福建省厦门市集美区墨竹里街979号", {"墨竹里街", "墨竹里"}),
    ("广东省深圳市龙岗区坂田街道五和大道118号", {"坂田街道", "坂田", "五和大道", "五和"}),
    ("广东省东莞市虎门镇太宝路12号", {"虎门镇", "虎门", "太宝路", "太宝"}),
    ("江西省南昌市西湖区景德镇路3号", {"景德镇路", "景德镇"}),
    ("上海市徐汇区五里桥路3号", {"五里桥路", "五里桥"}),
    ("天津市和平区滨江道118号", {"滨江道", "滨江"}),
    ("河北省保定市清苑区望亭镇固上村", {"望亭镇", "望亭", "固上村", "固上"}),
    ("浙江省杭州市西湖区水乡路", {"水乡路", "水乡"}),
    ("江苏省南京市鼓楼区 中山 东路 ９号", {"中山东路", "中山东"}),
    ("江苏省南京市鼓楼区鼓楼街道", set()),  # the mask shows the name
    ("江苏省南京市鼓楼区", set()),
    ("江苏省南京市鼓楼区A座12室", set()),
    ("", set()),
])  # fmt: skip
def test_of_an_address_the_towns_and_roads_below_the_district_count(value: str, accepted: set[str]) -> None:
    assert answers("street", value) == accepted


@pytest.mark.parametrize(("value", "accepted"), [
    ("13912345678", "5678"),
    ("025-88881234x12", "1234"),
    ("+85212345678", "5678"),
    ("99010119600101123X", "123X"),
    ("G1234567", "4567"),
])  # fmt: skip
def test_of_a_number_the_last_four_count_without_an_extension(value: str, accepted: str) -> None:
    assert answers("last4", value) == {accepted}


def test_a_number_of_four_characters_has_no_last_four_to_ask_for() -> None:
    assert answers("last4", "1234") == set()


@pytest.mark.parametrize(("compares", "typed", "spelled"), [
    ("last4", " １２ 3x ", "123X"),
    ("whole", " 古丽 · 阿依 ", "古丽阿依"),
    ("whole", "john  smith", "JOHNSMITH"),
    ("street", "拾光大街 ７４０号", "拾光大街"),
])  # fmt: skip
def test_width_blanks_case_and_dots_make_no_difference(compares: str, typed: str, spelled: str) -> None:
    assert normal(compares, typed) == spelled


@pytest.mark.parametrize(("compares", "typed"), [
    ("last4", ""), ("last4", "123"), ("last4", "12345"), ("last4", "１２３四"), ("last4", "12-4"),
    ("whole", " 王 "), ("whole", "王" * 101), ("street", "路"), ("street", "740号"), ("street", ""),
])  # fmt: skip
def test_what_is_too_short_or_too_long_is_no_answer_and_the_error_does_not_hold_it(compares: str, typed: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        normal(compares, typed)
    assert refused.value.facts == {"field": "answer"}


def test_part_of_a_name_or_of_a_road_is_not_the_whole() -> None:
    assert not matches("whole", "王小", Plaintext("王小明"))
    assert matches("whole", "王小明", Plaintext("王 小明"))
    assert not matches("street", "拾光大", Plaintext("江苏省南京市鼓楼区拾光大街740号"))
    assert not matches("street", "南京", Plaintext("江苏省南京市鼓楼区拾光大街740号"))


@given(st.sampled_from(sorted(COMPARES)), st.text(max_size=60))
def test_no_text_breaks_it_and_every_accepted_answer_is_spelled_as_it_is_typed(compares: str, value: str) -> None:
    for one in answers(compares, value):
        assert normal(compares, one) == one
        assert matches(compares, one, Plaintext(value))


def test_no_mask_shows_an_answer_of_any_customer_of_the_set() -> None:
    with DATA.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    questions = (("手机号", "last4", "phone"), ("证件号码", "last4", "id_number"), ("姓名", "whole", "name"))
    questions += (("寄件地址", "street", "address"), ("收件地址", "street", "address"))
    for row in rows:
        for column, compares, kind in questions:
            accepted = answers(compares, row[column])
            assert accepted or column == "姓名"
            shown = mask(kind, row[column])
            assert not [one for one in accepted if one in shown], column
