"""The compliance page: clause by clause the rule in force, the evidence of this moment, and how the vault stands."""

from __future__ import annotations

import base64
from datetime import timedelta

from flask import Blueprint, render_template, url_for

from vault import words
from vault.domain.compliance import Answer, Said, Standing
from vault.domain.rules.access import Right
from vault.services import compliance
from vault.services.compliance import Report
from vault.web.gate import door, language, now, parts, person

compliance_pages = Blueprint("compliance", __name__)

_BOARD = "incidents.board"
_PAGES = dict.fromkeys(("UL-03", "UL-04", "BR-01", "BR-02", "BR-03", "BR-05"), _BOARD) | {
    "EM-09": "incident_drills.listed"
}
"""Where what a clause asks for is done; for those who may read incidents."""


@compliance_pages.get("/compliance")
@door(Right.COMPLIANCE)
def view() -> str:
    """Show the report; it prints on A4."""
    report = compliance.view(parts(), person(), now())
    root = "" if report.checkpoint is None else base64.b64encode(report.checkpoint.root).decode()
    reads_log = parts().policy.allows(person().role, Right.LOG_READ)
    return render_template(
        "compliance.html",
        report=report,
        root=root,
        counts={standing.value: report.count(standing) for standing in Standing},
        said=_said,
        page_of=_page,
        events_of=lambda answer: _events(report, answer) if reads_log and answer.search else "",
    )


def _said(one: Said) -> str:
    return words.told(language(), "compliance", one.word, one.facts)


def _page(answer: Answer) -> str:
    """Return the page on which the matter of a clause is worked on; empty where there is none for this person."""
    endpoint = _PAGES.get(answer.clause.id, "")
    return url_for(endpoint) if endpoint and parts().policy.allows(person().role, Right.INCIDENT_VIEW) else ""


def _events(report: Report, answer: Answer) -> str:
    """Return the page of the log that lists the events behind an answer."""
    since = (report.at - timedelta(days=report.days)).astimezone(parts().policy.zone)
    return url_for("log.view", since=since.strftime("%Y-%m-%dT%H:%M"), **answer.search)  # type: ignore[arg-type]  # words
