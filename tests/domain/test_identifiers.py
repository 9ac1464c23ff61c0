import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.domain.id_numbers import ID_TYPE_NAMES, IdType, id_type_of, normal_id_number
from vault.domain.identifiers import IdentifierKind, identify, normal_source_number, readings
from vault.domain.phones import normal_phone
from vault.domain.waybills import Waybill, WaybillPattern, find_waybill, normal_waybill
from vault.errors import InvalidValue

PATTERNS = (
    WaybillPattern("yto", re.compile(r"^YT[0-9]{13}$")),
    WaybillPattern("sf", re.compile(r"^SF[0-9]{13}$")),
    WaybillPattern("post", re.compile(r"^[A-Z]{2}[0-9]{9}[A-Z]{2}$"), "s10"),
    WaybillPattern("jd", re.compile(r"^JD[0-9A-Z]{11,15}$")),
    WaybillPattern("sto", re.compile(r"^[0-9]{15}$")),
    WaybillPattern("sf_digits", re.compile(r"^[0-9]{12}$"), "sf_warn"),
)
FULL_WIDTH = str.maketrans("0123456789+-()", "０１２３４５６７８９＋－（）")
GAPS = [
    "",
    " ",
    "  ",
    "-",
    ".",
    "\u3000",
    "\u00a0",
    "\u2009",
    "\u2011",
    "\u2013",
    "\u2014",
    "\uff0d",
    "\u2212",
    "·",
    "\t",
]
MARKS_AROUND = ["", " ", "\u3000", "\u202d", "\u200b", "\ufeff"]

mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
fixed_lines = st.from_regex(r"0(10|2[0-9]|[3-9][0-9]{2})-[1-9][0-9]{7}", fullmatch=True)
regions = st.from_regex(r"\+85[23][2-9][0-9]{7}|\+886[2-9][0-9]{7,8}", fullmatch=True)
privacy_numbers = st.from_regex(r"95013[0-9]{8}|400[0-9]{7}", fullmatch=True)
phones = st.builds(
    lambda number, extension: number + extension,
    mobiles | fixed_lines | regions | privacy_numbers,
    st.just("") | st.from_regex(r"x[0-9]{1,6}", fullmatch=True),
)
birth_dates = st.dates(date(1800, 1, 1), date(2026, 1, 1))


def with_check(body: str) -> str:
    """Append the MOD 11-2 check character by the recursive method of ISO 7064, not by the weights of GB 11643."""
    product = 0
    for digit in body:
        product = (product + int(digit)) * 2 % 11
    return body + "0123456789X"[(12 - product) % 11]


@st.composite
def resident_ids(draw, area="99"):
    place = draw(st.integers(0, 9999))
    return with_check(f"{area}{place:04}{draw(birth_dates):%Y%m%d}{draw(st.integers(0, 999)):03}")


def refusal(call, *args):
    with pytest.raises(InvalidValue) as caught:
        call(*args)
    return caught.value.reason


# -- phones --------------------------------------------------------------------------------------------------------


@given(mobiles, st.data())
def test_all_spellings_of_a_mobile_are_the_same_number(number, data):
    prefix = data.draw(st.sampled_from(["", "+86", "0086", "86", "(+86)", "+(86)", "0", "＋86"]))
    gap = data.draw(st.sampled_from(GAPS))
    around = data.draw(st.sampled_from(MARKS_AROUND))
    groups = [prefix, number[:3], number[3:7], number[7:]] if prefix else [number[:3], number[3:7], number[7:]]
    typed = around + gap.join(groups) + around
    if data.draw(st.booleans()):
        typed = typed.translate(FULL_WIDTH)
    assert normal_phone(typed) == number


