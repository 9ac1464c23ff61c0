"""Waybill numbers by the carriers' patterns, which are policy data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Literal

from vault.domain.phones import is_plainly_a_phone
from vault.domain.spelling import LONGEST_PASTED, LONGEST_TYPED, NO_GAPS, folded
from vault.errors import InvalidValue

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


_MOST_GROUPS = 6  # a number written in groups, such as "EE 123 456 785 CN", has at most this many
_S10 = re.compile(r"[A-Z]{2}([0-9]{8})([0-9])[A-Z]{2}")
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_SF_DIGITS = re.compile(r"[0-9]{3}([0-9]{8})([0-9])")
_NOT_IN_A_NUMBER = re.compile(r"[^A-Z0-9\s.-]+")


_ATOM = r"(?:[0-9A-Z]|\[[0-9A-Z-]+\])"
_TIMES = r"(?:\{[0-9]{1,2}(?:,[0-9]{1,2})?\}|\?)?"
_SIMPLE_PATTERN = re.compile(rf"\^(?:{_ATOM}{_TIMES}|\(\?:(?:{_ATOM}{_TIMES}|\|)+\)\??)+\$")
_OPEN_ENDED = re.compile(r"\?(?!:)|,")
_MOST_OPEN_ENDED = 4


def is_bounded(pattern: str) -> bool:
    """Return whether a carrier's pattern is so simple that no typed text can keep it busy.

    Letters, digits, classes of them, counted repeats of one such, and optional groups; no repeat of a group and no
    repeat without an end, which are what makes matching take for ever.
    """
    return bool(_SIMPLE_PATTERN.fullmatch(pattern)) and len(_OPEN_ENDED.findall(pattern)) <= _MOST_OPEN_ENDED


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
    if len(text) > LONGEST_TYPED:
        raise InvalidValue("not_a_waybill", field=field)
    number = folded(text).translate(NO_GAPS)
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
    if len(text) > LONGEST_PASTED:
        return None
    for part in _NOT_IN_A_NUMBER.split(folded(text)):
        for candidate in _candidates(part.split()):
            if not is_plainly_a_phone(candidate):
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
