"""`datavault backup restore`: shown before it changes anything, confirmed by typing, taken up where it was killed."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from vault import bootstrap, words
from vault.cli.output import CANNOT, json_option, now, show_json, speaker
from vault.cli.progress import progress
from vault.config import Config, load_config
from vault.errors import SetupError, VaultError
from vault.services import backup_restore, log_gaps
from vault.services import log as log_service
from vault.services.backup import Judged
from vault.services.backup_restore import Outlook, Replayed, Site
from vault.services.log_gaps import GapReason


@click.command("restore")
@click.argument("src", required=False, type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="将现有数据库移到一旁(仅 SQLite) · set a database that is there aside")
@click.option("--accept-loss", is_flag=True, help="放弃已无密钥的在用记录 · give up living records whose key is gone")
@click.option("--cancel", is_flag=True, help="放弃尚未生效的恢复 · give up a restore that has applied nothing yet")
@click.option("--yes", is_flag=True, help="不再询问 · do not ask")
@json_option
def restore(src: Path | None, *, replace: bool, accept_loss: bool, cancel: bool, yes: bool, as_json: bool) -> None:
    """恢复备份 SRC · Restore a backup to where the settings say, and replay the ledger.

    先停止全部服务并阅读 ops/runbooks/restore.md;中断后以同一命令继续。Stop every service first and read
    ops/runbooks/restore.md; the same command goes on where it was interrupted.
    """
    config = load_config()
    say, site = speaker(config), bootstrap.restore_site(config)
    if cancel:
        if not backup_restore.give_up(site):
            raise SetupError("nothing_to_cancel")
        click.echo(say("Given up; what was there before is as it was."))
        return
    if src is None:
        raise click.UsageError("SRC?")
    folder = src.absolute()
    if site.phase is None and replace and site.place.is_taken() and not yes and not _confirmed(config):
        click.echo(say("Nothing was changed."), err=True)
        sys.exit(CANNOT)
    pin, keys = bootstrap.log_pin(config), bootstrap.log_keys(config)
    judged = backup_restore.begin(site, folder, pin, keys, replace=replace)
    told: dict[str, Any] = {"backup": judged.manifest.backup_id.hex(), "restored": True}
    if site.phase is not backup_restore.Phase.PLACING:
        try:
            told |= _go_through(config, site, judged, accept_loss=accept_loss, as_json=as_json)
        except VaultError:
            backup_restore.give_up(site)  # nothing, once something was applied: then the same command goes on
            raise
    aside = backup_restore.finish(site, folder, now())
    if as_json:
        show_json(told | {"set_aside": str(aside) if aside else None})
        return
    if aside is not None:
        click.echo(say("The database that was there is kept as {path}").format(path=aside))
    click.echo(say("Restored. Go through “by hand” in ops/runbooks/restore.md before you start the services."))


def _go_through(config: Config, site: Site, judged: Judged, *, accept_loss: bool, as_json: bool) -> dict[str, Any]:
    """Apply what happened since, say aloud what the log lacks, and sign."""
    say, actor = speaker(config), bootstrap.operator(config)
    with bootstrap.open_restored(config, site.place.url) as parts:
        elsewhere = () if config.checkpoint_copy_dir is None else (config.checkpoint_copy_dir / "checkpoint",)
        outlook = backup_restore.look(parts, judged.manifest, elsewhere)
        loss = log_gaps.examine(parts, actor, now()) if outlook.is_behind else None
        if not as_json:
            _show_outlook(config, judged, outlook, 0 if loss is None else loss.events)
        with progress(say("Replaying the ledger"), quiet=as_json) as told:
            restored = backup_restore.apply(parts, site, actor, judged, outlook, now(), told, accept_loss=accept_loss)
        if loss is not None:
            log_gaps.accept(parts, actor, loss, GapReason.RESTORED_BACKUP, now())
        parts.log_writer.close()
        size = log_service.settle(parts, now())
    if not as_json:
        show_replayed(config, restored.replayed)
    return {
        "log_size": size,
        "events_lost": 0 if loss is None else loss.events,
        "records_lost": {name.value: number for name, number in outlook.lost.items()},
        "replayed": asdict(restored.replayed),
        "ended": asdict(restored.live),
    }


def show_replayed(config: Config, replayed: Replayed) -> None:
    """Show what a replay applied.

    Args:
        config: the settings.
        replayed: what it was.
    """
    say = speaker(config)
    line = say(
        "Destroyed again: {destroyed}, decided by the rules: {decided}; holds brought back: {held}, released: "
        "{released}; cohorts whose key is gone: {cohorts}, records removed with them: {lost}; plans set back: {plans}"
    )
    click.echo(line.format(**{name: value for name, value in asdict(replayed).items() if name != "left"}))
    for one in replayed.left:
        left = say(
            "{number} had left: closed again; {cases} open cases wait for a supervisor, {records} records are pooled"
        )
        click.echo(left.format(number=one.work_number, cases=one.cases, records=one.records))
    if replayed.damaged:
        click.echo(say("{count} records do not fit their metadata and stay as they are").format(count=replayed.damaged))


def _show_outlook(config: Config, judged: Judged, outlook: Outlook, events: int) -> None:
    say = speaker(config)
    made_at = judged.manifest.made_at.isoformat(timespec="seconds")
    age = timedelta(seconds=round((now() - judged.manifest.made_at).total_seconds()))
    click.echo(
        say("Backup of {time}, {age} old; {events} signed events happened since").format(
            time=made_at, age=age, events=events
        )
    )
    for name, number in outlook.lost.items():
        what = words.name(config.language, "class", name.value)
        click.echo(
            say("Lost, because their keys are destroyed: {count} living records ({name})").format(
                count=number, name=what
            )
        )


def _confirmed(config: Config) -> bool:
    """Ask for a word: it is read and typed, not clicked away."""
    word = "replace"
    say = speaker(config)
    question = say("A database is there; it will be set aside. Type {word} to go on").format(word=word)
    try:
        return str(click.prompt(question, err=True)).strip() == word
    except click.Abort:  # there is nobody to ask
        return False
