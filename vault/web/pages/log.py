"""The auditor's pages: the access log, newest first, and the verdict over all of it."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for

from vault import words
from vault.domain.rules.access import Right
from vault.services import log
from vault.web.gate import door, language, now, parts, person

log_pages = Blueprint("log", __name__)

_ON_A_PAGE = 50
_MOST_FINDINGS_SHOWN = 20
_LONGEST_INDEX = 15  # digits


@log_pages.get("/log")
@door(Right.LOG_READ)
def view() -> str:
    """List events, newest first."""
    given = request.args.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) <= _LONGEST_INDEX else None
    lines = log.page(parts(), person(), before, _ON_A_PAGE, now())
    older = lines[-1].leaf_index if lines and lines[-1].leaf_index > 0 else None
    return render_template("log.html", lines=lines, older=older, newest=before is None)


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