@given(phones)
def test_a_canonical_phone_stays_as_it_is(number):
    assert normal_phone(number) == number


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("057188920054", "0571-88920054"),
        ("(0571) 8892 0054", "0571-88920054"),
        ("（０５７１）８８９２００５４", "0571-88920054"),
        ("+86 571 88920054", "0571-88920054"),
        ("+86 0571-88920054", "0571-88920054"),
        ("+86 (0)571 8892-0054", "0571-88920054"),
        ("0571-8892005", "0571-8892005"),
        ("01088888888", "010-88888888"),
        ("+86-10-8888-8888", "010-88888888"),
        ("0571-88920054-123", "0571-88920054x123"),
        ("0571-88920054转123", "0571-88920054x123"),
        ("0571-88920054 转 123", "0571-88920054x123"),
        ("0571-88920054分机号：123", "0571-88920054x123"),
        ("0571-88920054 ext 123", "0571-88920054x123"),
        ("0571-88920054 Ext. 123", "0571-88920054x123"),
        ("0571-88920054#123", "0571-88920054x123"),
        ("0571-8892-0054-123", "0571-88920054x123"),
        ("0755-2345678-1", "0755-2345678x1"),
        ("13800138000-1234", "13800138000x1234"),
        ("138-0013-8000-1234", "13800138000x1234"),
        ("13800138000转1234", "13800138000x1234"),
        ("13800138000,1234", "13800138000x1234"),
        ("9501312345678", "9501312345678"),
        ("95013 1234 5678-0001", "9501312345678x0001"),
        ("400-123-4567", "4001234567"),
        ("+852 6123 4567", "+85261234567"),
        ("00853-6612-3456", "+85366123456"),
        ("+886 (0)912 345 678", "+886912345678"),
        ("886 912 345 678", "+886912345678"),
    ],
)
def test_fixed_lines_extensions_and_regions_have_one_spelling(typed, canonical):
    assert normal_phone(typed) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "1380013800",
        "138001380001",
        "12800138000",
        "88920054",
        "0571-08920054",
        "13800138000,13900139000",
        "13800138000/13900139000",
        "13800138000 张三",
        "+1 212 555 0100",
        "++8613800138000",
        "٠١٢٣٤٥٦٧٨٩٠",
        "1380013800०",
        "x123",
        "13800138000x1234567",
        "1" * 10_000,
        "\ufdfa" * 10_000,
    ],
)
def test_what_is_no_phone_is_refused(typed):
    assert refusal(normal_phone, typed) == "not_a_phone"


@given(st.text(max_size=40))
def test_any_text_gives_a_canonical_phone_or_a_refusal(text):
    try:
        number = normal_phone(text)
    except InvalidValue as refused:
        assert refused.reason == "not_a_phone"  # noqa: PT017 - both outcomes are fine, a third is not
    else:
        assert normal_phone(number) == number


def test_a_refusal_names_the_field_and_not_the_value():
    with pytest.raises(InvalidValue) as caught:
        normal_phone("1380013800", field="other_contact")
    assert caught.value.facts == {"field": "other_contact"}
    assert "1380013800" not in str(caught.value)


# -- identity documents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["990000189912310011", "99000018991231002X"])
def test_the_synthetic_vectors_hold(number):
    assert normal_id_number(number, IdType.RESIDENT_ID) == number


@given(resident_ids())
def test_a_resident_number_with_the_iso_7064_character_is_taken(number):
    assert normal_id_number(number, IdType.RESIDENT_ID) == number
    assert normal_id_number(number, IdType.TEMPORARY_ID) == number


@given(resident_ids(), st.data())
def test_spelling_does_not_change_a_resident_number(number, data):
    gap = data.draw(st.sampled_from(GAPS))
    typed = gap.join([number[:6], number[6:14], number[14:]]).lower().translate(FULL_WIDTH)
    assert normal_id_number(typed, IdType.RESIDENT_ID) == number


@given(resident_ids(), st.integers(0, 16), st.integers(1, 9))
def test_any_single_wrong_digit_in_a_resident_number_is_found(number, place, shift):
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert refusal(normal_id_number, wrong, IdType.RESIDENT_ID) in {"wrong_check_digit", "impossible_date"}


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", "wrong_length"),
        ("99000018991231001", "wrong_length"),
        ("9900001899123100111", "wrong_length"),
        ("9" * 10_000, "wrong_length"),
        ("990000189912310012", "wrong_check_digit"),
        ("99000018991231001X", "wrong_check_digit"),
        (with_check("99000020230229001"), "impossible_date"),
        (with_check("99000020231301001"), "impossible_date"),
        (with_check("99000017991231001"), "impossible_date"),
        (with_check("99000000000101001"), "impossible_date"),
        ("9900001899123100A1", "wrong_form"),
        ("X90000189912310011", "wrong_form"),
        ("990000991301001", "impossible_date"),
        ("99000099123100X", "wrong_form"),
    ],
)
def test_a_wrong_resident_number_tells_why(number, reason):
    assert refusal(normal_id_number, number, IdType.RESIDENT_ID) == reason


