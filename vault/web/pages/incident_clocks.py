"""How a clock of an incident is shown: its state in a word and what is left in words; scripts only let it tick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vault import words
from vault.domain.breach.incident_clocks import Clock
from vault.web.gate import language, parts

_HOURS_AT_MOST = 48
"""What is further off is told in days."""


@dataclass(frozen=True, slots=True)
class Face:
    """What a page shows of a clock.

    Args:
        state: word of the closed list.
        said: its name.
        left: how much is left, or how much it is over; empty for a clock that nobody must meet any more.
    """

    state: str
    said: str
    left: str


def clock_name(clock_id: str) -> str:
    """Return what people call a clock of an incident; an id the policy does not know stays as it is."""
    rule = parts().policy.incidents.clocks.get(clock_id)
    return clock_id if rule is None else words.of_policy(language(), rule)


def clock_face(clock: Clock, moment: datetime) -> Face:
    """Return what a page shows of a clock.

    Args:
        clock: the clock.
        moment: the time it is judged by, UTC.
    """
    spoken = language()
    state, left = clock.state(moment).value, ""
    if clock.is_open:
        left = span_text((clock.due_at - moment).total_seconds())
        if clock.due_at < moment:
            left = words.translator(spoken)("over by {span}", span=left)
    return Face(state, words.name(spoken, "clock_state", state), left)


def span_text(seconds: float) -> str:
    """Return how long a span is, in words, whatever its sign.

    Args:
        seconds: its length.
    """
    say = words.translator(language())
    minutes = int(abs(seconds) // 60)
    hours = minutes // 60
    if minutes < 1:
        return say("under 1 min")
    if not hours:
        return say("{minutes} min", minutes=minutes)
    if hours < _HOURS_AT_MOST:
        return say("{hours} h {minutes} min", hours=hours, minutes=minutes % 60)
    return say("{days} d {hours} h", days=hours // 24, hours=hours % 24)
