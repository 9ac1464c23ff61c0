"""The auditor's page for taking the access log home: what is asked for, how much it is, and the bundle itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, render_template, request

from vault import words
from vault.domain.log import Action
from vault.domain.log_exports import LogQuestion, log_question
from vault.domain.rules.access import Right
from vault.errors import InvalidValue
from vault.services import log_export
from vault.web.downloads import attachment
from vault.web.gate import door, language, now, parts, person

log_export_pages = Blueprint("log_export", __name__)

_WEEK = timedelta(days=7)


@log_export_pages.get("/log/export")
@door(Right.LOG_READ, fresh=True)
def form() -> str:
    """Ask what to export; by default the last seven days, today included."""
    tomorrow = (now() + timedelta(days=1)).astimezone(parts().policy.zone).date()
    return _page({"since": (tomorrow - _WEEK).isoformat(), "until": tomorrow.isoformat(), "form": "csv"})


@log_export_pages.post("/log/export")
@door(Right.LOG_READ, fresh=True)
def export() -> str | Response | tuple[str, int]:
    """Count what is asked for, or send it."""
    asked = {name: request.form.get(name, "").strip() for name in ("since", "until", "actor", "action", "form")}
    try:
        question = _question(asked)
        if request.form.get("do") == "count":
            return _page(asked, log_export.preview(parts(), person(), question, now()))
        names = words.event_names(language(), parts().policy.roles)
        return attachment(log_export.export(parts(), person(), question, names, now()))
    except InvalidValue as invalid:
        told = words.reason(language(), invalid.reason, invalid.facts)
        return _page(asked, errors={str(invalid.facts.get("field", "")): told}), 400


def _question(asked: Mapping[str, str]) -> LogQuestion:
    return log_question(
        asked["since"],
        asked["until"],
        parts().policy.zone,
        [asked["actor"]] if asked["actor"] else [],
        [asked["action"]] if asked["action"] else [],
        table=asked["form"] == "csv",
    )


def _page(
    asked: Mapping[str, str], preview: log_export.Preview | None = None, errors: Mapping[str, str] | None = None
) -> str:
    given: dict[str, Any] = {"asked": asked, "preview": preview, "errors": errors or {}}
    return render_template("log_export.html", actions=[one.value for one in Action], **given)
