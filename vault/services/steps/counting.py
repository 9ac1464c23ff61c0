"""What a process says now and then of its own openings: how often it unwrapped keys, how often it used receipts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from vault.crypto.opening_counts import COUNTS
from vault.domain.log import Action, Actor, Event, Outcome


class Counting:
    """The words of one process to one vault's log, from the opening of the vault on.

    The counts are those of the whole run, so that a word that was lost is made good by the next one.

    Args:
        node: this host's name.
        policy: digest of the rules in force (hex).
        clock: tells the time, UTC; the log writer's thread has no request that would bring it.
    """

    def __init__(self, node: str, policy: str, clock: Callable[[], datetime]) -> None:
        self._actor = Actor("system", "system", node=node)
        self._policy = policy
        self._clock = clock
        self._said = self._now = COUNTS.snapshot()

    def event(self) -> Event | None:
        """Return what there is to say; None while nothing was opened since the last word that is durable."""
        self._now = COUNTS.snapshot()
        if self._now == self._said:
            return None
        outcome = Outcome.DONE if self._now.agrees else Outcome.FAILED
        now = self._now
        facts: dict[str, str | int] = {"run": now.run, "unwraps": now.unwraps, "receipts": now.receipts}
        return Event(self._clock(), self._actor, Action.LOG_COUNTED, outcome, self._policy, facts=facts)

    def written(self) -> None:
        """Take note that the last event is durable."""
        self._said = self._now
