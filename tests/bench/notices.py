"""(j) Notices to customers against a bare loop of sends to the same mail server, and how much memory many take."""

from __future__ import annotations

import dataclasses
import json
import os
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import select

from tests.bench import vaults
from tests.bench.measure import Result, in_turn, median, ratio, seconds
from tests.breach import TEXTS
from tests.simulator import customer_row, write_file
from vault import bootstrap
from vault.config import ROOT, Config, load_config
from vault.domain.breach.breach_notices import Channel
from vault.domain.breach.incidents import AwareSource, IncidentKind
from vault.domain.breach.radius import Affected, RadiusCounts, digest_of
from vault.domain.ids import RecordClass, Role, new_id
from vault.domain.people import Person
from vault.services import intake
from vault.services.breach import breach_notices, incidents, notice_sending
from vault.services.breach.breach_notices import Wish
from vault.services.steps.breach.incidents import Opening
from vault.services.steps.parts import Parts
from vault.storage import people
from vault.storage.breach import radius
from vault.storage.breach.radius import FrozenRadius
from vault.storage.mail import Mailer
from vault.storage.tables import records
from vault.storage.unit_of_work import unit_of_work

_SENDER = "vault@example.com"
_OFFICERS = ("KF2012", "KF2013")
_SIZES = {"quick": (100, 2_000), "": (500, 10_000), "big": (1_000, 100_000)}
_ROUNDS, _GOAL, _MOST_GROWTH = 7, 0.5, 1.2


def measure(bench: vaults.Bench, *, quick: bool, big: bool = False) -> Iterator[Result]:
    """Yield the ratio of the rates on both engines, and of the peaks of memory on SQLite."""
    few, many = _SIZES["quick" if quick else "big" if big else ""]
    with _mail_server() as port:
        for engine in vaults.ENGINES:
            config = bench.new_vault(engine)
            _fill(config, few)
            vaults.settle_down(config)
            with bootstrap.open_vault(config) as parts:
                yield _against_a_loop(engine, dataclasses.replace(parts, mailer=_mailer(port)), few, port)
        peaks = []
        for count in (few, many):
            config = bench.new_vault(vaults.SQLITE)
            _fill(config, count)
            peaks.append(_alone(config, port))
        value = peaks[1] / peaks[0]
        yield Result(
            "j", f"peak memory of telling {many:,} customers against {few:,}", vaults.SQLITE, value, value, value, 1,
            goal=_MOST_GROWTH, detail=f"{peaks[1]:.0f} MB against {peaks[0]:.0f} MB",
        )  # fmt: skip


def _against_a_loop(engine: str, parts: Parts, count: int, port: int) -> Result:
    body = _body()

    def ours(_: int) -> float:
        incident_id = _released(parts)
        took = seconds(lambda: notice_sending.run(parts, _officer(parts, 0), incident_id, vaults.now()))
        left = breach_notices.standing(parts, _officer(parts, 0), incident_id, vaults.now()).outstanding
        if left:
            raise AssertionError(left)
        return 1 / took

    def bare(_: int) -> float:
        def loop() -> None:
            with smtplib.SMTP("127.0.0.1", port, "example.com") as server:
                for number in range(count):
                    letter = EmailMessage()
                    letter["From"], letter["To"] = _SENDER, f"c{number:06d}@example.com"
                    letter["Subject"] = "关于您个人信息的安全事件告知"
                    letter.set_content(body)
                    server.send_message(letter)

        return 1 / seconds(loop)

    pairs = in_turn(_ROUNDS, ours, bare)
    mine, theirs = (median([pair[at] for pair in pairs]) * count for at in (0, 1))
    return ratio(
        "j", f"{count:,} notices a second against a bare loop of sends", engine, pairs, goal=_GOAL, at_least=True,
        detail=f"{mine:.0f}/s against {theirs:.0f}/s",
    )  # fmt: skip


def _body() -> str:
    return "".join(f"{text}\n" * 6 for texts in TEXTS.values() for text in texts.values())


