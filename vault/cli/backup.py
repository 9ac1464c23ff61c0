"""Commands about backups: make them, read them back, name those that are over, and drill the day they are needed."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from vault import bootstrap, words
from vault.cli.backup_restore import restore, show_replayed
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.cli.progress import progress
from vault.config import Config, load_config
from vault.errors import SetupError, VaultError
from vault.services import backup, backup_drill
from vault.services.backup import Judged, Listed

_FOLDER = click.Path(path_type=Path)


@click.group("backup")
def backup_group() -> None:
    """备份与恢复 · Backup and restore."""


backup_group.add_command(restore)


@backup_group.command("create")
@click.argument("dest", type=_FOLDER)
@click.option(
    "--keys", "keys_dest", type=_FOLDER, metavar="KEYDEST",
    help="另将密钥库、世代密钥与账本复制到此新目录 · copy key store, epoch secret and ledger to this other new folder",
)  # fmt: skip
@json_option
def create(dest: Path, keys_dest: Path | None, *, as_json: bool) -> None:
    """在线备份到一个新目录 DEST,从不含密钥 · Back up to a new folder DEST while the vault works; never keys.

    备份请随后用 backup verify 校验。Read it back with backup verify afterwards.
    """
    config = load_config()
    say = speaker(config)
    if keys_dest is not None:
        warning = say(
            "WARNING: no destruction of keys reaches a copy of them outside the registered ones. Whoever holds it, the "
            "root key and a backup can read what was destroyed, and no certificate covers it. Keep it apart from "
            "backups, and delete it when the next one is made."
        )
        click.echo(warning, err=True)
    with vault(config) as parts, progress(say("Copying"), quiet=as_json) as told:
        sources = backup.Sources(bootstrap.backup_engine(config, parts.database), config.policies_dir)
        actor = bootstrap.operator(config)
        made = backup.create(parts, sources, actor, _absolute(dest), _absolute(keys_dest), now(), told)
    if as_json:
        show_json(
            {
                "backup": made.backup_id.hex(),
                "place": str(made.place),
                "log_size": made.log_size,
                "cohorts": made.cohorts,
                "bytes": made.size,
                "keys": str(made.keys_place) if made.keys_place else None,
            }
        )
        return
    line = say("Backup {id} in {path}: {megabytes} MiB, {events} events of the log, needs {cohorts} cohort keys")
    megabytes = (made.size + (1 << 20) - 1) >> 20
    click.echo(
        line.format(
            id=made.backup_id.hex(), path=made.place, megabytes=megabytes, events=made.log_size, cohorts=made.cohorts
        )
    )
    click.echo(say("Next: datavault backup verify {path}").format(path=made.place))


@backup_group.command("verify")
@click.argument("dest", type=_FOLDER)
@click.option("--key", metavar="PIN", help="固定公钥或其文件;默认用检查点目录中的 · pinned key, or its file")
@click.option("--deep", is_flag=True, help="另装入临时数据库核对 · load it into a scratch database too")
@json_option
def verify(dest: Path, key: str | None, *, deep: bool, as_json: bool) -> None:
    """读回并校验备份 · Read a backup back: hashes, signature, database, log, keys."""
    config = load_config()
    pin = _pin(key)
    try:
        with vault(config) as parts:
            engine = bootstrap.backup_engine(config, parts.database)
            judged = backup.verify(parts, engine, bootstrap.operator(config), _absolute(dest), pin, now(), deep=deep)
            with_keys = True
    except VaultError as error:
        if pin is None or error.reason in ("not_a_backup", "backup_of_other_engine"):
            raise
        # The vault is not there, or sealed: that is when a backup is needed.
        engine, keys = bootstrap.restore_site(config).engine, bootstrap.log_keys(config)
        judged, with_keys = backup.judge(_absolute(dest), engine, pin, keys, deep=deep), False
    _show_judged(config, judged, with_keys=with_keys, as_json=as_json)
    if judged.flaws:
        sys.exit(FOUND)


def _show_judged(config: Config, judged: Judged, *, with_keys: bool, as_json: bool) -> None:
    say, manifest = speaker(config), judged.manifest
    if as_json:
        show_json(
            {
                "holds": not judged.flaws,
                "backup": manifest.backup_id.hex(),
                "made_at": manifest.made_at.isoformat(),
                "log_size": manifest.log_size,
                "findings": [asdict(one) for one in judged.flaws],
                "keys_checked": with_keys,
                "cohorts": [
                    {"id": one.key_id.hex(), "class": one.record_class.value, "end_on": one.end_on.isoformat()}
                    for one in manifest.cohorts
                ],
            }
        )
        return
    line = say("Backup {id} of {time}: {events} events of the log, needs {cohorts} cohort keys")
    made_at = manifest.made_at.isoformat(timespec="seconds")
    count = len(manifest.cohorts)
    click.echo(line.format(id=manifest.backup_id.hex(), time=made_at, events=manifest.log_size, cohorts=count))
    if not with_keys:
        click.echo(say("The vault could not be opened: whether its keys open this backup was not checked."))
    for one in judged.flaws:
        told = words.reason(config.language, one.kind, {"name": one.name, "count": one.count})
        click.echo(f"  [{one.kind}] {told}")
    click.echo(say("DOES NOT HOLD") if judged.flaws else say("HOLDS"))


@backup_group.command("list")
@json_option
def list_backups(*, as_json: bool) -> None:
    """列出备份,指出到期须删除的 · List backups, and name those that must be deleted."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        found, zone = backup.listed(parts, now()), parts.policy.zone
    over = [one for one in found if one.is_over]
    if as_json:
        show_json([_told(one) for one in found])
    else:
        for one in found:
            at = one.backup.made_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
            states = (
                say("verified") if one.backup.verified_at else say("never verified"),
                "" if one.is_there else say("not seen at its place"),
                say("its time is over: delete it") if one.is_over else "",
            )
            told = ", ".join(filter(None, states))
            click.echo(f"{one.backup.backup_id.hex()} {at} {one.backup.place or '-'}: {told}")
        if not found:
            click.echo(say("No backup is known."))
    if over:
        sys.exit(FOUND)