def test_a_leap_day_is_a_birth_date():
    number = with_check("99000020240229001")
    assert normal_id_number(number, IdType.RESIDENT_ID) == number


def test_an_old_number_of_15_digits_is_kept_as_it_is():
    assert normal_id_number("990000 991231 001", IdType.RESIDENT_ID) == "990000991231001"


@pytest.mark.parametrize(
    ("id_type", "typed", "canonical"),
    [
        (IdType.HK_MACAU_PERMIT, "h12345678", "H12345678"),
        (IdType.HK_MACAU_PERMIT, "M12345678 01", "M1234567801"),
        (IdType.HK_MACAU_PERMIT, "HA1234567", "HA1234567"),
        (IdType.TAIWAN_PERMIT, "12345678", "12345678"),
        (IdType.TAIWAN_PERMIT, "0012345601(A)", "0012345601A"),
        (IdType.PASSPORT, "e 12345678", "E12345678"),
        (IdType.PASSPORT, "ＥＡ１２３４５６７", "EA1234567"),
        (IdType.PASSPORT, "12AB34567", "12AB34567"),
        (IdType.FOREIGNER_RESIDENCE, "abc123456789012", "ABC123456789012"),
        (IdType.FOREIGNER_RESIDENCE, "990000189912310011", "990000189912310011"),
        (IdType.RESIDENCE_PERMIT_HMT, with_check("81990018991231001"), with_check("81990018991231001")),
        (IdType.MILITARY_ID, "南字第01234567号", "南字01234567"),
        (IdType.MILITARY_ID, "南字01234567", "南字01234567"),
        (IdType.CREDIT_CODE, "91350100m000100y43", "91350100M000100Y43"),
    ],
)
def test_other_documents_have_one_spelling(id_type, typed, canonical):
    assert normal_id_number(typed, id_type) == canonical


@pytest.mark.parametrize(
    ("id_type", "number", "reason"),
    [
        (IdType.HK_MACAU_PERMIT, "H1234567", "wrong_length"),
        (IdType.HK_MACAU_PERMIT, "A12345678", "wrong_form"),
        (IdType.TAIWAN_PERMIT, "1234567", "wrong_length"),
        (IdType.TAIWAN_PERMIT, "1234567A", "wrong_form"),
        (IdType.PASSPORT, "E123", "wrong_length"),
        (IdType.PASSPORT, "ABCDEFGHI", "wrong_form"),
        (IdType.PASSPORT, "E1234567张", "wrong_form"),
        (IdType.PASSPORT, "ı12345678", "wrong_form"),
        (IdType.FOREIGNER_RESIDENCE, "AB1234567890123", "wrong_form"),
        (IdType.FOREIGNER_RESIDENCE, "ABC12345678901", "wrong_length"),
        (IdType.FOREIGNER_RESIDENCE, with_check("81990018991231001"), "wrong_form"),
        (IdType.RESIDENCE_PERMIT_HMT, "990000189912310011", "wrong_form"),
        (IdType.RESIDENCE_PERMIT_HMT, "819900991231001", "wrong_length"),
        (IdType.MILITARY_ID, "南字", "wrong_length"),
        (IdType.MILITARY_ID, "南北东西第123", "wrong_form"),
        (IdType.CREDIT_CODE, "91350100M000100Y44", "wrong_check_digit"),
        (IdType.CREDIT_CODE, "91350100M000100O43", "wrong_form"),
        (IdType.CREDIT_CODE, "91350100M000100Y4", "wrong_length"),
    ],
)
def test_a_wrong_document_number_tells_why(id_type, number, reason):
    assert refusal(normal_id_number, number, id_type) == reason


@given(st.text(max_size=40), st.sampled_from(IdType))
def test_any_text_gives_a_canonical_id_number_or_a_known_reason(text, id_type):
    try:
        number = normal_id_number(text, id_type)
    except InvalidValue as refused:
        reasons = {"wrong_length", "wrong_form", "impossible_date", "wrong_check_digit"}
        assert refused.reason in reasons  # noqa: PT017 - both outcomes are fine, a third is not
    else:
        assert normal_id_number(number, id_type) == number


