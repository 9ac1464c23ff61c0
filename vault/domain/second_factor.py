"""The second factor's codes as people type and read them."""

from __future__ import annotations

import re
import unicodedata

RECOVERY_LETTERS = 20
"""Letters of a recovery code; at five bits each they hold 100 random bits."""

_GAPS = re.compile(r"[\s\-‐‑–—]+")
_OF_AN_APP = re.compile(r"[0-9]{6}", re.ASCII)
_OF_RECOVERY = re.compile(rf"[A-Z2-7]{{{RECOVERY_LETTERS}}}", re.ASCII)
_GROUP = 4


def normal_code(typed: str) -> str:
    """Return a code without what people put between its groups, in capitals, its digits never in full width."""
    return _GAPS.sub("", unicodedata.normalize("NFKC", typed)).upper()


def is_of_an_app(code: str) -> bool:
    """Return whether a normal code has the form that authenticator apps show (RFC 6238 with six digits)."""
    return _OF_AN_APP.fullmatch(code) is not None


def is_of_recovery(code: str) -> bool:
    """Return whether a normal code has the form of a recovery code."""
    return _OF_RECOVERY.fullmatch(code) is not None


def grouped(secret: str) -> str:
    """Return a secret in groups of four, to be read and typed."""
    return " ".join(secret[start : start + _GROUP] for start in range(0, len(secret), _GROUP))
