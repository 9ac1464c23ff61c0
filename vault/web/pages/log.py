"""The auditor's pages: searching the access log, its charts, and the verdict over all of it.

What narrows a search stands in the address, so that it can be kept as a link; a phone, waybill, ID or customer number
never does: it is sent in a form, turned into record ids, and forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from vault import words
from vault.domain.identifiers import IdentifierKind
from vault.domain.ids import Role
from vault.domain.log import Action, Outcome
from vault.domain.log_search import Question
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import log, log_search
from vault.services.log_search import LogCounts
from vault.web.gate import door, language, now, parts, person

log_pages = Blueprint("log", __name__)

_ON_A_PAGE = 50
_MOST_FINDINGS_SHOWN = 20
_LONGEST_INDEX = 15  # digits
_WORDS = ("person", "role", "action", "outcome", "purpose")
_SWITCHES = {"around": "1", "shift": "outside"}
_LOCAL = "%Y-%m-%dT%H:%M"
_ID = re.compile("[0-9a-f]{32}")
_CHART_HEIGHT = 100

Asked = dict[str, Any]
"""What narrows a search, as it stands in the address."""


@log_pages.get("/log")
@door(Right.LOG_READ)
def view() -> str:
    """List the events that answer the question in the address, newest first."""
    return _page(_asked(request.args.to_dict(flat=False)))


@log_pages.post("/log/find")
@door(Right.LOG_READ)
def find() -> Response | tuple[str, int]:
    """Turn a typed number into the records that carry it, and lead to the events that name them."""
    asked = _asked(request.form.to_dict(flat=False))
    try:
        found = log_search.find(parts(), person(), request.form.get("number", ""), now())
    except InvalidValue as invalid:
        errors = {"number": words.reason(language(), invalid.reason, invalid.facts)}
        return _page(asked, errors), 400
    records = {"record": [one.hex() for one in found.records], "around": "1"}
    narrowed = {**asked, **records} if found.records else {"none": found.kind.value}
    return redirect(url_for("log.view", **narrowed), 303)


@log_pages.get("/log/charts")
@door(Right.LOG_READ)
def charts() -> str:
    """Count the events that answer the question, by hour and by person."""
    asked = _asked(request.args.to_dict(flat=False))
    question, left_off = _widened(asked)
    counts = log_search.counts(parts(), person(), question, now())
    return render_template(
        "log_charts.html",
        asked=asked,
        left_off=left_off,
        counts=counts,
        bars=_bars(counts),
        busiest=max((count for _, count in counts.hours), default=0),
        most=max((count for _, count in counts.people), default=0),
        total=sum(count for _, count in counts.people),
        back=url_for("log.charts", **asked),
    )


@log_pages.post("/log/verify")
@door(Right.LOG_VERIFY)
def verify() -> str:
    """Judge the whole log and say what came of it."""
    verdict = log.verify(parts())
    log.record_verification(parts(), person().actor(), verdict, now())
    findings = [] if verdict is None else verdict.report.findings
    told = [words.finding(language(), one.kind, one.index) for one in findings[:_MOST_FINDINGS_SHOWN]]
    unlisted = 0 if verdict is None else verdict.report.unlisted
    more = len(findings) - len(told) + unlisted
    return render_template("verdict.html", verdict=verdict, findings=told, more=more, back=url_for("log.view"))


def _page(asked: Asked, errors: Mapping[str, str] | None = None) -> str:
    before = _before()
    question, left_off = _widened(asked)
    found = log_search.page(parts(), person(), question, before, _ON_A_PAGE, now())
    nothing = request.args.get("none", "")
    return render_template(
        "log.html",
        lines=found.events,
        older=found.older,
        looked_through=found.looked_through,
        newest=before is None,
        asked=asked,
        around_count=len(question.records) - len(asked.get("record", ())),
        errors=errors or {},
        left_off=left_off,
        nothing=nothing if nothing in list(IdentifierKind) else "",
        actors=log_search.actors(parts()),
        roles=[role.value for role in Role],
        actions=[action.value for action in Action],
        outcomes=[outcome.value for outcome in Outcome],
        saved=_saved(asked),
        shift=parts().policy.log,
        days=log_search.QUESTION_DAYS,
        back=url_for("log.view", **asked),
    )


def _before() -> int | None:
    given = request.args.get("before", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= _LONGEST_INDEX else None


def _asked(given: Mapping[str, list[str]]) -> Asked:
    """Return what narrows the search of what an address or a form says; what is empty or of no use is left out."""
    first = {name: values[0] for name, values in given.items() if values}
    asked: Asked = {name: first[name] for name in _WORDS if first.get(name)}
    asked |= {name: value for name, value in _SWITCHES.items() if first.get(name) == value}
    for name in ("since", "until"):
        if moment := _moment(first.get(name, ""), name):
            asked[name] = moment.astimezone(parts().policy.zone).strftime(_LOCAL)
    records = [one.strip() for one in given.get("record", []) if one.strip()]
    if any(not _ID.fullmatch(one) for one in records) or len(records) > log_search.MOST_RECORDS:
        raise InvalidValue("wrong_form", field="record")
    return asked | {"record": records} if records else asked


def _moment(text: str, field: str) -> datetime | None:
    """Return a time of the company's zone, as a form sends it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=parts().policy.zone).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        raise InvalidValue("impossible_date", field=field) from None


