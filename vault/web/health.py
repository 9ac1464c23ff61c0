"""What monitoring may ask: alive, ready, metrics."""

from __future__ import annotations

import hmac
import json
from ipaddress import ip_address

from flask import Blueprint, Response, current_app, request

from vault.config import Config
from vault.errors import AccessRefused
from vault.services import readiness
from vault.web import gate, metrics
from vault.web.api.bodies import JSON
from vault.web.problems import RETRY_SECONDS

CONFIG = "datavault_config"
"""Where the settings stand among the application's extensions."""

health = Blueprint("health", __name__)


@health.get("/healthz")
@gate.open_door
def alive() -> Response:
    """Say that this process answers; nothing else is asked."""
    return _json({"status": "ok"})


@health.get("/readyz")
@gate.open_door
def ready() -> Response:
    """Say whether database, schema, keys and log would serve somebody now, or the id of the reason why not."""
    fault = readiness.fault(gate.parts())
    if fault is None:
        warning = readiness.warning(gate.parts(), gate.now())
        return _json({"status": "ready"} if warning is None else {"status": "ready", "warning": warning})
    response = _json({"status": "not_ready", "reason": fault}, 503)
    response.headers["Retry-After"] = RETRY_SECONDS
    return response


@health.get("/metrics")
@gate.open_door
def read_metrics() -> Response:
    """Give the metrics to whoever asks from this host or has the token."""
    config: Config = current_app.extensions[CONFIG]
    if not (_is_from_this_host() or _has_token(config)):
        raise AccessRefused("metrics_not_yours")
    return Response(metrics.exposition(gate.parts()), content_type="text/plain; version=1.0.0; charset=utf-8")


def _is_from_this_host() -> bool:
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # through a proxy, which makes strangers look local or lets them say so; monitoring asks directly
    try:
        return ip_address(gate.source()).is_loopback
    except ValueError:
        return False


def _has_token(config: Config) -> bool:
    if config.metrics_token_file is None:
        return False
    try:
        token = config.metrics_token_file.read_bytes().strip()
    except OSError:
        return False
    return bool(token) and hmac.compare_digest(token, gate.bearer().encode())


def _json(document: dict[str, str], status: int = 200) -> Response:
    return Response(json.dumps(document), status, mimetype=JSON)
