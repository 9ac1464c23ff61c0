"""What every answer carries, whatever made it: page, API, static file, redirect or error.

A WSGI wrapper rather than a hook of the framework, so that no way of answering goes around it; only what is no HTTP
never gets here: the server in front refuses it by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
EVERY_ANSWER = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
NO_STORE = ("Cache-Control", "no-store")
OVER_TLS = ("Strict-Transport-Security", "max-age=31536000")
"""One year. No ``includeSubDomains``: the other names of a company's domain are not ours to decide."""


class Headers:
    """Adds the headers to each answer of an application.

    Args:
        app: the application inside.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on and complete the headers of what comes back."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None) -> object:
            """Complete the headers and pass them on."""
            headers.extend(EVERY_ANSWER)
            # Static files say themselves how long they keep; nothing else is ever kept.
            if not any(name.lower() == "cache-control" for name, _ in headers):
                headers.append(NO_STORE)
            if environ["wsgi.url_scheme"] == "https":
                headers.append(OVER_TLS)
            return start_response(status, headers, exc_info)

        return self._app(environ, start)  # type: ignore[arg-type]  # the write() callable passes through unseen
