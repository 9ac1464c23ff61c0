import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vault.domain.masks import MASKS, mask
from vault.errors import PolicyError

SHOWN_WHOLE = {"plain"}
MASKING = sorted(set(MASKS) - SHOWN_WHOLE)

han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
han_names = st.text(han, min_size=1, max_size=5)
dotted_names = st.lists(han_names, min_size=2, max_size=4).map("·".join)
latin_names = st.from_regex(r"[A-Z][a-z]{0,8}( [A-Z][a-z]{1,8}){0,2}", fullmatch=True)
names = han_names | dotted_names | latin_names
phones = st.from_regex(
    r"(1[3-9][0-9]{9}|0[1-9][0-9]{1,2}-[1-9][0-9]{6,7}|\+85[23][2-9][0-9]{7}|\+886[2-9][0-9]{7,8}|95[0-9]{8,14}"
    r"|400[0-9]{7})(x[0-9]{1,6})?",
    fullmatch=True,
)
waybills = st.from_regex(r"[A-Z]{0,4}[0-9]{8,15}([A-Z]{2})?", fullmatch=True)
TOWNS = [
    "广东省深圳市龙岗区",
    "北京市通州区",
    "内蒙古自治区锡林郭勒盟苏尼特左旗",
    "湖北省恩施州恩施市",
    "深圳市",
    "昆山市",
    "",
]
STREETS = ["", "龙岗大道", "花园路", "东篱路", "阳光小区", "科技园小区", "世纪大街", "三单元", "市民广场"]
HOUSES = ["", "86号17幢3单元1506室", "8号", "十七栋三单元五室", "3楼", "二号", "A座1室", "８号３单元"]
addresses = st.tuples(st.sampled_from(TOWNS), st.sampled_from(STREETS), st.sampled_from(HOUSES)).map("".join)
any_value = st.text(max_size=30) | names | phones | waybills | addresses


@given(any_value.filter(lambda value: not set(value) & set("*•")))
@example("")
@example("王")
@example("1234")
@example("深圳市")
def test_no_mask_returns_the_value(value):
    for kind in MASKING:
        assert mask(kind, value) != value, kind


@given(any_value)
def test_masking_twice_shows_nothing_more(value):
    for kind in MASKING:
        once = mask(kind, value)
        shown = re.sub(r"[*•]", "", mask(kind, once))
        assert shown in re.sub(r"[*•]", "", once), kind


def test_an_unknown_mask_shows_nothing_and_does_not_repeat_what_it_was_given():
    with pytest.raises(PolicyError) as caught:
        mask("13800138000", "phone")
    assert caught.value.reason == "unknown_mask"
    assert "138" not in str(caught.value)


# -- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("王明", "王*"),
        ("王小明", "王*"),
        ("欧阳慧子", "欧阳*"),
        ("司馬光", "司馬*"),
        ("欧阳", "欧*"),
        ("王", "*"),
        ("张 三", "张*"),
        (" 王明 ", "王*"),
        ("古力娜扎·艾力", "古*·*"),
        ("卓玛.次仁", "卓*·*"),
        ("古力娜扎•艾力・买买提", "古*·*·*"),
        ("李·白", "*·*"),
        ("欧阳娜·艾力", "欧*·*"),
        ("John Smith", "J*"),
        ("J. Smith", "*"),
        ("J", "*"),
        ("", "*"),
        ("·", "*"),
    ],
)
def test_a_name_keeps_its_surname_or_initial_at_most(value, masked):
    assert mask("name", value) == masked
    assert mask("name", masked) == masked


@given(names)
def test_a_masked_name_shows_less_than_the_first_part_and_hides_a_character_of_every_part(name):
    shown = mask("name", name).rstrip("·*")
    first = re.split("[· ]", name)[0]
    assert first.startswith(shown)
    assert len(shown) < len(first)
    assert "*" in mask("name", name)


def test_the_length_of_a_name_does_not_show():
    assert mask("name", "王明") == mask("name", "王小小明")


@pytest.mark.parametrize(
    ("value", "masked"),
    [("王小明", "王*"), ("欧阳慧子", "欧阳*"), ("古力娜扎·艾力", "*"), ("John Smith", "*"), ("王", "*"), ("", "*")],
)
def test_only_a_chinese_name_has_a_surname_to_show(value, masked):
    assert mask("surname_only", value) == masked


# -- phones and other numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("13800138000", "138********"),
        ("13800138000x1234", "138********"),
        ("0571-88920054", "0571-********"),
        ("010-8888888x1", "010-********"),
        ("+85261234567", "+852********"),
        ("+886912345678", "+886********"),
        ("9501312345678x0001", "********"),
        ("4001234567", "********"),
        ("+86 138 0013 8000", "********"),
        ("1380013800", "********"),
        ("138001380001", "********"),
        ("wx-someone@example.org", "********"),
    ],
)
def test_a_phone_keeps_the_head_of_a_mobile_or_the_area_code(value, masked):
    assert mask("phone", value) == masked


@given(phones)
def test_a_masked_phone_hides_at_least_six_digits_and_all_of_its_end(phone):
    shown = re.sub(r"\D", "", mask("phone", phone))
    assert re.sub(r"\D", "", phone).startswith(shown)
    assert sum(map(str.isdigit, phone.partition("x")[0])) - len(shown) >= 6
    assert not re.search(r"[0-9x]$", mask("phone", phone))


@given(any_value)
def test_the_mask_that_hides_four_digits_never_comes_out(value):
    assert not re.fullmatch(r"[0-9]{3}\*{4}[0-9]{4}", mask("phone", value))


