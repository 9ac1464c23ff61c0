"""Taking the access log home, for programs: counting first, and the bundle itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from flask import Response
from pydantic import Field, StringConstraints

from vault import words
from vault.domain.log_exports import LogQuestion, log_question
from vault.domain.rules.access import Right
from vault.services import log_export
from vault.web import gate
from vault.web.api.routes import route
from vault.web.api.shapes import Shape
from vault.web.downloads import ZIP, attachment
from vault.web.gate import now, parts, person

_MOST_NAMES = 50

_Time = Annotated[str, StringConstraints(min_length=1, max_length=40)]
_Word = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ExportBody(Shape):
    """Which events to export."""

    since: _Time = Field(description="Inclusive: a day of the company's zone, or a time with its offset (RFC 3339).")
    until: _Time = Field(description="Exclusive, likewise; may lie in the future.")
    actors: Annotated[list[_Word], Field(max_length=_MOST_NAMES)] = Field(
        default_factory=list, description="Only these people; none for everybody, which proves completeness."
    )
    actions: Annotated[list[_Word], Field(max_length=_MOST_NAMES)] = Field(
        default_factory=list, description="Only these actions; none for all."
    )
    table: bool = Field(default=False, description="With a table for spreadsheets.")


class ExportPreview(Shape):
    """What an export would hold."""

    events: int
    size: int = Field(description="Entries of the log.")
    extends: int | None = Field(description="Size of the log in your previous export; null for the first.")


@route("POST", "/exports/preview", gate.door(Right.LOG_READ), answer=ExportPreview, body=ExportBody)
def preview_export(body: ExportBody) -> dict[str, Any]:
    """Count what an export of the access log would hold."""
    return asdict(log_export.preview(parts(), person(), _question(body), now()))


@route("POST", "/exports", gate.door(Right.LOG_READ, fresh=True), answer=ZIP, body=ExportBody)
def export_log(body: ExportBody) -> Response:
    """Export the access log as a ZIP that can be checked anywhere."""
    names = words.event_names(gate.language(), parts().policy.roles)
    return attachment(log_export.export(parts(), person(), _question(body), names, now()))


def _question(body: ExportBody) -> LogQuestion:
    return log_question(body.since, body.until, parts().policy.zone, body.actors, body.actions, table=body.table)
