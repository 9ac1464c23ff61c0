"""Rules for proving who calls, and for access in an emergency."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from vault.domain.caller import COMPARES
from vault.domain.fields import FIELDS
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import RecordClass, Role
from vault.domain.rules.shape import STRICT, Named

_ASKED_OF = (RecordClass.CUSTOMER, RecordClass.SHIPMENT)
"""Classes whose fields may answer a question: the customer's own, or those of their shipments."""


@dataclass(frozen=True, slots=True)
class Question(Named):
    """One question to a caller.

    Args:
        fields: which fields hold the answer.
        compares: which part of a value is compared.
        weak: the answer is easily guessed: it supports, and proves nothing.
    """

    fields: Sequence[str]
    compares: str
    weak: bool = False

    def asks_what_is_typed(self, kinds: Collection[IdentifierKind]) -> bool:
        """Return whether somebody who typed numbers of some kinds may have typed the answer."""
        return any(
            name in self.fields and field.index in kinds for one in _ASKED_OF for name, field in FIELDS[one].items()
        )


@dataclass(frozen=True, slots=True)
class VerificationPolicy:
    """Caller verification: what is asked, how often, and where it must come first (CE-10, AC-08).

    Args:
        id: of the rule.
        clause: where it comes from.
        needed: different questions that must match, weak ones aside.
        valid_minutes: how long what a caller proved counts, from the match that completed it.
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
    valid_minutes: int
    tries: int
    day_tries: int
    required_by: Sequence[str]
    questions: Mapping[str, Question]
    refusals: Mapping[str, Named]

    def valid(self) -> timedelta:
        """Return how long what a caller proved counts."""
        return timedelta(minutes=self.valid_minutes)

    def askable(self, typed: Collection[IdentifierKind]) -> frozenset[str]:
        """Return the questions that may be asked where numbers of some kinds were typed."""
        return frozenset(name for name, one in self.questions.items() if not one.asks_what_is_typed(typed))

    def proving(self, typed: Collection[IdentifierKind]) -> frozenset[str]:
        """Return the questions that count towards the proof where numbers of some kinds were typed."""
        return frozenset(name for name in self.askable(typed) if not self.questions[name].weak)

    def proved_until(
        self, matches: Collection[tuple[datetime, str]], typed: Collection[IdentifierKind]
    ) -> datetime | None:
        """Return until when right answers prove who calls: they must lie within one such time, and count for another.

        Args:
            matches: when which question was answered rightly; those that are no question any more do not count.
            typed: kinds of the numbers typed in the case; questions about them do not count.

        Returns:
            The end, not included; None when the answers were never enough.
        """
        proving, valid = self.proving(typed), self.valid()
        counted = [(at, question) for at, question in matches if question in proving]
        ends = (
            end + valid
            for end, _ in counted
            if len({question for at, question in counted if end - valid < at <= end}) >= self.needed
        )
        return max(ends, default=None)

    def findings(self) -> Iterator[tuple[str, str]]:
        """Find numbers that cannot stand together, and questions that nothing answers."""
        # Whatever the case was looked up by, the questions left must be enough.
        left = min(len(self.proving([kind])) for kind in IdentifierKind)
        if not 0 < self.needed <= left or not 0 < self.tries <= self.day_tries or self.valid_minutes <= 0:
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
