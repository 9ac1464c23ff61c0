"""Phone numbers in all usual spellings, each brought to one canonical form or refused."""

from __future__ import annotations

import re

from vault.domain.spelling import LONGEST_TYPED, NO_GAPS_OR_BRACKETS, folded
from vault.errors import InvalidValue

PLAIN_PHONE_START = re.compile(r"[+01]")
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
    number = read_phone(text)
    if number is None:
        raise InvalidValue("not_a_phone", field=field)
    return number


def read_phone(text: str) -> str | None:
    """Return the canonical spelling, or None if the text is no phone number."""
    if len(text) > LONGEST_TYPED:
        return None
    spelled = folded(text).strip()
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
    digits = spelled.translate(NO_GAPS_OR_BRACKETS)
    if found := _MOBILE.fullmatch(digits):
        return found[1]
    if found := _REGION.fullmatch(digits):
        return f"+{found[1] or found[3]}{found[2] or found[4]}"
    if found := _SERVICE.fullmatch(digits):
        return found[1] or found[2]
    if found := _FIXED.fullmatch(digits):
        return f"0{found[1]}-{found[2]}"
    return None


def is_plainly_a_phone(text: str) -> bool:
    """Return whether a text can only be meant as a mobile, a fixed line or an international number."""
    compact = text.translate(NO_GAPS_OR_BRACKETS)
    return bool(PLAIN_PHONE_START.match(compact)) and read_phone(text) is not None
