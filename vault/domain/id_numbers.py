"""ID documents: which kinds there are, and their numbers in canonical form with their check characters."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from operator import mul
from types import MappingProxyType

from vault.domain.spelling import LONGEST_TYPED, NO_GAPS_OR_BRACKETS, folded
from vault.errors import InvalidValue


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


# A letter and at least five digits, or eight or nine digits; ten bare digits are more often a phone with one missing.
_TYPED_DOCUMENT = re.compile(r"[0-9]{8,9}|(?=[0-9]*[A-Z])(?=(?:[A-Z]*[0-9]){5})[A-Z0-9]{6,12}|[A-Z]{3}[0-9]{12}")
_RESIDENT_18 = re.compile(r"[0-9]{17}[0-9X]")
_RESIDENT_15 = re.compile(r"[0-9]{15}")
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_EARLIEST_BIRTH_YEAR = 1800
_CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
_CREDIT_CODE = re.compile(rf"[{_CREDIT_CHARACTERS}]{{18}}")
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_HMT_AREA = ("81", "82", "83")  # Hong Kong, Macau, Taiwan
_FOREIGNER_OLD = re.compile(r"[A-Z]{3}[0-9]{12}")
RESIDENT_LENGTH, _SHORT = 18, 15

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
    if len(text) > LONGEST_TYPED:
        raise InvalidValue("wrong_length", field=field)
    number = folded(text).translate(NO_GAPS_OR_BRACKETS)
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


def resident_fault(number: str) -> str:
    """Return why a folded text is no resident ID number (GB 11643), or an empty string."""
    if len(number) == RESIDENT_LENGTH:
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
    if len(number) != RESIDENT_LENGTH:
        return "wrong_length"
    return resident_fault(number) if number.startswith(_HMT_AREA) else "wrong_form"


def _foreigner_fault(number: str) -> str:
    if len(number) == _SHORT:
        return "" if _FOREIGNER_OLD.fullmatch(number) else "wrong_form"
    if len(number) != RESIDENT_LENGTH:
        return "wrong_length"
    return resident_fault(number) if number.startswith("9") else "wrong_form"


def _credit_code_fault(number: str) -> str:
    if len(number) != RESIDENT_LENGTH:
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
    IdType.RESIDENT_ID: resident_fault,
    IdType.TEMPORARY_ID: resident_fault,
    IdType.RESIDENCE_PERMIT_HMT: _residence_permit_fault,
    IdType.FOREIGNER_RESIDENCE: _foreigner_fault,
    IdType.CREDIT_CODE: _credit_code_fault,
}


def read_document(compact: str) -> str | None:
    """Return the canonical number of a document recognised by its shape alone, or None."""
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
