"""The password's fifteen days under a moved system clock: in a served vault, and for a command of a person."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

from vault import bootstrap
from vault.config import ROOT, load_config
from vault.services import people
from vault.services.intake_staff import import_staff

pytestmark = pytest.mark.clock

DATA = ROOT / "tests" / "data"
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
AGENT, PASSWORD, NEW = "KF2001", "five quiet couriers at dawn", "seven green umbrellas in line"
STARTS_WITHIN = 60  # seconds


class Served:
    """A vault served in processes of its own, under a clock that was moved.

    Args:
        folder: for the vault.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        settings = {
            "DATAVAULT_DATA_DIR": str(folder / "data"),
            "DATAVAULT_ENV": "test",
            "DATAVAULT_BIND": f"127.0.0.1:{self.port}",
            "DATAVAULT_WORKERS": "1",
            "DATAVAULT_THREADS": "4",
        }
        config = load_config(settings)
        bootstrap.init(config, datetime.now(UTC))
        with bootstrap.open_vault(config) as parts:
            operator = bootstrap.operator(config)
            import_staff(parts, operator, DATA / "staff.csv", config.policies_dir / "mappings", datetime.now(UTC))
            secret = people.invite(parts, operator, AGENT, datetime.now(UTC))
            # A whole second: a frozen clock is set no finer.
            self.activated = datetime.now(UTC).replace(microsecond=0)
            people.activate(parts, AGENT, secret, PASSWORD, "local", self.activated)
        self.environ = {**os.environ, **settings}
        self.process: subprocess.Popen[bytes] | None = None

    def start_at(self, moment: datetime) -> None:
        """Serve, with scheduler and all, while the machine says it is another time."""
        self.stop()
        offset = (moment - datetime.now(UTC)).total_seconds()
        environ = {**self.environ, "LD_PRELOAD": LIBRARY, "FAKETIME": f"{offset:+.3f}s", "NO_FAKE_STAT": "1"}
        command = [sys.executable, "-m", "vault", "serve"]
        self.process = subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.DEVNULL)
        until = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                assert self.ask("GET", "/readyz")[0] == 200
            except OSError:
                assert time.monotonic() < until, "the vault does not start"
                time.sleep(0.2)
            else:
                return

    def command_at(self, moment: datetime, *arguments: str, typed: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours to its end while the machine's clock stands still at a moment."""
        at = moment.strftime("%Y-%m-%d %H:%M:%S")
        frozen = {"FAKETIME": at, "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DATAVAULT_LANG": "en"}
        environ = {**self.environ, "LD_PRELOAD": LIBRARY, "NO_FAKE_STAT": "1", **frozen}
        command = [sys.executable, "-m", "vault", *arguments]
        return subprocess.run(
            command, env=environ, cwd=ROOT, input=typed, capture_output=True, text=True, timeout=60, check=False
        )

    def stop(self) -> None:
        """Stop serving."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, list[str]], str]:
        """Ask for something and return status, headers and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode(), headers)
            answer = connection.getresponse()
            given: dict[str, list[str]] = {}
            for name, value in answer.getheaders():
                given.setdefault(name.lower(), []).append(value)
            return answer.status, given, answer.read().decode()
        finally:
            connection.close()

    def api(self, method: str, path: str, token: str = "", **body: str) -> tuple[int, dict[str, object]]:
        """Ask the API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        given = json.dumps(body) if body else ""
        kind = {"Content-Type": "application/json"} if body else {}
        status, _, text = self.ask(method, f"/api/v1{path}", given, **headers, **kind)
        return status, json.loads(text) if text else {}

    def sign_in(self, password: str = PASSWORD) -> dict[str, object]:
        """Sign in as a program."""
        status, answer = self.api("POST", "/sessions", work_number=AGENT, password=password)
        assert status == 201, answer
        return answer


class Browser:
    """Keeps cookies, as a browser does."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.cookies: dict[str, str] = {}

    def open(self, method: str, path: str, **form: str) -> tuple[int, str, str]:
        """Return status, where it leads and the text."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        status, given, text = self.served.ask(method, path, urlencode(form), **headers)
        for line in given.get("set-cookie", []):
            self.cookies |= {name: one.value for name, one in SimpleCookie(line).items()}
        return status, given.get("location", [""])[0], text

    def send(self, path: str, **form: str) -> tuple[int, str, str]:
        """Fill in the form of a page and send it."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.open("GET", path)[2])
        assert token
        return self.open("POST", path, csrf_token=token[1], **form)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    vault = Served(tmp_path)
    yield vault
    vault.stop()


def test_fifteen_days_of_the_system_clock_close_every_door_and_setting_it_back_opens_none(
    served: Served,
) -> None:
    edge = served.activated + timedelta(days=15)

    served.start_at(edge - timedelta(minutes=10))
    browser = Browser(served)
    assert browser.send("/sign-in", work_number=AGENT, password=PASSWORD)[:2] == (303, "/")
    status, _, page = browser.open("GET", "/cases")
    assert status == 200
    assert "密码将于 1 天内到期" in page
    token = str(served.sign_in()["token"])
    assert served.api("GET", "/sessions", token)[0] == 200

    served.start_at(edge)
    assert browser.open("GET", "/cases")[:2] == (303, "/password")
    status, problem = served.api("GET", "/sessions", token)
    assert (status, problem["code"]) == (403, "password_expired")
    assert served.sign_in()["must_change_password"] is True

    served.start_at(served.activated + timedelta(days=1))
    again = served.sign_in()
    assert again["must_change_password"] is True
    assert served.api("GET", "/sessions", str(again["token"]))[1]["code"] == "password_expired"

    served.start_at(edge + timedelta(minutes=1))
    assert browser.send("/sign-in", work_number=AGENT, password=PASSWORD)[:2] == (303, "/")
    assert browser.send("/password", current=PASSWORD, new=NEW, again=NEW)[:2] == (303, "/password?changed=1")
    assert browser.open("GET", "/cases")[0] == 200
    assert served.api("GET", "/sessions", token)[0] == 401
    fresh = served.sign_in(NEW)
    assert fresh["must_change_password"] is False
    assert served.api("GET", "/sessions", str(fresh["token"]))[0] == 200


def test_a_command_under_ones_own_number_works_until_the_last_second_and_then_says_to_change_the_password(
    served: Served,
) -> None:
    edge = served.activated + timedelta(days=15)
    typed = f"{PASSWORD}\n"
    works = served.command_at(edge - timedelta(seconds=1), "whoami", "--as", AGENT, "--json", typed=typed)
    assert works.returncode == 0, works.stderr
    assert datetime.fromisoformat(json.loads(works.stdout)["password_ends_at"]) == edge
    refused = served.command_at(edge, "whoami", "--as", AGENT, typed=typed)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Change it" in refused.stderr
    assert "[password_expired]" in refused.stderr
    back = served.command_at(served.activated + timedelta(days=1), "whoami", "--as", AGENT, typed=typed)
    assert "[password_expired]" in back.stderr