def _told(one: Listed) -> dict[str, Any]:
    known = one.backup
    return {
        "backup": known.backup_id.hex(),
        "made_at": known.made_at.isoformat(),
        "verified_at": known.verified_at.isoformat() if known.verified_at else None,
        "log_size": known.log_size,
        "place": known.place,
        "there": one.is_there,
        "delete": one.is_over,
    }


@backup_group.command("drill")
@click.option("--from", "source", type=_FOLDER, metavar="SRC", help="用已有备份演练 · try a backup that is there")
@json_option
def drill(source: Path | None, *, as_json: bool) -> None:
    """演练:备份、在临时处恢复、核对、清除 · Drill: back up, restore beside the vault, try it, clean up."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts, bootstrap.drill_ground(config) as ground:
        sources = backup.Sources(bootstrap.backup_engine(config, parts.database), config.policies_dir)
        with progress(say("Drill"), quiet=as_json) as told:
            actor = bootstrap.operator(config)
            found = backup_drill.drill(parts, sources, ground, actor, _absolute(source), now(), told)
    steps = {name: round(seconds, 2) for name, seconds in found.steps.items()}
    if as_json:
        show_json(
            {
                "holds": not found.failures,
                "backup": found.backup_id.hex(),
                "seconds": round(found.seconds, 2),
                "steps": steps,
                "findings": [asdict(one) for one in found.flaws],
                "replayed": asdict(found.replayed),
                "records_lost": found.lost,
                "destroyed_tried": found.gone + found.undead,
                "destroyed_found_again": found.undead,
                "living_opened": found.opened,
                "living_not_opened": found.unopened,
            }
        )
    else:
        for name, seconds in steps.items():
            click.echo(f"  {seconds:8.2f} s  {words.name(config.language, 'drill', name)}")
        for one in found.flaws:
            told_words = words.reason(config.language, one.kind, {"name": one.name, "count": one.count})
            click.echo(f"  [{one.kind}] {told_words}")
        show_replayed(config, found.replayed)
        line = say(
            "{gone} destroyed records tried, {undead} found again; {opened} living ones opened, {closed} did not"
        )
        click.echo(
            line.format(gone=found.gone + found.undead, undead=found.undead, opened=found.opened, closed=found.unopened)
        )
        click.echo(say("DOES NOT HOLD") if found.failures else say("HOLDS"))
    if found.failures:
        sys.exit(FOUND)


def _absolute(path: Path | None) -> Any:  # noqa: ANN401 - a path for a path, None for None
    return None if path is None else Path(os.path.abspath(path))  # noqa: PTH100 - links are followed later, by name


def _pin(key: str | None) -> str | None:
    """Return the pinned key that an option names, itself or by its file."""
    if key is None or "+" in key:
        return key
    try:
        return Path(key).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError("pin_unreadable", path=key) from None
