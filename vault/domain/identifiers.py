"""Identifiers people type: phone, ID and waybill numbers, each brought to one canonical spelling or refused.

Equal numbers must give equal text here, or their blind-index tags differ and a look-up misses. Every function is
pure; the ones an import runs for each row answer plain ASCII input without Unicode normalisation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from operator import mul
from types import MappingProxyType
from typing import Literal

from vault.errors import InvalidValue


class IdentifierKind(StrEnum):
    """The kinds of identifier a record can be found by; each has its own blind-index key."""

    PHONE = "phone"
    ID_NUMBER = "id_number"
    WAYBILL = "waybill"
    SOURCE_NUMBER = "source_number"


class IdType(StrEnum):
    """The identity documents a courier may register (real-name rules, 实名收寄), and the organisation's code."""

    RESIDENT_ID = "resident_id"
    TEMPORARY_ID = "temporary_id"
    MILITARY_ID = "military_id"
    HK_MACAU_PERMIT = "hk_macau_permit"
    TAIWAN_PERMIT = "taiwan_permit"
    RESIDENCE_PERMIT_HMT = "residence_permit_hmt"
    PASSPORT = "passport"
    FOREIGNER_RESIDENCE = "foreigner_residence"
    CREDIT_CODE = "credit_code"


ID_TYPE_NAMES = MappingProxyType(
    {
        "居民身份证": IdType.RESIDENT_ID,
        "身份证": IdType.RESIDENT_ID,
        "临时居民身份证": IdType.TEMPORARY_ID,
        "临时身份证": IdType.TEMPORARY_ID,
        "军人身份证件": IdType.MILITARY_ID,
        "军人证": IdType.MILITARY_ID,
        "军官证": IdType.MILITARY_ID,
        "士兵证": IdType.MILITARY_ID,
        "武警身份证件": IdType.MILITARY_ID,
        "警官证": IdType.MILITARY_ID,
        "港澳居民来往内地通行证": IdType.HK_MACAU_PERMIT,
        "港澳通行证": IdType.HK_MACAU_PERMIT,
        "回乡证": IdType.HK_MACAU_PERMIT,
        "台湾居民来往大陆通行证": IdType.TAIWAN_PERMIT,
        "台胞证": IdType.TAIWAN_PERMIT,
        "港澳台居民居住证": IdType.RESIDENCE_PERMIT_HMT,
        "港澳居民居住证": IdType.RESIDENCE_PERMIT_HMT,
        "台湾居民居住证": IdType.RESIDENCE_PERMIT_HMT,
        "护照": IdType.PASSPORT,
        "外国人永久居留身份证": IdType.FOREIGNER_RESIDENCE,
        "外国人永久居留证": IdType.FOREIGNER_RESIDENCE,
        "统一社会信用代码": IdType.CREDIT_CODE,
        "营业执照": IdType.CREDIT_CODE,
    }
)

WaybillCheck = Literal["none", "s10", "sf_warn"]


@dataclass(frozen=True, slots=True)
class WaybillPattern:
    """One carrier's number format, from the policy file.

    Args:
        carrier: the carrier's id.
        pattern: matched against the whole number (upper case, no separators).
        check: ``s10`` refuses a wrong UPU S10 check digit, ``sf_warn`` warns about an unusual SF one.
    """

    carrier: str
    pattern: re.Pattern[str]
    check: WaybillCheck = "none"


@dataclass(frozen=True, slots=True)
class Waybill:
    """A recognised waybill number.

    Args:
        number: the canonical number.
        carrier: the id of the carrier whose pattern matched.
        warnings: ids of doubts that refuse nothing, such as ``unusual_check_digit``.
    """

    number: str
    carrier: str
    warnings: tuple[str, ...] = ()


# -- spelling ----------------------------------------------------------------------------------------------------

_LONGEST_TYPED = 64  # characters; bounds the work (and NFKC growth) for one number
_LONGEST_PASTED = 200  # characters of text around a pasted waybill
_MOST_GROUPS = 6  # a number written in groups, such as "EE 123 456 785 CN", has at most this many