def _question(asked: Asked) -> Question:
    if asked.get("person") and asked["person"] not in log_search.actors(parts()):
        raise InvalidValue("not_on_list", field="person")  # whatever it is, no page repeats it
    return Question(
        since=_moment(asked.get("since", ""), "since"),
        until=_moment(asked.get("until", ""), "until"),
        actor=asked.get("person", ""),
        role=asked.get("role", ""),
        action=asked.get("action", ""),
        outcome=asked.get("outcome", ""),
        purpose=asked.get("purpose", ""),
        records=tuple(bytes.fromhex(one) for one in asked.get("record", [])),
        outside_shift="shift" in asked,
    )


def _widened(asked: Asked) -> tuple[Question, str]:
    """Return the question with what hangs on its records, if that is asked for; else also why it is left off."""
    question = _question(asked)
    if "around" not in asked:
        return question, ""
    try:
        return log_search.around(parts(), question), ""
    except InvalidValue as invalid:  # the record's own events are told, and that the others are not
        return question, words.reason(language(), invalid.reason, invalid.facts)


def _saved(asked: Asked) -> dict[str, str]:
    """Return the addresses of the saved questions, by name."""
    since = now() - timedelta(days=log_search.QUESTION_DAYS)
    start = since.astimezone(parts().policy.zone).strftime(_LOCAL)

    def address(**narrowed: Any) -> str:  # noqa: ANN401 - whatever narrows a search
        """Return the address of a search that begins with the days of the saved questions."""
        return url_for("log.view", since=start, **narrowed)

    records = asked.get("record")
    return {
        "customer": address(record=records, around=1, outcome=Outcome.GRANTED.value) if records else "#number",
        "outside": address(action=Action.REVEAL.value, outcome=Outcome.GRANTED.value, shift="outside"),
        "refusals": address(role=Role.AGENT.value, outcome=Outcome.REFUSED.value),
        "emergencies": address(action=Action.BREAK_GLASS_OPENED.value),
    }


def _bars(counts: LogCounts) -> list[dict[str, float]]:
    """Return the bars of the chart by hour; the page stretches them to its width."""
    most = max((count for _, count in counts.hours), default=0) or 1
    bars = []
    for at, (_, count) in enumerate(counts.hours):
        height = round(count / most * _CHART_HEIGHT, 2)
        bars.append({"x": at + 0.1, "y": round(_CHART_HEIGHT - height, 2), "width": 0.8, "height": height})
    return bars
