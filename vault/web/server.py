"""How gunicorn runs the front door: workers with threads, each with a vault of its own, opened after the fork.

Connections, threads and locks do not survive a fork, so the parent process opens nothing. A worker that is told to
stop answers what it has, then its log writer finishes and its connections close.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from vault.bootstrap import open_vault
from vault.config import Config, load_config
from vault.web import logs

_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108  # heartbeat files; a disk could stall them
_LIFE = ExitStack()


class QuietLogger(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn's own messages, as :mod:`vault.web.logs` lets libraries speak; there is no access log."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn's settings object
        """Send errors to the process's log and access lines nowhere."""
        super().setup(cfg)
        self.error_log.handlers = []
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn with our settings.

    Args:
        config: the settings.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        """Take over the settings; gunicorn's own files and variables are not read."""
        for name, value in gunicorn_options(self._config).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Open the vault in this worker."""
        return _opened(self._config)


def gunicorn_options(config: Config) -> Mapping[str, object]:
    """Return gunicorn's settings by name.

    Args:
        config: the settings.
    """
    return {
        "bind": config.bind,
        "workers": config.workers,
        "threads": config.threads,
        "worker_class": "gthread",
        "preload_app": False,
        "timeout": 30,
        "graceful_timeout": 10,
        "keepalive": 5,
        "limit_request_line": 2048,
        "limit_request_fields": 50,
        "forwarded_allow_ips": "",  # only `proxy_hops` says whom to believe
        "secure_scheme_headers": {},
        "control_socket_disable": True,
        "accesslog": None,
        "logger_class": QuietLogger,
        "proc_name": "datavault",
        "umask": 0o077,
        "worker_tmp_dir": str(_MEMORY) if _MEMORY.is_dir() else None,
    }


def serve(config: Config) -> None:
    """Serve until told to stop; does not return.

    Args:
        config: the settings.
    """
    logs.configure(config.node)
    _share_metrics(config.data_dir / "run" / "metrics")
    Server(config).run()


def application() -> Flask:
    """Return the application with the settings of the environment, for any other WSGI server."""
    return _opened(load_config())


def _opened(config: Config) -> Flask:
    # prometheus_client decides on loading where the counts of several workers meet.
    from vault.web.app import create_app  # noqa: PLC0415 - only now, when the folder for the counts is known

    parts = _LIFE.enter_context(open_vault(config))
    atexit.register(_LIFE.close)
    return create_app(parts, config)


def _share_metrics(folder: Path) -> None:
    """Give the workers an empty folder in which their counts meet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
