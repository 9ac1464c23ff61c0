"""Rules of the response to a breach: the clocks, who answers for them, and when they are reminded (BR-01 to BR-08)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from vault.domain.breach.incident_clocks import ClockEnd, ClockStart
from vault.domain.breach.incidents import IncidentKind
from vault.domain.ids import Role
from vault.domain.rules.shape import STRICT, Named

ACTIVATE = "activate"
"""Name of the clock of the seed rule: the emergency plan starts within two hours."""

_LONGEST = {
    "activate": 120, "technical": 5, "postal": 1440, "police": 1440, "cac": 240, "network": 1440, "waiting": 60,
    "surge_plan": 120, "surge_complaints": 2880, "report": 43200,
}  # fmt: skip
"""Minutes that the law or the company's own rules allow; a clock may be shorter, never longer, and never left out."""

_LEAST_NOTES_YEARS = 3
"""Records of how personal information was processed are kept so long (PIPL 56); claims last as long (民法典 188)."""

_LONGEST_ANSWER_HOURS = 30 * 24
"""By then the closing report must be there, and it says that all were told."""

_WHOLE = 100


@dataclass(frozen=True, slots=True)
class ClockPolicy(Named):
    """One clock.

    Args:
        source: what sets its length: a law, the company's rules, or the company's own choice.
        kinds: of incidents that have it.
        starts: what starts it.
        ends: what ends it.
        minutes: how long it runs.
        who: roles that may say it is done.
        told: roles reminded of it.
        escalated: roles told as well once it is missed.
    """

    source: str
    kinds: Sequence[IncidentKind]
    starts: ClockStart
    ends: ClockEnd
    minutes: int
    who: Sequence[Role]
    told: Sequence[Role]
    escalated: Sequence[Role]

    def length(self) -> timedelta:
        """Return how long it runs."""
        return timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class IncidentPolicy:
    """The response to a breach (BR-01, BR-03, UL-04).

    Args:
        id: of the rule.
        clause: where it comes from.
        told: roles told when an incident is opened.
        remind_percent: reminders after so many hundredths of a clock's length, ascending; the last is its end.
        repeat_minutes: once missed, a reminder every so many minutes until it is done.
        reports_hour: so many incidents one person opens in an hour; what they report beyond becomes lines of theirs.
        report_back_days: so far back the time of awareness in a report may lie.
        correction_back_days: so far back an officer may correct it.
        answer_hours: repairing and telling may take so long, or the compliance report names it as an exception.
        notes_years: so many years after the closing what people typed is removed; the lines stay.
        clocks: by name.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    told: Sequence[Role]
    remind_percent: Sequence[int]
    repeat_minutes: int
    reports_hour: int
    report_back_days: int
    correction_back_days: int
    answer_hours: int
    notes_years: int
    clocks: Mapping[str, ClockPolicy]

    def started_by(self, start: ClockStart, kind: IncidentKind) -> dict[str, ClockPolicy]:
        """Return the clocks that something starts for incidents of a kind, by name."""
        return {name: one for name, one in self.clocks.items() if one.starts is start and kind in one.kinds}

    def ended_by_people(self, name: str) -> bool:
        """Return whether somebody must say that a clock is done; one that is no rule any more nobody can end."""
        rule = self.clocks.get(name)
        return rule is not None and rule.ends is ClockEnd.SAID

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find clocks that cannot be: the two hours of BR-01 may be shortened, never lengthened or left out."""
        first = self.clocks.get(ACTIVATE)
        if first is None or not (
            0 < first.minutes <= _LONGEST[ACTIVATE]
            and set(first.kinds) == set(IncidentKind)
            and first.starts is ClockStart.AWARE
            and first.ends is ClockEnd.ACTIVATED
        ):
            yield "activation_impossible", self.id
        marks = list(self.remind_percent)
        if marks != sorted(set(marks)) or not marks or marks[0] <= 0 or marks[-1] != _WHOLE or self.repeat_minutes <= 0:
            yield "reminders_impossible", self.id
        if self.reports_hour <= 0:
            yield "limit_not_positive", self.id
        if not 0 < self.report_back_days <= self.correction_back_days:
            yield "awareness_impossible", self.id
        if not 0 < self.answer_hours <= _LONGEST_ANSWER_HOURS:
            yield "answer_impossible", f"{self.id}: {_LONGEST_ANSWER_HOURS}"
        if self.notes_years < _LEAST_NOTES_YEARS:
            yield "notes_too_short", self.id
        yield from self._clock_findings()

    def _clock_findings(self) -> Iterator[tuple[str, str]]:
        for name, longest in _LONGEST.items():
            named = self.clocks.get(name)
            if name != ACTIVATE and (named is None or named.minutes > longest):
                yield "clock_too_long", f"{self.id}.{name}: {longest}"
        for clock in self.clocks.values():
            if clock.minutes <= 0 or not clock.kinds or not clock.who or not clock.told:
                yield "clock_impossible", clock.id
