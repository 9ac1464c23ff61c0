"""Identifiers people type: what kind a number is, and the one canonical spelling by which it is found.

Equal numbers must give equal text here, or their blind-index tags differ and a look-up misses. Every function is
pure; the ones an import runs for each row answer plain ASCII input without Unicode normalisation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum

from vault.domain.id_numbers import RESIDENT_LENGTH, read_document, resident_fault
from vault.domain.phones import PLAIN_PHONE_START, read_phone
from vault.domain.spelling import LONGEST_PASTED, LONGEST_TYPED, NO_GAPS_OR_BRACKETS, folded
from vault.domain.waybills import WaybillPattern, find_waybill
from vault.errors import InvalidValue


class IdentifierKind(StrEnum):
    """The kinds of identifier a record can be found by; each has its own blind-index key."""

    PHONE = "phone"
    ID_NUMBER = "id_number"
    WAYBILL = "waybill"
    SOURCE_NUMBER = "source_number"


_SOURCE_NUMBER = re.compile(r"[A-Z0-9._/-]{1,64}")


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
    if len(number) <= LONGEST_TYPED:
        number = unicodedata.normalize("NFKC", number).strip()
        number = number.upper() if number.isascii() else ""
        if _SOURCE_NUMBER.fullmatch(number):
            return number
    raise InvalidValue("not_a_source_number", field=field)


def readings(text: str, patterns: Sequence[WaybillPattern]) -> tuple[tuple[IdentifierKind, str], ...]:
    """Return every way in which an officer's number can be read: by its kind, and as one of the company's own.

    A company's own number may look like a passport's or a waybill's, and only its records tell: whoever looks for all
    that carries a number looks for both.

    Args:
        text: what was typed or pasted.
        patterns: the carriers' formats in policy order.

    Returns:
        Kind and canonical spelling, the kind that :func:`identify` finds first.

    Raises:
        InvalidValue: ``not_recognised``, field ``number``.
    """
    found: list[tuple[IdentifierKind, str]] = []
    with suppress(InvalidValue):
        found.append(identify(text, patterns))
    with suppress(InvalidValue):
        own = normal_source_number(text)
        if any(one.isdigit() for one in own):
            found.append((IdentifierKind.SOURCE_NUMBER, own))
    if not found:
        raise InvalidValue("not_recognised", field="number")
    return tuple(found)


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
    compact = folded(text[:LONGEST_PASTED]).translate(NO_GAPS_OR_BRACKETS)
    if len(compact) == RESIDENT_LENGTH and not resident_fault(compact):
        return IdentifierKind.ID_NUMBER, compact
    phone = read_phone(text)
    if phone and PLAIN_PHONE_START.match(compact):
        return IdentifierKind.PHONE, phone
    if waybill := find_waybill(text, patterns):
        return IdentifierKind.WAYBILL, waybill.number
    if phone:
        return IdentifierKind.PHONE, phone
    if document := read_document(compact):
        return IdentifierKind.ID_NUMBER, document
    raise InvalidValue("not_recognised", field="number")
