"""The keys at the terminal: closing cohorts, replacing the root key and the signing key, orphans."""

from __future__ import annotations

import sys
from typing import Any

import click

from vault import bootstrap, words
from vault.cli.keys_signing import rotate_signing
from vault.cli.keys_status import status
from vault.cli.output import FOUND, json_option, now, show_json, speaker, vault
from vault.config import Config, load_config
from vault.domain.cohorts import Waits
from vault.services import cohorts, orphans
from vault.services import keys as keys_service
from vault.services.cohorts import Closing
from vault.services.orphans import Orphans

_WRONG = frozenset({Waits.DUE, Waits.UNREADABLE, Waits.ORPHANS, Waits.CLOCK})
"""What somebody must see to; the rest comes by itself."""


@click.group("keys")
def keys_group() -> None:
    """密钥 · Keys."""


keys_group.add_command(status)
keys_group.add_command(rotate_signing)


# -- closing cohorts -------------------------------------------------------------------------------------------------


@keys_group.command("close-cohorts")
@click.option("--dry-run", is_flag=True, help="只说明,不改动 · only tell what would close and what waits")
@json_option
def close_cohorts(*, dry_run: bool, as_json: bool) -> None:
    """销毁已到期且已清空的批次密钥 · Destroy the keys of cohorts that have ended and are empty."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        told = cohorts.outlook(parts, now()) if dry_run else cohorts.close(parts, bootstrap.operator(config), now())
    if as_json:
        show_json([_closing_document(one) for one in told])
    else:
        for one in told:
            click.echo(_closing_line(config, one))
        if not told:
            click.echo(say("No cohort has ended that still has a key"))
    if any(one.waits in _WRONG for one in told):
        sys.exit(FOUND)


def _closing_document(one: Closing) -> dict[str, Any]:
    return {
        "cohort": one.cohort.key_id.hex(),
        "class": one.cohort.record_class.value,
        "end_on": one.cohort.end_on,
        "state": one.state.value,
        "waits": "" if one.waits is None else one.waits.value,
        "records": one.records,
        "due": one.due,
        "moved": one.moved,
        "unreadable": one.unreadable,
    }


def _closing_line(config: Config, one: Closing) -> str:
    say, language = speaker(config), config.language
    line = (
        f"{words.name(language, 'class', one.cohort.record_class.value)} {one.cohort.end_on}:"
        f" {words.name(language, 'cohort_state', one.state.value)}"
    )
    if one.moved:
        line += ", " + say("{count} records moved to later cohorts").format(count=one.moved)
    if one.waits is not None:
        facts = {"due": one.due, "unreadable": one.unreadable}
        line += " — " + words.told(language, "cohort_waits", one.waits.value, facts)
    return line


# -- the root key ----------------------------------------------------------------------------------------------------


@keys_group.command("rotate-root")
@click.option("--dry-run", is_flag=True, help="只说明,不改动 · only tell what would be replaced")
@json_option
def rotate_root(*, dry_run: bool, as_json: bool) -> None:
    """更换根密钥与各副本的批期密钥;可随时中断后重来 · Replace root key and epoch secrets; safe to interrupt."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        if dry_run:
            copies = len(config.key_copies)
        else:
            copies = keys_service.rotate_root(parts, bootstrap.operator(config), now())
    if as_json:
        show_json({"root_key": str(config.root_key_file), "copies": copies, "dry_run": dry_run})
        return
    if dry_run:
        line = say("Would replace {path} and seal {count} copies anew")
    else:
        line = say("{path} is replaced, and {count} copies are sealed anew")
    click.echo(line.format(path=config.root_key_file, count=copies))
    if not dry_run:
        click.echo(say("Replace your own copies of the root key now: the old ones open nothing any more"))
        if config.root_key_provider == "passphrase":
            click.echo(say("Restart every process with the new passphrase: those that run hold the old one"))


# -- orphans ---------------------------------------------------------------------------------------------------------


@keys_group.command("orphans")
@json_option
def show_orphans(*, as_json: bool) -> None:
    """核对密钥与记录 · Compare keys and records: what has one and not the other."""
    config = load_config()
    say = speaker(config)
    with vault(config) as parts:
        told = orphans.compare(parts, now())
    if as_json:
        show_json(_orphans_document(told))
    else:
        for kind, count in _orphans_counts(told).items():
            click.echo(f"{words.name(config.language, 'orphans', kind)}: {count}")
        past = say("Cohorts past their last day that still have a key: {count}, the oldest of {day}")
        click.echo(past.format(count=told.past, day=told.oldest or "-"))
    if told.total:
        sys.exit(FOUND)


def _orphans_counts(told: Orphans) -> dict[str, int]:
    return told.found | {
        "cohorts_without_key": told.cohorts_without_key,
        "keys_without_cohort": told.keys_without_cohort,
    }


def _orphans_document(told: Orphans) -> dict[str, Any]:
    return _orphans_counts(told) | {"total": told.total, "cohorts_past": told.past, "oldest": told.oldest}
