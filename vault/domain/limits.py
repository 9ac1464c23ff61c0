"""How much one person may read: what a further reveal means for the limits (UL-04), decided from counts alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vault.domain.rules.access import LimitPolicy


class SignalKind(StrEnum):
    """What somebody's reading, or their wish to read for a forbidden purpose, gave rise to."""

    WARNED = "warned"
    ALARMED = "alarmed"
    MISSES = "misses"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a further reveal means.

    Args:
        count: distinct customers, this one included.
        signal: what it gives rise to, if anything.
        refused: after the alarm, a further customer so soon after the last one is refused.
    """

    count: int
    signal: SignalKind | None = None
    refused: bool = False


def judge(
    policy: LimitPolicy,
    revealed: Mapping[bytes, datetime],
    customer: bytes,
    raised: Collection[SignalKind],
    now: datetime,
) -> Judgement:
    """Judge one further reveal.

    A customer of whom something was revealed within the window costs nothing more. A clock that was set back frees
    nobody: what was counted later than now counts as well.

    Args:
        policy: the limits in force.
        revealed: by customer when somebody first revealed something of them, within the window and since the last
            release.
        customer: the customer at hand.
        raised: the signals of the same time that nobody has released.
        now: UTC.
    """
    if customer in revealed:
        return Judgement(len(revealed))
    count = len(revealed) + 1
    if count >= policy.alarm_customers:
        soon = max(revealed.values()) + timedelta(seconds=policy.slow_seconds) > now
        signal = None if SignalKind.ALARMED in raised else SignalKind.ALARMED
        return Judgement(count, signal, refused=soon)
    if count >= policy.warn_customers and not {SignalKind.WARNED, SignalKind.ALARMED} & set(raised):
        return Judgement(count, SignalKind.WARNED)
    return Judgement(count)


def threshold(policy: LimitPolicy, kind: SignalKind) -> int:
    """Return from how many on a signal is raised; a forbidden purpose is one at the first time."""
    numbers = {
        SignalKind.WARNED: policy.warn_customers,
        SignalKind.ALARMED: policy.alarm_customers,
        SignalKind.MISSES: policy.misses_hour,
    }
    return numbers.get(kind, 1)
