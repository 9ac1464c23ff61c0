"""The supervisor's board, for programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.rules.access import Right
from vault.services import board, reassigning
from vault.web import gate
from vault.web.api.handovers import HandoverLine, line_of
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person


class MoveBody(Shape):
    """Who goes on with a case."""

    to: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]


class SignalLine(Shape):
    """A warning or alarm about somebody's reading that nobody has released."""

    signal: Id
    work_number: str
    kind: Word
    count: int
    at: AwareDatetime


class ElsewhereLine(Shape):
    """An account signed in from several addresses at this moment."""

    work_number: str
    addresses: int
    latest: AwareDatetime


class ReadingLine(Shape):
    """What one person has read: distinct customers, values revealed, look-ups."""

    customers: int
    reveals: int
    lookups: int


class MemberLine(Shape):
    """One of the supervisor's people."""

    work_number: str
    role: Word
    team: str
    state: Word
    password_age: int | None = Field(description="Days since it was chosen; null before the first one.")
    password_expired: bool
    today: ReadingLine
    window: ReadingLine = Field(description="Within the window of the reading limits.")


class TeamCaseLine(Shape):
    """One open case of the team."""

    case: Id
    held_by: str = Field(description="Work number.")
    purpose: Word
    opened_at: AwareDatetime
    clock: Word


class LiveGrantLine(Shape):
    """One live grant; nothing of the customer."""

    grant: Id
    kind: Word
    work_number: str
    granted_by: str
    case: Id
    purpose: Word
    expires_at: AwareDatetime


class LateLine(Shape):
    """One service record that was entered late."""

    record: Id
    work_number: str
    ended_at: AwareDatetime
    entered_at: AwareDatetime


class TeamBoard(Shape):
    """What concerns the supervisor's people: ids, work numbers, words, times and counts."""

    waiting_requests: int
    waiting_emergencies: int | None = Field(description="Null for a supervisor who may not approve them.")
    signals: list[SignalLine]
    elsewhere: list[ElsewhereLine]
    people: list[MemberLine]
    cases: list[TeamCaseLine]
    grants: list[LiveGrantLine]
    handovers: list[HandoverLine]
    late: list[LateLine]


@route("GET", "/board", gate.door(Right.SUPERVISE), answer=TeamBoard)
def team_board() -> dict[str, Any]:
    """Show my team: requests, signals, people, cases, grants, hand-overs and late entries."""
    found = board.team_board(parts(), person(), now())
    return {
        "waiting_requests": found.waiting_requests,
        "waiting_emergencies": found.waiting_emergencies,
        "signals": [
            {
                "signal": one.signal.signal_id.hex(),
                "work_number": one.work_number,
                "kind": one.signal.kind.value,
                "count": one.signal.count,
                "at": time_text(one.signal.at),
            }
            for one in found.signals
        ],
        "elsewhere": [
            {"work_number": one.work_number, "addresses": one.sources, "latest": time_text(one.latest)}
            for one in found.elsewhere
        ],
        "people": [_member(one) for one in found.people],
        "cases": [
            {
                "case": one.held.case.case_id.hex(),
                "held_by": one.held.holder,
                "purpose": one.held.case.purpose,
                "opened_at": time_text(one.held.case.opened_at),
                "clock": one.clock.value,
            }
            for one in found.cases
        ],
        "grants": [
            {
                "grant": one.grant_id.hex(),
                "kind": one.kind,
                "work_number": one.work_number,
                "granted_by": one.granted_by,
                "case": one.case_id.hex(),
                "purpose": one.purpose,
                "expires_at": time_text(one.expires_at),
            }
            for one in found.grants
        ],
        "handovers": [line_of(one) for one in found.handovers],
        "late": [
            {
                "record": one.record_id.hex(),
                "work_number": one.work_number,
                "ended_at": time_text(one.ended_at),
                "entered_at": time_text(one.entered_at),
            }
            for one in found.late
        ],
    }


@route("POST", "/cases/<hex32:case>/move", gate.door(Right.SUPERVISE), answer=None, status=204, body=MoveBody)
def move_case(body: MoveBody, case: bytes) -> None:
    """Give an open case of one of my people to another of them; its grants go with it."""
    reassigning.reassign(parts(), person(), case, body.to, now())


def _member(one: board.MemberLine) -> dict[str, Any]:
    return {
        "work_number": one.member.work_number,
        "role": one.member.role.value,
        "team": one.member.team,
        "state": one.member.state.value,
        "password_age": one.password_age,
        "password_expired": one.password_expired,
        "today": _reading(one.today),
        "window": _reading(one.window),
    }


def _reading(one: board.Counts) -> dict[str, int]:
    return {"customers": one.customers, "reveals": one.reveals, "lookups": one.lookups}