def test_every_id_type_has_a_chinese_name_and_answers_to_its_id():
    assert set(ID_TYPE_NAMES.values()) == set(IdType)
    assert id_type_of(" 居民身份证 ") is IdType.RESIDENT_ID
    assert id_type_of("passport") is IdType.PASSPORT
    assert refusal(id_type_of, "学生证") == "unknown_id_type"


# -- waybills ------------------------------------------------------------------------------------------------------


@given(st.from_regex(r"(YT|SF)[0-9]{13}", fullmatch=True), st.sampled_from(GAPS), st.booleans())
def test_all_spellings_of_a_waybill_are_the_same_number(number, gap, wide):
    typed = gap.join([number[:2], number[2:6], number[6:]]).lower()
    waybill = normal_waybill(typed.translate(FULL_WIDTH) if wide else typed, PATTERNS)
    assert waybill == Waybill(number, "yto" if number.startswith("YT") else "sf")
    assert find_waybill(typed, PATTERNS) == waybill


@pytest.mark.parametrize("typed", ["YT123456789012", "YT12345678901234", "YTO1234567890123", "", "YT" * 5000])
def test_a_digit_too_few_or_too_many_is_no_waybill(typed):
    assert refusal(normal_waybill, typed, PATTERNS) == "not_a_waybill"


@pytest.mark.parametrize("number", ["EE123456785CN", "RR473124829GB", "EE000000005CN"])
def test_the_s10_vectors_hold(number):
    assert normal_waybill(number, PATTERNS) == Waybill(number, "post")


@given(st.from_regex(r"[A-Z]{2}[0-9]{9}CN", fullmatch=True))
def test_one_s10_check_digit_of_ten_is_right(number):
    taken = []
    for digit in "0123456789":
        try:
            taken.append(normal_waybill(number[:10] + digit + "CN", PATTERNS))
        except InvalidValue as refused:
            assert refused.reason == "wrong_check_digit"  # noqa: PT017 - the other nine
    assert len(taken) == 1


def test_the_first_pattern_decides_even_when_its_check_fails():
    patterns = (*PATTERNS, WaybillPattern("any", re.compile(r"[A-Z0-9]+")))
    assert refusal(normal_waybill, "EE123456784CN", patterns) == "wrong_check_digit"


def test_an_s10_check_on_a_pattern_of_another_shape_refuses():
    patterns = (WaybillPattern("odd", re.compile(r"[A-Z0-9]+"), "s10"),)
    assert refusal(normal_waybill, "EE12345678CN", patterns) == "wrong_check_digit"


def test_an_unusual_sf_check_digit_warns_and_refuses_nothing():
    assert normal_waybill("001123456789", PATTERNS) == Waybill("001123456789", "sf_digits")
    assert normal_waybill("001123456788", PATTERNS).warnings == ("unusual_check_digit",)
    long = (WaybillPattern("sf", re.compile(r"SF[0-9]{13}"), "sf_warn"),)
    assert normal_waybill("SF1234567890123", long).warnings == ()


@pytest.mark.parametrize(
    ("pasted", "number"),
    [
        ("SF1234567890123 张三", "SF1234567890123"),
        ("单号：ｙｔ１２３４５６７８９０１２３，谢谢", "YT1234567890123"),
        ("SF 1234 5678 90123 张三 13800138000", "SF1234567890123"),
        ("JD12345678901 WANG", "JD12345678901"),
        ("(EE 123 456 785 CN)", "EE123456785CN"),
        ("张三 001123456789", "001123456789"),
        ("张三 0011 2345 6789", "001123456789"),
        ("13800138000 YT1234567890123", "YT1234567890123"),
    ],
)
def test_a_pasted_text_keeps_its_waybill(pasted, number):
    found = find_waybill(pasted, PATTERNS)
    assert found
    assert found.number == number


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "张三",
        "张三 13800138000",
        "张三 0571-88920054",
        "1101 0519 4912 3100 21",
        "EE123456784CN 张三",
        "A " * 10_000,
    ],
)
def test_a_text_without_a_waybill_has_none(pasted):
    assert find_waybill(pasted, PATTERNS) is None


