"""Closing reports of incidents, for programs."""

from __future__ import annotations

from typing import Any

from flask import Response
from pydantic import Field

from vault.domain.rules.access import Right
from vault.services.breach import incident_report
from vault.web import gate
from vault.web.api.routes import route
from vault.web.api.shapes import Id, Shape, Word
from vault.web.downloads import ZIP, attachment
from vault.web.gate import now, parts, person


class IncidentReportAnswer(Shape):
    """A report: a draft until the incident is closed, fixed afterwards."""

    incident: Id
    standing: Word = Field(description="draft or fixed.")
    digest: str = Field(description="SHA-256 of the report's canonical JSON; of a fixed one the event names it.")
    event: Id | None = Field(description="That names a fixed report; null for a draft.")
    report: dict[str, Any] = Field(description="As docs/formats.md has it, under Closing report of an incident.")


@route("GET", "/incidents/<hex32:incident>/report", gate.door(Right.INCIDENT_VIEW), answer=IncidentReportAnswer)
def show_incident_report(incident: bytes) -> dict[str, Any]:
    """Show the closing report of an incident, or its draft."""
    report = incident_report.show(parts(), person(), incident, now())
    return {
        "incident": incident.hex(),
        "standing": report.document["standing"],
        "digest": report.digest,
        "event": report.fixed.event_id.hex() if report.fixed else None,
        "report": dict(report.document),
    }


@route("GET", "/incidents/<hex32:incident>/report/files", gate.door(Right.INCIDENT_VIEW), answer=ZIP)
def take_incident_report(incident: bytes) -> Response:
    """Give the report with its event, its `.tlog-proof` and the verifier, as a ZIP; a draft alone."""
    moment = now()
    taken = incident_report.take(parts(), person(), incident, moment)
    return attachment(incident_report.zipped(parts(), taken, moment))
