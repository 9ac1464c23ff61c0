"""A flood of sign-ins from one address, against a served vault: others sign in and look up as if nothing happened."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import AGENT, OTHER_AGENT, POOL_PHONE, Front, small_vault
from vault.config import ROOT

pytestmark = pytest.mark.slow

SERVE = "from vault.config import load_config; from vault.web.server import serve; serve(load_config())"
FLOOD, HOME = "127.0.0.2", "127.0.0.1"
ATTACKERS, TRIES = 24, 12
MOST_SECONDS = 1.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def post(port: int, source: str, path: str, body: dict[str, str], token: str = "") -> tuple[int, Any]:
    """Ask the API from one of this machine's own addresses."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


@pytest.fixture
def served(tmp_path: Path, full_hashes: None) -> Iterator[tuple[Front, int]]:
    with small_vault(tmp_path) as front:
        port = free_port()
        environ = {
            **os.environ,
            "DATAVAULT_DATA_DIR": str(front.config.data_dir),
            "DATAVAULT_ENV": "test",
            "DATAVAULT_BIND": f"127.0.0.1:{port}",
            "DATAVAULT_WORKERS": "2",
            "DATAVAULT_THREADS": "8",
        }
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE], env=environ, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for _ in range(300):
                try:
                    post(port, HOME, "/sessions", {})
                    break
                except OSError:
                    time.sleep(0.1)
            yield front, port
        finally:
            server.terminate()
            server.wait(30)


def test_a_flood_from_one_address_leaves_sign_ins_and_look_ups_from_another_alone(served: tuple[Front, int]) -> None:
    front, port = served
    statuses: list[int] = []

    def attack() -> None:
        for _ in range(TRIES):
            body = {"work_number": AGENT, "password": "not the password"}
            statuses.append(post(port, FLOOD, "/sessions", body)[0])

    def timed(path: str, body: dict[str, str], token: str = "") -> tuple[float, Any]:
        began = time.perf_counter()
        status, answer = post(port, HOME, path, body, token)
        took = time.perf_counter() - began
        assert status in (200, 201), answer
        return took, answer

    look = {"number": POOL_PHONE, "purpose": "query"}
    known = {who: {"work_number": who, "password": front.passwords[who]} for who in (AGENT, OTHER_AGENT)}
    attackers = [threading.Thread(target=attack) for _ in range(ATTACKERS)]
    for one in attackers:
        one.start()
    waited = []
    try:
        while any(one.is_alive() for one in attackers) and len(waited) < 100:
            # The very account that is being guessed at, and another one.
            for typed in known.values():
                took, session = timed("/sessions", typed)
                waited.append(took)
                waited.append(timed("/lookups", look, session["token"])[0])
    finally:
        for one in attackers:
            one.join()
    assert set(statuses) <= {401, 503}
    assert len(statuses) == ATTACKERS * TRIES
    assert 401 in statuses
    assert len(waited) >= 4
    assert sorted(waited)[len(waited) * 9 // 10] < MOST_SECONDS, sorted(waited)
    # From the flooded address the account is slowed down; from its owner's it never was.
    assert post(port, FLOOD, "/sessions", known[AGENT])[0] == 401
    assert post(port, HOME, "/sessions", known[AGENT])[0] == 201
