"""Legal holds: until when one may stand without a look, and what may name the document that asks for it."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date

from vault.domain.id_numbers import resident_fault
from vault.domain.spelling import folded
from vault.domain.waybills import WaybillPattern, find_waybill
from vault.errors import InvalidValue

MOST_SOURCE = 200
"""Characters of the name of a document."""

_MONTHS = 12
_GAP = r"[\s-]?"
_NUMBERS = tuple(
    re.compile(rf"(?<![0-9A-Z])(?:{shape})(?![0-9A-Z])")
    for shape in (
        rf"(?:86{_GAP})?1[3-9](?:{_GAP}[0-9]){{9}}",  # a mobile
        rf"0[0-9]{{2,3}}{_GAP}[0-9]{{7,8}}",  # a fixed line
        rf"\+[0-9](?:{_GAP}[0-9]){{7,14}}",  # a number abroad
        rf"[0-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9X]",  # an ID number
        r"[A-Z]{1,2}[0-9]{7,8}",  # a passport, a permit
    )
)
_OLD_ID_NUMBER = re.compile(r"(?<![0-9A-Z])[0-9]{15}(?![0-9A-Z])")
_OWN_NUMBER = re.compile(r"(?<![0-9A-Z])[0-9]+(?=号)")
"""The number of a document is written so, and some carriers' waybills are bare digits too."""


def latest_review(today: date, months: int) -> date:
    """Return the last day on which a hold is looked at again.

    Args:
        today: the date in the company's time zone.
        months: so many calendar months later, or on the last day of a shorter month.
    """
    year, month = today.year + (today.month - 1 + months) // _MONTHS, (today.month - 1 + months) % _MONTHS + 1
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def checked_review(review_on: date | None, today: date, months: int) -> date:
    """Return the day of review: the one that was chosen, else the last one possible.

    Raises:
        InvalidValue: ``review_not_possible``: not after today, or too far away.
    """
    latest = latest_review(today, months)
    if review_on is not None and not today < review_on <= latest:
        raise InvalidValue("review_not_possible", field="review_on", most=months)
    return review_on or latest


def checked_source(text: str, patterns: Sequence[WaybillPattern]) -> str:
    """Return the name of a document without blanks around it, such as 苏检调〔2026〕18号.

    Whoever places a hold knows whom it concerns; the number of a customer or a parcel has no place in the name of a
    document, where it would outlive the record.

    Args:
        text: what was typed.
        patterns: the carriers' formats.

    Raises:
        InvalidValue: ``value_missing``, ``text_too_long``, ``control_character`` or ``source_holds_number``.
    """
    source = text.strip()
    if not source:
        raise InvalidValue("value_missing", field="source")
    if len(source) > MOST_SOURCE:
        raise InvalidValue("text_too_long", field="source", most=MOST_SOURCE)
    if not source.isprintable():
        raise InvalidValue("control_character", field="source")
    if _holds_number(folded(source), patterns):
        raise InvalidValue("source_holds_number", field="source")
    return source


def _holds_number(spelled: str, patterns: Sequence[WaybillPattern]) -> bool:
    return (
        any(one.search(spelled) for one in _NUMBERS)
        or any(not resident_fault(one) for one in _OLD_ID_NUMBER.findall(spelled))
        or find_waybill(_OWN_NUMBER.sub("", spelled), patterns) is not None
    )
