"""Access in an emergency: the stages of a request, what has become of it by now, and who may have a part in it.

The stored state changes by what people do; what has run out by the clock is computed at each look (KY-03, KY-11).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vault.domain.people import Person
from vault.domain.policy import Policy
from vault.domain.rules.access import Right
from vault.errors import InvalidValue

_MINUTE = timedelta(minutes=1)
_OLDEST_CALL = timedelta(days=1)


class Contact(StrEnum):
    """Whether the owner was reached by phone before emergency access was asked for (KY-03)."""

    YES = "yes"
    ATTEMPTED = "attempted"
    NO = "no"


class Stage(StrEnum):
    """How far a request has come, as it is stored."""

    ASKED = "asked"
    APPROVED = "approved"
    OPENED = "opened"
    REFUSED = "refused"
    ENDED = "ended"
    REVIEWED = "reviewed"


class Standing(StrEnum):
    """What has become of a request at a moment: its stage, or that the clock has overtaken it."""

    ASKED = "asked"
    APPROVED = "approved"
    LAPSED = "lapsed"
    OPENED = "opened"
    CLOSED = "closed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Emergency:
    """One request for access in an emergency.

    Args:
        break_glass_id: random id; also of the record that holds the identifier, sealed.
        case_id: the asker's case.
        asked_by: the asker's account.
        profile: kind of emergency, of the policy.
        reason: why, of the policy.
        identifier_kind: what kind of number.
        asked_at: when, UTC.
        state: how far it has come.
        owner_contact: whether the owner was reached.
        owner_called_at: the minute of the call; None when there was none.
        second_person: who stood by when it was opened.
        opened_at: when it was opened.
        expires_at: hard limit of the access, set once.
        review_due_at: by when the review must be closed.
        reviewed_by: who closed it.
        reviewed_at: when.
        finding: what it found.
    """

    break_glass_id: bytes
    case_id: bytes
    asked_by: bytes
    profile: str
    reason: str
    identifier_kind: str
    asked_at: datetime
    state: Stage
    owner_contact: str
    owner_called_at: datetime | None
    second_person: bytes | None
    opened_at: datetime | None
    expires_at: datetime | None
    review_due_at: datetime | None
    reviewed_by: bytes | None
    reviewed_at: datetime | None
    finding: str

    def standing(self, answer: timedelta, now: datetime) -> Standing:
        """Return what has become of it.

        Args:
            answer: after which time a request that was not opened is over.
            now: UTC.
        """
        if self.state in (Stage.ASKED, Stage.APPROVED) and now >= self.asked_at + answer:
            return Standing.LAPSED
        if self.state is Stage.ENDED:
            return Standing.WITHDRAWN if self.opened_at is None else Standing.CLOSED
        if self.state is Stage.OPENED and self.expires_at is not None and now >= self.expires_at:
            return Standing.CLOSED
        return Standing(self.state.value)

    def awaits_review(self) -> bool:
        """Return whether it was opened and its review is not closed."""
        return self.opened_at is not None and self.state in (Stage.OPENED, Stage.ENDED)

    def review_is_late(self, now: datetime) -> bool:
        """Return whether its review is overdue."""
        return self.awaits_review() and self.review_due_at is not None and now >= self.review_due_at


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote on a request."""

    account_id: bytes
    work_number: str
    approved: bool
    reason: str
    at: datetime


def checked_call(contact: str, called_at: datetime | None, now: datetime) -> datetime | None:
    """Return the minute at which the owner was called (KY-03).

    Args:
        contact: a word of :class:`Contact`.
        called_at: as entered, aware; None when nobody called.
        now: UTC.

    Raises:
        InvalidValue: no such word, a call without its time or a time without a call, one that has not come yet or
            lies more than a day back.
    """
    if contact not in set(Contact):
        raise InvalidValue("not_on_list", field="owner_contact")
    if contact == Contact.NO:
        if called_at is not None:
            raise InvalidValue("call_not_made", field="owner_called_at")
        return None
    if called_at is None:
        raise InvalidValue("value_missing", field="owner_called_at")
    minute = called_at.replace(second=0, microsecond=0)
    if minute > now:
        raise InvalidValue("date_in_future", field="owner_called_at")
    if minute < now - _OLDEST_CALL - _MINUTE:
        raise InvalidValue("call_too_long_ago", field="owner_called_at")
    return minute


def profiles_to_ask(policy: Policy, person: Person, purpose: str) -> list[str]:
    """Return the kinds of emergency in which a person may ask, for the purpose of a case."""
    if not policy.allows(person.role, Right.BREAK_GLASS) or person.purposes is not None:
        return []  # a program has no emergencies: nobody stands before it
    return [
        name
        for name, profile in policy.break_glass.profiles.items()
        if person.role in profile.roles and purpose in profile.purposes
    ]


def profiles_to_approve(policy: Policy, person: Person) -> list[str]:
    """Return the kinds of emergency that a person may approve."""
    if not policy.allows(person.role, Right.APPROVE_BREAK_GLASS) or person.purposes is not None:
        return []
    return [name for name, profile in policy.break_glass.profiles.items() if person.role in profile.approvers]
