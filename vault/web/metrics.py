"""Counting for monitoring: requests by endpoint name, and what people did as the log's own events tell it.

Labels come from closed lists only (endpoint names, purposes, outcomes, classes, fields): never a person, a number or
an id. Counts of several workers meet in files when ``PROMETHEUS_MULTIPROC_DIR`` is set, which
:mod:`vault.web.server` does before this module is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from time import perf_counter
from types import TracebackType
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from vault.domain.log import Action, Event, Outcome, Receipt
from vault.errors import VaultError
from vault.services import readiness
from vault.services.parts import Parts
from vault.storage.group_commit import GroupCommit, Rows
from vault.web import gate, logs

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
