"""``keys rotate-signing``: a new key for checkpoints, bundles and certificates, which old pins follow."""

from __future__ import annotations

from typing import Any

import click

from vault import bootstrap
from vault.cli.output import json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.services import keys_signing
from vault.services.keys_signing import Changed, SigningKey


@click.command("rotate-signing")
@click.option("--dry-run", is_flag=True, help="只说明,不改动(默认) · only tell what would be replaced (the default)")
@click.option("--yes", is_flag=True, help="更换;或完成中断的更换 · replace it, or end what was interrupted")
@json_option
def rotate_signing(*, dry_run: bool, yes: bool, as_json: bool) -> None:
    """更换签名密钥;旧公钥仍可校验 · Replace the signing key; old pins follow it. Safe to interrupt.

    不带 --yes 时只说明。Without --yes it only tells what would happen. See ops/runbooks/rotate-keys.md.
    """
    config = load_config()
    with vault(config) as parts:
        before = keys_signing.look(parts)
        done = None
        if yes and not dry_run:
            done = keys_signing.rotate(parts, bootstrap.operator(config), before.key, now())
    if as_json:
        show_json(_document(config, before, done))
    elif done is None:
        _tell(config, before)
    else:
        _tell_done(config, done)


def _document(config: Config, before: SigningKey, done: Changed | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rotated": done is not None,
        "key": before.key if done is None else done.new,
        "unfinished": before.is_begun and done is None,
        "pin": str(config.checkpoint_dir / "checkpoint.pin"),
        "statements": str(config.checkpoint_dir / "keys"),
    }
    if done is None:
        return told | {"key_id": before.key_id, "since": before.since.isoformat(), "size": before.size}
    old, new = done.ids
    return told | {"old_key": old, "new_key": new, "size": done.size, "at": done.at.isoformat()}


def _tell(config: Config, before: SigningKey) -> None:
    say = speaker(config)
    since = before.since.isoformat(timespec="seconds")
    line = say("Signing key {key}, in force since {time}, has signed {size} entries")
    click.echo(line.format(key=before.key_id, time=since, size=before.size))
    if before.is_begun:
        click.echo(say("Replacing the signing key was begun and not ended: keys rotate-signing --yes ends it"))
    else:
        line = say("Would replace it by a new key, announced by the old one, and erase the old one from {count} copies")
        click.echo(line.format(count=len(config.key_copies)))
    click.echo(say("Nothing was changed; --yes does it"))


def _tell_done(config: Config, done: Changed) -> None:
    say = speaker(config)
    old, new = done.ids
    line = say("Signing key {old} was replaced by {new} at {size} entries")
    click.echo(line.format(old=old, new=new, size=done.size))
    click.echo(say("New pin: {key}").format(key=done.new))
    line = say(
        "Give the new pin to every auditor, with the statement in {path}: an old pin still leads here, but a new one"
        " does not rest on the old key"
    )
    click.echo(line.format(path=config.checkpoint_dir / "keys"))
    click.echo(say("Delete copies of the key store that backup create --keys made before: they hold the old key"))
