"""The JSON API, one module for each part of the work; :mod:`vault.web.api.routes` says how a route is declared."""

from vault.web.api import (
    accounts,
    board,
    break_glass,
    caller,
    cases,
    compliance,
    grants,
    handovers,
    inbox,
    limits,
    log,
    log_export,
    records,
    requests,
    second_factor,
    sessions,
)
from vault.web.api.routes import api

__all__ = [
    "accounts",
    "api",
    "board",
    "break_glass",
    "caller",
    "cases",
    "compliance",
    "grants",
    "handovers",
    "inbox",
    "limits",
    "log",
    "log_export",
    "records",
    "requests",
    "second_factor",
    "sessions",
]
