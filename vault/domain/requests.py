"""The life of a request for access: asked, then granted, refused, or over without an answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class RequestState(StrEnum):
    """How a request stands; what is decided stays decided."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    ENDED = "ended"


class GrantKind(StrEnum):
    """How somebody came by access to a customer who is not theirs."""

    ASKED = "asked"
    SHARED = "shared"
    BREAK_GLASS = "break_glass"


def state_at(state: RequestState, asked_at: datetime, answer: timedelta, now: datetime) -> RequestState:
    """Return how a request stands at a moment.

    Args:
        state: as stored.
        asked_at: when it was asked, UTC.
        answer: for how long it can be answered.
        now: UTC.

    Returns:
        The state; a request that nobody answered in time has ended.
    """
    if state is RequestState.ASKED and now >= asked_at + answer:
        return RequestState.ENDED
    return state
