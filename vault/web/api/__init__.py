"""The JSON API, one module for each part of the work; :mod:`vault.web.api.routes` says how a route is declared."""

from vault.web.api import cases, log, records, sessions
from vault.web.api.routes import api

__all__ = ["api", "cases", "log", "records", "sessions"]
