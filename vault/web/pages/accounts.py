"""The administrator's pages: accounts, what can be done to one, off-boarding, and programs with their tokens.

No page here holds customer data. A supervisor has one of them: locking one of their people in an emergency.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.people import AccountState, Person, normal_work_number
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import accounts, api_tokens, offboarding, people, second_factor, sessions
from vault.services.steps.parts import Parts
from vault.services.steps.tokens import is_fresh
from vault.web.gate import confirm_address, door, language, now, parts, person

account_pages = Blueprint("accounts", __name__)

Page = str | Response | tuple[str, int]
_Walk = Callable[[Parts, Person, str, datetime], object]

_DONE = ("suspend", "lock", "unlock", "place", "second_factor", "left", "token_ended", "program")
"""What the page of an account can say about the act that was just done."""


@account_pages.get("/accounts")
@door(Right.ACCOUNTS)
def listed() -> str:
    """List the accounts, all of them or those in one state."""
    moment, wanted = now(), request.args.get("state", "")
    state = AccountState(wanted) if wanted in list(AccountState) else None
    found = people.list_accounts(parts(), person(), moment, state)
    return render_template(
        "accounts.html",
        accounts=[(one, _age_days(one.password_changed_at, moment)) for one in found],
        states=list(AccountState),
        chosen=state,
        program_roles=api_tokens.roles_for_programs(parts()),
    )


@account_pages.post("/accounts")
@door(Right.ACCOUNTS, fresh=True)
def make_program() -> Response:
    """Make an account for a program."""
    form = request.form
    number = api_tokens.make_service_account(
        parts(),
        person(),
        form.get("work_number", ""),
        form.get("name", ""),
        form.get("role", ""),
        form.get("outlet", "").strip(),
        now(),
    )
    return redirect(url_for("accounts.one", work_number=number, done="program"), 303)


@account_pages.get("/accounts/<work_number>")
@door(Right.ACCOUNTS)
def one(work_number: str) -> str:
    """Show one account and what can be done to it."""
    return _account_page(work_number)


@account_pages.post("/accounts/<work_number>/invite")
@door(Right.ACCOUNTS, fresh=True)
def invite(work_number: str) -> Page:
    """Make a one-time secret and show it this once."""
    return _with_secret(accounts.invite, work_number)


@account_pages.post("/accounts/<work_number>/reset")
@door(Right.ACCOUNTS, fresh=True)
def reset(work_number: str) -> Page:
    """Take the password away, and show the one-time secret for the next one this once."""
    return _with_secret(accounts.reset, work_number)


@account_pages.post("/accounts/<work_number>/suspend")
@door(Right.ACCOUNTS, fresh=True)
def suspend(work_number: str) -> Page:
    """Suspend the account."""
    return _done(accounts.suspend, work_number, "suspend")


@account_pages.post("/accounts/<work_number>/lock")
@door(Right.ACCOUNTS, fresh=True)
def lock(work_number: str) -> Page:
    """Lock the account."""
    return _done(accounts.lock, work_number, "lock")


@account_pages.post("/accounts/<work_number>/unlock")
@door(Right.ACCOUNTS, fresh=True)
def unlock(work_number: str) -> Page:
    """Bring the account back."""
    return _done(accounts.unlock, work_number, "unlock")


@account_pages.post("/accounts/<work_number>/second-factor-reset")
@door(Right.ACCOUNTS, fresh=True)
def reset_second_factor(work_number: str) -> Page:
    """Take a lost second factor off the account."""
    return _done(second_factor.reset, work_number, "second_factor")


@account_pages.post("/accounts/<work_number>/place")
@door(Right.ACCOUNTS, fresh=True)
def change_place(work_number: str) -> Page:
    """Give the account another role, outlet or team."""
    role, outlet, team = (request.form.get(name, "").strip() for name in ("role", "outlet", "team"))

    def walk(here: Parts, who: Person, number: str, moment: datetime) -> None:
        """Change the place as it was filled in."""
        accounts.change_place(here, who, number, role, outlet, team, moment)

    return _done(walk, work_number, "place")


@account_pages.post("/accounts/<work_number>/end-sessions")
@door(Right.ACCOUNTS, fresh=True)
def end_sessions(work_number: str) -> Response:
    """End every session of an account."""
    sessions.end_all_of(parts(), person(), work_number, now())
    return redirect(url_for("accounts.one", work_number=work_number), 303)


# -- off-boarding ------------------------------------------------------------------------------------------------


@account_pages.get("/accounts/<work_number>/leaving")
@door(Right.ACCOUNTS, fresh=True)
def leaving(work_number: str) -> str:
    """Say what off-boarding would end and hand on, before it is done."""
    return _leaving_page(work_number, request.args.get("successor", ""))


@account_pages.post("/accounts/<work_number>/leaving")
@door(Right.ACCOUNTS, fresh=True)
def leave(work_number: str) -> Page:
    """Off-board somebody, all at once or not at all."""
    successor = request.form.get("successor", "")
    try:
        offboarding.leave(parts(), person(), work_number, successor, now())
    except InvalidValue:  # the plan says why, with what stands in the way now
        return _leaving_page(work_number, successor), 400
    return redirect(url_for("accounts.one", work_number=work_number, done="left"), 303)


# -- programs ----------------------------------------------------------------------------------------------------


@account_pages.post("/accounts/<work_number>/tokens")
@door(Right.ACCOUNTS, fresh=True)
def make_token(work_number: str) -> Page:
    """Make a token and show it this once."""
    days = request.form.get("days", "").strip()
    try:
        made = api_tokens.make_token(
            parts(),
            person(),
            work_number,
            request.form.getlist("purposes"),
            int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,  # noqa: PLR2004 - 0 is refused
            now(),
        )
    except InvalidValue as invalid:
        return _account_page(work_number, invalid), 400
    return render_template(
        "token_made.html", work_number=work_number, made=made, back=url_for("accounts.one", work_number=work_number)
    )


@account_pages.post("/accounts/<work_number>/tokens/<hex32:token>/end")
@door(Right.ACCOUNTS, fresh=True)
def end_token(work_number: str, token: bytes) -> Response:
    """End a token."""
    api_tokens.end_token(parts(), person(), work_number, token, now())
    return redirect(url_for("accounts.one", work_number=work_number, done="token_ended"), 303)


# -- the supervisor's emergency ----------------------------------------------------------------------------------


@account_pages.get("/lock")
@door(Right.SUPERVISE, fresh=True)
def lock_form() -> str:
    """Ask a supervisor whom of their people to lock."""
    number = normal_work_number(request.args.get("work_number", ""))
    return render_template("lock.html", work_number=number, done="done" in request.args)


@account_pages.post("/lock")
@door(Right.SUPERVISE, fresh=True)
def lock_one_of_mine() -> Page:
    """Lock one of a supervisor's people."""
    number = request.form.get("work_number", "")
    try:
        accounts.lock(parts(), person(), number, now())
    except InvalidValue as invalid:
        said = words.reason(language(), invalid.reason, invalid.facts)
        return render_template("lock.html", work_number="", error=said, back=url_for("accounts.lock_form")), 400
    return redirect(url_for("accounts.lock_form", done=1), 303)


