"""Accounts, off-boarding, service accounts and their tokens, for programs of administrators who are signed in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from vault.domain.people import AccountState
from vault.domain.rules.access import Right
from vault.services import accounts, api_tokens, offboarding, people, sessions
from vault.services.people import ListedAccount
from vault.web import gate
from vault.web.api.routes import route, time_text
from vault.web.api.shapes import Id, Shape, Word, clean_text
from vault.web.gate import now, parts, person

WorkNumber = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(clean_text)]
Place = Annotated[str, StringConstraints(max_length=32), AfterValidator(clean_text)]
State = Literal["invited", "active", "locked", "suspended", "left"]

_administrator = gate.door(Right.ACCOUNTS)
_fresh_administrator = gate.door(Right.ACCOUNTS, fresh=True)


# -- what comes in -----------------------------------------------------------------------------------------------


class AccountsQuery(Shape):
    """Which accounts to list."""

    state: State | None = Field(None, description="Only those in this state.")


class LeavingQuery(Shape):
    """Who would take over."""

    successor: WorkNumber | None = Field(None, description="Work number of a colleague; left out: nobody.")


class LeaveBody(Shape):
    """Who takes over the open cases and owned customers."""

    successor: WorkNumber | None = Field(None, description="Left out: customers go to the pool.")


class PlaceBody(Shape):
    """The role an account has from its next request on, and where it works."""

    role: Word
    outlet: Place
    team: Place = ""


class ServiceAccountBody(Shape):
    """An account for a program."""

    work_number: WorkNumber
    name: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(clean_text)]
    role: Word
    outlet: Place = ""


class TokenBody(Shape):
    """What a token is limited to, and how many days it lives."""

    purposes: Annotated[list[Word], Field(min_length=1, max_length=20)]
    days: Annotated[int, Field(ge=1, le=3660)]


# -- what goes out -----------------------------------------------------------------------------------------------


class AccountLine(Shape):
    """One account; a colleague's name is no customer data."""

    work_number: str
    name: str
    role: Word
    outlet: str
    team: str
    state: Word
    program: bool = Field(description="A service account: no password, only tokens.")
    second_factor: bool
    same_name: bool = Field(description="Another account bears this name: for decisions of two people they are one.")
    password_changed_at: AwareDatetime | None
    password_expired: bool
    sessions: int
    acts: list[Word] = Field(description="What can be done to it in this state.")
    return_owed: bool = Field(description="It was reset, and nobody has confirmed yet that its person came back.")


class AccountList(Shape):
    """Accounts by work number."""

    accounts: list[AccountLine]


class OneTimeSecret(Shape):
    """With it the account's person chooses a password; shown this once."""

    work_number: str
    secret: str
    hours: int = Field(description="So long it works, unless it is replaced.")


class NewState(Shape):
    """What state an account is in now."""

    state: Word


class LeavingAnswer(Shape):
    """What off-boarding ends and hands on."""

    work_number: str
    successor: str | None
    hindrance: Word | None = Field(description="Why it cannot be done now.")
    sessions: int
    tokens: int
    grants: int
    requests: int
    handovers: int
    cases: int
    customers: int
    services: int
    boxes: int


class EndedSessions(Shape):
    """How many sessions were ended."""

    ended: int


class ServiceAccountMade(Shape):
    """A service account."""

    work_number: str


class TokenMade(Shape):
    """A fresh token; it is shown this once and goes into ``Authorization: Bearer``."""

    token: str
    id: Id
    expires_at: AwareDatetime


class TokenLine(Shape):
    """One token, without the token."""

    id: Id
    purposes: list[Word]
    made_by: str
    made_at: AwareDatetime
    expires_at: AwareDatetime
    seen_at: AwareDatetime | None = Field(description="To the minute.")
    ended_at: AwareDatetime | None


class TokenList(Shape):
    """The tokens of a service account, newest first."""

    tokens: list[TokenLine]


# -- accounts ----------------------------------------------------------------------------------------------------


@route("GET", "/accounts", _administrator, answer=AccountList, query=AccountsQuery)
def list_accounts(query: AccountsQuery) -> dict[str, Any]:
    """List the accounts by work number, all or those in one state."""
    state = None if query.state is None else AccountState(query.state)
    return {"accounts": [_line(one) for one in people.list_accounts(parts(), person(), now(), state)]}


@route("GET", "/accounts/<work_number>", _administrator, answer=AccountLine)
def one_account(work_number: str) -> dict[str, Any]:
    """Show one account."""
    return _line(people.one_account(parts(), person(), work_number, now()))


@route(
    "POST", "/accounts/<work_number>/invitations", _fresh_administrator, answer=OneTimeSecret, status=201, also=(400,)
)
def invite(work_number: str) -> dict[str, Any]:
    """Make a one-time secret for an account that waits for its person."""
    return _secret(work_number, accounts.invite(parts(), person(), work_number, now()))


@route("POST", "/accounts/<work_number>/reset", _fresh_administrator, answer=OneTimeSecret, status=201, also=(400,))
def reset(work_number: str) -> dict[str, Any]:
    """Take an account's password away at once, and make a one-time secret for the next one."""
    return _secret(work_number, accounts.reset(parts(), person(), work_number, now()))


