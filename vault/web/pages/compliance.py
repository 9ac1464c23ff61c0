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
        events_of=lambda answer: _events(report, answer) if reads_log and answer.search else "",
    )


def _said(one: Said) -> str:
    return words.told(language(), "compliance", one.word, one.facts)


def _events(report: Report, answer: Answer) -> str:
    """Return the page of the log that lists the events behind an answer."""
    since = (report.at - timedelta(days=report.days)).astimezone(parts().policy.zone)
    return url_for("log.view", since=since.strftime("%Y-%m-%dT%H:%M"), **answer.search)  # type: ignore[arg-type]  # words