@given(any_value)
def test_hidden_values_all_look_the_same(value):
    assert mask("id_number", value) == "••••••••"
    assert mask("text", value) == mask("hidden", value) == "***"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("YT1234567894321", "YT*********4321"),
        ("123456784321", "********4321"),
        ("EE123456785CN", "EE*******85CN"),
        ("JDVB12345674321", "JD*********4321"),
        ("YT1234321", "*********"),
        ("1234321", "*********"),
        ("4321", "*********"),
        ("", "*********"),
    ],
)
def test_a_waybill_keeps_the_carrier_and_the_last_four(value, masked):
    assert mask("waybill", value) == masked


@given(waybills)
def test_a_masked_waybill_hides_at_least_four_characters(waybill):
    shown = mask("waybill", waybill).replace("*", "")
    assert len(shown) <= len(waybill) - 4


def test_what_the_agent_typed_and_what_is_not_personal_stay_plain():
    assert mask("plain", "文件") == "文件"


# -- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown", "town"),
    [
        ("广东省深圳市龙岗区云杉路86号17幢3单元1506室", "广东省深圳市龙岗区", "深圳市"),
        ("江苏省苏州市昆山市银桂大街634号", "江苏省苏州市昆山市", "苏州市"),
        ("浙江省义乌市稠城街道", "浙江省义乌市", "义乌市"),
        ("北京市通州区松涛路639号", "北京市通州区", "北京市"),
        ("北京市北京市朝阳区城市广场3号", "北京市北京市朝阳区", "北京市"),
        ("上海市浦东新区世纪大道1号", "上海市浦东新区", "上海市"),
        ("重庆市秀山土家族苗族自治县中和街道", "重庆市秀山土家族苗族自治县", "重庆市"),
        ("新疆维吾尔自治区乌鲁木齐市水磨沟区东篱路115号", "新疆维吾尔自治区乌鲁木齐市水磨沟区", "乌鲁木齐市"),
        ("新疆乌鲁木齐市新市区北京路1号", "新疆乌鲁木齐市新市区", "乌鲁木齐市"),
        ("新疆伊犁哈萨克自治州伊宁市解放路", "新疆伊犁哈萨克自治州伊宁市", "伊犁哈萨克自治州"),
        ("西藏自治区阿里地区噶尔县迎宾大道", "西藏自治区阿里地区噶尔县", "阿里地区"),
        ("内蒙古自治区锡林郭勒盟苏尼特左旗满都拉图镇", "内蒙古自治区锡林郭勒盟苏尼特左旗", "锡林郭勒盟"),
        ("内蒙古呼伦贝尔市鄂伦春自治旗阿里河镇", "内蒙古呼伦贝尔市鄂伦春自治旗", "呼伦贝尔市"),
        ("湖北省恩施州恩施市施州大道", "湖北省恩施州恩施市", "恩施州"),
        ("四川省乐山市市中区县街", "四川省乐山市市中区", "乐山市"),
        ("湖南省常德市津市市人民路", "湖南省常德市津市市", "常德市"),
        ("湖南省永州市道县西洲街道", "湖南省永州市道县", "永州市"),
        ("福建省三明市沙县区府前路", "福建省三明市沙县区", "三明市"),
        ("浙江省台州市路桥区", "浙江省台州市路桥区", "台州市"),
        ("黑龙江省哈尔滨市道里区中央大街", "黑龙江省哈尔滨市道里区", "哈尔滨市"),
        ("河南省新乡市红旗区", "河南省新乡市红旗区", "新乡市"),
        ("江苏省苏州市工业园区星湖街", "江苏省苏州市工业园区", "苏州市"),
        ("海南省定安县定城镇", "海南省定安县", "定安县"),
        ("香港特别行政区油尖旺区弥敦道", "香港特别行政区油尖旺区", "油尖旺区"),
        ("广东省 深圳市　龙岗区 8号", "广东省深圳市龙岗区", "深圳市"),
        ("北京朝阳区建国路8号", "北京朝阳区", "北京市"),
    ],
)
def test_an_address_is_shown_to_its_district(value, shown, town):
    assert mask("address", value) == shown + "***"
    assert mask("address", shown + "***") == shown + "***"
    assert mask("city", value) == town


@pytest.mark.parametrize(
    "value",
    [
        "深圳市龙岗大道8号",
        "深圳市花园路科技园小区3栋",
        "深圳市阳光小区3栋",
        "深圳市万科城市花园3栋",
        "深圳市华润超市3楼",
        "深圳市红旗大道1号",
        "深圳市三区2号",
        "深圳市三单元东区",
    ],
)
def test_without_a_district_only_the_town_is_shown(value):
    assert mask("address", value) == "深圳市***"
    assert mask("city", value) == "深圳市"


@pytest.mark.parametrize(
    "value", ["", "北京路8号", "阳光小区3栋2单元", "龙岗区云杉路1号", "广东省某大厦", "华润超市", "8号"]
)
def test_what_is_not_recognised_is_hidden_whole(value):
    assert mask("address", value) == mask("city", value) == "***"


@given(
    st.text(max_size=30)
    | addresses
    | st.text(han, max_size=12).map(lambda text: "广东省深圳市" + text + "8号3单元502室")
)
def test_a_masked_address_never_shows_a_number_a_unit_or_a_room(value):
    for kind in ("address", "city"):
        masked = mask(kind, value)
        assert not re.search(r"\d|单元|室|号|栋|幢|小区", masked)