# -- the search box and the company's own numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kind", "normal"),
    [
        ("99000018991231002x", "id_number", "99000018991231002X"),
        ("990000 18991231 0011", "id_number", "990000189912310011"),
        ("+86 138-0013-8000", "phone", "13800138000"),
        ("013800138000", "phone", "13800138000"),
        ("057188920054", "phone", "0571-88920054"),
        ("0571-88920054-1", "phone", "0571-88920054x1"),
        ("+852 6123 4567", "phone", "+85261234567"),
        ("8613800138000", "phone", "13800138000"),
        ("861088888888", "waybill", "861088888888"),
        ("95013 1234 5678", "phone", "9501312345678"),
        ("9501 3123 4567", "waybill", "950131234567"),
        ("yt1234567890123", "waybill", "YT1234567890123"),
        ("SF1234567890123 张三", "waybill", "SF1234567890123"),
        ("990000991231001", "waybill", "990000991231001"),
        ("91350100M000100Y43", "id_number", "91350100M000100Y43"),
        ("E12345678", "id_number", "E12345678"),
        ("h12345678", "id_number", "H12345678"),
        ("12345678", "id_number", "12345678"),
        ("ABC123456789012", "id_number", "ABC123456789012"),
        ("南字第01234567号", "id_number", "南字01234567"),
    ],
)
def test_the_search_box_knows_what_was_typed(typed, kind, normal):
    assert identify(typed, PATTERNS) == (IdentifierKind(kind), normal)


def test_an_old_id_number_is_known_where_no_carrier_uses_15_digits():
    assert identify("990000991231001", ()) == (IdentifierKind.ID_NUMBER, "990000991231001")


@given(resident_ids())
def test_a_resident_number_goes_before_any_waybill_pattern(number):
    patterns = (WaybillPattern("any", re.compile(r"[0-9A-Z]{18}")),)
    assert identify(number, patterns) == (IdentifierKind.ID_NUMBER, number)


@given(phones)
def test_a_phone_is_found_in_the_search_box_by_its_canonical_spelling(number):
    assert identify(number, ()) == (IdentifierKind.PHONE, number)


@pytest.mark.parametrize(
    "typed",
    ["", "张三", "1380013800", "990000189912310012", "YT123456789012", "EE123456784CN", "某字某号", "1" * 10_000],
)
def test_what_is_no_identifier_is_not_recognised(typed):
    with pytest.raises(InvalidValue) as caught:
        identify(typed, PATTERNS)
    assert (caught.value.reason, caught.value.facts) == ("not_recognised", {"field": "number"})


@given(st.text(max_size=30), st.sampled_from([(), PATTERNS]))
def test_any_text_in_the_search_box_gives_a_kind_or_the_one_refusal(text, patterns):
    try:
        kind, normal = identify(text, patterns)
    except InvalidValue as refused:
        assert refused.reason == "not_recognised"  # noqa: PT017 - both outcomes are fine, a third is not
    else:
        assert identify(normal, patterns) == (kind, normal)


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        (" c100-a_b/1.2 ", ["source_number"]),
        ("E12345678", ["id_number", "source_number"]),
        ("138 0013 8000", ["phone"]),
        ("13800138000", ["phone", "source_number"]),
        ("YT1234567890123", ["waybill", "source_number"]),
    ],
)
def test_a_number_is_read_in_every_way_it_can_be(typed, kinds):
    assert [kind.value for kind, _ in readings(typed, PATTERNS)] == kinds


@pytest.mark.parametrize("typed", ["", "ABC", "张三", "某字某号", "C 1", "1" * 10_000])
def test_what_can_be_read_in_no_way_is_not_recognised(typed):
    with pytest.raises(InvalidValue) as caught:
        readings(typed, PATTERNS)
    assert (caught.value.reason, caught.value.facts) == ("not_recognised", {"field": "number"})


def test_a_source_number_is_trimmed_and_in_upper_case():
    assert normal_source_number("\u3000ｃ100-a_b/1.2 ", "source_number") == "C100-A_B/1.2"
    assert normal_source_number("c" * 64, "source_number") == "C" * 64


@pytest.mark.parametrize("typed", ["", "  ", "C 1", "C" * 65, "客户1", "straße", "C1\n2", "=C1", "\ufdfa" * 60])
def test_a_source_number_has_a_closed_alphabet(typed):
    assert refusal(normal_source_number, typed, "source_number") == "not_a_source_number"