def _fill(config: Config, count: int) -> None:
    """Import customers, each with an e-mail address."""
    rows = (customer_row(email=f"c{number:06d}@example.com") for number in range(count))
    path = write_file(config.data_dir / "customers.csv", "customer", rows)
    with bootstrap.open_vault(config) as parts:
        report = intake.import_records(
            parts,
            bootstrap.operator(config),
            RecordClass.CUSTOMER,
            path,
            config.policies_dir / "mappings",
            vaults.now(),
        )
        if report.added != count:
            raise AssertionError(report)


def _released(parts: Parts) -> bytes:
    """Open an incident, freeze a radius around every customer, and release notices; returns the incident."""
    now, first, second = vaults.now(), _officer(parts, 0), _officer(parts, 1)
    incident_id = incidents.open_one(parts, first, Opening(IncidentKind.LEAK, AwareSource.REPORT), now)
    with parts.database.read() as connection:
        query = select(records.c.record_id).where(records.c.record_class == RecordClass.CUSTOMER.value)
        ids = sorted(connection.execute(query).scalars())
    lines = [Affected(one, RecordClass.CUSTOMER, ("customer.name",), (), now, now, destroyed=False) for one in ids]
    counts = RadiusCounts(len(ids), len(ids), len(ids), len(ids), 0, 0, ())
    radius_id = new_id()
    radius.add_lines(parts.database, radius_id, lines)
    with unit_of_work(parts.database) as work:
        scope, root = {"everything": True}, bytes(32)
        drawn = FrozenRadius(
            radius_id, incident_id, scope, now, first.work_number, 1, root, counts, digest_of(lines)
        )  # fmt: skip
        radius.add(work.connection, drawn)
        work.commit()
    wish = Wish(radius_id, "standard-1", [Channel.MAIL], TEXTS)
    campaign_id = breach_notices.prepare(parts, first, incident_id, wish, vaults.now())
    told = breach_notices.standing(parts, second, incident_id, vaults.now()).campaigns[0]
    digest = told.campaign.digest.hex()
    breach_notices.release(parts, second, incident_id, campaign_id, digest, vaults.now())
    return incident_id


def _officer(parts: Parts, which: int) -> Person:
    with parts.database.read() as connection:
        account = people.by_work_number(connection, _OFFICERS[which])
    if account is None or account.role is not Role.IMD:
        raise AssertionError(_OFFICERS[which])
    now = vaults.now()
    return Person(
        account.account_id, account.work_number, account.role, account.outlet, account.team, now, new_id(),
        "127.0.0.1", "bench", proved_at=now,
    )  # fmt: skip


def _mailer(port: int) -> Mailer:
    return Mailer(f"smtp://127.0.0.1:{port}", _SENDER)


@contextmanager
def _mail_server() -> Iterator[int]:
    """Run a mail server in another process."""
    command = [sys.executable, "-m", "tests.bench.sink"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.communicate(timeout=30)


def _alone(config: Config, port: int) -> float:
    """Return the peak memory of a process that does nothing but send."""
    with bootstrap.open_vault(config) as parts:
        incident_id = _released(parts)
    settings = {
        "DATAVAULT_ENV": "test",
        "DATAVAULT_DATA_DIR": str(config.data_dir),
        "DATAVAULT_POLICIES_DIR": str(config.policies_dir),
    }
    command = [sys.executable, "-m", "tests.bench.notices", incident_id.hex(), str(port)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | settings, check=True, capture_output=True, text=True
    )  # fmt: skip
    return float(json.loads(done.stdout.splitlines()[-1])["peak_mb"])


def _main(incident_id: bytes, port: int) -> None:
    """Send what was released, and print the peak memory of this process."""
    with bootstrap.open_vault(load_config()) as opened:
        parts = dataclasses.replace(opened, mailer=_mailer(port))
        notice_sending.run(parts, _officer(parts, 0), incident_id, vaults.now())
    # Not ru_maxrss: a process inherits the peak of the one that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(json.dumps({"peak_mb": int(status["VmHWM"].split()[0]) / 1024}))  # noqa: T201 - its output is this line


if __name__ == "__main__":
    _main(bytes.fromhex(sys.argv[1]), int(sys.argv[2]))
