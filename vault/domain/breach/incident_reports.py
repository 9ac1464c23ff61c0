"""Closing reports: the bytes that are signed for, and how each line of the timeline leads into the log (BR-03).

A report is composed of what the rows of an incident say. Before the incident is closed it is a draft; afterwards it is
fixed: an event of the log names it by its SHA-256. Of people it holds work numbers, and what officers wrote themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

FORMAT: Final = "datavault/incident-report/1"
"""What every statement says it is."""

STEM: Final = "report"
"""The files of a report are called so, with what tells them apart."""

_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Standing(StrEnum):
    """Whether a report can still change."""

    DRAFT = "draft"
    FIXED = "fixed"


def statement_bytes(document: Mapping[str, Any]) -> bytes:
    """Return a report as canonical JSON (RFC 8785): what is stored, hashed and handed out.

    Args:
        document: strings, whole numbers, yes and no, nothing, lists and objects.
    """
    return _JSON({"format": FORMAT, **document}).encode()


def statement_digest(statement: bytes) -> str:
    """Return SHA-256 of a statement, hexadecimal: how an event names it."""
    return sha256(statement).hexdigest()
