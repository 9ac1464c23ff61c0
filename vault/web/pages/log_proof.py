"""The auditor's page for one entry of the access log: all of it, and the pair of files that proves it elsewhere."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, url_for

from vault.domain.rules.access import Right
from vault.services import log_proof
from vault.web.downloads import attachment
from vault.web.gate import door, now, parts, person
from vault.web.pages.log_facts import facts_in_words

log_proof_pages = Blueprint("log_proof", __name__)


@log_proof_pages.get("/log/events/<hex32:event>")
@door(Right.LOG_READ)
def view(event: bytes) -> str:
    """Show one entry in full."""
    seen = log_proof.see(parts(), person(), event, now())
    return render_template(
        "log_entry.html",
        index=seen.leaf_index,
        event=seen.body,
        facts=facts_in_words(seen.body),
        event_id=event,
        back=url_for("log_proof.view", event=event),
    )


@log_proof_pages.post("/log/events/<hex32:event>/proof")
@door(Right.LOG_READ, fresh=True)
def prove(event: bytes) -> Response:
    """Send one entry with its proof."""
    moment = now()
    return attachment(log_proof.zipped(parts(), log_proof.prove(parts(), person(), event, moment), moment))
