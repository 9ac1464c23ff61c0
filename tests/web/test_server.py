from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gunicorn.config import Config as GunicornConfig

from vault import bootstrap
from vault.config import ROOT, Config, load_config
from vault.web.server import Server, gunicorn_options

SERVE = "from vault.config import load_config; from vault.web.server import serve; serve(load_config())"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    given = {
        "DATAVAULT_DATA_DIR": str(tmp_path / "data"),
        "DATAVAULT_ENV": "test",
        "DATAVAULT_BIND": f"127.0.0.1:{free_port()}",
        "DATAVAULT_WORKERS": "2",
        "DATAVAULT_THREADS": "2",
    }
    bootstrap.init(load_config(given), datetime.now(UTC))
    return given


def test_gunicorn_knows_every_option_we_give(tmp_path: Path) -> None:
    options = gunicorn_options(load_config({"DATAVAULT_DATA_DIR": str(tmp_path)}))
    known = GunicornConfig()
    for name, value in options.items():
        known.set(name, value)
    assert known.control_socket_disable
    assert known.accesslog is None
    assert known.worker_class_str == "gthread"


def test_files_and_variables_of_gunicorn_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--access-logfile=- --bind=0.0.0.0:1")
    config: Config = replace(load_config({"DATAVAULT_DATA_DIR": str(tmp_path)}), bind="127.0.0.1:8321")
    server = Server(config)
    assert server.cfg.address == [("127.0.0.1", 8321)]
    assert server.cfg.accesslog is None


@pytest.mark.slow
def test_two_workers_serve_count_together_and_stop_when_told(settings: dict[str, str]) -> None:
    port = int(settings["DATAVAULT_BIND"].rpartition(":")[2])
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(200):
            try:
                assert ask(port, "/readyz")[0] == 200
                break
            except OSError:
                time.sleep(0.1)
        for _ in range(20):
            ask(port, "/healthz?number=13800138000")
        status, metrics = ask(port, "/metrics")
        assert status == 200
        assert 'http_request_duration_seconds_count{endpoint="health.alive"} 20.0' in metrics
    finally:
        server.send_signal(signal.SIGTERM)
        written = server.communicate(timeout=30)[1]
    assert server.returncode == 0
    lines = written.splitlines()
    assert len(lines) >= 22
    assert all(line.startswith("{") for line in lines), [line for line in lines if not line.startswith("{")]
    assert "13800138000" not in written
