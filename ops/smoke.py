#!/usr/bin/env python3
"""The demo walk, unattended: real processes on a throw-away vault; ends by itself (``make smoke``).

Every step is a promise of the README. The first that does not hold ends the walk with exit code 1 and its name; the
throw-away vault and every process are gone afterwards, whatever happened.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pyotp

from vault.cli.demo import numbers_to_try

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"
AGENT, SUPERVISOR = "KF2001", "KF2009"
PASSWORD = "smoke-test-only-Password"  # noqa: S105 - of an account that lives for seconds
PURPOSE = "query"
LONGEST_SECONDS = 120  # against hanging; on an idle machine with two cores it takes 10 to 15
ANSWER_SECONDS = 10
START_SECONDS = 15


class Failed(Exception):
    """A step did not hold; the message says which expectation."""


def expect(holds: object, words: str) -> None:
    """Stop the walk when an expectation does not hold."""
    if not holds:
        raise Failed(words)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Vault:
    """A throw-away vault: its folder, its settings and its commands.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "server.log"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DATAVAULT_")}
        self.settings = kept | {
            "DATAVAULT_DATA_DIR": str(self.data),
            "DATAVAULT_BIND": f"127.0.0.1:{self.port}",
            "DATAVAULT_ENV": "test",
            "DATAVAULT_LANG": "en",
        }

    def run(self, *arguments: str, code: int = 0, **settings: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-P", "-m", "vault", *arguments],
            env=self.settings | settings,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        expect(done.returncode == code, f"datavault {' '.join(arguments[:2])} ended with {done.returncode}, not {code}")
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve as ``datavault serve`` does, until the block ends."""
        with self.log.open("wb") as log:
            server = subprocess.Popen([sys.executable, "-P", "-m", "vault", "serve"], env=self.settings, stderr=log)
            try:
                self._wait_until_ready(server)
                yield
                server.terminate()
                server.wait(ANSWER_SECONDS)
            finally:
                if server.poll() is None:
                    server.kill()
                    server.wait()

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            try:
                if self.ask("GET", "/readyz")[0] == HTTPStatus.OK:
                    return
            except OSError:
                time.sleep(0.05)
        raise Failed("the server did not become ready")

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str, str]:
        """Send one request; return status, body, and the cookie that came with it."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body.encode() or None, named)
            answer = connection.getresponse()
            cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
            return answer.status, answer.read().decode(), cookie

    def call(self, path: str, token: str = "", **body: object) -> tuple[int, Any]:
        """Call the API; return status and document."""
        headers = {"Content_Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        status, text, _ = self.ask("POST", f"/api/v1{path}", json.dumps(body), **headers)
        return status, json.loads(text)


def walk(vault: Vault) -> None:
    """Walk the demo's steps in order."""
    with step("init makes keys, database and the first checkpoint"):
        vault.run("init")
    with step("staff, customers, shipments and service records are imported"):
        for kind in ("staff", "customers", "shipments", "service-records"):
            report = json.loads(vault.run("import", kind, str(DATA / f"{kind.replace('-', '_')}.csv"), "--json"))
            expect(report["added"], f"no {kind} were imported")
    with step("two accounts are invited"):
        secrets = {
            number: json.loads(vault.run("user", "invite", number, "--json"))["secret"]
            for number in (AGENT, SUPERVISOR)
        }
    with vault.serving():
        with step("their owners choose a password"):
            for number, secret in secrets.items():
                activate(vault, number, secret)
        with step("a wrong password is refused"):
            status, _ = vault.call("/sessions", work_number=AGENT, password=PASSWORD + "x")
            expect(status == HTTPStatus.UNAUTHORIZED, f"status {status}")
        with step("the right one signs in"):
            status, session = vault.call("/sessions", work_number=AGENT, password=PASSWORD)
            expect(status == HTTPStatus.CREATED, f"status {status}")
        use(vault, session["token"])
        with step("a supervisor sets up a second factor first, and signs in with its code from then on"):
            second_factor(vault)
        with step("no number stands in clear in data or logs of the running server"):
            expect(not findings(vault), "a file holds a number in clear")
    with step("nor after it stopped"):
        expect(not findings(vault), "a file holds a number in clear")
    with step("an emergency drill begins, with customers who do not exist and clocks that run"):
        drill = json.loads(vault.run("incident", "drill", "begin", "--json"))
        expect((drill["customers"], drill["state"]) == (12, "reported"), "it is another drill")
        draft = json.loads(vault.run("incident", "report", drill["incident"], "--json"))["report"]
        expect({one["state"] for one in draft["clocks"]} == {"running"}, "a clock does not run")
    with step("the log holds"):
        expect(vault.run("log", "verify").splitlines()[-1] == "HOLDS", "another verdict")
    with step("with one byte of an event changed it does not, and the event is named"):
        changed_log_is_noticed(vault)


def activate(vault: Vault, number: str, secret: str) -> None:
    """Fill in the form that a person fills in."""
    _, page, cookie = vault.ask("GET", "/activate")
    form = re.search(r'name="csrf_token" value="([\w.-]+)"', page)
    if form is None:
        raise Failed("no form at /activate")
    fields = f"csrf_token={form[1]}&work_number={number}&secret={secret}&password={PASSWORD}&again={PASSWORD}"
    kind = "application/x-www-form-urlencoded"
    status, _, _ = vault.ask("POST", "/activate", fields, Content_Type=kind, Cookie=cookie)
    expect(status == HTTPStatus.SEE_OTHER, f"status {status}")


def second_factor(vault: Vault) -> None:
    """Set up a supervisor's second factor and sign in with it."""
    known = {"work_number": SUPERVISOR, "password": PASSWORD}
    status, session = vault.call("/sessions", **known)
    expect(status == HTTPStatus.CREATED and session["must"] == "enrol", f"status {status}, or not asked for")
    status, _ = vault.call("/lookups", session["token"], number=number_of_nobody(), purpose=PURPOSE)
    expect(status == HTTPStatus.FORBIDDEN, f"status {status} before it is set up")
    status, made = vault.call("/second-factor/secret", session["token"])
    expect(status == HTTPStatus.CREATED, f"status {status}")
    app = pyotp.TOTP(made["secret"])
    before = app.at(int(time.time()) - 30)  # the code before the present one, which is then free for the sign-in
    status, kept = vault.call("/second-factor/first-code", session["token"], code=before)
    expect(status == HTTPStatus.OK and kept["recovery_codes"], f"status {status}")
    status, session = vault.call("/sessions", **known)
    expect(status == HTTPStatus.CREATED and session["must"] == "code", f"status {status}, or no code is asked for")
    status, session = vault.call("/second-factor", session["token"], code=app.now())
    expect(status == HTTPStatus.OK and session["must"] is None, f"status {status}")
    status, _ = vault.call("/sessions", **known, code=app.now())
    expect(status == HTTPStatus.UNAUTHORIZED, "a code was taken twice")


def use(vault: Vault, token: str) -> None:
    """Look up, reveal and be refused, as an agent."""
    numbers = numbers_to_try()
    with step("a waybill is found"):
        status, answer = vault.call("/lookups", token, number=numbers.waybill, purpose=PURPOSE)
        expect(status == HTTPStatus.OK and answer["records"], f"status {status}")
    with step("a phone is found, and its customer shown masked"):
        status, answer = vault.call("/lookups", token, number=numbers.phone, purpose=PURPOSE)
        expect(status == HTTPStatus.OK, f"status {status}")
        expect(numbers.phone not in json.dumps(answer), "the answer holds the whole phone number")
    record = next(one["id"] for one in answer["records"] if one["class"] == "customer")
    place = f"/cases/{answer['case']}/records/{record}"
    with step("nothing is revealed before the caller has proved who they are"):
        status, _ = vault.call(f"{place}/reveals", token, field="phone")
        expect(status == HTTPStatus.FORBIDDEN, f"status {status}")
        customer = customer_with(numbers.phone)
        for question, told in (("name", customer["姓名"]), ("id_last4", customer["证件号码"][-4:])):
            status, checked = vault.call(f"{place}/caller-checks", token, question=question, answer=told)
            expect(status == HTTPStatus.OK and checked["match"], f"status {status}")
        expect(checked["verified"], "two right answers are not enough")
    with step("the phone is revealed for a purpose"):
        status, shown = vault.call(f"{place}/reveals", token, field="phone")
        expect(status == HTTPStatus.OK and shown["value"] == numbers.phone, f"status {status}")
    with step("a colleague's customer and a number nobody has look the same"):
        refused = vault.call("/lookups", token, number=numbers.refused, purpose=PURPOSE)
        missing = vault.call("/lookups", token, number=number_of_nobody(), purpose=PURPOSE)
        for _, problem in (refused, missing):
            problem.pop("case")
        expect(refused == missing and refused[0] == HTTPStatus.NOT_FOUND, f"statuses {refused[0]} and {missing[0]}")


def number_of_nobody() -> str:
    """Return a valid mobile number that is not in the set."""
    used = set(column("customers.csv", "手机号"))
    return next(number for last in range(10_000) if (number := f"1391234{last:04}") not in used)


def customer_with(phone: str) -> dict[str, str]:
    """Return the customer of the set who has a phone."""
    with (DATA / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        return next(row for row in csv.DictReader(file) if row["手机号"] == phone)


def column(name: str, header: str) -> list[str]:
    """Return one column of a file of the set."""
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return [row[header] for row in csv.DictReader(file)]


def findings(vault: Vault) -> int:
    """Count the numbers of the set that stand in clear in a file of the vault or in the server's log."""
    numbers = {
        *column("customers.csv", "手机号"),
        *column("customers.csv", "证件号码"),
        *column("shipments.csv", "运单号"),
    }
    needle = re.compile(b"|".join(re.escape(number.encode()) for number in sorted(numbers) if number))
    files = [path for path in vault.data.rglob("*") if path.is_file()]
    expect(vault.data / "db" / "vault.sqlite3" in files, "no database to search")
    return sum(len(needle.findall(path.read_bytes())) for path in (*files, vault.log))


def changed_log_is_noticed(vault: Vault) -> None:
    """Change one byte of one event in a copy of the database and let the log be judged."""
    copy = vault.data.parent / "changed.sqlite3"
    shutil.copyfile(vault.data / "db" / "vault.sqlite3", copy)
    with closing(sqlite3.connect(copy)) as database:
        index, event = database.execute("SELECT leaf_index, canonical FROM log_events WHERE leaf_index = 3").fetchone()
        middle = len(event) // 2
        changed = event[:middle] + bytes([event[middle] ^ 1]) + event[middle + 1 :]
        database.execute("UPDATE log_events SET canonical = ? WHERE leaf_index = ?", (changed, index))
        database.commit()
    words = vault.run("log", "verify", "--json", code=1, DATAVAULT_DATABASE_URL=f"sqlite:///{copy}")
    expect(json.loads(words)["first_bad_entry"] == index, "another entry was named")


_steps: list[float] = []


@contextmanager
def step(words: str) -> Iterator[None]:
    """Time one step and say how it went."""
    started = time.monotonic()
    try:
        yield
    except Exception:
        say(f"  FAIL  {time.monotonic() - started:5.1f} s  {words}")
        raise
    _steps.append(time.monotonic() - started)
    say(f"  ok    {_steps[-1]:5.1f} s  {words}")


def main() -> int:
    """Walk once; return the exit code."""
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(LONGEST_SECONDS)
    started = time.monotonic()
    say("Customer data vault: the demo walk on a throw-away vault")
    folder = Path(tempfile.mkdtemp(prefix="dv-smoke-"))
    try:
        walk(Vault(folder))
    except (Failed, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        say(f"FAILED after {time.monotonic() - started:.1f} s: {error}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"all {len(_steps)} steps hold, {time.monotonic() - started:.1f} s")
    return 0


def _stop(*_: object) -> None:
    raise Failed(f"interrupted, or longer than {LONGEST_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
