"""Rules for people: their sessions, passwords, second factor, and the tokens of programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from vault.domain.rules.shape import STRICT

_BEST_SCORE = 4
"""The highest score of zxcvbn."""


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """How failed sign-ins are slowed down: for an account from one source, and for a source."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    free_failures: int
    free_source_failures: int
    first_seconds: int
    most_seconds: int
    forget_minutes: int


@dataclass(frozen=True, slots=True)
class SecondFactorPolicy:
    """The second factor: how long a proof of it counts, and how many recovery codes there are (AC-05)."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    step_up_minutes: int
    recovery_codes: int
    drift_steps: int

    def step_up(self) -> timedelta:
        """Return how long ago password and second factor may have been given for an act that asks for them."""
        return timedelta(minutes=self.step_up_minutes)


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """Tokens of service accounts: how long one lives at most."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    most_days: int


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives: without use, and at all; and how failed sign-ins are slowed down."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    idle_minutes: int
    absolute_hours: int
    invite_hours: int
    reveal_seconds: int
    keep_ended_days: int
    throttle: ThrottlePolicy
    second_factor: SecondFactorPolicy
    tokens: TokenPolicy

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together."""
        if not 0 < self.idle_minutes <= self.absolute_hours * 60:
            yield "idle_longer_than_absolute", self.id
        if self.invite_hours <= 0 or self.reveal_seconds <= 0 or self.keep_ended_days <= 0:
            yield "limit_not_positive", self.id
        throttle, second = self.throttle, self.second_factor
        if not 0 < throttle.first_seconds <= throttle.most_seconds < throttle.forget_minutes * 60:
            yield "throttle_impossible", throttle.id
        if not 1 < throttle.free_failures <= throttle.free_source_failures:
            yield "throttle_impossible", throttle.id
        if second.step_up_minutes <= 0 or second.recovery_codes <= 0 or not 0 <= second.drift_steps <= 1:
            yield "second_factor_impossible", second.id
        if self.tokens.most_days <= 0:
            yield "limit_not_positive", self.tokens.id


class Confirmer(StrEnum):
    """Who confirms that somebody came back themselves after a reset."""

    SUPERVISOR = "supervisor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a password must be (AC-04), and who confirms the return of somebody whose password was reset."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    max_age_days: int
    remind_days: int
    min_age_hours: int
    history: int
    min_length: int
    max_length: int
    min_score: int
    min_edits: int
    company_words: Sequence[str]
    reset_needs_confirmation_by: Sequence[Confirmer]

    def is_possible(self) -> bool:
        """Return whether a person can meet the rule, and an account live by it."""
        return (
            self.max_age_days > 0
            and 0 <= self.remind_days < self.max_age_days
            and 0 <= self.min_age_hours < self.max_age_days * 24
            and self.history >= 1
            and 1 <= self.min_edits <= self.min_length <= self.max_length
            and 0 <= self.min_score <= _BEST_SCORE
        )
