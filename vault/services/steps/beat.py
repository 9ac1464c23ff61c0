"""Answering on the beat: how long an answer without content takes must not tell what lies behind it."""

from __future__ import annotations

import time

ABSENT_BEAT_SECONDS = 0.1
"""What shows nothing answers only on multiples of this; the work itself takes a few thousandths."""


def wait_for_the_beat(started: float) -> None:
    """Wait until the next beat, so that the duration tells no refusal from a miss.

    Args:
        started: when the work began, of :func:`time.monotonic`.
    """
    time.sleep(ABSENT_BEAT_SECONDS - (time.monotonic() - started) % ABSENT_BEAT_SECONDS)
