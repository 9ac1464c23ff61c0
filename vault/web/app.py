"""The whole front door on one page: settings, gate, routes, problems, headers."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from vault.config import Config
from vault.services.steps.parts import Parts
from vault.services.steps.seal import Seal
from vault.web import gate, logs, metrics, problems, turnstile
from vault.web.api import api
from vault.web.api.openapi import openapi
from vault.web.headers import Headers
from vault.web.health import CONFIG, health
from vault.web.metrics import Watch
from vault.web.pages.accounts import account_pages
from vault.web.pages.board import board_pages
from vault.web.pages.break_glass import break_glass_pages
from vault.web.pages.caller import caller_pages
from vault.web.pages.cases import case_pages
from vault.web.pages.certificates import certificate_pages
from vault.web.pages.compliance import compliance_pages
from vault.web.pages.handovers import handover_pages
from vault.web.pages.holds import hold_pages
from vault.web.pages.inbox import inbox_pages
from vault.web.pages.incident_containment import containment_pages
from vault.web.pages.incident_drills import incident_drill_pages
from vault.web.pages.incident_misuse import misuse_pages
from vault.web.pages.incident_notices import notice_pages
from vault.web.pages.incident_radius import radius_pages
from vault.web.pages.incident_reminders import incident_reminder_pages
from vault.web.pages.incident_report import incident_report_pages
from vault.web.pages.incidents import incident_pages
from vault.web.pages.limits import limit_pages
from vault.web.pages.log import log_pages
from vault.web.pages.log_export import log_export_pages
from vault.web.pages.log_proof import log_proof_pages
from vault.web.pages.look_up import pages
from vault.web.pages.own import own_pages
from vault.web.pages.paper import paper_pages
from vault.web.pages.people import people_pages
from vault.web.pages.plans import plan_pages
from vault.web.pages.requests import request_pages
from vault.web.pages.retention import retention_pages
from vault.web.pages.returns import return_pages
from vault.web.pages.second_factor import second_factor_pages
from vault.web.pages.signals import signal_pages

MOST_BYTES = 64 * 1024
"""The largest request body; the longest form has a dozen short fields."""

_MOST_FORM_PARTS = 50
_STATIC_SECONDS = 3600

_BLUEPRINTS = (
    pages,
    case_pages,
    caller_pages,
    break_glass_pages,
    handover_pages,
    board_pages,
    incident_drill_pages,
    incident_report_pages,
    radius_pages,
    containment_pages,
    inbox_pages,
    limit_pages,
    people_pages,
    account_pages,
    second_factor_pages,
    own_pages,
    log_pages,
    compliance_pages,
    log_export_pages,
    log_proof_pages,
    request_pages,
    return_pages,
    retention_pages,
    certificate_pages,
    plan_pages,
    hold_pages,
    paper_pages,
    incident_pages,
    incident_reminder_pages,
    notice_pages,
    misuse_pages,
    signal_pages,
    api,
    openapi,
    health,
)
"""Pages, API and readings; each brings its own routes and says at each who may pass."""


class Hex32(BaseConverter):
    """A random id in an address: 32 hexadecimal digits outside, 16 bytes inside."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> bytes:
        """Return the bytes."""
        return bytes.fromhex(value)

    def to_url(self, value: bytes) -> str:
        """Return the digits."""
        return value.hex()


def create_app(parts: Parts, config: Config) -> Flask:
    """Put the front door together.

    Args:
        parts: the vault's parts, opened in this process.
        config: the settings.

    Returns:
        The application.
    """
    logs.configure(config.node)
    app = Flask("vault.web")
    with parts.database.read() as connection:
        secret = parts.keys.current(connection).web_secret()
    _set_up(app, config, secret)
    app.extensions[gate.EXTENSION] = metrics.counted(parts)
    app.extensions[gate.SEAL] = Seal(parts)
    app.extensions[CONFIG] = config
    app.url_map.merge_slashes = False  # an address with // is not ours; no redirect repeats it
    app.url_map.converters["hex32"] = Hex32

    turnstile.stand_in(app, config.threads)
    gate.stand_at(app)  # first: it stands before the check of forms
    CSRFProtect(app).exempt(api)  # bearer tokens only: no browser sends one by itself
    gate.open_door(app.view_functions["static"])
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    problems.answer_with_problems(app)

    app.wsgi_app = Headers(Watch(app.wsgi_app))  # type: ignore[method-assign]  # Flask's own way to wrap
    if config.proxy_hops:
        hops = config.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]  # the same
    return app


def _set_up(app: Flask, config: Config, secret: str) -> None:
    """Set cookies, forms and limits of requests; none of it can be changed from outside but the trusted hosts."""
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME="__Host-datavault",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_TIME_LIMIT=None,  # a form lives as long as its session
        WTF_CSRF_SSL_STRICT=False,  # wants a Referer, which our own Referrer-Policy keeps back
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        MAX_FORM_PARTS=_MOST_FORM_PARTS,
        TRUSTED_HOSTS=list(config.trusted_hosts),
        PROVIDE_AUTOMATIC_OPTIONS=False,
        SEND_FILE_MAX_AGE_DEFAULT=_STATIC_SECONDS,
    )
