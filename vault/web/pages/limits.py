"""Lifting a reading limit from the supervisor's board."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from vault.domain.rules.access import Right
from vault.services import limits
from vault.web.gate import door, now, parts, person
from vault.web.presenting import way_back

limit_pages = Blueprint("limits", __name__)


@limit_pages.post("/signals/<hex32:signal>/release")
@door(Right.SUPERVISE)
def release(signal: bytes) -> Response:
    """Lift the limit that somebody ran into, and go back to the board."""
    limits.release(parts(), person(), signal, now())
    return redirect(way_back(request.form.get("back", "")), 303)
