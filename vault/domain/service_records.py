"""What a service record may say: its closed lists, when it stays open, and the text of its details (CE-06, CP-10)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

from vault.domain.clocks import in_utc
from vault.domain.records import RecordMeta, RecordState
from vault.errors import InvalidValue

KINDS = ("consultation", "complaint", "callback", "rating")
CHANNELS = ("phone", "online", "counter")
RESULTS = ("resolved", "in_progress", "forwarded")
CATEGORIES = ("attitude", "quality", "price", "personal_information", "other")
SEVERITIES = ("general", "major")
RATINGS = ("1", "2", "3", "4", "5")
MOST_TEXT = 2000
"""Characters of free text in one record."""

_OPEN_KINDS = ("consultation", "complaint")
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")
# Marks that turn the order of writing round, so that a text reads differently from what it says (CVE-2021-42574).
_TURNING = frozenset(map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))

_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def state_of(kind: str, result: str) -> RecordState:
    """Return whether a service record is still open: only a consultation or complaint in progress is."""
    return RecordState.OPEN if kind in _OPEN_KINDS and result == "in_progress" else RecordState.SETTLED


def was_passed_on(service: RecordMeta) -> bool:
    """Return whether the company passed a service record to its owner: it came by an import, with a number of theirs.

    What people file here has no such number.

    Args:
        service: its metadata, checked against its MAC: that covers which fields there are.
    """
    return any(ref.field == "source_number" for ref in service.fields)


def checked_text(typed: str, field: str, most: int = MOST_TEXT) -> str:
    """Return a free text with line feeds as its only control characters, white space around it gone.

    Args:
        typed: as typed; a form sends line ends as CR LF.
        field: the field named in a refusal.
        most: characters, at most.

    Raises:
        InvalidValue: ``value_missing``, ``text_too_long`` or ``control_character``.
    """
    text = typed.replace("\r\n", "\n").replace("\t", " ")
    if any(letter in _TURNING or (letter != "\n" and unicodedata.category(letter) in _CONTROLS) for letter in text):
        raise InvalidValue("control_character", field=field)
    text = text.strip()
    if not text:
        raise InvalidValue("value_missing", field=field)
    if len(text) > most:
        raise InvalidValue("text_too_long", field=field, most=most)
    return text


def checked_end(ended_at: datetime | None, opened_at: datetime, now: datetime, backdate: timedelta) -> datetime:
    """Return when a service ended, in UTC.

    Args:
        ended_at: as told, aware; None means now.
        opened_at: when its case was opened, UTC.
        now: UTC.
        backdate: how long before the opening of its case a service may have ended.

    Raises:
        InvalidValue: ``date_in_future``, ``ended_too_early``, ``no_time_zone`` or ``impossible_date``.
    """
    if ended_at is None:
        return now
    ended = in_utc(ended_at, "ended_at")
    if ended > now:
        raise InvalidValue("date_in_future", field="ended_at")
    if opened_at - ended > backdate:
        raise InvalidValue("ended_too_early", field="ended_at", hours=backdate // timedelta(hours=1))
    return ended


def details_text(
    times: Mapping[str, datetime],
    *,
    channel: str,
    result: str,
    category: str = "",
    severity: str = "",
    rating: str = "",
    notice: Mapping[str, str] | None = None,
) -> str:
    """Return the field ``details`` as it is sealed (docs/formats.md, "Field contents").

    Args:
        times: ``started_at``, ``ended_at`` and ``entered_at``, UTC.
        channel: how the customer was served.
        result: how it ended.
        category: topic of a complaint.
        severity: of a complaint.
        rating: 1 to 5.
        notice: the notice given, for a record that was entered here.
    """
    details: dict[str, object] = {
        **{name: utc_text(at) for name, at in times.items()},
        "channel": channel,
        "result": result,
        "complaint_category": category,
        "complaint_severity": severity,
        "rating": rating,
    }
    if notice is not None:
        details["notice"] = dict(notice)
    return _json(details)


def utc_text(at: datetime) -> str:
    """Return a UTC time to the second, as sealed structures hold it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
