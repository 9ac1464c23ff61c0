"""Exporting the access log to a file that appears only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from vault import bootstrap
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.log_exports import log_question
from vault.errors import SetupError
from vault.services import log_export
from vault.services.log_export import Export
from vault.words import event_names


@click.command("export")
@click.option("--from", "since", required=True, help="起,含;日期按公司时区,或 RFC 3339 · inclusive: a day, or RFC 3339")
@click.option("--to", "until", required=True, help="止,不含,可在将来 · exclusive; may lie in the future")
@click.option("--actor", "actors", multiple=True, help="只要此工号,可多次 · only this work number; repeatable")
@click.option("--action", "actions", multiple=True, help="只要此动作,可多次 · only this action; repeatable")
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--dry-run", is_flag=True, help="只统计,不导出 · count only")
@json_option
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def export(
    since: str,
    until: str,
    actors: tuple[str, ...],
    actions: tuple[str, ...],
    form: str,
    out: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """导出日志为一个可在别处校验的 ZIP · Export the log as one ZIP that can be checked anywhere."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        actor, moment = bootstrap.operator(config), now()
        question = log_question(since, until, parts.policy.zone, actors, actions, table=form == "csv")
        if dry_run:
            found = log_export.preview(parts, actor, question, moment)
            if as_json:
                show_json({**asdict(found), "dry_run": True})
            else:
                click.echo(say("Dry run: nothing was stored"))
                click.echo(say("{events} events would be exported").format(events=found.events))
            return
        with new_file(out) as file:
            names = event_names(config.language, parts.policy.roles)
            bundle = log_export.export(parts, actor, question, names, moment)
            for piece in _shown(bundle, quiet=as_json):
                file.write(piece)
    if as_json:
        show_json({"events": bundle.events, "file": str(out), "dry_run": False})
    else:
        click.echo(say("{events} events exported to {path}").format(events=bundle.events, path=out))


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for its owner only, and give it its name when all is written.

    Args:
        path: it must not be there yet.

    Yields:
        The file, to be written to.

    Raises:
        SetupError: ``file_exists`` or ``file_unwritable``.
    """
    part = path.with_name(f"{path.name}.part")
    if path.exists():
        raise SetupError("file_exists", path=str(path))
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError:
        raise SetupError("file_unwritable", path=str(path)) from None
    finally:
        part.unlink(missing_ok=True)


def _shown(bundle: Export, *, quiet: bool) -> Iterator[bytes]:
    """Yield the pieces of a bundle, with a bar on a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield from bundle.pieces
        return
    with Progress(BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=max(1, bundle.total))
        for piece in bundle.pieces:
            bar.update(task, completed=bundle.done)
            yield piece
