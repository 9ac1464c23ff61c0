"""From a reminder to its incident: a notice is about the reminder, so that each one is told."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from vault.domain.rules.access import Right
from vault.services.breach import incident_reminders
from vault.web.gate import door, now, parts, person

incident_reminder_pages = Blueprint("incident_reminders", __name__)


@incident_reminder_pages.get("/incidents/reminders/<hex32:reminder>")
@door(Right.INCIDENT_VIEW)
def one(reminder: bytes) -> Response:
    """Lead to the incident that a reminder is about."""
    incident = incident_reminders.incident_of(parts(), person(), reminder, now())
    return redirect(url_for("incidents.one", incident=incident), 303)
