"""Answers that are files, made while they are sent."""

from __future__ import annotations

from flask import Response

from vault.services.log_export import Export

ZIP = "application/zip"


def attachment(bundle: Export) -> Response:
    """Return a bundle as a file that is made while it is sent."""
    answer = Response(bundle.pieces, mimetype=ZIP)
    answer.headers["Content-Disposition"] = f'attachment; filename="{bundle.name}"'
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy in front passes it on as it comes
    return answer
