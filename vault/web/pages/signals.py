"""The page of one signal: what the vault noticed, for whoever was told of it."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for

from vault.services.breach import signals
from vault.web.gate import door, parts, person
from vault.web.pages.incident_timeline import signal_names

signal_pages = Blueprint("signals", __name__)


@signal_pages.get("/signals/<hex32:evidence>")
@door()
def view(evidence: bytes) -> str:
    """Show one signal with its evidence."""
    found = signals.one(parts(), person(), evidence)
    return render_template(
        "signal.html",
        one=found,
        evidence=[found],
        signal_names=signal_names(),
        back=url_for("signals.view", evidence=evidence),
    )