_FOLD: dict[int, str] = {
    # What NFKC leaves: hyphens and dashes, dots, line separators, and marks that phones and chats put around numbers.
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2500\u30fc"), "-"),
    **dict.fromkeys(map(ord, "\u00b7\u2022\u2027\u2219\u22c5\u3002\u30fb"), "."),
    **dict.fromkeys((0x85, 0x1680, 0x2028, 0x2029), " "),
    **dict.fromkeys((0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF), ""),
    # ASCII letters only: str.upper() would also turn a dotless i or a sharp s into plain letters.
    **{code: chr(code - 32) for code in range(ord("a"), ord("z") + 1)},
}
_NO_GAPS = str.maketrans("", "", " \t\n\r\f\v-.")
_NO_GAPS_OR_BRACKETS = str.maketrans("", "", " \t\n\r\f\v-.()[]")


def _folded(text: str) -> str:
    """Return the text in half width and upper case, with one kind of space, hyphen and dot."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKC", text).translate(_FOLD)


# -- phone numbers -----------------------------------------------------------------------------------------------

_PLAIN_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_MOBILE = re.compile(r"(?:(?:\+|00)?86)?0?(1[3-9][0-9]{9})")
_REGION = re.compile(r"(?:\+|00)?(?:(85[23])([2-9][0-9]{7})|(886)0?([2-9][0-9]{7,8}))")
_SERVICE = re.compile(r"(?:(?:\+|00)?86)?([48]00[0-9]{7})|(95[0-9]{8,14})")
# Area codes 010 and 02x have three digits, all others four, so the digits alone fix where the area code ends.
_FIXED = re.compile(r"(?:(?:\+|00)?860?|0)(10|2[0-9]|[3-9][0-9]{2})([1-9][0-9]{6,7})")
_EXTENSION_MARK = re.compile(r"(.*[0-9)\]])[\s-]*(?:;?EXT[.=]?|X|转|轉|分机号?|#|,)[\s:.-]*([0-9]{1,6})", re.DOTALL)
_EXTENSION_HYPHEN = re.compile(r"(.*[0-9)\]])\s*-\s*([0-9]{1,6})", re.DOTALL)
_UNBROKEN_END = re.compile(r"[0-9]{7}\Z")


def normal_phone(text: str, field: str = "phone") -> str:
    """Return the one canonical spelling of a phone number.

    Forms: mainland mobile ``13800138000``; fixed line ``0571-88920054``; 400, 800 and 95… privacy numbers as their
    digits; ``+852…``, ``+853…``, ``+886…``; any of them with an extension as ``…x123``. The area code of a fixed line
    is required. A short group after a hyphen is an extension when the digits before it stand unbroken and are a
    number (``0755-2345678-1``), or when the whole is no number (``138-0013-8000-12``).

    Args:
        text: what was typed or imported; full width, country prefix, spaces, dashes, dots and brackets are fine.
        field: the field named in the refusal.

    Returns:
        The canonical number, at most 24 characters.

    Raises:
        InvalidValue: ``not_a_phone``.
    """
    if _PLAIN_MOBILE.fullmatch(text):
        return text
    number = _read_phone(text)
    if number is None:
        raise InvalidValue("not_a_phone", field=field)
    return number


def _read_phone(text: str) -> str | None:
    if len(text) > _LONGEST_TYPED:
        return None
    spelled = _folded(text).strip()
    if marked := _EXTENSION_MARK.fullmatch(spelled):
        return _extended(marked)
    hyphened = _EXTENSION_HYPHEN.fullmatch(spelled)
    if hyphened and _UNBROKEN_END.search(hyphened[1]) and (number := _extended(hyphened)):
        return number
    return _bare_phone(spelled) or (_extended(hyphened) if hyphened else None)


def _extended(split: re.Match[str]) -> str | None:
    number = _bare_phone(split[1])
    return f"{number}x{split[2]}" if number else None


def _bare_phone(spelled: str) -> str | None:
    digits = spelled.translate(_NO_GAPS_OR_BRACKETS)
    if found := _MOBILE.fullmatch(digits):
        return found[1]
    if found := _REGION.fullmatch(digits):
        return f"+{found[1] or found[3]}{found[2] or found[4]}"
    if found := _SERVICE.fullmatch(digits):
        return found[1] or found[2]
    if found := _FIXED.fullmatch(digits):
        return f"0{found[1]}-{found[2]}"
    return None


# -- identity documents ------------------------------------------------------------------------------------------

_RESIDENT_18 = re.compile(r"[0-9]{17}[0-9X]")
_RESIDENT_15 = re.compile(r"[0-9]{15}")
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_EARLIEST_BIRTH_YEAR = 1800
_CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
_CREDIT_CODE = re.compile(rf"[{_CREDIT_CHARACTERS}]{{18}}")
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_HMT_AREA = ("81", "82", "83")  # Hong Kong, Macau, Taiwan
_FOREIGNER_OLD = re.compile(r"[A-Z]{3}[0-9]{12}")
_LONG, _SHORT = 18, 15

_SHAPES: dict[IdType, tuple[range, re.Pattern[str]]] = {
    IdType.MILITARY_ID: (range(6, 19), re.compile(r"[\u4e00-\u9fa5]{1,4}字[0-9]{4,9}|[A-Z0-9]{6,18}")),
    IdType.HK_MACAU_PERMIT: (range(9, 12), re.compile(r"[HM](?:[0-9]{8}|[0-9]{10}|[A-Z][0-9]{7})")),
    IdType.TAIWAN_PERMIT: (range(8, 12), re.compile(r"[0-9]{8}|[0-9]{10}[A-Z]?")),
    IdType.PASSPORT: (range(5, 18), re.compile(r"(?=[A-Z]*[0-9])[A-Z0-9]+")),
}


def id_type_of(text: str) -> IdType:
    """Return the ID type for its Chinese name or its id.

    Args:
        text: such as ``居民身份证`` or ``resident_id``.

    Returns:
        The ID type.

    Raises:
        InvalidValue: ``unknown_id_type``.
    """
    name = "".join(text.split())
    if name in ID_TYPE_NAMES:
        return ID_TYPE_NAMES[name]
    try:
        return IdType(name)
    except ValueError:
        raise InvalidValue("unknown_id_type", field="id_type") from None


def normal_id_number(text: str, id_type: IdType, field: str = "id_number") -> str:
    """Return the one canonical spelling of an ID number: upper case, half width, no separators.

    Resident numbers follow GB 11643 (birth date, ISO 7064 MOD 11-2 check character); the old ones of 15 digits are
    kept as they are, since the century cannot be proved. Area codes are not checked: they change every year. Credit
    codes follow GB 32100. Permits and passports have no public check digit, so only their shape is checked.

    Args:
        text: what was typed or imported.
        id_type: the document it was read from.
        field: the field named in the refusal.

    Returns:
        The canonical number; it does not depend on ``id_type``, except that a military ID loses 第 and 号.

    Raises:
        InvalidValue: ``wrong_length``, ``wrong_form``, ``impossible_date`` or ``wrong_check_digit`` (CE-03).
    """
    if len(text) > _LONGEST_TYPED:
        raise InvalidValue("wrong_length", field=field)
    number = _folded(text).translate(_NO_GAPS_OR_BRACKETS)
    if id_type is IdType.MILITARY_ID:
        number = number.replace("字第", "字").removesuffix("号")
    fault = _ID_FAULTS[id_type](number) if id_type in _ID_FAULTS else _shape_fault(number, id_type)
    if fault:
        raise InvalidValue(fault, field=field)
    return number


def _shape_fault(number: str, id_type: IdType) -> str:
    lengths, shape = _SHAPES[id_type]
    if len(number) not in lengths:
        return "wrong_length"
    return "" if shape.fullmatch(number) else "wrong_form"


def _resident_fault(number: str) -> str:
    if len(number) == _LONG:
        if not _RESIDENT_18.fullmatch(number):
            return "wrong_form"
        if not _is_birth_date(number[6:10], number[10:12], number[12:14]):
            return "impossible_date"
        remainder = sum(map(mul, _RESIDENT_WEIGHTS, map(int, number[:17]))) % 11
        return "" if number[17] == "10X98765432"[remainder] else "wrong_check_digit"
    if len(number) == _SHORT:
        if not _RESIDENT_15.fullmatch(number):
            return "wrong_form"
        return "" if _is_birth_date("19" + number[6:8], number[8:10], number[10:12]) else "impossible_date"
    return "wrong_length"


def _residence_permit_fault(number: str) -> str:
    if len(number) != _LONG:
        return "wrong_length"
    return _resident_fault(number) if number.startswith(_HMT_AREA) else "wrong_form"


def _foreigner_fault(number: str) -> str:
    if len(number) == _SHORT:
        return "" if _FOREIGNER_OLD.fullmatch(number) else "wrong_form"
    if len(number) != _LONG:
        return "wrong_length"
    return _resident_fault(number) if number.startswith("9") else "wrong_form"


def _credit_code_fault(number: str) -> str:
    if len(number) != _LONG:
        return "wrong_length"
    if not _CREDIT_CODE.fullmatch(number):
        return "wrong_form"
    total = sum(map(mul, _CREDIT_WEIGHTS, map(_CREDIT_CHARACTERS.index, number[:17])))
    return "" if number[17] == _CREDIT_CHARACTERS[-total % 31] else "wrong_check_digit"


def _is_birth_date(year: str, month: str, day: str) -> bool:
    try:
        return date(int(year), int(month), int(day)).year >= _EARLIEST_BIRTH_YEAR
    except ValueError:
        return False


_ID_FAULTS: dict[IdType, Callable[[str], str]] = {
    IdType.RESIDENT_ID: _resident_fault,
    IdType.TEMPORARY_ID: _resident_fault,
    IdType.RESIDENCE_PERMIT_HMT: _residence_permit_fault,
    IdType.FOREIGNER_RESIDENCE: _foreigner_fault,
    IdType.CREDIT_CODE: _credit_code_fault,
}


# -- waybill numbers ---------------------------------------------------------------------------------------------

_S10 = re.compile(r"[A-Z]{2}([0-9]{8})([0-9])[A-Z]{2}")
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_SF_DIGITS = re.compile(r"[0-9]{3}([0-9]{8})([0-9])")
_NOT_IN_A_NUMBER = re.compile(r"[^A-Z0-9\s.-]+")


def normal_waybill(text: str, patterns: Sequence[WaybillPattern], field: str = "waybill") -> Waybill:
    """Return the waybill that the text, as a whole, spells.

    Args:
        text: what was typed, scanned or imported; full width, lower case, spaces, hyphens and dots are fine.
        patterns: the carriers' formats in policy order; the first that matches decides, a failed check included.
        field: the field named in the refusal.

    Returns:
        The number, its carrier, and warnings.

    Raises:
        InvalidValue: ``not_a_waybill`` when no format matches, ``wrong_check_digit`` (UPU S10) (CE-03).
    """
    if len(text) > _LONGEST_TYPED:
        raise InvalidValue("not_a_waybill", field=field)
    number = _folded(text).translate(_NO_GAPS)
    for known in patterns:
        if known.pattern.fullmatch(number):
            if known.check == "s10" and not _s10_holds(number):
                raise InvalidValue("wrong_check_digit", field=field)
            doubtful = known.check == "sf_warn" and not _sf_holds(number)
            return Waybill(number, known.carrier, ("unusual_check_digit",) if doubtful else ())
    raise InvalidValue("not_a_waybill", field=field)


def find_waybill(text: str, patterns: Sequence[WaybillPattern]) -> Waybill | None:
    """Return the first waybill inside a pasted text such as ``SF1234567890123 张三``.

    Words that begin with a letter are tried alone and then joined with the words after them, then all words between
    two marks or Chinese characters as one, then each word of bare digits. Nothing that reads as a mobile or fixed-line
    number is tried, and digits are never joined in part: the groups of a phone or ID number are no waybill.

    Args:
        text: what was pasted, at most 200 characters.
        patterns: the carriers' formats in policy order.

    Returns:
        The waybill, or None.
    """
    if len(text) > _LONGEST_PASTED:
        return None
    for part in _NOT_IN_A_NUMBER.split(_folded(text)):
        for candidate in _candidates(part.split()):
            if not _is_plainly_a_phone(candidate):
                try:
                    return normal_waybill(candidate, patterns)
                except InvalidValue:
                    continue
    return None


def _candidates(words: list[str]) -> Iterator[str]:
    lettered = [place for place, word in enumerate(words) if word[0].isalpha()]
    for count in range(1, _MOST_GROUPS + 1):
        for place in lettered:
            if place + count <= len(words):
                yield "".join(words[place : place + count])
    yield "".join(words)
    yield from (word for word in words if not word[0].isalpha())


def _s10_holds(number: str) -> bool:
    found = _S10.fullmatch(number)
    if not found:
        return False
    check: int = 11 - sum(map(mul, _S10_WEIGHTS, map(int, found[1]))) % 11
    return int(found[2]) == {10: 0, 11: 5}.get(check, check)


def _sf_holds(number: str) -> bool:
    """Tell whether a 12-digit SF number has the usual check digit; the rule is unofficial, other lengths have none."""
    found = _SF_DIGITS.fullmatch(number)
    if not found:
        return True
    products = (int(digit) * weight for digit, weight in zip(reversed(found[1]), range(1, 16, 2), strict=True))
    return int(found[2]) == -sum(product // 10 + product % 10 for product in products) % 10


# -- the company's own numbers, and the single search box --------------------------------------------------------

_SOURCE_NUMBER = re.compile(r"[A-Z0-9._/-]{1,64}")
_PLAIN_PHONE_START = re.compile(r"[+01]")
# A letter and at least five digits, or eight or nine digits; ten bare digits are more often a phone with one missing.
_TYPED_DOCUMENT = re.compile(r"[0-9]{8,9}|(?=[0-9]*[A-Z])(?=(?:[A-Z]*[0-9]){5})[A-Z0-9]{6,12}|[A-Z]{3}[0-9]{12}")


def normal_source_number(text: str, field: str = "source_number") -> str:
    """Return the canonical spelling of the company's own record number (客户编号, 记录编号).

    Args:
        text: what was imported; trimmed, NFKC, upper case.
        field: the field named in the refusal.

    Returns:
        1 to 64 characters of ``A-Z 0-9 . _ / -``.

    Raises:
        InvalidValue: ``not_a_source_number``.
    """
    number = text.strip()
    if len(number) <= _LONGEST_TYPED:
        number = unicodedata.normalize("NFKC", number).strip()
        number = number.upper() if number.isascii() else ""
        if _SOURCE_NUMBER.fullmatch(number):
            return number
    raise InvalidValue("not_a_source_number", field=field)


def identify(text: str, patterns: Sequence[WaybillPattern]) -> tuple[IdentifierKind, str]:
    """Tell which identifier somebody typed into the single search box, and its canonical spelling.

    The first rule that holds decides:

    1. 18 characters with a real birth date and the right check character are an ID number, whatever a carrier's
       pattern says: one number in several thousand would pass by chance.
    2. A mobile, a fixed line, or anything written with ``+`` or ``00`` is a phone.
    3. A waybill of a known carrier, alone or inside a pasted text. It goes before bare digits that begin with 86, 852,
       853, 886, 400, 800 or 95 and could be a phone, and before 15 digits that could be an ID number of the first
       generation.
    4. Those other phones.
    5. Credit codes, old resident numbers, permits, passports and military IDs, by shape. A waybill typed in part may
       look like a passport: both are a miss.

    Args:
        text: what was typed or pasted.
        patterns: the carriers' formats in policy order.

    Returns:
        The kind (phone, ID number or waybill) and the canonical spelling.

    Raises:
        InvalidValue: ``not_recognised``, field ``number``.
    """
    compact = _folded(text[:_LONGEST_PASTED]).translate(_NO_GAPS_OR_BRACKETS)
    if len(compact) == _LONG and not _resident_fault(compact):
        return IdentifierKind.ID_NUMBER, compact
    phone = _read_phone(text)
    if phone and _PLAIN_PHONE_START.match(compact):
        return IdentifierKind.PHONE, phone
    if waybill := find_waybill(text, patterns):
        return IdentifierKind.WAYBILL, waybill.number
    if phone:
        return IdentifierKind.PHONE, phone
    if document := _read_document(compact):
        return IdentifierKind.ID_NUMBER, document
    raise InvalidValue("not_recognised", field="number")


def _read_document(compact: str) -> str | None:
    if _TYPED_DOCUMENT.fullmatch(compact):
        return compact
    for id_type in (IdType.CREDIT_CODE, IdType.RESIDENT_ID, IdType.MILITARY_ID):
        if id_type is IdType.MILITARY_ID and "字" not in compact:
            continue
        try:
            return normal_id_number(compact, id_type)
        except InvalidValue:
            continue
    return None


def _is_plainly_a_phone(text: str) -> bool:
    compact = text.translate(_NO_GAPS_OR_BRACKETS)
    return bool(_PLAIN_PHONE_START.match(compact)) and _read_phone(text) is not None
