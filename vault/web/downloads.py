"""Answers that are files, made while they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from flask import Response

ZIP = "application/zip"


class Bundle(Protocol):
    """A file on its way: what it is called, and its pieces, to be taken once."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def pieces(self) -> Iterator[bytes]:
        """Return its content."""


def attachment(bundle: Bundle) -> Response:
    """Return a bundle as a file that is made while it is sent."""
    answer = Response(bundle.pieces, mimetype=ZIP)
    answer.headers["Content-Disposition"] = f'attachment; filename="{bundle.name}"'
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy in front passes it on as it comes
    return answer
