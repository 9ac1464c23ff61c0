"""Counting for monitoring: requests by endpoint name, and what people did as the log's own events tell it.

Labels come from closed lists only (endpoint names, purposes, outcomes, classes, fields): never a person, a number or
an id. Counts of several workers meet in files when ``PROMETHEUS_MULTIPROC_DIR`` is set, which
:mod:`vault.web.server` does before this module is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from time import perf_counter
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from vault.domain.log import Action, Event, Outcome, Receipt
from vault.errors import StorageError
from vault.services import readiness
from vault.services.steps.parts import Parts
from vault.web import gate, logs

REGISTRY = CollectorRegistry()
LOOKUPS = Counter("lookups_total", "Look-ups by whether anything was shown.", ("purpose", "outcome"), registry=REGISTRY)
REVEALS = Counter("reveals_total", "Fields revealed.", ("class", "field"), registry=REGISTRY)
SIGN_IN_FAILURES = Counter("sign_in_failures_total", "Refused sign-ins.", registry=REGISTRY)
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time to answer, by endpoint name.",
    ("endpoint",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    registry=REGISTRY,
)


class CountedLog:
    """A log writer that counts the events it has made durable.

    Args:
        writer: writes them.
    """

    def __init__(self, writer: Any) -> None:  # noqa: ANN401 - storage's GroupCommit; doors do not import that room
        self._writer = writer

    def write(self, event: Event, rows: object = None, bound: Any = None) -> Receipt:  # noqa: ANN401 - storage's Bound
        """Make an event durable, then count it; or the refusal that was written where it would go beyond a bound."""
        receipt = cast("Receipt", self._writer.write(event, rows, bound))
        count(event if receipt.event_id == event.event_id else bound.refusal)
        return receipt


def count(event: Event) -> None:
    """Count an event that is durable."""
    if event.action is Action.LOOKUP:
        # A miss and a refusal are one count: told apart, each look-up would tell a watcher what exists.
        outcome = "granted" if event.outcome is Outcome.GRANTED else "nothing_shown"
        LOOKUPS.labels(event.purpose, outcome).inc()
    elif event.action is Action.REVEAL:  # a refused one opens no field
        for one in event.opened:
            for field in one.fields:
                REVEALS.labels(one.record_class, field).inc()
    elif event.action is Action.SIGN_IN and event.outcome is Outcome.REFUSED:
        SIGN_IN_FAILURES.inc()


def counted(parts: Parts) -> Parts:
    """Return the same parts with a log writer that counts, and the same counting for what goes past it."""
    return replace(parts, log_writer=cast("Any", CountedLog(parts.log_writer)), noted=count)


class Watch:
    """Times each request of an application and writes one line about it: endpoint, status, milliseconds.

    Args:
        app: the application inside.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on and note how it went."""
        started, status = perf_counter(), ""

        def start(line: str, *rest: Any) -> object:  # noqa: ANN401 - passed on as WSGI gives it
            """Note the status and pass it on."""
            nonlocal status
            status = line[:3]
            return start_response(line, *rest)

        try:
            return self._app(environ, cast("StartResponse", start))
        finally:
            seconds, endpoint = perf_counter() - started, environ.get(gate.ENDPOINT, "none")
            DURATION.labels(endpoint).observe(seconds)
            logs.line("request", endpoint=endpoint, status=int(status or 500), milliseconds=round(seconds * 1000, 1))


def exposition(parts: Parts) -> bytes:
    """Return every metric in the Prometheus text format."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it registers itself
    else:
        registry.register(REGISTRY)
    registry.register(_LogGauges(parts))
    return generate_latest(registry)


class _LogGauges(Collector):
    """Reads the log's state when asked; left out while the database does not answer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges, as Prometheus asks a collector for them."""
        try:
            readings = readiness.log_readings(self._parts, gate.now())
        except StorageError:
            return
        yield GaugeMetricFamily("log_size", "Events with a place in the log.", readings.size)
        if readings.checkpoint_age_seconds is not None:
            age = readings.checkpoint_age_seconds
            yield GaugeMetricFamily("checkpoint_age_seconds", "Since the last signed checkpoint.", age)
        if readings.verified is not None and readings.verified_age_seconds is not None:
            since = readings.verified_age_seconds
            yield GaugeMetricFamily("log_verified_age_seconds", "Since the whole log was last verified.", since)
            yield GaugeMetricFamily("log_verified", "Whether it held then.", int(readings.verified))
