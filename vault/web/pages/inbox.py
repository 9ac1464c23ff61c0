"""The inbox page: what the vault told a person, where each notice leads, and seeing them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault.domain.clocks import in_utc
from vault.domain.notices import NoticeKind
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import inbox
from vault.web.gate import door, now, parts, person

inbox_pages = Blueprint("inbox", __name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a notice leads.

    Args:
        endpoint: the page.
        about: name of the argument that takes the id the notice is about; empty for a page without one.
        supervisors: the page for those who supervise, where it is another one.
        needs: the right that the page asks for; whoever has none stays in the inbox.
        event: the notice is about an event; those who read the log are led to it.
    """

    endpoint: str
    about: str = ""
    supervisors: str = ""
    needs: Right | None = None
    event: bool = False


_TEAM = "board.view"
_SESSIONS = Place("own.own_sessions")
_RETURNS = Place("returns.listed")
_INCIDENT = Place("incidents.one", "incident", needs=Right.INCIDENT_VIEW)
_CLOCK = Place("incident_reminders.one", "reminder", needs=Right.INCIDENT_VIEW)
_EMERGENCY = Place("break_glass.one", "break_glass")
_DESTRUCTION = Place("plans.one", "plan")
_SIGNAL = Place("signals.view", "evidence")
_HOLDS = Place("holds.listed")
_DRILLS = Place("incident_drills.listed", needs=Right.INCIDENT_VIEW)
PLACES: Mapping[NoticeKind, Place] = {
    NoticeKind.ACCESS_ASKED: Place("requests.decide", "asked"),
    NoticeKind.ACCESS_WAITS: Place("requests.decide", "asked"),
    NoticeKind.ACCESS_GRANTED: Place("pages.asked", "asked"),
    NoticeKind.ACCESS_REFUSED: Place("pages.asked", "asked"),
    NoticeKind.ACCESS_REVOKED: Place("cases.board"),
    NoticeKind.ACCESS_SHARED: Place("requests.shared", "share"),
    NoticeKind.HANDOVER_OFFERED: Place("handovers.sheet", "handover"),
    NoticeKind.HANDOVER_ACCEPTED: Place("handovers.sheet", "handover"),
    NoticeKind.HANDOVER_REFUSED: Place("handovers.board", supervisors=_TEAM),
    NoticeKind.CASE_RECEIVED: Place("cases.board"),
    NoticeKind.PASSWORD_ENDS: Place("own.password"),
    NoticeKind.SIGNED_IN_ELSEWHERE: Place("own.own_sessions", supervisors=_TEAM),
    NoticeKind.ACCOUNT_RESET: _SESSIONS,
    NoticeKind.SECOND_FACTOR_RESET: _SESSIONS,
    NoticeKind.COLLEAGUE_RESET: _RETURNS,
    NoticeKind.RETURN_WAITS: _RETURNS,
    NoticeKind.RETURN_CONFIRMED: _SESSIONS,
    NoticeKind.LIMIT_WARNED: Place(_TEAM),
    NoticeKind.LIMIT_ALARMED: Place(_TEAM),
    NoticeKind.LIMIT_RELEASED: Place("pages.look_up_form"),
    NoticeKind.FORBIDDEN_PURPOSE: Place(_TEAM),
    NoticeKind.BREAK_GLASS_ASKED: _EMERGENCY,
    NoticeKind.BREAK_GLASS_APPROVED: _EMERGENCY,
    NoticeKind.BREAK_GLASS_REFUSED: _EMERGENCY,
    NoticeKind.BREAK_GLASS_OPENED: _EMERGENCY,
    NoticeKind.BREAK_GLASS_REVIEWED: _EMERGENCY,
    NoticeKind.DESTRUCTION_PROPOSED: _DESTRUCTION,
    NoticeKind.DESTRUCTION_APPROVED: _DESTRUCTION,
    NoticeKind.DESTRUCTION_STOPPED: _DESTRUCTION,
    NoticeKind.HOLD_REVIEW: _HOLDS,
    NoticeKind.HOLD_OVERDUE: _HOLDS,
    NoticeKind.DRILL_DUE: _DRILLS,
    NoticeKind.DRILL_MISSED: _DRILLS,
    NoticeKind.BOX_RECEIVED: Place("paper.register", needs=Right.RETENTION),
    NoticeKind.INCIDENT_OPENED: _INCIDENT,
    NoticeKind.INCIDENT_DRILL: _INCIDENT,
    NoticeKind.INCIDENT_REPORTED: _INCIDENT,
    NoticeKind.INCIDENT_TASK: _INCIDENT,
    NoticeKind.BREACH_NOTICE_WAITS: Place("notices.board", "incident", needs=Right.INCIDENT_VIEW),
    NoticeKind.SIGNAL_RAISED: _SIGNAL,
    NoticeKind.SIGNAL_TESTED: _SIGNAL,
    NoticeKind.MISUSE_DRAFTED: Place("incident_misuse.one", "record", needs=Right.INCIDENT),
    NoticeKind.INCIDENT_CLOCK_HALF: _CLOCK,
    NoticeKind.INCIDENT_CLOCK_CLOSE: _CLOCK,
    NoticeKind.INCIDENT_CLOCK_MISSED: _CLOCK,
    NoticeKind.INCIDENT_CLOCK_OVERDUE: _CLOCK,
    NoticeKind.LOG_GAP_ACCEPTED: Place("compliance.view", event=True),
}
"""Every kind of notice and its page: a closed table."""


@inbox_pages.get("/inbox")
@door()
def listed() -> str:
    """List the person's notices, newest first."""
    notices = inbox.listed(parts(), person())
    return render_template(
        "inbox.html",
        notices=[(one, _address(one.kind, one.about)) for one in notices],
        newest=notices[0].at.isoformat() if notices else "",
        any_new=any(one.seen_at is None for one in notices),
    )


@inbox_pages.post("/inbox/seen")
@door()
def see() -> Response:
    """Note that the person has seen every notice of the page they were shown."""
    inbox.see(parts(), person(), _moment(request.form.get("up_to", "")), now())
    return redirect(url_for("inbox.listed"), 303)


def _address(kind: NoticeKind, about: bytes) -> str:
    place = PLACES[kind]
    rights = parts().policy.roles[person().role].rights
    if place.supervisors and Right.SUPERVISE in rights:
        return url_for(place.supervisors)
    if place.event and Right.LOG_READ in rights:
        return url_for("log_proof.view", event=about)
    if place.needs is not None and place.needs not in rights:
        return url_for("inbox.listed")
    ids: dict[str, Any] = {place.about: about} if place.about else {}
    return url_for(place.endpoint, **ids)


def _moment(text: str) -> datetime:
    try:
        return in_utc(datetime.fromisoformat(text), "up_to")
    except ValueError:
        raise InvalidValue("impossible_date", field="up_to") from None
