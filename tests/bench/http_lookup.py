"""(a) A look-up over HTTP against the same endpoint on plaintext tables without a log."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import create_engine, text

from tests import postgres
from tests.bench import data, plain, vaults
from tests.bench.measure import Result, in_turn, median, ratio
from vault import bootstrap
from vault.config import ROOT, Config
from vault.domain.ids import RecordClass
from vault.services import intake
from vault.services import log as log_service
from vault.storage import people

_PORTS = {"vault": 18_321, "plain": 18_322, "bare": 18_323}
_BLOCKS = 10
_START_SECONDS = 20.0

Pairs = list[tuple[dict[str, float], dict[str, float]]]


def measure(bench: vaults.Bench, *, quick: bool) -> Iterator[Result]:
    """Yield throughput and p99 ratios by engine, connections and kind of look-up."""
    rounds, seconds = (3, 1.5) if quick else (7, 3.0)
    for engine in vaults.ENGINES:
        config, token = _filled(bench, engine)
        with _server("vault", config, bench), _server("plain", config, bench), _server("bare", config, bench):
            for continued in (False, True):
                for connections in (16, 32):
                    load = _Load(config, token, connections, seconds, continued=continued)
                    pairs = in_turn(rounds, partial(load.on, "vault"), partial(load.on, "plain"))
                    kind = "one case continued" if continued else "a case each time"
                    yield from _results(f"HTTP, {connections} connections, {kind}", engine, pairs)
            load = _Load(config, token, 32, seconds, continued=False)
            pairs = in_turn(rounds, partial(load.on, "vault"), partial(load.on, "bare"))
            yield next(_results("HTTP, 32 connections, against a bare Flask app", engine, pairs, has_goal=False))


def _results(what: str, engine: str, pairs: Pairs, *, has_goal: bool = True) -> Iterator[Result]:
    for name, label, unit, goal, at_least in (
        ("per_second", "throughput", "/s", 0.75, True),
        ("p99_ms", "p99", " ms", 2.0, False),
    ):
        ours, theirs = (median([pair[at][name] for pair in pairs]) for at in (0, 1))
        yield ratio(
            "a",
            f"{what}: {label}",
            engine,
            [(pair[0][name], pair[1][name]) for pair in pairs],
            goal=goal if has_goal else None,
            at_least=at_least,
            detail=f"{ours:,.0f}{unit} against {theirs:,.0f}{unit}",
        )


def _filled(bench: vaults.Bench, engine: str) -> tuple[Config, str]:
    """Return a vault that holds customers twice, sealed and in clear in one database, and a session's token."""
    config = bench.new_vault(engine)
    files = data.write_files(config.data_dir / "in", range(_BLOCKS))
    mappings = config.policies_dir / "mappings"
    owner = create_engine(config.migrator_url)
    plain.metadata.create_all(owner)
    if engine == vaults.POSTGRESQL:
        with owner.begin() as connection:
            for table in plain.metadata.tables:
                connection.execute(text(f"GRANT SELECT, INSERT ON {table} TO {postgres.APP}"))
    owner.dispose()
    with bootstrap.open_vault(config) as parts:
        intake.import_records(
            parts, bootstrap.operator(config), RecordClass.CUSTOMER, files["customers"], mappings, vaults.now()
        )
        with parts.database.read() as connection:
            owners = people.ids_by_work_number(connection)
        plain.import_records(
            parts.database, parts.policy, owners, RecordClass.CUSTOMER, files["customers"], mappings, vaults.now()
        )
        token = vaults.sign_in(parts).token
        log_service.settle(parts, vaults.now())
    vaults.settle_down(config)
    return config, token


@contextmanager
def _server(case: str, config: Config, bench: vaults.Bench) -> Iterator[None]:
    """Run a server of one kind on its own port."""
    folder = bench.new_folder(case)
    environ = {
        "PATH": os.environ["PATH"],
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(folder),
        "DATAVAULT_DATABASE_URL": config.database_url,
        "DATAVAULT_POLICIES_DIR": str(config.policies_dir),
        "DATAVAULT_ROOT_KEY_FILE": str(config.root_key_file),
        "DATAVAULT_KEY_COPIES": os.pathsep.join(str(one) for one in config.key_copies),
        "DATAVAULT_CHECKPOINT_DIR": str(config.checkpoint_dir),
        "DATAVAULT_BIND": f"127.0.0.1:{_PORTS[case]}",
        **{name: value for name, value in os.environ.items() if name in ("DATAVAULT_WORKERS", "DATAVAULT_THREADS")},
    }
    with (folder / "server.log").open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.served", case], cwd=ROOT, env=environ, stdout=lines, stderr=lines
        )
        try:
            _wait_for(_PORTS[case], folder / "server.log", process)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(port: int, lines: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/v1/lookups")
            connection.getresponse().read()
            connection.close()
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"the server did not start: {lines.read_text()[-2000:]}") from None
            time.sleep(0.05)
        else:
            return


class _Load:
    """One kind of load.

    Args:
        config: of the vault.
        token: of the session.
        connections: how many at once.
        seconds: of each round.
        continued: each connection opens one case and continues it with the same number.
    """

    def __init__(self, config: Config, token: str, connections: int, seconds: float, *, continued: bool) -> None:
        self._config = config
        self._token = token
        self._connections = connections
        self._seconds = seconds
        self._continued = continued
        self._phones = [phone for block in range(_BLOCKS) for phone in data.pool_phones(block)]

    def on(self, case: str, _round: int) -> dict[str, float]:
        """Load a server and return what was seen; the log is put in order afterwards, outside the measurement."""
        shares = [self._phones[at :: self._connections] for at in range(self._connections)]
        bodies = [self._bodies(case, share) for share in shares]
        job = {
            "port": _PORTS[case],
            "seconds": self._seconds,
            "warm_up": 0.4,
            "token": self._token,
            "bodies": bodies,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load"],
            cwd=ROOT,
            input=json.dumps(job).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        seen: dict[str, float] = json.loads(done.stdout)
        if seen["failed"]:
            raise RuntimeError(f"{seen['failed']} of {seen['answers']} answers failed")
        if case == "vault":
            with bootstrap.open_vault(self._config) as parts:
                log_service.settle(parts, vaults.now())
            vaults.settle_down(self._config)
        return seen

    def _bodies(self, case: str, phones: list[str]) -> list[str]:
        if not self._continued:
            return [json.dumps({"number": phone, "purpose": "query"}) for phone in phones]
        first = {"number": phones[0], "purpose": "query"}
        connection = http.client.HTTPConnection("127.0.0.1", _PORTS[case], timeout=10)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/lookups", json.dumps(first), headers)
        opened = json.loads(connection.getresponse().read())["case"]
        connection.close()
        return [json.dumps(first | {"case": opened})]