@route("POST", "/accounts/<work_number>/suspend", _fresh_administrator, answer=NewState, also=(400,))
def suspend(work_number: str) -> dict[str, Any]:
    """Suspend an account for a leave of absence; its sessions end at once."""
    return {"state": accounts.suspend(parts(), person(), work_number, now()).value}


@route("POST", "/accounts/<work_number>/lock", gate.door(fresh=True), answer=NewState, also=(400,))
def lock(work_number: str) -> dict[str, Any]:
    """Lock an account in an emergency: as an administrator, or as a supervisor one of my people."""
    return {"state": accounts.lock(parts(), person(), work_number, now()).value}


@route("POST", "/accounts/<work_number>/unlock", _fresh_administrator, answer=NewState, also=(400,))
def unlock(work_number: str) -> dict[str, Any]:
    """Bring a locked or suspended account back."""
    return {"state": accounts.unlock(parts(), person(), work_number, now()).value}


@route("PUT", "/accounts/<work_number>/place", _fresh_administrator, answer=None, status=204, body=PlaceBody)
def change_place(body: PlaceBody, work_number: str) -> None:
    """Give an account another role, outlet or team; it acts by it from its next request on."""
    accounts.change_place(parts(), person(), work_number, body.role, body.outlet, body.team, now())


@route("DELETE", "/accounts/<work_number>/sessions", _fresh_administrator, answer=EndedSessions)
def end_sessions(work_number: str) -> dict[str, Any]:
    """End every session of an account at once."""
    return {"ended": sessions.end_all_of(parts(), person(), work_number, now())}


# -- off-boarding ------------------------------------------------------------------------------------------------


@route("GET", "/accounts/<work_number>/leaving", _administrator, answer=LeavingAnswer, query=LeavingQuery)
def plan_leaving(query: LeavingQuery, work_number: str) -> dict[str, Any]:
    """Say what off-boarding would end and hand on; nothing is changed."""
    return offboarding.plan(parts(), person(), work_number, query.successor or "", now()).told()


@route("POST", "/accounts/<work_number>/leaving", _fresh_administrator, answer=LeavingAnswer, body=LeaveBody)
def leave(body: LeaveBody, work_number: str) -> dict[str, Any]:
    """Off-board somebody, all at once or not at all; nothing leads back."""
    return offboarding.leave(parts(), person(), work_number, body.successor or "", now()).told()


# -- programs ----------------------------------------------------------------------------------------------------


@route("POST", "/accounts", _fresh_administrator, answer=ServiceAccountMade, status=201, body=ServiceAccountBody)
def make_service_account(body: ServiceAccountBody) -> dict[str, Any]:
    """Make an account for a program; people's accounts come from the staff file."""
    number = api_tokens.make_service_account(
        parts(), person(), body.work_number, body.name, body.role, body.outlet, now()
    )
    return {"work_number": number}


@route("GET", "/accounts/<work_number>/tokens", _administrator, answer=TokenList)
def list_tokens(work_number: str) -> dict[str, Any]:
    """List the tokens of a service account, newest first."""
    return {
        "tokens": [
            {
                "id": one.token_id.hex(),
                "purposes": list(one.purposes),
                "made_by": one.made_by,
                "made_at": time_text(one.made_at),
                "expires_at": time_text(one.expires_at),
                "seen_at": None if one.seen_at is None else time_text(one.seen_at),
                "ended_at": None if one.ended_at is None else time_text(one.ended_at),
            }
            for one in api_tokens.list_tokens(parts(), person(), work_number, now())
        ]
    }


@route("POST", "/accounts/<work_number>/tokens", _fresh_administrator, answer=TokenMade, status=201, body=TokenBody)
def make_token(body: TokenBody, work_number: str) -> dict[str, Any]:
    """Make a token for a program, limited to purposes."""
    made = api_tokens.make_token(parts(), person(), work_number, body.purposes, body.days, now())
    return {"token": made.token, "id": made.token_id.hex(), "expires_at": time_text(made.expires_at)}


@route("DELETE", "/accounts/<work_number>/tokens/<hex32:token>", _fresh_administrator, answer=None, status=204)
def end_token(work_number: str, token: bytes) -> None:
    """End a token at once."""
    api_tokens.end_token(parts(), person(), work_number, token, now())


def _line(one: ListedAccount) -> dict[str, Any]:
    changed_at = one.password_changed_at
    return {
        "work_number": one.work_number,
        "name": one.name,
        "role": one.role.value,
        "outlet": one.outlet,
        "team": one.team,
        "state": one.state.value,
        "program": one.is_program,
        "second_factor": one.second_factor,
        "same_name": one.same_name,
        "password_changed_at": None if changed_at is None else time_text(changed_at),
        "password_expired": one.must_change,
        "sessions": one.open_sessions,
        "acts": sorted(act.value for act in one.acts),
        "return_owed": one.return_owed,
    }


def _secret(work_number: str, secret: str) -> dict[str, Any]:
    hours = parts().policy.sessions.invite_hours
    return {"work_number": work_number.upper(), "secret": secret, "hours": hours}
