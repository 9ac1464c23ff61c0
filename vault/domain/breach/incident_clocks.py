"""Clocks of an incident: computed from stored times, never from a timer; what was missed once stays missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ClockState(StrEnum):
    """How a clock stands."""

    RUNNING = "running"
    MET = "met"
    MISSED = "missed"
    LATE = "late"
    DROPPED = "dropped"


class ClockStart(StrEnum):
    """What starts a clock."""

    AWARE = "aware"
    ACTIVATED = "activated"
    REPAIRED = "repaired"
    POLICE = "police"
    MILLION = "million"


class ClockEnd(StrEnum):
    """What ends a clock: a step of the incident, or somebody saying that it is done."""

    ACTIVATED = "activated"
    CLOSED = "closed"
    SAID = "said"


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of one incident.

    Args:
        clock_id: of the policy.
        started_at: UTC.
        due_at: UTC; what is done exactly then is in time.
        done_at: when it was done, None while it is not.
        done_by: actor, or empty.
        missed_at: when it was recorded as missed; never taken back.
        dropped_at: when the assessment found that there is nothing to do.
        sealed_reason: why it was done late, sealed.
    """

    clock_id: str
    started_at: datetime
    due_at: datetime
    done_at: datetime | None = None
    done_by: str = ""
    missed_at: datetime | None = None
    dropped_at: datetime | None = None
    sealed_reason: bytes | None = None

    def state(self, now: datetime) -> ClockState:
        """Tell how it stands.

        Args:
            now: UTC; the highest time the vault has seen, so that a clock set back revives nothing.
        """
        if self.done_at is not None:
            return ClockState.LATE if self.was_missed(self.done_at) else ClockState.MET
        if self.dropped_at is not None:
            return ClockState.MISSED if self.was_missed(self.dropped_at) else ClockState.DROPPED
        return ClockState.MISSED if self.was_missed(now) else ClockState.RUNNING

    def was_missed(self, at: datetime) -> bool:
        """Return whether it is missed at a moment, or was recorded as missed before."""
        return self.missed_at is not None or at > self.due_at

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do it, late or not."""
        return self.done_at is None and self.dropped_at is None

    def begun(self, sooner: datetime) -> Clock:
        """Return the clock as it is when it began sooner: its end comes sooner by as much.

        What was done in time by the later beginning and late by the sooner one is late.

        Args:
            sooner: UTC.
        """
        due_at = self.due_at - (self.started_at - sooner)
        ended = self.done_at or self.dropped_at
        missed_at = self.missed_at
        if missed_at is None and ended is not None and ended > due_at:
            missed_at = ended
        return replace(self, started_at=sooner, due_at=due_at, missed_at=missed_at)