def _account_page(work_number: str, invalid: InvalidValue | None = None) -> str:
    moment, done = now(), request.args.get("done", "")
    found = people.one_account(parts(), person(), work_number, moment)
    tokens = api_tokens.list_tokens(parts(), person(), found.work_number, moment) if found.is_program else []
    policy = parts().policy
    shown: dict[str, Any] = {
        "account": found,
        "age": _age_days(found.password_changed_at, moment),
        "acts": {act.value for act in found.acts},
        "is_own": found.work_number == person().work_number,
        "confirm": "" if is_fresh(policy.sessions, person(), moment) else confirm_address(),
        "roles": api_tokens.roles_for_programs(parts()) if found.is_program else list(policy.roles),
        "tokens": [(one, one.ended_at is None and moment < one.expires_at) for one in tokens],
        "purposes": policy.roles[found.role].purposes,
        "most_days": policy.sessions.tokens.most_days,
        "done": done if done in _DONE and invalid is None else "",
        "error": "" if invalid is None else words.reason(language(), invalid.reason, invalid.facts),
        "back": url_for("accounts.one", work_number=found.work_number),
    }
    return render_template("account.html", **shown)


def _leaving_page(work_number: str, successor: str) -> str:
    found = offboarding.plan(parts(), person(), work_number, successor, now())
    hindrance = words.reason(language(), found.hindrance, {}) if found.hindrance else ""
    typed = normal_work_number(successor)
    back = url_for("accounts.leaving", work_number=found.work_number)
    return render_template("leaving.html", found=found, hindrance=hindrance, typed=typed, back=back)


def _with_secret(walk: Callable[[Parts, Person, str, datetime], str], work_number: str) -> Page:
    try:
        secret = walk(parts(), person(), work_number, now())
    except InvalidValue as invalid:
        return _account_page(work_number, invalid), 400
    return render_template(
        "invited.html",
        work_number=work_number,
        secret=secret,
        hours=parts().policy.sessions.invite_hours,
        back=url_for("accounts.one", work_number=work_number),
    )


def _done(walk: _Walk, work_number: str, what: str) -> Page:
    try:
        walk(parts(), person(), work_number, now())
    except InvalidValue as invalid:
        return _account_page(work_number, invalid), 400
    return redirect(url_for("accounts.one", work_number=work_number, done=what), 303)


def _age_days(since: datetime | None, moment: datetime) -> int | None:
    return None if since is None else (moment - since).days
