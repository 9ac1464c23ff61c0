"""Rules for proving who calls, and for access in an emergency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from vault.domain.caller import COMPARES
from vault.domain.fields import FIELDS
from vault.domain.ids import RecordClass, Role
from vault.domain.rules.shape import STRICT, Named

_ASKED_OF = (RecordClass.CUSTOMER, RecordClass.SHIPMENT)
"""Classes whose fields may answer a question: the customer's own, or those of their shipments."""


@dataclass(frozen=True, slots=True)
class Question(Named):
    """One question to a caller: which fields hold the answer, and which part of a value is compared."""

    fields: Sequence[str]
    compares: str


@dataclass(frozen=True, slots=True)
class VerificationPolicy:
    """Caller verification: what is asked, how often, and where it must come first (CE-10, AC-08).

    Args:
        id: of the rule.
        clause: where it comes from.
        needed: different questions that must match.
        tries: wrong answers about a customer in a case; then no more are taken there.
        day_tries: wrong answers about a customer in 24 hours, whoever asks.
        required_by: rules of scope under which nothing is revealed before.
        questions: by id.
        refusals: why a caller is refused.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    needed: int
    tries: int
    day_tries: int
    required_by: Sequence[str]
    questions: Mapping[str, Question]
    refusals: Mapping[str, Named]

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together, and questions that nothing answers."""
        if not 0 < self.needed <= len(self.questions) or not 0 < self.tries <= self.day_tries:
            yield "verification_impossible", self.id
        if not self.refusals:
            yield "no_reason", self.id
        for question in self.questions.values():
            if question.compares not in COMPARES or not any(
                question.fields and FIELDS[one].keys() >= set(question.fields) for one in _ASKED_OF
            ):
                yield "question_impossible", question.id


@dataclass(frozen=True, slots=True)
class Profile(Named):
    """One kind of emergency: who may ask, for which purposes, who approves, and for how long it opens.

    Args:
        roles: who may ask.
        purposes: for which purposes.
        approvers: roles of those who approve; each must be another human.
        minutes: hard limit of the access.
        review_hours: by when the review must be closed.
    """

    roles: Sequence[Role]
    purposes: Sequence[str]
    approvers: Sequence[Role]
    minutes: int
    review_hours: int


@dataclass(frozen=True, slots=True)
class VoteReason(Named):
    """Why somebody approves, or does not."""

    approves: bool


@dataclass(frozen=True, slots=True)
class BreakGlassPolicy:
    """Access in an emergency: profiles, and closed lists of reasons and findings (KY-03, KY-11).

    Args:
        id: of the rule.
        clause: where it comes from.
        approvals: how many people must approve.
        answer_minutes: a request that has not been opened by then is over.
        profiles: by id.
        reasons: why it is asked for.
        votes: why it is approved, and why it is not.
        findings_of_review: what a review may find.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    id: str
    clause: str
    approvals: int
    answer_minutes: int
    profiles: Mapping[str, Profile]
    reasons: Mapping[str, Named]
    votes: Mapping[str, VoteReason]
    findings_of_review: Mapping[str, Named]

    def answer(self) -> timedelta:
        """Return after which time a request that was not opened is over."""
        return timedelta(minutes=self.answer_minutes)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together; fewer than two approvers are never enough (KY-03)."""
        if self.approvals < 2 or self.answer_minutes <= 0:  # noqa: PLR2004 - four eyes are two people
            yield "break_glass_impossible", self.id
        for profile in self.profiles.values():
            if profile.minutes <= 0 or profile.review_hours <= 0 or not profile.roles or not profile.approvers:
                yield "break_glass_impossible", profile.id
        ways = {vote.approves for vote in self.votes.values()}
        if not (self.profiles and self.reasons and len(ways) == 2 and self.findings_of_review):  # noqa: PLR2004 - yes and no
            yield "no_reason", self.id
