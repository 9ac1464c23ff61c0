"""The pages of access in an emergency: asking, approving, opening with a second person, ending and reviewing."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.emergency import Contact
from vault.domain.rules.access import Right
from vault.errors import AccessRefused, AlreadyDecided, InvalidValue
from vault.services import break_glass as emergencies
from vault.services import break_glass_opening, break_glass_review, cases
from vault.services.break_glass import Asking
from vault.web.gate import door, language, now, parts, person
from vault.web.pages.forms import minute_of
from vault.web.turnstile import one_of_few

break_glass_pages = Blueprint("break_glass", __name__)

_DONE = ("voted", "opened", "nobody", "ended", "reviewed")
"""What a request's page can say about what was just done."""

_SECOND_PERSON = ("second_person_refused", "second_person_is_the_first")


@break_glass_pages.get("/break-glass")
@door()
def board() -> str:
    """Show the person's requests, those that wait for them, and the form to ask."""
    return _board({"case": request.args.get("case", "")})


@break_glass_pages.post("/break-glass/form")
@door(Right.BREAK_GLASS)
def prepare() -> str:
    """Show the form with the number of a look-up that showed nothing filled in."""
    return _board(request.form)


@break_glass_pages.post("/break-glass")
@door(Right.BREAK_GLASS)
def ask() -> Response | tuple[str, int]:
    """Ask for access; what cannot be used is said beside its field."""
    form = request.form
    try:
        asking = Asking(
            form.get("number", ""),
            form.get("profile", ""),
            form.get("reason", ""),
            form.get("owner_contact", ""),
            minute_of(form.get("owner_called_at", ""), "owner_called_at"),
        )
        break_glass_id = emergencies.ask(parts(), person(), _id(form.get("case", "")), asking, now())
    except (InvalidValue, AlreadyDecided) as invalid:
        errors = {str(invalid.facts.get("field", "case")): words.reason(language(), invalid.reason, invalid.facts)}
        return _board(form, errors), 400
    return redirect(url_for("break_glass.one", break_glass=break_glass_id), 303)


@break_glass_pages.get("/break-glass/<hex32:break_glass>")
@door()
def one(break_glass: bytes) -> str:
    """Show one request with what the person may do about it."""
    return _one(break_glass)


@break_glass_pages.post("/break-glass/<hex32:break_glass>/votes")
@door(Right.APPROVE_BREAK_GLASS, fresh=True)
def vote(break_glass: bytes) -> Response:
    """Approve a request or refuse it, as the chosen reason says."""
    reason = request.form.get("reason", "")
    known = parts().policy.break_glass.votes.get(reason)
    if known is None:
        raise InvalidValue("not_on_list", field="reason")
    emergencies.vote(parts(), person(), break_glass, reason, now(), approve=known.approves)
    return _back(break_glass, "voted")


@break_glass_pages.post("/break-glass/<hex32:break_glass>/opening")
@door(Right.BREAK_GLASS)
def open_with(break_glass: bytes) -> Response | tuple[str, int]:
    """Open an approved access with a second person, who signs for it on the spot."""
    form = request.form
    try:
        with one_of_few():
            record = break_glass_opening.open_with(
                parts(),
                person(),
                break_glass,
                form.get("work_number", ""),
                form.get("password", ""),
                form.get("code", ""),
                now(),
            )
    except AccessRefused as refused:
        if refused.reason not in _SECOND_PERSON:
            raise
        return _one(break_glass, words.reason(language(), refused.reason, {})), 403
    return _back(break_glass, "opened" if record else "nobody")


@break_glass_pages.post("/break-glass/<hex32:break_glass>/end")
@door(Right.BREAK_GLASS)
def end(break_glass: bytes) -> Response:
    """End one's own access, or take the request back."""
    break_glass_opening.end(parts(), person(), break_glass, now())
    return _back(break_glass, "ended")


@break_glass_pages.post("/break-glass/<hex32:break_glass>/review")
@door(Right.REVIEW_BREAK_GLASS, fresh=True)
def review(break_glass: bytes) -> Response:
    """Close the review of an access."""
    break_glass_review.review(parts(), person(), break_glass, request.form.get("finding", ""), now())
    return _back(break_glass, "reviewed")


def _board(typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    moment, policy, spoken = now(), parts().policy, language()
    overview = break_glass_review.overview(parts(), person(), moment)
    asks = policy.allows(person().role, Right.BREAK_GLASS)
    opened = cases.board(parts(), person(), moment).still_open if asks else ()
    names = {name: words.of_policy(spoken, rule) for name, rule in policy.break_glass.profiles.items()}
    return render_template(
        "break_glass.html",
        overview=overview,
        moment=moment,
        asks=asks,
        reviews=policy.allows(person().role, Right.REVIEW_BREAK_GLASS),
        approves=policy.allows(person().role, Right.APPROVE_BREAK_GLASS),
        cases=[one.case for one in opened],
        profile_names=names,
        profiles={
            name: names[name] for name, rule in policy.break_glass.profiles.items() if person().role in rule.roles
        },
        reasons={name: words.of_policy(spoken, rule) for name, rule in policy.break_glass.reasons.items()},
        contacts=[one.value for one in Contact],
        approvals=policy.break_glass.approvals,
        typed=typed,
        errors=errors or {},
        back=url_for("break_glass.board"),
    )


def _one(break_glass_id: bytes, error: str = "") -> str:
    moment, rules, spoken = now(), parts().policy.break_glass, language()
    found = break_glass_review.detail(parts(), person(), break_glass_id, moment)
    done = request.args.get("done", "")
    names = {
        name: words.of_policy(spoken, rule)
        for group in (rules.profiles, rules.reasons, rules.votes, rules.findings_of_review)
        for name, rule in group.items()
    }
    return render_template(
        "break_glass_one.html",
        found=found,
        moment=moment,
        names=names,
        yes=[name for name, rule in rules.votes.items() if rule.approves],
        no=[name for name, rule in rules.votes.items() if not rule.approves],
        findings=list(rules.findings_of_review),
        approvals=rules.approvals,
        done=done if done in _DONE else "",
        error=error,
        back=url_for("break_glass.one", break_glass=break_glass_id),
    )


def _back(break_glass_id: bytes, done: str) -> Response:
    return redirect(url_for("break_glass.one", break_glass=break_glass_id, done=done), 303)


def _id(text: str) -> bytes:
    try:
        if len(text) == len("00" * 16):
            return bytes.fromhex(text)
    except ValueError:
        pass
    raise InvalidValue("not_on_list", field="case")
