"""Commands about the access log: judge it, export it, sign it."""

from __future__ import annotations

import base64
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from vault import bootstrap
from vault.cli.log_export import export
from vault.cli.log_gaps import accept_gap, gap_told, gap_words
from vault.cli.log_proof import proof
from vault.cli.output import CANNOT, FOUND, json_option, now, show_json, speaker, vault
from vault.config import load_config
from vault.domain.log_checkpoints import Checkpoint
from vault.services import log as log_service
from vault.services.log import KeyChange
from vault.words import finding


@click.group("log")
def log_group() -> None:
    """访问日志 · The access log."""


log_group.add_command(accept_gap)
log_group.add_command(export)
log_group.add_command(proof)


@log_group.command("verify")
@click.argument("bundle", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--key", metavar="PIN", help="校验导出包用的固定公钥或其文件 · pinned key of a bundle, or its file")
@click.option("--since", metavar="CHECKPOINT", help="上次留存的检查点文件 · a checkpoint kept from an earlier bundle")
@click.option("--proof", "proof_file", metavar="PROOF", help="单条事件或声明的证明 · proof of one event or statement")
@click.option("--keys", metavar="STATEMENTS", help="自行留存的换钥声明 · key statements kept elsewhere")
@json_option
def verify(
    bundle: Path | None,
    key: str | None,
    since: str | None,
    proof_file: str | None,
    keys: str | None,
    *,
    as_json: bool,
) -> None:
    """校验本库日志,或一个导出包 · Judge this vault's log, or an exported bundle.

    不带参数时,以库外检查点与固定公钥为准。Without a bundle, by the checkpoint and the key kept outside the database.
    """
    if bundle is not None:
        options = {"--key": key, "--since": since, "--proof": proof_file, "--keys": keys}
        given = [word for name, value in options.items() if value for word in (name, value)]
        sys.exit(log_service.verify_bundle([str(bundle), *given]))
    if key or since or proof_file or keys:
        raise click.UsageError("--key, --since, --proof, --keys: BUNDLE?")
    _verify_vault(as_json=as_json)


def _verify_vault(*, as_json: bool) -> None:
    config = load_config()
    say = speaker(config)
    with bootstrap.open_vault(config, to_inspect=True) as parts:
        verdict = log_service.verify(parts, with_terms=True)
        log_service.record_verification(parts, bootstrap.operator(config), verdict, now())
        if verdict is not None and verdict.holds:
            log_service.settle(parts, now())  # a log that does not hold is not signed again
    if verdict is None:
        click.echo(say("No checkpoint or no pinned key in {folder}").format(folder=config.checkpoint_dir), err=True)
        click.echo(say("CANNOT JUDGE"))
        sys.exit(CANNOT)
    report = verdict.report
    if as_json:
        show_json(
            {
                "holds": verdict.holds,
                "size": report.size,
                "checked_size": report.checked_size,
                "unsigned_tail": report.unsigned_tail,
                "tail_since": verdict.tail_since,
                "waiting": verdict.waiting,
                "first_bad_entry": report.first_bad_index,
                "findings": [asdict(one) for one in report.findings],
                "gaps": [gap_told(one) for one in report.gaps],
                "keys": [_key_told(one) for one in report.keys],
                "checkpoint": str(verdict.checkpoint),
                "pin": str(verdict.pin),
            }
        )
    else:
        click.echo(say("Checkpoint: {path}").format(path=verdict.checkpoint))
        click.echo(say("Pinned key: {path}").format(path=verdict.pin))
        counts = say("{size} events, {checked} covered by a checkpoint, {tail} after it, {waiting} waiting for a place")
        click.echo(
            counts.format(
                size=report.size, checked=report.checked_size, tail=report.unsigned_tail, waiting=verdict.waiting
            )
        )
        if verdict.tail_since:
            click.echo(say("The oldest event after the checkpoint is of {time}").format(time=verdict.tail_since))
        for gap in report.gaps:
            click.echo(say("Declared gap: {words}").format(words=gap_words(config, gap)))
        for change in report.keys:
            told = _key_told(change)
            line = say("Signing key {old} was replaced by {new} at {size} entries")
            click.echo(line.format(old=told["old"], new=told["new"], size=change.size))
        for one in report.findings:
            click.echo(f"  [{one.kind}] {finding(config.language, one.kind, one.index)} ({one.words})")
        if report.first_bad_index is not None:
            click.echo(say("First bad entry: {index}").format(index=report.first_bad_index))
        click.echo(say("HOLDS") if verdict.holds else say("DOES NOT HOLD"))
    if not verdict.holds:
        sys.exit(FOUND)


def _key_told(change: KeyChange) -> dict[str, Any]:
    old, new = change.ids
    return {"old": old, "new": new, "size": change.size, "at": change.at}


@log_group.command("checkpoint")
@json_option
def checkpoint(*, as_json: bool) -> None:
    """整理并签署当前检查点 · Put the log in order and sign a checkpoint now."""
    config = load_config()
    with vault(config) as parts:
        log_service.settle(parts, now())
        note = parts.log_files.checkpoint.read_text(encoding="utf-8")
        pin = parts.log_files.pin.read_text(encoding="ascii").strip()
        keys = parts.log_files.keys()
    if not as_json:
        click.echo(note)
        return
    signed = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    root = base64.b64encode(signed.root).decode()
    show_json({"origin": signed.origin, "size": signed.size, "root": root, "key": pin, "note": note, "keys": keys})
