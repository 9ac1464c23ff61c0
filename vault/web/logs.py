"""What the front door may write about its work: JSON lines on stderr, from an allow-list of keys.

Never a body, a query string, an address typed into a path, or the text of an exception: those carry what people
typed. A key that is not on the list is dropped, not escaped and not shortened.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

KEYS = ("time", "level", "event", "endpoint", "status", "milliseconds", "code", "reason", "incident", "node", "job")
"""Every key a line may have, in the order a line has them."""


def configure(node: str, stream: TextIO | None = None) -> None:
    """Set up the process's log: ours line by line, that of libraries reduced to where and how bad.

    Args:
        node: this host's name.
        stream: where lines go; stderr when None.
    """
    stream = stream or sys.stderr

    def stamp(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
        """Add the time and this host's name."""
        line["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
        line["node"] = node
        return line

    structlog.configure(
        processors=[structlog.processors.add_log_level, stamp, keep_allowed, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(stream),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [LibraryLines(logging.WARNING)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def keep_allowed(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    """Keep the allowed keys of a line, in their order."""
    return {key: line[key] for key in KEYS if key in line}


def line(event: str, level: str = "info", **facts: str | float) -> None:
    """Write one line.

    Args:
        event: what happened, a fixed word.
        level: ``info``, ``warning`` or ``error``.
        facts: further facts; names outside :data:`KEYS` are dropped.
    """
    structlog.get_logger().log(logging.getLevelNamesMapping()[level.upper()], event, **facts)


class LibraryLines(logging.Handler):
    """Brings the lines of libraries to ours: which module spoke, at which line, with which kind of exception.

    Their messages are left out whole: a driver or a server may put a statement, a URL or a header into them.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write where the record was made."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        line("library", level, code=f"{record.name}:{record.module}:{record.lineno}", reason=kind)
