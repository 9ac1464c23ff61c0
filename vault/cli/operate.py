"""Commands that set up, run and inspect a vault."""

from __future__ import annotations

import os
import signal
import socket
import subprocess  # nosec B404 - starts our own scheduler, with our own interpreter and a constant command line
import sys
import threading
from dataclasses import asdict

import click
import structlog

from vault import bootstrap, jobs
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.doctor import examine
from vault.errors import SetupError
from vault.storage import schema
from vault.web import logs
from vault.words import reason


@click.command()
def init() -> None:
    """创建保险库,只运行一次 · Create a vault; once."""
    config = load_config()
    say = speaker(config)
    secret = bootstrap.init(config, now())
    click.echo(say("The vault is ready in {folder}").format(folder=config.data_dir))
    click.echo(say("First administrator: {number}").format(number=bootstrap.FIRST_ADMIN))
    click.echo(say("One-time secret (shown once, 24 hours): {secret}").format(secret=secret))
    click.echo(say("Next: datavault serve, then activate the account at /activate"))


@click.command()
def serve() -> None:
    """启动网页服务;SQLite 时一并启动定时任务 · Start the web server (and the scheduler on SQLite)."""
    config = load_config()
    with bootstrap.open_vault(config):
        pass  # refuse to start for a reason that is told here, not in a worker's log
    run_server(config)


def run_server(config: Config) -> None:
    """Serve until stopped; on SQLite with the scheduler as a child process.

    Raises:
        SetupError: something else listens on the address already.
    """
    host, _, port = config.bind.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError:
            raise SetupError("address_in_use", setting="DATAVAULT_BIND") from None
    from vault.web import server  # noqa: PLC0415 - only this command needs the web stack

    child = None
    if config.database_url.startswith("sqlite"):
        command = [sys.executable, "-m", "vault", "scheduler", "--with-parent"]
        child = subprocess.Popen(command)  # noqa: S603  # nosec B603 - constant command line, no shell
    try:
        server.serve(config)
    finally:
        if child is not None:
            child.terminate()
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:  # a long job; each is safe to kill, and taken up again
                child.kill()


@click.command()
@click.option("--with-parent", is_flag=True, hidden=True, help="stop when the parent process is gone")
def scheduler(*, with_parent: bool) -> None:
    """运行定时任务 · Run the timetable."""
    config = load_config()
    logs.configure(config.node)
    parent = os.getppid()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with vault(config) as parts:
        timetable = jobs.Timetable(parts, _log_run)
        while not stop.wait(1.0):
            if with_parent and os.getppid() != parent:
                break
        timetable.shutdown()


def _log_run(ran: jobs.Ran) -> None:
    line = structlog.get_logger()
    if ran.outcome == "failed":
        line.error("job_failed", job=ran.job, reason=ran.reason)


@click.command("run-due")
@json_option
def run_due(*, as_json: bool) -> None:
    """立即执行所有到期任务 · Do at once everything that is due."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        ran = jobs.run_due(parts, now())
    if as_json:
        show_json([asdict(one) for one in ran])
    else:
        for one in ran:
            late = say("late, made up for") if one.late else ""
            if one.missed:
                late = say("late; {missed} runs before it were missed").format(missed=one.missed)
            why = reason(config.language, one.reason, {}) if one.reason else ""
            click.echo(" ".join(part for part in (f"{one.job}: {say(one.outcome)}", late, why) if part))
    if any(one.outcome == "failed" for one in ran):
        sys.exit(FOUND)


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """检查运行环境,每行附解决办法 · Check everything; each line ends with its fix."""
    config = load_config()
    say = speaker(config)
    checks = list(examine(config, now()))
    if as_json:
        show_json([asdict(one) for one in checks])
    else:
        for one in checks:
            fix = f" → {say(one.fix)}" if one.fix else ""
            click.echo(f"[{say(one.state)}] {say(one.what)}: {one.found}{fix}")
    if any(one.state == "bad" for one in checks):
        sys.exit(FOUND)


# -- database --------------------------------------------------------------------------------------------------


@click.group("db")
def db_group() -> None:
    """数据库结构 · Database schema."""


@db_group.command("upgrade")
def db_upgrade() -> None:
    """升级到本程序的结构版本 · Bring the schema up to this program."""
    config = load_config()
    bootstrap.restore_marker(config).refuse()
    schema.upgrade(config.migrator_url)
    click.echo(speaker(config)("The schema is at {version}").format(version=schema.head()))


@db_group.command("current")
@json_option
def db_current(*, as_json: bool) -> None:
    """显示结构版本 · Show the schema version."""
    config = load_config()
    here, wanted = schema.current(config.database_url), schema.head()
    if as_json:
        show_json({"current": here, "head": wanted})
    else:
        click.echo(f"{here or '-'} / {wanted}")
    if here != wanted:
        sys.exit(FOUND)
