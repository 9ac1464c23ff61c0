"""Access in an emergency, for programs of people: the same walks as the pages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.rules.access import Right
from vault.services import break_glass as emergencies
from vault.services import break_glass_opening, break_glass_review
from vault.services.break_glass import Asking
from vault.services.break_glass_review import Line
from vault.web import gate
from vault.web.api.caller import PolicyName
from vault.web.api.routes import moment_of, route, time_text
from vault.web.api.shapes import Id, Moment, Shape, Typed, Word, clean_text
from vault.web.gate import now, parts, person
from vault.web.turnstile import one_of_few

_ONE = "/break-glass/<hex32:break_glass>"
_Secret = Annotated[str, StringConstraints(max_length=1024), AfterValidator(clean_text)]


class EmergencyBody(Shape):
    """Why access is asked for in an emergency, and whether the owner was reached by phone first (KY-03)."""

    case: Id
    number: Typed
    profile: PolicyName
    reason: PolicyName
    owner_contact: Literal["yes", "attempted", "no"]
    owner_called_at: Moment | None = Field(None, description="The minute of the call; left out: nobody called.")


class EmergencyAsked(Shape):
    """A request, stored."""

    break_glass: Id


class VoteBody(Shape):
    """A vote and its reason, one of the policy's for that vote."""

    approve: bool
    reason: PolicyName


class EmergencyState(Shape):
    """What has become of a request."""

    state: Word


class SecondPersonBody(Shape):
    """The second person, who is present and types this themselves (KY-11)."""

    work_number: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
    password: _Secret
    code: _Secret = ""


class EmergencyOpened(Shape):
    """Where the opened access leads; null when there is no such record."""

    record: Id | None


class FindingBody(Shape):
    """What the review found."""

    finding: PolicyName


class EmergencyLine(Shape):
    """One request: ids, words, times and work numbers only."""

    break_glass: Id
    case: Id
    asker: str
    purpose: Word
    profile: PolicyName
    reason: PolicyName
    kind: Word
    state: Word
    asked_at: AwareDatetime
    owner_contact: Word
    owner_called_at: AwareDatetime | None
    opened_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    review_due_at: AwareDatetime | None
    review_late: bool


class Emergencies(Shape):
    """My requests, those I may approve, and those to review."""

    own: list[EmergencyLine]
    to_approve: list[EmergencyLine]
    to_review: list[EmergencyLine]


class EmergencyVote(Shape):
    """One vote."""

    work_number: str
    approve: bool
    reason: PolicyName
    at: AwareDatetime


class EmergencyDetail(Shape):
    """One request with its votes and what may be done about it now."""

    request: EmergencyLine
    votes: list[EmergencyVote]
    second_person: str
    reviewer: str
    finding: str
    may_vote: bool
    may_open: bool
    may_end: bool
    may_review: bool
    records: list[Id] = Field(description="For its asker while it is open: the customers it opens in the case.")


@route("GET", "/break-glass", gate.door(), answer=Emergencies)
def list_emergencies() -> dict[str, Any]:
    """List my requests for emergency access, those that wait for my approval, and those to review."""
    found = break_glass_review.overview(parts(), person(), now())
    return {
        "own": [_line(one) for one in found.own],
        "to_approve": [_line(one) for one in found.to_approve],
        "to_review": [_line(one) for one in found.to_review],
    }


@route("POST", "/break-glass", gate.door(Right.BREAK_GLASS), answer=EmergencyAsked, status=201, body=EmergencyBody)
def ask_in_emergency(body: EmergencyBody) -> dict[str, Any]:
    """Ask for access in an emergency, on my own open case; nothing is looked up yet."""
    called_at = moment_of(body.owner_called_at, "owner_called_at")
    asking = Asking(body.number, body.profile, body.reason, body.owner_contact, called_at)
    break_glass_id = emergencies.ask(parts(), person(), bytes.fromhex(body.case), asking, now())
    return {"break_glass": break_glass_id.hex()}


@route("GET", _ONE, gate.door(), answer=EmergencyDetail)
def view_emergency(break_glass: bytes) -> dict[str, Any]:
    """See one request that concerns me."""
    found = break_glass_review.detail(parts(), person(), break_glass, now())
    return {
        "request": _line(found.line),
        "votes": [
            {"work_number": who, "approve": approved, "reason": reason, "at": time_text(at)}
            for who, approved, reason, at in found.votes
        ],
        "second_person": found.second_person,
        "reviewer": found.reviewer,
        "finding": found.line.emergency.finding,
        "may_vote": found.may_vote,
        "may_open": found.may_open,
        "may_end": found.may_end,
        "may_review": found.may_review,
        "records": [one.hex() for one in found.leads_to],
    }


@route(
    "POST",
    f"{_ONE}/votes",
    gate.door(Right.APPROVE_BREAK_GLASS, fresh=True),
    answer=EmergencyState,
    body=VoteBody,
)
def vote_on_emergency(body: VoteBody, break_glass: bytes) -> dict[str, Any]:
    """Approve a request or refuse it; it takes several humans to approve it."""
    state = emergencies.vote(parts(), person(), break_glass, body.reason, now(), approve=body.approve)
    return {"state": state.value}


@route("POST", f"{_ONE}/opening", gate.door(Right.BREAK_GLASS), answer=EmergencyOpened, body=SecondPersonBody)
def open_emergency(body: SecondPersonBody, break_glass: bytes) -> dict[str, Any]:
    """Open an approved access with a second person at hand, for a time that nothing makes longer."""
    with one_of_few():
        record = break_glass_opening.open_with(
            parts(), person(), break_glass, body.work_number, body.password, body.code, now()
        )
    return {"record": None if record is None else record.hex()}


@route("POST", f"{_ONE}/end", gate.door(Right.BREAK_GLASS), answer=None, status=204)
def end_emergency(break_glass: bytes) -> None:
    """End my access before its time, or take my request back."""
    break_glass_opening.end(parts(), person(), break_glass, now())


@route(
    "POST",
    f"{_ONE}/review",
    gate.door(Right.REVIEW_BREAK_GLASS, fresh=True),
    answer=None,
    status=204,
    body=FindingBody,
)
def review_emergency(body: FindingBody, break_glass: bytes) -> None:
    """Close the review of an access that was opened and is over."""
    break_glass_review.review(parts(), person(), break_glass, body.finding, now())


def _line(line: Line) -> dict[str, Any]:
    one = line.emergency
    times = ("owner_called_at", "opened_at", "expires_at", "review_due_at")
    told = {name: getattr(one, name) for name in times}
    return {
        "break_glass": one.break_glass_id.hex(),
        "case": one.case_id.hex(),
        "asker": line.asker,
        "purpose": line.purpose,
        "profile": one.profile,
        "reason": one.reason,
        "kind": one.identifier_kind,
        "state": line.standing.value,
        "asked_at": time_text(one.asked_at),
        "owner_contact": one.owner_contact,
        **{name: None if at is None else time_text(at) for name, at in told.items()},
        "review_late": line.late,
    }
