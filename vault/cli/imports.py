"""Importing from files, with progress on a terminal and a report that names lines, columns and reasons only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vault import bootstrap
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.ids import RecordClass
from vault.services import intake
from vault.services.intake_staff import import_staff
from vault.services.steps.intake_report import ImportReport
from vault.words import reason

_LISTED = 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("import")
def import_group() -> None:
    """导入 CSV:顺序为员工、客户、运单、服务记录 · Import CSV: staff, customers, shipments, service-records."""


@import_group.command("staff")
@click.argument("file", type=_FILE)
@click.option("--mapping", type=_FILE, help="列映射文件 · mapping file")
@click.option("--dry-run", is_flag=True, help="只检查,不写入 · check only")
@json_option
def staff(file: Path, mapping: Path | None, *, dry_run: bool, as_json: bool) -> None:
    """导入员工账号(状态:已邀请) · Import accounts; they are invited."""
    config = load_config()
    with vault(config) as parts:
        report = import_staff(
            parts,
            bootstrap.operator(config),
            file,
            config.policies_dir / "mappings",
            now(),
            mapping_file=mapping,
            dry_run=dry_run,
        )
    _finish(config, report, dry_run=dry_run, as_json=as_json)


def _records(name: str, record_class: RecordClass, words: str) -> None:
    @import_group.command(name, help=words)
    @click.argument("file", type=_FILE)
    @click.option("--mapping", type=_FILE, help="列映射文件 · mapping file")
    @click.option("--dry-run", is_flag=True, help="只检查与比对,不写入 · check and compare only")
    @json_option
    def command(file: Path, mapping: Path | None, *, dry_run: bool, as_json: bool) -> None:
        """Import one file, or only check it, and print the report."""
        config = load_config()
        with vault(config) as parts, _progress(quiet=as_json) as progress:
            report = intake.import_records(
                parts,
                bootstrap.operator(config),
                record_class,
                file,
                config.policies_dir / "mappings",
                now(),
                mapping_file=mapping,
                dry_run=dry_run,
                progress=progress,
            )
        _finish(config, report, dry_run=dry_run, as_json=as_json)


_records("customers", RecordClass.CUSTOMER, "导入客户信息 · Import customers.")
_records("shipments", RecordClass.SHIPMENT, "导入物流信息 · Import shipments.")
_records("service-records", RecordClass.SERVICE_RECORD, "导入服务记录 · Import service records.")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[intake.Progress | None]:
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1, rows=0)

        def show(done: int, total: int, rows: int) -> None:
            """Move the bar to the bytes that are read, and say how many rows they were."""
            bar.update(task, completed=done, total=total, rows=rows)

        yield show


def _finish(config: Config, report: ImportReport, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show_json(asdict(report) | {"dry_run": dry_run, "clean": report.clean})
    else:
        _tell(config, report, dry_run=dry_run)
    if not report.clean:
        sys.exit(FOUND)


def _tell(config: Config, report: ImportReport, *, dry_run: bool) -> None:
    say = speaker(config)
    if dry_run:
        click.echo(say("Dry run: nothing was stored"))
    counts = say("{rows} rows: {added} new, {updated} changed, {unchanged} unchanged, {bad} bad")
    click.echo(counts.format_map(asdict(report)))
    for fault in report.faults[:_LISTED]:
        words = reason(config.language, fault.reason, {"column": fault.column, "field": fault.field})
        place = say("line {line}, column {column}") if fault.column else say("line {line}")
        where = place.format(line=fault.line, column=fault.column) if fault.line else say("file")
        click.echo(f"  {where}: {words} [{fault.reason}]")
    if report.bad > _LISTED:
        click.echo(say("  … and {more} more; --json lists them").format(more=report.bad - _LISTED))
    if report.conflicts:
        lines = ", ".join(map(str, report.conflicts[:_LISTED]))
        click.echo(say("Changed in the vault since their import, not overwritten: lines {lines}").format(lines=lines))
    for first, second, column in report.same_phones[:_LISTED]:
        click.echo(
            say("Warning: lines {first} and {second} have the same {column}").format(
                first=first, second=second, column=column
            )
        )
    if report.late:
        late = say("{late} entered later than 30 minutes after the service; --json lists the lines")
        click.echo(late.format(late=report.late))
    if report.missing_notice:
        missing = say("{count} customers without a recorded notice; --json lists the lines")
        click.echo(missing.format(count=report.missing_notice))
