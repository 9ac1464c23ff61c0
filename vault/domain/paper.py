"""Paper copies: how a box is labelled, and from what day on its papers are shredded (RD-01, RD-03)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from vault.domain.id_numbers import RESIDENT_LENGTH
from vault.domain.identifiers import IdentifierKind, identify
from vault.domain.retention import Keep
from vault.domain.spelling import folded
from vault.domain.waybills import WaybillPattern
from vault.errors import InvalidValue

_LABEL = re.compile(r"[A-Z0-9-]{1,40}")


def checked_label(text: str, patterns: Sequence[WaybillPattern]) -> str:
    """Return the label of a box as it is written on it.

    A label outlives the papers, so the number of a customer or a parcel has no place in it.

    Args:
        text: what was typed; full width and lower case are fine.
        patterns: the carriers' formats.

    Returns:
        1 to 40 characters of ``A-Z 0-9 -``.

    Raises:
        InvalidValue: ``not_a_label`` or ``label_holds_number``.
    """
    label = folded(text).strip()
    if not _LABEL.fullmatch(label):
        raise InvalidValue("not_a_label", field="label")
    if any(_is_number(part, patterns) for part in (label.replace("-", ""), *label.split("-"))):
        raise InvalidValue("label_holds_number", field="label")
    return label


def shred_from(newest: date, keep: Keep) -> date:
    """Return the first day on which a box is due: the day after the last one its newest paper is kept.

    Args:
        newest: the date of the newest paper, company time zone.
        keep: the period of its class.

    Raises:
        InvalidValue: ``impossible_date``.
    """
    try:
        return keep.last_day(newest) + timedelta(days=1)
    except OverflowError:
        raise InvalidValue("impossible_date", field="newest_on") from None


def _is_number(part: str, patterns: Sequence[WaybillPattern]) -> bool:
    try:
        kind, number = identify(part, patterns)
    except InvalidValue:
        return False
    # What only looks like a passport is more often a place and a date.
    return kind is not IdentifierKind.ID_NUMBER or len(number) == RESIDENT_LENGTH
