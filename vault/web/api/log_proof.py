"""One entry of the access log with its proof, for programs."""

from __future__ import annotations

from flask import Response

from vault.domain.rules.access import Right
from vault.services import log_proof
from vault.web import gate
from vault.web.api.routes import route
from vault.web.downloads import ZIP, attachment
from vault.web.gate import now, parts, person


@route("GET", "/events/<hex32:event>/proof", gate.door(Right.LOG_READ, fresh=True), answer=ZIP)
def prove_event(event: bytes) -> Response:
    """Give one event and the `.tlog-proof` that it is in the log, as a ZIP of two files."""
    moment = now()
    return attachment(log_proof.zipped(parts(), log_proof.prove(parts(), person(), event, moment), moment))
